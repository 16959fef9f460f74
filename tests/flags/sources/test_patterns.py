from __future__ import annotations

import time

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import edited, notebook


@pytest.mark.parametrize("values", [{"a": 1.1, "b": 2.2}, {"b": 2.2, "a": 1.1}])
def test_no_flags_value_hides_the_match_of_another(values):
    nb = notebook("print(1 + 2)")
    found = discover(nb, {"a": r"print\((.*) \+", "b": r"\+ (.*)\)"})
    assert edited(nb, found, values) == {0: "print(1.1 + 2.2)"}


def test_each_group_is_replaced_in_each_cells_first_match():
    nb = notebook("f(1, 1)\nf(1, 1)", "f(1, 1)", "g()")
    found = discover(nb, {"a": r"f\((\d), (\d)\)"})
    assert edited(nb, found, {"a": 7}) == {0: "f(7, 7)\nf(1, 1)", 1: "f(7, 7)"}


def test_the_whole_match_is_replaced_where_there_is_no_group():
    nb = notebook("x = 10\ny = 20")
    found = discover(nb, {"a": [r"(?<=^y = )\d+$", r"(?<=^x = )\d+$"]})
    assert found.flags["a"].default == 20
    assert edited(nb, found, {"a": 1}) == {0: "x = 1\ny = 1"}


def test_a_default_that_is_no_literal_is_shown_and_never_evaluated():
    found = discover(notebook("f(1 + 1)"), {"a": r"f\((.*)\)"})
    assert (found.flags["a"].computed, found.flags["a"].default_source) == (True, "1 + 1")


def test_overlapping_edits_are_an_error():
    nb = notebook("x = 10")
    found = discover(nb, {"a": "10", "b": "0"})
    with pytest.raises(FlagError, match="flag a and b would change the same text of the 1st cell "):
        edited(nb, found, {"a": 1, "b": 2})
    assert edited(nb, found, {"a": 10, "b": 5}) == {0: "x = 15"}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing", "matches nothing"),
        ("(x", "does not compile"),
        (["1", "nothing"], "'nothing' of flag a matches nothing"),
        ([], "empty list"),
        ([3], "give it a pattern"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_an_error_of_its_flag(pattern, message):
    nb = notebook("x = 1")
    found = discover(nb, {"a": pattern})
    assert message in found.errors["a"]
    with pytest.raises(FlagError, match="flag a"):
        edited(nb, found, {"a": 2})


def test_a_pattern_that_backtracks_for_ever_stops_after_a_second():
    start = time.monotonic()
    found = discover(notebook("a" * 100), {"a": r"(a|aa)+\d\b(?!b)"})
    assert time.monotonic() - start < 60  # a limit for a hang: without its own it takes years
    assert "has run for a second" in found.errors["a"]
