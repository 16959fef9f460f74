"""Secret values in text: found in the forms in which programs print them, and masked.

A text is searched in several views of it, all of its length: as it is, without what is not seen,
with escapes read as what they stand for, and without tags. Each is searched for the values, and,
without all but its letters and digits, for values and their encodings: so it does not matter where
white space, quotes or the borders of a table break them. docs/secrets.md lists what is found.

As CI systems do it, each line of a value is masked by itself, and a value that is too short to be
told from other text is not masked.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import quopri
import re
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, compress, islice, takewhile
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"

SHORTEST = 4
"""Characters that a value, or a line of one, must have to be masked."""

SHORTEST_BROKEN = 8
"""Letters and digits that a value or an encoding must have to be found where it is broken."""

SHORTEST_HEAD, LONGEST_HEAD = 8, 16
"""A value's beginning is masked as well where the rest is cut off, as tables do: as soon as half
of it is there, or at least so many bytes of a short value, or so many of a long one."""

MOST_HELD = 10_000
"""Bytes of a text in pieces that may wait, beside a value's own, for the rest of a value."""

PIECE = 512
"""Bytes of a text whose positions are counted at once."""

# Bytes that UTF-8 never has, in views of a text:
_STAYS = b"\xff"  # for what is left where it stands within a value: colours, tags, ends of texts
_NOISE = b"\xfe"  # for what may stand within a value
_REST = b"\xfd"  # after what an escape stands for, for its other characters
_NOT_TEXT = _REST + _NOISE + _STAYS
_NOT_WORD = _NOT_TEXT + bytes(b for b in range(128) if not chr(b).isalnum())
_IS_STAYING = bytes(b == _STAYS[0] for b in range(256))

_INVISIBLE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^a-zA-Z]{0,20}\Z)"  # CSI, OSC
    # Unicode's spaces, dashes, quotes, boxes, blocks, and what has no width
    rb"|\xc2[\xa0\xad]|\xe2(?:\xe2?[\x80\x81\x94-\x97][\x80-\xbf])+|\xe3\x80\x80|\xef\xbb\xbf"
)
_TAGS = re.compile(rb"<[^<>]*>")
_ESCAPES = re.compile(  # of HTML, URLs, JSON and programming languages
    rb"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z][a-zA-Z\d]{1,30});"
    rb"|%(?:[c-fC-F][\da-fA-F](?:%[89abAB][\da-fA-F])+|[\da-fA-F]{2})"
    rb"|\\(?:\\{0,7}(?:u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2})|[nrt\\\"'/$`]|\n ?)"
    # and what the end of the text cuts off
    rb"|&#?\w{0,30}\Z|%[\da-fA-F]?\Z|\\\\{0,7}[uUx]?[\da-fA-F]{0,7}\Z"
)
_LINES = re.compile(r"[\r\n]+")
_NUMBER = re.compile(r"[-+.\deE]+")
_BINARY = re.compile(r"(?:image/(?!svg)|audio/|video/|application/pdf)")
_PNG = b"\x89PNG\r\n\x1a\n"


