"""Which values a flag takes: from what Guild holds to the value that the source must hold."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable
from typing import Any

from ..errors import FlagError
from ..secrets.masking import MASK
from . import languages
from .languages import calls, literals
from .languages.values import NotLiteralError, as_number, equal, is_number, number_of, ordered, same
from .model import Code, Flag

_BOOLEANS = {
    "yes": True, "true": True, "on": True, "y": True, "1": True,
    "no": False, "false": False, "off": False, "n": False, "0": False,
}  # fmt: skip
_EVIDENT = re.compile("[\"'($`]")
_NOT_FINITE = ("nan", "inf", "-inf", "+inf")
_FORM_KINDS = ("input", "checkbox", "dropdown", "slider", "date")


class _RefusedError(ValueError):
    """The type does not take the value; the text says what it takes."""


def converted(flag: Flag, value: Any) -> Any:
    """The value that the cell must hold for ``value``: of the declared type, one of the choices,
    within the bounds; Code for a raw field. Raises FlagError, which says what is allowed."""
    try:
        if flag.choices:
            return _choice(flag, value)
        return _within(flag, _typed(flag, value))
    except _RefusedError as e:
        raise FlagError(f"flag {flag.label} takes {e}, not {shown(flag, value)}") from None


def refused_default(flag: Flag) -> str:
    """What a form field's type takes, where its default is something else; else ""."""
    if flag.kind not in _FORM_KINDS or flag.computed or flag.default is None or flag.choices:
        return ""
    try:
        _typed(flag, flag.default)
    except _RefusedError as e:
        return str(e)
    return ""


def takes_null(flag: Flag) -> bool:
    """Whether null may take the place of the flag's value, whatever this is."""
    return flag.kind not in _FORM_KINDS and not flag.choices


def shown(flag: Flag, value: Any) -> str:
    """``value`` as a message about ``flag`` shows it."""
    return MASK if flag.secret else literals.display(value)


def _typed(flag: Flag, value: Any) -> Any:
    is_field = flag.kind in _FORM_KINDS
    if not is_field and flag.type not in ("string", "raw"):
        value = _without_null_word(flag, value)
    if value is None and not is_field:
        return None
    convert = _BY_TYPE.get(flag.type or "", _untyped)
    if not (flag.computed and isinstance(value, str)) or flag.type == "raw":
        return convert(flag, value)
    return value if is_field and flag.type == "string" else _computed(flag, value, convert)


def _computed(flag: Flag, value: str, convert: Callable[[Flag, Any], Any]) -> Any:
    """What takes the place of an expression: another one, or a value of the flag's type. Text takes
    the place of text, but for what only an expression looks like."""
    if flag.type not in ("string", None):
        try:
            return convert(flag, value)
        except _RefusedError:
            if calls.DATE.match(value):
                raise
    if calls.DATE.match(value):
        return value
    code = languages.named(flag.language).expression(value)
    if flag.type == "string":
        return Code(code) if code and _EVIDENT.search(value) else value
    if code is None:
        raise _RefusedError(f"one {flag.language.capitalize()} expression")
    return Code(code)


def _without_null_word(flag: Flag, value: Any) -> Any:
    """None for the word that the flag's language has for it."""
    is_null = isinstance(value, str) and value == languages.named(flag.language).write(None, "")
    return None if is_null else value


def _untyped(flag: Flag, value: Any) -> Any:
    if isinstance(flag.default, dict) and not isinstance(value, dict):
        raise _RefusedError("a mapping, like '{a: 1}'")
    is_expression = flag.computed or (flag.type == "raw" and not isinstance(flag.default, dict))
    if isinstance(value, dict) and is_expression:
        value = _as_expression(flag, value)
    return _fitted(flag, value, flag.default)


def _as_expression(flag: Flag, value: dict[Any, Any]) -> Any:
    """The expression that YAML has taken for a mapping: ``{1, 2}``, ``lambda x: 1``."""
    if _is_set(value):
        return set(value)
    text = ", ".join(f"{key}: {item}" for key, item in value.items())
    code = languages.named(flag.language).expression(text)
    return Code(code) if code else value


