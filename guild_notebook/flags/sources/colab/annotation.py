"""What stands after ``#@param``: a list of choices, options, and help; and the type, choices and
bounds of a form field that follow from it and from the literal beside it.

People write it as JavaScript, with quotes of any kind or none, without commas or braces. What can
be read is read, and what is odd about it becomes a warning; nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...languages import calls, literals
from ...languages.line_based import TextReader
from ...languages.values import NotLiteralError, as_number, equal, number_of
from ...model import Flag
from ..assignments import annotated, literal_type

TYPE_ALIASES = {
    **{name: name for name in ("string", "number", "integer", "boolean", "date", "raw", "slider")},
    **{"str": "string", "text": "string", "int": "integer", "bool": "boolean"},
    **{"float": "number", "double": "number", "num": "number", "range": "slider"},
}
"""Types as authors spell them, and what they mean."""

_NUMERIC = ("number", "integer", "slider")
_KINDS = {"boolean": "checkbox", "slider": "slider", "date": "date"}

_CLOSING = {'"': '"', "'": "'", "“": '”“"', "‘": "’‘", "`": "`"}
_QUOTED = re.compile(
    "|".join(rf"{quote}(?:[^\\{ends}]|\\[\s\S])*[{ends}]" for quote, ends in _CLOSING.items())
)
_ESCAPED_QUOTED = re.compile(r"""\\(["'“‘`])([\s\S]*?)(?:\1|\Z)""")
_QUOTE = re.compile(r"""\\?["'“‘`]""")
_BLANKS = re.compile(r"[ \t\f\v\xa0]*")
_BEFORE_HELP = re.compile(r"[#,;:.\- \t]*(?:@markdown\b[ \t]*)?")
_TYPE_WORD = re.compile(r"(\w+)[ \t]*(?=[#,;:.\-(]|\Z)")
_KNOWN_KEYS = {"type", "min", "max", "step", "allow-input", "placeholder", "istemplate"}
_KEY = re.compile(r"[\w$-]+")
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}

# What ends a list, options and an option's value that have no end of their own.
_END_OF_LIST = re.compile(r"\Z|\{|\}[^\]]*\Z")
_END_OF_OPTIONS = re.compile(r"\Z|\[[^}]*\Z")
_NO_VALUE = re.compile(r"[,}]|\Z")

