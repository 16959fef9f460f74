"""A light lexical scan of Python text that may hold IPython syntax or be broken.

The standard tokenizer stops at what it does not know; this one never fails. It knows strings,
comments, brackets and line ends, which is enough to tell where statements begin, what is a
comment and what is a string, and which lines belong to IPython and not to Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

NEWLINE = re.compile(r"\r\n|\r|\n")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_TOKEN = re.compile(r"""#|\"{3}|'{3}|["'\[\](){}]|\\(?:\r\n|\r|\n)|\r\n|\r|\n""")
_STRING_END = {
    quote: re.compile(rf"[^\\{quote}\r\n]*(?:\\(?:\r\n|[\s\S])[^\\{quote}\r\n]*)*{quote}?")
    for quote in "'\""
}
_TRIPLE_END = {
    quote * 3: re.compile(
        rf"[^\\{quote}]*(?:(?:\\[\s\S]|{quote}(?!{quote}{quote}))[^\\{quote}]*)*{quote * 3}"
    )
    for quote in "'\""
}
# A physical line that is not one of IPython's, and that nothing but brackets could continue.
_PLAIN_LINE = re.compile(r"([ \t\f]*)((?![/,;])[^\r\n#\"'\\%!?]*)(?:\r\n|\r|\n|\Z)")

# What IPython replaces before Python sees it: escapes at the start of a line, help marks at its
# end, and shell commands or magics on the right of an assignment (IPython inputtransformer2).
_IPYTHON_LINE = re.compile(
    r"""[ \t\f]*(?![ \t\f])(?:
        [%!?/,;]
      | [^='"()\#\r\n]*=[ \t]*[%!]
      | [^'"\#\r\n?]*\?\??[ \t]*(?=[\r\n\#]|\Z)
    )""",
    re.VERBOSE,
)
_CONTINUED_LINE = re.compile(r"[^\\\r\n]*(?:\\(?:\r\n|[\s\S])[^\\\r\n]*)*")
_BLANK = re.compile(r"[ \t\f]*")
_RESCANS = 50  # times that the text after a bracket that never closes is scanned once more


class Line(NamedTuple):
    """A logical line, one statement or several joined by ``;`` with all their wrapped lines:
    ``start`` is its first character that is not blank, ``indent`` how many stand before it."""

    start: int
    end: int
    indent: int


@dataclass
class Scan:
    """What a scan found; spans are ``(start, end)`` in characters from the start of the text.

    ``lines`` are the logical lines of Python, without blank lines and lines that hold only a
    comment; ``ipython`` are the lines of IPython, whose comments are not among ``comments``.
    """

    lines: list[Line] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    strings: list[tuple[int, int]] = field(default_factory=list)
    ipython: list[tuple[int, int]] = field(default_factory=list)


def scan(text: str, start: int = 0, end: int | None = None) -> Scan:
    """Scan ``text`` from ``start``, the start of a line, as far as the logical line that holds
    ``end``. Takes linear time.

    Where brackets or triple quotes never close, their line is left out and the scan begins
    anew on the next: a slip must not swallow all that follows.
    """
    found = Scan()
    end = len(text) if end is None else end
    rescans = _RESCANS
    while start < end:
        plain = _PLAIN_LINE.match(text, start)
        if plain and _is_balanced(plain.group(2)):
            if plain.group(2):
                found.lines.append(Line(*plain.span(2), plain.start(2) - start))
            start = plain.end()
            continue
        if _IPYTHON_LINE.match(text, start):
            stop = _end_of(_CONTINUED_LINE, text, start)
            found.ipython.append((start, stop))
        else:
            stop, closed = _scan_line(text, start, found)
            if not closed and rescans:
                rescans -= 1
                stop = _end_of(_REST_OF_LINE, text, start)
                _forget_after(found, stop)
        start = _after_newline(text, stop)
    return found


def _scan_line(text: str, start: int, found: Scan) -> tuple[int, bool]:
    """Scan one logical line; returns where it ends and whether all that it opens is closed."""
    first = _end_of(_BLANK, text, start)
    stop, closed = _logical_end(text, first, found)
    if closed and text[first : first + 1] not in ("#", "\r", "\n", ""):
        found.lines.append(Line(first, stop, first - start))
    return stop, closed


def _is_balanced(line: str) -> bool:
    for opening, closing in ("()", "[]", "{}"):
        if line.count(opening) != line.count(closing):
            return False
    return True


def _logical_end(text: str, start: int, found: Scan) -> tuple[int, bool]:
    depth = 0
    pos = start
    while token := _TOKEN.search(text, pos):
        kind, pos = token.group(), token.end()
        if kind in "([{":
            depth += 1
        elif kind in ")]}":
            depth = max(0, depth - 1)
        elif kind[0] in "\r\n":
            if depth == 0:
                return token.start(), True
        elif kind[0] in "#\"'":
            end = _token_end(text, kind, pos)
            if end is None:
                return len(text), False
            (found.comments if kind == "#" else found.strings).append((token.start(), end))
            pos = end
    return len(text), depth == 0


def _token_end(text: str, kind: str, pos: int) -> int | None:
    """The end of a comment or string that begins before ``pos``; None for an open triple quote.
    A string of one line that is not closed ends with its line, as in Python's own tokenizer."""
    if kind == "#":
        return _end_of(_REST_OF_LINE, text, pos)
    if len(kind) == 1:
        return _end_of(_STRING_END[kind], text, pos)
    closed = _TRIPLE_END[kind].match(text, pos)
    return closed.end() if closed else None


def _forget_after(found: Scan, offset: int) -> None:
    for spans in (found.comments, found.strings):
        while spans and spans[-1][1] > offset:
            spans.pop()


def _end_of(pattern: re.Pattern[str], text: str, pos: int) -> int:
    match = pattern.match(text, pos)
    assert match is not None  # it is for patterns that match the empty string
    return match.end()


def _after_newline(text: str, pos: int) -> int:
    match = NEWLINE.match(text, pos)
    return match.end() if match else len(text)
