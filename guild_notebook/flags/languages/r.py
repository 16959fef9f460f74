"""R."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from . import lazy
from .language import GROWS, LOOPS, NameAssignment, NotAFlag, kind_of
from .line_based import QUOTED, LineBasedLanguage, TextReader
from .statements import Context
from .values import NotLiteralError, is_number, ordered

_CODE = lazy.pattern(
    r"""
      (?P<comment>\#[^\r\n]*)
    | (?<![\w.])[rR](?P<quote>["'])(?P<dashes>-*)
      (?: \([\s\S]*?(?:\)(?P=dashes)(?P=quote)|\Z)
      | \[[\s\S]*?(?:\](?P=dashes)(?P=quote)|\Z)
      | \{[\s\S]*?(?:\}(?P=dashes)(?P=quote)|\Z) )
    | (?P<double>")
    | (?P<single>')
    | (?P<name>`)
    | %[^%\r\n]*%                                   # an operator
    | (?P<head>(?:(?<![\w.])(?:function|if|for|while)[ \t]*|\\)\()
    | (?P<parenthesis>\()
    | (?P<bracket>\[)
    | (?P<brace>\{)
    | (?P<close>[)\]}])
    | (?P<end>\r\n|[\r\n]|;[ \t]*)
    """,
    re.VERBOSE,
)
_RAW = lazy.pattern(r"[rR][\"'](-*)[(\[{]([\s\S]*)[)\]}]\1[\"']")
_BODY = lazy.pattern(r"(?:function|if|for|while|repeat)\b|\\")  # before what runs later, or not
_INTEGER = lazy.pattern(r"\dL\s*\Z")
_VARIABLE = r"[A-Za-z.][\w.]*"
_ITEM_NAME = lazy.pattern(r"[A-Za-z.][\w.]*(?=\s*=)")


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
    contexts: ClassVar = {
        "": Context("", _CODE),
        **{"parenthesis": Context(")", _CODE), "head": Context(")", _CODE)},
        **{"bracket": Context("]", _CODE), "brace": Context("}", _CODE)},
        "double": Context('"', lazy.pattern(r'\\[\s\S]?|(?P<close>")')),
        "single": Context("'", lazy.pattern(r"\\[\s\S]?|(?P<close>')")),
        "name": Context("`", lazy.pattern(r"\\[\s\S]?|(?P<close>`)")),
    }
    unfinished = lazy.pattern(r"(?:[-+*/^<>=!&|~,:$@?%]|(?<![\w.])(?:else|repeat|function))\Z")
    behind = lazy.pattern(r"->>?\s*(?P<name>[A-Za-z.][\w.]*)\Z")
    assignment = lazy.pattern(r"(?P<name>[A-Za-z.][\w.]*)(?P<type>)[ \t]*(?:<<?-|=(?!=))[ \t]*")
    words: ClassVar = {"TRUE": True, "FALSE": False, "NULL": None, "Inf": math.inf, "NaN": math.nan}
    strings = lazy.pattern(
        rf"{QUOTED}|'[^'\\]*(?:\\[\s\S][^'\\]*)*'"
        r"|[rR](?P<quote>[\"'])(?P<dashes>-*)(?:\([\s\S]*?\)|\[[\s\S]*?\]|\{[\s\S]*?\})"
        r"(?P=dashes)(?P=quote)"
    )
    text_function = lazy.pattern(
        r"(?:paste0?|sprintf|format|as\.character|file\.path|basename|dirname|normalizePath|getwd"
        r"|Sys\.getenv)\("
    )
    integer_suffix = "L"
    no_code = lazy.pattern(rf"{strings.pattern}|#[^\r\n]*")
    variable = lazy.pattern(_VARIABLE)
    changing: ClassVar = (
        (
            GROWS,
            lazy.pattern(
                rf"(?<![\w.$@])(?P<names>{_VARIABLE})(?:\[[^\r\n]{{0,200}}?\]|\$[^\r\n=<]{{1,100}}?)"
                r"[ \t]*(?:<<?-|=(?!=))"
            ),
        ),
        (LOOPS, lazy.pattern(rf"(?<![\w.])for[ \t]*\([ \t]*(?P<names>{_VARIABLE})[ \t]+in\b")),
    )
    assigning: ClassVar = tuple(
        lazy.pattern(rf"{before}(?P<name>{_VARIABLE})[ \t]*{sign}[ \t]*(?P<value>[^\r\n;{{}}]*)")
        for before, sign in ((r"(?<![\w.$@])", "<<?-"), (r"(?:\A|[{;\r\n])[ \t]*", "=(?!=)"))
    )
    joining = lazy.pattern(r"(?:c|append|list|rbind|cbind|union|bind_rows)[ \t]*\(")
    function = lazy.pattern(r"(?<![\w.])function\b|\\\(")
    outward = "<<-"

    def _assignments(
        self, text: str, match: re.Match[str], start: int, end: int
    ) -> Iterator[NameAssignment | NotAFlag]:
        if match.re.pattern != self.behind.pattern:
            yield from super()._assignments(text, match, start, end)
        elif not _BODY.match(text, start, end):
            value_end = start + len(text[start : match.start()].rstrip())
            yield self._assignment(text, match["name"], "", (start, end, start, value_end))

    def text_of(self, string: str) -> str:
        raw = _RAW.fullmatch(string)
        return raw.group(2) if raw else super().text_of(string)

    def call(self, name: str, reader: TextReader) -> Any:
        if name in ("c", "list") and reader.skip("("):
            return self.items(reader, ")", "=", _ITEM_NAME)
        raise NotLiteralError

    def write(self, value: Any, like: str) -> str:
        """A whole number is an integer (``5L``) where ``like``, or its last item, is one."""
        if isinstance(value, dict):
            if not all(key and (isinstance(key, str) or is_number(key)) for key in value):
                raise ValueError("the names of its lists are text or numbers")
            pairs = (f"{self.write(str(k), '')} = {self.write(v, '')}" for k, v in value.items())
            return f"list({', '.join(pairs)})"
        if kind_of(value) == "integer" and abs(value) > 2**53:
            raise ValueError("its numbers hold no whole number above 2**53")
        if isinstance(value, (list, tuple, set, frozenset)):
            items = ", ".join(self.write(item, like.rstrip(") ")) for item in ordered(value))
            return f"{'c' if _is_vector(value) else 'list'}({items})"
        is_whole = kind_of(value) == "integer" and abs(value) < 2**31
        return super().write(value, like) + "L" * (is_whole and _INTEGER.search(like) is not None)

    def environment_expression(self, variable: str, value: Any, like: str) -> str | None:
        if kind_of(value) == "integer" and not _INTEGER.search(like):
            # as `write` has it: an integer takes the place of an integer only
            return self.environment_expressions["number"].format(variable)
        return super().environment_expression(variable, value, like)


def _is_vector(value: Any) -> bool:
    kinds = {float if is_number(item) else type(item) for item in value}
    return len(kinds) == 1 and kinds <= {bool, float, str}
