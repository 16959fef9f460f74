"""``nb-secret``: flags whose values are written nowhere and go through the environment.

The setting names an environment variable. A value that is not assigned is read from it, the kernel
gets the value in it, and the notebook's source reads it there. Among the flag values that Guild
writes down, ``PLACEHOLDER`` shows that the run had a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FlagError, OptionError
from .masking import MASK

ATTRIBUTE = "nb-secret"

PLACEHOLDER = MASK

HANDOFF_PREFIX = "GUILD_SECRET_"
"""Prefix of the variables in which Guild's process passes assigned values to a run's, as YAML.
Guild leaves names with "secret" out of what it writes of a run's environment (guild/op.py,
_is_secret_env)."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = {"token", "secret", "password", "passwd", "pwd", "key", "credential", "credentials"}
_SECRET_WORDS |= {"apikey", "passphrase"}
_SWITCHES = {
    **dict.fromkeys(("yes", "true", "on"), True),
    **dict.fromkeys(("no", "false", "off", "none"), False),
}


def variables(settings: Mapping[str, Any], where: str) -> dict[str, str]:
    """The environment variable of each secret flag, by flag, from the attributes of each flag.

    Raises OptionError, in which ``where`` names the operation, for an invalid setting, and where
    two flags have the same variable.
    """
    found: dict[str, str] = {}
    for name, attributes in settings.items():
        if not isinstance(attributes, Mapping) or ATTRIBUTE not in attributes:
            continue
        variable = _variable(name, attributes[ATTRIBUTE], where)
        for other, taken in found.items():
            if variable == taken:
                raise OptionError(
                    f"{where}: flags {other} and {name} have the same environment variable "
                    f"{variable} - give one another, '{ATTRIBUTE}: NAME'"
                )
        if variable:
            found[name] = variable
    return found


def _variable(name: str, setting: Any, where: str) -> str:
    """The variable of a flag, "" where it is not a secret."""
    value = _SWITCHES.get(setting.lower(), setting) if isinstance(setting, str) else setting
    if value is None or value is False:
        return ""
    if value is True:
        capitals = re.sub("[^A-Z0-9_]", "_", name.upper())
        return capitals if _VARIABLE.fullmatch(capitals) else f"_{capitals}"
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    raise OptionError(
        f"{where}, flag {name}: '{ATTRIBUTE}' takes yes, no, or the name of an environment "
        f"variable in capitals, not '{setting}'"
    )


def handoff_variable(variable: str) -> str:
    """The variable in which the assigned value is passed of a flag that has ``variable``."""
    return HANDOFF_PREFIX + variable


def as_yaml(value: Any) -> str:
    """A flag's value as a handoff variable has it: text that keeps the type."""
    import yaml  # here, as guild-notebook does without it

    return str(yaml.safe_dump(value, allow_unicode=True, width=1 << 30))


def environment_value(name: str, variable: str, environ: Mapping[str, str]) -> Any:
    """The value that the environment has for a flag: in its handoff variable, its ``variable``, or
    a variable of the flag's own name. None where there is none."""
    if handoff_variable(variable) in environ:
        import yaml

        return yaml.safe_load(environ[handoff_variable(variable)])
    return environ.get(variable) or environ.get(name) or None


def is_placeholder(value: Any) -> bool:
    """Whether a flag's value, as a run keeps it, only shows that there was one."""
    return bool(value == PLACEHOLDER)


def missing_value_error(name: str, variable: str) -> FlagError:
    """The error where a run needs a value again that it does not keep."""
    return FlagError(
        f"secret flag {name} needs its value again, which no run keeps - set {variable} in the "
        f"environment, or assign it: guild run --restart RUN {name}=VALUE"
    )


def names_secret(name: str) -> bool:
    """Whether the name of a flag or of an environment variable says that it holds a secret."""
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


def secret_variable_names(environ: Iterable[str]) -> list[str]:
    """The names that say that a variable holds a secret. Not those of flags (``FLAG_…``), of which
    guild.yml says which are secret, and not PWD, a shell's working directory."""
    own = ("FLAG_", HANDOFF_PREFIX)
    return [
        name
        for name in environ
        if names_secret(name) and name != "PWD" and not name.startswith(own)
    ]


def is_switch_or_path(text: str) -> bool:
    """Whether the value of a variable named like a secret is not one: empty, a switch or a path."""
    if text.strip().lower() in ("", "true", "false", "yes", "no", "none", "null"):
        return True
    return os.path.isabs(text) and os.path.exists(text)
