"""Notebooks made inline: cells in, a Notebook out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guild_notebook.document.cells import Cell
from guild_notebook.document.reader import Notebook
from guild_notebook.flags.apply import assignments, edited_sources
from guild_notebook.flags.discover import Discovered, discover


def notebook(*cells: str | tuple[str, str], language: str = "python") -> Notebook:
    """A notebook of code cells; a pair is a cell's source and its tag."""
    pairs = [(cell, None) if isinstance(cell, str) else cell for cell in cells]
    return Notebook(
        "test.ipynb",
        {"metadata": {"kernelspec": {"name": "test", "language": language}}},
        [
            Cell(index, "code", source, (tag,) if tag else ())
            for index, (source, tag) in enumerate(pairs)
        ],
    )


def flags(*cells: str | tuple[str, str], **options: Any) -> Discovered:
    return discover(notebook(*cells, **options))


def edited(nb: Notebook, found: Discovered, values: Mapping[str, Any]) -> dict[int, str]:
    """The sources of the cells that a run with ``values`` changes."""
    return edited_sources(nb, assignments(found, values))


def run(source: str, **values: Any) -> str:
    """The one cell ``source`` as a run with ``values`` executes it."""
    nb = notebook(source)
    return edited(nb, discover(nb), values).get(0, source)
