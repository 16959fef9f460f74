"""Long text and very many outputs, whose middle is folded: a browser lays out what is seen."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice

from ...document.bars import has_only_bars
from .terminal_text import terminal_html

LONG = 60  # lines of text beyond which a part of them is folded
LONG_TEXT = 20_000  # characters beyond which a part is folded, and that are laid out at once
LONGEST_LINE = 1_000  # characters of a line that are not cut

FIRST, LAST = 40, 10
"""Lines of a long text that are not folded, if they have no more characters than these:"""

FIRST_CHARACTERS, LAST_CHARACTERS = 5_000, 1_000
MOST_OUTPUTS = 500  # outputs of a cell beyond which those in the middle are folded
FIRST_OUTPUTS, LAST_OUTPUTS = 100, 20
LONGEST_ON_PHONES = 40  # characters of a line for which a phone has place; longer ones scroll
LONGEST_THAT_SCROLLS = 400  # characters of a line beyond which all lines of a text wrap
CHUNK = 250  # lines that a browser lays out at once

MANY_TAGS = 4_000
"""Of HTML that is folded, beyond which a browser makes no elements of it before it is opened: it
takes seconds for millions."""

_HELD, _END = (f"{word}{uuid.uuid4().hex}" for word in ("begin", "end"))
"""Words for the tags of what is held: a page is sanitized after its outputs are folded."""

_HOLDS_NOT = re.compile(r"</?noscript|<script|<style|<iframe", re.IGNORECASE)


def outputs_html(made: list[str]) -> str:
    """The outputs of a cell, of which those in the middle are folded if they are very many."""
    made = [output for output in made if output]
    if len(made) <= MOST_OUTPUTS:
        return "".join(made)
    end = len(made) - LAST_OUTPUTS
    summary = f"<summary>{end - FIRST_OUTPUTS:,} more outputs</summary>"
    first, folded, last = made[:FIRST_OUTPUTS], "".join(made[FIRST_OUTPUTS:end]), made[end:]
    more = f'<details class="more">{summary}\n{until_opened(folded)}</details>\n'
    return "".join([*first, more, *last])


def until_opened(piece: str) -> str:
    """HTML of what is folded, of which a browser that runs the page's script makes its elements
    when a reader opens it, if they are many. To others a ``noscript`` is as if it was not there."""
    if piece.count("<") < MANY_TAGS:
        return piece
    piece = piece.replace(_HELD, "").replace(_END, "")
    return piece if _HOLDS_NOT.search(piece) else f"{_HELD}{piece}{_END}"


def with_held(page: str) -> str:
    """A whole page, in which ``until_opened`` has taken effect."""
    return page.replace(_HELD, '<noscript class="held">').replace(_END, "</noscript>")


def text_html(text: str, kind: str) -> str:
    """Text of a terminal, of which the middle is folded if it is long. ``kind`` is its class."""
    if kind == "stderr" and has_only_bars(text):
        kind = "stdout"
    made = terminal_html(text).rstrip("\n")
    if not made:
        return ""
    lines = made.split("\n")
    longest = max(map(len, lines))
    if longest > LONGEST_LINE:
        lines = [part for line in lines for part in _parts(line)]
    # Scrolling sideways shows tables as they are, but not the whole of a very long line.
    wraps = " wraps" * (longest > LONGEST_THAT_SCROLLS)
    focus = ' tabindex="0"' * (longest > LONGEST_ON_PHONES and not wraps)
    start = f'{kind}{wraps}"{focus}>'
    if len(lines) < LONG and len(made) < LONG_TEXT:
        return f'<div class="output">{_pre(lines, start)}</div>\n'
    first = _count_within(lines, FIRST, FIRST_CHARACTERS)
    last = len(lines) - _count_within(reversed(lines[first:]), LAST, LAST_CHARACTERS)
    folded, begin = [], first
    while begin < last:
        end = begin + max(
            _count_within(lines[begin : min(begin + CHUNK, last)], CHUNK, LONG_TEXT), 1
        )
        folded.append(_pre(lines[begin:end], start))
        begin = end
    more = f"{last - first:,} more lines"
    if isinstance(lines[first], _Part) or first + 1 == last:
        more = f"{sum(map(len, lines[first:last])):,} more characters"
    return (
        f'<div class="output">{_pre(lines[:first], start)}'
        f'<details class="more"><summary>{more}</summary>'
        f"{until_opened(''.join(folded))}</details>"
        f"{_pre(lines[last:], start)}</div>\n"
    )


class _Part(str):
    """A part of a line, which goes on in the next string."""


def _parts(line: str) -> Iterator[str]:
    """A line of HTML, in parts if it is very long and has no elements."""
    start = 0
    end_of_parts = 0 if "<" in line else len(line) - LONGEST_LINE
    while start < end_of_parts:
        end = start + LONGEST_LINE
        entity = line.rfind("&", end - 6, end)
        end = entity if entity >= 0 and ";" not in line[entity:end] else end
        yield _Part(line[start:end])
        start = end
    yield line[start:]


def _count_within(lines: Iterable[str], most: int, most_characters: int) -> int:
    """How many of the first ``lines`` are at most ``most``, and of so many characters."""
    count = 0
    for line in islice(lines, most):
        most_characters -= len(line)
        if most_characters < 0:
            break
        count += 1
    return count


def _pre(lines: list[str], start: str) -> str:
    """``lines`` in an element whose start tag ends with ``start``; "" for none."""
    if not lines:
        return ""
    text = "".join(line if isinstance(line, _Part) else f"{line}\n" for line in lines)
    cut = "cut " * isinstance(lines[-1], _Part)
    # Browsers leave out a line feed that begins the element.
    first = "\n" * text.startswith("\n")
    return f'<pre class="{cut}{start}{first}{text[: None if cut else -1]}</pre>'
