"""A notebook file as a run, so that it can be compared with one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from ..document import cells as named_cells
from ..document import reader, states
from ..flags import languages
from . import outputs
from .model import Cell, Run


def read_notebook(path: str) -> Run:
    """The notebook at ``path`` as a run without flags, whose operation is the path, and the id a
    digest of that. Raises NotebookError."""
    notebook = reader.read(path)
    names = named_cells.cell_names(notebook.cells)
    nodes = notebook.data["cells"]
    cells = [_cell(cell, nodes[cell.index], name) for cell, name in zip(notebook.cells, names)]
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return Run(digest, "", path, notebook=path, language=languages.name_of(notebook), cells=cells)


def _cell(cell: named_cells.Cell, node: Mapping[str, Any], name: str) -> Cell:
    metadata = node.get("metadata")
    guild = metadata.get("guild") if isinstance(metadata, dict) else None
    state = guild.get("status") if isinstance(guild, dict) else None
    return Cell(
        index=cell.index,
        kind=cell.kind,
        label=named_cells.cell_label(cell.index + 1, name, cell.number),
        name=name,
        source=cell.source,
        executed=cell.source,
        id=str(node.get("id") or ""),
        number=cell.number,
        state=state if isinstance(state, str) else "",
        seconds=states.seconds(node),
        outputs=outputs.cell_outputs(node) if cell.is_code else [],
    )
