"""What there is to say of a notebook before it runs: one Finding for each thing."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = LEVELS = ("error", "warning", "note")
"""A run fails there; it may fail, or do something else than it seems; it is good to know."""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule has found. ``cell`` is the index of the cell among all of the notebook,
    from 0; ``line`` and ``column`` count lines and characters of its source from 1. ``level`` is
    one of LEVELS, ``text`` a sentence: what, why, what to do."""

    cell: int
    line: int
    column: int
    rule: str
    level: str
    text: str

    @property
    def place(self) -> tuple[int, int, int]:
        return self.cell, self.line, self.column
