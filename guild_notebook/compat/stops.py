"""How runs are stopped: `guild stop` for those that have ended, and have kept their kernels, and
Ctrl-C before Guild waits for a run's process; and what cannot be recorded of their ends."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal
from collections.abc import Iterator
from typing import Any


def end_kept_kernels(module: Any) -> None:
    """Let ``guild stop RUN`` end the kernel that a run has kept (nb-keep-kernel), and without runs
    say which ones there are.

    guild/commands/runs_impl.py:1260, ``_stop_run``, does nothing for a run that has ended, and
    ``_stop_runs`` without runs is for those that go on. It is for what this package adds to Guild,
    so it is never needless.
    """
    stop, stop_several = module._stop_run, module._stop_runs

    def stop_run(run: Any, no_wait: Any) -> None:
        stop(run, no_wait)
        from .. import kernel_folders

        if os.path.isdir(run.dir) and kernel_folders.end_of_run(run.dir):
            module.cli.out(f"Ended the kernel that {run.id} has kept", err=True)

    def stop_runs(args: Any, ctx: Any) -> None:
        is_of_all = not args.runs
        try:
            stop_several(args, ctx)
        finally:
            if is_of_all:
                _say_what_is_kept(module.cli)

    module._stop_run, module._stop_runs = stop_run, stop_runs


def _say_what_is_kept(cli: Any) -> None:
    from guild import var

    from .. import kernel_folders

    for folder in kernel_folders.kept_in(os.path.realpath(var.runs_dir())):
        until, run = kernel_folders.time_of_day(folder.until), os.path.basename(folder.run_dir)[:8]
        cli.out(
            f"The kernel of run {run}, which has failed, is kept until {until}: "
            f"guild stop {run} ends it",
            err=True,
        )


def end_what_is_interrupted(run_impl: Any) -> None:
    """Let a Ctrl-C end a run, or a batch, also before Guild waits for its process
    (guild/op.py:290, ``_op_wait_for_proc``): it would be pending, or an error, for ever. Needless
    when Guild handles it from the run's first file on. A disk that is full, on which Guild records
    the exit status, is said in one line."""
    run_by_guild = run_impl._run_local

    @functools.wraps(run_by_guild)
    def run_local(state: Any) -> None:
        from guild import cli, run, var

        op = state.batch_op or state.user_op
        op.run_dir = op.run_dir or os.path.join(var.runs_dir(), run.mkid())
        try:
            run_by_guild(state)
        except KeyboardInterrupt:
            _end(op, run.for_dir(op.run_dir))
            raise
        except OSError as e:
            if e.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            cli.error(f"cannot write to {op.run_dir}: {e.strerror} - make room, and run it again")

    run_impl._run_local = run_local


def _end(op: Any, run: Any) -> None:
    from guild import exit_code, op_util
    from guild import op as oplib

    process = getattr(op, "_process", None)
    is_open = run.status == "pending" or (run.get("exit_status") is None and run.status != "staged")
    if not os.path.isdir(run.guild_path()) or not (process or is_open):
        return
    # That of a process for whose end Guild has waited.
    status = process.returncode if process else exit_code.KEYBOARD_INTERRUPT
    if status is None:
        status = oplib._handle_proc_keyboard_interrupt(process)
    op_util.clear_run_pending(run)
    oplib._op_finalize_run_attrs(run, status)


def start_without_interruption(oplib: Any) -> None:
    """Let a Ctrl-C while a process is started be one of that process, which would go on without
    Guild. It belongs to ``end_what_is_interrupted``."""
    start_by_guild = oplib._op_start_proc

    @functools.wraps(start_by_guild)
    def start(op: Any, *args: Any) -> Any:
        with _held() as held:
            op._process = start_by_guild(op, *args)
        if held:
            op._process.send_signal(signal.SIGINT)
            raise KeyboardInterrupt
        return op._process

    oplib._op_start_proc = start


@contextlib.contextmanager
def _held() -> Iterator[list[int]]:
    """The Ctrl-C that are pressed meanwhile, none of which raises KeyboardInterrupt."""
    held: list[int] = []
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield held
        return
    try:
        signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    except ValueError:  # not in the main thread, which alone is interrupted
        yield held
        return
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
