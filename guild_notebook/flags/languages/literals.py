"""Python's literals: reading them without evaluating anything, and writing them."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

from . import calls
from .scanner import scan
from .source import expression_of
from .values import MOST_BITS, NotLiteralError, is_number

_CONSTANTS = (type(None), bool, int, float, complex, str, bytes)
_COLLECTIONS: dict[type[ast.expr], Callable[[list[Any]], Any]] = {
    **{ast.List: list, ast.Tuple: tuple, ast.Set: set}
}


def value_of(node: ast.expr) -> Any:
    """The value of an expression that is a literal: a number, string, bytes, boolean, None, a list,
    tuple, set or dict of literals, a call of ``calls``, or a path and text with ``/`` between.
    Raises NotLiteralError for anything else, ``...`` too."""
    try:
        return _literal(node)
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        raise NotLiteralError from None  # -"a", {[]: 1}, date(2020, 1, 32)


def _literal(node: ast.expr | None) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, _CONSTANTS):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _COLLECTIONS[type(node)](list(map(_literal, node.elts)))
    if isinstance(node, ast.Dict):
        return dict(zip(map(_literal, node.keys), map(_literal, node.values)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        number = _literal(node.operand)
        if is_number(number) or isinstance(number, complex):
            return number if isinstance(node.op, ast.UAdd) else -number
    if isinstance(node, ast.BinOp):
        return _joined(node.op, _literal(node.left), _literal(node.right))
    if isinstance(node, ast.Call):
        return calls.value_of(node, _literal)
    raise NotLiteralError


def _joined(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Div) and isinstance(left, PurePath) and isinstance(right, str):
        return left / right
    if isinstance(op, (ast.Add, ast.Sub)) and is_number(left) and isinstance(right, complex):
        return left + right if isinstance(op, ast.Add) else left - right
    raise NotLiteralError


def read(text: str) -> Any:
    """The value of ``text``, as ``value_of`` has it; raises NotLiteralError where it has none."""
    node = expression_of(text)
    if node is None:
        raise NotLiteralError
    return value_of(node)


def write(value: Any, like: str = "", within: str = "") -> str:
    """``value`` as a Python literal on one line. A string has the quotes of ``like``, the text that
    it replaces, and a tuple has parentheses where ``like`` has; a value that is a call is spelled
    as the first of its kind in ``within``, else in ``like``. Infinity and nan, which have no
    literal, become ``float("inf")`` and ``float("nan")``, an empty set ``set()``. A set's members
    are in the order of their text, the same in every process. Raises ValueError where there is no
    literal."""
    within = within or like
    if isinstance(value, str):
        return _string(value, like)
    if isinstance(value, tuple):
        items = f"{', '.join(_each(value, within))}{',' if len(value) == 1 else ''}"
        is_bare = items and like and not like.startswith(("(", "tuple("))
        return items if is_bare else f"({items})"
    if isinstance(value, list):
        return f"[{', '.join(_each(value, within))}]"
    if isinstance(value, (set, frozenset)):
        items = f"{{{', '.join(sorted(_each(value, within)))}}}" if value else ""
        return items if items and isinstance(value, set) else f"{type(value).__name__}({items})"
    if isinstance(value, dict):
        pairs = zip(_each(value, within), _each(value.values(), within))
        return f"{{{', '.join(f'{key}: {item}' for key, item in pairs)}}}"
    return _one(value, within)


def _each(items: Iterable[Any], within: str) -> list[str]:
    return [write(item, "", within) for item in items]


def _one(value: Any, within: str) -> str:
    if isinstance(value, complex):
        text = repr(value)
        if "n" in text or "-0" in text or text[0] == "-":  # of inf, nan and -0.0 another value
            return f"complex({write(value.real)}, {write(value.imag)})"
        is_sum = within[-1:] in ("j", "J") and not {*within[1:]}.isdisjoint("-+")
        return text.strip("()") if is_sum else text
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return hex(value)
    if value is None or isinstance(value, (int, float, bytes)):
        return repr(value)
    written = calls.written(value, within, write)
    if written is None:
        raise ValueError(f"it has no literal for a {type(value).__name__}")
    return written


def _string(value: str, like: str) -> str:
    text = repr(value)
    if like.lstrip("rRuUbBfF")[:1] != '"' or text[0] == '"':
        return text
    # repr prefers single quotes: put double quotes in their place and escape those within
    return '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def display(value: Any) -> str:
    """``value`` as an error message shows it: strings quoted, long ones cut."""
    value = calls.plain(value, "")
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else write(value)
    return text if len(text) <= 60 else text[:57] + "..."


def one_expression(text: str) -> str | None:
    """``text`` as it can stand on the right of an assignment, None where it is not an expression.

    It is put in parentheses where it could change what stands around it: with comments, on several
    lines, or as a tuple without its own.
    """
    text = text.strip()
    if expression_of(text) is None:
        return None
    if not scan(text).comments and (call := expression_of(f"f({text})")):
        arguments = call.args if isinstance(call, ast.Call) else []
        is_one = len(arguments) == 1 and not isinstance(arguments[0], ast.Starred)
        return text if is_one else f"({text})"
    # the closing parenthesis on a line of its own is safe from a comment before it
    return f"({text}\n)"
