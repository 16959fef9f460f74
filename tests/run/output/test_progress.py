"""Progress lines, and that none is ever a scalar."""

from __future__ import annotations

import re
import tempfile

import pytest

from guild_notebook.run.output.pipe import OutputPipe
from guild_notebook.run.output.progress import StatusLines
from guild_notebook.run.output.stream import Stream
from guild_notebook.scalars import compiled_patterns
from guild_notebook.scalars.patterns import default_patterns
from guild_notebook.texts import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (7260, "2 h 01 min"),
    ],
)
def test_times_are_said_in_the_units_people_use(seconds, text):
    assert duration(seconds, is_exact=True) == text


TITLES = [
    "loss: 0.5",
    "loss: 0.5 (step 3)",
    "loss: 1 (7)",
    "acc=0.9",
    "step: 12",
    "a\x1b[31m: 1",
    "x\nloss: 0.5",
    "3",
    "",
]

TEXT = default_patterns(("lr",), "text")

CONFIGS = [
    None,
    TEXT,
    r"(\key): (\value)",
    {"loss": r"loss: (\value)", "step": r"(\step)"},
    [r"acc=(\value)", {"n": r"([0-9]+)"}],
    {"anything": r"(.*)"},
    False,
    [5, "(unclosed"],
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: repr(config)[:50])
def test_no_progress_line_is_a_scalar_of_its_run(config):
    patterns = [pattern for _, pattern in compiled_patterns(config)]
    with tempfile.TemporaryFile() as f:
        status_lines = StatusLines(Stream(OutputPipe(f.fileno())), patterns)
        for number, title in enumerate(TITLES, 1):
            status_lines.write_cell_end(number, len(TITLES), title, 0.5)
        f.seek(0)
        lines = f.read().decode().splitlines()
    assert not [line for line in lines for p in patterns if p.search(line)]
    if config in (None, False, TEXT):
        assert len(lines) == len(TITLES)
        assert lines[0] == "[1/9] loss: 0.5 (0.5 s)"


def test_a_line_that_would_be_a_scalar_is_said_with_fewer_words():
    with tempfile.TemporaryFile() as f:
        status_lines = StatusLines(Stream(OutputPipe(f.fileno())), [re.compile(r"loss: \d")])
        status_lines.write_cell_end(1, 2, "loss: 5", 0.5)
        f.seek(0)
        assert f.read() == b"[1/2] (0.5 s)\n"
