"""R."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

from .language import kind_of
from .line_based import LineBasedLanguage, TextReader
from .values import NotLiteralError, is_number, ordered

_ITEM_NAME = re.compile(r"[A-Za-z.][\w.]*(?=\s*=)")


class R(LineBasedLanguage):
    name = "r"
    kernels = ("ir", "xr")
    environment_expressions: ClassVar = {
        "text": 'Sys.getenv("{0}")',
        "integer": 'as.integer(Sys.getenv("{0}"))',
        "number": 'as.numeric(Sys.getenv("{0}"))',
        "boolean": 'as.logical(Sys.getenv("{0}"))',
        "code": 'eval(parse(text = Sys.getenv("{0}")))',
    }
    assignment = re.compile(r"(?P<name>[A-Za-z.][\w.]*)(?P<type>)[ \t]*(?:<<?-|=(?!=))[ \t]*")
    words: ClassVar = {"TRUE": True, "FALSE": False, "NULL": None, "Inf": math.inf, "NaN": math.nan}
    strings = re.compile(r"\"(?:[^\"\\]|\\[\s\S])*\"|'(?:[^'\\]|\\[\s\S])*'")
    integer_suffix = "L"

    def call(self, name: str, reader: TextReader) -> Any:
        if name in ("c", "list") and reader.skip("("):
            return self.items(reader, ")", "=", _ITEM_NAME)
        raise NotLiteralError

    def write(self, value: Any, like: str) -> str:
        """A whole number is an integer (``5L``) where ``like`` is an integer."""
        if isinstance(value, dict):
            pairs = (f"{self.write(str(k), '')} = {self.write(v, '')}" for k, v in value.items())
            return f"list({', '.join(pairs)})"
        if isinstance(value, (list, tuple, set, frozenset)):
            items = ", ".join(self.write(item, "") for item in ordered(value))
            return f"{'c' if _is_vector(value) else 'list'}({items})"
        is_whole = kind_of(value) == "integer" and abs(value) < 2**31
        return super().write(value, like) + "L" * (is_whole and like.rstrip().endswith("L"))

    def environment_expression(self, variable: str, value: Any, like: str) -> str | None:
        if kind_of(value) == "integer" and not like.endswith("L"):
            # as `write` has it: an integer takes the place of an integer only
            return self.environment_expressions["number"].format(variable)
        return super().environment_expression(variable, value, like)


def _is_vector(value: Any) -> bool:
    kinds = {float if is_number(item) else type(item) for item in value}
    return len(kinds) == 1 and kinds <= {bool, float, str}
