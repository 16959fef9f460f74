"""``nb-secret``: flags whose values are written nowhere and go through the environment.

The setting names an environment variable: from it a value is taken that is not assigned, through
it the value reaches the kernel, and the notebook's source reads it there. Where Guild keeps flag
values it has ``PLACEHOLDER``, so that a run shows that it had a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ..errors import FlagError, OptionError
from .masking import MASK
from .names import names_secret

ATTRIBUTE = "nb-secret"

PLACEHOLDER = MASK

HANDED = "GUILD_SECRET_"
"""Begins the variables by which Guild's process hands assigned values to a run's, as YAML. Guild
leaves names with "secret" out of what it writes of a run's environment (guild/op.py,
_is_secret_env)."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_WORDS = {
    **dict.fromkeys(("yes", "true", "on"), True),
    **dict.fromkeys(("no", "false", "off", "none"), False),
}


def variables(settings: Mapping[str, Any], where: str) -> dict[str, str]:
    """The environment variable of each secret flag, from the attributes of flags by flag.

    Raises OptionError, in which ``where`` names the operation, for a setting that is none, and
    for one variable of two flags.
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
    """The variable of a flag, "" where it is no secret."""
    value = _WORDS.get(setting.lower(), setting) if isinstance(setting, str) else setting
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


def handed(variable: str) -> str:
    """The variable by which the assigned value is handed on of a flag that has ``variable``."""
    return HANDED + variable


def encoded(value: Any) -> str:
    """A flag's value as text, with its type."""
    return str(yaml.safe_dump(value, allow_unicode=True, width=1 << 30))


def from_environment(name: str, variable: str, environ: Mapping[str, str]) -> Any:
    """The value that the environment has for a flag: handed on, of the flag's variable, or of a
    variable with the flag's own name. None where it has none."""
    if handed(variable) in environ:
        return yaml.safe_load(environ[handed(variable)])
    return environ.get(variable) or environ.get(name) or None


def is_given(value: Any) -> bool:
    """Whether a flag's value, as a run keeps it, stands for one that is not kept."""
    return bool(value == PLACEHOLDER)


def missing(name: str, variable: str) -> FlagError:
    """What is raised where a run needs a value again that it does not keep."""
    return FlagError(
        f"secret flag {name} needs its value again, which no run keeps - set {variable} in the "
        f"environment, or assign it: guild run --restart RUN {name}=VALUE"
    )


def names_in(environ: Iterable[str]) -> list[str]:
    """The environment variables whose names say that they hold a secret. PWD is a shell's working
    directory, and guild.yml says which flags are secret, whose variables begin with FLAG_."""
    own = ("FLAG_", HANDED)
    return [
        name
        for name in environ
        if names_secret(name) and name != "PWD" and not name.startswith(own)
    ]


def is_setting(text: str) -> bool:
    """Whether a variable's value cannot be the secret itself: it is none, a switch or a path."""
    if text.strip().lower() in ("", "true", "false", "yes", "no", "none", "null"):
        return True
    return os.path.isabs(text) and os.path.exists(text)
