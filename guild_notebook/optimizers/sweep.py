"""A sweep of a notebook shows a line for each trial, and at its end the best run.

Guild writes a line when a trial begins, and all that it prints, into the output of the batch, where
the results of twenty trials are nowhere together (guild/batch_util.py:203, start_trial_run). Here
the batch's process says how each has ended. What trials print is shown where there are few of them
or ``nb-trials`` is ``full``; each run's own output has it in any case. Where several run at once
(jobs.py), such lines begin with the number of their trial. Batches of scripts are left as Guild
shows them.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..compat import batches, output_reader
from ..errors import nearest
from ..files import ARTIFACTS, artifact_names
from ..fork_host import Host
from ..one_pipe import TERMINAL, Teller
from ..terminal import DRAW_SECONDS, Terminal, encoded
from ..texts import one_line, printable
from . import forks
from .jobs import Jobs, Stopped
from .trial_table import Objective, Trial, TrialTable, trials_text, varying

MOST_SHOWN_IN_FULL = 3  # of so many trials all output is shown, if ``nb-trials`` says nothing
LONGEST_LINE = 1 << 16  # bytes of a line that is not shown before it ends, where several trials run
STOP_SECONDS = 60.0  # time in which a batch that is stopped is ended by the thread that stops it
log = logging.getLogger("guild")

_RUNNER = "guild_notebook.run"
_FAILED = "Trial %s exited with an error%s"
_STOPPED = "Trial %s was terminated"
_SAID_IN_FULL = (
    "Random start for optimization (%s)",
    "Found %i previous trial(s) for use in optimization",
)
"""What Guild says of trials (guild/batch_util.py:229, guild/plugins/skopt_util.py:294)."""


@contextlib.contextmanager
def shown(optimizer: str, told: str) -> Iterator[None]:
    """Show the trials of a notebook that this process, a batch, runs meanwhile. ``optimizer`` is
    the name of the module of Guild that does; ``told`` is what Guild's own process says of the pipe
    of this one (``one_pipe.VARIABLE``): where that has a terminal, its last line shows what goes
    on."""
    from guild import batch_util

    try:
        batch_run = batch_util.batch_run()
        is_notebook = _RUNNER in batch_run.batch_proto.get("cmd")
    except Exception:  # Guild says what is wrong with it
        is_notebook = False
    if not is_notebook:
        yield
        return
    sweep = _Sweep(batch_run, optimizer, Teller() if told else None, told == TERMINAL)
    try:
        try:
            yield
        finally:
            sweep.wait()
    except Stopped as stopped:
        raise SystemExit(stopped.code) from None
    finally:
        sweep.close()
        sweep.end()


class _Sweep:
    """The trials of ``batch_run``, whose start and end Guild's functions tell it."""

    def __init__(
        self, batch_run: Any, optimizer: str, teller: Teller | None, shows_status: bool
    ) -> None:
        self._batch_run = batch_run
        self._proto = batch_run.batch_proto
        self._is_sequential = optimizer.startswith("guild.plugins.skopt_")
        self._teller = teller
        self.shows_status = shows_status
        self._told: list[Any] = []
        self._told_at = 0.0
        self._runs: list[Any] = []
        self._table: TrialTable | None = None
        self._is_full = False
        self._number = 0
        self._running: dict[str, _Running] = {}  # by the IDs of their runs
        self._shows = threading.RLock()  # the pipe of this process, and the table
        self._began = time.monotonic()
        self._is_ending = self._has_ended = self._has_said_objective = False
        self._forks = forks.is_wanted(self._proto)
        self._host: Host | None = None
        self._lock = batches.running_lock()
        self._jobs = Jobs(batch_run, _jobs(self._proto.get("cmd")))
        batches.when_made(self._made)
        batches.when_stopped(self._stop)
        batches.run_trials_by(self._run)
        log.addFilter(self._is_shown)
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # it is a pipe

    def terminal(self, output: Any) -> Terminal:
        """What takes the place of a terminal for the output of a trial (output_reader)."""
        running = self._running[output._run.id]
        running.output = output
        label = f"[{running.trial.number}/{self._table.total}] " if self._table else ""
        return _TrialTerminal(self, label if self._jobs.count > 1 else "")

    def show(self, fd: int, data: bytes) -> None:
        """Show what a trial has printed. Raises OSError."""
        if not self._is_full:
            return
        with self._shows:
            if self._teller:  # in order
                self._teller.write(0 if fd == sys.stdout.fileno() else 1, data)
            else:
                output_reader.write(fd, data)

    def tell(self, status: Mapping[str, Any]) -> None:
        """Let Guild's process show what goes on: the ``status`` of the trial, where one runs."""
        now = time.monotonic()
        if (
            not (self.shows_status and self._teller and self._table)
            or now < self._told_at + DRAW_SECONDS
        ):
            return
        with self._shows:
            running = [*self._running.values()]
            if not running:
                return
            elapsed = now - running[0].began
            text, bar = self._table.running([one.trial for one in running]), ""
            if len(running) == 1:
                text = " · ".join(filter(None, [text, status.get("text")]))
                bar = status.get("bar", "")
            told = [text, self._table.prospect(elapsed), bar]
            if told == self._told:
                return
            self._told, self._told_at = told, now
            with contextlib.suppress(OSError):  # who shows it has ended
                self._teller.tell({"text": text, "seconds": elapsed, "notes": told[1], "bar": bar})

    def _made(self, runs: list[Any]) -> None:
        self._runs += runs
        if self._forks and runs:
            flags = [run.get("flags") or {} for run in runs]
            names = {*varying(flags), *self._search_space()}
            forks.record(runs, names, flags)

    def _search_space(self) -> list[str]:
        """The flags whose values an optimizer chooses, whichever it has chosen."""
        searched = _searched(self._proto.get("flags") or {})
        return [name for name, choices in searched.items() if choices is None or len(choices) > 1]

    def wait(self) -> None:
        """Wait for the trials that run. Raises Stopped."""
        self._jobs.wait()
        if self._is_ending:
            time.sleep(STOP_SECONDS)

    def close(self) -> None:
        """End what trials have shared."""
        if self._host:
            self._host.close()

    def _stop(self) -> None:
        self._is_ending = True
        self.close()
        if not self._lock.locked():  # no trial runs that would say so at its end
            self.end()

    def _is_shown(self, record: logging.LogRecord) -> bool:
        """As a filter of what Guild logs: not what the line of a trial says as well. Why one could
        not be started has no other place."""
        if record.msg == _FAILED and record.args:
            return "see log for details" not in str(record.args)
        return record.msg != _STOPPED and (self._is_full or record.msg not in _SAID_IN_FULL)

    def _run(self, run: Any, by_guild: Callable[[], None]) -> None:
        """Run a trial in place of Guild's function, which calls ``by_guild``."""
        self._begin()
        if self._forks and not self._runs:
            forks.record([run], self._search_space())
        try:
            self._jobs.run(run, functools.partial(self._run_trial, run, by_guild))
        finally:
            if self._is_ending:
                time.sleep(STOP_SECONDS)  # no further trial is made meanwhile

    def _run_trial(self, run: Any, by_guild: Callable[[], None]) -> None:
        from guild.main import system_exit_params

        table, said, ids = self._begin(), "", [each.id for each in self._runs]
        with self._shows:
            self._number = ids.index(run.id) + 1 if run.id in ids else self._number + 1
            trial = Trial(self._number, run.short_id, run.get("flags") or {})
            running = self._running[run.id] = _Running(trial, time.monotonic())
            if self._is_full:
                self._write(f"{table.begun(trial)} · run {run.short_id}")
            self.tell({})
        try:
            by_guild()
        except SystemExit as error:
            said = system_exit_params(error)[0] or ""
            raise
        finally:
            trial.seconds = time.monotonic() - running.began
            with self._shows:
                if run.status != "pending":
                    self._end_trial(table, running, run, said)
                del self._running[run.id]
                if self._is_ending and not self._running:
                    self.end()

    def _begin(self) -> TrialTable:
        from guild import batch_util

        if self._table:
            return self._table
        if self._runs:
            flags = [run.get("flags") or {} for run in self._runs]
            total = len(flags)
            values: dict[str, Any] = {
                name: [trial.get(name) for trial in flags] for name in varying(flags)
            }
        else:
            total = self._batch_run.get("max_trials") or 20  # skopt_util.DEFAULT_MAX_TRIALS
            values = _searched(self._proto.get("flags") or {})
        setting = forks.option(self._proto.get("cmd"), "trials")
        few = MOST_SHOWN_IN_FULL if self._jobs.count == 1 else 1
        self._is_full = setting == "full" or (not setting and total <= few)
        batches.show_output_by(self)
        compared = self._proto.get("compare") or []
        self._table = TrialTable(
            total,
            values,
            self._objective(),
            list(map(str, compared)),
            self._forks,
            self._jobs.count,
        )
        for run in batch_util.trial_runs(self._batch_run):  # of an earlier start of the batch
            scalars = self._scalars_of(run, self._table.objective, None)
            trial = Trial(0, run.short_id, run.get("flags") or {}, "completed", scalars=scalars)
            self._table.compare(replace(trial, has_report=_has_report(run)))
        if not self._is_full:
            self._write(self._heading(total, list(values)))
        if self._forks and total > 1 and values:
            self._host = forks.start_host(self._batch_run.dir, self._say)
        return self._table

    def _say(self, line: str) -> None:
        """Say what is so for all trials, which the first of them says as well."""
        if not self._is_full:
            self._write(line)

    def _objective(self) -> Objective | None:
        """What the user named, or the optimizer goes by. Guild records ``loss`` for each batch."""
        spec = str(self._batch_run.get("objective") or "loss")
        params = self._batch_run.get("run_params") or {}
        named = params.get("minimize") or params.get("maximize") or spec != "loss"
        if not (named or self._is_sequential):
            return None
        return Objective(spec.lstrip("-"), is_largest=spec.startswith("-"))

    def _heading(self, total: int, names: Sequence[str]) -> str:
        from guild import run_util

        trials = f"{trials_text(total)} of {run_util.format_operation(self._proto)}"
        at_once = f"{self._jobs.count} at once" if self._jobs.count > 1 else ""
        what = " · ".join(filter(None, [trials, ", ".join(names), at_once]))
        return f"{what} · nb-trials=full shows what they print"

    def _end_trial(self, table: TrialTable, running: _Running, run: Any, said: str) -> None:
        trial, output = running.trial, running.output
        statuses = {"completed": "completed", "terminated": "stopped"}
        trial.status = statuses.get(run.status, "failed")
        if trial.status == "completed":
            callback = output and output._output_cb
            printed = getattr(getattr(callback, "_writer", None), "last", {})
            trial.scalars = self._scalars_of(run, table.objective, printed)
            trial.has_report = _has_report(run)
        elif trial.status == "failed":
            end = output._recorder.terminal.end if output else {}
            trial.reason = said or end.get("why") or _last_line(run.guild_path("output"))
        table.add(trial)
        if self._is_full:
            self._write(table.sentence(trial))
        else:
            for line in table.rows(trial, self._columns()):
                self._write(line)
        self._say_objective(table, trial)

    def _scalars_of(
        self, run: Any, objective: Objective | None, printed: Mapping[str, Any] | None
    ) -> dict[str, float]:
        """The last value of each scalar, and that of the objective. Those that the run has printed
        may have been seen here; Guild's index knows the others, and takes long to import."""
        from guild import batch_util, run_util, tfevent

        found = {name: value for name, (value, _step) in (printed or {}).items()}
        wanted = objective.name if objective else ""
        is_plain = bool(re.fullmatch(r"[\w./-]*", wanted))
        own = run.guild_path()
        if (
            printed is not None
            and is_plain
            and all(folder == own for folder in tfevent._tfevent_subdirs(run.dir))
        ):
            return found
        index = batch_util._run_index_for_scalars([run])
        for scalar in index.run_scalars(run):
            found.setdefault(run_util.run_scalar_key(scalar), scalar["last_val"])
        if wanted and wanted not in found:
            value = _qualified_scalar(index, run, wanted)
            if value is not None:
                found[wanted] = value
        return found

    def _say_objective(self, table: TrialTable, trial: Trial) -> None:
        """Say once that a trial has completed without the scalar that trials are compared by."""
        objective = table.objective
        if not objective or trial.status != "completed" or objective.name in trial.scalars:
            return
        if self._has_said_objective or table.best:
            return
        self._has_said_objective = True
        names = list(trial.scalars)
        near = nearest(objective.name, names)
        hint = f"did you mean '{near}'?" if near else f"it has {', '.join(names) or 'none'}"
        verb = "maximize" if objective.is_largest else "minimize"
        search = ", and values are drawn at random until one has" if self._is_sequential else ""
        log.warning(
            "trial %i has no scalar '%s' to %s%s - %s",
            trial.number,
            objective.name,
            verb,
            search,
            hint,
        )

    def end(self) -> None:
        """Show how the sweep ended, once, where a trial has."""
        if self._has_ended or not self._table or not self._number:
            return
        self._has_ended = True
        if self._teller and self.shows_status:
            with contextlib.suppress(OSError):
                self._teller.tell({})
        pending = sum(run.status == "pending" for run in self._runs)
        for line in self._table.ended(time.monotonic() - self._began, pending):
            self._write(line)

    def _write(self, line: str) -> None:
        encoding = sys.stdout.encoding
        sys.stdout.write(encoded(f"{printable(line)}\n", encoding).decode(encoding))
        sys.stdout.flush()

    def _columns(self) -> int:
        """The width of the table: that of the terminal, which is that of this process as well."""
        if not self.shows_status:
            return shutil.get_terminal_size((120, 24)).columns
        with contextlib.suppress(OSError):
            return os.get_terminal_size(0).columns or 80
        with contextlib.suppress(OSError), open("/dev/tty", "rb") as terminal:
            return os.get_terminal_size(terminal.fileno()).columns or 80
        return 80


