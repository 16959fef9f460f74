"""Which elements of two sequences are the same one, and differences of lines."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.compare import alignment
from guild_notebook.compare.alignment import common, unified
from tests.helpers.growth import check_growth

LINES = st.lists(st.sampled_from("abcdef"), max_size=20)


@pytest.fixture(params=[alignment.MOST, 0], ids=["short", "long"])
def _most(request: pytest.FixtureRequest):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "MOST", request.param)
        yield


@pytest.mark.usefixtures("_most")
@given(LINES, LINES)
def test_what_is_common_is_equal_and_in_order(a: list[str], b: list[str]):
    pairs = list(common(a, b))
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(i < m and j < n for (i, j), (m, n) in zip(pairs, pairs[1:]))


@pytest.mark.usefixtures("_most")
@given(LINES, LINES, st.integers(0, 3))
def test_a_unified_difference_makes_one_text_of_the_other(a: list[str], b: list[str], context: int):
    made = unified(a, b, context)
    assert patched(a, made) == b
    assert bool(made) == (a != b)


def patched(a: list[str], lines: list[str]) -> list[str]:
    """What patch(1) makes of ``a``."""
    made, place = [], 0
    for line in lines:
        if line.startswith("@@"):
            start, _, length = line.split()[1][1:].partition(",")
            first = int(start) - (length != "0")  # lines count from 1
            made += a[place:first]
            place = first
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert a[place] == line[1:]
            made += [line[1:]] * (line[0] == " ")
            place += 1
    return made + a[place:]


def test_it_is_as_that_of_difflib():
    a = [f"line {n}" for n in range(60)]
    b = [*a[:5], "new", *a[6:20], *a[22:40], "one", "two", *a[40:59], "last"]
    for context in (0, 2, 3):
        expected = list(difflib.unified_diff(a, b, n=context, lineterm=""))[2:]
        assert unified(a, b, context) == expected


def every_other(size: int) -> tuple[list[str], list[str]]:
    a = [f"line {n}" for n in range(size)]
    return a, [line if n % 2 else f"{line}!" for n, line in enumerate(a)]


def repeated(size: int) -> tuple[list[str], list[str]]:
    return ["x", "y"] * size, ["y", "z"] * size


@pytest.mark.parametrize("make", [every_other, repeated])
def test_long_texts_are_compared_in_linear_time(make: Any):
    check_growth(lambda pair: unified(*pair), make, 4_000)


def test_lines_that_are_there_once_hold_together_what_is_around_them():
    a = [f"{n // 2}" if n % 2 else "same" for n in range(6_000)]
    b = [*a[:1000], *(f"new {n}" for n in range(500)), *a[1000:3000], *a[3100:], "end"]
    pairs = list(common(["start", *a], b))
    assert len(pairs) == 5_900


def test_what_only_one_has_does_not_shift_what_is_repeated():
    a = ["loss"] * 3_000
    b = [*["loss"] * 10, "warning", *["loss"] * 2_980, "warning", *["loss"] * 10]
    assert [i for i, _ in common(a, b)] == list(range(3_000))
