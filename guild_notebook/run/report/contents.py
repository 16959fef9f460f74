"""The contents of a page: the headings of its Markdown, its named cells and those that failed."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_HEADING = re.compile(r"<h([1-6])\b([^<>]*)>(.*?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
_ID = re.compile(r"""\bid=(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Entry:
    """A line of the contents. ``level`` is that of the heading, from 1, and 0 for a cell; ``text``
    is plain text, ``anchor`` an id of the page."""

    level: int
    text: str
    anchor: str
    has_failed: bool = False


def headings(piece: str) -> list[Entry]:
    """The headings of a piece of HTML that have an id."""
    found = []
    for level, attributes, content in _HEADING.findall(piece):
        anchor = _ID.search(attributes)
        text = html.unescape(_TAG.sub("", content)).strip().removesuffix("¶").strip()
        if anchor and text:
            found.append(Entry(int(level), text, html.unescape(anchor[1] or anchor[2] or "")))
    return found


def contents_html(entries: Sequence[Entry]) -> str:
    """The contents as a list of links; "" where there is nothing to list."""
    if not entries:
        return ""
    highest = min((entry.level for entry in entries if entry.level), default=1)
    depth, lines = 0, []
    for entry in entries:
        depth = entry.level - highest if entry.level else depth
        failed = ' <span class="mark">failed</span>' if entry.has_failed else ""
        kind = ("heading" if entry.level else "named") + " failed" * entry.has_failed
        lines.append(
            f'<li class="{kind} depth{min(depth, 3)}"><a href="#{html.escape(entry.anchor)}">'
            f"{html.escape(entry.text)}{failed}</a></li>\n"
        )
    return (
        '<nav class="contents" aria-label="Contents"><details><summary>Contents</summary>\n'
        f"<ul>\n{''.join(lines)}</ul></details></nav>\n"
    )
