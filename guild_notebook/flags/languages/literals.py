"""Python's literals: reading them without evaluating anything, and writing them."""

from __future__ import annotations

import ast
import json
import math
from typing import Any

from .scanner import scan
from .source import expression_of
from .values import MOST_BITS, NotLiteralError

_CONSTANTS = (type(None), bool, int, float, str)
_PARTS = (
    *(ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.UAdd, ast.USub, ast.expr_context),
)


def value_of(node: ast.expr) -> Any:
    """The value of an expression that is a literal: a number, string, boolean, None, or a list,
    tuple, set or dict of literals. Raises NotLiteralError for anything else, bytes, complex
    numbers and ``...`` included, since no command line and no YAML file can hold them.
    """
    for part in ast.walk(node):
        is_constant = isinstance(part, ast.Constant) and isinstance(part.value, _CONSTANTS)
        if not is_constant and not isinstance(part, _PARTS):
            raise NotLiteralError
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):  # -"a", {[]: 1}
        raise NotLiteralError from None


def literal_or_computed(node: ast.expr) -> tuple[Any, bool]:
    """The value of a literal and False, or None and True for any other expression."""
    try:
        return value_of(node), False
    except NotLiteralError:
        return None, True


def read(text: str) -> Any:
    """The value of ``text``, a Python literal; raises NotLiteralError where it is not one."""
    node = expression_of(text)
    if node is None:
        raise NotLiteralError
    return value_of(node)


def write(value: Any, like: str = "") -> str:
    """``value`` as a Python literal on one line. A string has the quotes of ``like``, the text that
    it replaces, and a tuple has parentheses where ``like`` has. Infinity and nan, which have no
    literal, become ``float("inf")`` and ``float("nan")``, an empty set ``set()``. A set's members
    are in the order of their text, the same in every process."""
    if isinstance(value, str):
        return _string(value, like)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, int) and not isinstance(value, bool):
        return repr(value) if value.bit_length() <= MOST_BITS else hex(value)
    if isinstance(value, list):
        return f"[{', '.join(map(write, value))}]"
    if isinstance(value, tuple):
        items = f"{', '.join(map(write, value))}{',' if len(value) == 1 else ''}"
        return items if items and like and like[0] != "(" else f"({items})"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(write, value)))}}}" if value else "set()"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{write(k)}: {write(v)}' for k, v in value.items())}}}"
    return repr(value)


def _string(value: str, like: str) -> str:
    text = repr(value)
    if like.lstrip("rRuUbBfF")[:1] != '"' or text[0] == '"':
        return text
    # repr prefers single quotes: put double quotes in their place and escape those within
    return '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def display(value: Any) -> str:
    """``value`` as an error message shows it: strings quoted, long ones cut."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else write(value)
    return text if len(text) <= 60 else text[:57] + "..."


def one_expression(text: str) -> str | None:
    """``text`` as it can stand on the right of an assignment, None where it is not an expression.

    Where it has comments or stands on several lines it is put in parentheses, so that it cannot
    change what follows it.
    """
    text = text.strip()
    if expression_of(text) is None:
        return None
    if not scan(text).comments and expression_of(f"f({text})") is not None:
        return text
    # the closing parenthesis on a line of its own is safe from a comment before it
    return f"({text}\n)"
