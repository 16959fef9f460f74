"""Where the lines of a notebook's cells stand in its file, which is JSON."""

from __future__ import annotations

import json
import json.scanner
from bisect import bisect_left
from typing import Any

from ..flags.languages.scanner import NEWLINE


class _Text(str):
    """A text of the file; ``start`` is the offset of its first character there."""

    __slots__ = ("start",)
    start: int


def lines(path: str) -> dict[tuple[int, int], int]:
    """The line of the file, from 1, of each line of each cell: by the index of the cell among all
    and its line, from 1. Empty for a file that is not a notebook of nbformat 4 as JSON."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        cells = _decoder().decode(text)["cells"]
        ends = [match.start() for match in NEWLINE.finditer(text)]
        found: dict[tuple[int, int], int] = {}
        for index, cell in enumerate(cells):
            source = cell.get("source") or []
            line = 1
            for part in source if isinstance(source, list) else [source]:
                number = len(NEWLINE.findall(part))
                has_end = part.endswith(("\n", "\r"))  # the next part has the line behind it
                for each in range(line, line + number + (not has_end)):
                    found.setdefault((index, each), bisect_left(ends, part.start) + 1)
                line += number
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _decoder() -> json.JSONDecoder:
    decoder: Any = json.JSONDecoder()
    read_text = decoder.parse_string

    def text_at(text: str, start: int, strict: bool) -> tuple[_Text, int]:
        value, end = read_text(text, start, strict)
        found = _Text(value)
        found.start = start
        return found, end

    decoder.parse_string = text_at
    decoder.scan_once = json.scanner.py_make_scanner(decoder)  # type: ignore[attr-defined]
    return decoder  # type: ignore[no-any-return]
