"""The cells of a run that it has not executed itself: its kernel was forked from a process that had
executed them once for all trials of a sweep (nb-fork). What a run says of them is of that one
execution."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .measures import Measures
from .states import NOT_RUN, RUNNING

ATTRIBUTE = "shared_cells"  # the run attribute that says the same as the executed notebook


class Second(NamedTuple):
    """The id of a process, when it began, and the index of the first cell that it executed."""

    prefix: str
    began: float
    cell: int


@dataclass(frozen=True)
class SharedCells:
    """``measures`` are what each took when it was executed, by its index among all cells of the
    notebook, in the order of the notebook. ``prefix`` is an id of the process, and ``began`` when
    its first cell began, as ``time.time`` has it. The last ones may be a fork's of it, for some of
    the trials: ``second``."""

    measures: Mapping[int, Measures] = field(default_factory=dict)
    prefix: str = ""
    began: float = 0.0
    second: Second | None = None

    def attribute(self) -> dict[str, Any]:
        """What the run attribute holds; ``began`` is in microseconds, as Guild's times are."""
        seconds = {index: round(took.seconds or 0.0, 6) for index, took in self.measures.items()}
        told = {"prefix": self.prefix, "began": int(self.began * 1_000_000), "seconds": seconds}
        if self.second:
            prefix, began, cell = self.second
            told["second"] = {"prefix": prefix, "began": int(began * 1_000_000), "cell": cell}
        return told

    def put_times(self, nb: Any, states: Mapping[int, str]) -> None:
        """Put the times of the execution into the cells of ``nb``, in the place of those at which
        the kernel has sent what is recorded, which nbclient puts there as each cell ends."""
        start = self.began
        for index, took in self.measures.items():
            taken = took.seconds or 0.0
            if self.second and index == self.second.cell:
                start = self.second.began
            if states.get(index, NOT_RUN) not in (NOT_RUN, RUNNING):
                started, ended = _iso(start), _iso(start + taken)
                nb["cells"][index]["metadata"]["execution"] = {
                    "iopub.status.busy": started,
                    "iopub.execute_input": started,
                    "shell.execute_reply": ended,
                    "iopub.status.idle": ended,
                }
            start += taken


def _iso(seconds: float) -> str:
    """A time as nbclient writes it."""
    when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
