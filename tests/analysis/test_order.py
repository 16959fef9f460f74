"""Cells that their author ran in another order than they stand in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guild_notebook.analysis.checks import Checked, findings
from tests.helpers.notebooks import flags, notebook


def said(*cells: tuple[int | None, str]) -> list[str]:
    """The rule and the text for cells with the numbers that their author's runs gave them."""
    nb = notebook(*(source for _, source in cells))
    nb.cells = [replace(cell, number=number) for cell, (number, _) in zip(nb.cells, cells)]
    found = findings(Checked(nb, flags("")), lambda _: {})
    return [f"{each.cell + 1}: {each.text}" for each in found if each.rule == "run-out-of-order"]


def test_a_name_that_only_a_later_cell_binds_was_bound_before():
    assert said((2, "y = x"), (1, "x = 3")) == [
        "1: 'x' is used before cell [1] (x = 3) binds it, which its author ran first - "
        "move that cell up"
    ]


def test_a_cell_that_took_a_value_of_a_cell_below_gets_another():
    assert said((1, "x = 1"), (4, "y = x + 1"), (3, "x = 2")) == [
        "2: its author ran this cell after cell [3] (x = 2), which stands below and binds x: a run "
        "from top to bottom gives it another value - put the cells into the order in which they "
        "are meant to run"
    ]


NOTHING = {
    "in order": [(1, "x = 1"), (2, "y = x"), (3, "x = 2")],
    "with gaps": [(3, "x = 1"), (7, "y = x"), (9, "x = 2")],
    "never run": [(None, "x = 1"), (None, "y = x"), (None, "x = 2")],
    "of two sessions": [(1, "x = 1"), (3, "y = x"), (3, "x = 2")],
    "the cell above ran again between": [(4, "x = 1"), (5, "y = x"), (3, "x = 2")],
    "the same value": [(1, "x = 1"), (4, "y = x"), (3, "x = 1")],
    "the same import": [(1, "import os"), (4, "os.getcwd()"), (3, "import os, sys")],
    "the same value with another comment": [(1, "x = 1  # a"), (4, "y = x"), (3, "x = 1\n# b")],
    "the cell above ran again after": [(5, "x = 1"), (4, "y = x"), (3, "x = 2")],
    "the same symbol": [(1, "x = Symbol('x')"), (4, "y = x"), (3, "x, y = symbols('x y')")],
    "bound in the cell itself": [(1, "x = 1"), (4, "x = 3\ny = x"), (3, "x = 2")],
    "bound in a branch below": [(1, "x = 1"), (4, "y = x"), (3, "if y:\n    x = 2")],
}


@pytest.mark.parametrize("cells", NOTHING.values(), ids=NOTHING)
def test_nothing_is_said_of_other_orders(cells: list[tuple[int | None, str]]):
    assert said(*cells) == []
