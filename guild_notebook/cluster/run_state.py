"""The state of a run that executes on a worker, in the files of its ``.guild`` that Guild reads
for it (guild/run.py).

``guild stop`` leaves out a run whose LOCK.remote names a remote, and asks Guild's remotes, not a
plugin, to stop it (guild/commands/runs_impl.py, _stop_runs). But a LOCK.remote without a name is a
remote lock to ``Run.status`` and none to ``Run.remote``: the run is ``running``, whatever process
IDs mean where somebody looks, and ``guild stop`` turns to the process in LOCK. That is the run's
proxy (pid_proxy.py).

A process ID has a meaning on one machine only. In a Guild home that machines share, Guild writes
the operation's to LOCK on the worker; so that nobody elsewhere stops the process that has the same
number there, LOCK is a link then, to a file that each machine has of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ..run.record.run_files import RunFiles
from . import pid_proxy

OUTPUT = ".guild/output"

_APPENDED = os.O_RDWR | os.O_APPEND | os.O_CREAT

CLAIM = "dask-cluster"
"""File in ``.guild`` that says which dispatcher has claimed a run: host, process ID, and when that
process was started, since process IDs are used again."""


class RunState:
    """The state of one claimed run, from its start on a worker until it has ended."""

    def __init__(
        self,
        run: Any,
        on_stop: Callable[[], None],
        start_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """``on_stop`` is called for each ``guild stop`` of the run, by a task that ``start_task``
        starts from a coroutine."""
        self._run = run
        self._files = RunFiles(run.dir)
        self._on_stop = on_stop
        self._start_task = start_task
        self._proxy: asyncio.subprocess.Process | None = None
        self._pid_file: str | None = None

    async def set_running(self, *, shared: bool) -> None:
        """Make the run ``running``; ``shared`` says whether the worker uses its directory."""
        names = ["LOCK.remote"] if shared else ["LOCK.remote", "LOCK"]
        files = [self._run.guild_path(name) for name in names]
        self._proxy = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", pid_proxy.__file__, *files,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._proxy.stdout
        await self._proxy.stdout.readline()  # "ready"
        self._start_task(self._listen(self._proxy.stdout))
        for attribute in ("exit_status", "stopped"):
            self._run.del_attr(attribute)
        self._write_pid(self._proxy.pid, shared)
        self._files.write_file(".guild/LOCK.remote", b"\n")
        if not shared:
            self._files.remove(".guild/PENDING")

    async def _listen(self, stops: asyncio.StreamReader) -> None:
        while await stops.readline():
            self._on_stop()

    def _write_pid(self, pid: int, shared: bool) -> None:
        self._files.remove(".guild/LOCK")
        folder = pid_folder() if shared else None
        if folder:
            self._pid_file = os.path.join(folder, self._run.id)
            with open(self._pid_file, "w") as f:
                f.write(str(pid))
            os.symlink(self._pid_file, self._run.guild_path("LOCK"))
        elif not shared:
            self._files.write_file(".guild/LOCK", b"%d" % pid)

    async def set_ended(self, *, again: bool = False) -> None:
        """Make the run's status what its attributes say, or ``pending`` if it starts ``again``."""
        if again:
            self._files.write_file(".guild/PENDING", b"")
        for name in ("LOCK", "LOCK.remote", *(() if again else ("PENDING", CLAIM))):
            self._files.remove(f".guild/{name}")
        if self._pid_file:
            with contextlib.suppress(OSError):
                os.unlink(self._pid_file)
        if self._proxy and self._proxy.stdin:
            with contextlib.suppress(OSError):  # it was killed
                self._proxy.stdin.write(b"e")
                await self._proxy.stdin.drain()
            await self._proxy.wait()


def pid_folder() -> str | None:
    """A folder of this user on this machine for the files that LOCK links to; None where it cannot
    be made, or another user has a folder of this name."""
    path = f"/tmp/guild-notebook-{os.getuid()}"  # noqa: S108  # the same on every machine
    try:
        os.makedirs(path, 0o700, exist_ok=True)
        found = os.lstat(path)
    except OSError:
        return None
    return path if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() else None


def write_error(run: Any, why: str) -> None:
    """Write ``why`` a run has failed to its output, as a line from stderr (guild/op_util.py,
    RunOutput), and its attributes."""
    files = RunFiles(run.dir)
    with contextlib.suppress(OSError), os.fdopen(files.open(OUTPUT, _APPENDED), "a+b") as f:
        if f.tell() > 0:
            f.seek(-1, os.SEEK_END)
            if f.read(1) != b"\n":
                f.write(b"\n")
        f.write(f"guild-notebook: {why}\n".encode())
        files.append(f"{OUTPUT}.index", struct.pack("!QB", int(time.time() * 1000), 1))
    run.write_attr("exit_status", 1)
    run.write_attr("stopped", int(time.time() * 1_000_000))


# ---- which dispatcher has claimed a run


def claim(run: Any, dispatcher: str) -> None:
    """Write that this process, whose own run is ``dispatcher``, will execute ``run``. The caller
    holds Guild's lock."""
    owner = {"host": socket.gethostname(), "pid": os.getpid(), "run": dispatcher}
    text = json.dumps({**owner, "started": _start_time(os.getpid())})
    RunFiles(run.dir).write_file(f".guild/{CLAIM}", text.encode())


def is_orphan(run: Any) -> bool:
    """Whether a dispatcher of this machine had claimed ``run`` and was killed."""
    try:
        owner = json.loads(RunFiles(run.dir).read(f".guild/{CLAIM}"))
        if owner["host"] != socket.gethostname():
            return False
        return _start_time(owner["pid"]) != float(owner["started"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return False


def _start_time(pid: int) -> float | None:
    import psutil  # Guild has it

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
