"""The kernel of a trial as a fork of the process that has executed the cells which all trials share
(nb-fork): prefix.py, which who runs the trials starts for the first of them (fork_host)."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ... import fork_host
from ...document.cell_limits import NO_LIMIT, CellLimit
from ...document.measures import Measures, memory_text
from ...document.shared_cells import Second, SharedCells
from . import prefix, supervisor
from .memory import OWN_PEAK
from .starting import Child, KernelStart, Pipes
from .usage import MEMORY_SECONDS, Usage

FOLDER = "run"
"""In the host's folder, where the shared cells work: what a trial's run directory has before it
begins."""

LARGEST_COPY = 10_000_000
"""Bytes of a file of these that is copied; a larger one is a link."""

OF_RUN = ("RUN_ID", "RUN_DIR", "CMD_DIR", "GUILD_HOME", "JPY_PARENT_PID")
"""The variables that are a run's own: on the worker of a cluster each run has its own supervisor,
and may have its own home."""

CONNECT_SECONDS = 10.0
"""Time in which the process has its socket: it makes that first of all."""

BEGIN_SECONDS = 60.0
"""Time, beside that of a cell, in which the process says at which one it is: it may have to start
first, or be within one."""

FORK_SECONDS = 60.0
"""Time that a fork may take: the system copies the table of the process's memory."""

WORTH_SECONDS = 0.5
"""Cells between both points that take less are no reason to fork there: looking at a process takes
about as long."""

_COLLECTS = re.compile(r"\bgc\b")
"""In cells that look for objects, or have those collected that refer to each other: what is frozen
would not be found there."""


@dataclass(frozen=True)
class SharedCell:
    """A cell that is executed once: its ``index``, ``source`` with the values of flags, what it is
    called, and whether it ``may_fail`` without an end of the run. Names that it ``sets`` to values
    in which the trials differ are set by each trial for itself: the source has none of these
    values, and no cell that is executed once finds the names. It has the time of its ``limit``."""

    index: int
    source: str
    where: str
    may_fail: bool
    sets: Sequence[str] = ()
    limit: CellLimit = NO_LIMIT


@dataclass(frozen=True)
class SecondPoint:
    """A later point at which those ``trials`` part that have the same values of the flags ``same``:
    they have ``cells`` more in common, before that called ``end``. ``before`` are the cells up to
    the first point with these values."""

    cells: Sequence[SharedCell]
    before: Sequence[SharedCell]
    same: Sequence[str]
    end: str
    trials: int


