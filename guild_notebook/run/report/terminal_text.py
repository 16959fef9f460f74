"""Text with escape sequences of terminals, as HTML of what a terminal shows in the end.

Colours are classes of the page's stylesheet: ``ansi-red-fg``, ``ansi-red-intense-bg`` and so on,
``ansi-default-inverse-fg``, ``ansi-bold``, ``ansi-dim``, ``ansi-italic``, ``ansi-underline``,
``ansi-strike``.
"""

from __future__ import annotations

import functools
import html
import re

from ...document.screen import (
    BOLD,
    DIM,
    INVERSE,
    ITALIC,
    PLAIN,
    STRIKE,
    UNDERLINE,
    Row,
    Screen,
    Style,
    changed,
)  # fmt: skip

_UNUSUAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # what is not shown as it is written
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

_COLOURS = re.compile(r"\x1b\[([\d;:]*)m")
_BESIDE_COLOURS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[\d;:]*m)")

_FLAGS = {BOLD: "bold", DIM: "dim", ITALIC: "italic", UNDERLINE: "underline", STRIKE: "strike"}


def terminal_html(text: str, with_links: bool = True) -> str:
    """What stands in a ``pre`` element for ``text``, "" where a terminal shows nothing of it.
    Hyperlinks to http and https are links, ``with_links``; of others there is the text."""
    if not text.strip():
        return ""
    if not _UNUSUAL.search(text):
        return html.escape(text, quote=False)
    if not _BESIDE_COLOURS.search(text):
        return _coloured_html(text)
    screen = Screen(_row_html if with_links else _row_without_links)
    screen.feed(text)
    shown = screen.text()
    return shown if shown.strip() else ""


def _coloured_html(text: str) -> str:
    """The same of a text that has nothing but colours, as logs do: without a screen, in a fifth of
    the time."""
    first, *rest = _COLOURS.split(html.escape(text, quote=False))
    style, parts = PLAIN, [first]
    for parameters, piece in zip(rest[::2], rest[1::2]):
        style = changed(style, parameters)
        attributes = _attributes(style) if piece else ""
        if attributes:
            lines = piece.split("\n")
            piece = "\n".join(f"<span{attributes}>{line}</span>" if line else "" for line in lines)
        parts.append(piece)
    shown = "".join(parts)
    return shown if shown.strip() else ""


def _row_html(row: Row, with_links: bool = True) -> str:
    parts = []
    for text, style in row.runs():
        piece = html.escape(text, quote=False)
        if attributes := _attributes(style):
            piece = f"<span{attributes}>{piece}</span>"
        if with_links and style.link.lower().startswith(("http://", "https://")):
            address = html.escape(style.link)
            piece = f'<a href="{address}" rel="noopener noreferrer nofollow">{piece}</a>'
        parts.append(piece)
    return "".join(parts)


_row_without_links = functools.partial(_row_html, with_links=False)


@functools.lru_cache(maxsize=1024)
def _attributes(style: Style) -> str:
    front, back, flags, _ = style
    if flags & BOLD and isinstance(front, int) and front < 8:
        front += 8
    if flags & INVERSE:
        front, back = back, front
    names, styles = [], []
    for colour, end, name in ((front, "fg", "color"), (back, "bg", "background-color")):
        if isinstance(colour, int):
            names.append(f"ansi-{_NAMES[colour % 8]}{'-intense' * (colour >= 8)}-{end}")
        elif colour and (end == "bg" or back is not None or flags & INVERSE):
            styles.append(f"{name}: rgb({','.join(map(str, colour))})")
        elif colour:
            styles.append(
                f"{name}: light-dark({_readable(colour, False)}, {_readable(colour, True)})"
            )
        elif flags & INVERSE:
            names.append(f"ansi-default-inverse-{end}")
    names += [f"ansi-{name}" for flag, name in _FLAGS.items() if flags & flag]
    made = f' class="{" ".join(names)}"' if names else ""
    return made + (f' style="{"; ".join(styles)}"' if styles else "")


MOST_ON_LIGHT, LEAST_ON_DARK = 0.15, 0.25
"""Relative luminance of text with a contrast of 4.5 on all grounds of a page (WCAG 2.2, 1.4.3)."""


def _readable(colour: tuple[int, int, int], is_dark: bool) -> str:
    """A colour as it can be read on light or dark ground: a darker or a lighter one if need be."""
    red, green, blue = colour
    for _step in range(40):
        light = sum(
            share * _linear(part / 255)
            for share, part in zip((0.2126, 0.7152, 0.0722), (red, green, blue))
        )
        if light >= LEAST_ON_DARK if is_dark else light <= MOST_ON_LIGHT:
            break
        red, green, blue = (
            min(part + (255 - part) // 12 + 1, 255) if is_dark else part * 11 // 12
            for part in (red, green, blue)
        )
    return f"#{red:02x}{green:02x}{blue:02x}"


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
