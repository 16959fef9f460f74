"""What a page says of its run: plain data, which the room ``run`` reads (run/run_facts.py) and
which holds no secret value. All texts are as they are, none is HTML."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

FAILED_ANCHOR = "guild-failed-cell"
"""The id of the cell that ended the run. That of a cell after whose error the run went on has the
cell's index behind it."""


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
    """A scalar with its last value. ``points`` are steps and values in the order in which they were
    written, NaN and infinities among them."""

    name: str
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
    """A run. ``status`` is one of Guild's words: completed, error, terminated; ``reason`` says in a
    line why it is not completed, and ``failed`` is the cell that ended it. ``errors`` are the cells
    after whose error it went on (nb-allow-errors). ``seconds`` is how long it took. ``kernel`` has
    the kernel's language and version. ``batch`` is the id of the run whose trial this is, and
    ``varied`` are the names of the flags by which its trials differ. ``command`` runs it again: it
    is quoted for a shell."""

    operation: str = ""
    run_id: str = ""
    label: str = ""
    tags: Sequence[str] = ()
    comments: Sequence[str] = ()
    status: str = "completed"
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
    batch: str = ""
    varied: Sequence[str] = ()
    command: str = ""
