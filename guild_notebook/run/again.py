"""The command that runs a run again, as it can be pasted into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..flags.guild_values import is_search_space
from .record.run_files import RunFiles

LONGEST = 1_000  # characters of a command; of a longer one nobody sees what it says
_WORD = re.compile(r"[^\W\d][\w./@+-]*")
_NOT_TEXT = re.compile(
    r"(?:yes|no|on|off|true|false|null|nan|inf|infinity)\Z", re.IGNORECASE
)  # to YAML (guild/yaml_util.py), or to float


def operation(run: RunFiles) -> tuple[str, str]:
    """What the operation of a run is called, and what Guild is given to run it, from the words of
    its ``opref`` (guild/opref.py); "" for both where there is none."""
    try:
        text = run.read(".guild/opref").decode("utf-8", "replace")
        package, _version, model, name = shlex.split(text)
        package.index(":")
    except (OSError, ValueError):
        return "", ""
    kind, _, package_name = package.partition(":")
    full = f"{model}:{name}" if model else name
    return full, f"{package_name}/{full}" if kind == "package" and package_name else full


def command(opspec: str, values: Mapping[str, Any], options: Iterable[str]) -> str:
    """The command that runs ``opspec`` with flag ``values`` and ``options`` (``nb-kernel=other``);
    "" where a value cannot be typed so that it comes out the same, or the command is too long."""
    words = ["guild", "run", opspec]
    for name, value in values.items():
        text = typed(value)
        if text is None or "=" in name:
            return ""
        words.append(f"{name}={text}")
    line = shlex.join([*words, *options])
    return line if opspec and len(line) <= LONGEST else ""


def typed(value: Any) -> str | None:
    """What is typed for a value, None where that would be read as another: a list is trials."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "null"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str) and _WORD.fullmatch(value) and not _NOT_TEXT.match(value):
        return value
    if not isinstance(value, (str, dict)) or is_search_space(value):
        return None
    import yaml
    from guild import flag_util  # slow, and for such values only

    candidates = [value] if isinstance(value, str) else []
    style = '"' if isinstance(value, str) else None
    for has_all_characters in (True, False):
        quoted = yaml.safe_dump(
            value,
            default_style=style,
            default_flow_style=True,
            allow_unicode=has_all_characters,
            width=1 << 30,
        )
        candidates.append(quoted.strip())
    for text in candidates:
        # Without a type, as Guild reads text of flags of a type that it cannot be of.
        if text.isprintable() and flag_util.decode_flag_val(text) == value:
            return text
    return None
