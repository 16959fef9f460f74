"""A notebook as the text that Jupyter writes for it, cell by cell.

nbformat's writer (nbformat/v4/nbjson.py) copies the whole notebook and uses Python's slow encoder
at each save. A run saves many times, and between two saves few cells change: each cell's text is
kept, and what is long in it (texts, lists of lines, images) is encoded by the fast one. The
result is the same to the byte.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..secrets.masking import Masker
from . import masked

_SPLIT = frozenset(("application/javascript", "image/svg+xml"))
"""MIME types beside text/* whose text is written as a list of lines (nbformat/v4/rwbase.py)."""

_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")


class Encoder:
    """Encodes one notebook, an nbformat 4 document that others change meanwhile; of secret values
    in its sources and metadata ``masker`` leaves nothing."""

    def __init__(self, nb: Mapping[str, Any], masker: Masker | None = None) -> None:
        self._nb = nb
        self._masker = masker or Masker(())
        self._cells: dict[int, bytes] = {}

    def content(self, changed: Collection[int] | None = None) -> Iterator[bytes]:
        """The parts of the file in order; ``changed`` are the indexes of the cells that have
        changed since the last time, None for all."""
        for index in list(self._cells) if changed is None else changed:
            self._cells.pop(index, None)
        yield b"{\n"
        for number, key in enumerate(sorted(self._nb)):
            yield b",\n " if number else b" "
            yield f"{json.dumps(key)}: ".encode()
            if key == "cells":
                yield from self._all_cells()
            else:
                value = self._nb[key]
                value = masked.metadata(value, self._masker) if key == "metadata" else value
                yield _bytes(_without(value, _TRANSIENT) if key == "metadata" else value, 1)
        yield b"\n}\n"

    def _all_cells(self) -> Iterator[bytes]:
        cells = self._nb["cells"]
        for index, cell in enumerate(cells):
            yield b",\n  " if index else b"[\n  "
            if index not in self._cells:
                self._cells[index] = _bytes(_for_file(masked.cell(cell, self._masker)), 2)
            yield self._cells[index]
        yield b"\n ]" if cells else b"[]"


def _for_file(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A cell with its long texts as lists of lines, and without what is not stored."""
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
    """``value`` in UTF-8; a lone surrogate has none, so there all that is not ASCII is escaped."""
    try:
        return _text(value, depth, False).encode("utf-8")
    except UnicodeEncodeError:
        return _text(value, depth, True).encode("ascii")


def _text(value: Any, depth: int, ascii_only: bool) -> str:
    """As ``json.dumps(value, indent=1, sort_keys=True)``, ``depth`` levels deep."""
    outer, inner = "\n" + " " * depth, "\n" + " " * (depth + 1)
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        quote = _flat(0, ascii_only).encode
        items = (
            f"{quote(key)}: {_text(value[key], depth + 1, ascii_only)}" for key in sorted(value)
        )
        return f"{{{inner}{f',{inner}'.join(items)}{outer}}}"
    if isinstance(value, list) and value:
        if _are_texts(value):
            return f"[{inner}{_flat(depth + 1, ascii_only).encode(value)[1:-1]}{outer}]"
        parts = (_text(item, depth + 1, ascii_only) for item in value)
        return f"[{inner}{f',{inner}'.join(parts)}{outer}]"
    if isinstance(value, (dict, list, tuple)):
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=ascii_only)
        return text.replace("\n", outer)  # which no string in it holds unescaped
    return _flat(0, ascii_only).encode(value)


def _are_texts(values: Sequence[Any]) -> bool:
    return set(map(type, values)) == {str}


@functools.lru_cache(None)
def _flat(depth: int, ascii_only: bool) -> json.JSONEncoder:
    """An encoder without indent, which is the fast one, for values without structure, and lists
    of them at ``depth``."""
    separators = (",\n" + " " * depth, ": ")
    return json.JSONEncoder(ensure_ascii=ascii_only, separators=separators)
