"""Forks of the process with the shared cells which go on with more cells, for those trials that
have the same value of a flag which varies slower than others: a second point where trials part.

Such a process serves trials as the other does (prefix.py), and can have such forks itself. One is
ended when all of its trials have had it, of which each knows the number: they may come in any
order. Where memory is short it is ended when trials want the next, until one is wanted again that
was ended so: from then on those that are there are kept, and others are refused.

Imports nothing of this package: loaded from its file by a process of the kernel's Python.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from typing import Any

KEPT_FREE = 0.5
"""Of the memory: where less is free it is short."""


class Grown:
    """The forks of this process that go on with more cells, each by a key. Their sockets are in
    ``folder``, beside that of this one. ``guards`` are the processes that guard them, children of
    this one, and have not ended. ``sibling`` loads the modules beside this one."""

    def __init__(self, folder: str, sibling: Any) -> None:
        self._folder, self._sibling = folder, sibling
        self._alive: dict[str, tuple[str, int, int]] = {}  # path of the socket, guard, lifeline
        self._refused: dict[str, str] = {}  # "" is for all that do not live
        self._wanted: set[str] = set()
        self._left: dict[str, int] = {}  # how many trials have yet to want it
        self._number = 0
        self._is_mixed = False  # whether a key was wanted again after others
        self.guards: set[int] = set()

    def lifelines(self) -> list[int]:
        """Each ends with its last copy, so no fork may have one."""
        return [lifeline for _, _, lifeline in self._alive.values()]

    def answer(self, key: str, trials: int, needed: Collection[str]) -> tuple[dict[str, Any], str]:
        """What one of ``trials`` that want the process with this ``key`` is told: the name of its
        socket, or why there is none. With a path it has yet to be started, and to ``add``. Others
        wait for those that are ``needed``."""
        self._left[key] = (self._left.get(key) or trials) - 1
        others = self._alive.keys() - {key, *needed}
        for other in others:
            if self._left[other] <= 0:
                self._end(other)
        if key in self._alive:
            return {"grown": os.path.basename(self._alive[key][0])}, ""
        reason = self._refused.get(key, self._refused.get(""))
        if reason is not None:
            return {"refused": reason}, ""
        self._is_mixed = self._is_mixed or key in self._wanted
        free, size = memory(self._sibling)
        if self._alive and free < size * KEPT_FREE:
            if self._is_mixed:
                return {"refused": "less than half of the memory is free for more of them"}, ""
            for other in others & self._alive.keys():
                self._end(other)
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


def memory_problem(sibling: Any) -> str:
    """Why this process must not be there beside trials that may change all that it has of its own,
    "" where it may."""
    own = sibling("memory").bytes_in(_read("/proc/self/smaps_rollup"), b"\nPrivate_Dirty:")
    free, _size = memory(sibling)
    if own <= free:
        return ""
    return f"they take {own / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"


def memory(sibling: Any) -> tuple[int, int]:
    """How much memory is free for processes, and how much there is, in bytes: 0 where that is not
    known. A control group may allow less."""
    known = b"\n" + _read("/proc/meminfo")
    names = b"\nMemAvailable:", b"\nMemTotal:"
    free, size = (sibling("memory").bytes_in(known, name) for name in names)
    for most, left in sibling("oom").limits():
        free, size = min(free, left), min(size, most)
    return free, size


def _read(path: str) -> bytes:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""
