"""The kernels of runs on this machine, found by the folders of their sockets (socket_dir.py), and
those that are kept after their run (nb-keep-kernel): until when, and their end.

A kernel that is kept has its supervisor (run/kernel/supervisor.py), which ends it in time. What is
left of one whose supervisor was killed is ended by whoever looks next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass

from . import socket_dir

KEPT = "kept"
"""The name of the file that the supervisor of a kernel that is kept has locked."""

ON_WORKER = "GUILD_NOTEBOOK_WORKER"
"""The variable of runs on a cluster's worker, which ends all that a run has started."""

MOST_KEPT = 4
"""Kernels that are kept at once of the runs of a Guild home: each has the memory of its run."""

END_SECONDS = 15.0
"""Time that a supervisor has to end its kernel: a little over what it takes."""


@dataclass(frozen=True)
class KernelFolder:
    """A kernel's folder ``path``: of the run in ``run_dir``, with the process id of the kernel, of
    which there may be none yet, ``changed`` the last time (as time.time). Of one that is kept,
    ``until`` is when it ends and ``supervisor`` a process id; 0 else."""

    path: str
    run_dir: str
    pid: int | None
    changed: float
    until: float = 0.0
    supervisor: int = 0

    @property
    def connection_file(self) -> str:
        return os.path.join(self.path, "kernel.json")

    def is_of(self, run_dir: str) -> bool:
        return os.path.realpath(self.run_dir) == os.path.realpath(run_dir)

    @property
    def is_there(self) -> bool:
        return os.path.exists(self.connection_file)


def of_run(run_dir: str) -> KernelFolder | None:
    """The kernel of the run in ``run_dir``, the last that was started; None where there is none."""
    found = [folder for folder in _found() if folder.is_of(run_dir)]
    return max(found, key=lambda folder: folder.changed, default=None)


def end_of_run(run_dir: str) -> bool:
    """End the kernel that the run in ``run_dir`` has kept; returns whether there was one."""
    kept = of_run(run_dir)
    if not kept or not kept.until:
        return False
    _end(kept)
    return True


def end_oldest(run_dir: str) -> list[str]:
    """Of the kernels that are kept of runs beside ``run_dir`` end those that are over
    ``MOST_KEPT``; returns the beginnings of their runs' IDs."""
    kept = kept_in(os.path.dirname(os.path.realpath(run_dir)))
    oldest = kept[: max(0, len(kept) - MOST_KEPT)]
    for folder in oldest:
        _end(folder, seconds=0.0)
    return [os.path.basename(folder.run_dir)[:8] for folder in oldest]


def kept_in(runs: str) -> list[KernelFolder]:
    """The kernels that are kept of runs whose directories are in ``runs``, the oldest first."""
    kept = [f for f in _found() if f.until and _is_locked(f)]
    kept = [f for f in kept if os.path.dirname(os.path.realpath(f.run_dir)) == runs]
    return sorted(kept, key=lambda folder: folder.changed)


def look(run_dir: str) -> None:
    """End what is left of kernels whose time is over, or whose supervisor was killed, and what an
    earlier start of the run in ``run_dir`` has kept."""
    for folder in _found():
        if not folder.until:
            continue
        if folder.until + END_SECONDS < time.time() or not _is_locked(folder):
            _end_by_force(folder)
        elif run_dir and folder.is_of(run_dir):
            _end(folder)


def time_of_day(when: float) -> str:
    """``when``, as time.time, on the clock; with the date where that is not today's."""
    at, today = time.localtime(when), time.localtime()
    return time.strftime("%H:%M" if at[:3] == today[:3] else "%Y-%m-%d %H:%M", at)


def can_be_found(folder: str) -> bool:
    """Whether a kernel's folder is where it is looked for: what is in a run's directory may be
    somebody else's."""
    return os.path.realpath(os.path.dirname(folder)) in map(os.path.realpath, socket_dir.places())


def _found() -> Iterator[KernelFolder]:
    """The folders of the user's kernels."""
    for place in dict.fromkeys(map(os.path.realpath, socket_dir.places())):
        with contextlib.suppress(OSError):
            for entry in os.scandir(place):
                if entry.name.startswith(socket_dir.PREFIX) and (found := _read(entry.path)):
                    yield found


def _read(path: str) -> KernelFolder | None:
    """None for what is not a folder that only this user can have made."""
    try:
        state = os.lstat(path)
        if not stat.S_ISDIR(state.st_mode) or state.st_mode & 0o077 or state.st_uid != os.getuid():
            return None
        run_dir = os.readlink(os.path.join(path, socket_dir.RUN))
    except OSError:
        return None
    pid = None
    with contextlib.suppress(OSError, ValueError):
        pid = int(os.readlink(os.path.join(path, "pid")))
    with contextlib.suppress(OSError, ValueError), open(os.path.join(path, KEPT)) as file:
        until, supervisor = file.read(200).split()
        return KernelFolder(path, run_dir, pid, state.st_mtime, float(until), int(supervisor))
    return KernelFolder(path, run_dir, pid, state.st_mtime)


def _is_locked(folder: KernelFolder) -> bool:
    """Whether the supervisor is alive."""
    with contextlib.suppress(OSError), open(os.path.join(folder.path, KEPT)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end(folder: KernelFolder, seconds: float = END_SECONDS) -> None:
    """Have the supervisor end its kernel, and wait for it; do it in its place after ``seconds``,
    0 for not at all."""
    if not _is_locked(folder):
        _end_by_force(folder)
        return
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder.path, KEPT))
    until = time.monotonic() + seconds
    while time.monotonic() < until and os.path.exists(folder.path):
        time.sleep(0.05)
    if seconds and os.path.exists(folder.path):
        _end_by_force(folder)


def _end_by_force(folder: KernelFolder) -> None:
    """Kill the supervisor, the kernel and what that has started, and remove the folder."""
    for _ in range(10):  # what is killed may have started another meanwhile
        left = [*_left(folder)]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            break
        time.sleep(0.05)
    shutil.rmtree(folder.path, ignore_errors=True)


def _left(folder: KernelFolder) -> Iterator[int]:
    """The process ids of what is left of a kernel. They may have been used again: a process is of
    the kernel whose environment says so, or that is in the session which only the kernel began."""
    import psutil

    if psutil.boot_time() > folder.changed:
        return
    its = {"JPY_PARENT_PID": str(folder.supervisor), "RUN_DIR": folder.run_dir}
    has_leader = psutil.pid_exists(folder.pid or 0)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            in_session = os.getsid(process.pid) == folder.pid and not has_leader
            is_supervisor = process.pid == folder.supervisor and _is_locked(folder)
            is_its = in_session or is_supervisor or its.items() <= process.environ().items()
            if is_its and process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid
