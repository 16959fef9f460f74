"""The messages of kernels: checked, since some send what Jupyter's messaging protocol (version 5)
does not allow and all other modules rely on its types."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_client.adapter import adapt
from jupyter_client.jsonutil import parse_date

from ...document.mime import valid_bundle
from ...document.strip import json_copy

Message = dict[str, Any]
Content = dict[str, Any]

_SHOWING = "stream display_data execute_result update_display_data error clear_output"
_OF_WIDGETS = "comm_open comm_msg comm_close"

OUTPUTS = frozenset(f"{_SHOWING} {_OF_WIDGETS}".split())
"""Messages that change what the notebook shows, whenever they arrive."""


_DATED = frozenset(["status", "execute_input", "execute_reply"])
"""Messages whose times the notebook keeps (nbclient's record_timing)."""


def unpacked(session: Any, parts: Sequence[bytes]) -> Any:
    """The message of the ``parts``, checked as by jupyter_client's Session.deserialize, which makes
    a date of each text of the headers that looks like one: most of its time. Raises whatever wrong
    parts happen to raise."""
    signature, header, parent, metadata, content, *buffers = parts
    if session.auth is not None:
        if not signature or signature in session.digest_history:
            raise ValueError("no signature, or that of an earlier message")
        session._add_digest(signature)
        if not hmac.compare_digest(signature, session.sign(parts[1:5])):
            raise ValueError("a wrong signature")
    message = {"header": session.unpack(header), "parent_header": session.unpack(parent)}
    message.update(metadata=session.unpack(metadata), content=session.unpack(content))
    header = message["header"]
    if header["msg_type"] in _DATED and isinstance(header.get("date"), str):
        header["date"] = parse_date(header["date"])
    message.update(msg_id=header["msg_id"], msg_type=header["msg_type"])
    message["buffers"] = [memoryview(buffer) for buffer in buffers]
    return adapt(message)


def checked_message(message: Any) -> Message | None:
    """``message`` with a content of the protocol's types, None if it cannot be used: what should be
    a text is made one, other values of a wrong type are left out."""
    for part in ("header", "parent_header", "content"):
        if not isinstance(message.get(part), dict):
            return None
    kind = message["msg_type"]
    if not isinstance(kind, str) or not isinstance(message["header"].get("msg_type"), str):
        return None
    try:
        content = _CONTENTS.get(kind, _other)(message["content"])
    except RecursionError:
        return None
    return None if content is None else {**message, "content": content}


def _stream(content: Content) -> Content | None:
    text = content.get("text")
    if not text:
        return None
    name = content.get("name")
    return {"name": name if name in ("stdout", "stderr") else "stdout", "text": _as_text(text)}


def _display(content: Content) -> Content | None:
    if not isinstance(content.get("data"), dict):
        return None
    data: Content = {}
    for mime, value in content["data"].items():
        try:
            data.update(valid_bundle({mime: json_copy(value)}) or {})
        except RecursionError:
            data.setdefault("text/plain", f"<{mime} that is nested too deeply to be kept>")
    metadata = content.get("metadata")
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    return {
        "data": data,
        "metadata": json_copy(metadata) if isinstance(metadata, dict) else {},
        "transient": {"display_id": display_id} if isinstance(display_id, str) else {},
    }


def _result(content: Content) -> Content | None:
    shown = _display(content)
    return shown and {**shown, "execution_count": _count(content)}


def _error(content: Content) -> Content:
    lines = content.get("traceback")
    return {
        "ename": _as_text(content.get("ename")),
        "evalue": _as_text(content.get("evalue")),
        "traceback": [_as_text(line) for line in lines] if isinstance(lines, list) else [],
    }


def _status(content: Content) -> Content | None:
    state = content.get("execution_state")
    return {"execution_state": state} if isinstance(state, str) else None


def _comm(content: Content) -> Content | None:
    data = json_copy(content.get("data", {}))
    if not isinstance(content.get("comm_id"), str) or not isinstance(data, dict):
        return None
    if not isinstance(data.get("state", {}), dict):
        return None
    return {**_other(content), "data": data}


def _other(content: Content) -> Content:
    """nbclient takes the count from a message of any kind."""
    return {key: value for key, value in content.items() if key != "execution_count"}


def _reply(content: Content) -> Content:
    """A cell that was not executed ("aborted") or of which nothing is said has failed."""
    payload = content.get("payload")
    items = payload if isinstance(payload, list) else []
    reply = {**content, "payload": [item for item in items if isinstance(item, dict)]}
    status = content.get("status")
    if status != "ok":
        reply.update(_error(content), status="error")
    if status not in ("ok", "error"):
        reply["evalue"] = f"the kernel replied with status {status!r}"
    return reply


def _count(content: Content) -> int | None:
    count = content.get("execution_count")
    return count if type(count) is int and count >= 0 else None


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(_as_text, value))
    return "" if value is None else str(value)


_CONTENTS: dict[str, Callable[[Content], Content | None]] = {
    "stream": _stream,
    "display_data": _display,
    "update_display_data": _display,
    "execute_result": _result,
    "error": _error,
    "execute_input": lambda content: {**content, "execution_count": _count(content)},
    "status": _status,
    "clear_output": lambda content: {"wait": content.get("wait") is True},
    "comm_open": _comm,
    "comm_msg": _comm,
    "comm_close": _comm,
    "execute_reply": _reply,
}
