"""The kernel of a run, for the commands that look into it."""

from __future__ import annotations

import os
import platform

from .. import kernel_folders
from ..errors import UserError
from ..kernel_folders import KernelFolder
from ..run.finished import FinishedRun
from ..texts import printable
from . import run_choice


def kernel_of(name: str) -> tuple[FinishedRun, KernelFolder]:
    """The run with this number or ID, and its kernel. Raises UserError where there is none."""
    from guild.run import Run

    kernel_folders.look("")
    run = FinishedRun(run_choice.run_dir(name))
    folder = kernel_folders.of_run(run.dir)
    if folder and folder.is_there:
        return run, folder
    shown, host = run.short_id, run.attr_value("host")
    if isinstance(host, str) and host not in ("", platform.node()):
        raise UserError(
            f"run {shown} was started on {printable(host)}, its kernel is not on this "
            "machine - say this there"
        )
    if Run(os.path.basename(run.dir), run.dir).status in ("pending", "running"):
        raise UserError(
            f"run {shown} has no kernel of its own now - say it again when it has begun, or has "
            "executed the cells that it shares with other trials"
        )
    raise UserError(
        f"run {shown} has ended, and its kernel with it - guild run NOTEBOOK nb-keep-kernel=error "
        "keeps that of a run that fails"
    )
