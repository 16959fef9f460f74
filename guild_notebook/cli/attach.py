"""`guild-notebook attach`: a console (jupyter_console) on the kernel of a run, which goes on or has
kept it (nb-keep-kernel)."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import UserError
from ..kernel_folders import time_of_day
from .run_kernel import kernel_of


def lines(name: str) -> Iterator[str]:
    """Open the console, until it is left. Raises UserError where that is not possible."""
    run, folder = kernel_of(name)
    try:
        from . import console
    except ImportError:
        raise UserError(
            "attach needs jupyter_console - pip install 'guild-notebook[console]'"
        ) from None
    shown = run.short_id
    if folder.until:
        yield f"the kernel of run {shown} is kept until {time_of_day(folder.until)}"
    else:
        yield (
            f"run {shown} goes on: its kernel answers when its cell has ended - "
            f"guild-notebook stack {shown} says where it is"
        )
    yield "exit, or Ctrl-D, leaves the console; the kernel stays as it is"
    console.open_on(folder)
    if not folder.is_there:
        yield "the kernel has ended"
    elif folder.until:
        yield f"the kernel is kept on - guild stop {shown} ends it"
