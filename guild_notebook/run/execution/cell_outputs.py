"""The outputs of one cell in the executed notebook: of much text, its start and its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Union

from nbformat import from_dict

from ...document.limits import Limits, characters_of, counted, omission
from ...secrets.masking import Masker

BEFORE = 10_000
"""Characters that are kept of what is left out: by them the rest of a secret value that is cut
there is known."""


class Bundle:
    """What a display shows, which is the same in all outputs with its display ID."""

    def __init__(self, content: Mapping[str, Any], limits: Limits) -> None:
        self._limits = limits
        self.replace(content)

    def replace(self, content: Mapping[str, Any]) -> None:
        """Show ``content``, that of a message: ``data`` and ``metadata``."""
        data = content.get("data") or {}
        self.characters = sum(map(characters_of, data.values()))
        data = self._limits.kept(data)
        self.size = self._limits.overhead + counted(data)
        self.lost = max(0, self.characters - sum(map(characters_of, data.values())))
        self.data = from_dict(data)
        self.metadata = from_dict(content.get("metadata") or {})


class _TextOutput:
    """Text of a stream, in parts: joining them for each message would take quadratic time."""

    def __init__(self, name: str, overhead: int, masker: Masker) -> None:
        self.name = name
        self._masker = masker
        self.parts: deque[str] = deque()
        self.characters = 0
        self._overhead = overhead
        self._before = ""

    @property
    def size(self) -> int:
        return self._overhead + self.characters

    def append(self, text: str) -> None:
        self.parts.append(text)
        self.characters += len(text)

    def drop(self, count: int) -> None:
        """Drop ``count`` characters from the start."""
        self.characters -= count
        while count:
            first = self.parts.popleft()
            if self._masker:
                self._before = (self._before + first[:count])[-BEFORE:]
            if len(first) > count:
                self.parts.appendleft(first[count:])
            count -= min(count, len(first))

    def node(self) -> Any:
        text = "".join(self.parts)
        self.parts = deque([text])
        if self._before:
            text = self._masker.texts([self._before, text])[1]
        return from_dict({"output_type": "stream", "name": self.name, "text": text})


class _OtherOutput:
    """A result, a display or an error; ``bundle`` is what the first two show."""

    def __init__(self, node: Any, bundle: Bundle | None, limits: Limits) -> None:
        self._node = node
        self._bundle = bundle
        if bundle is None:
            lines = node.get("traceback") or []
            texts = node.get("evalue", ""), "\n".join(lines)
            self._characters = sum(map(len, texts))
            self._node["evalue"] = limits.cut(texts[0])
            if len(texts[1]) > limits.half:
                self._node["traceback"] = limits.cut(texts[1]).split("\n")
            self._size = limits.overhead + min(self._characters, limits.text)
            self._lost = self._characters - min(self._characters, limits.text)

    @property
    def size(self) -> int:
        return self._bundle.size if self._bundle else self._size

    @property
    def characters(self) -> int:
        return self._bundle.characters if self._bundle else self._characters

    @property
    def lost(self) -> int:
        """Characters that were too many for one output."""
        return self._bundle.lost if self._bundle else self._lost

    def node(self) -> Any:
        if self._bundle:
            self._node["data"], self._node["metadata"] = self._bundle.data, self._bundle.metadata
        return self._node


_Output = Union[_TextOutput, _OtherOutput]


class CellOutputs:
    """The outputs of a cell within ``limits``: half of them from the start, half from the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._half = limits.half
        self.clear()

    def clear(self) -> None:
        self._head: deque[_Output] = deque()
        self._tail: deque[_Output] = deque()
        self._head_size = self._tail_size = self._grown = 0
        self._dropped_characters = self._dropped_displays = 0

    def add_text(self, name: str, text: str) -> None:
        if not self._tail:
            left = self._half - self._head_size - self._overhead(self._head, name)
            if left > 0:
                self._head_size += self._extend(self._head, name, text[:left])
                text = text[left:]
        if text:
            self._tail_size += self._extend(self._tail, name, text)
            self._trim()

    def _overhead(self, outputs: deque[_Output], name: str) -> int:
        return 0 if _is_open(outputs, name) else self._limits.overhead

    def _extend(self, outputs: deque[_Output], name: str, text: str) -> int:
        """Add to a text; returns by how much its size has grown."""
        overhead = self._overhead(outputs, name)
        if not _is_open(outputs, name):
            outputs.append(_TextOutput(name, overhead, self._limits.masker))
        last = outputs[-1]
        assert isinstance(last, _TextOutput)
        last.append(text)
        return overhead + len(text)

    def add(self, node: Any, bundle: Bundle | None = None) -> None:
        """Add an error, or a result or display that shows the ``bundle``, by default its own."""
        if bundle is None and "data" in node:
            bundle = Bundle(node, self._limits)
        output = _OtherOutput(node, bundle, self._limits)
        if not self._tail and self._head_size + output.size <= self._half:
            self._head.append(output)
            self._head_size += output.size
        else:
            self._tail.append(output)
            self._tail_size += output.size
            self._trim()

    def has_grown(self, size: int) -> None:
        """The bundle of outputs here counts so much more. All are counted again when that may
        matter, and not each time: a display may be updated any number of times."""
        self._grown += max(0, size)
        if self._grown > self._half:
            self._recount()

    def _recount(self) -> None:
        self._grown = 0
        self._head_size = sum(output.size for output in self._head)
        while self._head and self._head_size > self._half:
            self._tail.appendleft(self._head.pop())
            self._head_size -= self._tail[0].size
        self._tail_size = sum(output.size for output in self._tail)
        self._trim()

    def _trim(self) -> None:
        # The newest output stays whatever its size: it may be a result or the error.
        while self._tail_size > self._half:
            first = self._tail[0]
            above = self._tail_size - self._half
            if isinstance(first, _TextOutput) and first.characters > above:
                first.drop(above)
                self._tail_size -= above
                self._dropped_characters += above
            elif len(self._tail) == 1:
                return
            else:
                self._tail.popleft()
                self._tail_size -= first.size
                self._dropped_characters += first.characters
                self._dropped_displays += isinstance(first, _OtherOutput)

    @property
    def left_out(self) -> tuple[int, int]:
        """The characters that are not among the outputs, and the displays that are not."""
        others = (out for out in (*self._head, *self._tail) if isinstance(out, _OtherOutput))
        return self._dropped_characters + sum(out.lost for out in others), self._dropped_displays

    def nodes(self) -> list[Any]:
        """The outputs as the notebook has them, with a text that says how much is left out."""
        self._recount()
        middle = []
        if self._dropped_characters:
            said = omission(self._dropped_characters, self._dropped_displays)
            middle = [from_dict({"output_type": "stream", "name": "stderr", "text": f"\n{said}\n"})]
        head, tail = ([out.node() for out in part] for part in (self._head, self._tail))
        if not middle and head and tail and _same_stream(head[-1], tail[0]):
            head[-1]["text"] += tail.pop(0)["text"]
        return [*head, *middle, *tail]


def _is_open(outputs: deque[_Output], name: str) -> bool:
    return bool(outputs) and isinstance(outputs[-1], _TextOutput) and outputs[-1].name == name


def _same_stream(first: Any, second: Any) -> bool:
    streams = first["output_type"] == second["output_type"] == "stream"
    return streams and bool(first["name"] == second["name"])
