"""One name, several form fields: which places make one flag, and how the others are told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import groupby

from ...languages.source import Source
from ...languages.values import same
from ...model import Flag


@dataclass(frozen=True)
class Place:
    """A form field, and the start of the logical line of ``source`` that it stands on."""

    flag: Flag
    source: Source
    line: int
    warnings: list[str] = field(default_factory=list)


def merged(places: list[Place]) -> tuple[list[Flag], list[str]]:
    """The flags of ``places``, in their order, and the warnings about them.

    Places of one name are one flag where they agree or stand in branches of one ``if``.
    Otherwise there is one flag that sets all of them and one for each: ``name@title``, by the
    title of its cell, or ``name@N`` by order where titles do not tell them apart.
    """
    by_name: dict[str, list[Place]] = {}
    for place in places:
        by_name.setdefault(place.flag.name, []).append(place)
    flags: list[Flag] = []
    warnings: list[str] = []
    for name, same_name in by_name.items():
        first = same_name[0].flag
        for place in same_name:
            where = f"flag {place.flag.label}: "
            warnings += [w for w in (where + w for w in place.warnings) if w not in warnings]
        if len(same_name) == 1:
            flags.append(first)
            continue
        sites = tuple(site for place in same_name for site in place.flag.sites)
        mixed = not all(_same_default(first, place.flag) for place in same_name)
        flags.append(replace(first, sites=sites, mixed=mixed))
        if _agree(same_name) or _are_branches(same_name):
            warnings.append(f"flag {name} is declared {_times(same_name)}: it sets all of them")
            continue
        own = _own_flags(same_name)
        flags += own
        warnings.append(
            f"flag {name} is declared {_times(same_name)}, each differently: it sets all of "
            f"them; {', '.join(flag.name for flag in own)} set one each"
        )
    return flags, warnings


def _times(places: list[Place]) -> str:
    cells = [str(cell) for cell, _ in groupby(place.flag.sites[0].cell for place in places)]
    return f"{len(places)} times (cell {', '.join(cells)})"


def _same_default(a: Flag, b: Flag) -> bool:
    if a.computed or b.computed:
        return a.computed and b.computed and a.default_source == b.default_source
    return same(a.default, b.default)


def _agree(places: list[Place]) -> bool:
    first = places[0].flag
    return all(
        _same_default(first, flag)
        and (first.type, first.kind, first.min, first.max, first.step, first.allow_other)
        == (flag.type, flag.kind, flag.min, flag.max, flag.step, flag.allow_other)
        and same(first.choices, flag.choices)
        for flag in (place.flag for place in places[1:])
    )


def _are_branches(places: list[Place]) -> bool:
    """Whether any two places stand in different branches of one statement of one cell."""
    if len({place.flag.sites[0].cell for place in places}) != 1:
        return False
    branches = [place.source.branches[place.line] for place in places]
    return all(
        any(a[start] != b[start] for start in a.keys() & b.keys())
        for index, a in enumerate(branches)
        for b in branches[index + 1 :]
    )


def _own_flags(places: list[Place]) -> list[Flag]:
    titles = [re.sub(r"\W+", "-", place.flag.group).strip("-").lower() for place in places]
    return [
        replace(
            place.flag,
            name=f"{place.flag.name}@"
            + (title if title and titles.count(title) == 1 else str(order)),
        )
        for order, (place, title) in enumerate(zip(places, titles), 1)
    ]
