"""R."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from .language import kind_of
from .line_based import LineBasedLanguage, Reader, number_text, quoted
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
    words: ClassVar = {
        "TRUE": True,
        "FALSE": False,
        "NULL": None,
        "Inf": float("inf"),
        "NaN": float("nan"),
    }
    strings = re.compile(r"\"(?:[^\"\\]|\\[\s\S])*\"|'(?:[^'\\]|\\[\s\S])*'")
    integer_suffix = "L"

    def call(self, name: str, reader: Reader) -> Any:
        if name in ("c", "list") and reader.skip("("):
            return reader.items(")", "=", _ITEM_NAME)
        raise NotLiteralError

    def write(self, value: Any, like: str) -> str:
        """A whole number is an integer (``5L``) where ``like`` is an integer."""
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if value is None:
            return "NULL"
        if is_number(value):
            whole = isinstance(value, int) and like.rstrip().endswith("L") and abs(value) < 2**31
            return number_text(value) + ("L" if whole else "")
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, dict):
            pairs = (f"{quoted(str(key))} = {self.write(item, '')}" for key, item in value.items())
            return f"list({', '.join(pairs)})"
        items = ", ".join(self.write(item, "") for item in ordered(value))
        return f"{'c' if _is_vector(value) else 'list'}({items})"

    def environment_expression(self, variable: str, value: Any, like: str) -> str | None:
        if kind_of(value) == "integer" and not like.endswith("L"):
            # as `write` has it: an integer takes the place of an integer only
            return self.environment_expressions["number"].format(variable)
        return super().environment_expression(variable, value, like)


def _is_vector(value: Any) -> bool:
    kinds = {float if is_number(item) else type(item) for item in value}
    return len(kinds) == 1 and kinds <= {bool, float, str}
