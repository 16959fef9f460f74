"""What the kernel and all processes that come from it take while a cell runs: CPU time, memory.

The run reads it from the system, and the kernel does nothing for it. Who comes from the kernel is
found on Linux by the parents of processes, of which only new ones are looked at. Looks are as rare
as it takes for them to cost at most the LOOKS_SHARE of the time, however many processes there are.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .memory import PeakMemory, bytes_in, held_in

LOOKS_SHARE = 1 / 400  # of the time, what looks at processes take
CLOSE_SHARE = 1 / 200  # the same of looks at all memory of processes, and at GPUs
SECONDS_PER_BYTE = 3e-11  # what a close look takes for the memory of processes: 30 ms for 1 GB
SHORT_SECONDS = 0.005  # in which a cell has hardly started a process: the run looks for none
MEMORY_SECONDS = 0.02  # between two looks at the memory where that is limited
LIMITED_SHARE = 1 / 20  # of looks at who is there, and at their memory, where that is limited
_CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED of Linux's clocks of processes (clock_getcpuclockid(3))


class Usage:
    """What the process ``pid`` takes, None where it is not known, and those that come from it;
    ``supervisor`` is the one to which those belong whose own parent has ended. Nothing raises: of
    what has ended there is just no more to be seen."""

    def __init__(self, pid: int | None, supervisor: int | None, may_reset: bool) -> None:
        self._own = PeakMemory(pid, may_reset)
        self._others = _Descendants(pid, supervisor) if pid else None
        self._gpus = _Gpus()
        self._began = self._looked = self._look_took = self._next_held = self._cpu_read = 0.0
        self._since, self._close_looks, self._close_look_took = time.monotonic(), 0.0, 0.0
        self._cell = 0
        self._shared, self._shared_by = (0, 0), [0]
        self._cpu = self._cpu_before = self._total = self._gpu = 0

    def begin(self) -> None:
        self._cell += 1
        self._total = self._gpu = 0
        self._own.begin()
        self._began = time.monotonic()
        if self._began > self._cpu_read + SHORT_SECONDS:  # else it is that of the last cell's end
            self._read_cpu()
        self._cpu_before = self._cpu

    def sample(self) -> None:
        """Look while a cell runs, in little time."""
        self._own.sample()
        self._look()
        self._read_cpu()

    @property
    def needs_close_look(self) -> bool:
        """Whether there may be something to see that takes longer to read."""
        has_others = self._others is not None and bool(self._others.pids)
        if not (has_others or self._gpus.may_be):
            return False
        takes = self._close_look_took
        if has_others and self._others and not self._is_shared_known:
            takes = SECONDS_PER_BYTE * (self._own.now() + self._others.rss)
        return self._close_looks + takes < CLOSE_SHARE * (time.monotonic() - self._since)

    def close_look(self) -> None:
        """Read what memory and GPUs have, which may take long: in a thread."""
        cell, before = self._cell, time.thread_time()
        pids = self._others.all() if self._others else []
        total = self._read_memory(pids)[0] if len(pids) > 1 else 0
        gpu = self._gpus.used_by(pids)
        if cell == self._cell:  # else it is of the cell before, or of both
            self._total, self._gpu = max(self._total, total), max(self._gpu, gpu)
        self._close_look_took = time.thread_time() - before
        self._close_looks += self._close_look_took

    def held(self, limit: int) -> int:
        """The memory that is not of files, in bytes; of what may be shared by several processes as
        much as counts against the ``limit``."""
        self._look(LIMITED_SHARE)
        held = self._own.held() + (self._others.held if self._others else 0)
        held -= self._shared[1] if self._is_shared_known else 0
        if held > limit and self._others and self._others.pids:
            if time.monotonic() < self._next_held:
                return 0
            before = time.thread_time()
            total, held = self._read_memory(self._others.all())
            self._total = max(self._total, total)
            self._next_held = time.monotonic() + (time.thread_time() - before) / LIMITED_SHARE
        return held

    def end(self) -> dict[str, Any]:
        """What was taken since ``begin``, by the names of document/measures.py."""
        peak = self._own.end()
        is_short = time.monotonic() < self._began + SHORT_SECONDS
        if not is_short:
            self._look()
        self._read_cpu(is_short)
        total = self._total if self._total > peak else 0
        known = {"kernel": peak, "total": total, "gpu": self._gpu}
        taken: dict[str, Any] = {name: size for name, size in known.items() if size}
        if self._cpu:
            taken["cpu_seconds"] = max(0.0, (self._cpu - self._cpu_before) / 1e9)
        return taken

    def close(self) -> None:
        self._own.close()
        self._gpus.close()
        if self._others:
            self._others.close()

    def _look(self, share: float = LOOKS_SHARE) -> None:
        if self._others and time.monotonic() > self._looked + self._look_took / share:
            before = time.thread_time()
            self._others.find()
            self._looked = time.monotonic()
            self._look_took = time.thread_time() - before
            if self._is_shared_known:
                total = self._own.now() + self._others.rss - self._shared[0]
                self._total = max(self._total, total)

    @property
    def _is_shared_known(self) -> bool:
        """Whether it has been read how much memory those share that are there now."""
        return self._others is not None and self._shared_by == self._others.all()

    def _read_memory(self, pids: list[int]) -> tuple[int, int]:
        """The memory of processes, and that which is not of files, in bytes. What they share, as
        forked ones do, counts once; reading that takes long."""
        sizes = [_memory_of(pid) for pid in pids]
        total, held, own_total, own_held = map(sum, zip(*sizes))
        self._shared, self._shared_by = (own_total - total, own_held - held), pids
        return total, held

    def _read_cpu(self, is_short: bool = False) -> None:
        cpu = self._others.cpu(is_short) if self._others else None
        self._cpu_read = time.monotonic()
        self._cpu = self._cpu if cpu is None else cpu


class _Descendants:
    """The processes that come from ``kernel``, which is one that ``supervisor`` has started.
    ``pids`` are the others that were there at the last look, ``rss`` is their memory in bytes and
    ``held`` that which is not of files, counted for each."""

    def __init__(self, kernel: int, supervisor: int | None) -> None:
        self._kernel, self._supervisor = kernel, supervisor or kernel
        self._not_ours = {kernel, os.getpid()}
        self.pids: list[int] = []
        self.rss = self.held = self._living = self._ended = 0
        self._clock = ~kernel << 3 | _CLOCK_OF_PROCESS
        self._stats = [-1, -1]
        self._psutil: Any = None
        if sys.platform == "linux":
            # They stay those of these processes, whatever has their numbers later.
            with contextlib.suppress(OSError):
                for at, pid in enumerate((kernel, self._supervisor)):
                    self._stats[at] = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        else:
            import psutil

            with contextlib.suppress(psutil.Error, OSError):
                self._psutil = psutil.Process(kernel)

    def all(self) -> list[int]:
        return [self._kernel, *self.pids]

    def find(self) -> None:
        if sys.platform != "linux":
            self._find_by_psutil()
            return
        here = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        self._not_ours &= here  # a number is used again
        ours = {pid for pid in self.pids if pid in here}
        new = {pid: _stat(pid) for pid in here - self._not_ours - ours}
        parents = {self._kernel, self._supervisor, *ours}
        while found := [pid for pid, stat in new.items() if stat and stat[0] in parents]:
            for pid in found:
                del new[pid]
            parents.update(found)
            ours.update(found)
        self._not_ours.update(new)
        ours -= {self._supervisor}
        self.pids = sorted(ours)
        self._living = sum(sum(stat[1:]) for stat in map(_stat, self.pids) if stat)
        statuses = [_read(f"/proc/{pid}/status") for pid in self.pids]
        self.rss = sum(bytes_in(status, b"\nVmRSS:") for status in statuses)
        self.held = sum(map(held_in, statuses))

    def _find_by_psutil(self) -> None:
        import psutil

        self.pids, self._living, self.rss = [], 0, 0
        with contextlib.suppress(psutil.Error, OSError):
            for process in self._psutil.children(recursive=True) if self._psutil else ():
                with contextlib.suppress(psutil.Error, OSError):
                    times = process.cpu_times()
                    self._living += int((times.user + times.system) * 1e9)
                    self.rss += process.memory_info().rss
                    self.pids.append(process.pid)
        self.held = self.rss

    def cpu(self, of_kernel_alone: bool = False) -> int | None:
        """The CPU time of all until now in nanoseconds, with that of those which have ended and
        been waited for; None where it is not known. That ``of_kernel_alone`` has of the others what
        it had the last time, which takes a fifth of the time."""
        if of_kernel_alone and sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError, OverflowError):
                return time.clock_gettime_ns(self._clock) + self._ended + self._living
        if sys.platform != "linux":
            return self._cpu_by_psutil()
        try:
            _, *of_kernel = _parsed(os.pread(self._stats[0], 1024, 0))
            of_supervisor = _parsed(os.pread(self._stats[1], 1024, 0))
        except OSError:
            return None
        own = sum(of_kernel[:2])
        with contextlib.suppress(OSError, AttributeError, OverflowError):
            own = time.clock_gettime_ns(self._clock)  # which is exact
        orphans = sum(of_supervisor[3:]) if self._supervisor != self._kernel else 0
        ended = sum(of_kernel[2:]) + orphans
        if ended != self._ended:
            if self._living:
                self.find()  # what has ended is no longer among those that live
            self._ended = ended
        return own + ended + self._living

    def _cpu_by_psutil(self) -> int | None:
        import psutil

        with contextlib.suppress(psutil.Error, OSError, AttributeError):
            times = self._psutil.cpu_times()
            return int((times.user + times.system) * 1e9) + self._living
        return None

    def close(self) -> None:
        for fd in self._stats:
            with contextlib.suppress(OSError):
                os.close(fd)


def _stat(pid: int) -> tuple[int, ...] | None:
    """The parent of a process, and its CPU time in nanoseconds: its own, in its code and in the
    system's, and that of the children that it has waited for. None where it has ended."""
    data = _read(f"/proc/{pid}/stat")
    return _parsed(data) if data else None


