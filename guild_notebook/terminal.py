"""What Guild's process shows of a run in its terminal: a line at the bottom, drawn anew in place
while the run goes on, and the line that a run ends with.

``Terminal`` writes what a run prints to the terminal and keeps the line below it. The process of
the run says what is in it (:mod:`~guild_notebook.one_pipe`, ``STATUS``); the reader of a run's
output (:mod:`~guild_notebook.compat.output_reader`) passes it on, and calls ``tick`` while nothing
comes. The cursor rests where the output ends and is never hidden, so that a process that is killed
leaves a terminal that needs no repair.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .texts import clock, cut, duration, number, one_line, width

DRAW_SECONDS = 0.25
"""The shortest time between two states of the line."""

RESTORE_SECONDS = 0.1
"""The same where output has removed the line: until then it is drawn again as it was."""

LEAST_OF_BAR = 20
"""Columns of a progress bar for which a long text is cut."""

MOST_SCALARS = 3
"""Scalars that the line at the end of a run has."""

COMPLETED, FAILED = "✓", "✗"

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN = str.maketrans({**dict.fromkeys(_SPINNER, "*"), "·": "-", "…": "~", "✓": "+", "✗": "x"})
"""For a terminal whose encoding lacks these characters."""

_ERASE = b"\x1b[J"  # from the cursor to the end of the screen (ECMA-48, ED)
# Down a line, which scrolls at the bottom, and up again; then save the cursor and go down.
_TO_NEXT_LINE = b"\x1bD\x1b[A\x1b7\x1b[B\r"
_BACK = b"\x1b8"

_BAR = re.compile(r"\|?[█▉▊▋▌▍▎▏▒░━╸╺─#=>. -]{6,}\|?")
"""The part of a progress bar that is drawn with characters."""


def can_draw() -> bool:
    """Whether the terminal of this process can draw a line anew. The pages of Jupyter and Colab,
    in whose cells commands have a terminal (``!guild run``), cannot."""
    has_cursor = os.environ.get("TERM", "") not in ("", "dumb")
    return has_cursor and "JPY_PARENT_PID" not in os.environ


class Terminal:
    """The terminal ``fd``, to which ``write`` writes. With ``draws`` it has the line. ``end`` is
    what the run has said of its end (``status``), ``last`` what it was at when the line went."""

    def __init__(
        self, fd: int, write: Callable[[int, bytes], None], draws: bool, encoding: str = "utf-8"
    ) -> None:
        self._fd = fd
        self._write = write
        self._draws = draws
        self._encoding = encoding
        self._lock = threading.RLock()
        self._status: Mapping[str, Any] = {}
        self._since = self._drawn_at = time.monotonic()
        self._part = b""  # of a status
        self._is_drawn = False
        self._shown = b""  # the line that was drawn last, for so many columns
        self._shown_columns = 0
        self._open_columns = 0  # the most that the output's last line has, where it has no end
        self.end: Mapping[str, Any] = {}
        self.last = ""
        self._handlers: list[logging.Handler] = []

    def open(self) -> None:
        """Let the line make room for what this process logs."""
        self._handlers = logging.getLogger().handlers[:] if self._draws else []
        for handler in self._handlers:
            handler.addFilter(self._make_room)

    def show(self, fd: int, data: bytes) -> None:
        """Write what a run has printed to ``fd``, a descriptor of this terminal. Raises OSError."""
        with self._lock:
            erase = self._erased()
            if self._draws:
                self._follow(data)
            self._write(fd, erase + data + self._line(0 if erase else DRAW_SECONDS))

    def status(self, data: bytes) -> None:
        """Take bytes of lines of JSON. Each is an object that says what goes on now:

        - ``text``: what runs, as ``[2/5] Long training``; nothing is shown without it
        - ``seconds``: since when; without it the time is not shown
        - ``last``: the seconds that the same took in an earlier run, or null
        - ``notes``: a list of what else is said after the time, as ``best loss 0.12``
        - ``bar``: the last state of a progress bar
        - ``end``: an object that says how the run has ended: ``why``, a text, and ``report``,
          whether there is one

        Texts of one line, in which control characters are left out.
        """
        *lines, self._part = (self._part + data).split(b"\n")
        for line in lines:
            try:
                status = json.loads(line)
                since = time.monotonic() - status.get("seconds", 0)
            except (ValueError, TypeError, AttributeError):  # of another release of this package
                continue
            with self._lock:
                self._status, self._since, self._shown = status, since, b""
                self.end = status.get("end", self.end)
        self.tick()

    def tick(self) -> None:
        """Draw the line anew if it is time to: to be called several times a second."""
        with self._lock, contextlib.suppress(OSError):  # a terminal that is gone, as `show` says
            if self._is_drawn and not self._status.get("text"):
                self._write(self._fd, self._erased())
            self._write(self._fd, self._line(DRAW_SECONDS if self._is_drawn else RESTORE_SECONDS))

    def close(self) -> None:
        """Remove the line for good."""
        with self._lock:
            self.last = one_line(self._status.get("text"))
            self._status = {}
            self.tick()
            for handler in self._handlers:
                handler.removeFilter(self._make_room)
            self._handlers = []

    def write_line(self, line: str) -> None:
        """Write a line of Guild's process itself, below the output. Its first character is green,
        or red where it is a cross, unless there is NO_COLOR."""
        if self._draws and not os.environ.get("NO_COLOR"):
            line = f"\x1b[{31 if line[0] == FAILED else 32}m{line[0]}\x1b[0m{line[1:]}"
        with self._lock, contextlib.suppress(OSError):
            before = self._erased() + (b"\n" if self._open_columns else b"")
            self._open_columns = 0
            self._write(self._fd, before + encoded(line, self._encoding) + b"\n")

    def _make_room(self, _record: logging.LogRecord) -> bool:
        """As a filter of Guild's handlers: remove the line before they write to the terminal."""
        with self._lock, contextlib.suppress(OSError):
            self._write(self._fd, self._erased())
        return True

    def _erased(self) -> bytes:
        """What removes the line, if it is there."""
        is_drawn, self._is_drawn = self._is_drawn, False
        if not is_drawn or not self._is_in_foreground():
            return b""
        return _ERASE if self._open_columns else b"\r" + _ERASE  # keys may have moved the cursor

    def _follow(self, data: bytes) -> None:
        """Count the columns of the line that is open after ``data``, at most."""
        last = data[data.rfind(b"\n") + 1 :]
        before = 0 if b"\n" in data else self._open_columns
        self._open_columns = before + len(last) * (8 if b"\t" in last else 1)

    def _line(self, after: float) -> bytes:
        """What draws the line if it was drawn so many seconds ago, "" else."""
        now = time.monotonic()
        if not self._draws or not self._status.get("text") or now < self._drawn_at + after:
            return b""
        columns = self.columns()
        if self._open_columns >= columns or not self._is_in_foreground():
            return b""
        self._is_drawn = True
        is_new = not self._shown or self._shown_columns != columns
        if is_new or now >= self._drawn_at + RESTORE_SECONDS:
            line = status_text(self._status, now - self._since, columns - 1)
            self._shown, self._shown_columns = encoded(line, self._encoding), columns
            self._drawn_at = now
        if self._open_columns:
            return _TO_NEXT_LINE + self._shown + _ERASE + _BACK
        return b"\r" + self._shown + _ERASE + b"\r"

    def columns(self) -> int:
        """How many there are now."""
        try:
            return os.get_terminal_size(self._fd).columns or 80
        except OSError:
            return 80

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # not the terminal that controls this process
            return True