class ForkedSupervisor(Child):
    """The supervisor of a forked kernel. Its parent, which tells how it has ended, is at the other
    end of ``connection``."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        super().__init__(pid)
        self._connection = connection

    def poll(self) -> int | None:
        return self._status(0.0)

    def wait(self) -> int:
        status = None
        while status is None:
            status = self._status(1.0)
        return status

    def _status(self, seconds: float) -> int | None:
        told_fd = [self._connection.fileno()]
        if self.returncode is None and supervisor.readable(told_fd, seconds):
            told = _line(self._connection)
            if told or not supervisor.process_of(self.pid):
                self.returncode = told.get("exit", -9)
            else:  # its parent has ended, and it has not
                time.sleep(min(seconds, 0.1))
        return self.returncode


def _variable(flag: str) -> str:
    """The environment variable of a flag, as Guild has it."""
    return f"FLAG_{re.sub('[^A-Z0-9_]', '_', flag.upper())}"


def _digest(wanted: Any) -> str:
    """The key of a process: trials that want the same have the same one."""
    text = json.dumps(wanted, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _line(connection: socket.socket) -> dict[str, Any]:
    """The next line of JSON; empty at the end. Waits for it."""
    text = b""
    with contextlib.suppress(OSError):
        while not text.endswith(b"\n"):
            data = connection.recv(1)
            if not data:
                return {}
            text += data
    return dict(json.loads(text)) if text else {}


class Prefix:
    """The shared ``cells`` of a trial which has a host (fork_host), whose run directory is
    ``run_dir`` and whose kernel ``start`` is to be. ``varying`` are the flags that the trials
    differ in, ``sources`` are the cells that run, and ``required`` names the files that Guild has
    put there. ``shared`` says, once it is ``ready``, how the cells were executed. ``reason`` is why
    the kernel is not forked. ``lines`` are what no trial before has said, and ``end`` is what the
    first cell is called that is not shared; ``why`` says why it is not where this is seen from what
    the cells before have done. ``second`` is a later point, None where there is none to try. The
    process with the cells may take as many bytes of memory as the ``memory_limit``, None for
    any."""

    def __init__(
        self,
        start: KernelStart,
        cells: Sequence[SharedCell],
        run_dir: str,
        varying: Collection[str],
        sources: Sequence[str],
        required: str,
        memory_limit: int | None = None,
    ) -> None:
        self._host = os.environ[fork_host.VARIABLE]
        self._start, self.cells = start, cells
        self._run_dir = os.path.realpath(run_dir)
        self._folder = os.path.join(os.path.realpath(self._host), FOLDER)
        self._may_reset_peak = not any(map(OWN_PEAK.search, sources))
        self._may_freeze = not any(map(_COLLECTS.search, sources))
        self._required = required
        self._memory_limit = memory_limit
        self._connection: socket.socket | None = None
        self._key = ""
        self._own = {*OF_RUN, *map(_variable, varying)}
        self.second: SecondPoint | None = None
        # The connection to the process that the other is a fork of, and what it has executed.
        self._first: tuple[socket.socket | None, Sequence[SharedCell], SharedCells] | None = None
        self._grow_key = ""
        self.shared = SharedCells()
        self.reason = ""
        self.lines: list[str] = []
        self.end, self.why = "the end", ""

    def refuse(self, reason: str, cells: int = 0) -> None:
        """The trials have kernels of their own, for this ``reason``, or share the first ``cells``
        only."""
        if self._connection:
            self._connection.close()
        self.reason = reason
        told = {"key": self._key, "reason": reason, "cells": cells}
        self._tell({"refuse": told}, fork_host.refusal(reason))

    def say(self, line: str, what: str = "") -> None:
        """Have who runs the trials say ``what`` holds for all of them."""
        self._tell({"say": {"key": self._key + what, "line": line}}, line)

    def _tell(self, message: dict[str, Any], line: str) -> None:
        with contextlib.suppress(OSError):
            if fork_host.ask(self._host, message).get("first"):
                self.lines.append(line)

    def begin(self) -> None:
        """Have the process started that executes the cells, unless it has been. Where it must not
        be forked after the last of them, those before are shared after which it may be."""
        try:
            reply = self._want()
            while 0 < reply.get("cells", 0) < len(self.cells):
                self.second = None
                self.end = self.cells[reply["cells"]].where
                self.why = str(reply["reason"]).replace(self.end, "it")
                self.cells = self.cells[: reply["cells"]]
                reply = self._want()
        except OSError as e:  # who runs the trials is about to end, or the disk is full
            self.refuse(f"the shared cells cannot be executed: {e}")
            return
        self.reason = ""
        if reply.get("state") != "running":
            self.reason = str(reply.get("reason") or "who runs the trials has ended")
            if reply.get("first"):
                self.lines.append(fork_host.refusal(self.reason))

    def _want(self) -> dict[str, Any]:
        environ = self._variables()
        work = self._of_prefix(self._start.cwd)
        env = copy.copy(self._start.env)
        env.folders = list(map(self._of_prefix, env.folders))
        config = {
            "cells": list(map(asdict, self.cells)),
            "setup": env.setup_code("ipython", ""),
            "arguments": self._start.extra_arguments,
            "run_variables": sorted(self._own),
            "may_reset_peak": self._may_reset_peak,
            "may_freeze": self._may_freeze,
        }
        command = [self._start.program, prefix.__file__, self._host, fork_host.PROCESS]
        kept = {name: value for name, value in environ.items() if name not in self._own}
        same = [command, work, sorted(kept.items()), config, self._required]
        self._key = _digest(same)
        with self._locked():
            reply = fork_host.ask(self._host, {"want": {"key": self._key}})
            if reply.get("state") == "none":
                shutil.rmtree(self._folder, ignore_errors=True)
                _copy(self._run_dir, self._folder)
                os.makedirs(work, exist_ok=True)
                path = os.path.join(self._host, prefix.CONFIG)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    json.dump(config, file)
                wanted = {"key": self._key, "command": command, "cwd": work, "env": environ}
                reply = fork_host.ask(self._host, {"want": wanted})
        return reply

    def _of_prefix(self, path: str) -> str:
        """What is in the run directory, in the folder where the shared cells work."""
        real = os.path.realpath(path)
        if os.path.commonpath([real, self._run_dir]) == self._run_dir:
            return os.path.normpath(
                os.path.join(self._folder, os.path.relpath(real, self._run_dir))
            )
        return path

    def _variables(self) -> dict[str, str]:
        variables = self._start.variables()
        return {
            name: value.replace(self._run_dir, self._folder) for name, value in variables.items()
        }

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(os.path.join(self._host, fork_host.LOCK), "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    async def ready(self, stopped: asyncio.Event) -> bool:
        """Wait until the cells have been executed; returns whether the kernel can be forked. Where
        it cannot, the ``reason`` is there, but for a run that is ``stopped``."""
        if self.reason:
            return False
        stop = asyncio.ensure_future(stopped.wait())
        try:
            self._connection = await self._connected(stop)
            while self._connection:
                told = await self._told(stop, self.cells)
                if "over" in told:
                    self.refuse(told["over"])
                if told.keys() & {"over", "stopped"}:
                    break
                if "ready" in told:
                    self._set_shared(told["ready"])
                    if self.second:
                        await self._grow(self.second, stop)
                    return True
                cells = told.get("cells", 0)
                self.refuse(str(told.get("refused") or fork_host.how_ended(self._host)), cells)
                if not cells:
                    break
                self.begin()
                self._connection = None if self.reason else await self._connected(stop)
            return False
        finally:
            stop.cancel()

    async def _told(
        self, stop: asyncio.Future[Any], cells: Sequence[SharedCell], first: int = 0
    ) -> dict[str, Any]:
        """What the process says once it has executed its cells, of which the ``first`` is next:
        empty where it has ended. ``over`` is said here of one that takes more time or memory than
        it may, and ``stopped`` for a run that is."""
        limits = [cell.limit for cell in cells[first:]]
        limit = max(limits, key=lambda limit: limit.seconds or math.inf)
        limit = limit._replace(seconds=limit.seconds and limit.seconds + BEGIN_SECONDS)
        pid = None
        while True:
            line = asyncio.ensure_future(self._next_line())
            over = asyncio.ensure_future(self._over_memory(pid))
            await asyncio.wait(
                [line, stop, over], timeout=limit.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            over.cancel()
            if not line.done():
                line.cancel()
                if stop.done():
                    return {"stopped": True}
                slow = f"a shared cell takes longer than {limit.option}"
                return {"over": over.result() if over.done() else slow}
            told = line.result()
            if "cell" not in told:
                return told
            pid = told["pid"]
            limit = cells[told["cell"]].limit if told["cell"] < len(cells) else NO_LIMIT

    async def _over_memory(self, pid: int | None) -> str:
        """Wait until the process with this ``pid``, and those that come from it, take more memory
        than they may; returns a text that says so."""
        limit, held = self._memory_limit, 0
        if not (limit and pid):
            return await asyncio.Future[str]()  # which never comes
        usage = Usage(pid, None, may_reset=False)
        try:
            while held <= limit:
                await asyncio.sleep(MEMORY_SECONDS)
                held = usage.held(limit)
        finally:
            usage.close()
        sizes = memory_text(held), memory_text(limit)
        return f"a shared cell takes {sizes[0]} of memory, over {sizes[1]} (nb-memory-limit)"

    async def _grow(self, second: SecondPoint, stop: asyncio.Future[Any]) -> None:
        """Go on with a process that has executed the cells up to the ``second`` point, unless there
        can be none."""
        variables, same = self._start.variables(), set(map(_variable, second.same))
        wanted: dict[str, Any] = {
            "cells": list(map(asdict, second.cells)),
            "settings": [{"source": cell.source, "sets": cell.sets} for cell in second.before],
            "variables": {name: value for name, value in variables.items() if name in same},
            "may_reset_peak": self._may_reset_peak,
            "worth": WORTH_SECONDS,
        }
        self._grow_key = _digest(wanted)
        self._first = self._connection, self.cells, self.shared
        try:
            about = {"key": self._grow_key, "trials": second.trials}
            await self._send({"grow": {**about, **wanted}})
            answer = await self._next_line()
            if "grown" not in answer:
                await self._leave(str(answer.get("refused", "")))
                return
            self._connection = self._connect(str(answer["grown"]))
            told = await self._told(stop, [*self.cells, *second.cells], len(self.cells))
        except OSError:  # it has ended
            told = {}
        if "stopped" in told:
            self.leave_second()
        elif "ready" in told:
            self.cells = [*self.cells, *second.cells]
            self._set_shared(told["ready"])
        else:
            ended = "the process that has executed them has ended"
            reason = str(told.get("refused", told.get("over", ended)))
            await self._leave(reason, True, bool(told.get("is_of_cell")))

    async def _leave(self, reason: str, has_failed: bool = False, is_of_cell: bool = False) -> None:
        """Go on with the process of the first point. After what ``has_failed`` no other trial tries
        it; but one with other values, where the reason ``is_of_cell``."""
        self.leave_second()
        if has_failed:
            told = {"key": self._grow_key, "reason": reason, "is_of_cell": is_of_cell}
            with contextlib.suppress(OSError):
                await self._send({"refuse": told})
                await self._next_line()
        if reason and self.second:
            of = " and ".join(self.second.same)
            which = "the same" if has_failed and not is_of_cell else "one"
            line = f"nb-fork: trials with {which} value of {of} share no more cells: {reason}"
            self.say(line, "no second")

    def leave_second(self) -> bool:
        """Go on with the process of the first point, where there is one of the second."""
        if self._first is None:
            return False
        if self._connection and self._connection is not self._first[0]:
            self._connection.close()
        self._connection, self.cells, self.shared = self._first
        self._first = None
        return True

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._connection
        data = json.dumps(message).encode() + b"\n"
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def _connected(self, stop: asyncio.Future[Any]) -> socket.socket | None:
        until = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < until and not stop.done():
            try:
                return self._connect(fork_host.PROCESS)
            except OSError:
                await asyncio.sleep(0.01)
        if not stop.done():
            self.refuse(fork_host.how_ended(self._host))
        return None

    def _connect(self, name: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(os.path.join(self._host, name))
        except OSError:
            connection.close()
            raise
        connection.setblocking(False)
        return connection

    async def _next_line(self) -> dict[str, Any]:
        assert self._connection
        loop, text = asyncio.get_running_loop(), b""
        while not text.endswith(b"\n"):
            data = await loop.sock_recv(self._connection, 1)
            if not data:
                return {}
            text += data
        return dict(json.loads(text))

    def _set_shared(self, told: Mapping[str, Any]) -> None:
        took = {
            cell.index: Measures(seconds, cpu, memory or None)
            for cell, (seconds, cpu, memory) in zip(self.cells, told["took"])
        }
        (prefix, began, _), *later = told["processes"]
        second = [Second(each, since, self.cells[cell].index) for each, since, cell in later]
        self.shared = SharedCells(took, prefix, began, *second)

    def fork(
        self, pipes: Pipes, cwd: str, env: Mapping[str, str], file: str, folder: str
    ) -> ForkedSupervisor:
        """Fork a kernel that works in ``cwd`` with the variables ``env``, whose connection file is
        ``file``, in ``folder``. Raises OSError."""
        connection = self._connection
        assert connection
        connection.settimeout(FORK_SECONDS)
        request = {"cwd": cwd, "env": dict(env), "connection_file": file, "folder": folder}
        data = json.dumps({"fork": request}).encode() + b"\n"
        sent = socket.send_fds(connection, [data], pipes.ends)
        connection.sendall(data[sent:])
        told = _line(connection)
        if "pid" not in told:
            raise OSError(0, "the process that has executed the shared cells has ended")
        if self._first and self._first[0]:
            self._first[0].close()
        return ForkedSupervisor(told["pid"], connection)


def _copy(run_dir: str, folder: str) -> None:
    """Copy what a run directory has before the run begins. Of Guild's own folder there is what it
    may have of the source code."""
    os.makedirs(folder, mode=0o700)
    for entry in os.scandir(run_dir):
        target = os.path.join(folder, entry.name)
        if entry.name == ".guild":
            code = os.path.join(entry.path, "sourcecode")
            if os.path.isdir(code):
                _copy(code, os.path.join(target, "sourcecode"))
        elif entry.is_symlink():
            os.symlink(os.path.join(run_dir, os.readlink(entry.path)), target)
        elif entry.is_dir():
            _copy(entry.path, target)
        elif entry.is_file() and entry.stat().st_size <= LARGEST_COPY:
            shutil.copy2(entry.path, target)
        elif entry.is_file():
            os.symlink(entry.path, target)
