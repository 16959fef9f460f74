"""The process that executes once the cells that the trials of a sweep share, and that is forked for
each trial (nb-fork).

It is started by the kernel's Python as ``python prefix.py FOLDER p``, by fork_host.py, and imports
nothing of this package, since that Python need not have it: what it needs of it lies beside this
file. FOLDER, which only the user can enter, has ``prefix.json``, which says what to execute
(forking.py), and gets the Unix socket ``p``. The process ends when its standard input does, which
is a pipe of who runs the trials; then FOLDER is removed.

Who connects to ``p`` gets lines of JSON: ``{"cell": N, "pid": …}`` when a cell begins, and when the
last of them has ended, with the number that another would have, then either
``{"refused": REASON, "cells": N}``, where a process that executes only the first N can be forked,
or ``{"ready": …}``, after which it may ask for a kernel: ``{"fork": …}``, with the descriptors of
the supervisor's pipes (supervisor.py), is answered by ``{"pid": PID}`` and, when that supervisor
has ended, by ``{"exit": STATUS}``. ``{"grow": …}`` asks for another such process, a fork of this
one that has executed more cells (grown.py).

There is one thread, or else it could not be forked.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
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
from typing import Any, NoReturn

CONFIG = "prefix.json"

TOLD_SECONDS = 60.0
"""Time in which who comes is told why there is no fork. The host ends the process before that."""


@functools.lru_cache
def sibling(name: str) -> Any:
    """A module beside this file, which is not put where the notebook could import it. It is loaded
    once."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    spec: Any = importlib.util.spec_from_file_location(f"guild_notebook.{name} ", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(folder: str, name: str) -> None:
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # not with PYTHONSAFEPATH
        del sys.path[0]
    lifeline, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    serving = _guarded(lifeline, folder)
    with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
        config = json.load(file)
    os.unlink(file.name)
    clients = _Clients(os.path.join(folder, name))
    ends: list[int] = []
    kernel, executed = None, _Executed()
    while True:
        try:
            if kernel is None:
                kernel = _kernel(config)
            else:
                kernel.go_on(config["settings"], config["variables"])
            _execute(kernel, config, clients, [serving, *ends], executed)
        except (Exception, SystemExit) as e:  # as of an ipykernel that is not known
            clients.refuse(f"the process that executes them failed with {type(e).__name__}: {e}")
            raise
        os.write(serving, b"1")
        request, output, grown = _Server(clients, serving, ends).serve(executed.told())
        if grown is None:
            break
        config, (clients, serving, ends) = request, grown
    kernel.become_kernel(request, output)


def _kernel(config: Any) -> Any:
    launcher = sibling("launcher")
    atexit.register(launcher.end_at_once)  # before all others, so it is called after them
    launcher.leave_out_debugger()
    return sibling("prefix_kernel").PrefixKernel(config, launcher, sibling)


class _Executed:
    """The cells that this process has executed, or those of which it is a fork. Each has executed
    some of them one after the other: ``ids`` has its id, when it began, and its first cell.
    ``took`` has for each cell the seconds, those of CPU time, and the peak of the memory in bytes,
    0 where that is not known."""

    def __init__(self) -> None:
        self.ids: list[tuple[str, float, int]] = []
        self.took: list[tuple[float, float, int]] = []

    def told(self) -> Any:
        return {"ready": {"processes": self.ids, "took": self.took}}


def _execute(
    kernel: Any, config: Any, clients: _Clients, pipes: list[int], done: _Executed
) -> None:
    """Execute the cells of ``config``, which are the next, in a process that has these ``pipes``.
    Ends where it must not be forked then, and where they take less than it is worth."""

    def end(reason: str, cells: int = 0, is_of_cell: bool = False) -> NoReturn:
        clients.refuse(reason, cells, is_of_cell)
        os._exit(0)  # the guard ends what the cells have started

    done.ids.append((uuid.uuid4().hex, time.time(), len(done.took)))
    peak_memory = sibling("memory").PeakMemory
    before = len(done.took)
    for number, cell in enumerate(config["cells"], 1):
        clients.tell({"cell": before + number - 1, "pid": os.getpid()})
        peak = peak_memory(os.getpid(), config["may_reset_peak"])
        peak.begin()
        started, cpu_before = time.monotonic(), _cpu_seconds()
        problem = kernel.execute(cell)
        seconds, cpu = time.monotonic() - started, _cpu_seconds() - cpu_before
        done.took.append((seconds, cpu, peak.end()))
        peak.close()  # no file is open where it is looked whether one is
        is_last = number == len(config["cells"])
        if is_last:  # looks take no time of it
            clients.tell({"cell": before + number, "pid": os.getpid()})
        own = [*pipes, *clients.fds()]
        if problem:
            # Is it of this cell alone, or has one done what another process would find as well?
            is_of_cell = not (before and kernel.problem(own, True))
            end(problem, kernel.cells_before, is_of_cell)
        taken = sum(seconds for seconds, _, _ in done.took[before:])
        if is_last and taken < config.get("worth", 0.0):
            end("")
        problem = kernel.problem(own, is_last)
        if problem and (is_last or kernel.has_drawn):  # others may be over at the end
            end(problem, kernel.cells_before)
    kernel.settle()
    if before and (problem := sibling("grown").memory_problem(sibling)):
        end(problem)


