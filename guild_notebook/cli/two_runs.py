"""The two runs that a command compares."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..compare.model import Run
from ..errors import UserError
from ..run.finished import FinishedRun
from . import run_choice

_SOURCECODE = os.path.join(".guild", "sourcecode", "")


def found(names: Sequence[str]) -> list[Run]:
    """The two runs that are named, or the newest two of notebooks, the older one first. Raises
    UserError for a name of which there is none, and where neither has something to compare."""
    paths = [*map(_path, names)]
    if not paths:
        paths = run_choice.newest(2, FinishedRun.executed_notebook)[::-1]
    from ..compare import reading

    runs = {run.dir: run for run in reading.read_runs(filter(os.path.isdir, paths))}
    made = [runs[path] if path in runs else reading.read_notebook(path) for path in paths]
    if not any(run.cells or run.scalars for run in made):
        why = "; ".join(dict.fromkeys(run.reason or f"{run.status} run" for run in made))
        raise UserError(f"there is nothing to compare: neither run has cells or scalars ({why})")
    return made


def _path(name: str) -> str:
    """The directory of the run of a number or an ID, or in which a path is; the absolute path of a
    notebook file that is not the executed one of a run."""
    is_path = os.sep in name or name in (os.curdir, os.pardir) or name.endswith(".ipynb")
    if not is_path and not (os.path.exists(name) and not _is_like_id(name)):
        return run_choice.run_dir(name)
    path = os.path.abspath(name)
    if not os.path.lexists(path):
        raise UserError(f"{name} does not exist - give runs, their directories or notebooks")
    run_dir = _run_dir_above(path)
    if run_dir and not _is_other_notebook(run_dir, os.path.relpath(path, run_dir)):
        return run_dir
    if os.path.isdir(path):
        raise UserError(f"{name} is not the directory of a run - guild runs info has that")
    return path


def _is_like_id(name: str) -> bool:
    return all(c in "0123456789abcdef" for c in name.lower())


def _run_dir_above(path: str) -> str:
    """The directory of the run in which ``path`` lies, "" where it is in none."""
    while not os.path.isdir(os.path.join(path, ".guild", "attrs")):
        path, last = os.path.split(path)
        if not last:
            return ""
    return path


def _is_other_notebook(run_dir: str, name: str) -> bool:
    """Whether a file of a run is a notebook, and not the executed one: its source, for example."""
    is_notebook = name.endswith(".ipynb") or name.startswith(_SOURCECODE)
    is_file = os.path.isfile(os.path.join(run_dir, name))
    return is_notebook and is_file and name != FinishedRun(run_dir).executed_notebook()
