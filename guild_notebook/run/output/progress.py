"""The lines that this package itself writes in a run's output, which must not make scalars.

Such a line may hold a user's words (a cell's title, a file's name), and an operation may have any
scalar pattern. So each line is matched with the patterns of its run before it is written, and a
shorter form is written if one matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...texts import duration
from .stream import Stream, without_escapes

LONGEST_LINE = 2_000  # characters of a line of this package: patterns may take time quadratic in it


class StatusLines:
    """Writes this package's own lines to ``stream``; ``patterns`` find scalars in the run, and are
    asked for when the first line is written."""

    def __init__(self, stream: Stream, patterns: Iterable[Any]) -> None:
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
        end = f"({duration(seconds, is_exact=True)}){' ' + state if state else ''}"
        self.write(f"[{number}/{count}] {name} {end}", f"[{number}/{count}] {end}")
