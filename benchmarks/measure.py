"""Run one command, and measure it with all the processes that it begins.

    python -I -S measure.py '{"command": […], "cwd": "…", "output": "…", "limit": 600}'

prints a JSON object: ``status``, how the command ended; ``wall``, seconds until it did, which is
when a prompt would be back; ``after``, seconds for which processes that it began outlived it;
``cpu``, seconds of the processor, in user and in system mode, of all of them; ``memory``, the most
megabytes that a single one had; ``together``, the most that all had at a time.

This process adopts those whose parents end before them (PR_SET_CHILD_SUBREAPER, Linux), and waits
for every one, so that the system adds up what each has used (RUSAGE_CHILDREN). What all have at a
time is looked at every 0.1 s: what is each one's own, and once what they may share.

A process of its own for each command, since the system adds up for a process what has run so far.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

PR_SET_CHILD_SUBREAPER = 36
GRACE = 15
"""Seconds for which processes may outlive the command, before they are killed."""

INTERVAL = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    request = json.loads(sys.argv[1])
    with contextlib.suppress(OSError, AttributeError):  # where there is none: macOS
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, kill_all)
    signal.alarm(request["limit"])
    memory = Memory()
    with open(request["output"], "wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            request["command"],
            cwd=request["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        memory.start()
        ended, status = began, 0
        for pid, how in waited():
            if pid == process.pid:
                ended, status = time.perf_counter(), os.waitstatus_to_exitcode(how)
                signal.alarm(GRACE)
    last = time.perf_counter()
    memory.over.set()
    memory.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    print(
        json.dumps(
            {
                "status": status,
                "wall": ended - began,
                "after": last - ended,
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss / unit,
                "together": memory.most / 1e6,
            }
        )
    )


def waited() -> Iterator[tuple[int, int]]:
    """Each process of which this one is told that it has ended, until there is none left."""
    while True:
        try:
            yield os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kill_all(_number: int, _frame: object) -> None:
    for pid in list(descendants(os.getpid())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    signal.alarm(1)  # those that have begun since


class Memory(threading.Thread):
    """The most bytes that all descendants had at a time; 0 where there is no /proc."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self.over.wait(INTERVAL):
            own, shared = 0, 0
            for pid in descendants(os.getpid()):
                with contextlib.suppress(OSError, ValueError):
                    with open(f"/proc/{pid}/statm") as f:
                        _size, resident, of_files = map(int, f.read().split()[:3])
                    own += resident - of_files
                    shared = max(shared, of_files)
            self.most = max(self.most, (own + shared) * PAGE)


def descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                children = [int(child) for child in f.read().split()]
            for child in children:
                yield child
                yield from descendants(child)


if __name__ == "__main__":
    main()
