"""Masking secret values in a kernel's messages and in the notebook that is saved."""

from __future__ import annotations

import copy
from typing import Any

from ...secrets.masking import MaskedStream, Masker

Message = dict[str, Any]

_ENDS_TEXT = frozenset(("display_data", "execute_result", "error", "clear_output"))
"""Messages after which text of a cell is no more joined with what came before."""


_DISPLAYS = frozenset(("display_data", "execute_result", "update_display_data"))


class Messages:
    """Masks messages in the order in which a kernel sends them.

    The end of a text that may be the beginning of a value is held back until what follows shows
    whether it is one.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._streams: dict[tuple[str, str], tuple[MaskedStream, Message]] = {}

    def masked(self, message: Message) -> list[Message]:
        """What is to be handed on in place of ``message``: nothing where all of it is held, the
        held text first where ``message`` ends it."""
        kind, content = message["msg_type"], message["content"]
        request = str(message["parent_header"].get("msg_id"))
        if kind == "stream":
            stream, _ = self._streams.get((request, content["name"])) or (
                MaskedStream(self._masker),
                message,
            )
            content["text"] = stream.write(content["text"])
            self._streams[request, content["name"]] = stream, message
            return [message] if content["text"] else []
        before = []
        if kind in _ENDS_TEXT or content.get("execution_state") == "idle":
            before = self.rest(request)
        message["content"] = self._masker.data(content)
        if kind in _DISPLAYS:
            message["content"]["data"] = self._masker.bundle(content.get("data") or {})
        return [*before, message]

    def rest(self, request: str | None = None) -> list[Message]:
        """The texts that are held, of one request or of all."""
        messages = []
        for key in [k for k in self._streams if request in (None, k[0])]:
            stream, last = self._streams.pop(key)
            text = stream.rest()
            if text:
                messages.append({**last, "content": {"name": key[1], "text": text}})
        return messages


def notebook(nb: Any, masker: Masker) -> Any:
    """``nb`` as it may be shown: itself, or a copy in which sources and metadata that hold a value
    are masked. Its outputs are masked already."""
    if not masker:
        return nb
    shown = copy.copy(nb)
    shown["cells"] = [cell(made, masker) for made in nb["cells"]]
    shown["metadata"] = metadata(nb["metadata"], masker)
    return shown


def cell(made: Any, masker: Masker) -> Any:
    """A cell of a notebook, in the same way."""
    if not masker:
        return made
    source, its_metadata = masker.data(made["source"]), metadata(made["metadata"], masker)
    if source == made["source"] and its_metadata is made["metadata"]:
        return made
    made = copy.copy(made)
    made["source"], made["metadata"] = source, its_metadata
    return made


def metadata(value: Any, masker: Masker) -> Any:
    """Metadata of a notebook or cell, in the same way."""
    masked = masker.data(value) if masker else value
    return value if masked == value else type(value)(masked)
