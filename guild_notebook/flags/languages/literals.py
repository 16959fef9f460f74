"""Values and Python source text: reading literals without evaluating them, and writing them."""

from __future__ import annotations

import ast
import json
import math
from typing import TYPE_CHECKING, Any

from .scanner import scan
from .source import expression_of

if TYPE_CHECKING:
    from typing_extensions import TypeGuard


MOST_BITS = 14_000
"""Of an integer that is written as digits: Python takes no more than 4,300 (sys.int_info), so
Guild's YAML and JSON cannot hold a longer one."""


class NotLiteralError(ValueError):
    """The expression is none of the literals that can be a flag's value."""


def value_of(node: ast.expr) -> Any:
    """The value of an expression that is a literal: a number, string, boolean, None, or a list,
    tuple, set or dict of literals. Raises NotLiteralError for anything else, bytes, complex
    numbers and ``...`` included, since no command line and no YAML file can hold them.
    """
    try:
        return _value(node)
    except (RecursionError, TypeError):  # nested too deeply; an unhashable key or set member
        raise NotLiteralError from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        if node.value is None or isinstance(node.value, (bool, int, float, str)):
            return node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        number = node.operand.value if isinstance(node.operand, ast.Constant) else None
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return -number if isinstance(node.op, ast.USub) else number
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        items = [_value(item) for item in node.elts]
        return {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)](items)
    elif isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_value(key) for key in node.keys if key is not None]
        return dict(zip(keys, [_value(value) for value in node.values]))
    raise NotLiteralError


def read(text: str) -> Any:
    """The value of ``text``, a Python literal; raises NotLiteralError where it is none."""
    node = expression_of(text)
    if node is None:
        raise NotLiteralError
    return value_of(node)


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is an int or a float; a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(a: Any, b: Any) -> bool:
    """Equal in type and value at every level: ``True`` is not 1, 1 not 1.0; nan is nan."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and str(a) == str(b))  # -0.0
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a.items(), b.items()))
    if isinstance(a, set):
        return a == b and {(type(x), x) for x in a} == {(type(x), x) for x in b}
    return bool(a == b)


def equal(a: Any, b: Any) -> bool:
    """Equal by value: 1 is 1.0, but no number is a boolean or a text."""
    if is_number(a) and is_number(b):
        return bool(a == b)
    return same(a, b)


def as_number(text: str) -> Any:
    """``text`` as an int, else as a float, else as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def write(value: Any, like: str = "") -> str:
    """``value`` as a Python literal on one line.

    A string takes the quotes of ``like``, the text that it replaces, and a tuple its having
    parentheses or none. Infinity and nan, which
    have no literal, become ``float("inf")`` and ``float("nan")``; an empty set ``set()``.
    A set's members are in the order of their text, the same in every process.
    """
    if isinstance(value, str):
        return _string(value, like)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, int) and not isinstance(value, bool):
        return _integer(value)
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


def _integer(value: int) -> str:
    return repr(value) if value.bit_length() <= MOST_BITS else hex(value)


def _string(value: str, like: str) -> str:
    text = repr(value)
    if like.lstrip("rRuUbBfF")[:1] != '"' or text[0] == '"':
        return text
    # repr prefers single quotes: take them off, and escape double quotes instead
    return '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def display(value: Any) -> str:
    """``value`` as an error message shows it: strings quoted, long ones cut."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else write(value)
    return text if len(text) <= 60 else text[:57] + "..."


def shortened(text: str, length: int = 60) -> str:
    """``text`` on one line, cut where it is longer than ``length``."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def one_expression(text: str) -> str | None:
    """``text`` as it can stand on the right of an assignment, None where it is no expression.

    A comment after it is left out, and what stands on several lines is put in parentheses, so
    that it cannot change what follows it.
    """
    text = text.strip()
    if expression_of(text) is None:
        return None
    if not scan(text).comments and expression_of(f"f({text})") is not None:
        return text
    # the closing parenthesis on a line of its own is safe from a comment before it
    return f"({text}\n)"
