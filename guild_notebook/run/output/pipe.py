"""The two streams that Guild reads a run's output from.

Guild gathers what it reads from stdout and stderr in ``.guild/output``. Where its reader is that of
this package (compat/output_reader.py) both streams are written to stdout, which keeps their order.
Guild's own reads the two in two threads (guild/op_util.py, RunOutput), so that what is written to
one right after the other may be recorded before it: there a write waits until what was last
written to the other is recorded.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ... import one_pipe

PIECE = 4096  # bytes of a write (PIPE_BUF), for which a pipe has room that can be written to
LARGE_PIECE = 1 << 18  # the same where a write does not wait, but writes what there is room for
PAUSE_SECONDS = 0.2  # that a write waits for the reader until its listener is asked to go on
AGAIN_SECONDS = 0.002  # time in which a reader that has paused is seen to read again
MOST_WAITING = 10_000_000  # bytes that may wait for a reader that pauses while the run goes on

ORDER_SECONDS = 1.0
"""The longest that a write waits for what was written to the other descriptor to be recorded. At
the first scalar Guild's reader imports what writes them (guild/summary.py), some tenths of a
second."""

SHOWN, UNSHOWN, UNRECORDED = 0, one_pipe.UNSHOWN, one_pipe.UNRECORDED
"""What the reader of a run's output does with a text: record and show it, only record it, only show
it."""

LATE_SECONDS = 0.1  # the same once the reader has been later than that, until it has caught up


class PipeListener:
    """What a pipe asks and tells the run that writes to it; this one waits for ever."""

    def is_stopped(self) -> bool:
        """Whether the run is to stop: a reader that pauses is not waited for then."""
        return False

    def is_stuck(self) -> bool:
        """Whether a reader that pauses will never read again."""
        return False

    def pipe_closed(self) -> None:
        """Nobody will read the pipe any more."""

    def reader_pauses(self) -> None:
        """The pipe is full; called every ``PAUSE_SECONDS``."""


class WriteOrder:
    """How much the two pipes of a run have ``written`` together, and which of them wrote last.
    ``recorded_size`` returns the bytes of it that their reader has recorded, None where it records
    none: then nothing waits."""

    def __init__(self, recorded_size: Callable[[], int | None] = lambda: None) -> None:
        self._recorded_size = recorded_size
        self.written = 0
        self._last: OutputPipe | None = None
        self._is_late = False

    def wait_for(self, pipe: OutputPipe) -> None:
        """Wait until ``pipe`` may write."""
        if self._last not in (None, pipe):
            self.wait()
        self._last = pipe

    def wait(self) -> None:
        """Wait until all that is written is recorded, or longer than that takes."""
        until = time.monotonic() + (LATE_SECONDS if self._is_late else ORDER_SECONDS)
        pause = 0.0001
        while time.monotonic() < until:
            recorded = self._recorded_size()
            if recorded is None or recorded >= self.written:
                self._is_late = False
                return
            time.sleep(pause)
            pause = min(2 * pause, 0.005)
        self._is_late = True


def recorded_size(run_dir: str) -> int | None:
    """Bytes of a run's output that Guild has recorded; None for none at all (NO_RUN_OUTPUT)."""
    try:
        return os.stat(os.path.join(run_dir, ".guild", "output")).st_size
    except OSError:
        return None


@dataclass
class _Piece:
    """A text that waits: ``marked`` are the bytes for it, of which so many are ``written``."""

    pipe: OutputPipe
    kind: int
    text: bytes
    marked: bytes = b""
    written: int = 0

    @property
    def size(self) -> int:
        return len(self.text) + 500  # what Python takes for any


