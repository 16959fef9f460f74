"""Secret values in text: found in the forms in which programs print them, and masked.

A text is searched for values as they are and as languages quote them, and its letters and digits
alone for the same and for encodings, wherever white space, punctuation or the borders of a table
break them; again without colours, and without tags. docs/secrets.md lists what is found. As CI
systems do it, each line of a value is masked by itself, and none that is too short to be told from
other text.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from os.path import commonprefix
from string import ascii_letters, digits
from typing import Any

MASK = "***"

SHORTEST = 4
"""Characters that a value, or a line of one, must have to be masked."""

SHORTEST_BROKEN = 8
"""Letters and digits that a value or an encoding must have to be found where it is broken."""

LONGEST_HEAD = 16
"""A value's beginning is masked as well where the rest is cut off, as tables do: as soon as half
of it is there, or at least SHORTEST_BROKEN characters, or so many of a long one."""

MOST_HELD = 10_000
"""Characters of a text in pieces that may wait, beside a value's own, for the rest of a value."""

MANY = 1000
"""Forms from which on it is faster to look up each place of a text than to search for each."""

_BORDER = "\uffff"  # between texts that are masked as one; it is no character
_STAYS = {
    _BORDER: _BORDER,
    "\x1b": r"\x1b\uffff?(?:\[[0-?\uffff]*[ -/\uffff]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[^a-zA-Z]{0,20}\Z)",
}
"""Patterns of what may be within a value, and stays, by what they begin with: borders, colours."""

_TAG = r"<[^<>\x1b\\]*>"

_BREAKS = {
    "\\": r"\\+(?:\uffff?[nrt]|\Z)",
    "&": r"&(?:nbsp|quot|apos|amp|lt|gt|#3[49]|#160|#[xX](?:2[27]|[aA]0));",
}
"""The same of white space and punctuation, as languages and HTML write it, which does not stay."""

_WORD = ascii_letters + digits
_NOT_WORD = bytes(b for b in range(128) if chr(b) not in _WORD)
_IS_BINARY = re.compile(r"image/(?!svg)|audio/|video/|application/pdf").match


