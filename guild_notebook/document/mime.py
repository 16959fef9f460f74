"""MIME bundles: the ``data`` of outputs and attachments, contents by MIME type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

IMAGE_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "image/gif": "gif",
}
"""Images that are saved as files, by MIME type."""

_JSON = re.compile(r"application/(.*\+)?json")


def text_of(content: Any) -> str:
    """The text of an entry of a bundle, which is a string or a list of its lines."""
    return "".join(map(str, content)) if isinstance(content, list) else str(content)


def json_of(content: Any) -> Any:
    """The value of an entry of JSON, which some keep as text; None where that cannot be read."""
    if not isinstance(content, (str, list)):
        return content
    try:
        return json.loads(text_of(content))
    except (ValueError, RecursionError):
        return None


def has_image(data: Mapping[str, Any]) -> bool:
    return any(mime in data for mime in IMAGE_ENDINGS)


def valid_bundle(value: Any) -> dict[str, Any] | None:
    """The entries of a bundle that nbformat's schema allows (text, lists of lines, and anything
    for JSON types); None where ``value`` is not a mapping."""
    if not isinstance(value, dict):
        return None
    return {mime: data for mime, data in value.items() if _JSON.fullmatch(mime) or _is_text(data)}


def _is_text(content: Any) -> bool:  # ``multiline_string`` in the schema
    lines = content if isinstance(content, list) else [content]
    return all(isinstance(line, str) for line in lines)
