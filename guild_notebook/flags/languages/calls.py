"""Types of Python's own whose values are calls, ``Path("data")``, ``datetime.date(2020, 1, 1)``,
``Decimal("0.1")``, or have a literal that YAML lacks: ``b"a"``, ``1+2j``.

The last name of what is called decides (``dt.date`` is ``date``). A call of literals is a value as
a literal is; of another one (``date.today()``) the kind is known. A new value takes the place of
the arguments, and the call keeps its spelling.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from .source import expression_of

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FRACTION = re.compile(r"[-+]?\d+(?:/\d+|\.\d+)?")
_TIMEDELTA = re.compile(
    r"(?:(?P<days>-?\d+) days?,? ?)?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d{1,6})?))?"
)
_UNIT = re.compile("weeks|days|hours|minutes|(?:milli|micro)?seconds")
_KEPT = ("tzinfo", "fold")  # keywords that stay as they are beside a new value
_MAKING = re.compile(  # methods of the types
    r"today|(?:utc)?now|(?:utc)?from(?:timestamp|ordinal|isoformat|isocalendar|_float|hex)|combine"
    "|strptime|home|cwd"
)
_KEEPING = re.compile(  # attributes of values that are of the same type
    "parent|resolve|absolute|expanduser|joinpath|with_(?:name|suffix)|replace|astimezone|quantize"
)


@dataclass(frozen=True)
class Kind:
    """A type that such calls make. ``name`` is the flag type, ``names`` what is called, ``type``
    the class of the values here, ``takes`` what a message says of the text that ``parse`` reads,
    and ``text`` the value's plain text."""

    name: str
    names: tuple[str, ...]
    type: type[Any]
    takes: str
    parse: Callable[[str], Any]
    text: Callable[[Any], str] = str


def _parsed_date(text: str) -> date:
    if not DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)


def _datetime_text(value: datetime) -> str:
    if value.time() == time() and value.tzinfo is None:
        return value.date().isoformat()
    return f"{value.date().isoformat()}T{_time_text(value.timetz())}"


def _time_text(value: time) -> str:
    is_short = not value.second and not value.microsecond
    return value.isoformat(timespec="minutes" if is_short else "auto")


def _parsed_timedelta(text: str) -> timedelta:
    match = _TIMEDELTA.fullmatch(text)
    if match is None:
        raise ValueError
    return timedelta(**{unit: float(part) for unit, part in match.groupdict("0").items()})


def _parsed_fraction(text: str) -> Fraction:
    if not _FRACTION.fullmatch(text):  # 1e999999999 would be written out
        raise ValueError
    return Fraction(text)


def _parsed_decimal(text: str) -> Decimal:
    if Decimal(text).is_snan():  # which does not even compare
        raise ValueError
    return Decimal(text)


def _parsed_bytes(text: str) -> bytes:
    literal = getattr(expression_of(text), "value", None)
    return literal if isinstance(literal, bytes) else text.encode()


def _bytes_text(value: bytes) -> str:
    text = value.decode(errors="replace")
    return text if text.isprintable() and _parsed_bytes(text) == value else repr(value)


KINDS = (
    Kind("path", ("Path", "PurePath", "PosixPath", "PurePosixPath"), PurePosixPath,
         "a path", PurePosixPath),
    Kind("datetime", ("datetime",), datetime,
         "a date and time (YYYY-MM-DDTHH:MM:SS)",
         lambda text: datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text)), _datetime_text),
    Kind("date", ("date",), date, "a date (YYYY-MM-DD)", _parsed_date),
    Kind("time", ("time",), time, "a time (HH:MM:SS)", time.fromisoformat, _time_text),
    Kind("timedelta", ("timedelta",), timedelta, "a duration (H:MM:SS)", _parsed_timedelta),
    Kind("decimal", ("Decimal",), Decimal, "a decimal number", _parsed_decimal),
    Kind("fraction", ("Fraction",), Fraction, "a fraction (1/3)", _parsed_fraction),
    Kind("uuid", ("UUID",), UUID, "a UUID", UUID),
    Kind("bytes", ("bytes",), bytes, "text", _parsed_bytes, _bytes_text),
    Kind("complex", ("complex",), complex, "a complex number (1+2j)",
         lambda text: complex(text.replace(" ", "")), lambda number: str(number).strip("()")),
)  # fmt: skip
"""The kinds of calls."""

