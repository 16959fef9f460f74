"""How the sources of the cells of two runs differ, which have the values of flags where they were
executed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from .model import CellDifference, RunDifference


@dataclass(frozen=True)
class CellSources:
    """How the sources of a cell differ, as lines of a unified difference without its head: ``kept``
    of the source notebooks, ``executed`` of what was executed, empty where that is no other."""

    name: str
    kept: Sequence[str]
    executed: Sequence[str] = ()


def of(difference: RunDifference) -> list[CellSources]:
    """The cells whose sources differ."""
    found = map(_of_cell, difference.cells)
    return [each for each in found if each.kept or each.executed]


def _of_cell(cell: CellDifference) -> CellSources:
    kept, executed = [], []
    for each in (cell.before, cell.after):
        kept.append(each.source.splitlines() if each else [])
        executed.append(each.executed.splitlines() if each else [])
    lines = unified(*kept)
    return CellSources(cell.name, lines, unified(*executed) if executed != kept else ())


def unified(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines of a unified difference without its head."""
    return [*difflib.unified_diff(before, after, lineterm="")][2:]
