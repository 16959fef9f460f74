"""A flag's value as text: what the source holds, and what the environment holds of a secret one."""

from __future__ import annotations

import os
from typing import Any

from ..errors import FlagError
from .languages import named
from .model import Code, Flag
from .validate import shown


def source_text(flag: Flag, value: Any) -> str:
    """The text for ``value``, a ``notebook_value``, in the source: a literal of the flag's
    language, or the expression that reads a secret value from the environment.

    Raises FlagError where the language has neither.
    """
    language = named(flag.language)
    if flag.secret and not language.environment_expressions:
        raise FlagError(
            f"flag {flag.label} cannot be a secret: this package does not know how "
            f"{flag.language} reads the environment - read {flag.secret} in the notebook itself"
        )
    if flag.secret:
        text = language.environment_expression(flag.secret, value, flag.default_source)
        if text is None:
            raise FlagError(
                f"flag {flag.label} cannot be a secret: {flag.language} has no {_type(value)} in "
                "the environment"
            )
        return text
    if isinstance(value, Code):
        return value.text
    try:
        return language.write(value, flag.spelling)
    except ValueError as e:
        raise FlagError(
            f"flag {flag.label} cannot hold {shown(flag, value)} in {flag.language}: {e}"
        ) from None


def _type(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list"


def environment_text(flag: Flag | None, value: Any) -> str:
    """The text for ``value``, a secret one, in the environment: text as it is, numbers and
    ``true``, ``false`` as most languages read them, anything else as source text of the flag's
    language; Python's where the notebook does not hold the flag.

    Raises FlagError for what no environment variable can hold.
    """
    if isinstance(value, (Code, str)):
        text = value.text if isinstance(value, Code) else value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (int, float)):
        text = str(value)
    else:
        like = flag.spelling if flag else ""
        text = named(flag.language if flag else "python").write(value, like)
    try:
        is_held = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        is_held = False
    if not is_held:
        label = f"flag {flag.label}" if flag else "a secret flag"
        raise FlagError(f"{label} has a value that no environment variable can hold")
    return text
