"""Progress bars in what a cell prints: which lines are states of one, and text without those that
the program itself has overwritten.

A terminal forgets what is overwritten or erased. Of that a state is

- a progress bar (``is_bar``), whatever comes in its place;
- a line in whose place is one with all of its words: a counter, or a spinner;
- a row of a table that is drawn again, and what has neither letters nor digits.

All else a person would miss: it is kept, before a carriage return in the same line, where a
terminal shows as little of it as before.
"""

from __future__ import annotations

import re

from .screen import MOVES, PLAIN, Row, Screen, sequences_of

_MEASURE = re.compile(r"\d\s?%|(?<![\d.,])\d[\d.,]*\s?(?:[kKMGTP]?i?B)?\s?/\s?\d")
_DRAWING = re.compile(
    r"[█▉▊▋▌▍▎▏▓▒░━╸╺⣿■]{3}|[\[|](?=[^\]|]{3})[█▉▊▋▌▍▎▏▓▒░#=>\-. *]*(?:\d *)?[\]|]"
)
_TIMES = re.compile(r"\[\d+:\d\d(?::\d\d)?[<,]")
_SPINNER = re.compile(r"^\s*[⠀-⣿◐◓◑◒◴◷◶◵]\s")

_TABLE = re.compile("[│┃║]")
_WORD = re.compile(r"[^\W\d_]+")
_UNITS = {"eta", "elapsed", "h", "it", "left", "min", "ms", "remaining", "s", "step", "us"}
_UNITS |= {f"{scale}{unit}" for scale in ("", *"kmgt") for unit in ("", "b", "ib")}

LONGEST = 400  # columns of a line that may be a state: longer ones are kept as they are written
KEPT = 10_000  # characters at the end of a stream that wait for what overwrites them
LEAST_PIECE = 1_000  # characters of a text that are looked at together, however few may wait
ROWS = 50  # rows at the end of a stream that can be overwritten at least


def is_bar(line: str) -> bool:
    """Whether a line is a state of a progress bar: how far it is as a percentage or a fraction with
    a drawing of it, the times of tqdm, or a spinner of Unicode."""
    line = line[:LONGEST]
    return bool(
        _TIMES.search(line)
        or (_MEASURE.search(line) and _DRAWING.search(line))
        or _SPINNER.search(line)
    )


def is_state(old: str, new: str) -> bool:
    """Whether nothing but the state of a bar or the like is lost where ``new`` stands in a line in
    place of ``old``."""
    old, new = old.strip(), new.strip()
    if old in new or is_bar(old) or not any(map(str.isalnum, old)):
        return True
    if _TABLE.search(old) and _TABLE.search(new):
        return True
    words, now = ({*map(str.casefold, _WORD.findall(line))} for line in (old, new))
    return words <= now | _UNITS if words else bool(new) and not now


def has_only_bars(text: str) -> bool:
    """Whether all lines that a terminal shows of ``text`` are states of progress bars."""
    screen = Screen(lambda row: "" if row.is_changed or is_bar(line := row.text()) else line)
    for token in screen.tokens(text):
        screen.take(token)
        if screen.settled:
            if any(map(str.strip, screen.settled)):
                return False  # most texts are none: not all of a long one is read
            screen.settled.clear()
    return not screen.text().strip()


class _StatesScreen(Screen):
    """A screen whose rows keep what a person would miss of what is overwritten."""

    def __init__(self) -> None:
        super().__init__(_saved, ROWS)

    def new_row(self) -> Row:
        return _StatesRow()

    def _erase(self, row: Row, start: int, end: int) -> None:
        assert isinstance(row, _StatesRow)
        if start < self.x:
            row.changed_at = -1  # what has just been put there is a state too
        super()._erase(row, start, end)

    def changes(self, row: Row) -> None:
        assert isinstance(row, _StatesRow)
        row.is_closed = False
        if row.changed_at == self.moves:
            return  # more of the same state is overwritten
        row.changed_at = self.moves
        text = row.text()
        if text.strip():
            row.kept = row.lost(text)
            row.old = text, _coloured(row)


class _StatesRow(Row):
    """``old`` is the state before what stands there, as text and with colours, ``kept`` are those
    before that a person would miss."""

    __slots__ = ("changed_at", "kept", "old")

    def __init__(self) -> None:
        super().__init__()
        self.changed_at = -1
        self.old = "", ""
        self.kept: list[str] = []

    def has_text(self) -> bool:
        return bool(self.width or self.lost(""))

    def lost(self, text: str) -> list[str]:
        """What a person would miss where ``text`` is all that the row shows."""
        old, coloured = self.old
        return self.kept if is_state(old, text) else [*self.kept, coloured]


