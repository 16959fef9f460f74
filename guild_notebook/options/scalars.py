"""The option ``nb-scalars``: what scalars are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import shown
from .readers import NOT_IN_ARGUMENTS


@dataclass(frozen=True)
class ScalarsSetting:
    """What ``nb-scalars`` says: the ``mode`` for printed lines, "" where it says none; whether the
    ``results`` of cells are scalars; and ``values``, expressions for the kernel, each behind the
    name of its scalar, "" where that is to be made of the expression."""

    mode: str = ""
    results: bool = False
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        named = [f"{name}={text}" if name else text for name, text in self.values]
        return ",".join([*filter(None, [self.mode, "results" * self.results]), *named]) or "lines"


_SCALAR_MODES = ("lines", "text", "none")
SCALAR_WORDS = (*_SCALAR_MODES, "results")  # those that are not names of the notebook
_NAMED = re.compile(r"([^\W\d][\w./@+-]*)\s*=(?!=)\s*(.+)", re.DOTALL)
_QUOTED = re.compile(r"""(["'])([^"'\\]+)\1""")
_QUOTED_OR_OTHER = re.compile(r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^'"]""", re.DOTALL)


def read_scalars(value: Any) -> ScalarsSetting:
    """The value of the option. Raises ValueError with what is allowed."""
    wrong = ValueError("takes lines, text, none, results or expressions of the notebook's names")
    mode, results, values = "", False, []
    for part in value if isinstance(value, list) else [value]:
        for text in filter(None, map(str.strip, _texts(part, wrong))):
            named = _NAMED.fullmatch(text)
            word = "none" if text in ("no", "off") else text
            if word in _SCALAR_MODES:
                mode = word
            elif word == "results":
                results = True
            elif NOT_IN_ARGUMENTS.search(text) or not re.search(r"[^\W\d]", text):
                raise wrong
            else:
                values.append((named[1], named[2]) if named else ("", text))
    if not (mode or results or values):
        raise wrong
    names = [name for name, _ in dict.fromkeys(values) if name]
    if len(set(names)) < len(names):
        raise ValueError("takes each name once")
    return ScalarsSetting(mode, results, tuple(dict.fromkeys(values)))


def why_no_expression(text: str) -> str:
    """Why Python does not take an expression of ``values``, "" where it does."""
    import ast

    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return str(getattr(e, "msg", "") or e)
    return ""


def _texts(part: Any, wrong: ValueError) -> list[str]:
    if isinstance(part, dict):
        if not all(isinstance(text, (str, int, float)) for text in part.values()):
            raise wrong
        return [f"{shown(name)}={shown(text)}" for name, text in part.items()]
    if part is None or part is True or part == "yes":
        raise wrong
    return _parts("none" if part is False else shown(part))


def _parts(text: str) -> list[str]:
    """What ``text`` has between commas, also in a list that YAML does not read, as
    ``[acc, "loss[-1]", f1=report["f1"]]``, whose parts may be in quotes."""
    text = text.strip()
    inner = [part.strip() for part in _split_at_commas(text[1:-1])]
    if text[:1] + text[-1:] != "[]" or not all(map(_is_closed, inner)):
        return _split_at_commas(text)
    return [quoted[2] if (quoted := _QUOTED.fullmatch(part)) else part for part in inner]


def _is_closed(text: str) -> bool:
    """Whether each bracket of ``text`` is closed behind where it is opened."""
    depth = 0
    for piece in _QUOTED_OR_OTHER.findall(text):
        depth += (piece in "([{") - (piece in ")]}")
        if depth < 0:
            return False
    return not depth


def _split_at_commas(text: str) -> list[str]:
    """The parts of ``text`` between commas that are neither in quotes nor in brackets."""
    parts, depth = [""], 0
    for piece in _QUOTED_OR_OTHER.findall(text):
        depth = max(0, depth + (piece in "([{") - (piece in ")]}"))
        if piece == "," and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return parts
