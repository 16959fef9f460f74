"""The local process of a run that executes on a worker.

``guild stop`` sends SIGTERM to the process whose ID is in a run's LOCK and waits for its end;
``guild watch`` follows a run for as long as that process lives. So each run has such a process
here. It prints ``stop`` for each SIGTERM, and ends when it reads a byte from stdin.

Where stdin is closed without a byte, the dispatcher was killed. Then the process deletes the files
that its arguments name, which say that the run is running.

Started with a bare interpreter (``python -I -S pid_proxy.py FILE…``), it takes 4 MB.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def main(files: list[str]) -> None:
    signal.signal(signal.SIGTERM, _print_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the dispatcher
    print("ready", flush=True)
    if not os.read(0, 1):
        for file in files:
            try:
                os.unlink(file)
            except OSError:
                pass


def _print_stop(_number: int, _frame: Any) -> None:
    try:
        os.write(1, b"stop\n")
    except OSError:
        pass  # the dispatcher is gone, and stdin is closed


if __name__ == "__main__":
    main(sys.argv[1:])
