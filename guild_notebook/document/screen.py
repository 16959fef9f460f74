"""Text as a terminal would have left it (ECMA-48, and xterm where that leaves a choice).

A screen without an edge on the right, and as high as the text: of its last HEIGHT rows each can be
reached by the cursor, those above stay as they are. So work and memory are linear in the text.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple, Union

HEIGHT = 500  # rows from the bottom that the cursor can reach at least
COLUMNS = 300  # columns to which the cursor moves where a row has no text: beyond it stops
FRESH_ROWS = 24  # rows that an empty screen has for the cursor, without line feeds
LONGEST_SEQUENCE = 4096  # characters of a sequence that may go on in the next text
BOLD, DIM, ITALIC, UNDERLINE, INVERSE, STRIKE = (1 << n for n in range(6))

_ON = {1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 9: STRIKE, 21: UNDERLINE}
_OFF = {22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 29: STRIKE}

_COLOURS: dict[int, tuple[str, int | None]] = {
    **{first + n: ("front", n + first // 90 * 8) for first in (30, 90) for n in range(8)},
    **{first + n: ("back", n + first // 100 * 8) for first in (40, 100) for n in range(8)},
    **{38: ("front", None), 39: ("front", None), 48: ("back", None), 49: ("back", None)},
}

Colour = Union[int, "tuple[int, int, int]", None]
"""One of 16 colours by its number, or red, green and blue; None for the page's own."""


class Style(NamedTuple):
    """How characters look (ECMA-48, 8.3.117), ``flags`` are BOLD and so on; ``link`` is the address
    of a hyperlink."""

    front: Colour = None
    back: Colour = None
    flags: int = 0
    link: str = ""


PLAIN = Style()

_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<command>[^\x07\x1b\n]*)(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b(?P<escape>[ -/]*[0-~])"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
)
_OPEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)?\Z")
MOVES = re.compile(r"[\r\x08]|\x1b(?!\[[\d;:]*m)")  # what is not shown as it is, but colours


class Row:
    """A row of a screen, ``width`` columns wide.

    As long as text is only put at its end that is kept in runs. Then there is a list of cells, with
    the text of a character in the first of its columns and "" in the others.
    """

    __slots__ = ("_cells", "_runs", "_styles", "is_changed", "is_closed", "width")

    def __init__(self) -> None:
        self._runs: list[tuple[str, Style]] = []
        self._cells: list[str] | None = None
        self._styles: list[Style] = []
        self.width = 0
        self.is_changed = False  # some of it has been erased or overwritten
        self.is_closed = False  # the last row, until the line feed at its end

    def has_text(self) -> bool:
        return bool(self.width)

    def text(self) -> str:
        """The row without colours."""
        return "".join(text for text, _ in self.runs())

    def runs(self) -> Iterator[tuple[str, Style]]:
        """The texts of the row with their styles; without blanks at its end that the program has
        put over something else."""
        runs = self._runs if self._cells is None else list(self._grouped())
        if self.is_changed and runs:
            runs = runs[:]
            while runs and not (rest := runs[-1][0].rstrip(" ")) and runs[-1][1] == PLAIN:
                runs.pop()
            if runs and runs[-1][1] == PLAIN:
                runs[-1] = (rest, PLAIN)
        return iter(runs)

    def _grouped(self) -> Iterator[tuple[str, Style]]:
        assert self._cells is not None
        start = 0
        for style, group in itertools.groupby(self._styles):
            end = start + sum(1 for _ in group)
            yield "".join(self._cells[start:end]), style
            start = end

    def put(self, x: int, text: str, width: int, style: Style) -> None:
        """Put ``text`` of ``width`` columns into column ``x``."""
        if x > self.width:
            self._append(" " * (x - self.width), x - self.width, PLAIN)
        if x == self.width:
            self._append(text, width, style)
        elif x == 0 and width >= self.width:
            self._runs, self._cells, self._styles = [(text, style)], None, []
            self.width, self.is_changed = width, True
        else:
            self._overwrite(x, _cells(text, x), style)

    def _append(self, text: str, width: int, style: Style) -> None:
        if self._cells is not None:
            added = _cells(text, self.width)
            self._cells += added
            self._styles += [style] * len(added)
        else:
            self._runs.append((text, style))
        self.width += width

    def _overwrite(self, x: int, cells: list[str], style: Style) -> None:
        own = self._as_cells()
        end = x + len(cells)
        self._divide(x)
        self._divide(end)
        own[x:end] = cells
        self._styles[x:end] = [style] * len(cells)
        self.width = len(own)
        self.is_changed = True

    def _divide(self, x: int) -> None:
        """Blanks in place of a character that has columns on both sides of ``x``."""
        cells = self._as_cells()
        if 0 < x < len(cells) and not cells[x]:
            start = end = x
            while not cells[start] and start:
                start -= 1
            while end < len(cells) and not cells[end]:
                end += 1
            cells[start:end] = " " * (end - start)

    def _as_cells(self) -> list[str]:
        if self._cells is None:
            cells: list[str] = []
            for text, style in self._runs:
                added = _cells(text, len(cells))
                if not added and cells:
                    cells[-1] += text
                cells += added
                self._styles += [style] * len(added)
            self._cells, self._runs = cells, []
        return self._cells

    def erase(self, start: int, end: int) -> None:
        """Erase the columns from ``start`` to ``end``."""
        if start >= self.width:
            return
        self.is_changed = True
        if end >= self.width:
            if start:
                cells = self._as_cells()
                self._divide(start)
                del cells[start:], self._styles[start:]
            else:
                self._runs, self._cells, self._styles = [], None, []
            self.width = start
        else:
            self._overwrite(start, [" "] * (end - start), PLAIN)


