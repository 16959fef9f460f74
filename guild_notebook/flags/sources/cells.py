"""The code cells of a notebook; each is parsed once at most."""

from __future__ import annotations

from functools import cached_property

from ...document.reader import Cell, Notebook
from .. import languages
from ..languages.language import NameAssignment, NotAFlag
from ..languages.source import Source
from ..model import Skipped

INJECTED_TAG = "injected-parameters"
PARAMETERS_TAG = "parameters"


class CodeCell:
    """A code cell; ``language`` is the name of its language, as ``languages.name_of`` has it."""

    def __init__(self, cell: Cell, language: str) -> None:
        self.index = cell.index
        self.text = cell.source
        self.tags = cell.tags
        self.language = language

    @cached_property
    def assignments(self) -> list[NameAssignment | NotAFlag]:
        """The assignments at the top level of the cell, in order."""
        return list(languages.named(self.language).assignments(self.text))

    @cached_property
    def _source(self) -> Source:
        return Source(self.text)

    def skipped(self, offset: int, reason: str) -> Skipped:
        """What is passed over at ``offset`` of the text, and why."""
        line = self._source.position(offset)[0]
        return Skipped(self.index, line, self._source.line_at(offset), reason)


def code_cells(notebook: Notebook) -> list[CodeCell]:
    """The code cells that a run executes: all but those that papermill injected."""
    language = languages.name_of(notebook)
    return [
        CodeCell(cell, language)
        for cell in notebook.cells
        if cell.is_code and INJECTED_TAG not in cell.tags
    ]
