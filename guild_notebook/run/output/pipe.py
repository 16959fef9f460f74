"""The descriptors that Guild reads a run's output from: writing to them, and what may be wrong.

Guild reads stdout and stderr in two threads and gathers both in ``.guild/output``
(guild/op_util.py, RunOutput). What is written to one right after the other may be read before
it, so a pipe whose turn comes after the other's waits until that is recorded.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable

PIECE = 4096
"""Bytes of one write (PIPE_BUF)."""

GIVE_UP_SECONDS = 0.2

TURN_SECONDS = 1.0
"""The most that one pipe waits for what was written to the other to be recorded. At the first
scalar Guild's reader imports what writes them (guild/summary.py), some tenths of a second."""

LATE_SECONDS = 0.1
"""The same once the reader has been later than that, until it has caught up."""


class WriteOrder:
    """What the pipes of a run have written together, and which of them the last of it.

    ``recorded`` is the size in bytes of the file in which their reader gathers it, None where
    there is none: then nothing waits.
    """

    def __init__(self) -> None:
        self.recorded: Callable[[], int | None] = lambda: None
        self._written = 0
        self._last: OutputPipe | None = None
        self._is_late = False

    def take(self, pipe: OutputPipe) -> None:
        """Wait for ``pipe``'s turn to write."""
        if self._last not in (None, pipe):
            self._wait()
        self._last = pipe

    def _wait(self) -> None:
        until = time.monotonic() + (LATE_SECONDS if self._is_late else TURN_SECONDS)
        pause = 0.0001
        while time.monotonic() < until:
            recorded = self.recorded()
            if recorded is None or recorded >= self._written:
                self._is_late = False
                return
            time.sleep(pause)
            pause = min(2 * pause, 0.005)
        self._is_late = True

    def note(self, count: int) -> None:
        self._written += count


class OutputPipe:
    """One of the run's two descriptors, ``fd``.

    Once nobody reads it, it is ``closed``, calls ``when_closed``, and takes bytes without a
    trace. Where whoever reads it pauses it waits, as long as neither ``give_up`` nor
    ``is_stuck`` says otherwise, and calls ``while_waiting`` now and then.
    """

    def __init__(self, fd: int, order: WriteOrder | None = None) -> None:
        self._fd = fd
        self._order = order or WriteOrder()
        self.closed = False
        self.give_up: Callable[[], bool] = lambda: False
        self.is_stuck: Callable[[], bool] = lambda: False
        self.when_closed: Callable[[], None] = lambda: None
        self.while_waiting: Callable[[], None] = lambda: None

    def write(self, content: bytes) -> None:
        """Write all of ``content``; raises OSError but for a reader that is gone."""
        data = memoryview(content)
        if data and not self.closed:
            self._order.take(self)
        while data and not self.closed:
            if self._is_writable():
                self._write_some(data[:PIECE])
                data = data[PIECE:]
            elif self.give_up():
                self.closed = True
            elif self.is_stuck():
                self._close_for_good()
            else:
                self.while_waiting()

    def _is_writable(self) -> bool:
        return bool(select.select([], [self._fd], [], GIVE_UP_SECONDS)[1])

    def _write_some(self, data: memoryview) -> None:
        """Write at most ``PIECE`` bytes, for which a pipe that takes any has room."""
        try:
            while data:
                count = os.write(self._fd, data)
                self._order.note(count)
                data = data[count:]
        except OSError as e:
            if e.errno not in (errno.EPIPE, errno.EIO):
                raise
            self._close_for_good()

    def _close_for_good(self) -> None:
        self.closed = True
        self.when_closed()
