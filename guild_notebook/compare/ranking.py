"""By how much the outputs of each cell differ over many runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .model import Run, Section

Reached = Mapping[int, "frozenset[str] | None"]
"""By the index of a cell the flags that reach it, None where that is not known."""


@dataclass(frozen=True)
class SlotChange:
    """By how much a slot differs over the runs of its section: ``amount`` from 0 to 1, and the
    ``kind`` of the output that differs most, "none" where there are no outputs. ``reached`` are the
    flags that reach it, None where that is not known. ``is_unexplained``: it differs between runs
    of one version of the notebook that have the same values of these flags."""

    amount: float
    kind: str
    reached: frozenset[str] | None = None
    is_unexplained: bool = False


def slot_changes(section: Section, reached: Callable[[Run], Reached]) -> list[SlotChange]:
    """How each slot of a section differs over its runs. ``reached`` is asked for one run of each
    version of the notebook: ``reach.reached`` of this room is one."""
    return [SlotChange(0.0, "none") for _ in section.slots]
