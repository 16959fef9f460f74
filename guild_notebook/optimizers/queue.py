"""Guild's ``queue`` is the host of the staged trials that it runs (forks.py).

What they share ends when the queue has run all that is staged, and with the queue.
"""

from __future__ import annotations

import os
from typing import Any

from guild.plugins import gen_queue, queue_main

from ..fork_host import Host, batch_of
from . import forks


class _Queue:
    """Guild's queue in this process, which is the host of one batch at a time."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._batch = ""
        self._start_by_guild = queue_main._start_run
        self._run_staged_by_guild = gen_queue._run_staged
        queue_main._start_run = self._start_run
        gen_queue._run_staged = self._run_staged

    def _start_run(self, run: Any, state: Any) -> None:
        batch = batch_of(run.get)
        if batch and batch != self._batch:
            self.close()
            self._batch, self._host = batch, forks.start_host(os.getcwd())
        self._start_by_guild(run, state)

    def _run_staged(self, state: Any) -> None:
        self._run_staged_by_guild(state)
        if self._host:
            self._host.end_process()

    def close(self) -> None:
        if self._host:
            self._host.close()
        self._host = None


def main() -> None:
    queue = _Queue()
    try:
        queue_main.main()
    finally:
        queue.close()


if __name__ == "__main__":
    main()