class Masker:
    """Masks ``values`` in text. It is false where none of them can be masked."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line for value in values for line in lines_of(value)}
        wholes = lines | {value.strip() for value in values if lines_of(value)}
        forms = {form for whole in wholes for form in (*_quoted(whole), *_encoded(whole))}
        forms.update([view for form in forms for view, *_ in _views(form)])
        foreign = {whole for whole in wholes if len(_words(whole)) < SHORTEST_BROKEN}
        self._searches = [
            _Search({form for line in lines for form in _quoted(line)}, str, [], SHORTEST),
            _Search(forms, _words, ["[^a-zA-Z0-9]"], SHORTEST_BROKEN),
            _Search(foreign, lambda text: re.sub(r"[\W_]", "", text), [r"[\W_]"], SHORTEST_BROKEN),
        ]
        self._numbers = any(re.fullmatch(r"[-+.\deE]+", line) for line in lines)

    def __bool__(self) -> bool:
        return bool(self._searches[0].forms)

    def text(self, text: str) -> str:
        """``text`` with all values masked; colour codes and tags within a value stay."""
        return self.masked_and_held(text, None)[0]

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Texts masked as if they were one, for values that are spread over them."""
        joined = _BORDER.join(text.replace(_BORDER, "\ufffd") for text in texts)
        return self.text(joined).split(_BORDER) if texts else []

    def masked_and_held(self, text: str, enough: int | None = 1) -> tuple[str, str]:
        """``text`` masked as far as that can be told, and the end of it that may be the beginning
        of a value: of one that is broken if it has ``enough`` characters, None to hold nothing."""
        if not self:
            return text, ""
        found: list[tuple[int, int, str]] = []
        end = len(text)
        for view, stays, noise in _views(text):
            for search in self._searches:
                spans, begins = search.find(view, enough)
                needed = {*begins, *(i for a, b in spans for i in (a, b - 1))}
                place = dict(_places(needed, [*noise, *search.left_out], text))
                found += [(place[a], place[b - 1] + 1, "|".join(stays)) for a, b in spans]
                first = len(text) - MOST_HELD - search.longest
                end = min([end, *(place[i] for i in begins if place[i] >= first)])
        found.sort(key=lambda span: (span[0], len(span[2])))
        for start, stop, _stays in reversed(found):
            end = start if start < end < stop else end
        masked: list[str] = []
        position = 0
        for start, stop, kept in found:
            if start < end and stop > position:
                masked += [text[position:start], MASK] if start >= position else []
                masked += re.findall(kept, text[max(start, position) : stop])
                position = stop
        return "".join([*masked, text[position:end]]), text[end:]

    def data(self, value: Any) -> Any:
        """JSON data masked at every level, keys too; numbers that are a value become text. Texts in
        a list are masked as one, and so is what the outputs in a list have of one stream."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            masked: Any = type(value)()
            for key, item in value.items():
                name = self.data(key)
                while name in masked:
                    name += "*"
                new = self.data(item)
                masked[name] = MASK if new != item and _IS_BINARY(str(key)) else new
            return masked
        if isinstance(value, (list, tuple)):
            return self._list(value)
        if self._numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value if self.text(repr(value)) == repr(value) else MASK
        return value

    def _list(self, items: Sequence[Any]) -> list[Any]:
        if all(isinstance(item, str) for item in items):
            return self.texts(items)
        items = list(items)
        for name in ("stdout", "stderr"):
            stream = {"output_type": "stream", "name": name}.items()
            found = [i for i, o in enumerate(items) if isinstance(o, dict) and stream <= o.items()]
            texts = self.texts(["".join(items[i]["text"]) for i in found])
            for i, text in zip(found, texts):
                items[i] = type(items[i])(items[i], text=text)
        return [self.data(item) for item in items]


class _Search:
    """Finds ``forms`` of at least ``shortest`` characters in what ``read`` makes of a text, which
    is without what is ``left_out``, patterns of a character."""

    def __init__(
        self, forms: Iterable[str], read: Callable[[str], str], left_out: list[str], shortest: int
    ) -> None:
        self.forms = sorted({form for form in map(read, forms) if len(form) >= shortest})
        self.left_out = left_out
        self.longest = max(map(len, self.forms), default=0)
        self._read = read
        self._heads = {
            form[: min(LONGEST_HEAD, max(SHORTEST_BROKEN, len(form) // 2))] for form in self.forms
        }
        self._lengths = set(map(len, self._heads))
        alike = groupby(sorted(self._heads), lambda head: head[:SHORTEST])
        self._keys = [commonprefix([*heads]) for _start, heads in alike]  # noqa: RUF071

    def find(self, view: str, enough: int | None) -> tuple[list[tuple[int, int]], list[int]]:
        """The spans of forms in the text, and the place, if any, where one begins that may go on
        after it: one that is broken if it has ``enough`` characters, None for the end of all."""
        text = self._read(view) if self.forms else ""
        spans: list[tuple[int, int]] = []
        last = []
        starts: Iterable[int] = range(len(text))
        if len(self._keys) < MANY:
            present = [f"(?={re.escape(key)})" for key in self._keys if key in text]
            starts = sorted(m.start() for key in present for m in re.finditer(key, text))
        for start in starts:
            if any(text[start : start + length] in self._heads for length in self._lengths):
                end = start + self._common(text[start : start + self.longest])
                last += [start] if end == len(text) else []
                if spans and start < spans[-1][1]:
                    start, end = spans[-1][0], max(end, spans.pop()[1])
                spans.append((start, end))
        if enough is None:
            return spans, []
        unbroken = len(view) - len(view.rstrip(_WORD)) if self.left_out else len(text)
        for start in (*last, *range(max(0, len(text) - LONGEST_HEAD + 1), len(text))):
            is_enough = len(text) - start >= enough or len(text) - start <= unbroken
            if is_enough and self._begins(text[start:], bisect_right):
                return spans, [start]
        return spans, []

    def _common(self, text: str) -> int:
        """How much of the beginning of ``text`` is that of a form."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._begins(text[:middle]) else (low, middle - 1)
        return low

    def _begins(self, text: str, side: Callable[..., int] = bisect_left) -> bool:
        """Whether a form, with ``bisect_right`` a longer one, begins with ``text``."""
        place = side(self.forms, text)
        return place < len(self.forms) and self.forms[place].startswith(text)


