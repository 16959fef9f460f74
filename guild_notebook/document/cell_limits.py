"""The time that a cell of a notebook has, where its author says so at the cell: in its metadata,
``timeout`` or ``guild.timeout``, or by a tag, ``timeout=600`` or ``timeout:600``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..errors import NotebookError, shown
from .cells import Cell, cell_label, cell_names
from .reader import mapping

_TAG = re.compile(r"timeout\s*[=:](.*)", re.IGNORECASE)
NONE = ("none", "-1")  # what stands for no limit; nbclient has -1 for it


class CellLimit(NamedTuple):
    """The ``seconds`` that a cell has, None for no limit, and what says so."""

    seconds: float | None
    option: str


NO_LIMIT = CellLimit(None, "")


def own_limits(nb: Any, cells: Sequence[Cell], indexes: Sequence[int]) -> dict[int, CellLimit]:
    """The limits of those cells that have one of their own, by the index; only those with the
    ``indexes`` are looked at. ``nb`` is the document that has the ``cells``. Raises NotebookError
    for what is not a number of seconds above 0."""
    found: dict[int, CellLimit] = {}
    for index in indexes:
        for value, option in _said(nb["cells"][index]["metadata"], cells[index].tags):
            text = shown(value).strip().lower()
            seconds = None if text in NONE or value is None else _seconds(text)
            if seconds is not None and not seconds > 0:
                label = cell_label(index + 1, cell_names(cells)[index])
                raise NotebookError(
                    f"{label}: {option} takes a number of seconds above 0, or none, not "
                    f"'{shown(value)[:40]}' - correct it in the notebook"
                )
            found.setdefault(index, CellLimit(seconds, option))
    return found


def _said(metadata: Any, tags: Sequence[str]) -> Iterator[tuple[Any, str]]:
    """What a cell says of its time, and where; the first counts."""
    for where in (metadata, mapping(metadata.get("guild"))):
        if "timeout" in where:
            yield where["timeout"], "its timeout"
    for tag in tags:
        if match := _TAG.fullmatch(tag.strip()):
            yield match[1], "its tag timeout"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return -1.0
    return seconds if math.isfinite(seconds) else -1.0