# Lists of values and options behind other text: only what cannot be anything else.
_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[-+]?\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|[Tt]rue|[Ff]alse)"""
_LATER_LIST = re.compile(rf"\[\s*{_VALUE}(?:\s*,\s*{_VALUE})*(?:\s*,)?\s*\]")
_LATER_OPTIONS = re.compile(
    r"""\{\s*["']?(?:type|min|max|step|allow-input|placeholder|isTemplate)["']?\s*[:=]"""
)
_BARE_OPTIONS = re.compile(r"\(?\s*type\s*:\s*[\"']")


@dataclass(frozen=True)
class Item:
    """One choice: ``text`` is a string's content or any other value's source text."""

    value: Any
    text: str


def help_text(comment: str) -> str:
    """The words of a comment, without the signs before them."""
    return _BEFORE_HELP.sub("", comment, count=1).strip("# \t")


class Annotation(TextReader):
    """The parts of ``text``, which is what follows ``#@param`` in its comment: ``choices`` (None
    where it has no list), ``options`` with their keys in lower case, ``help``, and ``warnings`` of
    what is odd in it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.choices: list[Item] | None = None
        self.options: dict[str, Any] = {}
        self.warnings: list[str] = []
        if re.match(r":\s*[{\[]", text):  # `@param: {type: "string"}`
            self.pos = 1
        between: list[str] = []
        while self._group() or self._later_group(between):
            pass
        self.help = " ".join(filter(None, [*between, self._help()]))
        for key in self.options:
            if key.lower() not in _KNOWN_KEYS:
                self._warn(f"option {key} is unknown")
        self.options = {key.lower(): option for key, option in self.options.items()}

    def _group(self) -> bool:
        """Read a list or options where one begins here."""
        self.match(_BLANKS)
        if self.choices is None and self.skip("["):
            self._list()
        elif self.skip("{"):
            self._options()
        elif not self.options and _BARE_OPTIONS.match(self.text, self.pos):
            self._warn("its options have no braces")
            self.skip("(")
            self._options()
        else:
            return False
        return True

    def _later_group(self, between: list[str]) -> bool:
        """Go on to a list or options behind other text, where a group stands before it; the text
        is help and added to ``between``."""
        if self.choices is None and not self.options:
            return False
        later = [_LATER_OPTIONS.search(self.text, self.pos)]
        if self.choices is None:
            later.append(_LATER_LIST.search(self.text, self.pos))
        starts = [match.start() for match in later if match]
        if not starts:
            return False
        between.append(help_text(self.text[self.pos : min(starts)]).rstrip(",;:. "))
        self.pos = min(starts)
        return True

    def _help(self) -> str:
        rest = self.text[self.pos :].strip()
        alone = self.choices is None and not self.options
        word = _TYPE_WORD.match(rest)
        if alone and word and word.group(1).lower() in TYPE_ALIASES:  # `@param int`
            self.options["type"] = word.group(1)
            rest = rest[word.end() :]
        return help_text(rest)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _list(self) -> None:
        self.choices = []
        for has_comma in self._items("]"):
            if _END_OF_LIST.match(self.text, self.pos):
                self._warn("its list has no closing bracket")
                return
            if not has_comma:
                self._warn("its list lacks a comma")
            self.choices.append(self._item())

    def _options(self) -> None:
        for has_comma in self._items("}"):
            if _END_OF_OPTIONS.match(self.text, self.pos):
                self._warn("its options have no closing brace")
                return
            if not has_comma:
                self._warn("its options lack a comma")
            self._option()

    def _items(self, closing: str) -> Iterator[bool]:
        """Go to the start of each item before ``closing``: whether a comma stands before it. Who
        iterates reads the item."""
        has_comma = True
        while True:
            self.match(_BLANKS)
            if self.skip(closing):
                return
            if self.skip(","):
                has_comma = True
            else:
                yield has_comma
                has_comma = False

    def _item(self) -> Item:
        if _QUOTE.match(self.text, self.pos):
            text = self._string("]")
            return Item(text, text)
        text = self._bare(",]")
        value = _value(text)
        if isinstance(value, str):
            self._warn(f"choice {text} has no quotes")
        return Item(value, text)

    def _option(self) -> None:
        is_quoted = _QUOTE.match(self.text, self.pos)
        key = self._string(":") if is_quoted else self.match(_KEY)
        if not key:
            self._warn(f"its options hold a stray {self.text[self.pos : self.pos + 1]}")
            self.pos += 1
            return
        self.match(_BLANKS)
        if not (self.skip(":") or self.skip("=")):
            self._warn(f"option {key} has no value")
            return
        self.match(_BLANKS)
        if _QUOTE.match(self.text, self.pos):
            self.options[key] = self._string("}")
        elif not _NO_VALUE.match(self.text, self.pos):
            self.options[key] = _value(self._bare(",} \t"))

    def _string(self, closer: str) -> str:
        """A quoted string; where its closing quote is missing it ends before the next comma, else
        before the last ``closer``."""
        start = self.pos
        if escaped := _ESCAPED_QUOTED.match(self.text, start):  # once too often: {type:\"string\"}
            self._warn("its quotes are escaped")
            self.pos = escaped.end()
            return escaped.group(2).rstrip("\\")
        quoted = self.match(_QUOTED)
        if quoted:
            return _unescaped(quoted[1:-1])
        self._warn("a quote is not closed")
        end = self.text.find(",", start + 1)
        end = self.text.rfind(closer, start + 1) if end < 0 else end
        self.pos = len(self.text) if end < 0 else end
        return self.text[start + 1 : self.pos].strip()

    def _bare(self, stops: str) -> str:
        """Text up to one of ``stops`` outside brackets and quotes."""
        start = self.pos
        depth = 0
        while self.pos < len(self.text):
            char = self.text[self.pos]
            if depth == 0 and char in stops:
                break
            if char in "([{":
                depth += 1
            elif char in ")]}":
                depth -= 1
            self.pos += 1
        return self.text[start : self.pos].strip()


def _value(text: str) -> Any:
    """A number, true, false or null; any other text stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return as_number(text)
    return text


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_unescape, text)
    # two escaped halves make one character, and a lone half none that can be encoded
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescape(match: re.Match[str]) -> str:
    digits = match.group(1) or match.group(2) or match.group(3)
    if digits:
        code = int(digits, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    return _ESCAPED.get(match.group(4), match.group(4))


def typed_field(flag: Flag, annotation: Annotation, python_type: str) -> tuple[Flag, list[str]]:
    """``flag`` with what the form's annotation and the text of Python's, "" for none, say of its
    type, choices and bounds; and what is odd about them."""
    warnings = list(annotation.warnings)
    name = annotation.options.get("type")
    known = TYPE_ALIASES.get(str(name).strip(" \\\"'").lower())
    if name is not None and known is None:
        warnings.append(f"type {name} is unknown")
    declared, call = annotated(python_type)
    type_ = known or declared
    if annotation.choices:
        type_ = _type_of_choices(annotation.choices, type_, flag.default, warnings)
    elif type_ is None:
        # The type of an expression's value is not known: another expression may replace it.
        kind = calls.kind_made(flag.default_source) if flag.computed else None
        type_ = kind.name if kind else "raw" if flag.computed else literal_type(flag.default)
    items = annotation.choices or []
    choices = tuple(_choice(item, type_) for item in items)
    min_, max_, step = (
        _bound(key, annotation.options.get(key), warnings) if type_ in _NUMERIC else None
        for key in ("min", "max", "step")
    )
    allow_other = annotation.options.get("allow-input") in (True, "true", "True")
    free = flag.computed or allow_other or not choices
    if not free and not any(equal(flag.default, choice) for choice in choices):
        warnings.append(f"default {literals.display(flag.default)} is none of its choices")
    if calls.kind_of(flag.default) and not choices:
        type_ = literal_type(flag.default)  # the call keeps its type, whatever the form says
    field = replace(
        flag,
        kind="dropdown" if choices else _KINDS.get(type_ or "", "input"),
        type=type_,
        call=call,
        choices=choices or None,
        choice_sources=tuple(item.text for item in items) if type_ == "raw" else (),
        allow_other=allow_other,
        min=min_,
        max=max_,
        step=step,
    )
    if not flag.computed and not field.in_bounds(flag.default):
        default = literals.display(flag.default)
        warnings.append(f"default {default} is outside of its bounds, {field.bounds}")
    return field, warnings


def _bound(key: str, value: Any, warnings: list[str]) -> float | None:
    number = number_of(value)
    if number is None and value is not None:
        warnings.append(f"{key} {value} is not a number")
    return number


def _type_of_choices(
    items: list[Item], declared: str | None, default: Any, warnings: list[str]
) -> str | None:
    is_text = isinstance(default, str) and any(item.text == default for item in items)
    if declared == "raw" and is_text:
        # an author's slip: as expressions they would be names, and the default is a text
        warnings.append("its raw choices are plain words: they are taken as text")
        return "string"
    types = {literal_type(item.value) for item in items if item.value is not None}
    common = types.pop() if len(types) == 1 else None
    return declared or literal_type(default) or common


def _choice(item: Item, type_: str | None) -> Any:
    """``item`` as a value of the field's type, as it stands where it is not one."""
    if type_ in ("string", "date"):
        return item.text
    if type_ in _NUMERIC:
        return as_number(item.value) if isinstance(item.value, str) else item.value
    if type_ == "boolean":
        return {"true": True, "false": False}.get(item.text.lower(), item.value)
    try:
        return literals.read(item.text)
    except NotLiteralError:
        return item.text if type_ == "raw" else item.value