class Masker:
    """Masks ``values`` in text. It is false where none of them can be masked."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line for value in values for line in lines_of(value)}
        wholes = lines | {value.strip() for value in values if lines_of(value)}
        as_it_is = {_bytes(line) for line in lines}
        as_it_is |= {line.encode("latin-1") for line in lines if max(line) <= "\xff"}  # in images
        broken = {view for whole in wholes for view in _views(_bytes(whole))}
        broken.update(form for whole in wholes for form in _encodings(whole))
        broken = {form.translate(None, _NOT_WORD) for form in broken}
        broken = {form for form in broken if len(form) >= SHORTEST_BROKEN}
        self._searches = _Search(as_it_is, _NOT_TEXT), _Search(broken, _NOT_WORD)
        self._numbers = any(map(_NUMBER.fullmatch, lines))

    def __bool__(self) -> bool:
        return bool(self._searches[0].heads)

    def text(self, text: str) -> str:
        """``text`` with all values masked; colour codes and tags within a value stay."""
        return self.texts([text])[0]

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Texts masked as if they were one, for values that are spread over them."""
        masked, _end = self._masked(_STAYS.join(map(_bytes, texts)), None)
        return [_text(part) for part in masked.split(_STAYS)] if texts else []

    def masked_and_held(self, text: str, enough: int | None = 1) -> tuple[str, str]:
        """``text`` masked as far as that can be told, and the end of it that may be the beginning
        of a value: of one that is broken if it has ``enough`` bytes, None to hold nothing."""
        content = _bytes(text)
        masked, end = self._masked(content, enough)
        return _text(masked), _text(content[end:])

    def data(self, value: Any) -> Any:
        """JSON data masked at every level, keys too; numbers that are a value become text. Texts in
        a list are masked as one, and so is what the outputs in a list have of one stream."""
        if not self:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return self._list(value)
        if self._numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value if self.text(repr(value)) == repr(value) else MASK
        return value

    def _mapping(self, value: Any) -> Any:
        masked = type(value)()
        for key, item in value.items():
            name = self.data(key)
            while name in masked:
                name += "*"
            is_binary = isinstance(key, str) and _BINARY.match(key)
            is_buffer = key == "data" and value.get("encoding") == "base64"  # of a widget
            masked[name] = self._binary(item) if is_binary or is_buffer else self.data(item)
        return masked

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

    def _binary(self, value: Any) -> Any:
        """A file in base64, in which the bytes of values are replaced: as far as it is not
        compressed."""
        try:
            content = base64.b64decode("".join(value))
        except (ValueError, TypeError):
            return self.data(value)
        masked = bytearray(content)
        for search in self._searches:
            for start, end in search.find(content, None)[0]:
                if end - start >= SHORTEST_BROKEN:
                    masked[start:end] = b"*" * (end - start)
        return value if masked == content else base64.b64encode(_checked(bytes(masked))).decode()

    def _masked(self, content: bytes, enough: int | None) -> tuple[bytes, int]:
        """``content`` masked up to the position from which on it cannot be told yet (see
        _Search.find)."""
        found = []
        end = len(content)
        for view in _views(content):
            for search in self._searches:
                spans, beginning = search.find(view, enough)
                found += [(start, stop, view) for start, stop in spans]
                end = min(end, beginning)
        found.sort(key=lambda span: span[:2])
        for start, stop, _view in reversed(found):
            end = start if start < end < stop else end
        masked: list[bytes] = []
        position = 0
        for start, stop, view in found:
            if start < end and stop > position:
                masked += [content[position:start], MASK.encode()] if start >= position else []
                new = slice(max(start, position), stop)
                masked.append(bytes(compress(content[new], view[new].translate(_IS_STAYING))))
                position = stop
        return b"".join([*masked, content[position:end]]), end


