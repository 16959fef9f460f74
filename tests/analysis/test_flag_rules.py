"""Flags that reach no cell, and those that are assigned again."""

from __future__ import annotations

import pytest

from guild_notebook.analysis import flag_rules
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook


def said(*cells: str | tuple[str, str], given: tuple[str, ...] = ()) -> list[str]:
    nb = notebook(*cells)
    return [
        f"{each.rule} {each.cell + 1}:{each.line}:{each.column} {each.level}"
        for each in flag_rules.findings(nb, discover(nb), given)
    ]


FORM = "lr = 0.1  #@param"


def test_a_flag_that_nothing_reads_reaches_no_cell():
    assert said(FORM, "x = 1") == ["flag-reaches-nothing 1:1:6 warning"]


def test_a_flag_that_the_notebook_does_not_declare_is_only_noted_unless_it_is_given():
    assert said("lr = 0.1", "x = 1\nprint(x)") == ["flag-reaches-nothing 1:1:6 note"]
    assert said("lr = 0.1", "x = 1\nprint(x)", given=("lr",)) == [
        "flag-reaches-nothing 1:1:6 warning"
    ]


READ = {
    "by a name": "print(lr)",
    "in a text that may be code": "df.query('a > @lr')",
    "by a command": "!train.py --lr $lr",
    "by a cell of another language": "%%bash -s $lr\necho $1",
    "in a function": "def f():\n    return lr",
    "by globals()": "print(globals())",
    "in the environment": "import os\nos.environ['FLAG_LR']",
    "by another notebook": "%run other.ipynb",
}


@pytest.mark.parametrize("cell", READ.values(), ids=READ)
def test_a_flag_that_may_be_read_is_not_said(cell: str):
    assert said(FORM, cell) == []


def test_a_comment_does_not_read_a_flag():
    assert said(FORM, "1  # lr is not used\n# lr") == ["flag-reaches-nothing 1:1:6 warning"]


def test_a_flag_that_is_assigned_again_is_said_where_that_is():
    cells = FORM, "print(lr)", "x = 1\nlr = 0.2"
    assert said(*cells) == ["flag-assigned-again 3:2:1 warning"]


def test_other_languages_are_not_read():
    nb = notebook("lr <- 0.1", language="R")
    assert list(flag_rules.findings(nb, discover(nb))) == []
