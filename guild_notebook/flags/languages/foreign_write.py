"""Writing values as literals of R, Julia, Bash, and of a language that we know nothing of."""

from __future__ import annotations

import json
import math
import re
import shlex
from typing import Any

from .literals import is_number

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write_r(value: Any, like: str) -> str:
    """``value`` in R; a whole number is an integer (``5L``) where ``like`` is one."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if value is None:
        return "NULL"
    if is_number(value):
        whole = isinstance(value, int) and like.rstrip().endswith("L") and abs(value) < 2**31
        return _number(value) + ("L" if whole else "")
    if isinstance(value, str):
        return _quoted(value, "")
    if isinstance(value, dict):
        pairs = (f"{_quoted(str(key), '')} = {write_r(item, '')}" for key, item in value.items())
        return f"list({', '.join(pairs)})"
    items = ", ".join(write_r(item, "") for item in _ordered(value))
    return f"{'c' if _is_vector(value) else 'list'}({items})"


def _is_vector(value: Any) -> bool:
    kinds = {float if is_number(item) else type(item) for item in value}
    return len(kinds) == 1 and kinds <= {bool, float, str}


def write_julia(value: Any, like: str) -> str:
    """``value`` in Julia."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if is_number(value):
        return _number(value)
    if isinstance(value, str):
        return _quoted(value, "$")
    if isinstance(value, dict):
        pairs = (f"{write_julia(k, '')} => {write_julia(v, '')}" for k, v in value.items())
        return f"Dict({', '.join(pairs)})"
    items = ", ".join(write_julia(item, "") for item in _ordered(value))
    if isinstance(value, tuple):
        return f"({items}{',' if len(value) == 1 else ''})"
    return f"Set([{items}])" if isinstance(value, (set, frozenset)) else f"[{items}]"


def write_bash(value: Any, like: str) -> str:
    """``value`` in Bash, where all is text: null is the empty text. Raises ValueError for what
    it cannot hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "''"
    if is_number(value):
        return str(value)
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("text with a null character")
        return shlex.quote(value)
    if isinstance(value, dict):
        raise ValueError("it has no literal for a mapping")
    if any(isinstance(item, (list, tuple, set, dict)) for item in value):
        raise ValueError("its lists hold no lists")
    return f"({' '.join(write_bash(item, '') for item in _ordered(value))})"


def write_other(value: Any, like: str) -> str:
    """``value`` as JSON, whose literals most languages share."""
    if isinstance(value, (tuple, set, frozenset)):
        value = _ordered(value)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("this package knows no literal for it") from None


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    return repr(value)


def _quoted(text: str, special: str) -> str:
    """``text`` in double quotes on one line, ``special`` characters escaped too."""
    if "\0" in text or re.search("[\ud800-\udfff]", text):
        raise ValueError("text with a null character or half a character")
    escaped = re.sub(rf'([\\"{re.escape(special)}])', r"\\\1", text)
    return '"' + _CONTROL.sub(_escape, escaped) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def _ordered(value: Any) -> list[Any]:
    return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
