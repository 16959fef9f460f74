"""Values of Python as the command ``guild run`` takes them."""

from __future__ import annotations

import contextlib
import json
import math
import os
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from .. import options
from ..errors import FlagError
from ..flags.guild_values import is_search_space
from ..options.readers import NOT_IN_ARGUMENTS
from ..run import again


def of_run(flags: Mapping[str, Any]) -> list[str]:
    """The assignments of flags for one run. Raises FlagError for what cannot be one value."""
    return [_assignment(str(name), value, False) for name, value in flags.items()]


def of_sweep(flags: Mapping[str, Any]) -> list[str]:
    """The assignments of flags for a sweep: of a list, or what can be iterated over, a trial for
    each item, and texts like ``[0.1:1.0]`` are search spaces. Raises FlagError."""
    return [_assignment(str(name), value, True) for name, value in flags.items()]


def of_options(given: Mapping[str, Any]) -> list[str]:
    """The assignments of options by their names, with ``nb-`` or without, but for those that are
    None."""
    assigned = []
    for key, value in given.items():
        name = options.PREFIX + str(key).replace("_", "-").removeprefix(options.PREFIX)
        if value is None:  # it is not given
            continue
        if isinstance(value, bool):
            text = "yes" if value else "no"
        elif isinstance(value, (list, tuple, Mapping)):
            text = _flow(plain(value))
        else:
            text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
        assigned.append(f"{name}={text}")
    return assigned


def plain(value: Any) -> Any:
    """A value as Guild holds it: numbers and texts of Python, lists and mappings of them."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if callable(getattr(value, "tolist", None)):  # an array or a number of numpy, torch, pandas
        return plain(value.tolist())
    return value


def _choices(value: Any) -> Any:
    is_many = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    if is_many and not hasattr(value, "tolist"):
        value = list(value)
    return plain(value)


def _assignment(name: str, value: Any, is_sweep: bool) -> str:
    if "=" in name or not name:
        raise FlagError(f"'{name}' is not the name of a flag - it has no =")
    if is_search_space(value):
        if is_sweep:
            return f"{name}={value}"
        raise FlagError(f"flag {name}: {value} is a search space - give one value, or use sweep()")
    text = None
    with contextlib.suppress(Exception):  # of the value's own class; one may have itself in it
        given = _choices(value) if is_sweep else plain(value)
        text = None if _has_no_character(given) else _text(given, is_sweep)
    if text is None or "\0" in text:
        raise FlagError(
            f"flag {name}: Guild does not take {type(value).__name__} {reprlib.repr(value)} - give "
            "a number, a text, or a list or mapping of them"
        )
    return f"{name}={text}"


def _text(value: Any, is_sweep: bool) -> str | None:
    """What is typed for a plain value, None where that would be read as another."""
    from guild import flag_util

    if not isinstance(value, list):
        return again.typed(value)
    wanted = value if is_sweep else [value]
    text = _flow(wanted)
    return text if flag_util.decode_flag_val(text) == wanted or _has_nan(wanted) else None


def _flow(value: Any) -> str:
    """A value as YAML in one line, in which Guild finds no other type than it has."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[repr(value)]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"\0{value!r}"  # which no command can be given


def _has_no_character(value: Any) -> bool:
    """Whether there is a text in a value that no process can be given."""
    if isinstance(value, str):
        return bool(NOT_IN_ARGUMENTS.search(value))
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return isinstance(parts, list) and any(map(_has_no_character, parts))


def _has_nan(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value != value or any(map(_has_nan, parts))
