"""What executes on a worker: the task of an attempt, and the functions that the dispatcher calls.

dask finds these functions by name, so the worker needs guild-notebook installed. The task runs in a
thread, the functions in the worker's event loop (``Client.run``); they meet in a :class:`WorkerRun`
of the attempt, all of which are in one table.
"""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Callable
from typing import Any

from .. import __version__
from .worker_run import WorkerRun

Request = dict[str, Any]
"""What a task is given: ``attempt``, the ID of the attempt, ``topic``, the name of dask's topic for
its event, and ``home_probe``."""

HomeProbe = tuple[str, str]
"""Path and content of a file in the dispatcher's Guild home: a worker that can read it there shares
the home."""

Result = dict[str, Any]

_runs: dict[str, WorkerRun] = {}
_filter_lock = threading.Lock()


def execute(request: Request) -> Result:
    """The task of one attempt to execute a run; returns when the run has ended.

    The result has ``state``: ``refused`` where the run must not start, ``abandoned`` where the
    dispatcher has not called for too long, ``error`` with ``why`` where Guild could not be started,
    and ``ended`` with ``size``, the bytes of the archive for :func:`read_changes` (-1: there is
    none, the home is shared), ``removed``, the files that the run has deleted, and ``log``, the
    last lines that Guild printed.
    """
    from distributed import get_worker

    worker = get_worker()
    _filter_log()
    for attempt in [attempt for attempt, run in list(_runs.items()) if run.can_be_removed]:
        remove(attempt)
    attempt = request["attempt"]
    run = _runs[attempt] = WorkerRun(attempt, worker.local_directory)
    event = {"attempt": attempt, "worker": worker.address, "host": platform.node()}
    event.update(version=__version__, shared=_shares_home(request["home_probe"]))
    worker.log_event(request["topic"], event)
    result = run.execute()
    if result["state"] in ("refused", "abandoned"):
        remove(attempt)
    return result  # the dispatcher removes the others: a call of it may be on its way


def _shares_home(probe: HomeProbe) -> bool:
    path, content = probe
    try:
        with open(path, encoding="utf-8") as f:
            return f.read() == content
    except OSError:
        return False


# ---- what the dispatcher calls


def call(attempt: str, method: Callable[..., None], *args: Any) -> bool:
    """Call a method of the WorkerRun of an attempt; False where it is not known here."""
    run = _runs.get(attempt)
    if run:
        method(run, *args)
    return run is not None


def poll(offsets: dict[str, dict[str, int]]) -> dict[str, dict[str, bytes] | None]:
    """For each attempt the bytes that its run has appended to files, from the given offsets on;
    None for one that is not known here."""
    answers: dict[str, dict[str, bytes] | None] = {}
    for attempt, of_files in offsets.items():
        run = _runs.get(attempt)
        answers[attempt] = run.appended(of_files) if run else None
    return answers


def read_changes(attempt: str, offset: int, size: int) -> bytes:
    """A piece of the archive of what the run has changed."""
    return _runs[attempt].read_changes(offset, size)


def remove(attempt: str) -> None:
    """Delete the files of an attempt and forget it."""
    run = _runs.pop(attempt, None)
    if run:
        run.remove()


_CALLED = {function.__name__ for function in (call, poll, read_changes, remove)}


def _filter_log() -> None:
    """Keep the dispatcher's calls out of the worker's log, which dask writes a line for each to:
    two a second."""
    logger = logging.getLogger("distributed.worker")
    with _filter_lock:
        if _is_not_ours not in logger.filters:
            logger.addFilter(_is_not_ours)


def _is_not_ours(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not (message.startswith("Run out-of-band") and message.split("'")[1] in _CALLED)
