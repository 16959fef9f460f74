"""Where the trials of a sweep find the process that has executed their shared cells (``nb-fork``).

The process that starts trials, a batch, a queue or the worker of a cluster, is their host. It keeps
one process for them, with which each trial that wants the same shares its cells, and ends it. Both
meet in a folder that only the user can enter (socket_dir.py), which trials are told by VARIABLE:

* ``h`` is the host's socket. A trial sends one JSON object in a line, and reads one (``ask``):
  ``{"want": {"key": str, "command": [str], "cwd": str, "env": {str: str}}}`` is answered with
  ``{"state": "running"}`` or ``{"state": "refused", "reason": str, "first": bool}``, with
  ``{"state": "none"}`` where there is none yet and nothing but the key is told, and
  ``{"refuse": {"key": str, "reason": str}}``, which may have ``"cells": int`` as its answer has
  then: so many cells can be shared, with another key, and
  ``{"say": {"key": str, "line": str}}`` with ``{"first": bool}``.
* ``p`` is the socket of that process, which makes it. What it prints is in ``log``.
* ``refused`` is there once trials were refused, as a hint for the next.
* ``lock`` is locked by the trial that prepares the start of that process.

That process leads a session. It ends at the end of its standard input, which the host keeps open:
the system closes it however the host ends. Where the host ends it and goes on, it writes ``END``
first; else the process removes the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import socket_dir

if TYPE_CHECKING:
    import socket
    import subprocess

VARIABLE = "GUILD_NOTEBOOK_FORKS"
"""The variable of a trial that has a host: the path of the folder."""

VARYING = "varying_flags"
"""The run attribute of a trial that has the names of the flags in which the trials differ."""

COUNTS = "varying_counts"
"""The run attribute of a trial that has how many values each of these flags has in all trials, and
as "" how many trials there are: where that is known before the first."""

ALIKE = "varying_alike"
"""The run attribute of a trial that has how many trials have the value that it has itself of each
of these flags, where ``COUNTS`` is there."""

HOST, PROCESS, LOG, REFUSED, LOCK = "h", "p", "log", "refused", "lock"
"""The names of what is in the folder."""

END = b"e"

END_SECONDS = 2.0
"""Time that the process has to end when it is told to."""

ANSWER_SECONDS = 30.0
"""Time in which the host answers: it may have to end one process before it starts another."""

LONGEST_MESSAGE = 1 << 24

Message = dict[str, Any]


def batch_of(read: Callable[[str], Any]) -> str:
    """What is the same of the trials of a batch, of whose attributes ``read`` returns those of one:
    "" for a run that shares nothing."""
    varying, flags = read(VARYING), read("flags")
    if not isinstance(varying, list) or not isinstance(flags, dict):
        return ""
    fixed = {name: value for name, value in flags.items() if name not in varying}
    return repr([read("cmd"), read("sourcecode_digest"), varying, fixed])


def is_possible() -> bool:
    """Whether processes can be forked here; where they can, sockets are files."""
    return hasattr(os, "fork")


def is_offered(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a host for this process, a trial, that has not refused any trial."""
    folder = environment.get(VARIABLE, "")
    has_host = bool(folder) and os.path.exists(os.path.join(folder, HOST))
    return has_host and not os.path.exists(os.path.join(folder, REFUSED))


def ask(folder: str, message: Message) -> Message:
    """Send ``message`` to the host and return its answer. Raises OSError where there is none."""
    import socket  # which a run without a host need not import before its kernel is started

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(os.path.join(folder, HOST))
        _send(connection, message)
        answer = _read(connection)
    if answer is None:
        raise ConnectionError("the process that starts the trials does not answer")
    return answer


def remove_abandoned(folder: str) -> None:
    """Remove the folder of a host that was killed, where no process was there that would have:
    nobody listens there any more."""
    import socket

    path = os.path.join(folder, HOST)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        try:
            connection.connect(path)
        except ConnectionRefusedError:
            shutil.rmtree(folder, ignore_errors=True)


