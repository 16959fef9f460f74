from __future__ import annotations

import pytest

from guild_notebook.flags.discover import discover
from guild_notebook.flags.sources.parameters import injected_cells
from tests.helpers.notebooks import edited, flags, notebook


@pytest.mark.parametrize(
    ("line", "type_", "default", "description"),
    [
        ("x = 1", "number", 1, ""),
        ("x: int = 1", "integer", 1, ""),
        ("x: float = 1  # the rate", "number", 1, "the rate"),
        ("x: 'str' = None", "string", None, ""),
        ("x: Optional[int] = None", "integer", None, ""),
        ("x: bool | None = None", "boolean", None, ""),
        ("x = 1  # type: int", "integer", 1, ""),
        ("x = 1  # type: float the rate", "number", 1, "the rate"),
        ("x: int = 1  # type: str", "integer", 1, ""),
        ("x: List[str] = ['a']  # names", None, ["a"], "names"),
        ("y = 2; x = (\n  'a'\n)  # wrapped", "string", "a", "wrapped"),
        ("x = f(1)  # computed", None, None, "computed"),
    ],
)
def test_annotation_then_type_comment_then_literal_give_the_type(line, type_, default, description):
    found = flags((line, "parameters"))
    flag = found.flags["x"]
    assert found.source == "parameters"
    assert (flag.type, flag.default, flag.description) == (type_, default, description)
    assert flag.kind == "parameter"


def test_more_than_one_tagged_cell_counts_and_a_name_in_both_is_one_flag():
    nb = notebook(("x = 1\ny = 2", "parameters"), "z = 3", ("x = 4", "parameters"))
    found = discover(nb)
    assert list(found.flags) == ["x", "y"]
    assert edited(nb, found, {"x": 9}) == {0: "x = 9\ny = 2", 2: "x = 9"}
    assert edited(nb, found, {"x": None}) == {}


def test_a_computed_parameter_is_replaced_as_a_whole():
    nb = notebook(("path = f('a') + \\\n  'b'  # where", "parameters"))
    found = discover(nb)
    assert edited(nb, found, {"path": None}) == {}
    assert edited(nb, found, {"path": "p"}) == {0: "path = 'p'  # where"}


def test_what_papermill_injected_is_dropped_and_declares_nothing():
    nb = notebook(("x = 1", "parameters"), ("x = 2\ny = 3", "injected-parameters"), "z = 4")
    assert injected_cells(nb) == [1]
    assert list(discover(nb, wanted=["y"]).flags) == ["x"]


def test_forms_come_before_tagged_cells_and_these_before_assignments():
    nb = notebook("a = 1 #@param", ("b = 2", "parameters"), "c = 3")
    assert list(discover(nb).flags) == ["a"]
    assert list(discover(nb, wanted=["c", "b"]).flags) == ["a", "b", "c"]


def test_assignments_that_are_no_parameters_are_said():
    found = flags(("x = 1\na, b = f()\nx += 1\nd.e = 1\nf = !ls", "parameters"))
    assert {s.reason for s in found.skipped} == {
        "an assignment to several names",
        "an augmented assignment",
        "an assignment to no name",
        "a line of IPython",
    }
