"""How the time of some work grows with its input: twice the input may take 2.5 times as long."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from tests.helpers.figures import figure

DOUBLED = 2.5
"""The most by which time may grow where the size doubles: quadratic work takes four times as long,
and a measurement on a machine that does other things too is not exact."""

NOISE = 0.002
"""Seconds that are lost in what else a process does."""


def seconds_of(work: Callable[[Any], Any], value: Any, repeat: int = 1) -> float:
    """Seconds of the processor that ``work`` takes, the least of several times."""
    times = []
    for _ in range(repeat):
        began = time.process_time()
        work(value)
        times.append(time.process_time() - began)
    return min(times)


def least(measure: Callable[[], float], limit: float) -> float:
    """The least of what is measured up to five times, until it is below a limit: other processes
    may have been in the way."""
    found = measure()
    for _ in range(4):
        if found < limit:
            break
        found = min(found, measure())
    return found


def check_growth(
    work: Callable[[Any], Any], make: Callable[[int], Any], size: int, name: str = ""
) -> None:
    """``work`` on ``make(size)`` and on eight times as much. With a ``name``, for heavy tests, the
    two sizes between are measured as well, and the times noted as a figure."""
    values = [make(size * factor) for factor in ((1, 2, 4, 8) if name else (1, 8))]
    allowed = DOUBLED if name else DOUBLED**3
    times = [seconds_of(work, values[0], repeat=3)]
    gc.disable()  # a collection takes longer the more objects there are, those of other tests too
    try:
        for value in values[1:]:
            times.append(seconds_of(work, value))
            for _ in range(3):  # other processes may have been in the way
                if not is_linear(times, allowed):
                    times = [min(t, seconds_of(work, v)) for t, v in zip(times, values)]
            if not is_linear(times, allowed):
                break  # larger ones may take very long
    finally:
        gc.enable()
    if name:
        shown = " ".join(f"{t:.2f}" for t in times)
        figure(f"{name}: seconds for n, 2n, 4n, 8n", shown, f"{DOUBLED} times each")
    assert is_linear(times, allowed), times


def is_linear(times: list[float], allowed: float) -> bool:
    return all(
        after <= allowed * max(before, NOISE) + NOISE for before, after in zip(times, times[1:])
    )
