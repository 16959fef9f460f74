"""``nb-replace``: regular expressions of guild.yml that match a flag's value in the source."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from ...errors import FlagError
from .. import languages
from ..languages.values import NotLiteralError
from ..model import Flag, Site
from .assignments import literal_type
from .cells import CodeCell

SECONDS = 1.0
"""How long a pattern may run, over all cells: some would backtrack for ever."""


def pattern_flag(name: str, patterns: str | list[str], cells: Iterable[CodeCell]) -> Flag:
    """The flag ``name``, whose value stands where ``patterns`` match in ``cells``.

    In each cell a pattern's first match counts: its groups are the flag's sites, or the whole
    match where the pattern has no groups. The default is the literal at the first site. Raises
    FlagError where a pattern is not valid, matches nothing or has run for SECONDS.
    """
    cells = list(cells)
    if not isinstance(patterns, list):
        patterns = [patterns]
    if not patterns:
        raise FlagError(f"nb-replace of flag {name} is an empty list - give it a pattern")
    sites: dict[Site, str] = {}
    for pattern in patterns:
        matches = _matches(name, pattern, cells)
        if not matches:
            raise FlagError(
                f"nb-replace pattern {pattern!r} of flag {name} matches nothing in any code cell"
            )
        sites.update(matches)
    return _flag(name, sites, cells[0].language)


def _flag(name: str, sites: dict[Site, str], language: str) -> Flag:
    text = next(iter(sites.values()))
    try:
        value, computed = languages.named(language).read(text), False
    except NotLiteralError:
        value, computed = None, True
    return Flag(
        name=name,
        kind="pattern",
        type=literal_type(value),
        default=value,
        default_source=text,
        sites=tuple(sites),
        computed=computed,
        language=language,
    )


def _matches(name: str, pattern: Any, cells: list[CodeCell]) -> dict[Site, str]:
    compiled = _compiled(name, pattern)
    deadline = time.monotonic() + SECONDS
    sites: dict[Site, str] = {}
    for cell in cells:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            match = compiled.search(cell.text, timeout=left)
        except TimeoutError:
            raise FlagError(
                f"nb-replace pattern {pattern!r} of flag {name} has run for a second in cell "
                f"{cell.index} - make it simpler"
            ) from None
        for start, end in _spans(match) if match else ():
            sites[Site(cell.index, start, end)] = cell.text[start:end]
    return sites


def _compiled(name: str, pattern: Any) -> Any:
    if not isinstance(pattern, str):
        raise FlagError(f"nb-replace of flag {name} is {pattern!r} - give it a pattern, as text")
    # regex stops at a timeout, which re cannot; it is imported only where there are patterns.
    import regex  # type: ignore[import-untyped]  # it carries no type information

    try:
        re.compile(pattern, re.MULTILINE)  # what counts as a pattern is what Guild takes
        return regex.compile(pattern, regex.MULTILINE)
    except (re.error, regex.error, ValueError, OverflowError, RecursionError) as e:
        raise FlagError(
            f"nb-replace pattern {pattern!r} of flag {name} does not compile: {e}"
        ) from None


def _spans(match: Any) -> list[tuple[int, int]]:
    groups = [match.span(group) for group in range(1, match.re.groups + 1)]
    return [span for span in groups if span != (-1, -1)] if groups else [match.span()]
