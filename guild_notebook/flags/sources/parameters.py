"""Assignments in cells tagged ``parameters``, which is papermill's convention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...document.cells import Cell
from ...document.reader import Notebook
from ..languages.language import NotAFlag
from ..model import Flag, Found, Skipped
from .assignments import INJECTED_TAG, PARAMETERS_TAG, CodeCell, flag, have_same_default


def find(cells: Iterable[CodeCell]) -> Found:
    """Flags from the top-level assignments of all cells with the tag, computed ones included.

    A name that is assigned more than once is one flag with a site for each assignment: its value
    holds for the whole notebook, as that of a parameter of papermill does.
    """
    flags: dict[str, Flag] = {}
    passed_over: list[Skipped] = []
    for cell in cells:
        for assignment in cell.assignments if PARAMETERS_TAG in cell.tags else ():
            if isinstance(assignment, NotAFlag):
                passed_over.append(cell.skipped(assignment.start, assignment.reason))
                continue
            new = flag(cell, assignment, "parameter")
            if old := flags.get(new.name):
                mixed = old.mixed or not have_same_default(old, new)
                new = replace(old, sites=old.sites + new.sites, mixed=mixed)
            flags[new.name] = new
    return Found(list(flags.values()), passed_over)


def injected_cells(notebook: Notebook) -> list[int]:
    """Indexes of the cells that papermill has added in an earlier run. A run's notebook must not
    hold them: they would set the parameters to the values of that run."""
    return [cell.index for cell in notebook.cells if _is_injected(cell)]


def kept_cells(notebook: Notebook) -> list[Cell]:
    """The others, which a run's notebook has."""
    return [cell for cell in notebook.cells if not _is_injected(cell)]


def _is_injected(cell: Cell) -> bool:
    return cell.is_code and INJECTED_TAG in cell.tags