class _Search:
    """Finds ``forms`` and their beginnings in what a view is without the bytes ``left_out``."""

    def __init__(self, forms: Iterable[bytes], left_out: bytes) -> None:
        self._left_out = left_out
        self._is_kept = bytes(b not in left_out for b in range(256))
        self._kept = bytes(b for b in range(256) if b not in left_out)
        self.heads = {
            form: form[: min(LONGEST_HEAD, max(SHORTEST_HEAD, len(form) // 2))] for form in forms
        }

    def find(self, view: bytes, enough: int | None) -> tuple[list[tuple[int, int]], int]:
        """The spans of forms in ``view``, and where that begins which may go on after it: of a form
        that is broken ``enough`` bytes. None for a view after which nothing comes."""
        text = view.translate(None, self._left_out)
        spans = list(self._spans(text))
        beginning = len(text) if enough is None else self._beginning(text, view, enough)
        if not spans and beginning == len(text):
            return [], len(view)
        pieces = [view[start : start + PIECE] for start in range(0, len(view), PIECE)]
        passed = [0, *accumulate(len(piece.translate(None, self._left_out)) for piece in pieces)]

        def place(offset: int) -> int:
            index = bisect_right(passed, offset) - 1
            piece = view[index * PIECE : (index + 1) * PIECE]
            kept = compress(range(index * PIECE, len(view)), piece.translate(self._is_kept))
            return next(islice(kept, offset - passed[index], None), len(view))

        found = [(place(start), _end(view, place(end - 1) + 1)) for start, end in spans]
        begins = place(beginning)
        is_too_much = len(view) - begins > MOST_HELD + len(text) - beginning
        return found, len(view) if is_too_much else begins

    def _spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        # To look for each by itself is many times as fast as one pattern for all, and most texts
        # hold none.
        heads = {head for head in {*self.heads.values()} if head in text}
        forms = [form for form, head in self.heads.items() if head in heads]
        pattern = re.compile(b"|".join(map(re.escape, heads)))
        match = pattern.search(text) if heads else None
        while match:
            start, end = match.span()
            for form in forms:
                if text.startswith(self.heads[form], start):
                    pairs = zip(form, text[start : start + len(form)])
                    same = takewhile(lambda pair: pair[0] == pair[1], pairs)
                    end = max(end, start + sum(1 for _ in same))
            yield start, end
            match = pattern.search(text, end)

    def _beginning(self, text: bytes, view: bytes, enough: int) -> int:
        """The first position of a form that goes on after ``text``, the length of that for none."""
        unbroken = view[len(view.rstrip(self._kept + _REST)) :].translate(None, self._left_out)
        first = len(text)
        for form in self.heads:
            found = text.find(form[:1], max(0, len(text) - len(form) + 1))
            while 0 <= found < first:
                length = len(text) - found
                is_enough = length <= len(unbroken) or length >= enough
                if is_enough and form.startswith(text[found:]):
                    first = found
                found = text.find(form[:1], found + 1)
        return first


def _views(content: bytes) -> list[bytes]:
    """``content``, and what it reads as: of the same length."""

    def read(view: bytes) -> bytes:
        return _ESCAPES.sub(lambda match: _read(match[0]), view)

    plain = _INVISIBLE.sub(
        lambda match: (_STAYS if match[0][:1] == b"\x1b" else _NOISE) * len(match[0]), content
    )
    views = [content, plain, read(plain)]
    if b"<" in content:
        untagged = _TAGS.sub(lambda match: _STAYS * len(match[0]), plain)
        views += [untagged, read(untagged)]
    return list(dict.fromkeys(views))


@lru_cache(10_000)
def _read(escape: bytes) -> bytes:
    """What an escape reads as, filled up to its length."""
    lead, rest = escape[:1], escape.lstrip(b"\\")
    if lead == b"&":
        read = _INVISIBLE.sub(b"", _bytes(html.unescape(_text(escape))))
    elif lead == b"%":
        read = bytes.fromhex(escape.replace(b"%", b"").decode()) if len(escape) > 2 else b""
    elif rest[:1] in (b"u", b"U", b"x"):
        read = (b"\\" + rest).decode("unicode_escape", "ignore").encode("utf-8", "surrogatepass")
    else:
        read = rest.strip(b"nrt\n ") if rest else lead
    return (read or _NOISE * len(escape))[: len(escape)].ljust(len(escape), _REST)


def _end(view: bytes, end: int) -> int:
    """``end``, or that of the character or of the escape which it is in."""
    while end < len(view) and (view[end] == _REST[0] or 0x80 <= view[end] < 0xC0):
        end += 1
    return end


def _encodings(text: str) -> Iterator[bytes]:
    """``text`` as it may be written: with escapes, which line breaks may divide; as numbers of
    bytes; and in each encoding, at each offset at which it may begin in what is encoded, without
    the characters that depend on what is around it."""
    content = _bytes(text)
    spellings = [ascii(text), json.dumps(text), repr(content)[2:-1], html.escape(text, quote=False)]
    spellings += [quote(content), quote(content, safe=""), quote_plus(content), html.escape(text)]
    yield from map(_bytes, [*spellings, "".join(map(str, content))])
    yield text.encode("ascii", "xmlcharrefreplace")
    yield quopri.encodestring(content)
    # with the bits of a character, and the bytes after which it begins anew
    for encode, bits, unit in (
        (base64.b64encode, 6, 3),
        (base64.b32encode, 5, 5),
        (base64.b16encode, 4, 1),
        (binascii.hexlify, 4, 1),
    ):
        for before in range(unit):
            start, end = -(-before * 8 // bits), (before + len(content)) * 8 // bits
            yield encode(bytes(before) + content)[start:end]


def _checked(content: bytes) -> bytes:
    """``content``, with the checksums of the chunks that a PNG file consists of."""
    if not content.startswith(_PNG):
        return content
    parts, start = [_PNG], len(_PNG)
    while start < len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        parts += [content[start:end], zlib.crc32(content[start + 4 : end]).to_bytes(4, "big")]
        start = end + 4
    return b"".join(parts)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def lines_of(value: str) -> list[str]:
    """The lines of a value that are long enough to be masked; none where it is too short."""
    return [line.strip() for line in _LINES.split(value) if len(line.strip()) >= SHORTEST]


def texts_of(value: Any) -> list[str]:
    """The texts by which a value is known: itself, or those of all its parts. A boolean and null
    have none, since every program prints them."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for item in pair for text in texts_of(item)]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for item in value for text in texts_of(item)]
    if value is None or isinstance(value, bool):
        return []
    return [str(value)]
