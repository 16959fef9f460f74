"""The default output scalar patterns, beside Guild's own."""

from __future__ import annotations

import math
import time

import pytest
from guild import summary

from guild_notebook.scalars.patterns import default_patterns, name_of

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


NO_NAMES = [
    *(
        "0",
        "12",
        "1.5",
        "-0.5",
        "1e-5",
        "0x7f3a",
        "1_000",
        "50%",
        "[0]",
        "(1,2)",
        "#1",
        "$100",
        "10ms",
    ),
    *("2020-01-01", "2020/1/1", "01.02.2020", "2020-01-01T12:30:00Z", "12:30", "12:30:01.5"),
    *("1-Jan-2020", "2020-Q1", "20200101", "٣", "http://x.y", "http://x.y:80", "https://x.y/z?a=b"),
    *(
        "s3://bucket/key",
        "file:///tmp/x",
        "<http://x.y>",
        "x.y:80",
        "localhost:8080",
        "train.py:12",
    ),
    *("127.0.0.1", "127.0.0.1:80", "fe80::1:80", "/tmp/x.csv", "./x.csv", "../x", "~/x"),
    *("nan", "inf", "None", "True", "KeyError", "ValueError", "SystemExit", "\rcr", "--", "..."),
    *("Jan-01-2020", "Jan/01/2020", "January-2020", "Jan2020", "jan-01", "Sunday,1-Jan-2020"),
    *("Q1-2020", "W05/2020", "sept-2020", "Oct-05-2021T12:30", "at12:30:05", "Dec-31"),
    *("data/x.csv", "x.csv", "model.h5", "src/train.PY", "data/", "C:\\data\\x", "a\\b"),
    *("1.2.3", "v1.2", "v1.2.3", "numpy-1.26.4", "torch==2.1.0", "3.11", "2.x"),
    *("www.example.org", "me@example.org", "gs://bucket/x.csv", "mailto:me@x.org"),
]


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
@pytest.mark.parametrize("value", ["5", "0.5 (step 3)", "1e-5 (7)"])
def test_what_is_no_name_is_no_scalar_and_no_step(name, value):
    assert matched(f"{name}: {value}") == {}


NAMES = [
    *(
        "loss",
        "Loss",
        "train/loss",
        "a:b",
        "lr:x",
        "größe",
        "准确率",
        "f1-score",
        "acc@5",
        "_x",
        "l2",
    ),
    *(
        "#params",
        "[train]loss",
        "%correct",
        "(val)acc",
        "x",
        "MeanSquaredError",
        "x.y",
        "top-1",
        "α",
    ),
    *(
        "val/acc",
        "train/loss_1",
        "f1@0.5",
        "recall@10",
        "mAP50-95(B)",
        "map@iou.5",
        "v1",
        "v2_loss",
    ),
    *("layer1.weight", "jet.pt", "val/f1.macro", "pearson.r", "python3.11", "iou0.5", "q1", "may"),
    *("dec1", "mar_1", "decoder-12", "market-12", "augment-10", "sun", "monday", "data/train"),
    *("nan_count", "information", "Truely", "http", "loss[0]", "loss(mean)", "é", "KeyErrors"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_a_scalar_with_its_value_and_step(name):
    assert matched(f"{name}: 5") == {name: 5.0}
    assert matched(f"{name}: 0.5 (step 3)") == {name: 0.5, "step": 3.0}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Test accuracy", "test_accuracy"),
        ("Accuracy (%)", "accuracy"),
        ("valid_0's l2", "valid_0_l2"),
        ("R^2 score", "r2_score"),
        ("F1-Score (macro)", "f1-score_macro"),
        ("train/loss", "train/loss"),
        ("Größe [m]", "größe_m"),
    ],
)
def test_what_people_call_a_scalar_becomes_one_word(text, name):
    assert name_of(text) == name


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
