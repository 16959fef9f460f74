"""What languages share whose cells are read line by line, not by a parser of the language.

An assignment counts where it begins at the start of a line or after ``;``, outside brackets and
strings, and its value is a literal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .language import Language, NameAssignment
from .values import NotLiteralError, as_number, is_number, same

NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_BLANKS = re.compile(r"(?:\s|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z_.][\w.]*")
_END = re.compile(r"[ \t]*(?=[;#\r\n]|\Z)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{1,8})\}?|x([0-9A-Fa-f]{1,2})|([\s\S]))")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


class TextReader:
    """Reads ``text``, where it has come to ``pos``."""

    def __init__(self, text: str, pos: int = 0) -> None:
        self.text = text
        self.pos = pos

    def match(self, pattern: re.Pattern[str]) -> str:
        """What ``pattern`` matches here, "" where it does not; moves to its end."""
        match = pattern.match(self.text, self.pos)
        if match is None:
            return ""
        self.pos = match.end()
        return match.group()

    def skip(self, text: str) -> bool:
        """Move behind ``text`` if it stands here; whether it does."""
        if not self.text.startswith(text, self.pos):
            return False
        self.pos += len(text)
        return True


class LineBasedLanguage(Language):
    """A language with ``#`` before comments, whose literals are quoted text, numbers, words, and
    lists in brackets. What a language has beside them it reads in ``literal`` and ``call``.

    ``assignment`` is what stands before the value of an assignment, with groups ``name`` and
    ``type`` (of the annotation); ``strings`` a string with its quotes; ``words`` are the words that
    are literals, and their values.
    ``interpolates`` are characters that make an expression of a string, unless a backslash stands
    before them; ``integer_suffix`` makes an integer of the number before it.
    ``has_commas``: commas stand between the items of a list; else blanks do.
    """

    assignment: ClassVar[re.Pattern[str]]
    strings: ClassVar[re.Pattern[str]]
    words: ClassVar[Mapping[str, Any]]
    interpolates: ClassVar[str] = ""
    integer_suffix: ClassVar[str] = ""
    has_commas: ClassVar[bool] = True

    def read(self, text: str) -> Any:
        reader = TextReader(text.strip())
        value = self.literal(reader)
        if reader.pos != len(reader.text):
            raise NotLiteralError
        return value

    def write(self, value: Any, like: str) -> str:
        """Null, a boolean, a number or a text; lists and mappings are for each language."""
        for word, meaning in self.words.items():
            if same(value, meaning):
                return word
        if value == -math.inf:
            return "-" + self.write(math.inf, "")
        return repr(value) if is_number(value) else quoted(value, self.interpolates)

    def assignments(self, text: str) -> Iterator[NameAssignment]:
        for start in self._line_starts(text):
            match = self.assignment.match(text, start)
            if match is None:
                continue
            value_start = match.end()
            reader = TextReader(text, value_start)
            try:
                value, computed = self.literal(reader), False
                end = reader.pos
                if not _END.match(text, end):
                    raise NotLiteralError
            except (NotLiteralError, RecursionError):
                value, computed, end = None, True, self._expression_end(text, value_start)
            name, annotation = match.group("name"), match.group("type") or ""
            yield NameAssignment(name, value, computed, annotation, start, end, value_start, end)

    def literal(self, reader: TextReader) -> Any:
        """The value of the literal at ``reader``, which is moved to its end; raises
        NotLiteralError where there is none."""
        string = reader.match(self.strings)
        if string:
            return self.text_of(string)
        if reader.skip("["):
            return self.items(reader, "]")
        if text := reader.match(NUMBER):
            return self._number(text, reader)
        return self._word_value(reader)

    def _number(self, text: str, reader: TextReader) -> Any:
        number = as_number(text) if "x" not in text.lower() else int(text, 16)
        if self.integer_suffix and reader.skip(self.integer_suffix):
            number = int(number)
        if isinstance(number, str):
            raise NotLiteralError
        return number

    def _word_value(self, reader: TextReader) -> Any:
        """The value of a word or a call."""
        negative = reader.skip("-")
        name = reader.match(_NAME)
        if not name or (negative and self.words.get(name) != math.inf):
            raise NotLiteralError
        if name in self.words:
            return -self.words[name] if negative else self.words[name]
        return self.call(name, reader)

    def items(
        self, reader: TextReader, close: str, pair: str = "", names: re.Pattern[str] | None = None
    ) -> Any:
        """The items up to ``close``: a list, or a dict where each item is a key, ``pair`` and a
        value. A key is a literal or what ``names`` matches."""
        keys: list[Any] = []
        items: list[Any] = []
        reader.match(_BLANKS)
        while not reader.skip(close):
            start = reader.pos
            item = (reader.match(names) if names else "") or self.literal(reader)
            reader.match(_BLANKS)
            if pair and reader.skip(pair):
                reader.match(_BLANKS)
                keys.append(item)
                item = self.literal(reader)
                reader.match(_BLANKS)
            items.append(item)
            comma = reader.skip(",") or not self.has_commas
            reader.match(_BLANKS)
            if reader.pos == start:  # an empty word of a shell, before what is not a literal
                raise NotLiteralError
            if not comma and not reader.text.startswith(close, reader.pos):
                raise NotLiteralError
        if keys and len(keys) != len(items):
            raise NotLiteralError
        return dict(zip(keys, items)) if keys else items

    def call(self, name: str, reader: TextReader) -> Any:
        """The value of what the language writes as a call of ``name``, a list or a mapping, where
        ``reader`` is behind the name. Raises NotLiteralError for anything else."""
        raise NotLiteralError

    def text_of(self, string: str) -> str:
        """The text that ``string`` stands for; raises NotLiteralError where values of variables go
        into it."""
        quotes = 3 if string.startswith('"""') else 1
        content = string[quotes:-quotes]
        if any(char in content.replace(f"\\{char}", "") for char in self.interpolates):
            raise NotLiteralError
        return self.unescaped(content)

    def unescaped(self, content: str) -> str:
        """A string's ``content`` with C's escapes replaced by what they stand for."""
        return _ESCAPE.sub(_unescape, content)

    def _line_starts(self, text: str) -> Iterator[int]:
        """Starts of lines and of statements after ``;``, outside brackets and strings."""
        depth = 0
        yield 0
        tokens = rf"{self.strings.pattern}|#[^\r\n]*|[\[({{\])}}]|\r\n|[\r\n]|;[ \t]*"
        for match in re.finditer(tokens, text):
            char = match.group()[0]
            if char in "[({":
                depth += 1
            elif char in "])}":
                depth = max(0, depth - 1)
            elif char in "\r\n;" and depth == 0:
                yield match.end()

    def _expression_end(self, text: str, start: int) -> int:
        depth = 0
        tokens = re.compile(rf"{self.strings.pattern}|[\[({{\])}}]|[\r\n;#]")
        for match in tokens.finditer(text, start):
            char = match.group()[0]
            if char in "[({":
                depth += 1
            elif char in "])}":
                depth -= 1
            elif char in "\r\n;#" and depth <= 0:
                return start + len(text[start : match.start()].rstrip())
        return start + len(text[start:].rstrip())


def _unescape(match: re.Match[str]) -> str:
    digits = match.group(1) or match.group(2)
    if digits is None:
        return _ESCAPES.get(match.group(3), match.group(3))
    code = int(digits, 16)
    if code > 0x10FFFF:
        raise NotLiteralError
    return chr(code)


def quoted(text: str, special: str) -> str:
    """``text`` in double quotes on one line, ``special`` characters escaped too.

    Raises ValueError for characters that the string of no such language can hold.
    """
    if "\0" in text or re.search("[\ud800-\udfff]", text):
        raise ValueError("text with a null character or half a character")
    escaped = re.sub(rf'([\\"{re.escape(special)}])', r"\\\1", text)
    return '"' + _CONTROL.sub(_escape, escaped) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT.get(char) or f"\\u{ord(char):04x}"
