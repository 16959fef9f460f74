"""The help of Guild's commands."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any


def split_by_keyword(click_util: Any) -> None:
    """Pass ``maxsplit`` to ``re.split`` by its name.

    guild/click_util.py:308 passes ``re.DOTALL``, meant for the flags, in its place: a
    DeprecationWarning for each command from Python 3.13 on, and to become an error. Needless when
    the line names what it passes.
    """

    def split(pattern: str, text: str, maxsplit: int = 0) -> list[Any]:
        return re.split(pattern, text, maxsplit=maxsplit)

    click_util.re = SimpleNamespace(**{**vars(re), "split": split})
