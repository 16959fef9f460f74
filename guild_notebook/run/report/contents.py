"""The contents of a page: the headings of its Markdown, its named cells and those that failed."""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from dataclasses import dataclass

_HEADING = re.compile(
    r"<h([1-6])\b([^<>]*)>((?:(?!<h[1-6]\b).)*?)</h\1\s*>", re.IGNORECASE | re.DOTALL
)
_ID = re.compile(r"""\bid=(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class _Entry:
    """A line of the contents. ``level`` is that of the heading, from 1, and 0 for a cell; ``text``
    is plain text, ``anchor`` an id of the page. ``ended`` says how a cell ended that failed."""

    level: int
    text: str
    anchor: str
    ended: str = ""


class Contents:
    """The contents of one page, to which its parts are added in their order. ``taken`` are ids of
    the page that no heading may have."""

    def __init__(self, taken: Collection[str]) -> None:
        self._entries: list[_Entry] = []
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}  # the last of those that have the same id

    def add_cell(self, name: str, anchor: str, ended: str = "") -> None:
        self._entries.append(_Entry(0, name, anchor, ended))

    def with_headings(self, piece: str) -> str:
        """Add the headings of a piece of HTML; returns it with ids for them that are in the page
        once."""
        return _HEADING.sub(self._with_id, piece) if "<h" in piece or "<H" in piece else piece

    def _with_id(self, match: re.Match[str]) -> str:
        level, attributes, content = match.groups()
        text = " ".join(html.unescape(_TAG.sub("", content)).removesuffix("¶").split())
        if not text:
            return match[0]
        found = _ID.search(attributes)
        wanted = html.unescape(found[1] or found[2] or "") if found else ""
        anchor = wanted = wanted or "-".join(text.split())
        number = self._numbers.get(wanted, 1)
        while anchor in self._taken:
            number += 1
            anchor = f"{wanted}-{number}"
        self._numbers[wanted] = number
        self._taken.add(anchor)
        self._entries.append(_Entry(int(level), text, anchor))
        if found and anchor == wanted:
            return match[0]
        attributes = _ID.sub("", attributes).rstrip()
        content = content.replace(
            f'href="#{html.escape(wanted)}"', f'href="#{html.escape(anchor)}"'
        )
        return f'<h{level}{attributes} id="{html.escape(anchor)}">{content}</h{level}>'

    def html(self) -> str:
        """The contents as a list of links; "" where there is nothing to list."""
        if not self._entries:
            return ""
        highest = min((entry.level for entry in self._entries if entry.level), default=1)
        depth, lines = 0, []
        for entry in self._entries:
            depth = entry.level - highest if entry.level else depth
            ended = f' <span class="mark">{html.escape(entry.ended)}</span>' if entry.ended else ""
            kind = ("heading" if entry.level else "named") + " failed" * bool(entry.ended)
            lines.append(
                f'<li class="{kind} depth{min(depth, 3)}"><a href="#{html.escape(entry.anchor)}">'
                f"{html.escape(entry.text)}{ended}</a></li>\n"
            )
        return (
            '<nav class="contents" aria-label="Contents"><details><summary>Contents</summary>\n'
            f"<ul>\n{''.join(lines)}</ul></details></nav>\n"
        )
