"""Curves: any numbers make a small path that stays within its box."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.run.report.curves import curve_html


def path(drawn: str) -> list[list[tuple[float, float]]]:
    """The lines of a curve."""
    (commands,) = re.findall(r' d="([^"]*)"', drawn)
    lines: list[list[tuple[float, float]]] = []
    for letter, x, y in re.findall(r"([ML])([-\d.]+) ([-\d.]+)", commands):
        if letter == "M":
            lines.append([])
        lines[-1].append((float(x), float(y)))
    return lines


POINTS = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=True, allow_infinity=True)),
    max_size=30,
).map(lambda points: sorted(points, key=lambda point: point[0]))


@given(POINTS)
def test_any_numbers_are_drawn_within_the_box(points):
    drawn = curve_html(points, "x")
    count = sum(math.isfinite(value) for _, value in points)
    assert bool(drawn) == (count > 1)
    if drawn:
        assert "nan" not in drawn and "inf" not in drawn
        inside = [3 <= x <= 117 and 3 <= y <= 25 for line in path(drawn) for x, y in line]
        assert all(inside) and inside


@pytest.mark.parametrize(
    ("points", "lines"),
    [
        ([(0, 1.0), (1, 0.0)], [[(3, 3), (117, 25)]]),
        ([(0, 1.0), (0, 0.0), (0, 1.0)], [[(3, 3), (60, 25), (117, 3)]]),  # without steps
        ([(0, 5.0), (9, 5.0)], [[(3, 14), (117, 14)]]),
        ([(10, 1.0), (11, 3.0), (20, 2.0)], [[(3, 25), (14.4, 3), (117, 14)]]),
        ([(0, 0.0), (1, math.nan), (2, 1.0)], [[(3, 25)], [(117, 3)]]),
        ([(0, -1.7e308), (1, 1.7e308)], [[(3, 25), (117, 3)]]),
    ],
)
def test_a_curve_goes_through_its_points(points, lines):
    assert path(curve_html(points, "x")) == lines


def test_a_curve_of_many_points_is_small_and_keeps_its_extremes():
    points = [(n, math.sin(n / 50)) for n in range(100_000)]
    points[50_000] = (50_000, 9.0)
    drawn = curve_html(points, "x")
    assert len(drawn) < 2_000
    assert min(y for line in path(drawn) for _, y in line) == 3


def test_what_a_curve_is_called_is_text():
    assert 'aria-label="&lt;b&gt; &quot;"' in curve_html([(0, 1.0), (1, 2.0)], '<b> "')
