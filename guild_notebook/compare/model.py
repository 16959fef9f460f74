"""Runs as data: what a run of a notebook is for whoever compares it with others.

All of it is plain data without secret values. Texts are as they are, none is HTML.
"""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TEXT, TABLE, IMAGE, ERROR, FIGURE = "text", "table", "image", "error", "figure"
"""Kinds of outputs. A figure is what a script would draw, and has no image beside it."""


@dataclass(frozen=True)
class Image:
    """An image: the SHA-256 of its content in hexadecimal digits, its MIME type, the content as
    base64 without white space, and its size in bytes. Two images of one digest are the same."""

    digest: str
    mime: str
    data: str = field(repr=False)
    size: int = 0

    @property
    def content(self) -> bytes:
        """The bytes of its file."""
        return base64.b64decode(self.data)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What Jupyter shows."""
        is_text = self.mime == "image/svg+xml"
        return {self.mime: self.content.decode("utf-8", "replace") if is_text else self.data}


@dataclass(frozen=True)
class Table:
    """A table of texts: the names of its columns, of which the first ``index_columns`` name the
    rows, and its rows, each as long as the columns. ``is_cut`` says that there were more rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    index_columns: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class Output:
    """An output of a cell.

    ``source`` is where it comes from: ``stdout``, ``stderr``, ``result`` or ``display``. ``text``
    is what a terminal would have left of it, without colours: of an error its traceback, of a table
    and an image the text that is there beside it, of a figure a text by which it is compared.
    ``name`` and ``message`` are those of an exception. ``rest`` is a digest of text that was more,
    "" where there is none.
    """

    kind: str
    source: str
    text: str = ""
    table: Table | None = None
    image: Image | None = None
    name: str = ""
    message: str = ""
    rest: str = ""

    @property
    def is_cut(self) -> bool:
        return bool(self.rest)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What Jupyter shows: the image, and the text."""
        shown = self.image._repr_mimebundle_() if self.image else {}
        return {**shown, "text/plain": self.text}


@dataclass(frozen=True)
class Cell:
    """A cell of a run.

    ``index`` counts all cells from 0, ``number`` is the one that Jupyter shows. ``label`` is what
    messages call it, ``name`` its own name (document/cells.py). ``source`` is that of the kept
    source notebook, which has no value of the run, ``executed`` that of the executed one. ``id`` is
    nbformat's, "" where the source file has none of its own. ``state`` is a word of
    docs/run-directory.md, "" for a cell that was not to run. ``cpu_seconds`` and ``peak_memory``,
    in bytes, are of the kernel and all that it has started, ``gpu_memory`` is theirs as well.
    ``is_shared`` is true for one that was executed once for several runs (nb-fork).
    """

    index: int
    kind: str
    label: str
    name: str
    source: str
    executed: str
    id: str = ""
    number: int | None = None
    state: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    gpu_memory: int | None = None
    is_shared: bool = False
    outputs: Sequence[Output] = ()


@dataclass(frozen=True)
class Scalar:
    """A scalar: its last ``value``, which may be NaN or infinite, the ``step`` of that, and steps
    and values by step, fewer where they are many."""

    name: str
    value: float
    step: int
    points: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True)
class Run:
    """A run of a notebook.

    ``notebook`` is the path of its executed notebook in ``dir``, "" where it has none yet.
    ``status`` is Guild's (completed, error, terminated, running, pending, staged); ``state`` is how
    a notebook has ended in the words of its report (completed, failed, stopped, timed out, kernel
    died, or running), and that of Guild for one that has not begun. ``reason`` says in a line why
    it is not completed, or what is not here of it. ``failed_cell`` is the index of the cell that
    ended it.

    ``flags`` are values as Guild holds them, ``***`` for one that is secret. ``source_digest`` is
    that of the kept source notebook: runs of one digest are of one version. ``kernel`` is what the
    executed notebook says of its kernel (docs/run-directory.md), empty where it says nothing.
    ``report`` is the path of its first report in ``dir``, "" where it has none. ``batch`` is the id
    of the run whose trial it is.
    """

    id: str
    dir: str
    operation: str = ""
    label: str = ""
    tags: Sequence[str] = ()
    status: str = ""
    state: str = ""
    reason: str = ""
    failed_cell: int | None = None
    started: datetime.datetime | None = None
    seconds: float | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    scalars: Mapping[str, Scalar] = field(default_factory=dict)
    notebook: str = ""
    source_digest: str = ""
    kernel: Mapping[str, Any] = field(default_factory=dict)
    cells: Sequence[Cell] = ()
    report: str = ""
    batch: str = ""

    @property
    def is_going_on(self) -> bool:
        """Whether it is being executed, or is to be."""
        return self.status in ("running", "pending", "staged")

    @property
    def has_all_results(self) -> bool:
        """Whether each of its cells that was to run has, or one has ended the notebook, though the
        run may not have ended."""
        states = {cell.state for cell in self.cells}
        missing = {"running"} if "exit" in states else {"running", "not run"}
        return states != {""} and states.isdisjoint(missing)

    @property
    def short_id(self) -> str:
        return self.id[:8]


# Cells across runs


@dataclass(frozen=True)
class Slot:
    """What is one cell for a reader, in several runs: the index of the cell in each run that has
    it, by the run's id. ``name`` is what the newest of them calls it."""

    name: str
    cells: Mapping[str, int]

    def cell(self, run: Run) -> Cell | None:
        """The cell of a run, None where it has none."""
        index = self.cells.get(run.id)
        return run.cells[index] if index is not None and index < len(run.cells) else None


