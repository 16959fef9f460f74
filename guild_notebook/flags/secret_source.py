"""A secret flag's value: how the source reads it, and how the environment holds it."""

from __future__ import annotations

import os
from typing import Any

from ..errors import FlagError
from .languages import named
from .model import Code, Flag


def expression(flag: Flag, value: Any) -> str:
    """What stands in the source in place of a secret flag's value, in the flag's language.

    Raises FlagError where the language has nothing for it.
    """
    language = named(flag.language)
    if not language.environment_expressions:
        raise FlagError(
            f"flag {flag.label} cannot be a secret: this package does not know how "
            f"{flag.language} reads the environment - read {flag.secret} in the notebook itself"
        )
    text = language.environment_expression(flag.secret, value, flag.default_source)
    if text is None:
        raise FlagError(
            f"flag {flag.label} cannot be a secret: {flag.language} has no {_type(value)} in the "
            "environment"
        )
    return text


def environment_text(flag: Flag | None, value: Any) -> str:
    """``value`` as the environment holds it: text as it is, numbers and ``true``, ``false`` as
    most languages read them, anything else as source text of the flag's language.

    Raises FlagError for what no environment variable can hold.
    """
    if isinstance(value, Code):
        text = value.text
    elif isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (int, float)):
        text = str(value)
    else:
        text = named(flag.language if flag else "python").write(value, "")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        is_held = False
    else:
        is_held = "\0" not in text
    if is_held:
        return text
    where = f"flag {flag.label}" if flag else "a secret flag"
    raise FlagError(f"{where} has a value that no environment variable can hold")


def _type(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list"
