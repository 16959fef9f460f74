"""Small curves of scalars: inline SVG in the colour of the text around it."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 120, 28  # of a curve, in CSS pixels
_MARGIN = 3.0


def curve_html(points: Sequence[tuple[int, float]], text: str) -> str:
    """A curve of ``points``, steps and values in order, which a screen reader knows as ``text``; ""
    where fewer than two are numbers. What is not a number is a gap. Points with one step for all
    are as far apart as they are many."""
    if sum(math.isfinite(value) for _, value in points) < 2:
        return ""
    drawn = "".join(_parts(points))
    return (
        f'<svg class="curve" role="img" aria-label="{html.escape(text)}" width="{WIDTH}" '
        f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"><path d="{drawn}" fill="none" '
        'stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" '
        'stroke-linecap="round"/></svg>'
    )


def _parts(points: Sequence[tuple[int, float]]) -> Iterator[str]:
    """The commands of the path."""
    steps: Sequence[int] = [step for step, _ in points]
    if steps[0] == steps[-1]:
        steps = range(len(points))
    finite = [value for _, value in points if math.isfinite(value)]
    low, high = min(finite), max(finite)
    line: list[tuple[float, float]] = []
    for step, (_, value) in zip(steps, points):
        if math.isfinite(value):
            x = _between(step, steps[0], steps[-1], WIDTH)
            line.append((x, HEIGHT - _between(value, low, high, HEIGHT)))
        else:
            yield from _line(line)
            line = []
    yield from _line(line)


def _line(line: Sequence[tuple[float, float]]) -> Iterator[str]:
    """A line through points from left to right. Of many within two pixels it goes through the
    lowest and the highest, so that its size is bounded."""
    letter = "M"
    for _, column in itertools.groupby(line, lambda point: int(point[0] / 2)):
        kept = sorted(column, key=lambda point: point[1])
        for x, y in sorted({kept[0], kept[-1]} if len(kept) > 2 else kept):
            yield f"{letter}{x:.4g} {y:.4g}"
            letter = "L"
    if len(line) == 1:
        yield "h0"  # which is seen by its round ends


def _between(value: float, low: float, high: float, size: int) -> float:
    """Where ``value`` is on an axis of so many pixels, in its middle where all values are one."""
    span = high / 2 - low / 2  # of the largest floats too
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    return _MARGIN + share * (size - 2 * _MARGIN)
