"""An option of operations, without the value that it has in one, and what reads such values, of
YAML and of the command line, but for those of ``nb-report`` and ``nb-scalars``. The readers raise
ValueError with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import shown

PREFIX = "nb-"

NOT_IN_ARGUMENTS = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Option:
    """One row: ``name`` without ``nb-`` or ``--``; ``read`` turns a value of YAML or text of the
    command line into what the run uses and raises ValueError with what is allowed."""

    name: str
    takes: str
    default: Any
    help: str
    read: Callable[[Any], Any]

    @property
    def attribute(self) -> str:
        return PREFIX + self.name

    @property
    def choices(self) -> list[str]:
        """The words that it takes, if it takes words."""
        words = self.takes.split("|") if "|" in self.takes else []
        return [word for word in words if not word.endswith(",…")]

    @property
    def is_list(self) -> bool:
        return self.takes.endswith(",…")


def name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or NOT_IN_ARGUMENTS.search(value):
        raise ValueError("takes a name")
    return value.strip()


def cell(value: Any) -> str:
    return name(shown(value) if type(value) is int else value)


def seconds(value: Any) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not number > 0:
        raise ValueError("takes a number of seconds above 0")
    return number


def seconds_of_a_year(value: Any) -> float:
    number = seconds(value)
    if number > 366 * 24 * 3600:
        raise ValueError("takes a number of seconds, at most those of a year")
    return number


def characters(value: Any) -> int:
    """A number of characters, which may have a unit: ``500 KB``, ``1MB``."""
    number = _with_unit(value, 1_000)
    if number < 1:
        raise ValueError("takes a size above 0, like 500 KB or 1 MB")
    return number


def count(value: Any) -> int:
    text = "" if isinstance(value, bool) else shown(value).strip()
    if not re.fullmatch("[1-9][0-9]{0,3}", text):
        raise ValueError("takes a whole number from 1 to 9999")
    return int(text)


def memory(value: Any) -> int:
    """A size of memory: ``4 GB``, with 1,024 MB to the GB."""
    number = _with_unit(value, 1_024)
    if number < LEAST_MEMORY:
        raise ValueError("takes a size, like 500 MB or 4 GB")
    return number


LEAST_MEMORY = 1_000_000  # bytes: less is a number of a unit that was forgotten


def _with_unit(value: Any, step: int) -> int:
    """A number with one of the units, each of which is ``step`` times the one before; 0 for what
    is none."""
    text = shown(value).strip()
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not match or isinstance(value, bool):
        return 0
    return int(float(match[1]) * step ** " KMGT".index(match[2].upper() or " "))


def yes_or_no(value: Any) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return words[shown(value).strip().lower()]
    except KeyError:
        raise ValueError("takes yes or no") from None


def names(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, str):
        parts = [part for part in value.split(",") if part.strip()]
    try:
        found = [name(shown(part) if type(part) in (int, float) else part) for part in parts]
    except ValueError:
        found = []
    if not found:
        raise ValueError("takes a name or a list of names")
    return tuple(found)


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, bool):  # as YAML reads a bare `no`
            value = "yes" if value else "no"
        if "none" in words and value in ("no", "off"):
            value = "none"
        if value not in words:
            raise ValueError(f"takes {', '.join(words[:-1])} or {words[-1]}")
        return str(value)

    return read
