"""A folder for sockets, and for a kernel's connection file, which only the user can enter.

Whoever can connect to a kernel can run code as its user. Nobody else can connect in a folder with
mode 0700, unless a folder above it lets others rename it and put their own in its place.
"""

from __future__ import annotations

import os
import stat
import tempfile

LONGEST_SOCKET_PATH = 100
"""Bytes: a Unix socket's path is limited to 104 (macOS) or 108 (Linux), its end included."""

SOCKETS = "s"
"""The name of each of the kernel's sockets, to which jupyter_client appends a number."""

OUTPUT = "o"
"""The name of the run's own socket, to which launcher.py sends the kernel's output."""

RUN = "run"
"""The name of a link to the directory of the run whose kernel it is."""

PREFIX = "guild-nb-"
"""How the names of these folders begin."""


def make(run_dir: str) -> str:
    """Make the folder in the first of the system's temporary folders that is safe and whose path
    is short enough for sockets, else in a safe one, else in the run directory: whoever can change
    that controls the run anyway. Returns its path."""
    safe = places()
    short = [folder for folder in safe if fits_sockets(os.path.join(folder, f"{PREFIX}12345678"))]
    own = os.path.join(run_dir, ".guild")
    fallback = [own if os.path.isdir(own) else run_dir]
    return tempfile.mkdtemp(prefix=PREFIX, dir=next(iter(short or safe or fallback)))


def places() -> list[str]:
    """The system's temporary folders that are safe."""
    # Of /tmp too it is checked that it is safe, and only a folder of our own is made there.
    folders = [tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR"), "/tmp"]  # noqa: S108
    return [folder for folder in folders if folder and is_safe(folder)]


def is_safe(folder: str) -> bool:
    """Whether nobody but the user and root can rename what the user makes in ``folder``: it and
    all folders above it are theirs, and those that others may write to are sticky, as /tmp is."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    path = os.path.realpath(folder)
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


def fits_sockets(folder: str) -> bool:
    """Whether the paths of the sockets in ``folder`` are not too long."""
    return len(os.fsencode(os.path.join(folder, f"{SOCKETS}-00000"))) <= LONGEST_SOCKET_PATH
