"""Runs as objects of Python."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from ..compare.model import Cell, Image, Output
from ..compare.model import Run as RunData
from ..errors import UserError, nearest
from ..run.finished import FinishedRun
from ..run.plain_shell import environment
from ..texts import one_line
from . import html
from .process import captured

if TYPE_CHECKING:
    import nbformat
    import pandas

POLL_SECONDS = 0.2
"""Time between two looks at whether a run of another process has ended."""

END_SECONDS = 2.0
"""Time in which Guild says how a run has ended, once its process has (guild/op.py, _run_op): until
then its status is ``error``."""

_GOING_ON = ("running", "pending")


class ExecutedNotebook(PosixPath):
    """The path of an executed notebook."""

    def read(self) -> nbformat.NotebookNode:
        """The notebook, as nbformat reads it. Raises OSError, and ValueError where it is none."""
        import nbformat as reader

        return reader.read(str(self), as_version=4)


@dataclass(frozen=True)
class RunFailure:
    """Why a run is not completed. ``reason`` says it in a line; ``cell`` is the name of the cell
    that ended it, and ``index`` its index, "" and None where none did; ``name``, ``message`` and
    ``traceback`` are those of its exception, "" where there was none (it was stopped, or its time
    was over)."""

    reason: str
    cell: str = ""
    index: int | None = None
    name: str = ""
    message: str = ""
    traceback: str = ""


class Run:
    """A run of a notebook in ``dir``. All that it says is read from there when it is asked for; of
    a run that has ended once, see ``refresh``."""

    def __init__(self, run_dir: str | os.PathLike[str]) -> None:
        self._dir = os.path.abspath(run_dir)
        self._cache: Any = None
        self._data: RunData | None = None
        self._flags: tuple[Any, Mapping[str, Any]] | None = None

    def refresh(self) -> Run:
        """Read again what somebody may have changed (a label, a run that was restarted); returns
        this run."""
        self._data = None
        return self

    @property
    def _record(self) -> RunData:
        """All that is read of it, as ``guild-notebook compare`` has it. Whatever its directory
        holds, that does not raise."""
        from ..compare import reading

        if not self._data or self._data.seconds is None:  # it has not ended, as far as is known
            self._cache = self._cache or reading.RunCache(_shared())
            self._data = self._cache.read([self._dir])[0]
        return self._data

    @property
    def id(self) -> str:
        return os.path.basename(self._dir)

    @property
    def short_id(self) -> str:
        return self.id[:8]

    @property
    def dir(self) -> Path:
        """Its directory."""
        return Path(self._dir)

    @property
    def operation(self) -> str:
        """What Guild calls it: ``train.ipynb``, or the name of an operation of guild.yml."""
        return self._record.operation

    @property
    def status(self) -> str:
        """``completed``, ``error``, ``terminated``, ``running``, ``pending`` or ``staged``, as
        ``guild runs`` shows it."""
        from ..compare import reading

        if self._data and self._data.seconds is not None:
            return self._data.status
        return reading.status_of(FinishedRun(self._dir))

    @property
    def flags(self) -> Mapping[str, Any]:
        """The values of its flags, ``***`` for one that is secret."""
        values = self._record.flags
        if self._flags is None or self._flags[0] is not values:
            self._flags = values, FinishedRun(self._dir).with_lists(values)
        return self._flags[1]

    @property
    def scalars(self) -> Mapping[str, float]:
        """The last value of each scalar."""
        return {name: scalar.value for name, scalar in self._record.scalars.items()}

    def steps(self, scalar: str) -> list[tuple[int, float]]:
        """The steps and values of a scalar, in order; of very many some. Raises UserError where
        the run has none of that name."""
        found = self._record.scalars.get(scalar)
        if not found:
            raise UserError(
                f"run {self.short_id} has no scalar '{scalar}' - {_hint(scalar, self.scalars)}"
            )
        from ..compare.reading import shortest

        return [(step, shortest(value)) for step, value in found.points] or [
            (found.step, found.value)
        ]

    @property
    def cells(self) -> Sequence[Cell]:
        """Its cells with their states, times and outputs, none before it has begun."""
        return self._record.cells

    def outputs(self, cell: str | int) -> list[Output]:
        """The outputs of a cell: by its name, which is its first comment or the heading above it,
        or by its index, which counts all cells from 0. Raises UserError where there is no such
        cell, or are several of that name."""
        if isinstance(cell, int):
            try:
                return list(self.cells[cell].outputs)
            except IndexError:
                raise UserError(
                    f"run {self.short_id} has {len(self.cells)} cells, which count from 0 - "
                    f"there is no cell {cell}"
                ) from None
        code = [each for each in self.cells if each.kind == "code"]  # a heading has its own name
        found = [each for each in code if cell in (each.name, each.label)]
        if not found:
            names = [each.name for each in code if each.name]
            raise UserError(f"run {self.short_id} has no cell '{cell}' - {_hint(cell, names)}")
        if len(found) > 1:
            indexes = ", ".join(str(each.index) for each in found)
            raise UserError(
                f"run {self.short_id} has {len(found)} cells '{cell}' - give an index: {indexes}"
            )
        return list(found[0].outputs)

    @property
    def images(self) -> list[Image]:
        """The images in the outputs of its cells, in their order."""
        return [each.image for cell in self.cells for each in cell.outputs if each.image]

    @property
    def report(self) -> Path | None:
        """The path of its first report, None where it has none."""
        return self.dir / self._record.report if self._record.report else None

    @property
    def notebook(self) -> ExecutedNotebook | None:
        """The path of its executed notebook, None where there is none yet."""
        name = FinishedRun(self._dir).executed_notebook()
        return ExecutedNotebook(os.path.join(self._dir, name)) if name else None

    @property
    def label(self) -> str:
        return self._record.label

    @property
    def tags(self) -> Sequence[str]:
        return self._record.tags

    @property
    def started(self) -> datetime | None:
        return self._record.started

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it runs."""
        return self._record.seconds

    @property
    def error(self) -> RunFailure | None:
        """Why it is not completed, None where it is, and where it has not ended."""
        data = self._record
        if data.status == "completed" or data.is_going_on:
            return None
        reason = data.reason or data.state or data.status
        if data.failed_cell is None:
            return RunFailure(reason)
        cell = data.cells[data.failed_cell]
        errors = [output for output in cell.outputs if output.name]
        if not errors:
            return RunFailure(reason, cell.name, cell.index)
        last = errors[-1]
        return RunFailure(reason, cell.name, cell.index, last.name, last.message, last.text)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until it has ended, whoever has started it, at most ``timeout`` seconds; returns
        this run. Raises TimeoutError."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.status in _GOING_ON:
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"run {self.short_id} has not ended in {timeout:g} s")
            time.sleep(POLL_SECONDS)
        said = time.monotonic() + END_SECONDS
        said = said if until is None else min(said, until)
        lock = os.path.join(self._dir, ".guild", "LOCK")  # which Guild removes last
        while self.status == "error" and os.path.lexists(lock) and time.monotonic() < said:
            time.sleep(POLL_SECONDS / 4)
        return self

    def stop(self) -> Run:
        """Stop it as ``guild stop`` does, and wait until it has ended; returns this run."""
        if self.status in _GOING_ON:
            home = os.path.dirname(os.path.dirname(self._dir))
            captured(["stop", "-y", self.id], {**environment(), "GUILD_HOME": home})
            self.wait()
        return self

    def __repr__(self) -> str:
        scalars = [f"{name}={value:.4g}" for name, value in self.scalars.items()]
        flags = [f"{name}={one_line(str(value))[:40]}" for name, value in self.flags.items()]
        words = [self.short_id, self.operation, self.status, *flags, *scalars[:5]]
        return f"<Run {' '.join(filter(None, words))}>"

    def __reduce__(self) -> Any:
        return Run, (self._dir,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._dir == self._dir

    def __hash__(self) -> int:
        return hash(self._dir)

    def _repr_html_(self) -> str:
        failure = self.error
        rows = [
            ("run", f"{self.short_id} · {self.operation}"),
            ("status", self.status + (f" · {failure.reason}" if failure else "")),
            ("label", self.label or None),
            ("started", self.started),
            ("seconds", self.seconds),
            *self.flags.items(),
            *self.scalars.items(),
            ("directory", self._dir),
        ]
        return html.list_of(rows)


class Runs(list[Run]):
    """A list of runs, which Jupyter shows as a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Run | Runs:
        return (
            Runs(super().__getitem__(index))
            if isinstance(index, slice)
            else super().__getitem__(index)
        )

    def to_frame(self) -> pandas.DataFrame:
        """The runs as a table of pandas: a row for each, under its short id, with its flags, its
        scalars, and what ``guild runs`` shows. A name that is of a flag and of a scalar is there
        as ``flags.NAME`` and ``scalars.NAME``. Raises UserError where pandas is not installed."""
        pd = with_pandas()
        rows = _rows(self)
        return pd.DataFrame(rows, index=pd.Index([run.short_id for run in self], name="run"))

    def _repr_html_(self) -> str:
        named = [{"run": run.short_id, **row} for run, row in zip(self, _rows(self))]
        return html.table_of(named, ("run", "status"))


class Sweep(Runs):
    """The trials of a sweep, in the order in which they were started."""

    def __init__(self, trials: Iterable[Run], objective: str = "loss", is_maximized: bool = False):
        super().__init__(trials)
        self._objective = objective or "loss"
        self._is_maximized = is_maximized

    @property
    def failed(self) -> Runs:
        """The trials that are not completed."""
        return Runs(run for run in self if run.status != "completed")

    @property
    def best(self) -> Run:
        """The completed trial whose scalar is the smallest or the largest, as ``minimize`` or
        ``maximize`` of the sweep says, else the smallest ``loss``. Raises UserError where none
        has it."""
        name = self._objective
        having = [run for run in self if run.status == "completed" and name in run.scalars]
        having = [run for run in having if math.isfinite(run.scalars[name])]
        if not having:
            known = dict.fromkeys(each for run in self for each in run.scalars)
            raise UserError(
                f"no completed trial has the scalar '{name}' of minimize or maximize - "
                f"{_hint(name, known)}"
            )
        choose = max if self._is_maximized else min
        return choose(having, key=lambda run: run.scalars[name])


class RunError(UserError):
    """A run that did not come to its end. ``run`` is that run, None where there is none since
    Guild has refused what it was asked for; ``status`` is the command's exit status. A sweep that
    did not come to its end has its trials as ``sweep``."""

    def __init__(
        self, message: str, run: Run | None = None, status: int = 1, sweep: Sweep | None = None
    ) -> None:
        super().__init__(message)
        self.run = run
        self.status = status
        self.sweep = sweep


def with_pandas() -> Any:
    """The module pandas. Raises UserError where it is not installed."""
    try:
        import pandas
    except ImportError:
        raise UserError("pandas is not installed - pip install pandas") from None
    return pandas


@functools.cache
def _shared() -> Any:
    """What all runs of this process have in common."""
    from ..compare import reading

    return reading.Shared(has_batches=False)


def _rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The runs as rows of a table: flags, then scalars, then what ``guild runs`` shows."""
    flags = dict.fromkeys(name for run in runs for name in run.flags)
    scalars = dict.fromkeys(name for run in runs for name in run.scalars)
    both = {*flags} & {*scalars}
    rows = []
    for run in runs:
        row: dict[str, Any] = {}
        for kind, names, values in (("flags", flags, run.flags), ("scalars", scalars, run.scalars)):
            for name in names:
                row[f"{kind}.{name}" if name in both else name] = values.get(name)
        own = ("operation", "status", "started", "seconds", "label")
        rows.append({**{name: getattr(run, name) for name in own}, **row})
    return rows


def _hint(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = nearest(name, known)
    return f"did you mean '{near}'?" if near else f"there are: {', '.join(known) or 'none'}"
