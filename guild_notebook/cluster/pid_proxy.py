"""The local process of a run that runs elsewhere.

``guild stop`` sends SIGTERM to the process in a run's LOCK and waits for its end; ``guild watch``
follows a run for as long as that process lives. So each run has one, that passes the wish on:
it prints ``stop`` for each SIGTERM, and ends when a byte comes on stdin.

Where stdin is closed without one, the dispatcher has been killed, and with it all that knew of
the run: then the marks that are named as arguments, which say that it is running, are removed.

Started with a bare interpreter (``python -I -S pid_proxy.py MARK…``), it takes 4 MB.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def main(marks: list[str]) -> None:
    signal.signal(signal.SIGTERM, _pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the dispatcher
    print("ready", flush=True)
    if not os.read(0, 1):
        for mark in marks:
            try:
                os.unlink(mark)
            except OSError:
                pass


def _pass_on(_number: int, _frame: Any) -> None:
    try:
        os.write(1, b"stop\n")
    except OSError:
        pass  # nobody reads any more: stdin says so too


if __name__ == "__main__":
    main(sys.argv[1:])
