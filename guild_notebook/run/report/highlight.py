"""Code as HTML in the classes of pygments."""

from __future__ import annotations

import functools
import re
from typing import Any

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.util import ClassNotFound

_IPYTHON = re.compile(r"\?|%[%\w]|!(?!=)")
"""What each pattern of IPython's lexers begins with, beside Python's own."""

_MAGICS = {
    f"%%{name}": name.lower()
    for name in (
        *("R", "bash", "cython", "javascript", "julia", "latex", "octave", "perl", "ruby"),
        *("sh", "sql"),
    )
}
_MAGIC = re.compile(rf"\s*({'|'.join(_MAGICS)})\s")


class Highlighter:
    """Highlights the code of a notebook, ``language`` is pygments' name of its lexer."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._formatter = HtmlFormatter(cssclass="highlight")

    def html(self, source: str, metadata: Any = None) -> str:
        """HTML of the source of a cell with ``metadata``."""
        language = self._language
        if language.startswith("ipython"):
            magic = _MAGIC.match(source)
            known = metadata.get("magics_language") if isinstance(metadata, dict) else None
            language = _MAGICS[magic[1]] if magic else str(known or language)
        # IPython's lexers import those of six languages.
        if language == "ipython3" and not _IPYTHON.search(source):
            language = "python3"
        if language in ("python", "python3") and source.isascii():
            lexer = _ascii_python_lexer()
        else:
            lexer = lexer_of(language) or lexer_of("text")
        return str(highlight(source or " ", lexer, self._formatter))


@functools.cache
def lexer_of(language: str) -> Lexer | None:
    """The lexer of pygments with a name, None where there is none."""
    if language in ("python", "python3"):
        from pygments.lexers.python import PythonLexer

        return PythonLexer()
    if language in ("ipython2", "ipython3"):
        return _ipython_lexer(language)
    from pygments.lexers import get_lexer_by_name

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


@functools.cache
def _ascii_python_lexer() -> Lexer:
    """The lexer of Python for code in ASCII: patterns of all names of Unicode take twice the time
    to be compiled."""
    from pygments.lexers.python import PythonLexer

    names = getattr(PythonLexer, "uni_name", "")

    def in_ascii(rule: Any) -> Any:
        if not names or not isinstance(rule, tuple) or not isinstance(rule[0], str):
            return rule
        return (rule[0].replace(names, "[A-Za-z_][A-Za-z0-9_]*"), *rule[1:])

    states = PythonLexer.tokens.items()
    tokens = {name: [in_ascii(rule) for rule in rules] for name, rules in states}
    made: Lexer = type("ASCIIPythonLexer", (PythonLexer,), {"tokens": tokens})()
    return made


def _ipython_lexer(language: str) -> Lexer | None:
    try:
        import ipython_pygments_lexers as lexers
    except ModuleNotFoundError:  # in IPython itself, before 9
        try:
            from IPython.lib import lexers
        except ModuleNotFoundError:
            return lexer_of("python" if language == "ipython2" else "python3")
    name = "IPythonLexer" if language == "ipython2" else "IPython3Lexer"
    found: Lexer = getattr(lexers, name)()
    return found
