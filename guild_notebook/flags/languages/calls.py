"""Calls of Python's own types that are values as literals are: ``Path("data")``,
``datetime.date(2020, 1, 1)``, ``Decimal("0.1")``.

The last name of what is called decides (``dt.date`` is ``date``), and all arguments are literals.
A new value takes the place of the arguments, and the call keeps its spelling.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from .source import expression_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FRACTION = re.compile(r"[-+]?\d+(?:/\d+|\.\d+)?")
_TIMEDELTA = re.compile(
    r"(?:(?P<days>-?\d+) days?,? ?)?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d{1,6})?))?"
)
_KEPT = ("tzinfo", "fold")  # keywords that stay as they are beside a new value


@dataclass(frozen=True)
class Kind:
    """A type that such calls make. ``name`` is the flag type, ``names`` what is called, ``type``
    the class of the values here, ``takes`` what a message says of the text that ``parse`` reads,
    ``text`` the value's plain text, and ``arguments`` those of the call."""

    name: str
    names: tuple[str, ...]
    type: type[Any]
    takes: str
    parse: Callable[[str], Any]
    text: Callable[[Any], str]
    arguments: Callable[[Any], tuple[Any, ...]]


def _parsed_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)


def _parsed_datetime(text: str) -> datetime:
    return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))


def _datetime_text(value: datetime) -> str:
    if value.time() == time() and value.tzinfo is None:
        return value.date().isoformat()
    return f"{value.date().isoformat()}T{_time_text(value.timetz())}"


def _time_text(value: time) -> str:
    is_short = not value.second and not value.microsecond
    return value.isoformat(timespec="minutes" if is_short else "auto")


def _time_arguments(value: datetime | time) -> tuple[int, ...]:
    parts = [value.hour, value.minute, value.second, value.microsecond]
    while len(parts) > 2 and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _datetime_arguments(value: datetime) -> tuple[int, ...]:
    clock = _time_arguments(value)
    return (value.year, value.month, value.day, *(clock if any(clock) else ()))


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


def _fraction_arguments(value: Fraction) -> tuple[int, ...]:
    return (value.numerator, value.denominator)


KINDS = (
    Kind("path", ("Path", "PurePath", "PosixPath", "PurePosixPath"), PurePosixPath,
         "a path", PurePosixPath, str, lambda path: (str(path),)),
    Kind("datetime", ("datetime",), datetime,
         "a date and time (YYYY-MM-DDTHH:MM:SS)",
         _parsed_datetime, _datetime_text, _datetime_arguments),
    Kind("date", ("date",), date,
         "a date (YYYY-MM-DD)",
         _parsed_date, date.isoformat, lambda day: (day.year, day.month, day.day)),
    Kind("time", ("time",), time,
         "a time (HH:MM:SS)", time.fromisoformat, _time_text, _time_arguments),
    Kind("timedelta", ("timedelta",), timedelta,
         "a duration (H:MM:SS)", _parsed_timedelta, str, lambda delta: ()),
    Kind("decimal", ("Decimal",), Decimal,
         "a decimal number", _parsed_decimal, str, lambda number: (str(number),)),
    Kind("fraction", ("Fraction",), Fraction,
         "a fraction (1/3)", _parsed_fraction, str, _fraction_arguments),
    Kind("uuid", ("UUID",), UUID, "a UUID", UUID, str, lambda uuid: (str(uuid),)),
)  # fmt: skip
"""The kinds of calls. A datetime is a date to Python: it comes first."""

_BY_NAME: dict[str, Kind] = {name: kind for kind in KINDS for name in kind.names}


def kind_of(value: Any) -> Kind | None:
    """The kind of ``value``, None where it is of none."""
    return next((kind for kind in KINDS if isinstance(value, kind.type)), None)


def value_of(call: ast.Call, literal: Callable[[ast.expr], Any]) -> Any:
    """The value of a call, whose arguments ``literal`` reads. Raises ValueError for a call that is
    not a value of one of the kinds."""
    kind, make = _called(call)
    arguments = [literal(argument) for argument in call.args]
    keywords = {str(k.arg): literal(k.value) for k in call.keywords if k.arg not in _KEPT}
    if not (arguments or keywords):  # time.time()
        raise ValueError
    has_text = any(isinstance(part, str) for part in (*arguments, *keywords.values()))
    if has_text and kind.type in (Decimal, Fraction):
        make = kind.parse
    try:
        return make(*arguments, **keywords)
    except Exception:  # what these types happen to raise for arguments that they do not take
        raise ValueError from None


