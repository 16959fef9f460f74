"""Julia."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from . import lazy
from .language import ADDS, COUNTS, GROWS, LOOPS, SCALES, NameAssignment, NotAFlag
from .line_based import QUOTED, LineBasedLanguage, TextReader
from .statements import Context, statements
from .values import NotLiteralError, ordered

_ALL = r"""
      (?P<nested_comment>\#=)
    | (?P<comment>\#[^\r\n]*)
    | (?<=\w)(?:(?P<raw3>\"{3})|(?P<raw>"))          # r"...", where nothing is interpolated
    | (?P<string3>\"{3})
    | (?P<string>")
    | (?P<command3>`{3})
    | (?P<command>`)
    | (?<![\w)\]}'".!])'(?:\\[^\r\n][^'\r\n]{0,9}|[^'\\\r\n])'  # a character; a' is transposed
    | (?P<parenthesis>\()
    | (?P<bracket>\[)
    | (?P<brace>\{)
    | (?P<end>\r\n|[\r\n]|;[ \t]*)
"""
# In brackets `end` is an index, and `if` and `for` have none.
_IN_BRACKETS = lazy.pattern(rf"{_ALL} | (?P<close>[)\]}}])", re.VERBOSE)
_NAME = r"[^\W\d][\w!\u0300-\u036f]*"
_TARGET = rf"(?:{_NAME}(?:[ \t]*::[ \t]*[\w{{}}]+|\.\.\.)?|\([^()=]*\))"
_CODE = lazy.pattern(
    rf"""{_ALL}
    | (?<![\w.:@])(?:
        (?P<block>(?:if|for|while|function|macro|begin|let|try|quote|do|struct|module|baremodule
          |(?:abstract|primitive)[ \t]+type)(?![\w!]))
        | (?P<close>end(?![\w!])) )
    """,
    re.VERBOSE,
)
_PARTS = lazy.pattern(_CODE.pattern.replace("|;[", "|[;,]["), re.VERBOSE)


def _string(close: str, interpolates: bool = True) -> Context:
    opens = r"|(?P<parenthesis>\$\()" if interpolates else ""
    return Context(close, lazy.pattern(rf"\\[\s\S]?{opens}|(?P<close>{close})"))


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
    contexts: ClassVar = {
        **{"": Context("", _CODE), "block": Context("end", _CODE)},
        **{"parenthesis": Context(")", _IN_BRACKETS), "bracket": Context("]", _IN_BRACKETS)},
        "brace": Context("}", _IN_BRACKETS),
        "nested_comment": Context("=#", lazy.pattern(r"(?P<nested_comment>#=)|(?P<close>=#)")),
        **{"string": _string('"'), "string3": _string('"""')},
        **{"raw": _string('"', False), "raw3": _string('"""', False)},
        **{"command": _string("`"), "command3": _string("```")},
    }
    unfinished = lazy.pattern(r"[-+*/\\^<>=&|~,:?÷⊻≤≥≠∈]\Z")
    assignment = lazy.pattern(
        rf"(?:(?:const|global)[ \t]+)*(?:\(?(?P<names>{_TARGET}(?:[ \t]*,[ \t]*{_TARGET})+)[ \t]*"
        rf"(?:,[ \t]*)?(?:\)[ \t]*)?|(?P<name>{_NAME})[ \t]*"
        r"(?:::[ \t]*(?P<type>(?! )[\w{}, ]*[\w}])[ \t]*)?)=(?![=>])[ \t]*"
    )
    words: ClassVar = {
        **{"true": True, "false": False, "nothing": None},
        **{"Inf": math.inf, "NaN": math.nan},
    }
    strings = lazy.pattern(rf"\"{{3}}[^\"\\]*(?:(?:\\[\s\S]|\"(?!\"\"))[^\"\\]*)*\"{{3}}|{QUOTED}")
    blanks = lazy.pattern(r"(?:\s+|#=(?:(?!#=)[\s\S])*?=#|#(?!=)[^\r\n]*)*")
    interpolates = "$"
    text_function = lazy.pattern(
        r"\"|(?:string|join|joinpath|abspath|basename|dirname|pwd|get)\(|ENV\["
    )

    no_code = lazy.pattern(
        rf"{strings.pattern}|#=(?:(?!=#)[\s\S])*(?:=#|\Z)|#[^\r\n]*|'(?:\\.|[^'\\])'"
    )
    variable = lazy.pattern(_NAME)
    changing: ClassVar = tuple(
        (kind, lazy.pattern(code.replace("NAME", rf"(?<![\w.])(?P<names>{_NAME})[ \t]*")))
        for kind, code in (
            (
                GROWS,
                r"(?<!\w)(?:push|pushfirst|append|prepend|insert|merge|union|get)!\([ \t]*NAME",
            ),
            (GROWS, r"NAME\[[^\r\n]{0,200}?\][ \t]*[-+*/.|÷^]{0,2}=(?![=>])"),
            (COUNTS, r"NAME[-+]=[ \t]*[0-9]+(?![\w.])"),
            (ADDS, r"NAME\.?[-+|]=(?!=)"),
            (SCALES, r"NAME\.?[*/÷%^]=(?!=)"),
            (
                LOOPS,
                r"(?:^|[;\r\n])[ \t]*(?:@\w+[ \t]+)*for[ \t]+(?P<names>[^=∈\r\n]{1,100}?)"
                r"[ \t]*(?:=|∈|\bin\b)",
            ),
        )
    )
    assigning: ClassVar = (
        lazy.pattern(
            r"(?:\A|[;\r\n])[ \t]*(?:(?:global|const)[ \t]+)*"
            rf"(?P<name>{_NAME})[ \t]*=(?![=>])[ \t]*(?P<value>[^\r\n;]*)"
        ),
    )
    joining = lazy.pattern(r"(?:vcat|hcat|cat|union|merge)\(|\[[ \t]*[\w.]+(?:\.\.\.|;)")
    function = lazy.pattern(r"(?<![\w.:@])(?:function|macro|let|do)\b")
    outward = "global"

    def _assignments(
        self, text: str, match: re.Match[str], start: int, end: int
    ) -> Iterator[NameAssignment | NotAFlag]:
        if match["name"]:
            yield from super()._assignments(text, match, start, end)
            return
        targets = match["names"].split(",")
        spans = self._parts(text, match.end(), end)
        if len(targets) != len(spans) or re.search(r"\(|\.\.\.", match["names"]):
            yield NotAFlag(start, "an assignment to several names")
            return
        for target, span in zip(targets, spans):
            name, _, annotation = map(str.strip, target.partition("::"))
            yield self._assignment(text, name, annotation, (start, end, *span))

    def _parts(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where the parts between commas begin and end, of a tuple or list those within it."""
        with contextlib.suppress(NotLiteralError):
            if isinstance(self._value(TextReader(text, start, end)), (tuple, list)):
                start, end = start + 1, end - 1
        contexts = {**self.contexts, "": Context("", _PARTS)}
        parts = statements(text[start:end], contexts, self.unfinished, self.is_token)
        spans = [(start + part.start, start + part.end) for part in parts]
        return [(last - len(text[first:last].lstrip()), last) for first, last in spans]

    def literal(self, reader: TextReader) -> Any:
        if not reader.skip("("):
            return super().literal(reader)
        items = self.items(reader, ")")
        return items[0] if len(items) == 1 and not reader.parted else tuple(items)

    def text_of(self, string: str) -> str:
        if not string.startswith('"""'):
            return super().text_of(string)
        if "\n" in string or "\r" in string:  # Julia takes the indentation from its lines
            raise NotLiteralError
        return super().text_of(string[2:-2])

    def call(self, name: str, reader: TextReader) -> Any:
        if name == "Set" and reader.skip("(["):
            items = self.items(reader, "]")
            if reader.skip(")"):
                return set(items)
        elif name == "Dict" and reader.skip("("):
            items = self.items(reader, ")", "=>")
            if items and not isinstance(items, dict):
                raise NotLiteralError
            return items or {}
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
