"""The code cells of a notebook as sources of flags; each cell is parsed once at most."""

from __future__ import annotations

from functools import cached_property

from ...document.reader import Cell, Notebook
from . import table
from .source import Source

INJECTED_TAG = "injected-parameters"
PARAMETERS_TAG = "parameters"


class CodeCell:
    """One code cell with its text as Python; ``source`` is read when it is first asked for."""

    def __init__(self, cell: Cell, language: str) -> None:
        self.index = cell.index
        self.text = cell.source
        self.tags = cell.tags
        self.language = language

    @property
    def is_python(self) -> bool:
        return self.language == "python" and self.source.is_python

    @cached_property
    def source(self) -> Source:
        return Source(self.text)


def code_cells(notebook: Notebook) -> list[CodeCell]:
    """The code cells that a run executes: all but those that papermill injected."""
    language = table.of(notebook)
    return [
        CodeCell(cell, language)
        for cell in notebook.cells
        if cell.is_code and INJECTED_TAG not in cell.tags
    ]
