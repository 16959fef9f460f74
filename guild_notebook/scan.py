"""A light lexical scan of Python text that may hold IPython syntax or be broken.

The standard tokenizer stops at what it does not know; this one never fails. It knows strings,
comments, brackets and line ends, which is enough to tell where statements begin, what is a
comment and what is a string, and which lines belong to IPython and not to Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NEWLINE = re.compile(r"\r\n|\r|\n")
_LINE_END = re.compile(r"\r|\n|\Z")
_TOKEN = re.compile(r"""#|\"{3}|'{3}|["'\[\](){}]|\\(?:\r\n|\r|\n)|\r\n|\r|\n""")
_STRING_END = {
    quote: re.compile(rf"[^\\{quote}\r\n]*(?:\\(?:\r\n|[\s\S])[^\\{quote}\r\n]*)*{quote}")
    for quote in "'\""
}
_TRIPLE_END = {
    quote * 3: re.compile(
        rf"[^\\{quote}]*(?:(?:\\[\s\S]|{quote}(?!{quote}{quote}))[^\\{quote}]*)*{quote * 3}"
    )
    for quote in "'\""
}

# What IPython takes before Python sees it: escapes at the start of a line, help marks at its
# end, and shell commands or magics on the right of an assignment (IPython inputtransformer2).
_IPYTHON_LINE = re.compile(
    r"""[ \t\f]*(?:
        [%!?/,;]
      | [^='"()\#\r\n]*=[ \t]*[%!]
      | [^'"\#\r\n]*\?[ \t]*(?=[\r\n\#]|\Z)
    )""",
    re.VERBOSE,
)
_CONTINUED_LINE = re.compile(r"[^\\\r\n]*(?:\\(?:\r\n|[\s\S])[^\\\r\n]*)*")
_BLANK = re.compile(r"[ \t\f]*")


@dataclass
class Scan:
    """What a scan found, as ``(start, end)`` pairs of character offsets.

    ``lines`` are logical lines (a statement with all of its wrapped lines, or several joined
    by ``;``) from the start of their first physical line to before the line end; blank lines
    and lines with only a comment are not among them. ``ipython`` are the lines of IPython.
    ``unclosed`` are the starts of logical lines whose brackets or quotes never close.
    """

    lines: list[tuple[int, int]] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    strings: list[tuple[int, int]] = field(default_factory=list)
    ipython: list[tuple[int, int]] = field(default_factory=list)
    unclosed: list[int] = field(default_factory=list)


def scan(text: str, start: int = 0) -> Scan:
    """Scan ``text`` from ``start``, which must be the start of a line. Takes linear time."""
    found = Scan()
    end = len(text)
    while start < end:
        start = _scan_line(text, start, found)
    return found


def _scan_line(text: str, start: int, found: Scan) -> int:
    """Scan one logical line and return where the next one starts."""
    if _IPYTHON_LINE.match(text, start):
        stop = _ipython_end(text, start)
        found.ipython.append((start, stop))
        return _after_newline(text, stop)
    stop, closed = _logical_end(text, start, found)
    first = _blank_end(text, start)
    if first < stop and text[first] not in "#\r\n":
        found.lines.append((start, stop))
        if not closed:
            found.unclosed.append(start)
    return _after_newline(text, stop)


def _logical_end(text: str, start: int, found: Scan) -> tuple[int, bool]:
    """Where the logical line from ``start`` ends, and whether all that it opens is closed."""
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
        return _line_end(text, pos)
    if len(kind) == 3:
        closed = _TRIPLE_END[kind].match(text, pos)
        return closed.end() if closed else None
    closed = _STRING_END[kind].match(text, pos)
    return closed.end() if closed else _line_end(text, pos)


def _ipython_end(text: str, start: int) -> int:
    """The end of a line of IPython: a backslash before the line end continues it."""
    match = _CONTINUED_LINE.match(text, start)
    assert match is not None  # the pattern matches the empty string
    return match.end()


def _blank_end(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    assert match is not None  # the pattern matches the empty string
    return match.end()


def _line_end(text: str, pos: int) -> int:
    match = _LINE_END.search(text, pos)
    assert match is not None  # \Z always matches
    return match.start()


def _after_newline(text: str, pos: int) -> int:
    match = NEWLINE.match(text, pos)
    return match.end() if match else len(text)
