"""Text with escape sequences of terminals, as HTML of what a terminal shows in the end.

Colours are classes of the page's stylesheet: ``ansi-red-fg``, ``ansi-red-intense-bg`` and so on,
``ansi-default-inverse-fg``, ``ansi-bold``, ``ansi-dim``, ``ansi-italic``, ``ansi-underline``,
``ansi-strike``.
"""

from __future__ import annotations

import functools
import html

from ...document.bars import has_only_bars
from ...document.screen import (
    BOLD,
    DIM,
    INVERSE,
    ITALIC,
    STRIKE,
    UNDERLINE,
    UNUSUAL,
    Row,
    Screen,
    Style,
    shown_text,
)  # fmt: skip

__all__ = ["has_only_bars", "shown_text", "terminal_html"]

_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

_FLAGS = {BOLD: "bold", DIM: "dim", ITALIC: "italic", UNDERLINE: "underline", STRIKE: "strike"}


def terminal_html(text: str, with_links: bool = True) -> str:
    """What stands in a ``pre`` element for ``text``, "" where a terminal shows nothing of it.
    Hyperlinks to http and https are links, ``with_links``; of others there is the text."""
    if not UNUSUAL.search(text):
        return html.escape(text, quote=False)
    screen = Screen(_row_html if with_links else _row_without_links)
    screen.feed(text)
    shown = screen.text()
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
        elif colour:
            styles.append(f"{name}: rgb({','.join(map(str, colour))})")
        elif flags & INVERSE:
            names.append(f"ansi-default-inverse-{end}")
    names += [f"ansi-{name}" for flag, name in _FLAGS.items() if flags & flag]
    made = f' class="{" ".join(names)}"' if names else ""
    return made + (f' style="{"; ".join(styles)}"' if styles else "")
