"""The process of a batch's next trial is started while a trial runs.

The trials of a grid, of a batch file and of a random search are known before the first runs. Guild
starts the process of each when the one before has ended, and that of a notebook imports libraries
for some tenths of a second before it reads anything. So it is started earlier, with the command,
the environment, the folder and the pipes with which Guild will start it, imports them and waits
(start.py). Guild gets this process where it starts just that. Else it ends, as it does when the
batch ends in whatever way, since a pipe from it closes then.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import start
from ..compat import batches, with_changes

LONGEST_SECONDS = 60.0
"""A process that has waited so long ends, since it holds memory, and no more are started: where
trials take longer, a second less for each is no gain."""

_RUNNER = start.arguments("guild_notebook.run")


def start_early() -> None:
    """Let this process, a batch, start its trials so, and none once it is being stopped."""
    from guild import op

    batches.write_attributes_in_threads()
    trials = _Trials(op.subprocess.Popen)
    batches.when_made(trials.runs.extend)
    batches.when_stopped(trials.end)
    op.subprocess = with_changes(op.subprocess, Popen=trials.start)
    atexit.register(trials.end)


def stay_pending(run_dir: str) -> None:
    """Let Guild go on as if the trial in ``run_dir`` had ended, for which no process is started."""
    from guild import op_util

    op_util.set_run_pending(op_util.init_run(run_dir))
    raise SystemExit(0)


@dataclass
class _Waiting:
    """A process that was started by ``command``, the arguments and options of Guild's Popen, and
    begins once it can read from ``pipe``."""

    process: subprocess.Popen[bytes]
    pipe: int
    command: Any

    def begin(self) -> bool:
        """Let it begin; returns whether it was still there."""
        if self.process.poll() is not None:
            return False
        try:
            os.write(self.pipe, b"1")
        except BrokenPipeError:
            return False
        os.close(self.pipe)
        return True

    def end(self) -> None:
        os.close(self.pipe)
        self.process.terminate()
        self.process.communicate()


class _Trials:
    """The trials of a batch, ``runs`` of Guild, whose processes ``popen`` starts."""

    def __init__(self, popen: Callable[..., subprocess.Popen[bytes]]) -> None:
        self._popen = popen
        self.runs: list[Any] = []
        self._lock = threading.Lock()
        self._waiting: _Waiting | None = None
        self._preparing: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._starts_early = True
        self._is_ending = False

    def start(self, args: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a process for Guild, as ``subprocess.Popen`` does.

        Where the batch is being stopped, the trial stays pending instead: Guild looks before
        (guild/batch_util.py:143), and would end what runs by then, and wait for this one.
        """
        if self._preparing:
            self._preparing.join()
        with self._lock:
            if self._is_ending:
                stay_pending(options["cwd"])
            waiting, self._waiting = self._waiting, None
            if waiting and waiting.command == (args, options) and waiting.begin():
                process = waiting.process
            else:
                if waiting:
                    waiting.end()
                process = self._popen(args, **options)
        if args[1 : len(_RUNNER) + 1] == _RUNNER and self._starts_early:
            self._preparing = threading.Thread(target=self._prepare, args=(options,), daemon=True)
            self._preparing.start()
        return process

    def _prepare(self, options: dict[str, Any]) -> None:
        """Start the process of the trial after the one whose process Guild started with
        ``options``."""
        dirs = [run.dir for run in self.runs]
        after = dirs.index(options["cwd"]) + 1 if options["cwd"] in dirs else len(dirs)
        for run in self.runs[after : after + 1]:
            with contextlib.suppress(Exception, SystemExit):  # Guild says it in its turn
                args, env = _command(run)
                command = args, {**options, "cwd": run.dir, "env": env}
                self._start_waiting(command)

    def _start_waiting(self, command: tuple[list[str], dict[str, Any]]) -> None:
        args, options = command
        read_end, write_end = os.pipe()
        env = {**options["env"], start.WAITS: str(read_end)}
        try:
            process = self._popen(args, **{**options, "env": env}, pass_fds=[read_end])
        finally:
            os.close(read_end)
        with self._lock:
            self._waiting = _Waiting(process, write_end, command)
        if self._timer:
            self._timer.cancel()
        self._timer = threading.Timer(LONGEST_SECONDS, self._give_up, [self._waiting])
        self._timer.daemon = True
        self._timer.start()

    def _give_up(self, waiting: _Waiting) -> None:
        with self._lock:
            if self._waiting is waiting:
                self._starts_early, self._waiting = False, None
                waiting.end()

    def end(self) -> None:
        """Start no more, and end the process that waits."""
        with self._lock:
            self._is_ending = True
            waiting, self._waiting = self._waiting, None
            if waiting:
                waiting.end()


def _command(run: Any) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of a trial's process (guild/commands/run_impl.py, run, and
    guild/op.py, _op_start_proc)."""
    from guild import click_util, op
    from guild.commands import run as command
    from guild.commands import run_impl

    context = command.run.make_context("", [])
    context.params.update(restart=run.id, yes=True)
    operation = run_impl._init_state(click_util.Args(**context.params)).user_op
    return operation.cmd_args, op._op_proc_env(operation, run)