def _coloured(row: Row) -> str:
    """The text of a row with its colours, which end with it."""
    parts, style = [], PLAIN
    for text, new in row.runs():
        parts += [sequences_of(style, new), text]
        style = new
    return "".join([*parts, sequences_of(style, PLAIN)])


def _saved(row: Row) -> str:
    assert isinstance(row, _StatesRow)
    shown = row.text()
    lost = row.lost(shown)
    # A wider one would be seen behind what stands there now, or in it at tabs, unless it is erased.
    parts = [f"{state}\r" if _covers(shown, state) else f"{state}\r\x1b[K" for state in lost]
    return "".join([*parts, _coloured(row)])


def _covers(shown: str, state: str) -> bool:
    has_columns = state.isascii() and "\t" not in state and "\t" not in shown
    return has_columns and len(state) <= len(shown)


class OpenText:
    """The text of a stream, whose end waits for what may overwrite it: at most ``most`` characters,
    or twice as many."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = max(1, min(most, KEPT))
        self._plain: list[str] = []
        self._size = 0
        self._screen: _StatesScreen | None = None
        self._is_long = False  # a line that is no state, until its end

    def feed(self, text: str) -> str:
        """Add a text; returns what no longer changes."""
        size = max(self._most, LEAST_PIECE)  # more would be cut before the screen has it
        pieces = (text[start : start + size] for start in range(0, len(text), size))
        return "".join(map(self._feed, pieces))

    def _feed(self, text: str) -> str:
        before = ""
        if self._is_long:
            before, end, text = text.partition("\n")
            before, self._is_long = before + end, not end
        if self._screen is None:
            self._plain.append(text)
            self._size += len(text)
            if not MOVES.search(text):
                return before + self._cut() if self._size > 2 * self._most else before
            before += self._cut()
            text, self._plain = "".join(self._plain), []
            self._screen = _StatesScreen()
            self._size = 0
        rest = self._take(text)
        before += self._settled()
        self._size += len(text)
        if rest is not None:
            before += self._all()
            self._is_long = True
            return before + self._feed(rest)
        return before + self._shortened() if self._size > self._most else before

    def _take(self, text: str) -> str | None:
        """Put a text on the screen; returns what is left of it where that would change a line that
        is longer than LONGEST."""
        assert self._screen
        for token in self._screen.tokens(text):
            if self._screen.may_change(LONGEST) and token[0] not in "\r\n":
                return token.string[token.start() :]
            self._screen.take(token)
        return None

    @property
    def text(self) -> str:
        """The rest as it is now."""
        return self._screen.text() if self._screen else "".join(self._plain)

    def end(self, keep_open: bool = False) -> str:
        """What is left, since something else follows; with ``keep_open`` without lines whose last
        state this may not be, which wait on."""
        screen = self._screen
        count = _open_from(screen) if screen and keep_open else None
        if screen and count is not None:
            screen.settle(count)
            return self._settled()
        text, self._plain, self._screen, self._size = self.text, [], None, 0
        self._is_long = False
        return text

    def _cut(self) -> str:
        """All but the end of a plain text."""
        text = "".join(self._plain)
        end = text.rfind("\n", 0, max(0, len(text) - self._most)) + 1
        if not end and len(text) > 2 * self._most:
            end, self._is_long = len(text), True
        self._plain, self._size = [text[end:]], len(text) - end
        return text[:end]

    def _settled(self) -> str:
        assert self._screen
        rows, self._screen.settled = self._screen.settled, []
        return "".join(f"{row}\n" for row in rows)

    def _shortened(self) -> str:
        """All, if that is more than may wait: states that a person would miss, or long lines."""
        self._size = 0
        is_long = len(self.text) > self._most
        return self._all() if is_long else ""

    def _all(self) -> str:
        """All that waits, with the cursor where it is now, or in a line of its own."""
        screen = self._screen
        assert screen
        row = screen.rows[-1]
        is_last = screen.y == len(screen.rows) - 1
        text = self.end()
        if is_last and screen.x >= row.width:
            return text
        return f"{text}\r" if is_last and not screen.x else f"{text}\n"


def _open_from(screen: Screen) -> int | None:
    """The first of the rows at the end that the program rewrites; None where there are none."""
    first = len(screen.rows)
    for row in reversed(screen.rows):
        if row.is_closed or not (row.is_changed or is_bar(row.text())):
            break
        first -= 1
    if first == len(screen.rows):
        return None
    first = min(first, screen.y)
    return first if any(row.has_text() for row in screen.rows[first:]) else None
