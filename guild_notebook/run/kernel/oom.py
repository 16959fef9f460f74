"""Whether the system has killed a process because memory was short: Linux counts that.

A process that is killed so gets a plain SIGKILL, as from a user; only the counters of its
control group say why (cgroups(7); memory.events of version 2, memory.oom_control of version 1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

MOUNT = "/sys/fs/cgroup"

_FILES = (("memory.events", "memory.max"), ("memory.oom_control", "memory.limit_in_bytes"))
"""Of each version: what counts, and the limit in bytes."""


def limit() -> str:
    """The group's limit in words, "" where it has none of its own."""
    for _counts, limits in _files():
        text = _read(limits).strip()
        if text.isdigit() and int(text) < 1 << 60:  # version 1 has a huge number for no limit
            return f"limit {int(text) / (1 << 20):,.0f} MB"
    return ""


def kills() -> int:
    """How many processes of this one's control group, which its kernel shares, were killed so."""
    for counts, _limits in _files():
        for line in _read(counts).splitlines():
            name, _, number = line.partition(" ")
            if name == "oom_kill" and number.isdigit():
                return int(number)
    return 0


def _files() -> Iterator[tuple[str, str]]:
    for line in _read("/proc/self/cgroup").splitlines():
        _number, controllers, path = line.split(":", 2)
        version = 0 if not controllers else 1
        if version and "memory" not in controllers.split(","):
            continue
        root = os.path.join(MOUNT, controllers if version else "")
        # In a container the path may be the host's, while the mount shows the group itself.
        for folder in (os.path.join(root, path.lstrip("/")), root):
            counts, limits = (os.path.join(folder, name) for name in _FILES[version])
            if os.path.exists(counts):
                yield counts, limits
                break


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError:
        return ""
