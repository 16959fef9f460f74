"""MIME bundles of outputs: their text and their images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/gif": "gif",
}


def text_of(value: Any) -> str:
    """The text of an entry of a MIME bundle: a string, or a list of its lines."""
    return "".join(str(line) for line in value) if isinstance(value, list) else str(value)


def has_image(data: Mapping[str, Any]) -> bool:
    return any(mime in data for mime in ENDINGS)
