"""What the executed notebook says of the run and of each of its cells, in ``metadata.guild``.

docs/run-directory.md has the words: cells that are not to run have no state.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .cells import Cell

RUNNING, NOT_RUN = "running", "not run"

States = dict[int, str]
"""The state of each cell that is to run, by its index."""


def indexes_to_run(cells: Sequence[Cell], skip_tags: Sequence[str]) -> list[int]:
    """Indexes of the cells that a run executes: code that is not empty, without a skip tag."""
    skipped = {"skip-execution", *skip_tags}  # nbclient's default for skip_cells_with_tag
    return [
        cell.index
        for cell in cells
        if cell.is_code and cell.source.strip() and not skipped.intersection(cell.tags)
    ]


def put(
    nb: Any,
    states: Mapping[int, str],
    status: str = RUNNING,
    failed_cell: int | None = None,
    peaks: Mapping[int, int] = MappingProxyType({}),
) -> set[int]:
    """Put the state of the run and of its cells into ``nb``; returns the indexes of the cells that
    change. ``failed_cell`` is the index of the cell that ended the run, and ``peaks`` is the peak
    memory of the kernel while cells ran, in bytes."""
    cell = {} if failed_cell is None else {"failed_cell": failed_cell}
    nb["metadata"]["guild"] = {"status": status, **cell}
    changed = set()
    for index, state in states.items():
        metadata = nb["cells"][index]["metadata"]
        memory = {"peak_memory": {"kernel": peaks[index]}} if index in peaks else {}
        if metadata.get("guild") != {"status": state, **memory}:
            metadata["guild"] = {"status": state, **memory}
            changed.add(index)
    return changed


def seconds(cell: Mapping[str, Any]) -> float | None:
    """How long a cell took by the times in its metadata, which nbclient writes; None where that is
    not known."""
    try:
        times = cell["metadata"]["execution"]
        start, end = (
            datetime.datetime.fromisoformat(str(times[key]).replace("Z", "+00:00"))
            for key in ("iopub.execute_input", "shell.execute_reply")
        )
        return (end - start).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
