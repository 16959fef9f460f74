"""Secret values in text: found in the forms in which programs print them, and masked.

As CI systems do it: each line of a value is masked by itself, a value that is too short to be told
from other text is not masked, and a text that comes in pieces is masked as if it came whole.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"

SHORTEST = 4
"""Characters that a value, or a line of one, must have to be masked."""

SHORTEST_ENCODED = 8
"""The same for forms that look like any other text: base64 and hexadecimal digits."""

SHORTEST_HEAD, LONGEST_HEAD = 8, 16
"""A value's beginning is masked as well where the rest is cut off, as tables do: as soon as half
of it is there, or at least so many characters of a short value, or so many of a long one."""

_LINES = re.compile(r"[\r\n]+")
_COLOURS = re.compile(r"(\x1b\[[0-?]*[ -/]*[@-~])")  # CSI sequences (ECMA-48, 5.4)
_OPEN_COLOUR = re.compile(r"\x1b(?:\[[0-?]*[ -/]*)?\Z")
_TAGS = re.compile(r"(<[^<>]*>)")
_NUMBER = re.compile(r"[-+.\deE]+")
_MARKUP = ("text/html", "image/svg+xml", "text/xml", "application/xml")


class Masker:
    """Masks ``values`` in text. It is false where none of them can be masked."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line for value in values for line in lines_of(value)}
        wholes = {value.strip() for value in values if lines_of(value)}
        forms = set(lines)
        for line in lines:
            forms.update(form for form in _spellings(line) if len(form) >= SHORTEST)
        for whole in lines | wholes:
            forms.update(form for form in _encodings(whole) if len(form) >= SHORTEST_ENCODED)
        self._forms = sorted(forms, key=len, reverse=True)
        # What is searched: of a long value the head, which the rest of it then prolongs.
        heads = {
            line: line[: min(LONGEST_HEAD, max(SHORTEST_HEAD, len(line) // 2))] for line in lines
        }
        self._long = {line: head for line, head in heads.items() if head != line}
        searched = (forms - set(self._long)) | set(self._long.values())
        self._searched = sorted(searched, key=len, reverse=True)
        self._longest = max(map(len, self._forms), default=0)
        self._numbers = any(_NUMBER.fullmatch(form) for form in forms)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def text(self, text: str) -> str:
        """``text`` with all values masked; colour codes within a value stay."""
        return self.masked_and_held(text, final=True)[0]

    def masked_and_held(self, text: str, final: bool = False) -> tuple[str, str]:
        """``text`` masked as far as that can be told, and the end of it that may be the beginning
        of a value, "" where the text is ``final``."""
        opened = None if final else _OPEN_COLOUR.search(text)
        end = opened.start() if opened else len(text)
        masked, held = self._masked_and_held(text[:end], final)
        if "\x1b" in masked:
            masked, before = self._masked_and_held(masked, final, _COLOURS)
            held = before + held
        return masked, held + text[end:]

    def markup(self, text: str) -> str:
        """``text`` of HTML or XML masked: in tags, and where tags divide a value."""
        return self._masked_and_held(self.text(text), True, _TAGS)[0]

    def data(self, value: Any) -> Any:
        """JSON data masked at every level, keys too; numbers that are a value become text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        if self._numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            text = repr(value)
            return value if self.text(text) == text else MASK
        return value

    def bundle(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A MIME bundle masked, but for images, sound, video and PDF."""
        return {mime: self._entry(mime, value) for mime, value in data.items()}

    def _entry(self, mime: str, value: Any) -> Any:
        if mime in _MARKUP:
            text = "".join(map(str, value)) if isinstance(value, list) else value
            return self.markup(text) if isinstance(text, str) else self.data(value)
        is_binary = mime.startswith(("image/", "audio/", "video/")) or mime == "application/pdf"
        return value if is_binary else self.data(value)

    def _masked_and_held(
        self, text: str, final: bool, noise: re.Pattern[str] | None = None
    ) -> tuple[str, str]:
        """As ``masked_and_held``; ``noise``, a pattern of one group, may stand within a value, and
        stays."""
        parts = noise.split(text) if noise else [text]  # each second is noise
        plain = "".join(parts[::2])
        spans, end = self._spans(plain, final)
        if not spans and end == len(plain):
            return text, ""
        characters = list(plain)
        for start, stop in spans:
            characters[start:stop] = [MASK, *[""] * (stop - start - 1)]
        masked: list[str] = []
        held: list[str] = []
        position = 0
        for index, part in enumerate(parts):
            if index % 2:
                (held or masked).append(part)
                continue
            after = position + len(part)
            masked += characters[position : min(after, end)]
            held += characters[max(position, end) : after]
            position = after
        return "".join(masked), "".join(held)

    def _spans(self, text: str, final: bool) -> tuple[list[tuple[int, int]], int]:
        """The spans of values, and the position from which on it cannot be told yet."""
        pattern = self._pattern(text)
        spans = []
        position = 0
        undecided = len(text) if final else self._undecided(text, 0)
        while pattern:
            match = pattern.search(text, position)
            if not match or match.start() >= undecided:
                break
            position = self._end(text, match)
            spans.append((match.start(), position))
            if position > undecided:
                undecided = self._undecided(text, position)
        return spans, undecided

    def _pattern(self, text: str) -> re.Pattern[str] | None:
        """What finds the forms that are in ``text``. To look for each by itself is many times as
        fast as one pattern for all, and most texts hold none."""
        present = [re.escape(form) for form in self._searched if form in text]
        return re.compile("|".join(present)) if present else None

    def _end(self, text: str, match: re.Match[str]) -> int:
        start, end = match.span()
        for line, head in self._long.items():
            if text.startswith(head, start):
                length = len(head)
                while length < len(line) and text.startswith(line[length], start + length):
                    length += 1
                end = max(end, start + length)
        return end

    def _undecided(self, text: str, position: int) -> int:
        """The first position, from ``position`` on, of a form that goes on after the text."""
        begin = max(position, len(text) - self._longest + 1, text.rfind("\n") + 1)
        first = len(text)
        if begin >= first:
            return first
        for form in self._forms:
            found = text.find(form[0], max(begin, len(text) - len(form) + 1))
            while 0 <= found < first:
                if form.startswith(text[found:]):
                    first = found
                found = text.find(form[0], found + 1)
        return first


class MaskedStream:
    """A text that comes in pieces, masked as if it came whole."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self.held = ""

    def write(self, text: str) -> str:
        """What can be shown now."""
        shown, self.held = self._masker.masked_and_held(self.held + text)
        return shown

    def rest(self) -> str:
        """What has been held back, once no more comes."""
        held, self.held = self.held, ""
        return self._masker.text(held)


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


def _spellings(line: str) -> Iterator[str]:
    """As Python, JSON, R, Julia, a shell, a URL and HTML write it."""
    as_json = json.dumps(line, ensure_ascii=False)[1:-1]
    yield from (repr(line)[1:-1], ascii(line)[1:-1], json.dumps(line)[1:-1], as_json)
    yield from (as_json.replace("$", "\\$"), line.replace("'", "'\"'\"'"))
    for safe in ("/", ""):
        yield quote(line, safe=safe, errors="replace")
    yield quote_plus(line, errors="replace")
    yield from (html.escape(line), html.escape(line, quote=False))
    yield html.escape(line).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


def _encodings(value: str) -> Iterator[str]:
    """Hexadecimal, and base64 at each of the three offsets at which ``value`` may begin in what is
    encoded, without the characters that depend on what is around it."""
    content = value.encode("utf-8", errors="surrogateescape")
    yield from (content.hex(), content.hex().upper())
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(shift) + content).decode("ascii")
        for end in ((shift + len(content)) * 8 // 6, encoded.find("=")):
            known = encoded[start : end if end >= 0 else None]
            yield from (known, known.replace("+", "-").replace("/", "_"))
