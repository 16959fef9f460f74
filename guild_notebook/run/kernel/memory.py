"""The peak memory of the kernel's process while each cell ran.

Linux keeps the peak of a process, and lets its user begin it anew (proc(5), clear_refs): that takes
a microsecond, and nothing of the process. What a process is told of its own peak (getrusage(2),
ru_maxrss) begins anew as well, so this is not done where the notebook's code reads that. There, and
on other systems, a peak that is below an earlier one is the most that was seen in between.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys

OWN_PEAK = re.compile(r"maxrss|VmHWM|clear_refs")
"""Where code reads the peak of its own process, or begins it anew."""

_BEGIN_ANEW = b"5"


class PeakMemory:
    """The memory of the process ``pid``, None where it is not known; its peak is begun anew if it
    ``may_reset``. Nothing raises: without a process, or once it has ended, there is just no more to
    be seen."""

    def __init__(self, pid: int | None, may_reset: bool) -> None:
        self._pid = pid
        self._status = self._clear = -1
        self._highest = self._before = self._last = 0
        if pid is not None and sys.platform == "linux":
            # They stay those of this process, whatever has its number later.
            with contextlib.suppress(OSError):
                self._status = os.open(f"/proc/{pid}/status", os.O_RDONLY)
                if may_reset:
                    self._clear = os.open(f"/proc/{pid}/clear_refs", os.O_WRONLY)

    def begin(self) -> None:
        try:
            os.write(self._clear, _BEGIN_ANEW)
            self._before = 0
            self._highest = self._last or self._read()[1]
        except OSError:
            self._before, self._highest = self._read()

    def sample(self) -> None:
        peak, self._last = self._read()
        self._highest = max(self._highest, peak if peak > self._before else self._last)

    def end(self) -> int:
        """The peak since ``begin`` in bytes, 0 where it is not known."""
        self.sample()
        return self._highest

    def now(self) -> int:
        """What it has now, in bytes."""
        return self._read()[1]

    def held(self) -> int:
        """What it has now that is not of files, in bytes."""
        if sys.platform != "linux":
            return _by_psutil(self._pid)
        try:
            return held_in(os.pread(self._status, 4096, 0))
        except OSError:
            return 0

    def close(self) -> None:
        for fd in (self._status, self._clear):
            with contextlib.suppress(OSError):
                os.close(fd)

    def _read(self) -> tuple[int, int]:
        """The peak of the process and what it has now, in bytes; 0 for what is not known."""
        if sys.platform != "linux":
            return 0, _by_psutil(self._pid)
        try:
            lines = os.pread(self._status, 4096, 0)
        except OSError:
            return 0, 0
        return bytes_in(lines, b"\nVmHWM:"), bytes_in(lines, b"\nVmRSS:")


def held_in(status: bytes) -> int:
    """The memory of a process that is not of files, by its ``/proc/PID/status``: the system can
    take back what is of files."""
    return bytes_in(status, b"\nRssAnon:") + bytes_in(status, b"\nRssShmem:")


def bytes_in(lines: bytes, name: bytes) -> int:
    """What a line of /proc says in kB."""
    _, _, value = lines.partition(name)
    number = value.split(None, 1)[:1]
    return int(number[0]) * 1024 if number else 0


def _by_psutil(pid: int | None) -> int:
    if pid is None:
        return 0
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except (psutil.Error, OSError):
        return 0
