"""The content of a notebook file, as nbformat writes it, with secret values masked.

nbformat's writer (nbformat/v4/nbjson.py) copies the whole notebook at each save and uses Python's
slow JSON encoder. A run saves many times, and between two saves few cells change. So the text of
each cell is kept, and long strings and lists of lines are encoded by the fast encoder. The bytes
are the same as nbformat's.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..secrets.masking import Masker

_SPLIT = frozenset(("application/javascript", "image/svg+xml"))
"""MIME types beside text/* whose text is written as a list of lines (nbformat/v4/rwbase.py)."""

_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")
"""Metadata that is not written (nbformat/v4/rwbase.py, strip_transient)."""


class NotebookEncoder:
    """Encodes ``nb``, an nbformat 4 document that changes between calls of ``file_parts``. Secret
    values in sources and metadata are masked by ``masker``; outputs are masked already."""

    def __init__(self, nb: Mapping[str, Any], masker: Masker | None = None) -> None:
        self._nb = nb
        self._masker = masker or Masker(())
        self._cells: dict[int, bytes] = {}

    def file_parts(self, changed: Collection[int] | None = None) -> Iterator[bytes]:
        """The bytes of the notebook file, in parts. ``changed`` are the indexes of the cells that
        have changed since the last call, None for all."""
        for index in list(self._cells) if changed is None else changed:
            self._cells.pop(index, None)
        yield b"{\n"
        for number, key in enumerate(sorted(self._nb)):
            yield b",\n " if number else b" "
            yield f"{json.dumps(key)}: ".encode()
            if key == "cells":
                yield from self._all_cells()
            elif key == "metadata":
                metadata = _masked_metadata(self._nb[key], self._masker)
                yield _bytes(_without(metadata, _TRANSIENT), 1)
            else:
                yield _bytes(self._nb[key], 1)
        yield b"\n}\n"

    def _all_cells(self) -> Iterator[bytes]:
        cells = self._nb["cells"]
        for index, cell in enumerate(cells):
            yield b",\n  " if index else b"[\n  "
            if index not in self._cells:
                self._cells[index] = _bytes(_for_file(_masked_cell(cell, self._masker)), 2)
            yield self._cells[index]
        yield b"\n ]" if cells else b"[]"


def masked_notebook(nb: Any, masker: Masker) -> Any:
    """``nb`` with the secret values in its sources and metadata masked: a copy as far as they
    differ, else ``nb`` itself. Its outputs are masked when they are received."""
    if not masker:
        return nb
    masked = copy.copy(nb)
    masked["cells"] = [_masked_cell(cell, masker) for cell in nb["cells"]]
    masked["metadata"] = _masked_metadata(nb["metadata"], masker)
    return masked


def _masked_cell(cell: Any, masker: Masker) -> Any:
    if not masker:
        return cell
    source, metadata = masker.data(cell["source"]), _masked_metadata(cell["metadata"], masker)
    if source == cell["source"] and metadata is cell["metadata"]:
        return cell
    masked = copy.copy(cell)
    masked["source"], masked["metadata"] = source, metadata
    return masked


def _masked_metadata(metadata: Any, masker: Masker) -> Any:
    masked = masker.data(metadata) if masker else metadata
    return metadata if masked == metadata else type(metadata)(masked)


def _for_file(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The cell as the file has it: texts as lists of lines (nbformat/v4/rwbase.py, split_lines),
    and no ``trusted``."""
    made = dict(cell)
    if isinstance(made.get("source"), str):
        made["source"] = made["source"].splitlines(True)
    made["metadata"] = _without(made.get("metadata", {}), ("trusted",))
    if "attachments" in made:
        made["attachments"] = {k: _bundle(v) for k, v in made["attachments"].items()}
    if made["cell_type"] == "code":
        made["outputs"] = [_output(output) for output in made["outputs"]]
    return made


def _output(output: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(output)
    if made["output_type"] in ("execute_result", "display_data") and "data" in made:
        made["data"] = _bundle(made["data"])
    elif made["output_type"] == "stream" and isinstance(made["text"], str):
        made["text"] = made["text"].splitlines(True)
    return made


def _bundle(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        mime: value.splitlines(True)
        if isinstance(value, str) and (mime.startswith("text/") or mime in _SPLIT)
        else value
        for mime, value in data.items()
    }


def _without(value: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in names}


def _bytes(value: Any, depth: int) -> bytes:
    """The JSON of ``value`` in UTF-8. Where a lone surrogate in it has no UTF-8, all characters
    that are not ASCII are escaped."""
    try:
        return _text(value, depth, False).encode("utf-8")
    except UnicodeEncodeError:
        return _text(value, depth, True).encode("ascii")


def _text(value: Any, depth: int, ascii_only: bool) -> str:
    """``json.dumps(value, indent=1, sort_keys=True)`` for a value at ``depth``."""
    outer, inner = "\n" + " " * depth, "\n" + " " * (depth + 1)
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        quote = _flat(0, ascii_only).encode
        items = (
            f"{quote(key)}: {_text(value[key], depth + 1, ascii_only)}" for key in sorted(value)
        )
        return f"{{{inner}{f',{inner}'.join(items)}{outer}}}"
    if isinstance(value, list) and value:
        if set(map(type, value)) == {str}:
            return f"[{inner}{_flat(depth + 1, ascii_only).encode(value)[1:-1]}{outer}]"
        parts = (_text(item, depth + 1, ascii_only) for item in value)
        return f"[{inner}{f',{inner}'.join(parts)}{outer}]"
    if isinstance(value, (dict, list, tuple)):
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=ascii_only)
        return text.replace("\n", outer)  # in strings it is escaped
    return _flat(0, ascii_only).encode(value)


@functools.lru_cache(None)
def _flat(depth: int, ascii_only: bool) -> json.JSONEncoder:
    """An encoder for strings, numbers and constants, and for lists of these whose items stand at
    ``depth``. Without ``indent`` json uses its encoder in C."""
    separators = (",\n" + " " * depth, ": ")
    return json.JSONEncoder(ensure_ascii=ascii_only, separators=separators)
