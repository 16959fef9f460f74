"""What runs on a worker: the task of a run, and what the dispatcher asks of it meanwhile.

dask finds these functions by name, so the worker needs guild-notebook installed. Each run has a
:class:`~guild_notebook.cluster.worker_run.Room`; those of this process are in one table, since the
task (a thread) and the questions (the worker's event loop) meet there.
"""

from __future__ import annotations

import importlib.metadata
import logging
import platform
import threading
from typing import Any

from .. import __version__
from .worker_run import Room

Ticket = dict[str, Any]
"""``token`` of the attempt, ``topic`` of events, and ``home``: path and content of a file that
only those see who share the Guild home."""

Result = dict[str, Any]

_rooms: dict[str, Room] = {}
_quiet = threading.Lock()


def execute(ticket: Ticket) -> Result:
    """The task of one attempt to execute a run; returns when the run has ended.

    The result has ``state``: ``refused`` where the dispatcher did not want it to begin, ``left``
    where it has not been heard of any more, ``error`` with ``why`` for what cannot begin, and
    ``ended`` with ``size``, the bytes of the archive that :func:`read` returns (-1: nothing
    travels back), ``removed``, the files that are gone, and ``log``, the last lines of Guild's own.
    """
    from distributed import get_worker

    worker = get_worker()
    _keep_quiet()
    for token in [token for token, room in list(_rooms.items()) if room.is_forgotten]:
        release(token)
    room = _rooms[ticket["token"]] = Room(ticket["token"], worker.local_directory)
    event = {"token": ticket["token"], "worker": worker.address, "host": platform.node()}
    worker.log_event(ticket["topic"], {**event, **versions(), "shared": _sees(ticket["home"])})
    result = room.execute()
    if result["state"] in ("refused", "left"):
        release(ticket["token"])
    return result  # else until it is released: a question may be on its way


def versions() -> dict[str, str]:
    """What has to agree, or should, between the two sides."""
    return {
        "python": platform.python_version(),
        "guildai": importlib.metadata.version("guildai"),
        "guild-notebook": __version__,
    }


def _sees(home: tuple[str, str]) -> bool:
    path, content = home
    try:
        with open(path, encoding="utf-8") as f:
            return f.read() == content
    except OSError:
        return False


# ---- what the dispatcher asks (Client.run)


def put(token: str, piece: bytes) -> bool:
    """Take a piece of the run's archive; False where there is no such room."""
    room = _rooms.get(token)
    if room:
        room.put(piece)
    return room is not None


def go(token: str, plan: dict[str, Any] | None) -> bool:
    """Let a run begin, as ``plan`` says (see Room), or refuse it (None)."""
    room = _rooms.get(token)
    if room:
        room.go(plan)
    return room is not None


def poll(questions: dict[str, dict[str, int]]) -> dict[str, dict[str, bytes] | None]:
    """What files of runs have grown by: for each token, the bytes by file, from the offsets that
    the question has; None for a token that is not known here."""
    answers: dict[str, dict[str, bytes] | None] = {}
    for token, offsets in questions.items():
        room = _rooms.get(token)
        answers[token] = room.news(offsets) if room else None
    return answers


def stop(token: str) -> bool:
    """Ask a run to end, as ``guild stop`` does; the task returns when it has."""
    room = _rooms.get(token)
    if room:
        room.stop()
    return room is not None


def read(token: str, offset: int, size: int) -> bytes:
    """A piece of the archive with what the run has changed."""
    return _rooms[token].read(offset, size)


def release(token: str) -> None:
    """Forget a run and remove what there is of it."""
    room = _rooms.pop(token, None)
    if room:
        room.remove()


_ASKED = {function.__name__ for function in (put, go, poll, stop, read, release)}


def _keep_quiet() -> None:
    """dask notes each Client.run in the worker's log, which would be two lines a second."""
    logger = logging.getLogger("distributed.worker")
    with _quiet:
        if _not_ours not in logger.filters:
            logger.addFilter(_not_ours)


def _not_ours(record: logging.LogRecord) -> bool:
    said = record.getMessage()
    return not (said.startswith("Run out-of-band") and said.split("'")[1] in _ASKED)
