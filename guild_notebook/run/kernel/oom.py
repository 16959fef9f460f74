"""The memory that the control groups of this process allow it (cgroups(7)), and whether the system
has killed a process because memory was short: Linux counts that.

A process that is killed so gets a plain SIGKILL, as from a user; only the counters of its
control group say why (memory.events of version 2, memory.oom_control of version 1).

Imports nothing of this package: a process of the kernel's Python loads it from its file too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

MOUNT = "/sys/fs/cgroup"

_FILES = (
    ("memory.events", "memory.max", "memory.current"),
    ("memory.oom_control", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Of each version: what counts, the limit in bytes, and what is used of it."""


def limit() -> str:
    """The lowest limit in words, "" where there is none."""
    lowest = min((most for most, _free in limits()), default=0)
    return f"limit {lowest / (1 << 20):,.0f} MB" if lowest else ""


def limits() -> Iterator[tuple[int, int]]:
    """The limits of this process's group and of those that it is in, and what is free of each, in
    bytes. Files in memory that the system can take back are free."""
    for folder, (_counts, limit, used) in _groups():
        texts = [_read(os.path.join(folder, name)).strip() for name in (limit, used)]
        most, taken = (int(text) if text.isdigit() else 0 for text in texts)
        if 0 < most < 1 << 60:  # version 1 has a huge number for no limit
            yield (
                most,
                most - taken + _counted(os.path.join(folder, "memory.stat"), "inactive_file"),
            )


def kills() -> int:
    """How many processes of this one's control group, which its kernel shares, were killed so."""
    for folder, (counts, _limit, _used) in _groups():
        return _counted(os.path.join(folder, counts), "oom_kill")
    return 0


def _groups() -> Iterator[tuple[str, tuple[str, str, str]]]:
    """The folder of this process's group, and those of the groups that it is in."""
    for line in _read("/proc/self/cgroup").splitlines():
        _number, controllers, path = line.split(":", 2)
        version = 0 if not controllers else 1
        if version and "memory" not in controllers.split(","):
            continue
        root = f"{MOUNT}/{controllers}" if version else MOUNT
        folder = root + path.rstrip("/")
        # In a container the path may be the host's, while the mount shows the group itself.
        while len(folder) >= len(root):
            if os.path.exists(os.path.join(folder, _FILES[version][0])):
                yield folder, _FILES[version]
            folder = os.path.dirname(folder)


def _counted(path: str, name: str) -> int:
    for line in _read(path).splitlines():
        key, _, number = line.partition(" ")
        if key == name and number.isdigit():
            return int(number)
    return 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError:
        return ""