def _views(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """``text`` as it is, but for borders, without what may be within a value, and without tags:
    each with the patterns of what of that stays, and of all of it."""
    yield text.replace(_BORDER, ""), [_BORDER], [_BORDER]
    colours, breaks = ([p for sign, p in d.items() if sign in text] for d in (_STAYS, _BREAKS))
    tags = [*colours, *([_TAG] if "<" in text else [])]
    before: list[str] = []
    for stays, noise in ((colours, colours), (colours, colours + breaks), (tags, tags + breaks)):
        if noise != before:
            yield re.sub("|".join(noise), "", text), [_BORDER, *stays], noise
        before = noise


def _places(offsets: set[int], left_out: list[str], text: str) -> Iterator[tuple[int, int]]:
    """Offsets of ``text`` without what is ``left_out``, each with where it is in ``text``."""
    gaps = re.finditer("|".join(left_out), text)
    gap = None
    passed = 0
    for offset in sorted(offsets):
        gap = gap or next(gaps, None)
        while gap and gap.start() <= offset + passed:
            passed += len(gap[0])
            gap = next(gaps, None)
        yield offset, offset + passed


def _words(text: str) -> str:
    """The letters and digits of ``text`` that are ASCII, in lower case."""
    return text.encode("ascii", "replace").lower().translate(None, _NOT_WORD).decode()


def _quoted(text: str) -> Iterator[str]:
    """``text`` as Python, JSON, a shell, R, Julia, a URL and HTML write it."""
    import html
    from urllib.parse import quote, quote_plus

    as_json, content = json.dumps(text)[1:-1], text.encode("utf-8", "surrogatepass")
    yield from (text, repr(text)[1:-1], ascii(text)[1:-1], repr(content)[2:-1])
    yield from (as_json, json.dumps(text, ensure_ascii=False)[1:-1])
    yield re.sub("[<>&']", lambda match: f"\\u{ord(match[0]):04x}", as_json)  # within HTML
    yield from (text.replace("$", "\\$"), text.replace("'", "'\"'\"'"))
    yield from (quote(content), quote(content, safe=""), quote_plus(content))
    yield from (html.escape(text), html.escape(text, quote=False))
    yield html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield text.encode("ascii", "xmlcharrefreplace").decode()


def _encoded(text: str) -> Iterator[str]:
    """``text`` as numbers of bytes, and in each encoding: base64 and base32 at each offset at which
    it may begin in what is encoded, without the characters that depend on what is around it."""
    import base64
    import quopri

    content = text.encode("utf-8", "surrogatepass")
    yield from ("".join(map(str, content)), content.hex(), quopri.encodestring(content).decode())
    for encode, bits, unit in ((base64.b64encode, 6, 3), (base64.b32encode, 5, 5)):
        for before in range(unit):
            start, end = -(-before * 8 // bits), (before + len(content)) * 8 // bits
            yield encode(bytes(before) + content)[start:end].decode()


def lines_of(value: str) -> list[str]:
    """The lines of a value that are long enough to be masked; none where it is too short."""
    return [line.strip() for line in re.split(r"[\r\n]+", value) if len(line.strip()) >= SHORTEST]


def texts_of(value: Any) -> list[str]:
    """The texts by which a value is known: itself, or those of all its parts. A boolean and null
    have none, since every program prints them."""
    if isinstance(value, bytes):
        return [value.decode(errors="backslashreplace")]
    if isinstance(value, Mapping):
        value = [item for pair in value.items() for item in pair]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for item in value for text in texts_of(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
