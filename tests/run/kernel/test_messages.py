"""Messages are read as jupyter_client reads them, but for dates that nothing of a run looks at."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from jupyter_client.session import Session

from guild_notebook.run.kernel.messages import unpacked

DATE = "2026-11-26T12:00:00.123456Z"
HEADER = {"msg_id": "1", "session": "s", "username": "u", "date": DATE, "version": "5.3"}

MESSAGES = {
    "a text": ("stream", {"name": "stdout", "text": "é\n"}, {}, []),
    "a status": ("status", {"execution_state": "idle"}, {}, []),
    "a reply": ("execute_reply", {"status": "ok", "execution_count": 1}, {}, []),
    "buffers": ("comm_msg", {"comm_id": "c", "data": {}}, {}, [b"one", b"two"]),
    "a date in another zone": ("status", {}, {"date": "2026-11-26T13:00:00+01:00"}, []),
    "no date": ("status", {}, {"date": "soon"}, []),
    "a date that is none": ("status", {}, {"date": 5}, []),
    "of the version before": ("execute_reply", {"status": "ok"}, {"version": "4.1"}, []),
    "of an unknown version": ("status", {}, {"version": "7.0"}, []),
}


def parts_of(
    session: Session, kind: str, content: dict, header: dict, buffers: list
) -> list[bytes]:
    header = {**HEADER, **header, "msg_type": kind}
    message = {"header": header, "parent_header": HEADER, "metadata": {"m": 1}, "content": content}
    return session.feed_identities(session.serialize(message))[1] + buffers


def without_dates(message: Any) -> Any:
    headers = {name: {**message[name], "date": ""} for name in ("header", "parent_header")}
    return {**message, **headers}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_read_as_by_jupyter_client(name: str):
    parts = parts_of(Session(key=b"key"), *MESSAGES[name])
    message, expected = unpacked(Session(key=b"key"), parts), Session(key=b"key").deserialize(parts)
    assert without_dates(message) == without_dates(expected)
    if MESSAGES[name][0] in ("status", "execute_reply"):
        assert message["header"]["date"] == expected["header"]["date"]


def unsigned(parts: list[bytes]) -> list[bytes]:
    return [b"", *parts[1:]]


def changed(parts: list[bytes]) -> list[bytes]:
    return [*parts[:4], b"{}", *parts[5:]]


def cut(parts: list[bytes]) -> list[bytes]:
    return parts[:3]


@pytest.mark.parametrize("change", [unsigned, changed, cut])
def test_a_message_that_is_not_the_kernels_is_refused(change):
    parts = change(parts_of(Session(key=b"key"), *MESSAGES["a text"]))
    for read in (Session(key=b"key").deserialize, lambda p: unpacked(Session(key=b"key"), p)):
        with pytest.raises((ValueError, TypeError)):
            read(parts)


def test_a_message_is_read_once():
    parts, session = parts_of(Session(key=b"key"), *MESSAGES["a text"]), Session(key=b"key")
    assert unpacked(session, parts)["msg_id"] == "1"
    with pytest.raises(ValueError, match="an earlier message"):
        unpacked(session, parts)


def test_a_message_without_a_key_is_read():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = Session(key=b"")
    assert unpacked(session, parts_of(session, *MESSAGES["a text"]))["content"]["text"] == "é\n"