class Host:
    """Keeps the process for trials, which are told of its ``folder``; that is in ``own_folder``
    where no other place is safe. ``say`` is told once why trials are refused, and
    once what they say for all of them, by a thread of the host's. Raises OSError where there can
    be no such folder."""

    def __init__(self, own_folder: str, say: Callable[[str], None] = lambda line: None) -> None:
        import socket

        self.folder = socket_dir.make(own_folder)
        self._say = say
        self._said: set[str] = set()
        self._refused: dict[str, str] = {}
        self._cells: dict[str, int] = {}  # of what is refused: how many can be shared
        self._process: subprocess.Popen[bytes] | None = None
        self._key = ""
        self._lock = threading.RLock()  # a batch that is told to end may be closing it
        self._has_ended = False
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            # So that nothing that cleans up temporary files takes it away.
            os.chmod(self.folder, 0o700 | stat.S_ISVTX)
            # Made here: a trial must make nothing while what is left of a host is being removed.
            os.close(os.open(os.path.join(self.folder, LOCK), os.O_CREAT | os.O_WRONLY, 0o600))
            self._socket.bind(os.path.join(self.folder, HOST))
            self._socket.listen(64)
        except OSError:
            self._socket.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End the process and remove the folder. Another thread that calls this second waits for
        the first: the host's process may be about to end."""
        import socket

        with self._lock:
            if self._has_ended:
                return
            self._has_ended = True
            self._end_process(b"")  # it removes the folder as well, should this be cut short
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
                connection.connect(os.path.join(self.folder, HOST))  # for the thread to end
            shutil.rmtree(self.folder, ignore_errors=True)

    def end_process(self) -> None:
        """End the process, which holds memory, until a trial wants it again."""
        with self._lock:
            self._end_process()

    def _serve(self) -> None:
        with self._socket:
            while not self._has_ended:
                try:
                    connection, _address = self._socket.accept()
                except OSError:  # no file can be opened now
                    time.sleep(0.1)
                    continue
                # A trial may end meanwhile. Whatever it sends, the others have their answers.
                with connection, contextlib.suppress(Exception):
                    connection.settimeout(ANSWER_SECONDS)
                    _send(connection, self._answer(_read(connection) or {}))

    def _answer(self, message: Message) -> Message:
        ((kind, content),) = message.items()
        key = str(content.pop("key"))
        if kind == "want":
            return self._want(key, content)
        if kind == "refuse":
            cells = content.get("cells")
            if isinstance(cells, int) and cells > 0:
                self._cells.setdefault(key, cells)
            return {"first": self._refuse(key, str(content["reason"]))}
        is_first = key not in self._said
        if is_first:
            self._said.add(key)
            self._say(str(content["line"]))
        return {"first": is_first}

    def _want(self, key: str, how: Message) -> Message:
        with self._lock:
            if self._has_ended:
                return {"state": "refused", "reason": "the sweep has ended", "first": False}
            if self._process and self._key == key and key not in self._refused:
                if self._process.poll() is None:
                    return {"state": "running"}
                self._end_process()
                reason = how_ended(self.folder)
            elif key not in self._refused:
                self._end_process()
                if not how:
                    return {"state": "none"}
                reason = self._start(key, **how)
                if not reason:
                    return {"state": "running"}
        is_first = key not in self._refused and self._refuse(key, reason)
        fewer = {"cells": self._cells[key]} if key in self._cells else {}
        return {"state": "refused", "reason": self._refused[key], "first": is_first, **fewer}

    def _refuse(self, key: str, reason: str) -> bool:
        """Refuse all trials that want ``key``; returns whether none was refused before."""
        if key in self._refused:
            return False
        self._refused[key] = reason
        with self._lock:
            if self._key == key:
                self._end_process()
        if key in self._cells:
            return False
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.join(self.folder, REFUSED), os.O_CREAT | os.O_WRONLY, 0o600))
        self._say(refusal(reason))
        return True

    def _start(self, key: str, command: list[str], cwd: str, env: dict[str, str]) -> str:
        """Start the process; returns why this is not possible, else ""."""
        import subprocess

        for name in (PROCESS, LOG):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))
        try:
            log = os.open(os.path.join(self.folder, LOG), os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    bufsize=0,
                    start_new_session=True,
                )
            finally:
                os.close(log)
        except (OSError, ValueError, TypeError) as e:  # of a variable, which may be anything
            return f"{command[0]} cannot be started: {getattr(e, 'strerror', None) or e}"
        self._key = key
        return ""

    def _end_process(self, told: bytes = END) -> None:
        import subprocess

        process, self._process = self._process, None
        if not process or not process.stdin:
            return
        with contextlib.suppress(OSError):
            process.stdin.write(told)
        with contextlib.suppress(OSError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        with contextlib.suppress(OSError):  # and what its cells have left; trials are no part of it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def opened(
    own_folder: str, warn: Callable[[str], None], say: Callable[[str], None] = lambda line: None
) -> Host | None:
    """A Host, None where this process cannot be one: why, ``warn`` is told."""
    if not is_possible():
        return None
    try:
        return Host(own_folder, say)
    except OSError as e:
        warn(refusal(str(e)))
        return None


def how_ended(folder: str) -> str:
    """That the process has ended which nobody has told to, with what it has written last."""
    lines: list[str] = []
    with contextlib.suppress(OSError), open(os.path.join(folder, LOG), "rb") as f:
        f.seek(max(0, os.fstat(f.fileno()).st_size - 4000))
        lines = f.read().decode("utf-8", "replace").strip().splitlines()
    last = f": {lines[-1].strip()[:300]}" if lines else ""
    return f"the process that executes the shared cells has ended{last}"


def refusal(reason: str) -> str:
    """The line for trials that do not share cells."""
    return f"nb-fork: the trials run in fresh kernels: {reason}"


def _send(connection: socket.socket, message: Message) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection: socket.socket) -> Message | None:
    with connection.makefile("rb") as file:
        line = file.readline(LONGEST_MESSAGE)
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
