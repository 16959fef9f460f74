"""Masking secret values in a kernel's messages."""

from __future__ import annotations

from typing import Any

from ...secrets.masking import MaskedStream, Masker

Message = dict[str, Any]

_ENDS_TEXT = frozenset(("display_data", "execute_result", "error", "clear_output"))
"""Messages after which a cell's text is not joined with its text before them."""


_DISPLAYS = frozenset(("display_data", "execute_result", "update_display_data"))


class MessageMasker:
    """Masks secret values in messages, in the order in which a kernel sends them.

    The end of a text that may be the start of a secret value is held back until the text after it
    shows whether it is.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._streams: dict[tuple[str, str], tuple[MaskedStream, Message]] = {}

    def masked(self, message: Message) -> list[Message]:
        """The messages in place of ``message``: none if all of its text is held back; if
        ``message`` ends a text, what was held back of that comes first."""
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
        """Messages with the texts that are held back, of one request or of all."""
        messages = []
        for key in [k for k in self._streams if request in (None, k[0])]:
            stream, last = self._streams.pop(key)
            text = stream.rest()
            if text:
                messages.append({**last, "content": {"name": key[1], "text": text}})
        return messages
