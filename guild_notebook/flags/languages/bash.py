"""Bash, and what else is a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, ClassVar

from . import lazy
from .language import ADDS, ASSIGNS, COUNTS, GROWS, LOOPS, NameAssignment, NotAFlag
from .line_based import NUMBER, QUOTED, LineBasedLanguage, TextReader, is_writable
from .statements import Context, statements
from .values import as_number, is_number, ordered


def _verbose(pattern: str) -> re.Pattern[str]:
    return lazy.pattern(pattern, re.VERBOSE)


_WORD = lazy.pattern(r"(?!#)[^\s;&|<>()$`'\"\\*?~{}\[\]!]*")
_VARIABLE = r"[A-Za-z_]\w*"
_ESCAPED = r"\\(?:\r\n|[\s\S])?"
_EXPANSIONS = rf"""
      {_ESCAPED}
    | (?P<command>`)
    | (?P<arithmetic>\$\((?=\())
    | (?P<parenthesis>\$\()
"""
_IN_QUOTES = rf"{_EXPANSIONS} | (?P<quoted_parameter>\$\{{)"
_QUOTES = (
    rf"""{_EXPANSIONS} | (?P<double>") | (?P<escaped>\$') | (?P<single>') | (?P<parameter>\$\{{)"""
)
_WORDS = rf"{_QUOTES} | (?P<comment>(?<![^\s;&|()<>`])\#[^\r\n]*) | (?P<list>=\()"
# Reserved words where a word begins and ends; `is_token` tells whether a command begins there.
_CODE = _verbose(
    rf"""{_WORDS}
    | (?P<arithmetic_command>\((?=\())
    | (?P<subshell>\()
    | <<<
    | (?P<heredoc><<(?P<indented>-?)[ \t]*['"\\]?(?P<delimiter>[\w.!:+%@-]+)['"]?)
    | (?P<end>\r\n|[\r\n]|;[ \t]*)
    | (?<![^\s;&|()`])(?:
        (?P<if>if(?=\s)) | (?P<loop>do(?=\s)) | (?P<case>case(?=\s))
        | (?P<group>(?:function[ \t]+[^\s(){{}};&|]+[ \t]*)?\{{(?=\s))
      )
    | (?P<close>\)|(?<![^\s;&|()`])(?:fi|done|esac|\}})(?=[\s;&|)<>`]|\Z))
    """
)
_IN_LIST = _verbose(rf"{_WORDS} | (?P<subshell>\() | (?P<close>\))")
_IN_ARITHMETIC = _verbose(rf"{_QUOTES} | (?P<arithmetic_command>\() | (?P<close>\))")
_ONE_WORD = _verbose(rf"{_WORDS} | (?P<end>[\s;&|<>])")
_RESERVED = "{}cdefi"
_BEFORE_COMMAND = r"\A|[\r\n;&|()`{!]|(?<!\S)(?:then|do|else|elif|if|while|until|time)"
_BEFORE_OPENING = lazy.pattern(rf"(?:{_BEFORE_COMMAND})\Z")
_BEFORE_CLOSING = lazy.pattern(rf"(?:{_BEFORE_COMMAND}|(?<!\S)(?:fi|done|esac|\}}))\Z")