@functools.lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _width_of(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_width, text))


def _cells(text: str, x: int) -> list[str]:
    """The cells of a text that begins in column ``x``."""
    if text.isascii() and "\t" not in text:
        return list(text)
    cells: list[str] = []
    for character in text:
        width = 8 - (x + len(cells)) % 8 if character == "\t" else _width(character)
        if width:
            cells += [character, *[""] * (width - 1)]
        elif cells:
            place = len(cells) - 1
            while not cells[place] and place:
                place -= 1
            cells[place] += character
    return cells


class Screen:
    """A screen to which text is fed. ``render`` makes a text of each row when it is out of reach,
    which is in ``settled`` then, and when ``text`` is asked for. The cursor is in the row ``y`` of
    ``rows``, in the column ``x``, and has been moved ``moves`` times."""

    def __init__(self, render: Callable[[Row], str], height: int = HEIGHT) -> None:
        self._render = render
        self._height = height
        self.rows = [self.new_row()]
        self.x = self.y = 0
        self.style = PLAIN
        self._saved = (0, 0, PLAIN)
        self._held = ""
        self.settled: list[str] = []
        self.moves = 0

    def text(self) -> str:
        """The whole, with a line feed between rows."""
        rows = self.rows[:]
        while len(rows) > self.y + 1 and not rows[-1].has_text():
            rows.pop()
        return "\n".join([*self.settled, *map(self._render, rows)])

    def feed(self, text: str) -> None:
        for token in self.tokens(text):
            self.take(token)

    def tokens(self, text: str) -> Iterator[re.Match[str]]:
        """Texts, control characters and sequences; one that is not whole waits for the next."""
        text = self._held + text
        self._held = ""
        if "\x1b" in text:
            unfinished = _OPEN.search(text, max(0, len(text) - LONGEST_SEQUENCE))
            if unfinished:
                text, self._held = text[: unfinished.start()], unfinished[0]
        return _TOKEN.finditer(text)

    def take(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "text":
            self._put(token["text"], _width_of(token["text"]))
        elif kind == "control":
            self._control(token["control"])
        elif kind == "final":
            if not token["between"]:
                self._sequence(token["parameters"], token["final"])
        elif kind == "command":
            self._link(token["command"])
        elif kind == "escape":
            self._escape(token["escape"])

    def may_change(self, columns: int) -> bool:
        """Whether the cursor is within the text of a row that is wider than ``columns``."""
        row = self.rows[self.y] if self.y < len(self.rows) else None
        return row is not None and row.width > columns and self.x < row.width

    def _put(self, text: str, width: int) -> None:
        row = self._row()
        self.x = min(self.x, max(row.width, COLUMNS))
        if self.x < row.width:
            self.changes(row)
        row.put(self.x, text, width, self.style)
        self.x += width

    def new_row(self) -> Row:
        return Row()

    def changes(self, row: Row) -> None:
        """The text of a row is about to be overwritten or erased."""

    def _row(self) -> Row:
        while len(self.rows) <= self.y:
            self.rows.append(self.new_row())
        return self.rows[self.y]

    def _control(self, character: str) -> None:
        if character in "\n\x0b\x0c":
            self._feed_line()
            self.x = 0
        elif character == "\r":
            self._move(0, self.y)
        elif character == "\x08":
            self._move(self.x - 1, self.y)
        elif character == "\t":
            row = self._row()
            self.x = min(self.x, max(row.width, COLUMNS))
            width = 8 - self.x % 8
            if self.x < row.width:
                self.x += width
            else:
                self._put("\t", width)

    def _feed_line(self) -> None:
        self.moves += 1
        self._row().is_closed = self.y == len(self.rows) - 1
        self.y += 1
        self._row()
        if len(self.rows) > 2 * self._height:
            self.settle(self._height)

    def settle(self, count: int) -> None:
        """Put the first ``count`` rows out of reach."""
        self.settled += map(self._render, self.rows[:count])
        del self.rows[:count]
        self.y = max(0, self.y - count)

    def _move(self, x: int, y: int) -> None:
        self.moves += 1
        self.y = max(0, min(y, max(len(self.rows), FRESH_ROWS) - 1))
        width = self.rows[self.y].width if self.y < len(self.rows) else 0
        self.x = max(0, min(x, max(width, COLUMNS - 1)))

    def _escape(self, escape: str) -> None:
        if escape == "7":
            self._saved = (self.x, self.y, self.style)
        elif escape == "8":
            self._restore()
        elif escape == "M":
            self._move(self.x, self.y - 1)
        elif escape in ("D", "E"):
            self._feed_line()
            self.x = 0 if escape == "E" else self.x
        elif escape == "c":
            self.style = PLAIN
            self._erase_display(2)
            self._move(0, 0)

    def _restore(self) -> None:
        x, y, self.style = self._saved
        self._move(x, y)

    def _link(self, command: str) -> None:
        """A hyperlink begins, or ends where it has no address (OSC 8)."""
        number, _, rest = command.partition(";")
        if number == "8":
            self.style = self.style._replace(link=rest.partition(";")[2])

    def _sequence(self, parameters: str, final: str) -> None:
        if final == "m":
            self.style = changed(self.style, parameters)
            return
        fields = parameters.split(";")
        if not all(field.isdecimal() or not field for field in fields):
            return  # of xterm and others, as to hide the cursor
        first, second = ([int(field[:9] or 0) for field in fields] + [0])[:2]
        x, y, n = self.x, self.y, max(1, first)
        places = {"A": (x, y - n), "B": (x, y + n), "C": (x + n, y), "D": (x - n, y)}
        places |= {"E": (0, y + n), "F": (0, y - n), "G": (n - 1, y), "`": (n - 1, y)}
        places |= {"d": (x, n - 1), "H": (second - 1, n - 1), "f": (second - 1, n - 1)}
        if final in places:
            self._move(*places[final])
        elif final == "J":
            self._erase_display(first)
        elif final == "K":
            self._erase_line(first)
        elif final == "X":
            self._erase(self._row(), x, x + min(n, COLUMNS))
        elif final == "s":
            self._saved = (x, y, self.style)
        elif final == "u":
            self._restore()

    def _erase(self, row: Row, start: int, end: int) -> None:
        if start < row.width:
            self.changes(row)
            row.erase(start, end)

    def _erase_line(self, which: int) -> None:
        row = self._row()
        # What is far to the left stays: erasing it each time would take quadratic time.
        start = 0 if which == 2 or self.x >= row.width else max(0, self.x - COLUMNS)
        if which in (0, 1, 2):
            self._erase(row, self.x if which == 0 else start, self.x + 1 if which == 1 else 1 << 30)

    def _erase_display(self, which: int) -> None:
        if which in (0, 1):
            self._erase_line(which)
        rows = {0: self.rows[self.y + 1 :], 1: self.rows[: self.y], 2: self.rows}.get(which, [])
        for row in rows:
            if row.width:
                self._erase(row, 0, row.width)


@functools.lru_cache(maxsize=4096)
def changed(style: Style, parameters: str) -> Style:
    """``style`` as the parameters of a sequence change it, numbers with semicolons."""
    changed = style._asdict()
    numbers = iter(_numbers(parameters))
    for number, *parts in numbers:
        name, value = _COLOURS.get(number, ("", None))
        if number in (38, 48, 58):
            if not parts:
                kind = next(numbers, [0])[0]
                count = {5: 1, 2: 3}.get(kind, 0)
                parts = [kind, *(values[0] for values in itertools.islice(numbers, count))]
            colour = _extended(parts)
            if name and colour is not None:
                changed[name] = colour
        elif name:
            changed[name] = value
        elif number == 0:
            changed.update(front=None, back=None, flags=0)
        elif number in _OFF or (number == 4 and parts == [0]):
            changed["flags"] &= ~_OFF.get(number, UNDERLINE)
        else:
            changed["flags"] |= _ON.get(number, 0)
    made = Style(**changed)
    return PLAIN if made == PLAIN else made


def _numbers(parameters: str) -> list[list[int]]:
    """The numbers of a sequence, each with those that a colon joins to it; none of others."""
    fields = [field.split(":") for field in parameters.split(";")]
    try:
        return [[int(part[:9] or 0) for part in field] for field in fields]
    except ValueError:
        return []


def sequences_of(old: Style, new: Style) -> str:
    """The sequences after which text has the style ``new``, where it had ``old``."""
    if new == old:
        return ""
    link = f"\x1b]8;;{new.link}\x1b\\" if new.link != old.link else ""
    codes = ["0", *(str(code) for code, flag in _ON.items() if code < 21 and new.flags & flag)]
    for first, colour in ((30, new.front), (40, new.back)):
        if isinstance(colour, int):
            codes.append(str(first + colour + (52 if colour >= 8 else 0)))
        elif colour:
            codes.append(f"{first + 8};2;{colour[0]};{colour[1]};{colour[2]}")
    is_coloured = old._replace(link="") != new._replace(link="")
    return link + (f"\x1b[{';'.join(codes)}m" if is_coloured else "")


def _extended(parts: list[int]) -> Colour:
    """The colour of a 38 or 48: 5 and one of 256, or 2 and red, green and blue; None for what is
    neither."""
    kind, *values = parts
    if kind == 2:
        values = values[1:4] if len(values) > 3 else values  # after the number of a colour space
        is_colour = len(values) == 3 and all(0 <= value <= 255 for value in values)
        return (values[0], values[1], values[2]) if is_colour else None
    index = values[0] if kind == 5 and values else -1
    if 0 <= index < 16:
        return index
    if 16 <= index < 232:
        red, green, blue = (
            55 + level * 40 if level else 0
            for level in ((index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6)
        )
        return red, green, blue
    return (grey := (index - 232) * 10 + 8, grey, grey) if 232 <= index < 256 else None
