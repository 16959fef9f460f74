"""Whether a run came out as the one that it reproduces: cell by cell, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..analysis.statements import statements
from ..document.states import ENDED_BY_RUN
from . import difference_json, differences, environment, reach, report_text
from .environment import EnvironmentDifference
from .matching import NOT_TO_RUN
from .model import CellDifference, Run, RunDifference, Tolerance

SAME, DIFFERS, NOT_COMPARED = "same", "differs", "not compared"

MOST_NAMED = 5
"""Cells that a line names."""

MOST_SILENT = 2
"""Of cells before one of them that it names as well: the last."""

_ENDED = ("completed", "failed", "exit", *ENDED_BY_RUN)
"""States of a cell that has run as far as it does by itself."""


@dataclass(frozen=True)
class CellVerdict:
    """How a cell came out: the ``result`` is SAME, DIFFERS or NOT_COMPARED, and ``why`` says in a
    few words how it differs, or why it is not compared. A cell that differs ``follows`` where it
    may do so because an earlier one does; ``silent`` are the indexes of earlier cells that may go
    into it, show nothing to compare, and call something."""

    index: int
    label: str
    result: str
    why: str = ""
    follows: bool = False
    silent: Sequence[int] = ()


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
        """The first cell that differs."""
        return next((cell for cell in self.cells if cell.result == DIFFERS), None)

    @property
    def not_deterministic(self) -> list[CellVerdict]:
        """The cells that differ by themselves: all that is known to go into them is the same, and
        no earlier cell that differs goes into them."""
        if self.environment.causes:
            return []
        return [cell for cell in self.cells if cell.result == DIFFERS and not cell.follows]


def of(before: Run, after: Run, tolerance: Tolerance) -> Verdict:
    """How ``after``, a new run of what ``before`` has kept, came out."""
    difference = differences.between(before, after, tolerance)
    cells = list(_with_origins(difference, list(_cells(difference))))
    is_whole = all(cell.result != NOT_COMPARED for cell in cells)
    shown = {number.name for c in difference.cells for o in c.outputs for number in o.numbers}
    scalars = [row for row in report_text.scalar_rows(difference) if row[0] not in shown]
    known = environment.between(before, after)
    return Verdict(difference, known, cells, scalars if is_whole else [])


def _with_origins(difference: RunDifference, cells: Sequence[CellVerdict]) -> Iterator[CellVerdict]:
    """The cells, with what is known of where the difference of one may come from."""
    differing = [cell.index for cell in cells if cell.result == DIFFERS]
    silent = list(_silent(difference)) if differing else []
    is_asked = len(differing) > 1 or (differing and min([*silent, *differing]) < differing[0])
    known = reach.dependencies(difference.before, [*differing, *silent]) if is_asked else {}
    for cell in cells:
        on = known.get(cell.index)
        may_follow = cell.follows or on is None or not on.isdisjoint(differing)
        follows = may_follow and cell.index in differing[1:]
        before = [i for i in silent if i < cell.index and (on is None or i in on)]
        is_origin = cell.result == DIFFERS and not follows
        yield replace(cell, follows=follows, silent=before if is_origin else ())


def _silent(difference: RunDifference) -> Iterator[int]:
    """The indexes of cells that ran, have no output, and may do otherwise each time."""
    for cell in difference.cells:
        one = cell.before
        if one and one.kind == "code" and one.state and cell.is_same and not one.outputs:
            effects = [each.effects for each in statements(one.source)]
            if any(each.calls or each.unreadable for each in effects):
                yield one.index


def _cells(difference: RunDifference) -> Iterator[CellVerdict]:
    for cell in difference.cells:
        one = cell.before or cell.after
        if one and one.kind == "code" and (_state(cell, "before") or _state(cell, "after")):
            result, why = _verdict(cell, difference)
            yield CellVerdict(one.index, one.label, result, why, bool(cell.hole))


def _state(cell: CellDifference, side: str) -> str:
    found = getattr(cell, side)
    return found.state if found else ""


def _verdict(cell: CellDifference, difference: RunDifference) -> tuple[str, str]:
    before, after = _state(cell, "before"), _state(cell, "after")
    if cell.hole == NOT_TO_RUN or (cell.before and cell.after and not (before and after)):
        which = "new" if before else "first"
        return NOT_COMPARED, f"the {which} run was not to run it"
    if before == after == "not run":
        return NOT_COMPARED, "not run"
    if cell.hole and not cell.before and difference.before.state in ("stopped", "running"):
        return NOT_COMPARED, f"the first run was {difference.before.state} before it"
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
    of_cells = f"{differing} of {number} cell{'s' * (number != 1)}"
    said = f"run {after.short_id} differs from {before.short_id} in {of_cells}"
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
    if verdict.environment.unknown:
        known = "source, flags and what is recorded of the environment are the same"
    else:
        known = "source, flags, packages, Python and files are the same"
    all_labels = {cell.index: cell.label for cell in verdict.cells}
    labels = [
        " or ".join([cell.label, *(all_labels[i] for i in cell.silent[-MOST_SILENT:])])
        + ", which shows nothing," * bool(cell.silent)
        for cell in verdict.not_deterministic
    ]
    more = f" and {len(labels) - MOST_NAMED} more" * (len(labels) > MOST_NAMED)
    said = f"{'are' if labels[1:] else 'is'} not deterministic"
    return f"{'; '.join(labels[:MOST_NAMED])}{more} {said}: {known}"


def data(verdict: Verdict) -> dict[str, Any]:
    """The verdict for JSON."""
    return {
        "result": verdict.result,
        "cells": [{**asdict(cell), "silent": list(cell.silent)} for cell in verdict.cells],
        "scalars": [dict(zip(("name", "before", "after"), row)) for row in verdict.scalars],
        "not_deterministic": [cell.index for cell in verdict.not_deterministic],
        "environment": difference_json.plain(verdict.environment),
    }
