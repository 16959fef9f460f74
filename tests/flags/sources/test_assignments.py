from __future__ import annotations

import pytest

from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import flags, notebook, run


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
    ["x = f()", "x = 1 + 1", "x += 1", "x == 1", "if 1:\n  x = 1", "x = b'1'",
     "x = 1j", "%%bash\nx=1", "x = f'{y}'", "x: int", "'''\nx = 1\n'''", "# x = 1", "x = ..."],
)  # fmt: skip
def test_anything_else_is_no_flag(source):
    assert "x" not in flags(source).flags


def test_a_name_in_several_cells_is_one_flag_from_the_first():
    found = flags("x = 1", "x = 2")
    assert found.flags["x"].default == 1
    assert [(s.cell, s.line, s.source) for s in found.skipped] == [(1, 1, "x = 2")]
    assert "cell 0" in found.skipped[0].reason


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