class OutputPipe:
    """One of the run's two streams, on the descriptor ``fd``. Once nobody reads it, it is
    ``closed`` and drops what is written to it. With ``writer`` it is the stream of this number
    among those on ``fd``, and a write to that does not wait; ``has_terminal`` is where its reader
    shows it."""

    def __init__(
        self,
        fd: int,
        order: WriteOrder | None = None,
        listener: PipeListener | None = None,
        writer: one_pipe.Writer | None = None,
        number: int = 0,
        has_terminal: bool = False,
    ) -> None:
        self._fd = fd
        self._order = order or WriteOrder()
        self._listener = listener or PipeListener()
        self._writer = writer
        self._number = number
        self.has_terminal = has_terminal
        self._piece = LARGE_PIECE if writer else PIECE
        self.closed = False

    def write(self, content: bytes, kind: int = SHOWN) -> None:
        """Write all of ``content``, and wait while the reader pauses. Raises OSError for anything
        but a reader that is gone. Without a terminal there is nothing that is only shown."""
        if not content or self.closed or (kind == UNRECORDED and not self.has_terminal):
            return
        if not self._writer:
            self._order.wait_for(self)
            self._write_all(memoryview(content))
            return
        piece = _Piece(self, kind if self.has_terminal else SHOWN, content)
        self._writer.waiting.append(piece)
        self._writer.size += piece.size
        self._write_waiting(0.0 if len(self._writer.waiting) > 1 else PAUSE_SECONDS)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Meanwhile a write leaves what a reader that pauses does not take, up to ``MOST_WAITING``,
        for the next one and for ``tick``; at the end all is written. Only with a ``writer``."""
        if not self._writer:
            yield
            return
        self._writer.may_wait = True
        try:
            yield
        finally:
            self._writer.may_wait = False
            self._write_waiting()

    def tick(self) -> None:
        """Write what waits, as far as there is room: to be called several times a second."""
        if self._writer and self._writer.waiting:
            self._write_waiting(AGAIN_SECONDS)

    def _write_waiting(self, seconds: float = PAUSE_SECONDS) -> None:
        """Write what waits, ``seconds`` being the time without room after which it may be left."""
        writer = self._writer
        if not writer or writer.is_writing:
            return  # called by a listener, whose caller goes on with this
        writer.is_writing = True
        try:
            while writer.waiting:
                piece = writer.waiting[0]
                if not piece.pipe.closed and not piece.pipe._write_piece(piece, seconds):
                    return
                writer.waiting.popleft()
                writer.size -= piece.size
        except BaseException:
            writer.waiting.clear()
            writer.size = 0
            raise
        finally:
            writer.is_writing = False

    def _write_piece(self, piece: _Piece, seconds: float) -> bool:
        """Returns whether all of it is written, or given up."""
        writer = self._writer
        assert writer
        if not piece.marked:
            piece.marked = writer.marked(self._number + piece.kind, piece.text)
        left = self._write_all(memoryview(piece.marked)[piece.written :], seconds)
        piece.written = len(piece.marked) - left
        if left and not self.closed:
            return False
        if left:
            writer.cut(piece.marked, piece.written)
        is_recorded = piece.kind != UNRECORDED and self._number != one_pipe.STATUS
        self._order.written += len(piece.text) * is_recorded
        return True

    def wait_until_recorded(self) -> None:
        """Wait until Guild has recorded what was written, or longer than that takes."""
        if not self.closed:
            self._order.wait()

    def has_room(self) -> bool:
        """Whether some of the next write would not wait: the reader does not pause."""
        is_free = not self._writer or not self._writer.waiting
        return is_free and bool(select.select([], [self._fd], [], 0)[1])

    def _write_all(self, data: memoryview, seconds: float = PAUSE_SECONDS) -> int:
        """Returns how much is left: of a pipe that is closed, or of what may wait, where there was
        no room for ``seconds``."""
        while data and not self.closed:
            writer = self._writer
            may_be_left = writer and writer.may_wait and writer.size <= MOST_WAITING
            if select.select([], [self._fd], [], seconds if may_be_left else PAUSE_SECONDS)[1]:
                data = data[self._write_some(data[: self._piece]) :]
            elif self._listener.is_stuck():
                self._close()
            elif may_be_left:
                break
            elif self._listener.is_stopped():
                self.closed = True
            else:
                self._listener.reader_pauses()
        return len(data)

    def _write_some(self, data: memoryview) -> int:
        """Write some of ``data``; returns how much."""
        try:
            count = os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as e:
            if e.errno not in (errno.EPIPE, errno.EIO):
                raise
            self._close()
            return 0
        if not self._writer:
            self._order.written += count
        return count

    def _close(self) -> None:
        self.closed = True
        self._listener.pipe_closed()


def output_pipes(
    run_dir: str, listener: PipeListener
) -> tuple[OutputPipe, OutputPipe, OutputPipe | None]:
    """stdout and stderr of the run in ``run_dir``, as their reader takes them, and what it takes a
    status from (one_pipe.STATUS), if it shows one."""
    order = WriteOrder(lambda: recorded_size(run_dir))
    offered = os.environ.pop(one_pipe.VARIABLE, None)
    if offered and stat.S_ISFIFO(os.fstat(1).st_mode):
        os.set_blocking(1, False)
        has_terminal = offered == one_pipe.TERMINAL
        writer = one_pipe.Writer()
        out, err, status = (
            OutputPipe(1, order, listener, writer, number, has_terminal)
            for number in (0, 1, one_pipe.STATUS)
        )
        return out, err, status if has_terminal else None
    return OutputPipe(1, order, listener), OutputPipe(2, order, listener), None
