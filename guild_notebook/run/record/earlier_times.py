"""How long the cells of a notebook took in earlier runs of the same operation, by the executed
notebooks of these."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ...document.measures import measures_of
from ...document.reader import mapping
from .run_dir import RunDir
from .run_files import RunFiles

MOST_RUNS = 3  # runs that are read
MOST_LOOKED_AT = 300  # the newest runs, among which they are looked for
LARGEST = 20_000_000  # bytes of an executed notebook that is read


def earlier_times(record: RunDir, cells: Sequence[Any]) -> dict[int, float]:
    """The seconds that each of the ``cells`` took when it was last completed, by the cell's index:
    one with the same source, or the one in its place where the notebook had as many cells. Without
    those that no earlier run has completed."""
    found: dict[int, float] = {}
    for run_dir in _earlier_runs(record):
        earlier = _cells(RunFiles(run_dir), record.executed_path)
        times = [_seconds(cell) for cell in earlier]
        by_source = {_source(cell): seconds for cell, seconds in zip(earlier, times)}
        has_places = len(earlier) == len(cells)
        for index, cell in enumerate(cells):
            seconds = by_source.get(_source(cell))
            if seconds is None and has_places:
                seconds = times[index]
            if seconds is not None:
                found.setdefault(index, seconds)
    return found


def _earlier_runs(record: RunDir) -> Iterator[str]:
    """The folders of the newest other runs of the operation."""
    operation = _operation(record.dir)
    home = os.path.dirname(record.dir)
    if operation is None:
        return
    with os.scandir(home) as entries:
        dirs = [entry.path for entry in entries if os.path.basename(record.dir) != entry.name]
    dirs.sort(key=_modified, reverse=True)
    same = (run_dir for run_dir in dirs[:MOST_LOOKED_AT] if _operation(run_dir) == operation)
    yield from islice(same, MOST_RUNS)


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _operation(run_dir: str) -> list[str] | None:
    """What a run is of: the words of its ``opref``, without that for the version of a guild.yml."""
    try:
        words = shlex.split(RunFiles(run_dir).read(".guild/opref").decode("utf-8"))
    except (OSError, ValueError):
        return None
    return [*words[:1], *words[2:]]


def _cells(run: RunFiles, name: str) -> list[Any]:
    try:
        if os.stat(run.path(name)).st_size > LARGEST:
            return []
        cells = mapping(json.loads(run.read(name))).get("cells")
    except (OSError, ValueError, RecursionError):
        return []
    return cells if isinstance(cells, list) else []


def _source(cell: Any) -> str:
    source = mapping(cell).get("source")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _seconds(cell: Any) -> float | None:
    """The seconds that a cell of an executed notebook took, None where it was not completed."""
    metadata = mapping(mapping(cell).get("metadata"))
    is_completed = mapping(metadata.get("guild")).get("status") == "completed"
    return measures_of(cell).seconds if is_completed else None
