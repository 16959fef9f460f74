"""The report of a run: which file it is, and showing it in a browser."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ..errors import UserError
from ..run.finished import FinishedRun


def report_of(run: str | None) -> str:
    """The path of the report of a run: the one whose number `guild runs` shows, or whose ID begins
    with ``run``, as Guild's commands take it; or the newest run of a notebook. Raises UserError
    where there is no such run, several, or no report."""
    from guild import var

    runs = var.runs(sort=["-timestamp"])
    if run is None:
        dirs = [each.dir for each in runs if FinishedRun(each.dir).is_of_notebook()][:1]
        missing = "there is no run of a notebook yet - guild run NOTEBOOK.ipynb makes one"
    elif run.isdecimal() and len(run) < 8 and 0 < int(run) <= len(runs):
        dirs = [runs[int(run) - 1].dir]
    else:
        dirs = [each.dir for each in runs if each.id.startswith(run.lower())]
        missing = f"there is no run {run} - give a number or ID of guild runs, or none for the last"
    if not dirs:
        raise UserError(missing)
    if len(dirs) > 1:
        raise UserError(f"{run} begins the IDs of {len(dirs)} runs - give more of it")
    found = FinishedRun(dirs[0])
    if made := found.reports():
        return found.path(made[0])
    name = os.path.basename(found.dir)[:8]
    raise UserError(f"run {name} has no report - what there is of it: guild ls {name}")


def show(path: str) -> bool:
    """Open a page in a browser with windows; returns whether there is one."""
    import webbrowser

    has_windows = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    with contextlib.suppress(webbrowser.Error, OSError):
        return has_windows and webbrowser.open(Path(path).as_uri())
    return False
