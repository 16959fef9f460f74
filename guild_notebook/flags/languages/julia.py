"""Julia."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

from .line_based import LineBasedLanguage, TextReader
from .values import NotLiteralError, ordered


class Julia(LineBasedLanguage):
    name = "julia"
    kernels = ("julia",)
    type_names: ClassVar = {
        **{"Int": "integer", "Int64": "integer", "Float64": "number", "Bool": "boolean"},
        **{"String": "string"},
    }
    environment_expressions: ClassVar = {
        "text": 'ENV["{0}"]',
        "integer": 'parse(Int, ENV["{0}"])',
        "number": 'parse(Float64, ENV["{0}"])',
        "boolean": 'parse(Bool, ENV["{0}"])',
        "code": 'eval(Meta.parse(ENV["{0}"]))',
    }
    assignment = re.compile(
        r"(?:const[ \t]+)?(?P<name>[^\W\d]\w*)[ \t]*(?:::[ \t]*(?P<type>[\w{}, ]+?)[ \t]*)?"
        r"=(?!=)[ \t]*"
    )
    words: ClassVar = {
        **{"true": True, "false": False, "nothing": None},
        **{"Inf": math.inf, "NaN": math.nan},
    }
    strings = re.compile(r"\"\"\"[\s\S]*?\"\"\"|\"(?:[^\"\\]|\\[\s\S])*\"")
    interpolates = "$"

    def literal(self, reader: TextReader) -> Any:
        return tuple(self.items(reader, ")")) if reader.skip("(") else super().literal(reader)

    def call(self, name: str, reader: TextReader) -> Any:
        if name == "Dict" and reader.skip("("):
            items = self.items(reader, ")", "=>")
            return items if isinstance(items, dict) else {}
        raise NotLiteralError

    def write(self, value: Any, like: str) -> str:
        if isinstance(value, dict):
            pairs = (f"{self.write(k, '')} => {self.write(v, '')}" for k, v in value.items())
            return f"Dict({', '.join(pairs)})"
        if not isinstance(value, (list, tuple, set, frozenset)):
            return super().write(value, like)
        items = ", ".join(self.write(item, "") for item in ordered(value))
        if isinstance(value, tuple):
            return f"({items}{',' if len(value) == 1 else ''})"
        return f"[{items}]" if isinstance(value, list) else f"Set([{items}])"
