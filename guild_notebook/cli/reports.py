"""The report of a run: which file it is, and showing it in a browser."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ..errors import UserError
from ..run.finished import FinishedRun
from . import run_choice


def report_of(run: str | None) -> str:
    """The path of the report of a run: the one whose number `guild runs` shows, or whose ID begins
    with ``run``, as Guild's commands take it; or the newest run of a notebook. Raises UserError
    where there is no such run, several, or no report."""
    dirs = (
        [run_choice.run_dir(run)]
        if run is not None
        else run_choice.newest(1, FinishedRun.is_of_notebook)
    )
    found = FinishedRun(dirs[0])
    if made := found.reports():
        return found.path(made[0])
    name = found.short_id
    raise UserError(f"run {name} has no report - what there is of it: guild ls {name}")


def show(path: str) -> bool:
    """Open a page in a browser with windows; returns whether there is one."""
    import webbrowser

    has_windows = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    with contextlib.suppress(webbrowser.Error, OSError):
        return has_windows and webbrowser.open(Path(path).absolute().as_uri())
    return False
