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
"""Prefix of the variables in which Guild's process passes values to a run's, as YAML. Guild writes
down no variable that has "secret" in its name (guild/op.py, _is_secret_env)."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = {"token", "secret", "password", "passwd", "pwd", "key", "credential", "credentials"}
_SECRET_WORDS |= {"apikey", "passphrase"}
_SWITCHES = dict.fromkeys(("yes", "true", "on"), True)
_SWITCHES |= dict.fromkeys(("no", "false", "off", "none"), False)


def variables(settings: Mapping[str, Any], where: str) -> dict[str, str]:
    """The environment variable of each secret flag, by flag, from the attributes of each flag.
    Raises OptionError, in which ``where`` names the operation, for an invalid setting, and where
    two flags have the same variable."""
    found: dict[str, str] = {}  # by variable
    for name, attributes in settings.items():
        setting = attributes.get(ATTRIBUTE) if isinstance(attributes, Mapping) else None
        variable = _variable(name, setting, where)
        if variable and found.setdefault(variable, name) != name:
            raise OptionError(
                f"{where}: flags {found[variable]} and {name} have the same environment variable "
                f"{variable} - give one another, '{ATTRIBUTE}: NAME'"
            )
    return {name: variable for variable, name in found.items()}


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


def handoff(variable: str, value: Any) -> dict[str, str]:
    """What passes the value of a flag that has ``variable`` through the environment."""
    import yaml  # here, as guild-notebook does without it

    return {HANDOFF_PREFIX + variable: yaml.safe_dump(value, allow_unicode=True, width=1 << 30)}


def environment_value(name: str, variable: str, environ: Mapping[str, str]) -> Any:
    """The value that the environment has for a flag: as ``handoff`` passes it, in its ``variable``,
    or in a variable of the flag's own name. None where there is none."""
    if HANDOFF_PREFIX + variable in environ:
        import yaml

        return yaml.safe_load(environ[HANDOFF_PREFIX + variable])
    return environ.get(variable) or environ.get(name) or None


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
    others = [name for name in environ if not name.startswith(("FLAG_", HANDOFF_PREFIX))]
    return [name for name in others if names_secret(name) and name != "PWD"]


def is_switch_or_path(text: str) -> bool:
    """Whether the value of a variable named like a secret is not one: empty, a switch or a path."""
    switches = ("", "true", "false", "yes", "no", "none", "null")
    return text.strip().lower() in switches or (os.path.isabs(text) and os.path.exists(text))
