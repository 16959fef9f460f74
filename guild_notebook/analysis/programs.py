"""What a line of a shell starts."""

from __future__ import annotations

import re

_ONLY_SHOWS = re.compile(
    r"\s*(?:(?:sudo|time)\s+)*(?:(?:pip3?|conda|mamba|nvidia-smi|ls|pwd|cat|head|tail|wc|du|df|free"
    r"|lscpu|nproc|uname|hostname|which|whoami|date|echo|grep|apt|apt-get|file|tree|find)"
    r"|(?:\S*python[\d.]*\s+)?(?:--version|-V|-m\s+pip))(?=\s|\Z)(?!.*(?:-exec|-delete)\b)[^>`]*"
)
"""A command that installs packages or shows something, and writes no file where it is started."""

_SILENCED = re.compile(r"[12&]?>[ ]?(?:/dev/null|&[12])(?=\s|\Z)")
_COMMANDS = re.compile(r"&&|[;&|\n]")
_FIRST = re.compile(r"(?:\w+=\S*\s+)*([^\s;&|]+)")


def program(line: str) -> str:
    """The program that a line of a shell starts, "" where all that it starts only shows
    something."""
    if "$(" in line or "`" in line:
        return "a shell"
    others = (part for part in _COMMANDS.split(_SILENCED.sub(" ", line)) if part.strip())
    other = next((part for part in others if not _ONLY_SHOWS.fullmatch(part)), "")
    named = _FIRST.match(other.strip())
    return named[1] if named else ""
