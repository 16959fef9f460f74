"""What a page says of its run: plain data, which the room ``run`` reads (run/run_facts.py) and
which holds no secret value. All texts are as they are, none is HTML."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

FAILED_ANCHOR = "guild-failed-cell"
"""The id of the cell that ended the run. That of a cell after whose error the run went on has the
cell's index behind it."""

COMPLETED = "completed"


@dataclass(frozen=True)
class FlagValue:
    """A flag of the run. ``value`` and ``default``, that of the notebook, are texts as Guild shows
    values; ``default`` is None where it is not known: the notebook has no such flag."""

    name: str
    value: str
    default: str | None = None
    differs: bool = False


@dataclass(frozen=True)
class Scalar:
    """A scalar: its last ``value``, which is of the highest ``step``; the ``lowest`` and the
    ``highest`` that are numbers, None where none is; the ``count`` of its values, and of those that
    are NaN or infinite. ``points`` are steps and values by step, fewer where they are many."""

    name: str
    value: float
    step: int
    lowest: float | None
    highest: float | None
    count: int
    not_finite: int
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class CellError:
    """A cell that failed: its index, what it is called, and how it ended, in words that name the
    exception."""

    index: int
    where: str
    text: str


@dataclass(frozen=True)
class RunFacts:
    """A run.

    ``state`` says how it has ended (completed, failed, stopped, timed out, kernel died), and
    ``reason`` why it is not completed, or up to where it went, in a line that names the cell;
    ``failed`` is the cell that ended it, ``errors`` are those after whose error it went on
    (nb-allow-errors). ``seconds`` is how long it took. ``kernel`` is its name, language and
    version. ``batch`` is the id of the run whose trial this is, by the flags ``varied`` it differs
    from others. ``shared`` cells were executed once for several runs, in ``shared_seconds``. There
    are ``more_scalars`` than ``scalars``, of which some may have their last values only.

    ``command`` runs the same operation of the project again, "" where no command says it;
    ``proto_command`` runs the code that this run has. Both are quoted for a shell. ``variables``
    are those of the environment from which the values of secret flags come.
    """

    operation: str = ""
    run_id: str = ""
    label: str = ""
    tags: Sequence[str] = ()
    comments: Sequence[str] = ()
    state: str = COMPLETED
    reason: str = ""
    failed: CellError | None = None
    errors: Sequence[CellError] = ()
    started: datetime.datetime | None = None
    seconds: float | None = None
    user: str = ""
    host: str = ""
    kernel: str = ""
    commit: str = ""
    is_modified: bool = False
    flags: Sequence[FlagValue] = ()
    scalars: Sequence[Scalar] = ()
    more_scalars: int = 0
    has_last_values_only: bool = False
    batch: str = ""
    varied: Sequence[str] = ()
    shared: int = 0
    shared_seconds: float = 0.0
    command: str = ""
    proto_command: str = ""
    variables: Sequence[str] = ()

    @property
    def anchors(self) -> dict[int, str]:
        """The ids of the cells that failed, by their index."""
        anchors = {error.index: f"{FAILED_ANCHOR}-{error.index}" for error in self.errors}
        return {**anchors, self.failed.index: FAILED_ANCHOR} if self.failed else anchors
