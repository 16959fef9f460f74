"""``nb-replace``: regular expressions of guild.yml that match a flag's value in the source."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...errors import FlagError
from .. import languages
from ..languages.language import NameAssignment
from ..languages.values import literal_or_computed
from ..model import Flag, Site
from .assignments import CodeCell, flag

SECONDS = 1.0  # how long a pattern may run, over all cells: some would backtrack for ever
_LONGEST = 100_000
_COUNT = re.compile(r"\{(\d+)")


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
    found: list[tuple[CodeCell, int, int]] = []
    for pattern in patterns:
        spans = _spans(name, pattern, cells)
        if not spans:
            raise FlagError(
                f"nb-replace pattern {pattern!r} of flag {name} matches nothing in any code cell"
            )
        found += spans
    cell, start, end = found[0]
    read = languages.named(cell.language).read
    value, computed = literal_or_computed(read, cell.text[start:end])
    assignment = NameAssignment(name, value, computed, "", start, end, start, end)
    sites = dict.fromkeys(Site(cell.index, start, end) for cell, start, end in found)
    return replace(flag(cell, assignment, "pattern"), sites=tuple(sites))


def _spans(name: str, pattern: Any, cells: list[CodeCell]) -> list[tuple[CodeCell, int, int]]:
    compiled = _compiled(name, pattern)
    groups = range(1, compiled.groups + 1) if compiled.groups else (0,)
    deadline = time.monotonic() + SECONDS
    spans: list[tuple[CodeCell, int, int]] = []
    for cell in cells:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            match = compiled.search(cell.text, timeout=left)
        except TimeoutError:
            raise FlagError(
                f"nb-replace pattern {pattern!r} of flag {name} has run for a second in "
                f"{cell.label} - make it simpler"
            ) from None
        of_cell = map(match.span, groups) if match else ()
        spans += [(cell, start, end) for start, end in of_cell if start >= 0]
    return spans


def _compiled(name: str, pattern: Any) -> Any:
    if not isinstance(pattern, str):
        raise FlagError(f"nb-replace of flag {name} is {pattern!r} - give it a pattern, as text")
    # regex stops at a timeout, which re cannot; it is imported only where there are patterns.
    import regex  # type: ignore[import-untyped]  # it carries no type information

    try:
        counts = [max(1, int(count)) for count in _COUNT.findall(pattern)]
        if len(pattern) * math.prod(counts) > _LONGEST:  # regex writes repetitions out
            raise ValueError("it repeats too much")
        re.compile(pattern, re.MULTILINE)  # what counts as a pattern is what Guild takes
        return regex.compile(pattern, regex.MULTILINE)
    except (re.error, regex.error, ValueError, OverflowError, RecursionError) as e:
        raise FlagError(
            f"nb-replace pattern {pattern!r} of flag {name} does not compile: {e}"
        ) from None
