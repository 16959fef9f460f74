"""R, Julia and Bash: their literals, and the assignments at the top level of a cell.

Read line by line, not by a parser of the language: an assignment counts where it begins at the
start of a line, outside brackets and strings, and its value is one of the literals below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .literals import NotLiteralError, as_number

_BLANKS = re.compile(r"(?:\s|#[^\r\n]*)*")
_NUMBER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_NAME = re.compile(r"[A-Za-z_.][\w.]*")
_BASH_WORD = re.compile(r"[^\s;&|<>()$`'\"\\#*?~{}\[\]!]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:u\{?([0-9A-Fa-f]{1,8})\}?|x([0-9A-Fa-f]{1,2})|([\s\S]))")


class ForeignAssignment(NamedTuple):
    """``text[start:end]`` is the value of ``name``; the statement begins at ``begin``."""

    name: str
    annotation: str
    value: Any
    computed: bool
    begin: int
    start: int
    end: int


class Syntax(NamedTuple):
    """What tells one language from another, as far as it is read here."""

    assignment: re.Pattern[str]
    words: dict[str, Any]
    strings: re.Pattern[str]
    interpolates: str
    suffix: str = ""


_SAME_END = r"[ \t]*(?=[;#\r\n]|\Z)"
SYNTAXES = {
    "r": Syntax(
        re.compile(r"(?P<name>[A-Za-z.][\w.]*)(?P<type>)[ \t]*(?:<<?-|=(?!=))[ \t]*"),
        {"TRUE": True, "FALSE": False, "NULL": None, "Inf": float("inf"), "NaN": float("nan")},
        re.compile(r"\"(?:[^\"\\]|\\[\s\S])*\"|'(?:[^'\\]|\\[\s\S])*'"),
        "",
        "L",
    ),
    "julia": Syntax(
        re.compile(
            r"(?:const[ \t]+)?(?P<name>[^\W\d]\w*)[ \t]*(?:::[ \t]*(?P<type>[\w{}, ]+?)[ \t]*)?"
            r"=(?!=)[ \t]*"
        ),
        {"true": True, "false": False, "nothing": None, "Inf": float("inf"), "NaN": float("nan")},
        re.compile(r"\"\"\"[\s\S]*?\"\"\"|\"(?:[^\"\\]|\\[\s\S])*\""),
        "$",
    ),
    "bash": Syntax(
        re.compile(r"(?:export[ \t]+|readonly[ \t]+)?(?P<name>[A-Za-z_]\w*)(?P<type>)="),
        {"true": True, "false": False},
        re.compile(r"\"(?:[^\"\\]|\\[\s\S])*\"|'[^']*'"),
        "$`",
    ),
}


def assignments(text: str, language: str) -> Iterator[ForeignAssignment]:
    """The assignments at the start of a line, outside brackets and strings, in order."""
    syntax = SYNTAXES[language]
    for begin in _line_starts(text, syntax):
        match = syntax.assignment.match(text, begin)
        if match is None:
            continue
        reader = _Reader(text, match.end(), language)
        try:
            value, computed = reader.value(), False
            end = reader.pos
            if not re.compile(_SAME_END).match(text, end):
                raise NotLiteralError
        except (NotLiteralError, RecursionError):
            value, computed, end = None, True, _expression_end(text, match.end(), syntax)
        annotation = match.group("type") or ""
        yield ForeignAssignment(
            match.group("name"), annotation, value, computed, begin, match.end(), end
        )


def _line_starts(text: str, syntax: Syntax) -> Iterator[int]:
    """Starts of lines and of statements after ``;`` that stand in no bracket and no string."""
    token = re.compile(rf"{syntax.strings.pattern}|#[^\r\n]*|[\[({{\])}}]|\r\n|[\r\n]|;[ \t]*")
    depth = 0
    yield 0
    for match in token.finditer(text):
        char = match.group()[0]
        if char in "[({":
            depth += 1
        elif char in "])}":
            depth = max(0, depth - 1)
        elif char in "\r\n;" and depth == 0:
            yield match.end()


def _expression_end(text: str, start: int, syntax: Syntax) -> int:
    token = re.compile(rf"{syntax.strings.pattern}|[\[({{\])}}]|[\r\n;#]")
    depth = 0
    for match in token.finditer(text, start):
        char = match.group()[0]
        if char in "[({":
            depth += 1
        elif char in "])}":
            depth -= 1
        elif char in "\r\n;#" and depth <= 0:
            return start + len(text[start : match.start()].rstrip())
    return start + len(text[start:].rstrip())


def read(text: str, language: str) -> Any:
    """The value of ``text``, a literal of ``language``; raises NotLiteralError if it is none."""
    reader = _Reader(text.strip(), 0, language)
    value = reader.value()
    if reader.pos != len(reader.text):
        raise NotLiteralError
    return value


class _Reader:
    def __init__(self, text: str, pos: int, language: str) -> None:
        self.text = text
        self.pos = pos
        self.language = language
        self.syntax = SYNTAXES[language]

    def value(self) -> Any:
        string = self.syntax.strings.match(self.text, self.pos)
        if string is not None:
            self.pos = string.end()
            return self._string(string.group())
        if self.language == "bash":
            return self._items(")") if self._take("(") else self._word()
        if self._take("["):
            return self._items("]")
        if self.language == "julia" and self._take("("):
            return tuple(self._items(")"))
        return self._named() if self._at_name() else self._number()

    def _take(self, char: str) -> bool:
        if not self.text.startswith(char, self.pos):
            return False
        self.pos += len(char)
        return True

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.pos)
        assert match is not None  # the pattern matches the empty string
        self.pos = match.end()

    def _at_name(self) -> re.Match[str] | None:
        match = _NAME.match(self.text, self.pos + (self.text[self.pos : self.pos + 1] in "+-"))
        return match if match and not _NUMBER.match(self.text, self.pos) else None

    def _number(self) -> Any:
        match = _NUMBER.match(self.text, self.pos)
        if match is None:
            raise NotLiteralError
        self.pos = match.end()
        text = match.group()
        number = as_number(text) if "x" not in text.lower() else int(text, 16)
        if self.syntax.suffix and self._take(self.syntax.suffix):
            number = int(number)
        if isinstance(number, str):
            raise NotLiteralError
        return number

    def _word(self) -> Any:
        match = _BASH_WORD.match(self.text, self.pos)
        assert match is not None  # the pattern matches the empty string
        self.pos = match.end()
        word = match.group()
        if word in self.syntax.words:
            return self.syntax.words[word]
        return as_number(word) if _NUMBER.fullmatch(word) and "_" not in word else word

    def _named(self) -> Any:
        negative = self._take("-")
        match = _NAME.match(self.text, self.pos)
        name = match.group() if match else ""
        if match is None or (negative and name != "Inf"):
            raise NotLiteralError
        self.pos = match.end()
        if name in self.syntax.words:
            word = self.syntax.words[name]
            return -word if negative else word
        if self.language == "r" and name in ("c", "list") and self._take("("):
            return self._items(")", "=")
        if self.language == "julia" and name == "Dict" and self._take("("):
            items = self._items(")", "=>")
            return items if isinstance(items, dict) else {}
        raise NotLiteralError

    def _items(self, close: str, pair: str = "") -> Any:
        """Items up to ``close``: a list, or a dict where every item is a pair."""
        keys: list[Any] = []
        items: list[Any] = []
        self._skip_blanks()
        while not self._take(close):
            item = self._name_before(pair) if pair == "=" else self.value()
            self._skip_blanks()
            if pair and self._take(pair):
                self._skip_blanks()
                keys.append(item)
                item = self.value()
                self._skip_blanks()
            items.append(item)
            comma = self._take(",") or self.language == "bash"
            self._skip_blanks()
            if not comma and not self.text.startswith(close, self.pos):
                raise NotLiteralError
        if keys and len(keys) != len(items):
            raise NotLiteralError
        return dict(zip(keys, items)) if keys else items

    def _name_before(self, pair: str) -> Any:
        match = re.compile(rf"([A-Za-z.][\w.]*)(?=\s*{pair})").match(self.text, self.pos)
        if match is None:
            return self.value()
        self.pos = match.end()
        return match.group(1)

    def _string(self, text: str) -> str:
        size = 3 if text.startswith('"""') else 1
        content = text[size:-size]
        if text[0] == "'" and self.language == "bash":
            return content
        if any(char in content.replace(f"\\{char}", "") for char in self.syntax.interpolates):
            raise NotLiteralError
        if self.language == "bash":
            return re.sub(r"\\([\\\"$`])", r"\1", content)
        return _ESCAPE.sub(_unescape, content)


def _unescape(match: re.Match[str]) -> str:
    digits = match.group(1) or match.group(2)
    if digits is None:
        return _ESCAPES.get(match.group(3), match.group(3))
    code = int(digits, 16)
    if code > 0x10FFFF:
        raise NotLiteralError
    return chr(code)
