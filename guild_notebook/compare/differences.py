"""What differs between two runs: flags, scalars, and the outputs of their cells."""

from __future__ import annotations

from collections.abc import Sequence

from .model import CellDifference, Output, OutputDifference, Run, RunDifference, Tolerance

EXACT = Tolerance()


def output_differences(
    before: Sequence[Output], after: Sequence[Output], tolerance: Tolerance = EXACT
) -> list[OutputDifference]:
    """The outputs of a cell that differ between two runs, paired by kind and place among those of
    the kind."""
    return []


def between(before: Run, after: Run, tolerance: Tolerance = EXACT) -> RunDifference:
    """What differs between two runs, whatever notebooks they are of."""
    cells: list[CellDifference] = []
    return RunDifference(before, after, cells=cells)
