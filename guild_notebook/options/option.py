"""An option of operations, without the values that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREFIX = "nb-"


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
