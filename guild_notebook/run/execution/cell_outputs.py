"""The outputs of one cell in the executed notebook: of much text, its start and its end."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from nbformat import from_dict

from ...document.bars import OpenText
from ...document.limits import Limits, characters_of, counted, omission
from ...secrets.masking import Masker

BEFORE = 10_000
"""Characters that are kept of what is left out: by them the rest of a secret value that is cut
there is known."""


class Bundle:
    """What a display shows, which is the same in all outputs with its display ID: ``parts`` are the
    entries of the output's node. Of its ``characters`` so many are ``lost``, which are too many for
    one output; ``size`` is what it counts of a cell."""

    def __init__(self, content: Mapping[str, Any], limits: Limits) -> None:
        self._limits = limits
        self.replace(content)

    def replace(self, content: Mapping[str, Any]) -> None:
        """Show ``content``, that of a message: ``data`` and ``metadata``."""
        data = content.get("data") or {}
        metadata = content.get("metadata") or {}
        described = characters_of(metadata) if metadata else 0
        self.characters = sum(map(characters_of, data.values())) + described
        data = self._limits.kept(data)
        if described > self._limits.largest:
            metadata, described = {}, 0
        self.size = self._limits.overhead + counted(data, described)
        kept = sum(map(characters_of, data.values())) + described
        self.lost = max(0, self.characters - kept)
        self.parts = from_dict({"data": data, "metadata": metadata})


class _Error(Bundle):
    def replace(self, content: Mapping[str, Any]) -> None:
        name, value = content.get("ename", ""), content.get("evalue", "")
        lines = content.get("traceback") or []
        text = "\n".join(lines)
        self.characters = len(name) + len(value) + len(text)
        self.size = self._limits.overhead + min(self.characters, self._limits.text)
        self.lost = max(0, self.characters - self._limits.text)
        cut = self._limits.cut
        lines = cut(text).split("\n") if len(text) > self._limits.half else lines
        self.parts = {"ename": cut(name), "evalue": cut(value), "traceback": lines}


class _TextOutput:
    """Text of a stream, in parts: joining them for each message would take quadratic time."""

    lost = 0

    def __init__(self, name: str, overhead: int, masker: Masker) -> None:
        self.name = name
        self._masker = masker
        self.parts: deque[str] = deque()
        self.characters = 0
        self._overhead = overhead
        self._before = ""

    @property
    def shown(self) -> _TextOutput:
        return self

    @property
    def size(self) -> int:
        return self._overhead + self.characters

    def __copy__(self) -> _TextOutput:
        made = _TextOutput(self.name, self._overhead, self._masker)
        made.parts, made.characters, made._before = self.parts.copy(), self.characters, self._before
        return made

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


@dataclass
class _OtherOutput:
    """A result, a display or an error."""

    _node: Any
    shown: Bundle

    def node(self) -> Any:
        self._node.update(self.shown.parts)
        return self._node


_Output = Union[_TextOutput, _OtherOutput]


class CellOutputs:
    """The outputs of a cell within ``limits``: half of them from the start, half from the end.

    Of its streams the states of progress bars that the program has overwritten are not among them
    (``document/bars.py``). A bar that goes on while the cell puts out something else stands after
    that.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._half = limits.half
        self.clear()

    def clear(self) -> None:
        self._head: deque[_Output] = deque()
        self._tail: deque[_Output] = deque()
        self._head_size = self._tail_size = self._grown = 0
        self._open: dict[str, OpenText] = {}  # by the stream's name, the last one last
        self._last = ""
        self._dropped_characters = self._dropped_displays = 0

    def add_text(self, name: str, text: str) -> None:
        if name != self._last:
            self._settle(but=name)
            last = self._open.pop(name, None)
            self._open[name] = OpenText(self._half // 4) if last is None else last
            self._last = name
        if settled := self._open[name].feed(text):
            self._add_settled(name, settled)

    def _settle(self, but: str = "") -> None:
        """Something else follows: only bars that may go on wait longer."""
        for name, text in self._open.items():
            if name != but and (settled := text.end(keep_open=True)):
                self._add_settled(name, settled)

    def _add_settled(self, name: str, text: str) -> None:
        if not self._tail:
            overhead = 0 if _open_text(self._head, name) else self._limits.overhead
            left = self._half - self._head_size - overhead
            if left > 0:
                self._head_size += self._extend(self._head, name, text[:left])
                text = text[left:]
        if text:
            self._tail_size += self._extend(self._tail, name, text)
            self._trim()

    def _extend(self, outputs: deque[_Output], name: str, text: str) -> int:
        """Add to a text; returns by how much its size has grown."""
        last, overhead = _open_text(outputs, name), 0
        if last is None:
            overhead = self._limits.overhead
            last = _TextOutput(name, overhead, self._limits.masker)
            outputs.append(last)
        last.append(text)
        return overhead + len(text)

    def add(self, node: Any, bundle: Bundle | None = None) -> None:
        """Add an error, or a result or display that shows the ``bundle``, by default its own."""
        self._settle()
        self._last = ""
        output = _OtherOutput(
            node, bundle or (Bundle if "data" in node else _Error)(node, self._limits)
        )
        output.node()  # it keeps nothing of what is cut
        if not self._tail and self._head_size + output.shown.size <= self._half:
            self._head.append(output)
            self._head_size += output.shown.size
        else:
            self._tail.append(output)
            self._tail_size += output.shown.size
            self._trim()

    def has_grown(self, size: int) -> None:
        """The bundle of outputs here counts so much more. All are counted again when that may
        matter, and not each time: a display may be updated any number of times."""
        self._grown += max(0, size)
        if self._grown > self._half:
            self._recount()

    def _recount(self) -> None:
        self._grown = 0
        self._head_size = sum(output.shown.size for output in self._head)
        while self._head and self._head_size > self._half:
            self._tail.appendleft(self._head.pop())
            self._head_size -= self._tail[0].shown.size
        self._tail_size = sum(output.shown.size for output in self._tail)
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
                self._tail_size -= first.shown.size
                self._dropped_characters += first.shown.characters
                self._dropped_displays += isinstance(first, _OtherOutput)

    @property
    def left_out(self) -> tuple[int, int]:
        """The characters that are not among the outputs, and the displays that are not."""
        made = self._whole()
        lost = sum(out.shown.lost for out in (*made._head, *made._tail))
        return made._dropped_characters + lost, made._dropped_displays

    def nodes(self) -> list[Any]:
        """The outputs as the notebook has them, with a text that says how much is left out."""
        return self._whole()._nodes()

    def _whole(self) -> CellOutputs:
        """These with the texts that may go on, as they are now."""
        waiting = {name: text.text for name, text in self._open.items()}
        if not any(waiting.values()):
            return self
        made = copy.copy(self)
        made._head, made._tail = (deque(map(copy.copy, part)) for part in (self._head, self._tail))
        for name, text in waiting.items():
            if text:
                made._add_settled(name, text)
        return made

    def _nodes(self) -> list[Any]:
        self._recount()
        middle = []
        if self._dropped_characters:
            said = omission(self._dropped_characters, self._dropped_displays)
            middle = [from_dict({"output_type": "stream", "name": "stderr", "text": f"\n{said}\n"})]
        head, tail = ([out.node() for out in part] for part in (self._head, self._tail))
        stream = {"output_type": "stream", "name": tail[0].get("name")} if tail else {}
        if not middle and head and tail and stream.items() <= head[-1].items():
            head[-1]["text"] += tail.pop(0)["text"]
        return [*head, *middle, *tail]


def _open_text(outputs: deque[_Output], name: str) -> _TextOutput | None:
    last = outputs[-1] if outputs else None
    return last if isinstance(last, _TextOutput) and last.name == name else None
