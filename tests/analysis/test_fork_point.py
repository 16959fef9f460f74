"""Where the trials of a sweep begin to differ."""

from __future__ import annotations

from collections.abc import Collection

from guild_notebook.analysis.fork_point import ForkPoint, fork_point
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook

DEPENDS = "it depends on lr"
VARIABLES = "it may read the run's variables"


def point(
    cells: Collection[str], varying: Collection[str] = ("lr",), others: Collection[str] = ()
) -> ForkPoint:
    nb = notebook(*cells)
    return fork_point(nb, discover(nb), varying, range(len(nb.cells)), others)


def test_cells_before_the_first_that_holds_a_flag_are_shared():
    assert point(["import os", "x = 1", "lr = 0.1", "lr"]) == ForkPoint(2, 2, DEPENDS)
