"""Where the statements at the top level of a text begin and end, for languages that this package
has no parser of.

The text is gone through once, token by token, and what is open is kept in a list: any text takes
linear time, however deep it is nested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Context(NamedTuple):
    """Which ``tokens`` count within something that ``closer`` closes: a bracket, a string, a block.

    The named groups of ``tokens`` say what each does: open the context of that name, ``close`` this
    one, be a ``comment``, ``end`` a line or a statement, or announce a ``heredoc`` (with groups
    ``indented`` and ``delimiter``). What is in no group is passed over whole. No token is empty.
    """

    closer: str
    tokens: re.Pattern[str]


@dataclass
class Statement:
    """A statement as a span of the text, without blanks and comments behind it. ``unclosed`` is
    where something begins in it that the text does not close, None where there is none."""

    start: int
    end: int
    unclosed: int | None = None


def statements(
    text: str,
    contexts: Mapping[str, Context],
    unfinished: re.Pattern[str],
    is_token: Callable[[str, re.Match[str]], bool],
) -> Iterator[Statement]:
    """The statements of ``text`` at its top level, which is the context ``""``, in order.

    A statement goes on in the next line where its code so far ends in what ``unfinished`` matches
    or in a context named ``head``. The context ``nested_comment`` is a comment.
    ``is_token(text, token)`` is whether a token that opens or closes a context does so where it
    stands.
    """
    current = Statement(0, 0)
    code = 0  # where the code begins that is not yet in `current`
    after_head = -1
    for kind, start, end in _outermost(text, contexts, is_token):
        if kind == "head":
            after_head = end
        elif kind == "unclosed":
            current.unclosed = start
        elif kind in ("comment", "nested_comment", "end"):
            part = text[code:start].rstrip()
            current.end = code + len(part) if part else current.end
            code = end
        if kind != "end":
            continue
        tail = text[max(current.start, current.end - 20) : current.end]
        is_finished = current.end != after_head and not unfinished.search(tail)
        if is_finished or text[start : start + 1] in ("", ";"):
            if tail:
                yield current
            current = Statement(end, end)


def _outermost(
    text: str, contexts: Mapping[str, Context], is_token: Callable[[str, re.Match[str]], bool]
) -> Iterator[tuple[str, int, int]]:
    """What the top level of ``text`` consists of, each as what a token's group is called and a
    span: contexts from what opens to what closes them, and tokens that open none. At the end comes
    ``unclosed``, with where it is opened, for what is not closed, and an ``end``."""
    name = ""
    outer: list[str] = []  # the contexts around that of this name
    heredocs: list[re.Match[str]] = []
    opened = pos = 0
    while token := contexts[name].tokens.search(text, pos):
        kind, start, pos = token.lastgroup or "whole", token.start(), token.end()
        if kind in contexts:
            if is_token(text, token):
                opened = opened if outer else start
                outer.append(name)
                name = kind
            continue
        if kind == "close":
            if token.group() != contexts[name].closer or not is_token(text, token):
                continue
            kind, start, name = name, opened, outer.pop()
        elif kind == "heredoc":
            heredocs.append(token)
        elif kind == "end" and heredocs and text[start] != ";":
            pos = _after_bodies(text, pos, heredocs)
            heredocs = []
        if not outer:
            yield kind, start, pos
    if outer:
        yield "unclosed", opened, len(text)
    yield "end", len(text), len(text)


def _after_bodies(text: str, pos: int, heredocs: list[re.Match[str]]) -> int:
    for heredoc in heredocs:
        delimiter = re.escape(heredoc.group("delimiter"))
        tabs = r"\t*" if heredoc.group("indented") else ""
        last = re.compile(rf"^{tabs}{delimiter}(?:\r?\n|\r|\Z)", re.MULTILINE).search(text, pos)
        pos = last.end() if last else len(text)
    return pos