@dataclass
class _Running:
    """A trial that runs, and began at a time of time.monotonic."""

    trial: Trial
    began: float
    output: Any = None  # Guild's


class _TrialTerminal(Terminal):
    """Takes the place of a terminal for the output of a trial of ``sweep``. With a ``label`` this
    is before each line, and lines are shown when they end, or are long."""

    def __init__(self, sweep: _Sweep, label: str) -> None:
        super().__init__(1, output_reader.write, draws=False)
        self._sweep = sweep
        self._label = label.encode()
        self._open_lines: dict[int, bytes] = {}

    def show(self, fd: int, data: bytes) -> None:
        if self._label:
            *lines, rest = (self._open_lines.get(fd, b"") + data).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            self._open_lines[fd] = rest
            data = b"".join(b"%b%b\n" % (self._label, line) for line in lines)
        self._sweep.show(fd, data)

    def close(self) -> None:
        super().close()
        with contextlib.suppress(OSError):
            for fd in [fd for fd, rest in self._open_lines.items() if rest]:
                self.show(fd, b"\n")

    def tick(self) -> None:
        self._sweep.tell(self._status)

    def write_line(self, line: str) -> None:
        """The sweep has a line for how the trial has ended."""


def _jobs(command: Sequence[str] | None) -> int:
    """How many trials run at once, by the command that they have: what it holds has been read by
    options.py, where it is not a reference to a flag."""
    text = forks.option(command, "jobs")
    return max(int(text), 1) if re.fullmatch(r"\d{1,4}", text) else 1


