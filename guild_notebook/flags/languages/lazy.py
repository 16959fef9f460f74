"""Regular expressions that are compiled when they are used: a notebook has one language, and those
of the others take as long to compile as its flags to find."""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """Has the methods of a compiled pattern."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, found)
        return found


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern as ``re.compile`` makes it; that of a match is equal to it by ``pattern``."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