def _cpu_seconds() -> float:
    """The CPU time of this process, and of those that it has started and waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _guarded(lifeline: int, folder: str = "") -> int:
    """Go on as a child of this process, which ends the child with the ``lifeline``, and what its
    cells have started; it removes the ``folder`` where the host is gone. Returns, in the child, a
    pipe for a byte once it serves: what it has forked then is not to be ended. Without a folder the
    child ends itself then."""
    supervisor = sibling("supervisor")
    serving, told = os.pipe()
    since = time.time()
    pid = os.fork()
    if not pid:
        if folder:
            os.close(lifeline)
        os.close(serving)
        os.setsid()
        supervisor.prctl(supervisor.PR_SET_PDEATHSIG, signal.SIGKILL)
        return told
    os.close(told)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of all processes of a batch: its end is told
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor.prctl(supervisor.PR_SET_CHILD_SUBREAPER, 1)
    if not folder:  # it is a fork of a process that has files open
        supervisor.keep_only([lifeline, serving], os.open(os.devnull, os.O_WRONLY))
    is_serving = removes = False
    while lifeline not in supervisor.readable([lifeline, serving]):
        if not os.read(serving, 1):
            break  # it has ended
        is_serving = True
    else:
        removes = bool(folder) and not os.read(lifeline, 1)  # else the host goes on, and does it
    if is_serving and folder:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    elif is_serving:
        # Where it was killed the supervisors of its trials are children of this one.
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
    else:
        descendants = supervisor.descendants_of(pid, os.getpid(), since)
        supervisor.end_descendants(descendants, lambda: True)
    if removes:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


class _Clients:
    """Who is connected to the socket at ``path``."""

    def __init__(self, path: str) -> None:
        self.path, self._readable = path, sibling("supervisor").readable
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(16)
        self._listener.setblocking(False)
        self._sockets: dict[int, socket.socket] = {}
        self._last: Any = None
        self.is_ending = False

    def fds(self) -> list[int]:
        return [*([] if self.is_ending else [self._listener.fileno()]), *self._sockets]

    def end(self) -> None:
        """Let no more come."""
        self.is_ending = True
        self._listener.close()

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

    def refuse(self, reason: str, cells: int = 0, is_of_cell: bool = False) -> None:
        self.tell({"refused": reason, "cells": cells, "is_of_cell": is_of_cell})
        until = time.monotonic() + TOLD_SECONDS
        while time.monotonic() < until:
            self._readable([self._listener.fileno()], 1.0)
            self._accept()

    def request(self, more: list[int]) -> tuple[socket.socket | None, Any, list[int]]:
        """Wait for a request; returns who asks, what, and the descriptors. None where one of
        ``more`` can be read from, and where nobody is left who could ask."""
        while self.fds():
            for fd in self._readable([*self.fds(), *more]):
                if fd in more:
                    return None, None, []
                if fd not in self._sockets:
                    self._accept()
                    continue
                client = self._sockets[fd]
                data, descriptors = _received(client)
                if data:
                    return client, json.loads(data), descriptors
                self._forget(client)
        return None, None, []

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


class _Server:
    """Forks a supervisor and a kernel for each request of ``clients``, or a process that goes on
    with more cells (grown.py). Once its lifeline is at its end, this process ends with its last
    client; ``ends`` has none where only the guard has the lifeline."""

    def __init__(self, clients: _Clients, serving: int, ends: list[int]) -> None:
        self._clients, self._supervisor = clients, sibling("supervisor")
        self._wake, woken = os.pipe()
        for fd in (self._wake, woken):
            os.set_blocking(fd, False)
        self._own, self._ends = [self._wake, woken, serving, *ends], ends
        self._mask = signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self._handler = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._supervisor.prctl(self._supervisor.PR_SET_CHILD_SUBREAPER, 1)
        self._supervisors: dict[int, socket.socket] = {}
        self._waiting: list[tuple[str, socket.socket]] = []  # for a process that has been grown
        self._grown = sibling("grown").Grown(os.path.dirname(clients.path), sibling)

    def serve(self, ready: Any) -> Any:
        """Returns in the kernels the request and the descriptor to which the kernel's process
        itself writes, and in the other forks the request, and then their clients, the pipe of their
        guard, and their lifeline."""
        self._clients.tell(ready)
        in_fork = None
        while in_fork is None:
            ends = [] if self._clients.is_ending else self._ends
            client, message, descriptors = self._clients.request([self._wake, *ends])
            if client is None:
                if self._supervisor.readable(ends, 0):
                    self._clients.end()
                if not self._clients.fds():
                    os._exit(0)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                self._reap()
            elif "refuse" in message:
                self._grown.refuse(**message["refuse"])
                self._clients.send(client, {})  # one request at a time
            elif "grow" in message:
                in_fork = self._grow(client, message["grow"])
            else:
                in_fork = self._fork(client, message["fork"], descriptors)
        signal.signal(signal.SIGCHLD, self._handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return in_fork

    def _grow(self, client: socket.socket, request: Any) -> Any:
        # A trial closes its connection to this process once it has its kernel from the other.
        self._waiting = [each for each in self._waiting if each[1].fileno() >= 0]
        self._waiting.append((request["key"], client))
        needed = {key for key, _ in self._waiting}
        answer, path = self._grown.answer(request["key"], request["trials"], needed)
        if path:
            listening = _Clients(path)
            end, lifeline = os.pipe()
            pid = os.fork()
            if not pid:
                os.setsid()
                self._close_in_fork()
                os.close(lifeline)
                return request, -1, (listening, _guarded(end), [end])
            os.close(end)
            listening.close()
            self._grown.add(request["key"], path, pid, lifeline)
        self._clients.send(client, answer)
        return None

    def _fork(self, client: socket.socket, request: Any, descriptors: list[int]) -> Any:
        pid = os.fork()
        if not pid:
            self._supervise(request["folder"], descriptors)
            return request, descriptors[2], None  # it is the kernel
        for fd in descriptors:
            os.close(fd)
        self._supervisors[pid] = client
        self._clients.send(client, {"pid": pid})
        return None

    def _supervise(self, folder: str, descriptors: list[int]) -> None:
        """In a fork: be a supervisor, and do not return; or be its kernel, and return."""
        liveness, status, output = descriptors

        def start(not_for_kernel: tuple[int, ...]) -> int:
            kernel = os.fork()
            if kernel:
                self._supervisor.keep_only(not_for_kernel, output)
                return kernel
            os.setsid()
            self._supervisor.prctl(self._supervisor.PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for fd in not_for_kernel:
                os.close(fd)
            raise _InKernel

        status_of_exit, collects = 1, gc.isenabled()
        try:
            os.setsid()
            self._close_in_fork()
            gc.disable()
            self._supervisor.main(liveness, status, folder, start)
            status_of_exit = 0
        except _InKernel:
            if collects:
                gc.enable()
            return
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        os._exit(status_of_exit)

    def _close_in_fork(self) -> None:
        """In a fork: have nothing of what this process serves with."""
        signal.set_wakeup_fd(-1)
        self._clients.close()
        for fd in (*self._own, *self._grown.lifelines()):
            os.close(fd)

    def _reap(self) -> None:
        """Tell who has asked for a supervisor how it has ended. What a supervisor that was killed
        has left belongs to this process now, and is ended."""
        for pid, code in iter(lambda: self._supervisor.ended(-1), (0, 0)):
            self._grown.ended(pid)
            client = self._supervisors.pop(pid, None)
            if client is None:
                continue
            self._clients.send(client, {"exit": code})
            here = code and sys.platform == "linux"
            known = {*self._supervisors, *self._grown.guards}
            for left in self._supervisor.Children(0).find() if here else ():
                if left.parent == os.getpid() and left.pid not in known:
                    with contextlib.suppress(OSError):
                        os.killpg(os.getpgid(left.pid), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
