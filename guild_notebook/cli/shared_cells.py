"""Where the trials of a sweep with nb-fork would part, in what the commands print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..analysis.fork_point import ForkPoint, fork_point, second_point
from ..document import states
from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import Discovered
from ..flags.sources import parameters

MOST_CHARACTERS = 500_000
"""Of a notebook, up to which it is said of each flag: a second of reading."""

MOST_CELLS = 2_500
"""Cells times flags that are read for it."""


def by_flag(nb: Notebook, found: Discovered) -> dict[str, ForkPoint]:
    """Where trials part that differ in one flag alone, by its name; of a large notebook of some
    flags, or none."""
    size = sum(len(cell.source) for cell in nb.cells)
    if not found.flags or languages.name_of(nb) != "python" or size > MOST_CHARACTERS:
        return {}
    indexes = _indexes(nb)
    names = [*found.flags][: MOST_CELLS // max(len(indexes), 1)]
    return {name: fork_point(nb, found, [name], indexes) for name in names}


def lines(nb: Notebook, found: Discovered) -> Iterator[str]:
    """What trials share that differ in one flag: a line for flags of which it is the same. Nothing
    where each flag is held by the first cell, as the table of flags says."""
    points = by_flag(nb, found)
    alike: dict[tuple[Any, ...], list[str]] = {}
    is_worth_saying = False
    for name, point in points.items():
        alike.setdefault((point.cells, point.index, _why(point, name)), []).append(name)
        is_worth_saying |= point.cells > 0 or not (point.sets or point.depends)
    if not is_worth_saying:
        return
    for (cells, index, why), names in alike.items():
        point = points[names[0]] if len(names) == 1 else ForkPoint(cells, index, why)
        yield f"  {', '.join(names)}: {_said(nb, point)}"
    if left := len(found.flags) - len(points):
        yield f"  {left} more: guild-notebook preview {nb.path} NAME='[A, B]' says it"


def _why(point: ForkPoint, name: str) -> str:
    """Why a cell is not shared by trials that differ in the flag ``name``; it is called "each" in
    what may be so of others."""
    if not point.depends or point.sets - {name}:
        return point.why
    return "it sets each, and what follows depends on each" if point.sets else "it depends on each"


def of_trials(
    nb: Notebook, found: Discovered, trials: int, counts: Mapping[str, int], is_constant: bool
) -> Iterator[str]:
    """What ``trials`` share; ``counts`` has the flags in which they differ, and how many values
    each has, which are constants or not."""
    indexes = _indexes(nb)
    point = fork_point(nb, found, counts, indexes, is_constant)
    yield f"with nb-fork these trials share {_said(nb, point)}"
    about = nb, found, trials, counts, indexes, is_constant, point
    if point.cells and (second := second_point(*about)):
        later, same = second
        yield f"those with the same value of {' and '.join(sorted(same))} share {_said(nb, later)}"


def data(points: Mapping[str, ForkPoint], name: str) -> dict[str, Any] | None:
    """A flag's fork point as JSON data, None where it is not known."""
    if name not in points:
        return None
    point = points[name]
    return {"cells": point.cells, "cell": point.index, "why": point.why}


def _said(nb: Notebook, point: ForkPoint) -> str:
    number = len(_indexes(nb))
    if point.index is None:
        return f"all {number} cells"
    label = nb.labels[point.index]
    if not point.cells:
        return f"no cells: {label} is the first, and {point.why}"
    return f"{point.cells} of {number} code cells, those before {label}: {point.why}"


def _indexes(nb: Notebook) -> list[int]:
    return states.indexes_to_run(parameters.kept_cells(nb), ())
