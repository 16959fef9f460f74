from __future__ import annotations

import contextlib
import re

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import edited, flags, notebook, run


@pytest.mark.parametrize(
    ("source", "name", "default"),
    [
        ("x = 1", "x", 1),
        ("x = -1.5", "x", -1.5),
        ("x = +2", "x", 2),
        ("x = 'a' \"b\"", "x", "ab"),
        ("x = (\n  'a'\n  'b'\n)", "x", "ab"),
        ("x: int = 3", "x", 3),
        ("a = 1; x = 2", "x", 2),
        ("y = x = 1", "x", 1),
        ("x = None", "x", None),
        ("x = True", "x", True),
        ("x = [1, -2, [3]]", "x", [1, -2, [3]]),
        ("x = 1, 2", "x", (1, 2)),
        ("x = {'a': (1, None)}", "x", {"a": (1, None)}),
        ("x = {1, 2}", "x", {1, 2}),
        ("ü = 'ä'; x = 'ö'", "x", "ö"),
        ("%matplotlib inline\nx = 1\nfoo?", "x", 1),
        ("%%time\nx = 1;", "x", 1),
        ("x = 1\nif y:\n    !ls\n", "x", 1),
        ("x = 1\nprint 'two'\n", "x", 1),
        ("x = 1\ny = (2\nz = 3", "z", 3),
        ("a = '''open\nx = 1", "x", 1),
        ("\ufeffx = 1", "x", 1),
        ("    x = 1\n    !ls", "x", 1),
        ("x = 1\ny = '\ud800'", "x", 1),
        ("x = 1\rz = 2\r", "z", 2),
        ("case = 3", "case", 3),
        ("match = 'a'", "match", "a"),
    ],
)
def test_a_literal_at_the_top_level_is_a_flag(source, name, default):
    found = flags(source).flags
    assert found[name].default == default
    assert type(found[name].default) is type(default)


@pytest.mark.parametrize(
    "source",
    ["x = f()", "x = 1 + 1", "x += 1", "x == 1", "if 1:\n  x = 1", "x = bytes(3)",
     "x = 1j * y", "x = bytearray(b'1')", "x = memoryview(b'1')",
     "%%bash\nx=1", "x = f'{y}'", "x: int", "'''\nx = 1\n'''", "# x = 1", "x = ..."],
)  # fmt: skip
def test_anything_else_is_no_flag(source):
    assert "x" not in flags(source).flags


def test_a_name_in_several_cells_is_one_flag_from_the_first():
    found = flags("x = 1", "x = 2")
    assert found.flags["x"].default == 1
    assert [(s.cell, s.line, s.source) for s in found.skipped] == [(1, 1, "x = 2")]
    assert "in the 1st cell (x = 1)" in found.skipped[0].reason


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("x = 1 # why\n", {"x": 2}, "x = 2 # why\n"),
        ("x = 1", {"x": 1}, "x = 1"),
        ("x = 1", {"x": 1.0}, "x = 1.0"),
        ("x = '1'", {"x": "1"}, "x = '1'"),
        ("x = 1", {"x": None}, "x = None"),
        ("ü = 'ä'; x = 'ö'", {"x": "ß"}, "ü = 'ä'; x = 'ß'"),
        ("x = (\r\n 1\r\n)\r\n", {"x": 2}, "x = (\r\n 2\r\n)\r\n"),
        ('x = "a"', {"x": 'say "it\'s"\n'}, 'x = "say \\"it\'s\\"\\n"'),
        ("x = [1, 2]", {"x": "3 4.5 a"}, "x = [3, 4.5, 'a']"),
        ("x = [1, 2]", {"x": "1 2"}, "x = [1, 2]"),
        ("x = ['a']", {"x": "1 true"}, "x = ['1', 'true']"),
        ("x = [1, 2]", {"x": [5]}, "x = [5]"),
        ("x = 1, 2", {"x": "3"}, "x = 3,"),
        ("x = 1, 2", {"x": "3 4"}, "x = 3, 4"),
        ("x = (1, 2)", {"x": "3"}, "x = (3,)"),
        ("x = tuple([1, 2])", {"x": "3"}, "x = (3,)"),
        ("x = {'a': 1}", {"x": {"a": 2}}, "x = {'a': 2}"),
        ("x = 0.1", {"x": float("inf")}, 'x = float("inf")'),
        ("!ls\nx = 1;y = 2", {"x": 3, "y": 4}, "!ls\nx = 3;y = 4"),
    ],
)
def test_a_new_value_takes_the_place_of_the_old_and_nothing_else(source, values, expected):
    assert run(source, **values) == expected


def test_a_wanted_name_is_looked_for_in_the_next_source():
    nb = notebook(("x = 1", "parameters"), "y = 2\nz = 3")
    assert list(discover(nb).flags) == ["x"]
    assert list(discover(nb, wanted=["y"]).flags) == ["x", "y"]


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("a, b = 1, 2", {"a": 5}, "a, b = 5, 2"),
        ("lr, momentum = 0.1, 0.9  # é", {"momentum": 0.5}, "lr, momentum = 0.1, 0.5  # é"),
        ("ü, b = 'ä', 'ö'", {"b": "ß"}, "ü, b = 'ä', 'ß'"),
        ("(a, b) = (1, 2)", {"a": 5, "b": 6}, "(a, b) = (5, 6)"),
        ("[a, b] = [ 1 ,2 ]", {"b": 6}, "[a, b] = [ 1 ,6 ]"),
        ("a, (b, c) = 1, (2, 3)", {"c": 9}, "a, (b, c) = 1, (2, 9)"),
        ("a, b = (\n  1,  # one\n  2)", {"b": 3}, "a, b = (\n  1,  # one\n  3)"),
        ("a, b = (1, 2), 3", {"a": "7 8"}, "a, b = (7, 8), 3"),
        ("a, b = [1], 3", {"a": "7 8"}, "a, b = [7, 8], 3"),
        ("a, b = 1, f(x)", {"a": 5}, "a, b = 5, f(x)"),
        ("x = 0; a, b = 1, 2; y = 3", {"b": 5}, "x = 0; a, b = 1, 5; y = 3"),
        ("c = a, b = 1, 2", {"b": 5}, "c = a, b = 1, 5"),
    ],
)
def test_names_that_are_assigned_together_are_a_flag_each(source, values, expected):
    assert run(source, **values) == expected


