"""Forks of the process with the shared cells which go on with more cells, for those trials that
have the same value of a flag which varies slower than others: a second point where trials part.

Such a process serves trials as the other does (prefix.py), and can have such forks itself. One is
ended when trials want the next: they come ordered, most often. Where one is wanted again that was
ended they do not, and all are kept from then on, as long as there is memory.

Imports nothing of this package: loaded from its file by a process of the kernel's Python.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from typing import Any

KEPT_FREE = 0.5
"""Of the memory: less must not be free where another process is kept."""

CONTROL_GROUPS = {
    "/sys/fs/cgroup": ("memory.max", "memory.current"),
    "/sys/fs/cgroup/memory": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
"""Of both versions: what may be used, and what is."""


class Grown:
    """The forks of this process that go on with more cells, each by a key. Their sockets are in
    ``folder``, beside that of this one. ``guards`` are the processes that guard them, children of
    this one, and have not ended."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._alive: dict[str, tuple[str, int, int]] = {}  # path of the socket, guard, lifeline
        self._refused: dict[str, str] = {}  # "" is for all that do not live
        self._wanted: set[str] = set()
        self._number = 0
        self._keeps = False
        self.guards: set[int] = set()

    def lifelines(self) -> list[int]:
        """Each ends with its last copy, so no fork may have one."""
        return [lifeline for _, _, lifeline in self._alive.values()]

    def answer(self, key: str, needed: Collection[str]) -> tuple[dict[str, Any], str]:
        """What who wants the process with this ``key`` is told: the name of its socket, or why
        there is none. With a path it has yet to be started, and to ``add``. Others wait for those
        that are ``needed``."""
        self._keeps = self._keeps or (key in self._wanted and key not in self._alive)
        for other in self._alive.keys() - {key, *needed} if not self._keeps else ():
            self._end(other)
        if key in self._alive:
            return {"grown": os.path.basename(self._alive[key][0])}, ""
        reason = self._refused.get(key, self._refused.get(""))
        if reason is not None:
            return {"refused": reason}, ""
        free, size = memory()
        if self._keeps and self._alive and free < size * KEPT_FREE:
            return {"refused": "less than half of the memory is free for more of them"}, ""
        self._wanted.add(key)
        self._number += 1
        path = os.path.join(self._folder, f"p{os.getpid()}-{self._number}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return {"grown": os.path.basename(path)}, path

    def add(self, key: str, path: str, guard: int, lifeline: int) -> None:
        self._alive[key] = path, guard, lifeline
        self.guards.add(guard)

    def refuse(self, key: str, reason: str, is_of_cell: bool) -> None:
        """End it, and start it no more; no other either, unless the reason ``is_of_cell``, which
        may not be one for other values of the flag."""
        self._refused.setdefault(key if is_of_cell else "", reason)
        self._wanted.discard(key)
        if key in self._alive:
            self._end(key)

    def _end(self, key: str) -> None:
        path, _, lifeline = self._alive.pop(key)
        os.close(lifeline)
        with contextlib.suppress(OSError):
            os.unlink(path)

    def ended(self, pid: int) -> None:
        """That a process has ended, which may be a guard: then what it guards has as well."""
        self.guards.discard(pid)
        for key, (_, guard, _) in [*self._alive.items()]:
            if guard == pid:
                self.refuse(key, "the process that has executed them has ended", False)


def memory_problem() -> str:
    """Why this process must not be there beside trials that may change all that it has of its own,
    "" where it may."""
    own, free = _own(), memory()[0]
    if own <= free:
        return ""
    return f"they take {own / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"


def _own() -> int:
    """The memory, in bytes, that this process shares with no other; 0 where that is not known."""
    return _lines("/proc/self/smaps_rollup").get("Private_Dirty", 0) * 1024


def memory() -> tuple[int, int]:
    """How much memory is free for processes, and how much there is, in bytes: 0 where that is not
    known. A control group may allow less (cgroups(7))."""
    known = _lines("/proc/meminfo")
    free, size = known.get("MemAvailable", 0) * 1024, known.get("MemTotal", 0) * 1024
    for folder, names in CONTROL_GROUPS.items():
        most, used = (_number(os.path.join(folder, name)) for name in names)
        if 0 < most < size:
            cache = _lines(os.path.join(folder, "memory.stat")).get("inactive_file", 0)
            free, size = min(free, most - used + cache), most
    return free, size


def _lines(path: str) -> dict[str, int]:
    """The lines ``Name: 12 kB`` of a file of the system, with or without a unit."""
    found = {}
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            name, *words = line.split()
            if words and words[0].isdigit():
                found[name.rstrip(":")] = int(words[0])
    return found


def _number(path: str) -> int:
    """That which a file holds, 0 where it holds none."""
    with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
        return int(file.read())
    return 0