@dataclass(frozen=True)
class Section:
    """Runs of what is one notebook, newest first, and its slots in the order of the notebook."""

    notebook: str
    runs: Sequence[Run]
    slots: Sequence[Slot]


# What differs between two runs


@dataclass(frozen=True)
class Tolerance:
    """How much a number may differ and be the same: ``abs(a - b) <= max(relative * max(abs(a),
    abs(b)), absolute)``, as ``math.isclose`` has it. Two NaN are the same."""

    relative: float = 0.0
    absolute: float = 0.0

    def are_same(self, a: float, b: float) -> bool:
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return math.isclose(a, b, rel_tol=self.relative, abs_tol=self.absolute)


@dataclass(frozen=True)
class NumberChange:
    """A number that differs: what it is called ("r2", "row 3, price"), and its texts."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class OutputDifference:
    """How an output differs, or that only one run has it: the other is None.

    ``amount`` is the share of it that differs, from 0 to 1, and ``summary`` says it in a few words:
    "plot changed (12 % of pixels)", "r2 0.3250 → 0.3085", "3 lines changed". ``numbers`` are those
    that differ where that is all; ``lines`` are those of a unified difference of texts, without
    its head, empty where the texts differ in numbers only.
    """

    kind: str
    before: Output | None
    after: Output | None
    amount: float
    summary: str
    numbers: Sequence[NumberChange] = ()
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class CellDifference:
    """How a cell differs: the cell in both runs, None where one has none, or where it did not run
    for the reason ``hole`` ("not run: failed in Training"). Outputs that are the same, or that a
    reader would call the same, are not in ``outputs``."""

    name: str
    before: Cell | None
    after: Cell | None
    is_source_changed: bool = False
    is_state_changed: bool = False
    hole: str = ""
    outputs: Sequence[OutputDifference] = ()

    @property
    def is_same(self) -> bool:
        """Whether outputs and how it ended are the same, whatever its source is."""
        return not (self.outputs or self.is_state_changed or self.hole)


@dataclass(frozen=True)
class RunDifference:
    """How two runs differ: the names of the flags and of the scalars that do, of which either run
    may lack some, and all cells in the order of the notebook, those that are the same as well."""

    before: Run
    after: Run
    flags: Sequence[str] = ()
    scalars: Sequence[str] = ()
    cells: Sequence[CellDifference] = ()

    @property
    def is_same(self) -> bool:
        """Whether what came out is the same, whatever flags and source are."""
        return not self.scalars and all(cell.is_same for cell in self.cells)
