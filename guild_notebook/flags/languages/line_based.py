"""What languages share whose cells are read line by line, not by a parser of the language.

An assignment counts where it begins at the start of a line or after ``;``, outside brackets,
strings and blocks, and its value is a literal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

from . import lazy
from .language import (
    ADDS,
    ASSIGNS,
    COUNTS,
    GROWS,
    IMPROVES,
    MOST_NESTED,
    REPEATS,
    Change,
    Language,
    NameAssignment,
    NotAFlag,
    too_long,
)
from .statements import Context, statements
from .values import (
    LONGEST_STATEMENT,
    MOST_BITS,
    NotLiteralError,
    as_number,
    is_number,
    literal_or_computed,
    same,
)

NUMBER = lazy.pattern(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
)
QUOTED = r"\"[^\"\\]*(?:\\[\s\S][^\"\\]*)*\""  # a string, whose escapes begin with a backslash
_COMMA = lazy.pattern(",")
_NAME = lazy.pattern(r"[A-Za-z_.][\w.]*")
_BEST = lazy.pattern(r"p?(?:max|min)[ \t]*\(")
_LOOP = lazy.pattern(r"(?:^|[;{\r\n])[ \t]*(?:@\w+[ \t]+)*(?:for|while|until|repeat)\b")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_WHOLE = lazy.pattern(r"[-+!~:$@]*[\w.](?:.*[\w.])?")
_APART = lazy.pattern(r"[\w.][ \t]+[\w.]")
_KEYWORD = lazy.pattern(r"\b(?:if|for|function|in|begin|let)\b")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = lazy.pattern(
    r"\\(?:[uU]\{([0-9A-Fa-f]{1,8})\}|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})"
    r"|x([0-9A-Fa-f]{1,2})|([\s\S]))"
)
_CONTROL = lazy.pattern("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
LONGEST_EXPRESSION = 5_000  # characters: raw strings without an end take quadratic time


class TextReader:
    """Reads ``text``, where it has come to ``pos``, and not beyond ``end``. ``depth`` is how many
    lists it is in, ``parted`` what stands behind the last item of the last one that it read."""

    def __init__(self, text: str, pos: int = 0, end: int | None = None) -> None:
        self.text = text
        self.pos = pos
        self.end = len(text) if end is None else end
        self.depth = 0
        self.parted = ""

    def match(self, pattern: re.Pattern[str]) -> str:
        """What ``pattern`` matches here, "" where it does not; moves to its end."""
        match = pattern.match(self.text, self.pos, self.end)
        if match is None:
            return ""
        self.pos = match.end()
        return match.group()

    def skip(self, text: str) -> bool:
        """Move behind ``text`` if it stands here; whether it does."""
        if not self.text.startswith(text, self.pos, self.end):
            return False
        self.pos += len(text)
        return True


class LineBasedLanguage(Language):
    """A language with ``#`` before comments, whose literals are quoted text, numbers, words, and
    lists in brackets. What a language has beside them it reads in ``literal`` and ``call``.

    ``contexts`` and ``unfinished`` tell ``statements`` where its statements end.
    ``assignment`` is what stands before the value of an assignment, with groups ``name`` and
    ``type`` (of the annotation), ``behind`` what stands behind one; ``strings`` a string with its
    quotes; ``blanks`` what may stand between the items of a list; ``words`` are the words that are
    literals, and their values.
    ``interpolates`` are characters that make an expression of a string, unless a backslash stands
    before them; ``integer_suffix`` makes an integer of the number before it.
    ``text_function`` is how an expression begins whose value is text.
    ``has_commas``: commas stand between the items of a list; else blanks do.

    What code does to variables is read from its statements without their texts and comments, which
    ``no_code`` matches. ``variable`` is the name of one. ``changing`` are kinds of changes and what
    does them, with the group ``names``; ``assigning`` are assignments anywhere in a statement, with
    the groups ``name`` and ``value``; ``joining`` is how such a value begins that has something put
    in. In a statement with ``function`` only what has ``outward`` counts: others are of variables
    of the function's own.
    """

    contexts: ClassVar[Mapping[str, Context]]
    unfinished: ClassVar[re.Pattern[str]]
    assignment: ClassVar[re.Pattern[str]]
    behind: ClassVar[re.Pattern[str]] = lazy.pattern(r"(?!)")
    strings: ClassVar[re.Pattern[str]]
    blanks: ClassVar[re.Pattern[str]] = lazy.pattern(r"(?:\s+|#[^\r\n]*)*")
    words: ClassVar[Mapping[str, Any]]
    interpolates: ClassVar[str] = ""
    integer_suffix: ClassVar[str] = ""
    text_function: ClassVar[re.Pattern[str]] = lazy.pattern("")
    has_commas: ClassVar[bool] = True
    no_code: ClassVar[re.Pattern[str]]
    variable: ClassVar[re.Pattern[str]]
    changing: ClassVar[tuple[tuple[str, re.Pattern[str]], ...]]
    assigning: ClassVar[tuple[re.Pattern[str], ...]]
    joining: ClassVar[re.Pattern[str]] = lazy.pattern(r"(?!)")
    function: ClassVar[re.Pattern[str]] = lazy.pattern(r"(?!)")
    outward: ClassVar[str] = ""

    def read(self, text: str) -> Any:
        return self._value(TextReader(text.strip()))

    def _value(self, reader: TextReader) -> Any:
        value = self.literal(reader)
        if reader.pos != reader.end:
            raise NotLiteralError
        return value

    def write(self, value: Any, like: str) -> str:
        """Null, a boolean, a number or a text; lists and mappings are for each language."""
        for word, meaning in self.words.items():
            if same(value, meaning):
                return word
        if value == -math.inf:
            return "-" + self.write(math.inf, "")
        if isinstance(value, str):
            return quoted(value, self.interpolates)
        if not is_number(value):
            raise ValueError(f"it has no literal for a {type(value).__name__}")
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise ValueError("a whole number of more than 4,200 digits")
        return repr(value)

    def expression(self, text: str) -> str | None:
        """One line whose brackets and quotes are closed, with operators between its parts."""
        text = text.strip()
        if len(text) > LONGEST_EXPRESSION:
            return None
        without_strings = self.strings.sub("s", text)
        closing, outside = [""], ""
        for char in without_strings:
            if char in _CLOSING:
                closing.append(_CLOSING[char])
            elif char == closing[-1]:
                closing.pop()
                outside += "." * (len(closing) == 1)
            elif char in ")]}" or char in "\"';#\r\n":
                return None
            elif len(closing) == 1:
                outside += char
        if len(closing) > 1 or not _WHOLE.fullmatch(outside):
            return None
        return text if _KEYWORD.search(outside) or not _APART.search(outside) else None

    def is_text(self, expression: str) -> bool:
        return bool(self.text_function.match(expression))

    def assignments(self, text: str) -> Iterator[NameAssignment | NotAFlag]:
        for statement in statements(text, self.contexts, self.unfinished, self.is_token):
            start, end = statement.start, statement.end
            match = self.assignment.match(text, start, end) or self.behind.search(text, start, end)
            if statement.unclosed is not None:
                yield NotAFlag(statement.unclosed, "what begins here does not end in the cell")
            elif match and end - start > LONGEST_STATEMENT:
                yield too_long(start)
            elif match:
                yield from self._assignments(text, match, start, end)

    def _assignments(
        self, text: str, match: re.Match[str], start: int, end: int
    ) -> Iterator[NameAssignment | NotAFlag]:
        """What the statement ``text[start:end]``, in which ``match`` was found, assigns."""
        spans = (start, end, match.end(), end)
        yield self._assignment(text, match["name"], match["type"] or "", spans)

    def may_change(self, text: str) -> list[str]:
        return self.variable.findall(text)

    def changes(self, text: str, names: AbstractSet[str]) -> Iterator[Change]:
        for statement in statements(text, self.contexts, self.unfinished, self.is_token):
            start, end = statement.start, statement.end
            if statement.unclosed is not None or end - start > LONGEST_STATEMENT:
                continue
            code = self.no_code.sub(lambda match: " " * len(match.group()), text[start:end])
            outward = self.outward if self.function.search(code) else ""
            for name, kind, match in self._changes(code):
                if name in names and outward in match.group():
                    yield Change(name, kind, start + match.start(), start + match.end())

    def _changes(self, code: str) -> Iterator[tuple[str, str, re.Match[str]]]:
        for kind, pattern in self.changing:
            for match in pattern.finditer(code):
                yield from ((name, kind, match) for name in self.variable.findall(match["names"]))
        in_loop = _LOOP.search(code) is not None
        for pattern in self.assigning:
            for match in pattern.finditer(code):
                name, value = match["name"], match["value"].strip()
                if name in self.variable.findall(value):
                    kind = self.kind_of_own(value, name)
                    if in_loop and kind in (IMPROVES, ""):
                        kind = GROWS if kind else IMPROVES
                    yield name, kind, match
                elif not value.endswith(","):  # else it is an argument
                    yield name, REPEATS if in_loop else ASSIGNS, match

    def kind_of_own(self, value: str, name: str) -> str:
        """The kind of an assignment to ``name`` of ``value``, in which it stands; "" where that is
        made of it in another way."""
        if self.joining.match(value):
            return GROWS
        if _BEST.match(value):
            return IMPROVES
        own = re.escape(name)
        if re.fullmatch(rf"{own}[ \t]*[-+][ \t]*[0-9]+L?", value):
            return COUNTS
        return ADDS if re.match(rf"{own}[ \t]*[-+]|.*\+[ \t]*{own}\Z", value) else ""

    def _assignment(
        self, text: str, name: str, annotation: str, spans: tuple[int, int, int, int]
    ) -> NameAssignment:
        value, computed = literal_or_computed(self._value, TextReader(text, *spans[2:]))
        return NameAssignment(name, value, computed, annotation, *spans)

    def is_token(self, text: str, token: re.Match[str]) -> bool:
        """Whether ``token`` opens or closes one of ``contexts`` where it stands in ``text``."""
        return True

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
        if not is_writable(number):
            raise NotLiteralError
        if self.integer_suffix and reader.skip(self.integer_suffix) and number == int(number):
            number = int(number)
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
        parted = ""
        reader.depth += 1
        if reader.depth > MOST_NESTED:
            raise NotLiteralError
        reader.match(self.blanks)
        while not reader.skip(close):
            start = reader.pos
            item = (reader.match(names) if names else "") or self.literal(reader)
            if reader.pos == start:  # an empty word of a shell, before what is not a literal
                raise NotLiteralError
            blanks = reader.match(self.blanks)
            if pair and reader.skip(pair):
                reader.match(self.blanks)
                keys.append(item)
                item = self.literal(reader)
                reader.match(self.blanks)
            items.append(item)
            parted = reader.match(_COMMA) if self.has_commas else blanks
            reader.match(self.blanks)
            if not parted and not reader.text.startswith(close, reader.pos, reader.end):
                raise NotLiteralError
        reader.depth -= 1
        reader.parted = parted
        return _mapping(keys, items) if keys else items

    def call(self, name: str, reader: TextReader) -> Any:
        """The value of what the language writes as a call of ``name``, a list or a mapping, where
        ``reader`` is behind the name. Raises NotLiteralError for anything else."""
        raise NotLiteralError

    def text_of(self, string: str) -> str:
        """The text that ``string`` stands for; raises NotLiteralError where values of variables go
        into it."""
        content = string[1:-1]
        if self.interpolates and re.search(f"[{self.interpolates}]", _ESCAPE.sub("", content)):
            raise NotLiteralError
        return self.unescaped(content)

    def unescaped(self, content: str) -> str:
        """A string's ``content`` with C's escapes replaced by what they stand for."""
        return _ESCAPE.sub(_unescape, content)


def is_writable(number: Any) -> bool:
    """Whether ``as_number`` has found a number, and one that is finite and not too long to write
    as digits."""
    if not isinstance(number, int):
        return isinstance(number, float) and math.isfinite(number)
    return number.bit_length() <= MOST_BITS


def _mapping(keys: list[Any], values: list[Any]) -> dict[Any, Any]:
    """Raises NotLiteralError where not each value has a key of its own that Python can have."""
    try:
        mapping = dict(zip(keys, values))
    except TypeError:  # a list as a key
        raise NotLiteralError from None
    if not len(keys) == len(values) == len(mapping):
        raise NotLiteralError
    return mapping


def _unescape(match: re.Match[str]) -> str:
    character, octal, byte, other = match[1] or match[2] or match[3], match[4], match[5], match[6]
    code = int(octal, 8) if octal else int(character or byte or "0", 16)
    # R and Julia take a larger byte as a part of a character, and half a character not at all.
    if code > 0x10FFFF or 0xD800 <= code < 0xE000 or (code > 0x7F and not character):
        raise NotLiteralError
    if other is None:
        return chr(code)
    if other not in _ESCAPES and (other.isalnum() or other in "\r\n"):
        raise NotLiteralError
    return _ESCAPES.get(other, other)


def quoted(text: str, special: str) -> str:
    """``text`` in double quotes on one line, ``special`` characters escaped too.

    Raises ValueError for characters that the string of no such language can hold.
    """
    if "\0" in text or re.search("[\ud800-\udfff]", text):
        raise ValueError("text with a null character or half a character")
    escaped = re.sub(rf'([\\"{re.escape(special)}])', r"\\\1", text)
    escaped = _CONTROL.sub(lambda c: _SHORT.get(c[0]) or f"\\u{ord(c[0]):04x}", escaped)
    return f'"{escaped}"'
