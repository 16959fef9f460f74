"""Which cells of a run a flag reaches, by its kept source."""

from __future__ import annotations

from .model import Run
from .ranking import Reached


def reached(run: Run) -> Reached:
    """By the index of a cell the flags that reach it, None where that is not known."""
    return {}
