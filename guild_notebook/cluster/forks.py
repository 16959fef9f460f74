"""A worker is the host (fork_host.py) of the trials that share cells (``nb-fork``): one for each
batch of which it executes trials, until it has had none for a while."""

from __future__ import annotations

import atexit
import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from ..fork_host import VARIABLE, Host, batch_of, opened
from ..run.record.run_files import RunFiles

IDLE_SECONDS = 60.0  # until what trials share is ended: the worker is not told of a batch's end
log = logging.getLogger("distributed.worker")


@dataclass
class _Batch:
    host: Host
    running: int = 0
    timer: threading.Timer | None = None


_batches: dict[str, _Batch] = {}  # by what is the same of their trials
_lock = threading.Lock()


@contextlib.contextmanager
def variables(run_dir: str, own_folder: str) -> Iterator[dict[str, str]]:
    """The variables for a run that this process starts meanwhile: those of a trial that may share
    cells name its host, whose folder is in ``own_folder`` where no other place is safe."""
    batch = batch_of(RunFiles(run_dir).attr_value)
    found = _enter(batch, own_folder) if batch else None
    if not found:
        yield {}
        return
    try:
        yield {VARIABLE: found.host.folder}
    finally:
        with _lock:
            found.running -= 1
            if not found.running:
                found.timer = threading.Timer(IDLE_SECONDS, _close_unused, [batch, found])
                found.timer.daemon = True
                found.timer.start()


def _enter(batch: str, own_folder: str) -> _Batch | None:
    with _lock:
        found = _batches.get(batch)
        if not found:
            host = opened(own_folder, log.warning)
            if not host:
                return None
            found = _batches[batch] = _Batch(host)
        if found.timer:
            found.timer.cancel()
        found.running += 1
        return found


def _close_unused(batch: str, found: _Batch) -> None:
    with _lock:
        if found.running or _batches.get(batch) is not found:
            return
        del _batches[batch]
    found.host.close()


@atexit.register
def _close_all() -> None:
    for found in _batches.values():
        found.host.close()