BY_NAME: dict[str, Kind] = {name: kind for kind in KINDS for name in kind.names}
_BY_TYPE: dict[type[Any], Kind] = {kind.type: kind for kind in KINDS}
_BUILTINS: dict[str, Callable[..., Any]] = {
    **{"float": float, "int": int, "complex": complex, "set": set, "frozenset": frozenset},
    **{"list": list, "tuple": tuple, "dict": dict},
}
"""What else makes values of arguments that are literals."""


def kind_of(value: Any) -> Kind | None:
    """The kind of ``value``, None where it is of none."""
    return _BY_TYPE.get(type(value))


def kind_named(name: str) -> Kind | None:
    """The kind of a type as source text names it (``dt.date``), None where it is of none."""
    return BY_NAME.get(name.rpartition(".")[2])


def kind_made(text: str) -> Kind | None:
    """The kind of what an expression makes, as far as it can be seen: ``Path.home() / "a"``,
    ``date.today() - timedelta(days=1)``."""
    node: Any = expression_of(text)
    while True:
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Sub) and _kind(node.right) is not BY_NAME["timedelta"]:
                return None  # of two dates it is a duration
            node = node.left
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "encode":
            return BY_NAME["bytes"]
        elif isinstance(node, ast.Attribute) and _KEEPING.fullmatch(node.attr):
            node = node.value
        elif isinstance(node, ast.Call) and _KEEPING.fullmatch(getattr(node.func, "attr", "")):
            node = node.func
        else:
            break
    return kind_of(node.value) if isinstance(node, ast.Constant) else _kind(node)


def value_of(call: ast.Call, literal: Callable[[ast.expr], Any]) -> Any:
    """The value of a call, whose arguments ``literal`` reads. Raises ValueError for a call that is
    not a value of one of the kinds, or of a type of Python's own."""
    name = dotted(call.func)
    make, kind = _BUILTINS.get(name), _kind(call)
    arguments = [literal(argument) for argument in call.args]
    keywords: dict[Any, Any] = {
        k.arg: literal(k.value) for k in call.keywords if make or k.arg not in _KEPT
    }
    if kind and not make and (arguments or keywords):
        if name.endswith(".fromisoformat"):
            make = getattr(kind.type, "fromisoformat", None)
        elif kind_named(name) and kind.type is not bytes:  # bytes(10**10) takes as much
            is_text = any(isinstance(part, str) for part in (*arguments, *keywords.values()))
            make = kind.parse if is_text and kind.type in (Decimal, Fraction) else kind.type
    if make is None:
        raise ValueError
    try:
        return make(*arguments, **keywords)
    except Exception:  # what these types happen to raise for arguments that they do not take
        raise ValueError from None


def dotted(node: ast.AST) -> str:
    """``a.b.c``; ``.b.c`` where what has these attributes has no name, "" where it is neither."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):  # as many as there are, where ast.unparse recurses
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def _kind(node: ast.AST | None) -> Kind | None:
    """The kind of which a call, of a type or of a method of it, makes a value."""
    if not isinstance(node, ast.Call):
        return None
    of, _, name = dotted(node.func).rpartition(".")
    if of.startswith(".") or (of, name) == ("time", "strptime"):
        return None
    if _MAKING.fullmatch(name):
        return kind_named(of)
    has_arguments = node.args or node.keywords  # time.time(), row.date()
    return kind_named(name) if has_arguments or name[:1].isupper() else None


def plain(value: Any, like: str = "") -> Any:
    """``value`` with each call in it as the text that a user types for it; as a number where
    ``like``, the source text, has a duration in one unit."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(plain(item, like) for item in value)
    if isinstance(value, dict):
        return {plain(key, like): plain(item, like) for key, item in value.items()}
    kind = kind_of(value)
    unit = _unit(like) if kind and kind.type is timedelta else ""
    return _in_unit(value, unit) if unit else kind.text(value) if kind else value


