"""The default output scalar patterns, beside Guild's own."""

from __future__ import annotations

import math
import time

import pytest
from guild import summary

from guild_notebook.scalars import default_patterns

OURS = summary._init_patterns(default_patterns(["lr", "a.b", "c++"]))
GUILDS = summary._init_patterns(summary.DEFAULT_OUTPUT_SCALARS)


def matched(line: str) -> dict[str, float]:
    return summary._match_line(line, OURS)


@pytest.mark.parametrize(
    "line",
    [
        "loss: 0.3",
        "loss: -1.5e-3",
        "train/loss: 1",
        "x: 1 (step 7)",
        "x: 1 (7)",
        "Epoch: 3 loss: 0.5 (step 4)",
        "größe: 2",
        "a:b: 3",
        "loss:  5",
        "loss: 5 (of many)",
        "train loss: 1",
        "Epoch 1: 0.5",
        "a: 1 b: 2",
        "acc = 0.9",
        "50%",
        "3.0 ms",
        "loss : 1",
        "  loss: 1",
        "loss:1",
        "loss: e",
        "http://x.y/z: 80",
        "",
    ],
)
def test_a_line_means_what_it_means_to_guild(line):
    assert matched(line) == summary._match_line(line, GUILDS)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss: 1e+5", 1e5),
        ("loss: 1E-3", 1e-3),
        ("loss: +2.5", 2.5),
        ("loss: inf", math.inf),
        ("loss: -inf", -math.inf),
        ("loss: Infinity", math.inf),
        ("loss: nan (step 3)", math.nan),
        ("loss: NaN", math.nan),
    ],
)
def test_values_that_guild_loses_are_scalars(line, value):
    found = matched(line)["loss"]
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize("line", ["lr: 0.1", "a.b: 1", "c++: 2"])
def test_a_flag_is_no_scalar(line):
    assert matched(line) == {}


@pytest.mark.parametrize("line", ["lr2: 0.1", "my-lr: 1", "axb: 1", "lr:x: 2"])
def test_a_name_that_only_resembles_a_flag_is_a_scalar(line):
    assert list(matched(line)) == [line.rsplit(":", 1)[0]]


def test_a_long_line_without_a_blank_takes_linear_time():
    started = time.monotonic()
    matched("x" * 3_000_000)
    matched("x:" * 1_000_000)
    # Guild's own patterns take hours for these: this is a limit for a hang.
    assert time.monotonic() - started < 20
