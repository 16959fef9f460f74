"""What the executed notebook says of the run and of each of its cells, in ``metadata.guild``.

docs/run-directory.md has the words: cells that are not to run have no state.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..errors import NotebookError, nearest
from .cells import Cell, cell_label, cell_names, ordinal
from .measures import Measures

RUNNING, NOT_RUN = "running", "not run"

ENDED_BY_RUN = ("timed out", "over memory", "kernel died")
"""States of cells whose end has no exception of the notebook."""

States = dict[int, str]  # the state of each cell that is to run, by its index


_SAID = re.compile(
    r"(?:cell )?\[?(?P<number>\d{1,9})\]?(?: \(.*\))?"
    r"|(?:the )?(?P<position>\d{1,9})(?:st|nd|rd|th)(?: cell)?(?: \(.*\))?"
)
"""How messages call a cell (cells.py, cell_label), and what is short for it."""


def indexes_to_run(
    cells: Sequence[Cell], skip_tags: Sequence[str], until: str | None = None
) -> list[int]:
    """Indexes of the cells that a run executes: code that is not empty, without a skip tag, and not
    behind the cell that is called ``until``. Raises NotebookError where there is none."""
    skipped = {"skip-execution", *skip_tags}  # nbclient's default for skip_cells_with_tag
    indexes = [
        cell.index
        for cell in cells
        if cell.is_code and cell.source.strip() and not skipped.intersection(cell.tags)
    ]
    if until is None:
        return indexes
    last = index_of(cells, indexes, until)
    return [index for index in indexes if index <= last]


def index_of(cells: Sequence[Cell], indexes: Sequence[int], said: str) -> int:
    """The index of a cell by what it is called: its name, the number that it has among the cells
    that run, which have the ``indexes``, or its position. Raises NotebookError where no cell is
    called so, or several are."""
    names = cell_names(cells)
    of_name = [i for i in indexes if names[i] == said]
    of_name = of_name or [i for i in indexes if names[i].casefold() == said.casefold()]
    if len(of_name) == 1:
        return of_name[0]
    if of_name:
        found = ", ".join(ordinal(index + 1) for index in of_name)
        raise NotebookError(
            f"{len(of_name)} cells are called '{said}', the {found} - say which: "
            f"{ordinal(of_name[0] + 1)}"
        )
    match = _SAID.fullmatch(said)
    if match and match["number"] and 0 < int(match["number"]) <= len(indexes):
        return indexes[int(match["number"]) - 1]
    if match and match["position"] and 0 < int(match["position"]) <= len(cells):
        return int(match["position"]) - 1
    near = nearest(said, [names[i] for i in indexes if names[i]])
    labels = [cell_label(i + 1, names[i], number) for number, i in enumerate(indexes, 1)]
    hint = f"did you mean '{near}'?" if near else f"the last is {''.join(labels[-1:])}"
    raise NotebookError(f"no cell that runs is called '{said}' - {hint}")


def put(
    nb: Any,
    states: Mapping[int, str],
    status: str = RUNNING,
    failed_cell: int | None = None,
    measures: Mapping[int, Measures] = MappingProxyType({}),
    last_cell: int | None = None,
    shared: Container[int] = (),
) -> set[int]:
    """Put the state of the run and of its cells into ``nb``; returns the indexes of the cells that
    change. ``failed_cell`` is the index of the cell that ended the run, ``measures`` what cells
    took, and ``last_cell`` the index of the last that is to run, where that is not the last of the
    notebook (nb-until). Those in ``shared`` have been executed once for several runs
    (shared_cells.py). A limit that the author has put there stays."""
    cells = {"failed_cell": failed_cell, "last_cell": last_cell}
    known = {key: index for key, index in cells.items() if index is not None}
    nb["metadata"]["guild"] = {"status": status, **known}
    changed = set()
    for index, state in states.items():
        metadata = nb["cells"][index]["metadata"]
        own = metadata.get("guild")
        limit = {"timeout": own["timeout"]} if isinstance(own, dict) and "timeout" in own else {}
        taken = measures[index].metadata() if index in measures else {}
        shares = {"shared": True} if index in shared and state != NOT_RUN else {}
        said = {**limit, "status": state, **taken, **shares}
        if metadata.get("guild") != said:
            metadata["guild"] = said
            changed.add(index)
    return changed


def is_shared(cell: Mapping[str, Any]) -> bool:
    """Whether a cell has been executed once for several runs; its times are of that."""
    try:
        return cell["metadata"]["guild"]["shared"] is True
    except (KeyError, TypeError):
        return False
