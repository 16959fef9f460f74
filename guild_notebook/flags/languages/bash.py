"""Bash, and what else is a shell."""

from __future__ import annotations

import re
import shlex
from typing import Any, ClassVar

from .line_based import NUMBER, LineBasedLanguage, TextReader
from .values import as_number, is_number, ordered

_WORD = re.compile(r"[^\s;&|<>()$`'\"\\#*?~{}\[\]!]*")


class Bash(LineBasedLanguage):
    name = "bash"
    aliases = ("sh", "zsh", "shell")
    kernels = ("bash",)
    implementations = ("bash_kernel",)
    environment_expressions: ClassVar = dict.fromkeys(
        ("text", "integer", "number", "boolean"), '"${{{0}}}"'
    )
    assignment = re.compile(r"(?:export[ \t]+|readonly[ \t]+)?(?P<name>[A-Za-z_]\w*)(?P<type>)=")
    words: ClassVar = {"true": True, "false": False}
    strings = re.compile(r"\"(?:[^\"\\]|\\[\s\S])*\"|'[^']*'")
    interpolates = "$`"
    has_commas = False

    def literal(self, reader: TextReader) -> Any:
        string = reader.match(self.strings)
        if string:
            return self.text_of(string)
        if reader.skip("("):
            return self.items(reader, ")")
        word = reader.match(_WORD)
        if word in self.words:
            return self.words[word]
        return as_number(word) if NUMBER.fullmatch(word) and "_" not in word else word

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
            return shlex.quote(value)
        if isinstance(value, dict):
            raise ValueError("it has no literal for a mapping")
        if any(isinstance(item, (list, tuple, set, dict)) for item in value):
            raise ValueError("its lists hold no lists")
        return f"({' '.join(self.write(item, '') for item in ordered(value))})"

    def setup_code(self) -> str:
        """What reads the shell's terminal gets an end of file at once, where it would wait."""
        return "stty -icanon min 0 time 0 2>/dev/null"
