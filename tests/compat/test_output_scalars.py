"""What is said of a run without scalars whose output has some in text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from guild import summary

from guild_notebook.compat import output_scalars
from guild_notebook.scalars.patterns import default_patterns
from tests.scalars.test_text import FLAGS, LINES, NOTHING, TABLES, found_in

PATTERN = summary._init_patterns(default_patterns(FLAGS))[-1][1].pattern

SETTINGS = [
    "Total params: 1,234,567 (4.71 MB)",
    "Training time: 2.5 minutes",
    "Epoch: 1 LR_now: 0.0944",
]
"""Scalars that look like what a run was told."""

WITH_SCALARS = [
    text
    for text in [*LINES, *(text for text, _ in TABLES.values())]
    if set(found_in(text)) - {"step"} and text not in SETTINGS
]

PRINTED = ["epochs = 10", "lr = 0.01", "Batch size: 32", "learning_rate: 1e-3", "seed=42", "n = 3"]


def said_of(folder: Path, text: str) -> list[str]:
    (folder / "output").write_bytes(text.encode())
    return list(output_scalars._likely_scalars(str(folder), PATTERN))


@pytest.mark.parametrize("text", WITH_SCALARS, ids=ascii)
def test_each_text_with_scalars_looks_like_it(tmp_path: Path, text: str):
    (line,) = said_of(tmp_path, text)
    assert line.startswith("no scalars - ")
    assert line.endswith("): nb-scalars=text records such lines")


@pytest.mark.parametrize("text", ["", "\n", "Epoch 3/10", *SETTINGS, *PRINTED, *NOTHING], ids=ascii)
def test_nothing_is_said_of_other_text(tmp_path: Path, text: str):
    assert said_of(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Test loss: 5\n", "1 line looks like a metric (Test loss: 5)"),
        ("a\n  Test loss:   5\nx\nf1 = 3", "2 lines look like metrics (Test loss: 5)"),
        ("  acc  loss\n  0.5  0.25\nDone.\n", "1 line looks like a metric (0.5 0.25)"),
        ("a = 1.5\n" * 100, "100 lines look like metrics (a = 1.5)"),
        ("a = 1.5\n" * 101, "over 100 lines look like metrics (a = 1.5)"),
        ("epochs = 10\nacc = 0.5\nlr = 0.1", "1 line looks like a metric (acc = 0.5)"),
        (f"Test {'x' * 70}: 5.5", f"1 line looks like a metric (Test {'x' * 54}…)"),
    ],
)
def test_lines_are_counted_and_the_first_is_named(tmp_path: Path, text: str, expected: str):
    assert said_of(tmp_path, text) == [
        f"no scalars - {expected}: nb-scalars=text records such lines"
    ]


def test_a_traceback_has_no_metrics(tmp_path: Path):
    trace = (
        "NameError    Traceback (most recent call last)\n"
        "File /lib/python3.11/numpy/io.py:454, in load(file, mode)\n"
        "    452 own_fid = False\n    453 Test loss: 5\nNameError: x = 5\n"
    )
    assert said_of(tmp_path, trace) == []
    (line,) = said_of(tmp_path, f"Test loss: 7\n{trace}")
    assert line.startswith("no scalars - 1 line looks like a metric (Test loss: 7)")


def test_of_a_long_output_the_end_is_looked_at(tmp_path: Path):
    log = "12:30:01 INFO line of a log\n" * 100_000
    assert said_of(tmp_path, f"Test loss: 5\n{log}") == []
    (line,) = said_of(tmp_path, f"{log}Test loss: 5")
    assert "1 line looks" in line
    size = output_scalars.READ_BYTES
    cut = f"Test loss: 5\n{'x' * (size - 7)}\n"  # its end begins within the line
    assert said_of(tmp_path, cut) == []


@pytest.mark.parametrize(
    "line",
    [
        "12:30:01 INFO line 5 of a log\n",
        "reading part 5 of the file\n",
        "[1/2] lr = 0.1 (0.0 s)\n",
        "x\n",
        "\n",
    ],
)
def test_usual_output_is_not_read_line_by_line(tmp_path: Path, monkeypatch, line: str):
    monkeypatch.setattr(output_scalars, "compiled", None)
    assert said_of(tmp_path, line * 100_000) == []


def test_nothing_is_said_where_there_is_no_output(tmp_path: Path):
    """NO_RUN_OUTPUT."""
    assert not os.listdir(tmp_path)
    assert list(output_scalars._likely_scalars(str(tmp_path), PATTERN)) == []
