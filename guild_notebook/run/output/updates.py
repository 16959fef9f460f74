"""Displays that change: progress bars of widgets and of HTML, and whatever else a cell updates.

A terminal has the newest state in the line at its bottom. In the run's output one state is a line
every few seconds, and the last one of each display always.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from ...document.mime import text_of
from .stream import PROGRESS_INTERVAL, Stream, without_escapes

LONGEST_HTML = 5_000  # characters of HTML that are read for the text that it shows
_PROGRESS = re.compile(r"<progress\b([^<>]*)>")
_ATTRIBUTE = re.compile(r"\b(value|max)\s*=\s*[\"']?([\d.]+)")
_HIDDEN = re.compile(r"<(style|script)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


@dataclass
class _Update:
    """What a display shows, as ``text`` returns it; ``shown`` is what the output has of it,
    ``is_on_terminal`` whether a terminal has that too."""

    text: Callable[[], str]
    shown: str = ""
    is_new: bool = True
    is_on_terminal: bool = True


class Updates:
    """Shows the states of displays on ``stream``, each display by a key of its own."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._updates: dict[Hashable, _Update] = {}
        self._newest: _Update | None = None
        self._shown_at = 0.0

    @property
    def state(self) -> str:
        """The newest state, in one line."""
        text = without_escapes(self._newest.text()) if self._newest else ""
        return " · ".join(filter(None, (line.strip() for line in text.splitlines())))

    def add(self, key: Hashable, text: Callable[[], str], at_once: bool = False) -> None:
        """The display with this key shows what ``text`` returns now, in one line or several. It is
        called when that is shown: ``at_once`` where the cell has shown no state of it yet."""
        if not self._updates:
            self._shown_at = self._clock()
        at_once = at_once and key not in self._updates
        update = self._updates.setdefault(key, _Update(text))
        update.text, update.is_new = text, True
        self._newest = update
        if at_once:
            self._show_last(update)

    def remove(self, key: Hashable) -> None:
        """The program has removed this display: its last state is none."""
        if self._updates.pop(key, None) is self._newest:
            self._newest = None

    def tick(self) -> None:
        """Show the newest state, if it is time to: to be called several times a second."""
        update = self._newest
        if update and update.is_new and self._clock() - self._shown_at >= PROGRESS_INTERVAL:
            self._shown_at = self._clock()
            text = self._changed(update)
            if text:
                self._stream.write_state(text)
                update.is_on_terminal = False

    def finish(self) -> None:
        """The cell is done: show the last state of each."""
        for update in self._updates.values():
            self._show_last(update)
        self._updates.clear()
        self._newest = None

    def _show_last(self, update: _Update) -> None:
        text = self._changed(update)
        if text:
            self._stream.write_line(text)
        elif not update.is_on_terminal:
            self._stream.show_only(update.shown)
        update.is_on_terminal = True

    def _changed(self, update: _Update) -> str:
        """The text of an update, "" where the output has it."""
        text = update.text().rstrip() if update.is_new else update.shown
        update.is_new = False
        shown, update.shown = update.shown, text
        return text if text != shown else ""


def text_of_display(data: Mapping[str, Any]) -> str:
    """The text of a MIME bundle: its text form, or that of its HTML where the former is but the
    name of an object, as ``<IPython.core.display.HTML object>``."""
    text = text_of(data.get("text/plain", ""))
    if text.startswith("<") and text.endswith(">") and "text/html" in data:
        return text_of_html(text_of(data["text/html"]))
    return text


def text_of_html(source: str) -> str:
    """What a page shows of HTML, in one line; of a progress element how far it is."""
    source = _HIDDEN.sub(" ", source[:LONGEST_HTML])
    plain = html.unescape(_TAG.sub(" ", source)).replace("\u2007", " ")
    if "%" not in plain:
        plain = html.unescape(_TAG.sub(" ", _PROGRESS.sub(_percent, source)))
    return " ".join(plain.split())


def _percent(element: re.Match[str]) -> str:
    values = dict(_ATTRIBUTE.findall(element[1]))
    try:
        return percent(float(values["value"]), 0, float(values.get("max", 1)))
    except (KeyError, ValueError):
        return ""


def percent(value: float, least: float, most: float) -> str:
    """How far a progress bar is; "" where it has no end."""
    return f"{100 * (value - least) / (most - least):.0f}%" if most > least else ""
