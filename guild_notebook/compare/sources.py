"""How the sources of the cells of two runs differ, which have the values of flags where they were
executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import matching
from .alignment import unified
from .model import Run, Slot


@dataclass(frozen=True)
class CellSources:
    """How the sources of a cell differ, as lines of a unified difference without its head: ``kept``
    of the source notebooks, ``executed`` of what was executed, empty where that is no other."""

    name: str
    kept: Sequence[str]
    executed: Sequence[str] = ()


def of(before: Run, after: Run) -> list[CellSources]:
    """The cells whose sources differ between two runs, whether they have run or not."""
    slots = [slot for section in matching.sections([after, before]) for slot in section.slots]
    found = [_of_slot(slot, before, after) for slot in slots]
    return [each for each in found if each.kept or each.executed]


def _of_slot(slot: Slot, before: Run, after: Run) -> CellSources:
    kept, executed = [], []
    for run in (before, after):
        cell = slot.cell(run)
        kept.append(cell.source.splitlines() if cell else [])
        executed.append(cell.executed.splitlines() if cell else [])
    lines = unified(kept[0], kept[1])
    is_other = executed != kept
    return CellSources(slot.name, lines, unified(executed[0], executed[1]) if is_other else ())
