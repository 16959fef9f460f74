"""What the files in a run's ``.guild`` say of its state, as Guild reads them (guild/run.py).

``guild stop`` leaves out a run whose LOCK.remote names a remote (guild/commands/runs_impl.py,
_stop_runs), and asks Guild's remotes, not a plugin, to stop it. But a LOCK.remote without a name
is a remote lock to ``Run.status`` and none to ``Run.remote``: the run is ``running``, whatever
process IDs mean where somebody looks, and ``guild stop`` turns to the process in LOCK. That is a
stand-in of the run (pid_proxy.py).

A process ID means something on one machine only. In a Guild home that machines share, Guild
writes the operation's to LOCK on the worker; so that nobody elsewhere stops what has the same
number there, LOCK is a link then, to a file that each machine has of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from . import pid_proxy

CLAIM = "dask-cluster"
"""File in ``.guild`` that says which dispatcher has claimed a run: host, pid, and when that
process was started, since numbers are used again."""


class Marks:
    """The marks of one claimed run, from when it begins on a worker until it has ended."""

    def __init__(self, run: Any, when_stopped: Callable[[], None] = lambda: None) -> None:
        """``when_stopped`` is called for each ``guild stop`` of the run."""
        self._run = run
        self._when_stopped = when_stopped
        self._standin: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._pid_file: str | None = None

    async def running(self, *, shared: bool) -> None:
        """Show the run as running."""
        locks = [self._path("LOCK.remote"), *([] if shared else [self._path("LOCK")])]
        self._standin = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", pid_proxy.__file__, *locks,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._standin.stdout
        await self._standin.stdout.readline()
        self._listening = asyncio.ensure_future(self._listen())
        for attribute in ("exit_status", "stopped"):
            self._run.del_attr(attribute)
        self._write_pid(self._standin.pid, shared)
        self._write("LOCK.remote", "\n")
        if not shared:
            self._remove("PENDING")

    async def _listen(self) -> None:
        assert self._standin and self._standin.stdout
        while await self._standin.stdout.readline():
            self._when_stopped()

    def _write_pid(self, pid: int, shared: bool) -> None:
        self._remove("LOCK")
        folder = own_folder() if shared else None
        if folder:
            self._pid_file = os.path.join(folder, self._run.id)
            with open(self._pid_file, "w") as f:
                f.write(str(pid))
            os.symlink(self._pid_file, self._path("LOCK"))
        elif not shared:
            self._write("LOCK", str(pid))

    async def ended(self, *, again: bool = False) -> None:
        """Show what the run's attributes say, or that it is to begin ``again``."""
        if again:
            self._write("PENDING", "")
        for mark in ("LOCK", "LOCK.remote", *(() if again else ("PENDING", CLAIM))):
            self._remove(mark)
        if self._pid_file:
            unlink(self._pid_file)
        if self._standin and self._standin.stdin:
            try:
                self._standin.stdin.write(b"e")
                await self._standin.stdin.drain()
            except OSError:
                pass  # it was killed
            await self._standin.wait()
        if self._listening:
            self._listening.cancel()

    def failed(self, why: str, *, exit_status: int = 1) -> None:
        """Make the run one that has ended with an error, and say why in its output."""
        note(self._run, why)
        self._run.write_attr("exit_status", exit_status)
        self._run.write_attr("stopped", int(time.time() * 1_000_000))

    def _write(self, name: str, text: str) -> None:
        with open(self._path(name), "w") as f:
            f.write(text)

    def _remove(self, name: str) -> None:
        unlink(self._path(name))

    def _path(self, name: str) -> str:
        return str(self._run.guild_path(name))


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def own_folder() -> str | None:
    """A folder of this user on this machine for the files that LOCK links to; None where there
    can be none, or somebody else has taken its name."""
    path = f"/tmp/guild-notebook-{os.getuid()}"  # noqa: S108  # the same on every machine
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError:
        return None
    return path if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() else None


def note(run: Any, text: str) -> None:
    """Add a line to a run's output, as one from stderr (guild/op_util.py, RunOutput)."""
    output = run.guild_path("output")
    begun = os.path.exists(output) and os.path.getsize(output) > 0
    with open(output, "a+b") as f:
        if begun:
            f.seek(-1, os.SEEK_END)
            if f.read(1) != b"\n":
                f.write(b"\n")
        f.write(f"guild-notebook: {text}\n".encode())
    with open(run.guild_path("output.index"), "ab") as f:
        f.write(struct.pack("!QB", int(time.time() * 1000), 1))


# ---- whose a run is


def claim(run: Any, dispatcher: str) -> None:
    """Note that this process will run ``run``; the caller holds Guild's lock."""
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "run": dispatcher}
    with open(run.guild_path(CLAIM), "w", encoding="utf-8") as f:
        json.dump({**owner, "started": _started(os.getpid())}, f)


def is_orphan(run: Any) -> bool:
    """Whether a dispatcher of this machine had claimed ``run`` and was killed."""
    try:
        with open(run.guild_path(CLAIM), encoding="utf-8") as f:
            owner = json.load(f)
        if owner["host"] != socket.gethostname():
            return False
        return _started(owner["pid"]) != float(owner["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _started(pid: int) -> float | None:
    import psutil  # Guild has it

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
