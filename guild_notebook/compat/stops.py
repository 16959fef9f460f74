"""`guild stop RUN` for a run that has ended, and has kept its kernel."""

from __future__ import annotations

import os
from typing import Any


def end_kept_kernels(module: Any) -> None:
    """Let ``guild stop`` end the kernel that a run has kept (nb-keep-kernel).

    guild/commands/runs_impl.py:1260, ``_stop_run``, does nothing for a run that has ended. It is
    for what this package adds to Guild, so it is never needless.
    """
    stop = module._stop_run

    def stop_run(run: Any, no_wait: Any) -> None:
        stop(run, no_wait)
        from .. import kernel_folders

        if os.path.isdir(run.dir) and kernel_folders.end_of_run(run.dir):
            module.cli.out(f"Ended the kernel that {run.id} has kept", err=True)

    module._stop_run = stop_run
