"""The line at the bottom of a terminal, on a screen of pyte, and the line that a run ends with."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook import terminal
from guild_notebook.terminal import Terminal, end_line, status_text
from guild_notebook.texts import clock, cut, duration, width

SPINNERS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
BAR = " 45%|████▌     | 45/100 [00:12<00:15,  3.2it/s]"
ROWS = 8


def shown(status: dict[str, Any], seconds: float = 102.3, columns: int = 79) -> str:
    """The line without its spinner."""
    line = status_text(status, seconds, columns)
    assert line[0] in SPINNERS and line[1] == " "
    assert width(line) <= columns
    return line[2:]


@pytest.mark.parametrize(
    ("status", "columns", "line"),
    [
        ({"text": "[2/5] Train"}, 79, "[2/5] Train"),
        ({"text": "[2/5] Train", "seconds": 0}, 79, "[2/5] Train  1:42"),
        (
            {"text": "[2/5] Long training", "seconds": 0, "last": 190},
            79,
            "[2/5] Long training  1:42 · last time 3:10",
        ),
        (
            {"text": "[2/5] Train", "seconds": 0, "last": None, "bar": BAR},
            79,
            "[2/5] Train  1:42 · 45%|████▌     | 45/100 [00:12<00:15,  3.2it/s]",
        ),
        (
            {"text": "[2/5] Train", "seconds": 0, "last": 190, "bar": BAR},
            79,
            "[2/5] Train  1:42 · last time 3:10 · 45% 45/100 [00:12<00:15, 3.2it/s]",
        ),
        (
            {"text": "[2/5] Train", "seconds": 0, "last": 190, "bar": BAR},
            60,
            "[2/5] Train  1:42 · 45% 45/100 [00:12<00:15, 3.2it/s]",
        ),
        (
            {"text": "[2/5] A long name of a cell", "seconds": 0, "last": 190, "bar": BAR},
            60,
            "[2/5] A long name of a cell  1:42 · 45% 45/100 [00:12<00:…",
        ),
        (
            {"text": "[2/5] A long name of a cell", "seconds": 0, "last": 190},
            30,
            "[2/5] A long name of …  1:42",
        ),
        (
            {"text": "[2/5] A very long name of a cell", "seconds": 0, "bar": BAR},
            50,
            "[2/5] A very long …  1:42 · 45% 45/100 [00:12<0…",
        ),
        ({"text": "trial 3 of 12", "seconds": 0, "notes": ["best loss 0.1"]}, 79,
         "trial 3 of 12  1:42 · best loss 0.1"),
        ({"text": "漢字漢字漢字漢字漢字", "seconds": 0}, 20, "漢字漢字漢…  1:42"),
        ({"text": "a\x1b[31mb\nc\x07\u202e", "seconds": 0}, 79, "a[31mbc  1:42"),
        ({"text": 5, "seconds": 0, "bar": ["x"], "last": "x"}, 79, "  1:42"),
    ],
)  # fmt: skip
def test_the_line_says_what_runs_and_how_far_in_the_room_there_is(status, columns, line):
    assert shown(status, columns=columns) == line


@given(st.text(max_size=120), st.text(max_size=200), st.integers(10, 200))
def test_the_line_never_needs_more_columns_than_there_are(text, bar, columns):
    status = {"text": text, "seconds": 0, "last": 3, "bar": bar}
    line = status_text(status, 10_000, columns)
    assert width(line) <= columns
    assert line.isprintable() or "\u200d" in line or not text.isprintable() or not bar.isprintable()
    assert not set(line) & set("\n\r\x1b\x07\u2028")


@pytest.mark.parametrize(
    ("seconds", "running", "over"),
    [
        (0.04, "0:00", "0.0 s"),
        (3.4, "0:03", "3 s"),
        (59.4, "0:59", "59 s"),
        (59.7, "0:59", "1 min 00 s"),
        (190, "3:10", "3 min 10 s"),
        (3725, "1:02:05", "1 h 02 min"),
    ],
)
def test_times_are_said_as_clocks_while_they_run_and_with_units_at_the_end(seconds, running, over):
    assert (clock(seconds), duration(seconds)) == (running, over)


@pytest.mark.parametrize(
    ("text", "columns", "short"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("e\u0301e\u0301e", 2, "e\u0301…"),
     ("abc", 0, "")],
)  # fmt: skip
def test_a_text_is_cut_by_the_columns_that_it_needs(text, columns, short):
    assert cut(text, columns) == short


@pytest.mark.parametrize(
    ("status", "scalars", "end", "line"),
    [
        (0, {}, {}, "✓ 4138a720 completed in 3 s"),
        (
            0,
            {"loss": (2.35931, 3)},
            {"why": "", "report": True},
            "✓ 4138a720 completed in 3 s · loss 2.3593 (step 3) · guild-notebook open 4138a720",
        ),
        (
            0,
            {"a": (1.0, 0), "b": (1e-7, 0), "c": (123456.7, 12), "d": (4.0, 0)},
            {},
            "✓ 4138a720 completed in 3 s · a 1 · b 1e-07 · c 1.2346e+05 (step 12)",
        ),
        (
            1,
            {"loss": (1.0, 0)},
            {"why": "cell [2] (Train) failed with ValueError", "report": True},
            "✗ 4138a720 failed after 3 s · cell [2] (Train) failed with ValueError"
            " · guild-notebook open 4138a720",
        ),
        (1, {}, {}, "✗ 4138a720 failed after 3 s"),
        (0, {"a\x1b[2J": (1234567.0, 0)}, {}, "✓ 4138a720 completed in 3 s · a[2J 1234567"),
        (0, {"loss": (0.5, 0)}, {"why": "cell [2] failed with ValueError"},
         "✓ 4138a720 completed in 3 s · loss 0.5 · cell [2] failed with ValueError"),
        (-2, {}, {"why": "cell [1] (x) was stopped by SIGINT"},
         "✗ 4138a720 stopped after 3 s · cell [1] (x) was stopped by SIGINT"),
        (None, {}, {}, "✗ 4138a720 stopped after 3 s"),
    ],
)  # fmt: skip
def test_a_run_ends_with_a_line_that_says_how(status, scalars, end, line):
    assert end_line("4138a720", status, 3.2, scalars, end, 120) == line


@pytest.mark.parametrize(
    ("status", "scalars", "why", "line"),
    [
        (0, {"loss": (2.35931, 3)}, "", "✓ 4138a720 completed in 3 s · loss 2.3593"),
        (
            0,
            {"a": (1.0, 10), "b": (2.0, 10), "c": (3.0, 10)},
            "",
            "✓ 4138a720 completed in 3 s · a 1 · b 2 · c 3",
        ),
        (1, {}, "cell [2] (Train) failed with ValueError", "✗ 4138a720 failed after 3 s"),
        (1, {}, "cell [2] (x) failed", "✗ 4138a720 failed after 3 s · cell [2] (x) failed"),
        (-2, {}, f"cell [1] ({'x' * 80}) was stopped", "✗ 4138a720 stopped after 3 s"),
    ],
)
def test_the_line_fits_in_a_terminal_without_steps_or_what_the_line_above_says(
    status, scalars, why, line
):
    end = {"why": why, "report": True}
    shown = end_line("4138a720", status, 3.2, scalars, end, 80)
    assert shown == f"{line} · guild-notebook open 4138a720"


@pytest.mark.parametrize(("columns", "last"), [(200, "c 3"), (70, "b 2"), (66, "a 1"), (10, "a 1")])
def test_as_many_scalars_are_said_as_there_is_room_for(columns, last):
    scalars = {name: (float(value), 0) for value, name in enumerate("abcdef", 1)}
    line = end_line("4138a720", 0, 3, scalars, {"report": True}, columns)
    assert line.endswith(f" · {last} · guild-notebook open 4138a720")


class Screen:
    """A terminal of the system for its size, and the screen of what is written to it."""

    def __init__(self, columns: int) -> None:
        self._ends = pty.openpty()
        self.fd = self._ends[1]
        self.screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self.resize(columns)
        self.writes = 0

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self.screen.resize(columns=columns)

    def write(self, _fd: int, data: bytes) -> None:
        self.writes += bool(data)
        self._stream.feed(data.replace(b"\n", b"\r\n"))

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def close(self) -> None:
        for end in self._ends:
            os.close(end)


def line_of(**status: Any) -> bytes:
    return json.dumps(status).encode() + b"\n"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setattr(terminal, "DRAW_SECONDS", 1e-9)
    monkeypatch.setattr(terminal, "RESTORE_SECONDS", 1e-9)
    found = Screen(80)
    yield found
    found.close()


def test_the_line_is_below_what_is_printed_and_goes_when_the_run_ends(screen: Screen):
    shown = Terminal(screen.fd, screen.write, True)
    shown.status(line_of(text="[1/2] Train", seconds=61, last=190))
    assert screen.lines[0][2:] == "[1/2] Train  1:01 · last time 3:10"
    shown.show(screen.fd, b"one\nepoch ")
    assert screen.lines[:2] == ["one", "epoch"]
    assert screen.lines[2][2:] == "[1/2] Train  1:01 · last time 3:10"
    assert (screen.screen.cursor.y, screen.screen.cursor.x) == (1, 6)
    shown.show(screen.fd, b"1\n")
    shown.tick()
    assert screen.lines[:2] == ["one", "epoch 1"]
    assert screen.lines[2][2:] == "[1/2] Train  1:01 · last time 3:10"
    shown.close()
    shown.write_line("✓ done")
    assert screen.lines == ["one", "epoch 1", "✓ done", "", "", "", "", ""]
    assert not screen.screen.cursor.hidden


def test_the_line_makes_room_for_what_guild_logs(screen: Screen):
    logger, handler = logging.getLogger(), logging.StreamHandler()
    handler.emit = lambda record: screen.write(0, record.getMessage().encode() + b"\n")  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        shown = Terminal(screen.fd, screen.write, True)
        shown.open()
        shown.status(line_of(text="a long text that is longer than the message", seconds=0))
        logger.warning("Operation interrupted")
        assert screen.lines[:2] == ["Operation interrupted", ""]
        shown.tick()
        assert screen.lines[1][2:] == "a long text that is longer than the message  0:00"
        shown.close()
        assert not handler.filters
    finally:
        logger.removeHandler(handler)


def test_a_status_may_come_in_parts_and_what_is_no_status_is_left_out(screen: Screen):
    shown = Terminal(screen.fd, screen.write, True)
    message = b'not JSON\n[1]\n{"text": "odd", "seconds": []}\n' + line_of(text="漢字")
    for i in range(len(message)):
        shown.status(message[i : i + 1])
    assert screen.lines[0][2:].replace(" ", "") == "漢字"


def test_the_line_is_drawn_a_few_times_a_second(screen: Screen, monkeypatch):
    monkeypatch.setattr(terminal, "DRAW_SECONDS", 0.25)
    monkeypatch.setattr(terminal, "RESTORE_SECONDS", 0.1)
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    shown = Terminal(screen.fd, screen.write, True)
    for step in range(1000):
        now[0] += 0.01
        shown.status(line_of(text=f"step {step}"))
        shown.tick()
    assert screen.writes <= 10 / 0.25 + 1


@pytest.mark.parametrize("seconds", [0.15, 0.1, 0.03, 0.0])
def test_output_in_short_intervals_does_not_make_the_line_vanish(
    screen: Screen, monkeypatch, seconds: float
):
    monkeypatch.setattr(terminal, "DRAW_SECONDS", 0.25)
    monkeypatch.setattr(terminal, "RESTORE_SECONDS", 0.1)
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    shown = Terminal(screen.fd, screen.write, True)
    now[0] += 1
    shown.status(line_of(text="[1/1] Dots"))
    for step in range(1, 20):
        now[0] += seconds
        shown.show(screen.fd, b".")
        assert screen.lines[:2] == ["." * step, screen.lines[1]]
        assert screen.lines[1][2:] == "[1/1] Dots"
    screen.resize(10)
    shown.show(screen.fd, b"\n")
    assert [line[2:] for line in screen.lines].count("[1/1] …") == 1


@pytest.mark.parametrize("columns", [80, 150])
def test_the_line_has_all_columns_but_one(screen: Screen, columns: int):
    screen.resize(columns)
    shown = Terminal(screen.fd, screen.write, True)
    shown.status(line_of(text="x" * 300, seconds=0))
    assert len(screen.lines[0]) == columns - 1
    assert screen.lines[1:] == [""] * (ROWS - 1)


def test_a_narrower_terminal_gets_a_shorter_line(screen: Screen):
    shown = Terminal(screen.fd, screen.write, True)
    shown.show(screen.fd, b"one\n")
    shown.status(line_of(text="x" * 300, seconds=0))
    screen.resize(40)
    shown.tick()
    assert screen.lines[0] == "one" and len(screen.lines[1]) == 39
    assert screen.lines[2:] == [""] * (ROWS - 2)


def test_without_the_means_to_draw_only_what_is_printed_is_written(screen: Screen):
    shown = Terminal(screen.fd, screen.write, False)
    shown.status(line_of(text="[1/2] Train", seconds=0))
    shown.show(screen.fd, b"one\n")
    shown.tick()
    shown.close()
    shown.write_line("✓ done")
    assert screen.lines[:3] == ["one", "✓ done", ""]


def test_a_terminal_without_these_characters_gets_others(screen: Screen):
    shown = Terminal(screen.fd, screen.write, True, "ascii")
    shown.status(line_of(text="[1/2] Größe", seconds=0, last=5))
    assert screen.lines[0] == "* [1/2] Gr??e  0:00 - last time 0:05"
    shown.close()
    shown.write_line("✓ 1 · 2")
    assert screen.lines[0] == "+ 1 - 2"


COLORS = {"": "green", "1": "default"}


@pytest.mark.parametrize("no_color", COLORS)
def test_the_end_is_green_or_red_unless_the_user_wants_no_color(screen, monkeypatch, no_color):
    monkeypatch.setenv("NO_COLOR", no_color)
    Terminal(screen.fd, screen.write, True).write_line("✓ done")
    assert screen.lines[0] == "✓ done"
    assert screen.screen.buffer[0][0].fg == COLORS[no_color]
    assert screen.screen.buffer[0][2].fg == "default"


texts = st.lists(
    st.sampled_from(
        ["a", "words and words ", "\n", "\n", "漢字", "🙂", "e\u0301", "\t", "\x1b[31mred\x1b[0m",
         "x" * 30, "y" * 200, "[1/2] Train (0.1 s)\n", "👩\u200d🔬"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(texts, st.sampled_from([0, 1, 2])), max_size=12), st.integers(20, 100))
def test_what_is_printed_is_the_same_with_the_line_and_without(events, columns):
    """A number is an event of the line: it changes, is drawn, or is removed."""
    before = terminal.DRAW_SECONDS, terminal.RESTORE_SECONDS
    terminal.DRAW_SECONDS = terminal.RESTORE_SECONDS = 1e-9
    with_line, plain = Screen(columns), Screen(columns)
    try:
        shown = Terminal(with_line.fd, with_line.write, True)
        shown.status(line_of(text="what goes on", seconds=0))
        for event in events:
            if isinstance(event, str):
                shown.show(with_line.fd, event.encode())
                plain.write(0, event.encode())
            elif event == 0:
                shown.status(line_of(text="漢字" * 30, seconds=0, bar="x"))
            elif event == 1:
                shown.tick()
            else:
                shown.status(line_of())
        shown.close()
        found, expected = with_line.screen, plain.screen
        # Where the line has made a full screen scroll, the output is higher by that one line.
        scrolled = expected.cursor.y - found.cursor.y
        assert scrolled in (0, 1)
        assert with_line.lines[: ROWS - scrolled] == plain.lines[scrolled:]
        assert found.cursor.x == expected.cursor.x
    finally:
        with_line.close()
        plain.close()
        terminal.DRAW_SECONDS, terminal.RESTORE_SECONDS = before
