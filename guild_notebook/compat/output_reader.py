"""Reading the output of a run in large pieces.

Guild reads 4096 bytes at a time, handles each byte by itself, and writes 9 bytes of the index for
each line (guild/op_util.py:287, _gen_tee_run): 8 s of computing for a million lines. And it reads
the two streams in two threads, which cannot know in what order a notebook has written to them.
Needless when Guild handles lines together; the order would still need ``one_pipe``.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import one_pipe
from . import with_changes

if TYPE_CHECKING:
    from ..terminal import Terminal

log = logging.getLogger("guild")
PIECE = 1 << 16  # bytes that are read at once, which is what a pipe holds
TICK_MILLISECONDS = 100  # time without output after which the terminal's line may be drawn anew
END_SECONDS = 5.0  # the longest that the process of a run is waited for that has closed its streams
_NOT_IN_LINES = bytes(range(9))
_ENTRY = struct.Struct("!QB")


def read_in_pieces(op_util: Any) -> None:
    """What is recorded stays the same: the output, an entry of the index for each line, and the
    callbacks. An entry has the time at which the end of its line was read, whatever the callbacks
    of the lines before it and the terminal take."""
    output = op_util.RunOutput
    # In the process of a batch, what shows its trials (batches.py).
    is_step = os.environ.get(one_pipe.VARIABLE) == one_pipe.STEP
    output.shown_by = _ShownByPipeline() if is_step else None
    if is_step:
        del os.environ[one_pipe.VARIABLE]
    output._gen_tee_run = _read
    output._wait_and_close_by_guild, output.wait_and_close = output.wait_and_close, _wait_and_close


def offer_one_pipe(op: Any) -> None:
    """Tell a notebook's process whose streams are read that it may write both to one pipe. The
    run's attributes do not hold that: another process may start it again."""
    op.subprocess = with_changes(subprocess, Popen=_start)