def encoded(text: str, encoding: str) -> bytes:
    """``text`` in ``encoding``, with plain characters in place of those that it lacks."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace")


def status_text(status: Mapping[str, Any], seconds: float, columns: int) -> str:
    """The line for a ``status`` (Terminal.status) that has lasted ``seconds``, in as many columns
    at most: where all of it has no room, bars become short, then notes are left out, then the text
    is cut."""
    spinner = _SPINNER[int(seconds / DRAW_SECONDS) % len(_SPINNER)]
    text = one_line(status.get("text"))
    time_shown = f"  {clock(seconds)}" if "seconds" in status else ""
    last = status.get("last")
    notes = [f"last time {clock(last)}"] if isinstance(last, (int, float)) else []
    notes += map(one_line, status.get("notes") or ())
    bar = one_line(status.get("bar"))
    short = " ".join(_BAR.sub(" ", bar).split())
    head = f"{spinner} {text}{time_shown}"
    for more in ([*notes, bar], [*notes, short], [short]):
        line = " · ".join([head, *filter(None, more)])
        if width(line) <= columns:
            return line
    room = columns - width(f"{head} · ")
    if short and room >= LEAST_OF_BAR:
        return f"{head} · {cut(short, room)}"
    rest = time_shown + (f" · {cut(short, LEAST_OF_BAR)}" if short else "")
    return cut(
        f"{spinner} {cut(text, max(columns - width(spinner + ' ' + rest), 8))}{rest}", columns
    )


def end_line(
    run: str,
    status: int | None,
    seconds: float,
    scalars: Mapping[str, tuple[float, int]],
    end: Mapping[str, Any],
    columns: int = 80,
) -> str:
    """The line that a run ends with: its ID, the exit ``status`` of its process (None where it
    goes on), its time, the last value of a scalar, or of as many as there is room for, with their
    steps where these fit, and what it has said itself (``Terminal.status``). Where there is no room
    for why it has failed, the line above has that."""
    ended = (
        "completed in" if status == 0 else "stopped after" if (status or -1) < 0 else "failed after"
    )
    first = f"{COMPLETED if status == 0 else FAILED} {run} {ended} {duration(seconds)}"
    opening = f"guild-notebook open {run}" if end.get("report") else ""
    why = one_line(end.get("why"))
    found = [*scalars.items()][:MOST_SCALARS] if status == 0 else []
    values = [one_line(f"{name} {number(value)}") for name, (value, _) in found]
    stepped = [
        text + (f" (step {step})" if step else "") for text, (_, (_, step)) in zip(values, found)
    ]
    tries = [[*stepped, why], *([*values[:count], why] for count in range(len(values), 0, -1))]
    if status != 0 and opening:
        tries.append([])
    for parts in tries:
        line = " · ".join(filter(None, [first, *parts, opening]))
        if width(line) <= columns:
            break
    return line
