"""Whether a run came out as the one that it reproduces: cell by cell, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import differences, environment, report_text
from .environment import EnvironmentDifference
from .model import CellDifference, Run, RunDifference, Tolerance

SAME, DIFFERS, NOT_COMPARED = "same", "differs", "not compared"

_ENDED = ("completed", "failed", "exit", "timed out", "kernel died")
"""States of a cell that has run as far as it does by itself."""


@dataclass(frozen=True)
class CellVerdict:
    """How a cell came out: the ``result`` is SAME, DIFFERS or NOT_COMPARED, and ``why`` says in a
    few words how it differs, or why it is not compared."""

    index: int
    label: str
    result: str
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """How a run came out: all cells of either run that are to run. ``scalars`` have name, value
    before and after of those that differ, where both runs have all of them and no cell shows it."""

    difference: RunDifference
    environment: EnvironmentDifference
    cells: Sequence[CellVerdict]
    scalars: Sequence[tuple[str, str, str]]

    @property
    def result(self) -> str:
        """SAME or DIFFERS."""
        differ = self.scalars or any(cell.result == DIFFERS for cell in self.cells)
        return DIFFERS if differ else SAME

    @property
    def compared(self) -> list[CellVerdict]:
        return [cell for cell in self.cells if cell.result != NOT_COMPARED]

    @property
    def first(self) -> CellVerdict | None:
        """The first cell that differs: those after it may differ because it does."""
        return next((cell for cell in self.cells if cell.result == DIFFERS), None)

    @property
    def is_deterministic(self) -> bool | None:
        """Whether a cell differs though all that is known to go into it is the same: False then,
        None where something else may be why, or nothing differs."""
        return False if self.first and not self.environment.causes else None


def of(before: Run, after: Run, tolerance: Tolerance) -> Verdict:
    """How ``after``, a new run of what ``before`` has kept, came out."""
    difference = differences.between(before, after, tolerance)
    cells = list(_cells(difference))
    is_whole = all(cell.result != NOT_COMPARED for cell in cells)
    shown = {number.name for c in difference.cells for o in c.outputs for number in o.numbers}
    scalars = [row for row in report_text.scalar_rows(difference) if row[0] not in shown]
    known = environment.between(before.dir, after.dir)
    return Verdict(difference, known, cells, scalars if is_whole else [])


def _cells(difference: RunDifference) -> Iterator[CellVerdict]:
    for cell in difference.cells:
        one = cell.before or cell.after
        if one and one.kind == "code" and (_state(cell, "before") or _state(cell, "after")):
            result, why = _verdict(cell)
            yield CellVerdict(one.index, one.label, result, why)


def _state(cell: CellDifference, side: str) -> str:
    found = getattr(cell, side)
    return found.state if found else ""


def _verdict(cell: CellDifference) -> tuple[str, str]:
    before, after = _state(cell, "before"), _state(cell, "after")
    if cell.before and cell.after and not (before and after):
        which = "new" if before else "first"
        return NOT_COMPARED, f"the {which} run was not to run it"
    if before == after == "not run":
        return NOT_COMPARED, "not run"
    if before and before not in _ENDED:
        return NOT_COMPARED, f"{before} in the first run"
    if cell.is_same:
        return SAME, "" if before in ("", "completed") else before
    return DIFFERS, report_text.summary(cell)


def conclusion(verdict: Verdict) -> str:
    """What came out, in a line."""
    before, after = verdict.difference.before, verdict.difference.after
    number, total = len(verdict.compared), len(verdict.cells)
    of_all = "" if number == total else f" of {total}"
    cells = f"{number}{of_all} cell{'s' * (total != 1)}"
    if verdict.result == SAME:
        ended = f", {after.reason}" if after.reason else ""
        return f"run {after.short_id} came out as {before.short_id}: {cells} the same{ended}"
    differing = sum(cell.result == DIFFERS for cell in verdict.cells)
    said = f"run {after.short_id} differs from {before.short_id} in {differing} of {cells}"
    if verdict.first is None:
        return f"{said}, and in scalars"
    return f"{said}, first in {verdict.first.label}"


def explanation(verdict: Verdict) -> str:
    """Why the run differs as far as that is known, in a line; "" where it does not."""
    if verdict.first is None:
        return ""
    causes = verdict.environment.causes
    if causes:
        return "what differs in the environment may be why"
    unknown = "; not known are " + ", ".join(verdict.environment.unknown)
    known = (
        "source, flags, packages, Python and files"
        if not verdict.environment.unknown
        else ("source, flags, and what is known of the environment")
    )
    return (
        f"{verdict.first.label} is not deterministic: {known} are the same"
        f"{unknown * bool(verdict.environment.unknown)}"
    )


def data(verdict: Verdict) -> dict[str, Any]:
    """The verdict for JSON."""
    return {
        "result": verdict.result,
        "cells": [
            {"index": cell.index, "label": cell.label, "result": cell.result, "why": cell.why}
            for cell in verdict.cells
        ],
        "scalars": [
            {"name": name, "before": before, "after": after}
            for name, before, after in verdict.scalars
        ],
        "not_deterministic": verdict.first.label
        if verdict.first and verdict.is_deterministic is False
        else None,
        "environment": environment.data(verdict.environment),
    }
