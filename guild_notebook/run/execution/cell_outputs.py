"""The outputs of one cell in the executed notebook: of much text, its start and its end."""

from __future__ import annotations

from collections import deque
from typing import Any

from nbformat import from_dict

PAGES = ("text/html", "text/markdown", "text/latex", "application/json", "application/javascript")
"""MIME types whose text is not shown in the run's output."""

PAGES_SHARE = 1 / 50
"""The share of their characters that counts: megabytes of HTML may be the library that draws the
next figure. Images do not count."""

OVERHEAD = 200
"""Characters of a notebook file that any output but text takes beside its data."""


class _TextOutput:
    """Text of a stream, in parts: joining them for each message would take quadratic time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: deque[str] = deque()
        self.size = 0

    def append(self, text: str) -> None:
        self.parts.append(text)
        self.size += len(text)

    def drop(self, count: int) -> int:
        """Drop up to ``count`` characters from the start; returns how many."""
        left = count
        while self.parts and left:
            first = self.parts.popleft()
            if len(first) > left:
                self.parts.appendleft(first[left:])
            left -= min(left, len(first))
        self.size -= count - left
        return count - left

    def node(self) -> Any:
        text = "".join(self.parts)
        self.parts = deque([text])
        return from_dict({"output_type": "stream", "name": self.name, "text": text})


class _OtherOutput:
    """A result, a display or an error."""

    def __init__(self, node: Any) -> None:
        self.output = node
        self.size = _size(node)

    def drop(self, _count: int) -> int:
        dropped, self.size = self.size, 0
        return dropped

    def node(self) -> Any:
        return self.output


def _size(node: Any) -> int:
    data = node.get("data") or {}
    pages = sum(len(str(data[mime])) for mime in PAGES if mime in data)
    return OVERHEAD + len(str(data.get("text/plain", ""))) + int(pages * PAGES_SHARE)


class CellOutputs:
    """The outputs of a cell, with up to ``limit`` characters of text: half of them from the start,
    half from the end."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self.clear()

    def clear(self) -> None:
        self._head: deque[_TextOutput | _OtherOutput] = deque()
        self._tail: deque[_TextOutput | _OtherOutput] = deque()
        self._head_size = self._tail_size = self._dropped = 0

    def add_text(self, name: str, text: str) -> None:
        left = self._half - self._head_size
        if left > 0 and not self._tail:
            _extend(self._head, name, text[:left])
            self._head_size += min(left, len(text))
            text = text[left:]
        if text:
            _extend(self._tail, name, text)
            self._tail_size += len(text)
            self._trim()

    def add(self, node: Any) -> None:
        """Add a result, a display or an error."""
        output = _OtherOutput(node)
        if not self._tail and self._head_size + output.size <= self._half:
            self._head.append(output)
            self._head_size += output.size
        else:
            self._tail.append(output)
            self._tail_size += output.size
            self._trim()

    def _trim(self) -> None:
        # The newest output stays whatever its size: it may be a result or the error.
        while self._tail_size > self._half:
            first = self._tail[0]
            if len(self._tail) == 1 and isinstance(first, _OtherOutput):
                return
            dropped = first.drop(self._tail_size - self._half)
            self._tail_size -= dropped
            self._dropped += dropped
            if not first.size:
                self._tail.popleft()

    def nodes(self) -> list[Any]:
        """The outputs as the notebook has them, with a text that says how much is left out."""
        middle = []
        if self._dropped:
            omission = (
                f"\n[{self._dropped:,} characters of output are left out here "
                "(nb-output-limit): its text is in .guild/output]\n"
            )
            middle = [from_dict({"output_type": "stream", "name": "stderr", "text": omission})]
        head, tail = ([out.node() for out in part] for part in (self._head, self._tail))
        if not middle and head and tail and _same_stream(head[-1], tail[0]):
            head[-1]["text"] += tail.pop(0)["text"]
        return [*head, *middle, *tail]


def _extend(outputs: deque[_TextOutput | _OtherOutput], name: str, text: str) -> None:
    last = outputs[-1] if outputs else None
    if not isinstance(last, _TextOutput) or last.name != name:
        last = _TextOutput(name)
        outputs.append(last)
    last.append(text)


def _same_stream(first: Any, second: Any) -> bool:
    streams = first["output_type"] == second["output_type"] == "stream"
    return streams and bool(first["name"] == second["name"])
