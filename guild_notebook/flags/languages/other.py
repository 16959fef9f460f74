"""A language that this package knows nothing of."""

from __future__ import annotations

import json
from typing import Any

from .language import Language
from .values import NotLiteralError, ordered

KERNELS = {"swift": "swift"}
"""Kernels whose notebooks may not name their language, and the language."""


class OtherLanguage(Language):
    """Reads and writes literals as JSON, which most languages share."""

    def read(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise NotLiteralError from None

    def write(self, value: Any, like: str) -> str:
        if isinstance(value, (tuple, set, frozenset)):
            value = ordered(value)
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("this package knows no literal for it") from None
