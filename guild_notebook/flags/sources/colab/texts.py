"""What a form says beside its fields: titles, and the texts that describe a field."""

from __future__ import annotations

import re
from bisect import bisect_right

from ...languages.source import Source

_TITLE = re.compile(r"^[ \t]*#[ \t]*@title\b[ \t]*([^\r\n]*)", re.MULTILINE)
_TITLE_OPTIONS = re.compile(r"\s*\{[^{}]*\}?\s*$")
_MARKDOWN = re.compile(r"#[ \t]*@markdown\b[ \t]*(.*)")
_RULE = re.compile(r"-{3,}\s*")
_BULLET = re.compile(r"[-*+•][ \t]+")
_PLAIN = re.compile(r"#+(?![ \t]*@)[ \t]*(.*)")
_NO_TEXT = re.compile(r"\W*|.*@[ \t]*param\b.*|(?:type|noqa|pylint|fmt)\b:?.*")


class Titles:
    """The titles of one cell; layout options after a title have no effect."""

    def __init__(self, text: str) -> None:
        matches = [(m.start(), _TITLE_OPTIONS.sub("", m.group(1)).strip()) for m in _titles(text)]
        self._starts = [start for start, _ in matches]
        self._texts = [title for _, title in matches]

    def at(self, offset: int) -> str:
        """The title above ``offset``, else the cell's first; "" where it has none."""
        index = max(bisect_right(self._starts, offset) - 1, 0)
        return self._texts[index] if self._texts else ""


def _titles(text: str) -> list[re.Match[str]]:
    return list(_TITLE.finditer(text)) if "@title" in text else []


class Descriptions:
    """Finds each field's description; a block that describes one field describes no other."""

    def __init__(self, source: Source) -> None:
        # comments that stand on a line of their own, by line
        self._lines = {
            source.position(start)[0]: source.text[start:end]
            for start, end in source.scan.comments
            if source.line_at(start).startswith("#")
        }
        self._taken: set[int] = set()

    def of(self, first: int, last: int) -> str:
        """The text for a field on lines ``first`` to ``last``: the markdown block directly
        above, else a bullet block directly below, else the plain comment directly above."""
        above = self._block(first - 1, -1, _MARKDOWN)[::-1]
        if above and self._take(above):
            return self._text(above, _MARKDOWN)
        below = self._block(last + 1, 1, _MARKDOWN)
        match = _MARKDOWN.match(self._lines[below[0]]) if below else None
        if match and _BULLET.match(match.group(1)) and self._take(below):
            return self._text(below, _MARKDOWN)
        plain = self._block(first - 1, -1, _PLAIN)[::-1]
        return self._text(plain, _PLAIN)

    def _block(self, line: int, step: int, pattern: re.Pattern[str]) -> list[int]:
        block = []
        while line in self._lines and pattern.match(self._lines[line]):
            block.append(line)
            line += step
        return block

    def _take(self, lines: list[int]) -> bool:
        if not self._taken.isdisjoint(lines):
            return False
        self._taken.update(lines)
        return True

    def _text(self, lines: list[int], pattern: re.Pattern[str]) -> str:
        matches = [pattern.match(self._lines[line]) for line in lines]
        texts = [m.group(1).strip() for m in matches if m and not _RULE.fullmatch(m.group(1))]
        texts = [_BULLET.sub("", text, count=1) for text in texts]
        if pattern is _PLAIN:
            texts = [text for text in texts if not _NO_TEXT.fullmatch(text)]
        return " ".join(text for text in texts if text)
