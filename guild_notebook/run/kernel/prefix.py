"""The process that executes once the cells that the trials of a sweep share, and that is forked for
each trial (nb-fork).

It is started by the kernel's Python as ``python prefix.py FOLDER p``, by fork_host.py, and imports
nothing of this package, since that Python need not have it: what it needs of it lies beside this
file. FOLDER, which only the user can enter, has ``prefix.json``, which says what to execute
(forking.py), and gets the Unix socket ``p``. The process ends when its standard input does, which
is a pipe of who runs the trials; then FOLDER is removed.

Who connects to ``p`` gets lines of JSON: ``{"cell": N}`` when the N-th cell begins, then either
``{"refused": REASON, "cells": N}``, where a process that executes only the first N can be forked,
or ``{"ready": …}``, after which it may ask for a kernel: ``{"fork": …}``, with the descriptors of
the supervisor's pipes (supervisor.py), is answered by ``{"pid": PID}`` and, when that supervisor
has ended, by ``{"exit": STATUS}``.

There is one thread, or else it could not be forked.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
import uuid
from typing import Any

CONFIG = "prefix.json"

TOLD_SECONDS = 60.0
"""Time in which who comes is told why there is no fork. The host ends the process before that."""


def sibling(name: str) -> Any:
    """A module beside this file, which is not put where the notebook could import it."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec: Any = importlib.util.spec_from_file_location(f"guild_notebook.{name} ", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(folder: str, name: str) -> None:
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # not with PYTHONSAFEPATH
        del sys.path[0]
    supervisor = sibling("supervisor")
    serving = _guarded(folder, supervisor)
    with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
        config = json.load(file)
    os.unlink(file.name)
    clients = _Clients(os.path.join(folder, name), supervisor.readable)
    try:
        prefix, ready = _executed(config, clients, serving)
    except (Exception, SystemExit) as e:  # as of an ipykernel that is not known
        clients.refuse(f"the process that executes them failed with {type(e).__name__}: {e}")
        raise
    os.write(serving, b"1")
    request, output = _serve(clients, ready, serving, supervisor)
    prefix.become_kernel(request, output)


def _executed(config: Any, clients: _Clients, serving: int) -> tuple[Any, Any]:
    """Execute the cells; returns the kernel and what clients are told of it. Ends where this
    process must not be forked."""
    began = time.time()
    launcher = sibling("launcher")
    atexit.register(launcher.end_at_once)  # before all others, so it is called after them
    launcher.leave_out_debugger()
    prefix = sibling("prefix_kernel").Prefix(config, launcher, sibling)
    peak_memory = sibling("memory").PeakMemory
    seconds, memory, cpu, problem = [], [], [], ""
    for number, cell in enumerate(config["cells"], 1):
        clients.tell({"cell": number - 1})
        peak = peak_memory(os.getpid(), config["may_reset_peak"])
        peak.begin()
        started, before = time.monotonic(), _cpu_seconds()
        problem = prefix.execute(cell)
        seconds.append(time.monotonic() - started)
        cpu.append(_cpu_seconds() - before)
        memory.append(peak.end())
        peak.close()  # no file is open where it is looked whether one is
        is_last = number == len(config["cells"])
        if not problem:
            problem = prefix.problem([serving, *clients.fds()], is_last)
            if not (is_last or prefix.has_drawn):
                problem = ""  # which may be over at the end
        if problem:
            clients.refuse(problem, prefix.cells_before)
            os._exit(0)  # the guard ends what the cells have started
    prefix.settle()
    taken = {"seconds": seconds, "memory": memory, "cpu": cpu}
    return prefix, {"ready": {"id": uuid.uuid4().hex, "began": began, **taken}}


