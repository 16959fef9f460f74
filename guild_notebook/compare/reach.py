"""Which cells of a run a flag may reach, by its kept source."""

from __future__ import annotations

from collections.abc import Collection

from ..analysis import reach
from ..document.reader import Notebook
from ..errors import UserError
from ..flags.sources import parameters
from ..run.finished import FinishedRun
from .model import Run
from .ranking import Reached


def reached(run: Run) -> Reached:
    """By the index of a cell of the run the flags that may reach it, None where that is not known.
    Cells of a run without its source are not there."""
    files = FinishedRun(run.dir)
    try:
        notebook, kept = _source(files, run)
        found = reach.reached(notebook, files.discovered(notebook), run.flags)
    except (OSError, UserError):
        return {}
    return {place: found[index] for place, index in enumerate(kept) if index in found}


def dependencies(run: Run, cells: Collection[int]) -> dict[int, frozenset[int] | None]:
    """By the index of a cell of the run those of the earlier ``cells`` on which it may depend, None
    where that is not known. Cells of a run without its source are not there."""
    files = FinishedRun(run.dir)
    try:
        notebook, kept = _source(files, run)
    except (OSError, UserError):
        return {}
    places = {index: place for place, index in enumerate(kept)}
    found = reach.dependencies(notebook, [kept[place] for place in cells if place < len(kept)])
    return {
        places[index]: None if on is None else frozenset(map(places.__getitem__, on))
        for index, on in found.items()
        if index in places
    }


def _source(files: FinishedRun, run: Run) -> tuple[Notebook, list[int]]:
    """The kept source of a run, and the indexes of its cells that the executed notebook has. Raises
    NotebookError and OSError."""
    path = files.kept_source(run.notebook) if run.notebook else ""
    if not path:
        raise FileNotFoundError
    notebook = files.notebook(path)
    return notebook, [cell.index for cell in parameters.kept_cells(notebook)]
