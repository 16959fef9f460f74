"""How the source of a notebook reads a secret value: an expression in place of the literal."""

from __future__ import annotations

import os
from typing import Any

from ..errors import FlagError
from .languages.literals import is_number
from .languages.table import named
from .model import Code, Flag

_PYTHON = '__import__("os").environ["{0}"]'

# By language and by what the value is; the texts are those of `environment_text`.
_EXPRESSIONS = {
    "python": {
        "text": _PYTHON,
        "integer": f"int({_PYTHON})",
        "number": f"float({_PYTHON})",
        "boolean": f'({_PYTHON} == "true")',
        "code": f"eval({_PYTHON})",
    },
    "r": {
        "text": 'Sys.getenv("{0}")',
        "integer": 'as.numeric(Sys.getenv("{0}"))',
        "number": 'as.numeric(Sys.getenv("{0}"))',
        "boolean": 'as.logical(Sys.getenv("{0}"))',
        "code": 'eval(parse(text = Sys.getenv("{0}")))',
    },
    "julia": {
        "text": 'ENV["{0}"]',
        "integer": 'parse(Int, ENV["{0}"])',
        "number": 'parse(Float64, ENV["{0}"])',
        "boolean": 'parse(Bool, ENV["{0}"])',
        "code": 'eval(Meta.parse(ENV["{0}"]))',
    },
    "bash": dict.fromkeys(("text", "integer", "number", "boolean"), '"${{{0}}}"'),
}


def expression(flag: Flag, value: Any) -> str:
    """What takes the place of a secret flag's value in the source, in the flag's language.

    Raises FlagError where the language has nothing for it.
    """
    language = _EXPRESSIONS.get(flag.language)
    if language is None:
        raise FlagError(
            f"flag {flag.place} cannot be a secret: this package does not know how "
            f"{flag.language} reads the environment - read {flag.secret} in the notebook itself"
        )
    kind = _kind(value)
    if kind not in language:
        raise FlagError(
            f"flag {flag.place} cannot be a secret: {flag.language} has no {_name(value)} in the "
            "environment"
        )
    text = language[kind].format(flag.secret)
    if flag.language == "r" and kind == "integer" and flag.default_source.endswith("L"):
        return text.replace("numeric", "integer")
    return text


def environment_text(flag: Flag | None, value: Any) -> str:
    """``value`` as the environment holds it: text as it is, numbers and ``true``, ``false`` as
    most languages read them, anything else as source text of the flag's language.

    Raises FlagError for what no environment can hold.
    """
    kind = _kind(value)
    if isinstance(value, Code):
        text = value.text
    elif kind == "text":
        text = value
    elif kind == "boolean":
        text = "true" if value else "false"
    elif kind in ("integer", "number"):
        text = str(value)
    else:
        text = named(flag.language if flag else "python").write(value, "")
    try:
        if "\0" not in text and os.fsencode(text):
            return text
    except UnicodeEncodeError:
        pass
    if not text:
        return text
    where = f"flag {flag.place}" if flag else "a secret flag"
    raise FlagError(f"{where} has a value that no environment variable can hold")


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "integer" if isinstance(value, int) else "number"
    return "code"


def _name(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list"
