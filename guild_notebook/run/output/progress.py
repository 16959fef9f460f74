"""The lines that this package itself writes in a run's output, which must not make scalars.

Such a line may hold a user's words (a cell's title, a file's name), and an operation may have any
scalar pattern. So each line is matched with the patterns of its run before it is written, and a
shorter form is written if one matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...document.reader import Cell
from ...scalars import default_patterns, expanded
from .stream import Stream, without_escapes

LONGEST_NAME = 60
"""Characters of a cell's name in a progress line."""

MOST_ABOVE = 200
"""Cells above a cell among which the heading is looked for that names it."""

LONGEST_LINE = 2_000
"""Characters of a line of this package: patterns may take time quadratic in it."""

_TITLE = re.compile(r"#[ \t]*@title\b[ \t]*(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)")
_CODE_COMMENT = re.compile(r"#+[ \t]*([^@#\s].*)")


def scalar_patterns(config: Any) -> list[re.Pattern[str]]:
    """The compiled patterns of an ``output-scalars`` setting (a string, a mapping, or a list of
    them; false for ``off``)."""
    if config is None:
        config = default_patterns(())
    if not config:
        return []
    compiled = []
    for item in config if isinstance(config, list) else [config]:
        for pattern in item.values() if isinstance(item, dict) else [item]:
            try:
                compiled.append(re.compile(expanded(pattern)))
            except (re.error, TypeError, AttributeError):
                pass  # Guild says so itself
    return compiled


class StatusLines:
    """Writes this package's own lines to ``stream``; ``patterns`` find scalars in the run, and are
    asked for when the first line is written."""

    def __init__(self, stream: Stream, patterns: Iterable[re.Pattern[str]]) -> None:
        self._stream = stream
        self._patterns = patterns

    def write(self, *forms: str) -> None:
        """Write the first of ``forms``, the longest first, that no pattern matches."""
        for form in forms:
            line = " ".join(without_escapes(form[:LONGEST_LINE]).split())
            if not self._is_scalar(line):
                self._stream.write_line(line)
                return

    def write_as_it_is(self, line: str) -> None:
        """Write a line that its reader is to copy, unless a pattern matches it."""
        if not self._is_scalar(line):
            self._stream.write_line(line)

    def _is_scalar(self, line: str) -> bool:
        self._patterns = tuple(self._patterns)
        return any(pattern.search(line) for pattern in self._patterns)

    def write_cell_end(
        self, number: int, count: int, name: str, seconds: float, state: str = ""
    ) -> None:
        """Write the progress line of a cell: its number, of how many, its name, its time."""
        end = f"({duration(seconds)}){' ' + state if state else ''}"
        self.write(f"[{number}/{count}] {name} {end}", f"[{number}/{count}] {end}")


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def cell_name(cells: Sequence[Cell], index: int) -> str:
    """A code cell's name: its ``#@title``, its first comment, the heading above it, or its first
    line of code."""
    lines = [line.strip() for line in cells[index].source.splitlines() if line.strip()]
    name = (
        _first_match(_TITLE, lines)
        or _first_match(_CODE_COMMENT, lines)
        or _heading_above(cells, index)
        or next((line for line in lines if not re.match(r"#\s*@", line)), "")
    )
    return short_name(name)


def short_name(name: str) -> str:
    """``name``, cut where it is longer than a line of status has room for."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _first_match(pattern: re.Pattern[str], lines: Iterable[str]) -> str:
    for line in lines:
        match = pattern.match(line)
        if match and match.group(1).strip():
            name = match.group(1).strip()
            return name.partition("{")[0].strip() if name.endswith("}") else name
    return ""


def _heading_above(cells: Sequence[Cell], index: int) -> str:
    """The last heading of the nearest markdown cell above that has one."""
    above = reversed(cells[max(0, index - MOST_ABOVE) : index])
    headings = (_last_heading(cell.source) for cell in above if cell.kind == "markdown")
    return next(filter(None, headings), "")


@functools.lru_cache(MOST_ABOVE)
def _last_heading(source: str) -> str:
    headings = [m.group(1) for m in map(_HEADING.match, source.splitlines()) if m]
    return headings[-1].strip() if headings else ""
