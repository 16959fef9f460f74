"""The report of a run: which file it is, and showing it in a browser."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError


def report_of(run: str | None) -> str:
    """The path of the report of a run: the one whose number `guild runs` shows, or whose ID begins
    with ``run``, as Guild's commands take it; or the newest run of a notebook. Raises UserError
    where there is no such run, several, or no report."""
    from guild import var

    runs = var.runs(sort=["-timestamp"])
    if run is None:
        dirs = [each.dir for each in runs if os.path.exists(_artifacts(each.dir))][:1]
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
    (run_dir,) = dirs
    if report := next(_reports(run_dir), ""):
        return report
    name = os.path.basename(run_dir)[:8]
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


def _artifacts(run_dir: str) -> str:
    return os.path.join(run_dir, ".guild", "notebook-artifacts")


def _reports(run_dir: str) -> Iterator[str]:
    """The pages that a run has made and that are there, in their order."""
    try:
        lines = Path(_artifacts(run_dir)).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    root = os.path.realpath(run_dir)
    for line in lines:
        name: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            name = json.loads(line)
        if isinstance(name, str) and name.endswith(".html") and "\0" not in name:
            path = os.path.realpath(os.path.join(root, name))
            if os.path.isfile(path) and os.path.commonpath([root, path]) == root:
                yield path