@pytest.mark.parametrize(
    ("source", "names", "reasons"),
    [
        ("a, b = f()", [], ["an assignment to several names"]),
        ("a, *b = 1, 2, 3", [], ["an assignment to several names"]),
        ("a, b = *x, 1", [], ["an assignment to several names"]),
        ("a, b = 1, 2, 3", [], ["an assignment to several names"]),
        ("a, (b, c) = 1, d", ["a"], ["an assignment to several names"]),
        ("a, b.c = 1, 2", ["a"], ["an assignment to no name"]),
        ("a, b = 1, c", ["a"], ["not a literal"]),
        ("a = b = 3", ["b"], ["a has the value of b, which is set for both"]),
        ("a, a = 1, 2", ["a"], ["a is assigned before, in the 1st cell (a, a = 1, 2)"]),
    ],
)
def test_what_cannot_be_told_apart_is_passed_over_with_a_reason(source, names, reasons):
    found = flags(source)
    assert list(found.flags) == names
    assert [skipped.reason for skipped in found.skipped] == reasons


@pytest.mark.parametrize(
    "before", ["import os", "from a import b", "print('a=1')", "print(1); import os"]
)
def test_an_assignment_is_found_behind_another_statement_of_its_line(before):
    (flag,) = flags(f"{before}; x = 1").flags.values()
    assert (flag.name, flag.default) == ("x", 1)


@pytest.mark.parametrize(
    ("comment", "description"),
    [
        ("  # learning rate", "learning rate"),
        ("#learning rate", "learning rate"),
        (";  ## learning rate, see issue #5 ", "learning rate, see issue #5"),
        ("  # learning rate  # noqa: E501", "learning rate"),
        ("  # noqa  # learning rate", "learning rate"),
        ("  # type: ignore[assignment]  # pylint: disable=invalid-name  # nosec", ""),
        ("  # fmt: skip", ""),
        ("  # pragma: no cover", ""),
        ("  # ruff: noqa", ""),
        ("  # nosec B105", ""),
        ("  # type of the model", "type of the model"),
        ("  # black is the colour", "black is the colour"),
        ("  # type: int  how many", "how many"),
        ("  # learning rate (per step)", "learning rate (per step)"),
        ("  #: learning rate", "learning rate"),
        ("  # %%", ""),
        ("\n# learning rate", ""),
        ("  \n", ""),
    ],
)
def test_the_comment_behind_an_assignment_describes_it(comment, description):
    for source in (f"x = 1{comment}", f"# above\nx = 1{comment}\ny = 2  # another"):
        assert flags(source).flags["x"].description == description
        assert flags((source, "parameters")).flags["x"].description == description


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("r", "x <- 0.1 # learning rate"),
        ("r", "x <- c(1, # one\n 2) # learning rate # nolint"),
        ("julia", "x = 0.1 # learning rate"),
        ("julia", "x = 0.1 #= learning rate =#"),
        ("bash", "x=0.1 # learning rate\ny=1"),
        ("bash", "export x='a b'  # learning rate"),
    ],
)
def test_so_it_does_in_other_languages(language, source):
    found = discover(notebook(source, language=language), wanted=["x"])  # also where it is data
    assert found.flags["x"].description == "learning rate"


def test_an_assignment_of_an_expression_is_a_flag_where_guild_yml_names_it():
    nb = notebook("pct = 5 * 60  # seconds\nother = 2 * 3\nx = 1")
    found = discover(nb, wanted=["pct"])
    assert list(found.flags) == ["x", "pct"]
    assert found.flags["pct"].description == "seconds"
    assert edited(nb, found, {"pct": "7*60"})[0].splitlines()[0] == "pct = 7*60  # seconds"
    alone = discover(notebook("pct = 5 * 60"), wanted=["pct"])
    assert (alone.source, list(alone.flags)) == ("assignments", ["pct"])


@pytest.mark.parametrize("n", [180, 3000])
@pytest.mark.parametrize(
    "source",
    ["x = a{.b()}", "x = a{ + b}", "x = 'a'{ + b}", "x = a{[1]}", "a{.b} = x = 1", "a{[1]} = x = 1",
     "x = Path('a'{, 'b'})", "x = {[}{]}", "x = {(}1{,)}",
     "x = Path(a{.b}).c()", "x = 1  {# noqa }", "x = 1 {; )}#", "{x, }y = {1, }2"],
)  # fmt: skip
def test_no_assignment_is_too_long_or_too_deep(source, n):
    for repeated in re.findall("{(.*?)}", source):
        source = source.replace(f"{{{repeated}}}", repeated * n, 1)
    for tag in ("parameters", ""):
        nb = notebook((source, tag))
        found = discover(nb, wanted=["x"])
        for flag in found.flags.values() if len(found.flags) < 20 else ():
            guild_values.flag_data(flag)
            for value in ("a(1)", 3, "[" * n, "(" * n, "f(" * n + ")" * n, "a" + ".b()" * n):
                with contextlib.suppress(FlagError):
                    edited(nb, found, {flag.name: value})
