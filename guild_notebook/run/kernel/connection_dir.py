"""A folder for a kernel's sockets and its connection file, which only the user can enter.

Who can connect to a kernel can run code as its user. In a folder of one's own with mode 0700
nobody else can, unless a folder above lets others rename it and put their own in its place.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator

LONGEST_SOCKET_PATH = 100
"""Bytes: a Unix socket's path is limited to 104 (macOS) or 108 (Linux), its end included."""

SOCKETS = "s"

_LONGEST_END = len("-00000")


def make(run_dir: str) -> str:
    """Make the folder where temporary files go, or else where it is safe, and sockets have room;
    in the run's directory where that is nowhere: who can change that has the run anyway."""
    safe = [place for place in _places() if is_safe(place)]
    roomy = [place for place in safe if has_room(os.path.join(place, "guild-nb-12345678"))]
    own = os.path.join(run_dir, ".guild")
    fallback = [own if os.path.isdir(own) else run_dir]
    return tempfile.mkdtemp(prefix="guild-nb-", dir=next(iter(roomy or safe or fallback)))


def _places() -> Iterator[str]:
    yield tempfile.gettempdir()
    if os.name == "posix":
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime:
            yield runtime
        yield "/tmp"  # noqa: S108  # checked below, and only a folder of our own is made there


def is_safe(place: str) -> bool:
    """Whether nobody but the user and root can rename what the user makes in a folder: it and all
    above it are theirs, and those that others may write to are sticky, as /tmp is."""
    if not os.access(place, os.W_OK | os.X_OK):
        return False
    if os.name != "posix":
        return True  # there folders of a user are the user's
    path = os.path.realpath(place)
    while True:
        status = os.stat(path)
        others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_uid not in (0, os.getuid()):
            return False
        if others_write and not status.st_mode & stat.S_ISVTX:
            return False
        if path == os.path.dirname(path):
            return True
        path = os.path.dirname(path)


def has_room(folder: str) -> bool:
    """Whether a socket in a folder has a path that is not too long."""
    return len(os.fsencode(os.path.join(folder, SOCKETS))) + _LONGEST_END <= LONGEST_SOCKET_PATH