class Bash(LineBasedLanguage):
    name = "bash"
    aliases = ("sh", "zsh", "shell")
    kernels = ("bash",)
    environment_expressions: ClassVar = dict.fromkeys(
        ("text", "integer", "number", "boolean"), '"${{{0}}}"'
    )
    contexts: ClassVar = {
        "": Context("", _CODE),
        **{"parenthesis": Context(")", _CODE), "subshell": Context(")", _CODE)},
        **{"if": Context("fi", _CODE), "loop": Context("done", _CODE)},
        **{"case": Context("esac", _CODE), "group": Context("}", _CODE)},
        "list": Context(")", _IN_LIST),
        "arithmetic": Context(")", _IN_ARITHMETIC),
        "arithmetic_command": Context(")", _IN_ARITHMETIC),
        "parameter": Context("}", _verbose(rf"{_QUOTES} | (?P<close>\}})")),
        "quoted_parameter": Context(
            "}", _verbose(rf'{_IN_QUOTES} | (?P<double>") | (?P<close>\}})')
        ),
        "double": Context('"', _verbose(rf'{_IN_QUOTES} | (?P<close>")')),
        "single": Context("'", _verbose("(?P<close>')")),
        "escaped": Context("'", _verbose(rf"{_ESCAPED} | (?P<close>')")),
        "command": Context("`", _verbose(rf"{_ESCAPED} | (?P<close>`)")),
    }
    unfinished = lazy.pattern(r"(?:\||&&)\Z")
    assignment = lazy.pattern(
        r"(?:(?:export|readonly|declare|typeset)[ \t]+(?P<options>(?:[-+][\w-]*[ \t]+)*))?"
        r"(?P<name>[A-Za-z_]\w*)(?P<type>)="
    )
    words: ClassVar = {"true": True, "false": False}
    strings = lazy.pattern(rf"{QUOTED}|'[^']*'")
    blanks = lazy.pattern(r"(?:[ \t\r\n]+(?:#[^\r\n]*)?)*")
    interpolates = "$`"
    has_commas = False
    no_code = lazy.pattern(r"'[^']*'|(?<!\S)#[^\r\n]*")
    variable = lazy.pattern(_VARIABLE)
    changing: ClassVar = (
        (
            LOOPS,
            lazy.pattern(
                r"(?<![^\s;|])(?:(?:for|select)[ \t]+(?:\(\()?|read(?:[ \t]+-\w+)*[ \t]+)"
                rf"(?P<names>{_VARIABLE}(?:[ \t]+(?!in\b){_VARIABLE})*)"
            ),
        ),
        (GROWS, lazy.pattern(rf"(?<![\w$])(?P<names>{_VARIABLE})\[[^\]\r\n]{{0,200}}\]\+?=")),
        (ADDS, lazy.pattern(rf"(?<![\w$])(?P<names>{_VARIABLE})\+=")),
        (
            COUNTS,
            lazy.pattern(
                rf"(?:\(\(|\blet\b)[ \t\"]*(?P<names>(?:\+\+|--){_VARIABLE}"
                rf"|{_VARIABLE}(?=[ \t]*(?:\+\+|--|[-+]?=(?!=))))"
            ),
        ),
    )
    assigning: ClassVar = (
        lazy.pattern(rf"(?<![^\s;(])(?P<name>{_VARIABLE})=(?P<value>[^\r\n;]*)"),
    )

    def kind_of_own(self, value: str, name: str) -> str:
        """A text with another joined to it, or a calculation."""
        if "((" in value or "expr" in value:
            return COUNTS if re.search(r"[-+][ \t]*[0-9]", value) else ADDS
        return ADDS if re.search(rf"\$\{{?{name}\b", value) else ASSIGNS

    def is_token(self, text: str, token: re.Match[str]) -> bool:
        start = token.start()
        if token.re.pattern != _CODE.pattern or token.group()[0] not in _RESERVED:
            return True
        while start and text[start - 1] in " \t":
            start -= 1
        before = _BEFORE_CLOSING if token.lastgroup == "close" else _BEFORE_OPENING
        return bool(before.search(text[max(0, start - 6) : start]))

    def _assignments(
        self, text: str, match: re.Match[str], start: int, end: int
    ) -> Iterator[NameAssignment | NotAFlag]:
        value = text[match.end() - 1 : end]
        contexts = {**self.contexts, "": Context("", _ONE_WORD)}
        word = next(statements(value, contexts, self.unfinished, self.is_token))
        if word.end < len(value):  # `x=1 make` sets x for make alone
            yield NotAFlag(start, "more than an assignment")
        elif "n" in (match["options"] or ""):  # another name of a variable
            yield NotAFlag(start, "not a literal")
        else:
            yield from super()._assignments(text, match, start, end)

    def literal(self, reader: TextReader) -> Any:
        if string := reader.match(self.strings):
            text = ""
            while string:  # 'it'"'"'s', as `write` has it
                text += self.text_of(string)
                string = reader.match(self.strings)
            return text
        if reader.skip("("):
            return self.items(reader, ")")
        return self._of_word(reader.match(_WORD))

    def _of_word(self, word: str) -> Any:
        if word in self.words:
            return self.words[word]
        number = as_number(word) if NUMBER.fullmatch(word) and "_" not in word else word
        return number if is_writable(number) else word

    def expression(self, text: str) -> str | None:
        """One word with a variable, a command or a calculation in it."""
        parts = self.strings.sub("", text.strip())
        is_word = not re.search(r"[\s;&|<>\"'#]", re.sub(r"\$?\([^()]*\)|`[^`]*`", "", parts))
        return text.strip() if is_word and re.search("[$`]", text) else None

    def text_of(self, string: str) -> str:
        return string[1:-1] if string[0] == "'" else super().text_of(string)

    def unescaped(self, content: str) -> str:
        return re.sub(r"\\([\\\"$`])", r"\1", content)

    def write(self, value: Any, like: str) -> str:
        """All is text in Bash: null is the empty text."""
        if isinstance(value, bool) or is_number(value):
            return super().write(value, like)
        if value is None:
            return "''"
        if isinstance(value, str):
            if "\0" in value:
                raise ValueError("text with a null character")
            quoted = shlex.quote(value)
            return quoted if quoted != value or self._of_word(value) == value else f"'{value}'"
        if isinstance(value, dict):
            raise ValueError("it has no literal for a mapping")
        if not isinstance(value, (list, tuple, set, frozenset)):
            return super().write(value, like)
        if any(isinstance(item, (list, tuple, set, frozenset, dict)) for item in value):
            raise ValueError("its lists hold no lists")
        return f"({' '.join(self.write(item, '') for item in ordered(value))})"