def name_called(call: ast.Call) -> str:
    """What is called, as names with dots between: ``dt.date``; ``.join`` where it is the method of
    another expression."""
    names: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):  # as many as there are, where ast.unparse recurses
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def _called(call: ast.Call) -> tuple[Kind, Callable[..., Any]]:
    """The kind of a call and what makes its value; raises ValueError where it has none."""
    *before, name = name_called(call).split(".")
    is_iso = name == "fromisoformat"
    kind = _BY_NAME.get(before[-1] if is_iso and before else name)
    if kind is None or (is_iso and kind.type not in (date, datetime, time)):
        raise ValueError
    return kind, kind.type.fromisoformat if is_iso else kind.type


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


def converted(value: Any, default: Any, like: str) -> Any:
    """``value``, plain data, as a value of the kind of ``default``, whose source text is ``like``.
    Raises ValueError, which says what is taken."""
    kind = kind_of(default)
    assert kind is not None
    if kind_of(value) is kind:
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        if kind.type is timedelta and is_number and _unit(like):
            return timedelta(**{_unit(like): value})
        if kind.type is time and is_number:  # YAML reads 12:30 in brackets as minutes or seconds
            value = f"{timedelta(**{'minutes' if value < 1440 else 'seconds': value})!s:0>8}"
        elif isinstance(value, date):
            value = value.isoformat()
        if isinstance(value, str) or is_number:
            return kind.parse(str(value).strip())
    except (ValueError, ArithmeticError):
        pass
    raise ValueError(kind.takes + (f" or a number of {_unit(like)}" if _unit(like) else ""))


def written(value: Any, like: str, literal: Callable[[Any, str], str]) -> str | None:
    """The call for ``value``, spelled as the first of its kind in ``like``, the source text;
    ``literal`` writes an argument in place of another. None where ``like`` has no such call."""
    kind = kind_of(value)
    call = next((call for call in _calls(like) if _kind(call) is kind), None)
    if kind is None or call is None:
        return None
    function = name_called(call)
    first = call.args[0] if call.args else call.keywords[0].value
    old = ast.get_source_segment(like.strip(), first) or ""
    kept = [
        f"{keyword.arg}={ast.get_source_segment(like.strip(), keyword.value)}"
        for keyword in call.keywords
        if keyword.arg in _KEPT
    ]
    if getattr(value, "tzinfo", None) and not kept:
        function = function.replace(".fromisoformat", "") + ".fromisoformat"
    if function.endswith(".fromisoformat"):
        return f"{function}({literal(value.isoformat(), old)})"
    if kind.type is timedelta:
        arguments = _timedelta_arguments(value, call)
    elif old[-1:] in ("'", '"'):
        arguments = [literal(kind.text(value), old)]
    else:
        arguments = [literal(argument, "") for argument in kind.arguments(value)]
    return f"{function}({', '.join([*arguments, *kept])})"


def _timedelta_arguments(value: timedelta, call: ast.Call) -> list[str]:
    unit = _unit_of(call)
    if unit:
        number = _in_unit(value, unit)
        return [f"{unit}={number}" if call.keywords else str(number)]
    parts = {name: getattr(value, name) for name in ("days", "seconds", "microseconds")}
    return [f"{name}={part}" for name, part in parts.items() if part] or ["0"]


def is_expression(text: str, kind: Kind) -> bool:
    """Whether ``text`` is an expression that may make a value of ``kind``: it calls or looks up
    something. Any text is a path, so for one it has to call a type of the table."""
    node = expression_of(text)
    parts = list(ast.walk(node)) if node else []
    if kind.type is not PurePosixPath:
        return any(isinstance(part, (ast.Call, ast.Attribute, ast.Subscript)) for part in parts)
    functions = (name_called(part) for part in parts if isinstance(part, ast.Call))
    return any(not _BY_NAME.keys().isdisjoint(name.split(".")) for name in functions)


def _unit(like: str) -> str:
    """The one unit of the first duration in ``like``, "" where it has several."""
    for call in _calls(like):
        kind = _kind(call)
        if kind and kind.type is timedelta:
            return _unit_of(call)
    return ""


def _unit_of(call: ast.Call) -> str:
    if len(call.args) + len(call.keywords) != 1:
        return ""
    return "days" if call.args else str(call.keywords[0].arg)


def _kind(call: ast.Call) -> Kind | None:
    with contextlib.suppress(ValueError):
        return _called(call)[0]
    return None


@lru_cache(maxsize=8)
def _calls(text: str) -> tuple[ast.Call, ...]:
    """The calls in an expression, outer ones first; none where it is not an expression."""
    node = expression_of(text)
    return tuple(part for part in ast.walk(node) if isinstance(part, ast.Call)) if node else ()