def _parsed(data: bytes) -> tuple[int, ...]:
    fields = data.rpartition(b")")[2].split(None, 15)  # proc(5): the first is the third there
    return (int(fields[1]), *(int(field) * _TICK for field in fields[11:15]))


_TICK = 1_000_000_000 // (os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100)


def _memory_of(pid: int) -> tuple[int, int, int, int]:
    """The memory of a process in bytes, and that which is not of files: its share of what it has
    in common with others, and all of it."""
    if sys.platform != "linux":
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return (int(psutil.Process(pid).memory_info().rss),) * 4
        return 0, 0, 0, 0
    status, rollup = _read(f"/proc/{pid}/status"), _read(f"/proc/{pid}/smaps_rollup")
    own = bytes_in(status, b"\nVmRSS:"), held_in(status)
    share = bytes_in(rollup, b"\nPss:")
    if not share:  # of another user's, or an old Linux
        return *own, *own
    return share, share - bytes_in(rollup, b"\nPss_File:"), *own


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(8192)
    except OSError:
        return b""


class _Gpus:
    """The memory that processes have on NVIDIA's GPUs, where ``nvidia-ml-py`` is installed beside
    this package."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._devices: list[Any] = []
        self.may_be = True

    def used_by(self, pids: Iterable[int]) -> int:
        if not self.may_be:
            return 0
        ours, used = set(pids), 0
        try:
            if self._nvml is None:
                self._begin()
            for device in self._devices:
                for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(device):
                    size = process.usedGpuMemory  # None where the driver does not tell
                    used += size if process.pid in ours and isinstance(size, int) else 0
        except Exception:  # no module, no driver, a GPU that was taken out
            self.may_be = False
        return used

    def _begin(self) -> None:
        self._nvml = nvml = import_module("pynvml")
        nvml.nvmlInit()
        self._devices = [
            nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())
        ]
        self.may_be = bool(self._devices)

    def close(self) -> None:
        if self._nvml is not None:
            with contextlib.suppress(Exception):
                self._nvml.nvmlShutdown()