def _start(args: list[str], env: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
    if options["stdout"] == options["stderr"] == subprocess.PIPE and _may_write_one_pipe(args):
        from guild import op_util

        batch = op_util.RunOutput.shown_by
        shows_status = batch.shows_status if batch else _is_on_terminal()
        env = {**env, one_pipe.VARIABLE: one_pipe.TERMINAL if shows_status else "1"}
    return subprocess.Popen(args, env=env, **options)


def _is_notebook(args: list[str]) -> bool:
    return "guild_notebook.run" in args


def _may_write_one_pipe(args: list[str]) -> bool:
    others = "guild_notebook.optimizers.", "guild_notebook.compat.processes"  # the steps
    return _is_notebook(args) or any(arg.startswith(others) for arg in args)


def _is_on_terminal() -> bool:
    """Whether both streams of this process go to a terminal: where one goes elsewhere, a program
    may write what it reads to the same terminal (``guild run train.ipynb | tee log``)."""
    files = sys.stdout, sys.stderr
    return all(_descriptor(file) is not None and file.isatty() for file in files)


def _read(output: Any, pipe: Any, _shown_on: Any, stream: int) -> None:
    with output._output_lock:  # each stream has a thread
        recorder = output._recorder = vars(output).get("_recorder") or _Recorder(output)
    in_one_pipe = _may_write_one_pipe(output._proc.args)
    try:
        if in_one_pipe and stream == 0:
            recorder.read_both(pipe.fileno())
        else:
            recorder.read(pipe.fileno(), stream)
        if in_one_pipe and stream == 1:
            output._out_tee.join()  # which may be in a line of this stream
        recorder.end_line(stream)
    except OSError as error:
        _report(stream, error)


def _wait_and_close(output: Any) -> None:
    """As Guild, and say in a terminal how the run of a notebook has ended."""
    process, callback = output._proc, output._output_cb
    output._wait_and_close_by_guild()
    terminal, since = output._recorder.terminal, output._recorder.since
    if not terminal:
        return
    terminal.close()
    if _is_notebook(process.args):
        from ..terminal import end_line

        with contextlib.suppress(subprocess.TimeoutExpired):  # it has closed its streams
            process.wait(END_SECONDS)
        scalars = getattr(getattr(callback, "_writer", None), "last", {})
        run, seconds = output._run.short_id, time.monotonic() - since
        is_killed = process.returncode and not terminal.end
        end = {"why": terminal.last} if is_killed else terminal.end
        how = process.returncode, seconds, scalars, end, terminal.columns()
        terminal.write_line(end_line(run, *how))


class _Recorder:
    """Shows and records what ``output``, a RunOutput of Guild, has to read."""

    def __init__(self, output: Any) -> None:
        self._output = output
        self._files = output._output.fileno(), output._index.fileno()
        files = (None, None) if output._quiet else (sys.stdout, sys.stderr)
        self._shown_on = [_descriptor(file) for file in files]
        self._open: tuple[list[bytes], list[bytes]] = [], []  # lines, in parts
        self._scalar = _possible_scalar(output._output_cb)
        self.terminal = _terminal(output)
        self.since = time.monotonic()

    def read(self, fd: int, stream: int) -> None:
        """Read a stream to its end, or until it cannot be shown or recorded (OSError)."""
        for data in _pieces(fd):
            with self._output._output_lock:
                now = time.time()
                self._show(stream, data)
                self._record(stream, data, now)

    def read_both(self, fd: int) -> None:
        """The same of the pipe of both streams. One that cannot be shown is dropped, since the
        other comes on the same pipe."""
        if self.terminal:
            self.terminal.open()
        dropped: set[int] = set()
        reader = one_pipe.Reader()
        for data in _pieces(fd, self.terminal):
            with self._output._output_lock:
                now = time.time()
                for number, part in reader.parts(data):
                    stream = number % one_pipe.UNSHOWN
                    if stream == one_pipe.STATUS:
                        if self.terminal:
                            self.terminal.status(part)
                    elif part and stream not in dropped:
                        self._take(stream, number - stream, part, now, dropped)

    def _take(self, stream: int, kind: int, data: bytes, now: float, dropped: set[int]) -> None:
        try:
            if self.terminal and isinstance(by := self._output.shown_by, _ShownByPipeline):
                by.pass_on(stream + kind, data)
            elif kind != one_pipe.UNSHOWN:
                self._show(stream, data)
        except OSError as error:
            dropped.add(stream)
            if len(dropped) == 2:
                raise
            _report(stream, error)
            return
        if kind != one_pipe.UNRECORDED:
            self._record(stream, data, now)

    def end_line(self, stream: int) -> None:
        """Record the line that is open at the end of a stream."""
        line = self._open[stream]
        if line:
            with self._output._output_lock:
                self._record_lines(stream, b"".join(line), 1, time.time())

    def _show(self, stream: int, data: bytes) -> None:
        fd = self._shown_on[stream]
        if fd is not None and data:
            if self.terminal:
                self.terminal.show(fd, data)
            else:
                write(fd, data)

    def _record(self, stream: int, data: bytes, now: float) -> None:
        write(self._files[0], data)
        data = data.translate(None, _NOT_IN_LINES)
        line = self._open[stream]
        end = data.rfind(b"\n") + 1
        if end:
            lines = b"".join([*line, data[:end]])
            line.clear()
            self._record_lines(stream, lines, lines.count(b"\n"), now)
        rest = data[end:]
        if rest and (self._output._output_cb or not line):
            line.append(rest)

    def _record_lines(self, stream: int, lines: bytes, count: int, now: float) -> None:
        write(self._files[1], _ENTRY.pack(int(now * 1000), stream) * count)
        try:
            if self._output._output_cb:
                from ..scalars.patterns import lines_with

                possible = self._scalar
                for line in lines_with(possible, lines) if possible else io.BytesIO(lines):
                    self._output._output_cb.write(line)
        except Exception:
            log.exception("error in output callback (will be removed)")
            self._output._output_cb = None


def _possible_scalar(callback: Any) -> re.Pattern[bytes] | None:
    """What is in each line that Guild finds a scalar in; None where the callback is to get all."""
    from ..scalars.patterns import possible_scalar  # which scripts and kernels do without

    summary = sys.modules.get("guild.summary")
    if summary and isinstance(callback, summary.OutputScalars):
        return possible_scalar(pattern for _, pattern in callback._patterns)
    return None


def _terminal(output: Any) -> Terminal | None:
    """The terminal of this process, where ``output`` is to be shown there."""
    by = output.shown_by
    if by and (_is_notebook(output._proc.args) or isinstance(by, _ShownByPipeline)):
        in_its_place: Terminal | None = by.terminal(output)
        return in_its_place
    if output._quiet or not _is_on_terminal() or not _may_write_one_pipe(output._proc.args):
        return None
    from .. import terminal

    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return terminal.Terminal(sys.stderr.fileno(), write, terminal.can_draw(), encoding)


class _ShownByPipeline:
    """Shows the runs of a step in the terminal of the pipeline: what they print and what goes on is
    written to the pipe that its process reads."""

    shows_status = True

    def __init__(self) -> None:
        self.pass_on = one_pipe.Teller(begin=b"").write

    def terminal(self, output: Any) -> Terminal | None:
        if output._quiet:
            return None
        from .. import terminal

        pass_on = self.pass_on

        class OfPipeline(terminal.Terminal):
            """It draws nothing itself."""

            def status(self, data: bytes) -> None:
                super().status(data)
                pass_on(one_pipe.STATUS, data)

            def close(self) -> None:
                super().close()
                pass_on(one_pipe.STATUS, one_pipe.status_line({}))

        def write(fd: int, data: bytes) -> None:
            if data:  # a line of Guild's own is not recorded
                pass_on(fd - 1 if fd > 0 else one_pipe.UNRECORDED + 1, data)

        return OfPipeline(-1, write, draws=False)


def _pieces(fd: int, terminal: Terminal | None = None) -> Iterator[bytes]:
    """What is read from ``fd``; the terminal's line is drawn while nothing comes."""
    if terminal:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
    while True:
        while terminal and not poll.poll(TICK_MILLISECONDS):
            terminal.tick()
        data = os.read(fd, PIECE)
        if not data:
            return
        yield data


def _descriptor(file: Any) -> int | None:
    try:
        return file.fileno() if hasattr(file, "fileno") else None
    except io.UnsupportedOperation:
        return None


def write(fd: int, data: bytes) -> None:
    """Write all of it, also to a terminal that another process has made non-blocking."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])


def _report(stream: int, error: OSError) -> None:
    name = ("stdout", "stderr")[stream]
    log.warning("nothing more of the run's %s is shown or recorded: %s", name, error.strerror)
