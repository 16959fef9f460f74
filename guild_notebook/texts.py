"""Texts for a line of a terminal: without what would move its cursor, no wider than there is room;
times and numbers in few characters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_NARROWEST = 12  # columns of a terminal that a text has in a table
_JOINER, _EMOJI = "\u200d", "\ufe0f"  # the latter makes what is before it wide


def one_line(value: Any) -> str:
    """A text without characters that are not seen, "" for what is no text."""
    from unicodedata import category  # which few processes need

    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c == _JOINER or category(c) not in _UNSEEN).strip()


def printable(text: str) -> str:
    """A text with ``?`` for each such character."""
    return "".join(c if c.isprintable() else "?" for c in text)


def width(text: str) -> int:
    """The columns that a terminal needs for ``text``, at most."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(c: str) -> int:
    from unicodedata import category, east_asian_width

    if c.isascii():
        return 1
    if category(c) in ("Mn", "Me", "Cf") and c != _EMOJI:
        return 0
    return 2 if east_asian_width(c) in "WF" else 1


def cut(text: str, columns: int, prefix: str = "") -> str:
    """``text``, cut where it needs more columns. ``prefix``, which texts that are to be told apart
    have in common, is left out first, and then the end: each leaves a ``…``."""
    if width(text) <= columns:
        return text
    if len(prefix) > 1 and len(text) > len(prefix) and text.startswith(prefix):
        return cut(f"…{text[len(prefix) :]}", columns)
    shown, used = "", 1
    for c in text:
        used += _columns_of(c)
        if used > columns:
            break
        shown += c
    return shown + "…" if columns > 0 else ""


def cut_end(text: str, most: int) -> str:
    """``text`` in so many characters at most, with a ``…`` for the rest."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def columns(rows: Sequence[Sequence[str]], most: int = 0) -> Iterator[str]:
    """Rows of texts as lines, those of a column below each other. With ``most``, the columns of a
    terminal, texts of the widest ones go on in further lines where there is no room."""
    from textwrap import wrap

    widths = [max(map(width, column)) for column in zip(*rows)]
    while most and sum(widths) + 2 * len(widths) - 2 > most and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    for row in rows:
        texts = (wrap(t, w) if most and width(t) > w else [t] for t, w in zip(row, widths))
        for line in zip_longest(*texts, fillvalue=""):
            padded = (text + " " * (w - width(text)) for text, w in zip(line, widths))
            yield "  ".join(padded).rstrip()


def clock(seconds: float) -> str:
    """A time that runs: ``1:42``, ``1:02:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float, is_exact: bool = False) -> str:
    """A time that is over: ``3 s``, ``3 min 10 s``, ``1 h 02 min``. An exact one has tenths of a
    second up to a minute, others only up to a second."""
    if seconds < (60 if is_exact else 59.5):
        return f"{seconds:.1f} s" if is_exact or seconds < 0.95 else f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def number(value: Any, digits: int = 5) -> str:
    """A number in as many significant digits; whole ones in all of theirs."""
    if isinstance(value, float) and math.isfinite(value):
        whole = value.is_integer() and abs(value) < 1e10
        return str(int(value)) if whole else f"{value:.{digits}g}"
    return str(value)
