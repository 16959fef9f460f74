"""A flag that is set and assigned again later: the warning names the cells, and there is none where
what is set counts to the end."""

from __future__ import annotations

import re

import pytest

from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import flags, notebook


def warned_cells(found, **values):
    """The cells that the one warning names, by their positions; "" where there is no warning."""
    lines = [line for line in found.warnings_for(values) if "again" in line]
    assert len(lines) <= 1
    listed = lines[0].split("assigned again in ")[1].split(": its value")[0] if lines else ""
    cells = re.findall(r"(?:^|, | and )the (\d+[a-z]+) cell", listed)
    return f"{' and '.join(filter(None, [', '.join(cells[:-1]), *cells[-1:]]))} cell" * bool(cells)


@pytest.mark.parametrize(
    ("cells", "warned"),
    [
        (("x = 1", "x = 2"), "2nd cell"),
        (("x = 1", "y = 2", "if y: x = 2", "x: int = 3"), "3rd and 4th cell"),
        (("x = 1", "x = f()", "x, y = 2, 3", "y = x = 4"), "2nd, 3rd and 4th cell"),
        (("x = 1", "(a, b), (c, x) = f()", "[a, x] = f()"), "2nd and 3rd cell"),
        (("x = 1; y = 2; x = 3",), "1st cell"),
        (("x = 1\nx = 2",), "1st cell"),
        (("x = 1", "with f() as x: pass"), "2nd cell"),
        (("x = 1", "import a as x"), "2nd cell"),
        (("x = 1", "def x(): pass"), "2nd cell"),
        (("x = 1", "try: pass\nexcept E as x: pass"), "2nd cell"),
        (("x = 1", "y = (x := 2)"), "2nd cell"),
        (("x = 1", "def f():\n    global x\n    x = 2"), "2nd cell"),
        (("x = 1", "%%time\nx = 2"), "2nd cell"),
        (("x = 1", "%time x = 2"), "2nd cell"),
        (("x = 1", "x = !ls"), "2nd cell"),
        (("x = 0.1", "for a in b:\n    x = 0.01"), "2nd cell"),
        (("x = 1 #@param", "x = 2"), "2nd cell"),
        (("x = 1 #@param", "for x in y: pass"), "2nd cell"),
        ((("x = 1", "parameters"), "for x in y: pass"), "2nd cell"),
        # nothing of what is set is lost
        (("y = 1", "x = 1"), ""),
        (("x = f()", "x = 1"), ""),
        (("x = 0.1", "x = x * 2"), ""),
        (("x = 0.1", "x *= 2"), ""),
        (("x = 'a'", "x = Path(x)"), ""),
        (("x = None", "if x is None: x = 3"), ""),
        (("x = 1", "if x > 3:\n    x = 3"), ""),
        (("x = 1", "def f():\n    x = 2"), ""),
        (("x = 1", "class A:\n    x = 2"), ""),
        (("x = 1", "y = [x for x in z]"), ""),
        (("x = 1", "a.x = 2; f(x=2); y = x == 2"), ""),
        ((("x = 1", "parameters"), ("x = 2", "parameters")), ""),
        (("x = 1 #@param", "x = 1 #@param"), ""),
        (("x = 1", ("x = 2", "injected-parameters")), ""),
    ],
)
def test_a_flag_that_is_set_and_assigned_again_is_warned_of(cells, warned):
    found = flags(*cells)
    assert warned_cells(found, x=77) == warned
    assert warned_cells(found, x=[77, 78]) == warned
    assert warned_cells(found, x="[1:9]") == warned


def test_one_that_is_not_set_is_not():
    found = flags("x = 1\ny = 2", "x = 2")
    assert warned_cells(found) == ""
    assert warned_cells(found, x=1) == ""
    assert warned_cells(found, y=3) == ""
    assert warned_cells(found, x=3, y=3) == "2nd cell"


@pytest.mark.parametrize(
    ("language", "cells", "warned"),
    [
        ("r", ("x <- 1", "x <- 2", "if (y) {\n  x <- 3\n}"), "2nd and 3rd cell"),
        ("r", ("x <- 1", "f <- function() {\n  x <- 2\n}", "g(\n  x = 3,\n  y = 4\n)"), ""),
        ("r", ("x <- 1", "x <- as.integer(x)"), ""),
        ("julia", ("x = 1", "x = 2", "function f()\n    x = 2\nend"), "2nd cell"),
        ("bash", ("x=1", "x=2", "y=$x"), "2nd cell"),
    ],
)
def test_so_it_is_in_other_languages(language, cells, warned):
    assert warned_cells(flags(*cells, language=language), x=77) == warned


def test_a_name_that_guild_yml_makes_a_flag_is_warned_of_where_a_loop_sets_it():
    found = discover(notebook("i = 3", "for i in range(3): pass"), wanted=["i"])
    assert warned_cells(found, i=5) == "2nd cell"


def test_a_pattern_is_not():
    found = discover(notebook("x = 1", "x = 2"), {"x": "x = (.)"})
    assert warned_cells(found, x=5) == ""


def test_of_many_cells_the_first_are_named():
    (line,) = flags("x = 1", *[f"x = {n}" for n in range(20)]).warnings_for({"x": 5})
    assert line.count(" cell ") == 1 + 5
    assert "the 6th cell (x = 4) and 15 more: its value" in line


def test_a_value_of_a_secret_flag_is_not_in_the_warning_as_the_name_of_its_cell():
    found = discover(notebook("pin = '1'; a = 2", "pin = '5678'"), secrets={"pin": "PIN"})
    (line,) = [line for line in found.warnings_for({"pin": "9"}) if "again" in line]
    assert line.startswith("flag pin in the 1st cell is set, and assigned again in the 2nd cell:")
    assert found.flags["a"].label == "a in the 1st cell"


def test_the_warning_says_what_to_do():
    (line,) = flags("x = 1", "x = 2").warnings_for({"x": 5})
    assert line.endswith(
        " is set, and assigned again in the 2nd cell (x = 2): its value holds until there - "
        "take out what assigns it again, or set that too by nb-replace in guild.yml"
    )