def _fitted(flag: Flag, value: Any, like: Any) -> Any:
    """``value``, at any depth, as what takes the place of ``like`` there: dates are text, since
    YAML makes them of text that looks like one, but for the place of a call of ``calls``; a list is
    a tuple or a set where ``like`` is; where no text stands, the words for null, nan and infinity
    are what they say."""
    if kind := calls.kind_of(like):
        return _of_kind(flag, value, kind)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, str) and not isinstance(like, str):
        return float(value) if value.lower() in _NOT_FINITE else _without_null_word(flag, value)
    if isinstance(value, dict):
        return _fitted_mapping(flag, value, like)
    if isinstance(value, (list, tuple, set, frozenset)):
        is_like = isinstance(like, (list, tuple, set, frozenset))
        likes = (ordered(like) if is_like else []) or [None]
        new = [_fitted(flag, v, likes[min(i, len(likes) - 1)]) for i, v in enumerate(value)]
        if len({float if is_number(item) else type(item) for item in likes}) == 1:
            new = [_of_type(likes[0], item) for item in new]
        try:  # a tuple can only be YAML's pairs, which a run records as lists
            return type(like if is_like else value)(new) if type(value) is set or is_like else new
        except TypeError:
            raise _RefusedError("items that a set can hold, so no lists or mappings") from None
    if not isinstance(value, (type(None), bool, int, float, str, bytes, Code)):
        raise _RefusedError("a number, text, true or false, null, a list or a mapping")
    return value


def _of_kind(flag: Flag, value: Any, kind: calls.Kind) -> Any:
    try:
        return calls.converted(value, kind, flag.default_source)
    except ValueError as e:
        raise _RefusedError(str(e)) from None


def _fitted_mapping(flag: Flag, value: dict[Any, Any], like: Any) -> Any:
    if isinstance(like, (set, frozenset)) and _is_set(value):
        return _fitted(flag, list(value), like)
    likes = like if isinstance(like, dict) else {}
    first = next((key for key in likes if calls.kind_of(key)), "")
    keyed = {_fitted(flag, key, first): item for key, item in value.items()}
    return {
        key: _of_type(likes.get(key), _fitted(flag, item, likes.get(key)))
        for key, item in keyed.items()
    }


def _of_type(like: Any, value: Any) -> Any:
    """``value`` in the type of ``like``, the value in its place, as a plain flag of that type takes
    it; as it is where it cannot be one."""
    if isinstance(like, bool):
        return _BOOLEANS.get(str(value).lower(), value)
    if isinstance(like, str) and is_number(value):
        return str(value)
    return as_number(value) if is_number(like) and isinstance(value, str) else value


def _is_set(value: Any) -> bool:
    """Whether ``value`` can be what YAML makes of ``{1, 2}``: a mapping to nothing."""
    return isinstance(value, dict) and value != {} and all(v is None for v in value.values())


def _kind(flag: Flag) -> calls.Kind | None:
    """The kind of call that the flag's values are, None where they are none."""
    kind = calls.kind_of(flag.default)
    if kind or flag.language != "python":
        return kind
    return calls.kind_made(flag.spelling)


def _object(flag: Flag, value: Any) -> Any:
    kind = _kind(flag)
    code = languages.named(flag.language).expression(value) if isinstance(value, str) else None
    is_evident = flag.computed and isinstance(value, str) and _EVIDENT.search(value)
    if kind and code and (calls.is_expression(code, kind) or is_evident):
        return Code(code)
    return _of_kind(flag, value, kind) if kind else _fitted(flag, value, flag.default)


def _string(flag: Flag, value: Any) -> str:
    if isinstance(value, (str, bool, datetime.date)) or is_number(value):
        return str(value)
    # Guild decodes text that begins with a bracket, brace or quote as YAML.
    raise _RefusedError("text (put quotes inside quotes for text that looks like YAML)")


