"""Values into the source: every edit is a span of the cell's own text, all are made at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..document.reader import Notebook
from ..errors import FlagError
from . import guild_values
from .discover import Discovered
from .model import Flag, Site
from .source_text import source_text


@dataclass(frozen=True)
class Assignment:
    """What a run assigns to a flag: ``value`` is what the cell must hold, Code for a raw field,
    and ``text`` the source text for it in the flag's language."""

    flag: Flag
    value: Any
    text: str


class Edit(NamedTuple):
    """Replace ``start`` to ``end`` of a cell by ``text``, for the flag called ``name``."""

    start: int
    end: int
    text: str
    name: str


def assignments(discovered: Discovered, values: Mapping[str, Any]) -> list[Assignment]:
    """What a run with ``values``, by flag and as Guild holds them, assigns; names that the notebook
    does not hold are ignored. Raises FlagError as ``check_patterns`` and ``assignment`` do."""
    check_patterns(discovered)
    flags = discovered.flags
    found = [assignment(flags[name], values[name]) for name in flags if name in values]
    return [assigned for assigned in found if assigned]


def check_patterns(discovered: Discovered) -> None:
    """Raise FlagError for an ``nb-replace`` pattern that cannot be used."""
    for error in discovered.errors.values():
        raise FlagError(error)


def assignment(flag: Flag, value: Any) -> Assignment | None:
    """What one value, as Guild holds it, assigns to ``flag``; None where it leaves the source as it
    is. Raises FlagError for a value that the flag, or its language, does not take."""
    if guild_values.is_unchanged(flag, value):
        return None
    converted = guild_values.notebook_value(flag, value)
    return Assignment(flag, converted, source_text(flag, converted))


def edited_sources(notebook: Notebook, assigned: Iterable[Assignment]) -> dict[int, str]:
    """The new sources, by cell index, of the cells that change. Raises FlagError where two flags
    would change the same text."""
    by_name = {assignment.flag.name: assignment for assignment in assigned}
    edits: dict[int, list[Edit]] = defaultdict(list)
    for name, assignment in by_name.items():
        for site in _own_sites(assignment.flag, by_name):
            edits[site.cell].append(Edit(site.start, site.end, assignment.text, name))
    sources = {cell.index: cell.source for cell in notebook.cells}
    new = {
        cell: _replaced(notebook.labels[cell], sources[cell], cell_edits)
        for cell, cell_edits in edits.items()
    }
    return {cell: source for cell, source in new.items() if source != sources[cell]}


def _own_sites(flag: Flag, assigned: Mapping[str, Assignment]) -> list[Site]:
    """The flag's sites but for those that a flag of one form field (``name@1``) sets."""
    others = {
        site
        for name, other in assigned.items()
        if name.startswith(f"{flag.name}@")
        for site in other.flag.sites
    }
    return [site for site in flag.sites if site not in others]


def _replaced(label: str, source: str, edits: list[Edit]) -> str:
    parts = []
    done = Edit(0, 0, "", "")
    for edit in sorted(edits):
        if done.name and (edit.start < done.end or edit[:2] == done[:2]):
            names = " and ".join(dict.fromkeys((done.name, edit.name)))
            raise FlagError(
                f"flag {names} would change the same text of {label}: "
                f"{source[edit.start : edit.end]!r} - make their patterns apart"
            )
        parts += [source[done.end : edit.start], edit.text]
        done = edit
    return "".join([*parts, source[done.end :]])
