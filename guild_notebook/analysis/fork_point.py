"""Where the trials of a sweep begin to differ: how many of a notebook's first cells do the same in
each of them, and may be executed once for all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import MOST_NAMED, Discovered
from .effects import statements
from .reach import Flow


@dataclass(frozen=True)
class ForkPoint:
    """The first ``cells`` of those that run are shared. ``index`` is that of the first one that is
    not, None where all are, and ``why`` says why it is not: a clause that begins with "it", ""
    where all are."""

    cells: int
    index: int | None
    why: str


def fork_point(
    notebook: Notebook,
    found: Discovered,
    varying: Collection[str],
    indexes: Sequence[int],
    others: Collection[str] = (),
) -> ForkPoint:
    """Where trials differ whose flags ``varying`` have different values.

    ``found`` are the flags of ``notebook``, ``indexes`` the cells that run, in order. Names that
    are not flags of the notebook, and ``others``, are in the environment of a trial alone. Cells
    up to the first one that may depend on any of these are shared: what cannot be read may.
    """
    names = frozenset({*varying, *others})
    language = languages.name_of(notebook)
    if language != "python":
        return ForkPoint(0, min(indexes[:1], default=None), f"it is {language}, which is not read")
    sites: dict[int, list[tuple[int, str]]] = {}
    for name in names & found.flags.keys():
        for site in found.flags[name].sites:
            sites.setdefault(site.cell, []).append((site.start, name))
    # What comes after the first cell that holds a flag is not executed before the fork.
    end = next((n for n, index in enumerate(indexes) if index in sites), len(indexes))
    read = [statements(notebook.cells[index].source) for index in indexes[:end]]
    flow = Flow(names, [each for cell in read for each in cell])
    for number, index in enumerate(indexes[:end]):
        if flow.cell(notebook.cells[index], read[number], ()) is None or flow.why:
            return ForkPoint(number, index, flow.why)
    if end == len(indexes):
        return ForkPoint(end, None, "")
    held = sorted({name for _, name in sites[indexes[end]]})
    if len(held) > MOST_NAMED + 1:
        held = [*held[:MOST_NAMED], f"{len(held) - MOST_NAMED} more"]
    listed = " and ".join(filter(None, [", ".join(held[:-1]), held[-1]]))
    return ForkPoint(end, indexes[end], f"it depends on {listed}")
