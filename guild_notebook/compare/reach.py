"""Which cells of a run a flag may reach, by its kept source."""

from __future__ import annotations

from ..analysis import reach
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
        path = files.kept_source(run.notebook) if run.notebook else ""
        if not path:
            return {}
        notebook = files.notebook(path)
        found = reach.reached(notebook, files.discovered(notebook), run.flags)
    except (OSError, UserError):
        return {}
    dropped = set(parameters.injected_cells(notebook))  # which the executed notebook lacks
    kept = [cell.index for cell in notebook.cells if cell.index not in dropped]
    return {place: found[index] for place, index in enumerate(kept) if index in found}
