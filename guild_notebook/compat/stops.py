"""`guild stop` for runs that have ended, and have kept their kernels."""

from __future__ import annotations

import os
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