def _qualified_scalar(index: Any, run: Any, objective: str) -> float | None:
    """A scalar as optimizers are told it (guild/plugins/skopt_util.py:241): ``min loss``."""
    from guild import query

    try:
        column = query.parse_colspec(objective).cols[0]
    except query.ParseError:
        return None
    prefix, tag = column.split_key()
    value: float | None = index.run_scalar(run, prefix, tag, column.qualifier, False)
    return value


def _has_report(run: Any) -> bool:
    """Whether a run has a page to open, by the list of the files that it has made."""
    with contextlib.suppress(OSError), open(os.path.join(run.dir, ARTIFACTS), "rb") as file:
        return any(name.endswith(".html") for name in artifact_names(file.read()))
    return False


def _searched(flags: Mapping[str, Any]) -> dict[str, Sequence[Any] | None]:
    """The flags that an optimizer searches: their choices, None for a range."""
    from guild import flag_util

    found: dict[str, Sequence[Any] | None] = {}
    for name, value in sorted(flags.items()):
        if isinstance(value, list):
            found[name] = value
        elif flag_util.is_flag_function(value):
            found[name] = None
    return found


def _last_line(path: str) -> str:
    """The last line of a run's output, which says why it failed."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4096))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1].replace("guild-notebook: ", "") if lines else ""
    return one_line(re.sub("\x1b\\[[0-9;]*m", "", last))
