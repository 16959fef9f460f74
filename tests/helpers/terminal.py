"""Programs in a terminal of their own, whose screen is that of pyte."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyte

from .project import LIMIT


class OnTerminal:
    """A program in a terminal of ``columns``. ``raw`` is all that it has written there, ``seen``
    each screen on the way, as often as one could be looked at."""

    def __init__(
        self, command: list[str], cwd: Path, env: Mapping[str, str], columns: int = 80
    ) -> None:
        self._screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.raw = b""
        self.seen: list[list[str]] = []
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            _set_size(0, columns)
            os.execvpe(command[0], command, {"TERM": "xterm-256color", **env})
        _set_size(self._fd, columns)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while data := os.read(self._fd, 1 << 16):
                with self._lock:
                    self.raw += data
                    self._stream.feed(data)
                    self.seen.append(self._lines())

    def _lines(self) -> list[str]:
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without blank ones at its end."""
        with self._lock:
            return self._lines()

    @property
    def hides_cursor(self) -> bool:
        return self._screen.cursor.hidden

    def wait_for(self, condition: Callable[[list[str]], object]) -> list[str]:
        """Wait until the lines of the screen meet a condition, now or on one of the screens that
        come; returns them."""
        until, at = time.monotonic() + LIMIT, len(self.seen)
        while True:
            goes_on = time.monotonic() < until and self._reading.is_alive()
            with self._lock:
                screens = [*self.seen[at:], self._lines()]
                at = len(self.seen)
            for lines in screens:
                if condition(lines):
                    return lines
            assert goes_on, "\n".join(screens[-1])
            time.sleep(0.02)

    def resize(self, columns: int) -> None:
        with self._lock:
            self._screen.resize(columns=columns)
        _set_size(self._fd, columns)

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def end(self) -> int:
        """Wait for the end of the program; returns its exit status."""
        _pid, status = os.waitpid(self.pid, 0)
        self._reading.join(LIMIT)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        os.close(self._fd)


ROWS = 60


def _set_size(fd: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))


@contextlib.contextmanager
def on_terminal(
    command: list[str], cwd: Path, env: Mapping[str, str], columns: int = 80
) -> Iterator[OnTerminal]:
    """The program is ended with the block."""
    program = OnTerminal(command, cwd, env, columns)
    try:
        yield program
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            if os.waitpid(program.pid, os.WNOHANG)[0] == 0:
                os.kill(program.pid, 9)
                os.waitpid(program.pid, 0)
        program.close()
