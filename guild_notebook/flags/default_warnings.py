"""Warnings of defaults that a run should not use as they are: blanks to fill in, and secrets."""

from __future__ import annotations

import re

from ..secrets.settings import names_secret
from .model import Flag

_FILL_IN = re.compile(
    r"""
      \[ [^\W\d] [^\[\],\n]* [-_ ] [^\[\],\n]* \]      # [your-project]
    | <  [^\W\d] [^<>=/\n]*  [-_ ] [^<>=/\n]*  >       # <your key>
    | [\[<{(]* (?:your|YOUR|Your) [-_] .*              # YOUR_API_KEY
    | .* (?:^|[^A-Za-z]) (?:your[-_][a-z]|YOUR[-_][A-Z]) .*   # gs://your-bucket
    | [\[<{]+ (?i:your) \b .* [\]>}]+                  # {your name}
    | (?i:change|replace|fill)[-_ ]?(?i:me|this)       # CHANGE_ME
    | (?i:insert|enter|put|paste|fill\ in)\b .* \b(?i:here)\W*  # insert your key here
    """,
    re.VERBOSE,
)


def warnings_of(flag: Flag) -> list[str]:
    """What is wrong with the default of ``flag``, a line for each."""
    found = [fill_in_warning(flag)] if is_fill_in(flag) else []
    if has_secret_default(flag) if flag.secret else is_named_like_secret(flag):
        found.append(secret_warning(flag))
    return found


def is_fill_in(flag: Flag) -> bool:
    """Whether the default is a blank for a person to fill in, like ``"[your-project]"``."""
    text = flag.default
    return isinstance(text, str) and len(text) < 200 and bool(_FILL_IN.fullmatch(text.strip()))


def is_named_like_secret(flag: Flag) -> bool:
    """Whether the flag's name says that its value is a secret (``api_key``), or that it sets a
    variable of the environment, and its type does not say otherwise."""
    if flag.type not in ("string", "raw", None) or flag.choices:
        return False
    return flag.name.startswith("os.environ[") or names_secret(flag.name)


def has_secret_default(flag: Flag) -> bool:
    """Whether the notebook itself holds the value of a secret flag."""
    return flag.default not in ("", None) and not is_fill_in(flag)


def fill_in_warning(flag: Flag) -> str:
    """The line that asks for a value."""
    return f"flag {flag.label}: {flag.default} is to be filled in - set {flag.name}=VALUE"


def secret_warning(flag: Flag) -> str:
    """The line about where the value of a secret is kept."""
    if flag.secret:
        return (
            f"flag {flag.label}: its secret value stands in the notebook, which every run copies "
            f"- take it out, and give it as {flag.name}=VALUE or as {flag.secret} in the "
            "environment"
        )
    return (
        f"flag {flag.label} looks like a secret: its value is kept in the run and its notebook - "
        "say 'nb-secret: yes' for this flag in guild.yml"
    )