def _in_unit(value: timedelta, unit: str) -> float:
    number = value / timedelta(**{unit: 1})
    return int(number) if number.is_integer() else number


def converted(value: Any, kind: Kind, like: str) -> Any:
    """``value``, plain data, as a value of ``kind`` for the place of ``like``, source text. Raises
    ValueError, which says what is taken."""
    if kind_of(value) is kind:
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    unit = _unit(like) if kind.type is timedelta else ""
    try:
        if is_number and unit:
            return timedelta(**{unit: value})
        if kind.type is time and is_number:  # YAML reads 12:30 in brackets as minutes or seconds
            value = f"{timedelta(**{'minutes' if value < 1440 else 'seconds': value})!s:0>8}"
        elif isinstance(value, date):
            value = value.isoformat()
        if isinstance(value, str) or is_number:
            return kind.parse(str(value) if kind.type is bytes else str(value).strip())
    except (ValueError, ArithmeticError):
        pass
    raise ValueError(kind.takes + (f" or a number of {unit}" if unit else ""))


def written(value: Any, like: str, literal: Callable[[Any, str], str]) -> str | None:
    """The call for ``value``, spelled as the first of its kind in ``like``, the source text;
    ``literal`` writes an argument in place of another. None where ``like`` has no such call."""
    kind = kind_of(value)
    call = next((call for call in _calls(like) if _kind(call) is kind), None)
    if kind is None or call is None:
        return None
    function, _, method = dotted(call.func).rpartition(".")
    if kind_named(method):
        function, method = dotted(call.func), ""
    if method == "fromisoformat" or getattr(value, "tzinfo", None):
        return f"{function}.fromisoformat({literal(value.isoformat(), _source(call, like))})"
    unit = _unit_of(call) if kind.type is timedelta else ""
    if unit:
        argument = f"{unit}={_in_unit(value, unit)}" if call.keywords else _in_unit(value, unit)
        return f"{function}({argument})"
    arguments = re.sub(r"(?<=\d), 0, 0$", "", repr(value).partition("(")[2][:-1])
    old = "" if method else _source(call, like)
    if old[-1:] in ("'", '"'):
        arguments = literal(kind.text(value), old)
    kept = (f", {ast.unparse(k)}" for k in call.keywords if k.arg in _KEPT)
    return f"{function}({arguments}{''.join(kept)})"


def _source(call: ast.Call, like: str) -> str:
    """The first argument of a call in ``like`` as it stands there."""
    parts = [*call.args, *(keyword.value for keyword in call.keywords)]
    return ast.get_source_segment(like.strip(), parts[0]) or "" if parts else ""


def is_expression(text: str, kind: Kind) -> bool:
    """Whether ``text`` is an expression that may make a value of ``kind``: it calls or looks up
    something. Any text is a path, or bytes: for those it has to call a type of the table, or to
    have bytes in it."""
    node = expression_of(text)
    parts = list(ast.walk(node)) if node else []
    if kind.type not in (PurePosixPath, bytes):
        return any(isinstance(part, (ast.Call, ast.Attribute, ast.Subscript)) for part in parts)
    names = [dotted(part.func).split(".") for part in parts if isinstance(part, ast.Call)]
    has_bytes = (isinstance(getattr(part, "value", None), bytes) for part in parts[1:])
    return any(has_bytes) or not BY_NAME.keys().isdisjoint(chain(*names))


def _unit(like: str) -> str:
    """The one unit of the first duration in ``like``, "" where it has several."""
    of_kind = (call for call in _calls(like) if _kind(call) is BY_NAME["timedelta"])
    return next(map(_unit_of, of_kind), "")


def _unit_of(call: ast.Call) -> str:
    if len(call.args) + len(call.keywords) != 1:
        return ""
    unit = "days" if call.args else str(call.keywords[0].arg)
    return unit if _UNIT.fullmatch(unit) else ""


@lru_cache(maxsize=8)
def _calls(text: str) -> tuple[ast.Call, ...]:
    """The calls in an expression, outer ones first; none where it is not an expression."""
    node = expression_of(text)
    return tuple(part for part in ast.walk(node) if isinstance(part, ast.Call)) if node else ()