def _number(flag: Flag, value: Any) -> float:
    number = number_of(value)
    if number is None:
        raise _RefusedError(f"a number{_range(flag)}")
    if flag.kind in _FORM_KINDS and type(flag.default) is int:
        whole = _whole(number)
        return number if whole is None else whole
    return number


def _integer(flag: Flag, value: Any) -> int:
    number = number_of(value)
    whole = None if number is None else _whole(number)
    if whole is None:
        raise _RefusedError(f"a whole number{_range(flag)}")
    return whole


def _slider(flag: Flag, value: Any) -> float:
    if any(_whole(part) is None for part in _stated_numbers(flag)):
        with contextlib.suppress(OverflowError):  # digits beyond any float
            return float(_number(flag, value))
        raise _RefusedError(f"a number{_range(flag)}")
    if takes_whole_numbers(flag):
        return _integer(flag, value)
    return _number(flag, value)  # bounds like 1.0: the author may have meant either


def _stated_numbers(flag: Flag) -> list[float]:
    """The numbers by which a notebook shows whether a flag holds whole ones."""
    return [part for part in (flag.min, flag.max, flag.step, flag.default) if is_number(part)]


def takes_whole_numbers(flag: Flag) -> bool:
    """Whether a flag takes no other numbers than whole ones."""
    if flag.type == "slider":
        return all(isinstance(part, int) for part in _stated_numbers(flag))
    return flag.type == "integer"


def _boolean(flag: Flag, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = _BOOLEANS.get(str(value).strip().lower())
    if known is None or isinstance(value, float):
        raise _RefusedError("yes or no (true, false, 1, 0)")
    return known


def _date(flag: Flag, value: Any) -> Any:
    if _kind(flag):
        return _object(flag, value)
    return _of_kind(flag, value, calls.BY_NAME["date"]).isoformat()


def _raw(flag: Flag, value: Any) -> Code:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = f"[{', '.join(value)}]"  # Guild has made text of each item, as of any expression
    if not isinstance(value, str):
        return Code(literals.write(_untyped(flag, value)))
    text = literals.one_expression(value)
    if text is None:
        raise _RefusedError("one Python expression")
    return Code(text)


_BY_TYPE: dict[str, Callable[[Flag, Any], Any]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "slider": _slider,
    "boolean": _boolean,
    "date": _date,
    "raw": _raw,
    **{kind.name: _object for kind in calls.KINDS if kind.name != "date"},
}


def _choice(flag: Flag, value: Any) -> Any:
    choices = flag.choices or ()
    for index, choice in enumerate(choices):
        if _is_choice(flag, index, choice, value):
            return _raw(flag, flag.choice_sources[index]) if flag.type == "raw" else choice
    if flag.allow_other:
        return _within(flag, _typed(flag, value))
    if flag.secret:
        raise _RefusedError("one of its choices")
    raise _RefusedError(f"one of {', '.join(map(literals.display, choices))}")


def _is_choice(flag: Flag, index: int, choice: Any, value: Any) -> bool:
    if flag.type == "raw" and isinstance(value, str):
        if value.strip() == flag.choice_sources[index].strip():
            return True
        try:  # the same literal in other words: 2e-6 and 0.000002
            return same(literals.read(value), choice)
        except NotLiteralError:
            return bool(value == choice)
    return equal(_without_null_word(flag, value), choice) or (
        isinstance(choice, str) and str(value) == choice
    )


def _within(flag: Flag, value: Any) -> Any:
    if not flag.in_bounds(value):
        raise _RefusedError(f"a number{_range(flag)}")
    return value


def _range(flag: Flag) -> str:
    text = flag.bounds
    return text and (f" from {text}" if " to " in text else f" of {text}")


def _whole(number: float) -> int | None:
    """``number`` as an int where it is a whole number, else None."""
    return int(number) if isinstance(number, int) or number.is_integer() else None