def _cpu_seconds() -> float:
    """The CPU time of this process, and of those that it has started and waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _guarded(folder: str, supervisor: Any) -> int:
    """Go on as a child of this process, which ends the child with the lifeline, and what its cells
    have started. Returns, in the child, a pipe for a byte once it serves: what it has forked then
    is not to be ended."""
    lifeline, (serving, told) = os.dup(0), os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    since = time.time()
    pid = os.fork()
    if not pid:
        os.close(lifeline)
        os.close(serving)
        os.setsid()
        supervisor.prctl(supervisor.PR_SET_PDEATHSIG, signal.SIGKILL)
        return told
    os.close(told)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of all processes of a batch: its end is told
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor.prctl(supervisor.PR_SET_CHILD_SUBREAPER, 1)
    is_serving = removes = False
    while lifeline not in supervisor.readable([lifeline, serving]):
        if not os.read(serving, 1):
            break  # it has ended
        is_serving = True
    else:
        removes = not os.read(lifeline, 1)  # else the host goes on, and does it
    if is_serving:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    else:
        descendants = supervisor.descendants_of(pid, os.getpid(), since)
        supervisor.end_descendants(descendants, lambda: True)
    if removes:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


class _Clients:
    """Who is connected to the socket at ``path``. ``readable`` is that of supervisor.py."""

    def __init__(self, path: str, readable: Any) -> None:
        self._readable = readable
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._sockets: dict[int, socket.socket] = {}
        self._last: Any = None

    def fds(self) -> list[int]:
        return [self._listener.fileno(), *self._sockets]

    def tell(self, message: Any) -> None:
        """Send ``message`` to all, and to those that come before the next."""
        self._accept()
        self._last = message
        for client in [*self._sockets.values()]:
            self.send(client, message)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = self._listener.accept()
                client.setblocking(True)
                self._sockets[client.fileno()] = client
                if self._last is not None:
                    self.send(client, self._last)

    def send(self, client: socket.socket, message: Any) -> None:
        try:
            client.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self._forget(client)

    def _forget(self, client: socket.socket) -> None:
        self._sockets.pop(client.fileno(), None)
        client.close()

    def refuse(self, reason: str, cells: int = 0) -> None:
        self.tell({"refused": reason, "cells": cells})
        until = time.monotonic() + TOLD_SECONDS
        while time.monotonic() < until:
            self._readable([self._listener.fileno()], 1.0)
            self._accept()

    def request(self, more: list[int]) -> tuple[socket.socket | None, Any, list[int]]:
        """Wait for a request; returns who asks, what, and the descriptors. None where one of
        ``more`` can be read from."""
        while True:
            for fd in self._readable([*self.fds(), *more]):
                if fd in more:
                    return None, None, []
                if fd == self._listener.fileno():
                    self._accept()
                    continue
                client = self._sockets[fd]
                data, descriptors = _received(client)
                if data:
                    return client, json.loads(data), descriptors
                self._forget(client)

    def close(self) -> None:
        for client in [self._listener, *self._sockets.values()]:
            client.close()


def _received(client: socket.socket) -> tuple[bytes, list[int]]:
    """A line, and the descriptors that came with it; nothing where there is none."""
    descriptors, size = array.array("i"), 16 * array.array("i").itemsize
    text = b""
    while not text.endswith(b"\n"):
        try:
            data, ancillary, _, _ = client.recvmsg(1 << 20, socket.CMSG_LEN(size))
        except OSError:
            data, ancillary = b"", []
        for level, kind, values in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors.frombytes(values[: len(values) - len(values) % descriptors.itemsize])
        if not data:
            for fd in descriptors:
                os.close(fd)
            return b"", []
        text += data
    return text, list(descriptors)


class _InKernel(Exception):  # noqa: N818  # it is no error
    """Raised in a forked kernel, to leave the functions of its supervisor."""


def _serve(clients: _Clients, ready: Any, serving: int, supervisor: Any) -> Any:
    """Fork a supervisor and a kernel for each request. Returns in the kernels: the request, and
    the descriptor to which the kernel's process itself writes."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    mask = signal.pthread_sigmask(signal.SIG_SETMASK, [])
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    supervisor.prctl(supervisor.PR_SET_CHILD_SUBREAPER, 1)
    supervisors: dict[int, socket.socket] = {}
    clients.tell(ready)
    while True:
        client, message, descriptors = clients.request([wake])
        if client is None:
            os.read(wake, 4096)
            _reap(supervisors, clients, supervisor)
            continue
        request = message["fork"]
        pid = os.fork()
        if pid:
            for fd in descriptors:
                os.close(fd)
            supervisors[pid] = client
            clients.send(client, {"pid": pid})
            continue
        kernel = _supervised(
            request["folder"], descriptors, [wake, woken, serving], clients, supervisor
        )
        if kernel:
            signal.signal(signal.SIGCHLD, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return request, descriptors[2]


def _supervised(
    folder: str,
    descriptors: list[int],
    others: list[int],
    clients: _Clients,
    supervisor: Any,
) -> bool:
    """In a fork: be a supervisor, and do not return; or be its kernel, for which this is True."""
    liveness, status, output = descriptors

    def start(not_for_kernel: tuple[int, ...]) -> int:
        kernel = os.fork()
        if kernel:
            supervisor.keep_only(not_for_kernel, output)
            return kernel
        os.setsid()
        supervisor.prctl(supervisor.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for fd in not_for_kernel:
            os.close(fd)
        raise _InKernel

    status_of_exit = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        clients.close()
        for fd in others:
            os.close(fd)
        gc.disable()
        supervisor.main(liveness, status, folder, start)
        status_of_exit = 0
    except _InKernel:
        gc.enable()
        return True
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    os._exit(status_of_exit)


def _reap(supervisors: dict[int, socket.socket], clients: _Clients, supervisor: Any) -> None:
    """Tell who has asked for a supervisor how it has ended. What a supervisor that was killed has
    left belongs to this process now, and is ended."""
    for pid, code in iter(lambda: supervisor.ended(-1), (0, 0)):
        client = supervisors.pop(pid, None)
        if client is None:
            continue
        clients.send(client, {"exit": code})
        for left in supervisor.Children(0).find() if code and sys.platform == "linux" else ():
            if left.parent == os.getpid() and left.pid not in supervisors:
                with contextlib.suppress(OSError):
                    os.killpg(os.getpgid(left.pid), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
