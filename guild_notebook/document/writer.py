"""The content of a notebook file, as nbformat writes it, with secret values masked.

nbformat's writer (nbformat/v4/nbjson.py) encodes the whole notebook at each save. A run saves many
times, and between two saves few cells change, so the text of each cell is kept here. The bytes are
the same as nbformat's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..secrets.masking import Masker

PART = 100_000
"""Characters after which a part of a file ends: so the memory that encoding takes beside the text
does not grow with the cell."""

_IS_SPLIT = re.compile(r"text/|(?:application/javascript|image/svg\+xml)$").match


class NotebookEncoder:
    """Encodes ``nb``, an nbformat 4 document that changes between calls of ``file_parts``. Secret
    values are masked by ``masker``."""

    def __init__(self, nb: Mapping[str, Any], masker: Masker | None = None) -> None:
        self._nb = nb
        self._masker = masker or Masker(())
        self._cells: dict[int, list[bytes]] = {}

    def file_parts(self, changed: Collection[int] | None = None) -> Iterator[bytes]:
        """The bytes of the notebook file, in parts. ``changed`` are the indexes of the cells that
        have changed since the last call, None for all: no text is kept then."""
        for index in list(self._cells) if changed is None else changed:
            self._cells.pop(index, None)
        without_cells = _for_file({**self._nb, "cells": []}, self._masker)
        yield b"{\n"
        for number, key in enumerate(sorted(self._nb)):
            yield b",\n " if number else b" "
            yield f"{json.dumps(key)}: ".encode()
            if key == "cells":
                yield from self._all_cells(is_kept=changed is not None)
            else:
                yield from _json(without_cells[key], 1)
        yield b"\n}\n"

    def _all_cells(self, is_kept: bool) -> Iterator[bytes]:
        cells = self._nb["cells"]
        for index, cell in enumerate(cells):
            yield b",\n  " if index else b"[\n  "
            parts = self._cells.get(index)
            if parts is None:
                alone = _for_file({"cells": [cell], "metadata": {}}, self._masker)
                parts = _json(alone["cells"][0], 2)
                if is_kept:
                    self._cells[index] = parts
            yield from parts
        yield b"\n ]" if cells else b"[]"


def _for_file(nb: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """A masked copy of ``nb`` as its file has it: texts as lists of lines, and without what is not
    stored (as nbformat/v4/rwbase.py, split_lines and strip_transient; nbformat is slow to import,
    and the first save is made before the kernel starts)."""
    masked = masker.data(nb)
    metadata = _without(masked["metadata"], "orig_nbformat", "orig_nbformat_minor", "signature")
    return {**masked, "metadata": metadata, "cells": list(map(_cell_for_file, masked["cells"]))}


def _cell_for_file(cell: Mapping[str, Any]) -> dict[str, Any]:
    new = {**cell, "metadata": _without(cell["metadata"], "trusted")}
    new["source"] = _lines(cell["source"])
    if "attachments" in cell:
        bundles = cell["attachments"].items()
        new["attachments"] = {name: _bundle_for_file(bundle) for name, bundle in bundles}
    if cell["cell_type"] == "code":
        new["outputs"] = [_output_for_file(output) for output in cell["outputs"]]
    return new


def _output_for_file(output: Mapping[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": _lines(output["text"])}
    if output["output_type"] in ("execute_result", "display_data"):
        return {**output, "data": _bundle_for_file(output["data"])}
    return {**output}


def _bundle_for_file(bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {mime: _lines(data) if _IS_SPLIT(mime) else data for mime, data in bundle.items()}


def _lines(text: Any) -> Any:
    return text.splitlines(True) if isinstance(text, str) else text


def _without(metadata: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key not in keys}


def _json(value: Any, depth: int) -> list[bytes]:
    """The JSON of ``value`` in UTF-8, in parts, for a value at ``depth``. Where a lone surrogate in
    it has no UTF-8, all characters that are not ASCII are escaped."""
    try:
        return list(_json_parts(value, depth, ensure_ascii=False))
    except UnicodeEncodeError:
        return list(_json_parts(value, depth, ensure_ascii=True))


def _json_parts(value: Any, depth: int, ensure_ascii: bool) -> Iterator[bytes]:
    encoder = json.JSONEncoder(indent=1, sort_keys=True, ensure_ascii=ensure_ascii)
    pieces: list[str] = []
    size = 0

    def joined() -> bytes:
        text = "".join(pieces).replace("\n", "\n" + " " * depth)  # in strings it is escaped
        return text.encode("utf-8")

    for piece in encoder.iterencode(value):
        pieces.append(piece)
        size += len(piece)
        if size > PART:
            yield joined()
            pieces, size = [], 0
    yield joined()
