"""Images that cells show, as files named after notebook, cell and position."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from typing import Any

from ...document.mime import IMAGE_ENDINGS, text_of
from ...files import free_path, numbered_paths, write_whole


class Images:
    """Saves images beside the notebook at ``notebook_path``: of ``train.ipynb`` the first image of
    the third cell that ran as ``train_3_0.png`` (as Guild's own feature did), or as
    ``train_3_0.2.png`` where a file of that name is a dependency or written by a cell.
    ``register`` is called with each path before it is written."""

    def __init__(self, run_dir: str, notebook_path: str, register: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._base = os.path.splitext(notebook_path)[0]
        self._register = register
        self._written: set[str] = set()

    def name(self, path: str) -> str:
        return os.path.relpath(path, self._run_dir)

    def save(self, data: Mapping[str, Any], number: int, position: int) -> list[str]:
        """Save the images of a MIME bundle, one for each format it has; returns their paths.

        Raises OSError where a file cannot be written. Data that is not an image is left out.
        """
        saved = []
        for mime, ending in IMAGE_ENDINGS.items():
            content = _content(mime, data[mime]) if mime in data else None
            if content:
                base = f"{self._base}_{number}_{position}"
                path = free_path(numbered_paths(base, f".{ending}"), self._written)
                self._written.add(path)
                self._register(path)
                write_whole(path, content)
                saved.append(path)
        return saved


def _content(mime: str, value: Any) -> bytes | None:
    text = text_of(value)
    if mime == "image/svg+xml":
        return text.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None
