"""What cells print, in the form in which Guild can read it.

Guild splits a run's output at line feeds only and matches each line with scalar patterns
(guild/op_util.py, RunOutput). So colour codes and other control sequences are removed, a line of
thousands of characters without a blank is broken, and of progress lines that rewrite themselves
with carriage returns one state is shown every few seconds, and the last one of each always. Where
they are several, a program moves the cursor down to the lower ones, and up again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ...secrets.masking import SHORTEST_BROKEN, Masker
from .pipe import SHOWN, UNRECORDED, UNSHOWN, OutputPipe

PROGRESS_INTERVAL = 5.0  # seconds between two states of a progress line in the output

LONGEST_WORD = 1000
"""Characters without a blank after which a line is broken: the time of Guild's own pattern grows
with the square of this, and is 3 ms here."""

LONGEST_LINE = 32_000  # characters after which a line is broken: Guild gathers it byte by byte

BREAK = "\\\n "
"""Put in where a line is broken: with the backslash before and the blank after it neither part
can match a pattern that is anchored to the start or the end of a line."""

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI … (ECMA-48, 5.4)
    r"|[PX\]^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # strings: OSC, DCS, SOS, PM, APC
    r"|[ -/]*[0-OQ-WYZ\\`-~])"  # two characters, with intermediate ones
)
_UP = re.compile(r"\x1b\[(\d{0,3})A")  # the cursor, so many lines (CUU)
_OPEN_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[PX\]^_][^\x07\x1b]{0,4096}\x1b?|[ -/]*)?\Z")
_CONTROL = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]|\x1b")
_BACKSPACES = re.compile(r"(\x08+)")
_FIRST_WORD = re.compile(r"[^ \t]*")
_LONG_WORDS = re.compile(rf"((?<![^ \t])[^ \t]{{{LONGEST_WORD},}})")
_UNUSUAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNUSUAL_ASCII = bytes([*range(9), *range(0x0B, 0x20), 0x7F])

PART_SECONDS = 0.1
"""Time that part of a line waits for the rest: Guild reads stdout and stderr in two threads, so a
line of the other stream may come between two parts."""

MOST_ROWS = 100  # progress lines at different levels that are waited for

PIECE = 50_000
"""Characters that are looked at together, and the most that wait: so the memory that a text takes
beside itself does not grow with it."""


def without_escapes(text: str) -> str:
    """``text`` without terminal control sequences and characters, but ``\\b``, ``\\r``, lines."""
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    return _CONTROL.sub("", text)


def _is_unusual(text: str) -> bool:
    if text.isascii():  # mostly, and a fifth of the time
        return len(text.encode().translate(None, _UNUSUAL_ASCII)) < len(text)
    return bool(_UNUSUAL.search(text))


class Stream:
    """One of the run's two output streams: text in, bytes to ``pipe``, without the secret values
    of ``masker``."""

    def __init__(self, pipe: OutputPipe, clock: Callable[[], float] = time.monotonic) -> None:
        self.pipe = pipe
        self._clock = clock
        self.masker = Masker(())
        self._held = ""  # the end of the last text, whose meaning the next text decides
        self._waiting: list[str] = []  # lines and part of a line that are not out yet
        self._waiting_since = 0.0
        self._column = 0  # characters of the line that is open
        self._word = 0  # and those since its last blank
        self._is_progress = False  # a line that rewrites itself is open, or several
        self._rows: list[list[str]] = []  # the characters that a terminal shows of each now
        self._row = 0  # in which the cursor is
        self._is_below = False  # the cursor came there by a line feed
        self._moved_at = 0.0
        self._shown_state = ""
        self._shown_at = 0.0

    @property
    def state(self) -> str:
        """The progress lines that are open, "" for none."""
        rows = self._rows if self._is_progress else ()
        states = [state for row in rows if (state := "".join(row).rstrip())]
        return states[0] if len(states) == 1 else " · ".join(map(str.strip, states))

    def write(self, text: str, kind: int = SHOWN) -> None:
        """Write a text as a cell prints it: any part of a line, or many."""
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            if self._is_plain(piece):
                self._put_plain(piece)
            else:
                self._put_unusual(piece)
            self._flush_lines(kind)

    def _is_plain(self, text: str) -> bool:
        if self._held or self._is_progress or _is_unusual(text):
            return False
        first, *lines = text.split("\n")
        return max(self._column + len(first), *map(len, lines), 0) <= LONGEST_WORD

    def _put_plain(self, text: str) -> None:
        self._waiting.append(text)
        rest = text.rfind("\n") + 1
        if rest:
            self._column = self._word = 0
        self._count(text[rest:])

    def _put_unusual(self, text: str) -> None:
        text = self._held + text
        self._held = ""
        unfinished = _OPEN_ESCAPE.search(text, max(0, len(text) - 4200)) if "\x1b" in text else None
        if unfinished:
            text, self._held = text[: unfinished.start()], unfinished.group()
        first, *moved = _UP.split(text) if self._may_move_up(text) else [text]
        returned = self._put_rows(first)
        for count, text in zip(moved[::2], moved[1::2]):
            self._move_up(int(count or 1))
            returned = self._put_rows(returned + text)
        self._held = returned + self._held

    def _may_move_up(self, text: str) -> bool:
        return "\x1b" in text and (self._is_progress or "\r" in text)

    def _put_rows(self, text: str) -> str:
        """Put a text in which the cursor does not move up; returns a carriage return whose meaning
        the next text decides."""
        text = without_escapes(text)
        rewrites = text.endswith("\r")
        if rewrites:
            # Before a line feed it is an end of line, before anything else a new state.
            text = text.rstrip("\r")
        *lines, rest = re.sub(r"\r+", "\r", text).replace("\r\n", "\n").split("\n")
        for line in lines:
            self._add(line)
            self._feed_line()
        if rewrites and not self._column:
            self._begin_progress()
        if rest:
            self._add(rest)
        return "\r" if rewrites else ""

    def write_line(self, line: str, as_it_is: bool = False) -> None:
        """Write whole lines, after the end of a line that is open. ``as_it_is`` keeps colour
        codes."""
        self.end_line()
        line = line.rstrip("\n") + "\n"
        if as_it_is:
            self._waiting.append(line)
        else:
            self.write(line)
        self._flush(final=True)

    def write_state(self, text: str) -> None:
        """Write whole lines that are one state of many: a terminal has it in the line at its
        bottom."""
        self.end_line()
        self.write(text + "\n", UNSHOWN)

    def show_only(self, text: str) -> None:
        """Show on a terminal what ``write_state`` has written."""
        self._flush()
        lines = self.masker.text(without_escapes(text)) + "\n"
        self.pipe.write(_encoded(lines), UNRECORDED)

    def end_line(self) -> None:
        """End what is open: the last state of a progress line, or part of a line."""
        self._held = ""
        if self._column or self._is_progress:
            self._end()
        self._flush(final=True)

    def tick(self) -> None:
        """Write what has waited long enough: to be called several times a second."""
        self._show_progress()
        if self._row and self._clock() - self._moved_at >= PART_SECONDS:
            if self._is_below:
                self._end()
            else:
                self._settle(self._row)
        self._flush_lines()
        if self._waiting and self._clock() - self._waiting_since >= PART_SECONDS:
            self._flush(part=True)

    def _show_progress(self) -> None:
        if self._is_progress and self._clock() - self._shown_at >= PROGRESS_INTERVAL:
            self._show_state()

    def give_way(self) -> None:
        """The other stream is written to: end progress lines after which a line has begun."""
        if self._is_below:
            self._end()
            self._flush()

    def _begin_progress(self) -> None:
        if not self._is_progress:
            self._is_progress = True
            self._rows, self._shown_state = [[]], ""
            self._row, self._is_below = 0, False
            self._shown_at = self._clock()

    def _add(self, text: str) -> None:
        """Add a part of a line; it holds no line feed."""
        first, *states = text.split("\r")
        if self._is_below and first:
            self._end()
        if not self._is_progress and (states or "\x08" in first):
            if self._column:
                if states:
                    self._put(first.replace("\x08", ""))
                    first = ""
                self._end()
            self._begin_progress()
        self._extend(first)
        for state in filter(None, states):
            self._rewrite()
            self._extend(state)

    def _rewrite(self) -> None:
        """Begin a new state of the line that is open."""
        if self._is_progress:
            self._show_progress()
            self._is_below = False
            self._rows += [[] for _ in range(len(self._rows), self._row + 1)]
            self._rows[self._row] = []
        else:
            self._end()
            self._begin_progress()

    def _extend(self, text: str) -> None:
        """Add to the line that is open what holds no carriage return."""
        if not self._is_progress:
            self._put(text)
            return
        if not text:
            return
        state = self._rows[self._row]
        for part in _BACKSPACES.split(text):
            if part.startswith("\x08"):
                del state[max(0, len(state) - len(part)) :]
            else:
                state += part
        if len(state) > LONGEST_LINE:
            # No line for a terminal: it is shown as any other, so that nothing of it is lost.
            self._rows[self._row] = []
            self._end()
            self._put("".join(state))

    def _feed_line(self) -> None:
        if not self._is_progress:
            self._close()
            return
        self._row += 1
        self._is_below, self._moved_at = True, self._clock()
        if self._row > MOST_ROWS:
            self._settle(1)

    def _move_up(self, count: int) -> None:
        if self._is_progress:
            self._row = max(0, self._row - count)
            self._rows += [[] for _ in range(len(self._rows), self._row + 1)]
            self._is_below = False

    def _show_state(self) -> None:
        """Show a state that is not the last: a terminal has it in the line at its bottom."""
        state = self.state
        if state and state != self._shown_state:
            self._flush()
            self._put(state)
            self._close()
            self._flush(kind=UNSHOWN)
        self._shown_state = state
        self._shown_at = self._clock()

    def _end(self) -> None:
        if self._is_progress:
            self._settle(max(self._row, len(self._rows)))
            self._is_progress = self._is_below = False
            self._row = 0
        else:
            self._close()

    def _settle(self, count: int) -> None:
        """Show so many of the progress lines for the last time, from the first. Those that have
        been emptied show nothing, line feeds without a text are lines."""
        rows, self._rows = self._rows[:count], self._rows[count:]
        states = ["".join(row).rstrip() for row in rows]
        if states == [self._shown_state]:
            self.show_only(states[0])
        else:
            for state in filter(None, states):
                self._put(state)
                self._close()
        for _ in range(len(rows), count):
            self._close()
        self._row = max(0, self._row - count)
        self._shown_state = ""

    def _close(self) -> None:
        self._waiting.append("\n")
        self._column = self._word = 0

    def _put(self, text: str) -> None:
        if self._column + len(text) > LONGEST_WORD:
            text = self._broken(text)
        else:
            self._count(text)
        self._waiting.append(text)

    def _count(self, text: str) -> None:
        """Count a part of a line that is put as it is."""
        self._column += len(text)
        blank = max(text.rfind(" "), text.rfind("\t"))
        self._word = len(text) - blank - 1 if blank >= 0 else self._word + len(text)

    def _broken(self, text: str) -> str:
        first = _FIRST_WORD.match(text)
        assert first  # it matches anything
        parts = []
        # Words, which may be long, and between them texts of short ones.
        for piece in (first[0], *_LONG_WORDS.split(text[first.end() :])):
            is_word = piece[:1] not in (" ", "\t")
            start = 0
            while start < len(piece):
                room = LONGEST_LINE - self._column
                if is_word:
                    room = min(room, LONGEST_WORD - self._word)
                if room <= 0:
                    parts.append(BREAK)
                    self._column, self._word = 1, 0
                    continue
                part = piece[start : start + room]
                parts.append(part)
                self._count(part)
                start += len(part)
        return "".join(parts)

    def _flush_lines(self, kind: int = SHOWN) -> None:
        self._flush(kind=kind)
        if self._waiting and not self._waiting_since:
            self._waiting_since = self._clock()

    def _flush(self, part: bool = False, final: bool = False, kind: int = SHOWN) -> None:
        """Write the lines that wait, and ``part`` of one, or a long one. ``final``: what may be the
        beginning of a secret value too, since it does not go on."""
        text = "".join(self._waiting)
        end = len(text) if part or final or len(text) > PIECE else text.rfind("\n") + 1
        self._waiting = [text[end:]] if text[end:] else []
        if not end:
            return
        text = text[:end]
        if self.masker:
            enough = None if final else SHORTEST_BROKEN if part else 1
            text, held = self.masker.masked_and_held(text, enough)
            self._waiting[:0] = [held] if held else []
        self._waiting_since = self._clock() if self._waiting else 0.0
        self.pipe.write(_encoded(text), kind)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="backslashreplace")
