"""The ``guild`` command as a process of its own, whose output is shown as it comes."""

from __future__ import annotations

import asyncio
import codecs
import concurrent.futures
import contextlib
import contextvars
import functools
import io
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from typing import ParamSpec

    _Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

POLL_SECONDS = 0.2
"""Time after which the end of a process is seen whose output somebody else holds open; and a
Ctrl-C in a cell of Jupyter that awaits, which does not wake the loop."""

MOST_KEPT = 4_000
"""Characters of what the command has said last, for an error."""

# A kernel ignores SIGINT while it executes no cell, and what it starts then would do so as well.
# Messages call the command by the first of its arguments.
_GUILD = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "sys.argv[0] = 'guild'; from guild.main_bootstrap import main; main()"
)


def _command_line(arguments: Sequence[str]) -> list[str]:
    """The ``guild`` command of this environment."""
    return [sys.executable, "-uc", _GUILD, *arguments]


def captured(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A ``guild`` command that has ended, with what it has printed."""
    return subprocess.run(
        _command_line(arguments),
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


class _Task:
    """A task of asyncio that waits for a command."""

    def __init__(self) -> None:
        self._command: Command | None = None
        self._is_cancelled = False
        self._lock = threading.Lock()

    def started(self, command: Command) -> None:
        with self._lock:
            self._command = command
            if self._is_cancelled:
                command.interrupt()

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._command:
                self._command.interrupt()


_task: contextvars.ContextVar[_Task | None] = contextvars.ContextVar("_task", default=None)


def asynchronous(
    function: Callable[_Arguments, _Result],
) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """A function that waits for one command, for asyncio: it is called in a thread, so that any
    loop will do. Where the task is cancelled, the command is interrupted, and has ended when
    CancelledError is raised."""

    @functools.wraps(function)
    async def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        result: concurrent.futures.Future[_Result] = concurrent.futures.Future()
        task = _Task()
        # In this context, by which Jupyter knows the cell that an output belongs to.
        context = contextvars.copy_context()
        context.run(_task.set, task)

        def work() -> None:
            try:
                result.set_result(function(*args, **kwargs))
            except BaseException as e:
                result.set_exception(e)

        threading.Thread(target=context.run, args=(work,), daemon=True).start()
        future = asyncio.wrap_future(result)
        cancelled = None
        while not future.done():
            try:
                await asyncio.wait([future], timeout=POLL_SECONDS)
            except asyncio.CancelledError as e:
                cancelled = e
                task.cancel()
        if cancelled:
            future.exception()  # it has been looked at
            raise cancelled
        return future.result()

    return call


class Shown(Protocol):
    """What texts are written to."""

    def write(self, text: str, /) -> Any: ...

    def flush(self) -> None: ...


class Command:
    """A ``guild`` command that has been started, and prints to ``sys.stdout`` and ``sys.stderr``
    of this process, or nothing where it is ``quiet``. Where it has not ``sys.stderr`` itself, what
    it writes to that is written to ``errors``.

    In the main thread, which a Ctrl-C interrupts, and where a task waits for it, which may be
    cancelled, Ctrl-C does not reach it, and ``interrupt`` does what that would. In other threads it
    is as any command that is started on this terminal.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: str | None = None,
        quiet: bool = False,
        errors: Shown | None = None,
    ) -> None:
        task = _task.get()
        self._has_own_group = bool(task) or threading.current_thread() is threading.main_thread()
        self.said = ""  # the end of what it has written to stderr, where that is read here
        streams: list[Any] = [None, None] if quiet else [sys.stdout, sys.stderr]
        targets = [_target(stream, number) for number, stream in enumerate(streams, 1)]
        if quiet:
            targets[1] = subprocess.PIPE
        elif errors and targets[1] == subprocess.PIPE:
            streams[1] = errors
        self._process = subprocess.Popen(
            _command_line(arguments),
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=targets[0],
            stderr=targets[1],
            start_new_session=self._has_own_group,
        )
        self._selector = selectors.DefaultSelector()
        for pipe, stream in zip((self._process.stdout, self._process.stderr), streams):
            if pipe:
                decoder = codecs.getincrementaldecoder("utf-8")("replace")
                self._selector.register(pipe, selectors.EVENT_READ, (stream, decoder))
        if task:
            task.started(self)

    def wait(self) -> int:
        """Show its output until it has ended; returns its exit status. Raises KeyboardInterrupt
        after a Ctrl-C, and what writing raises, once the command has ended for that as well; where
        a signal ends this process, it ends the command first."""
        interrupted = None
        with self._ending_signals():
            while True:
                try:
                    self._show_output()
                    self._process.wait()
                    break
                except KeyboardInterrupt as e:
                    interrupted = e
                    if self._has_own_group:
                        self.interrupt()
                except BaseException:  # of the stream, which may be anything
                    self._close()
                    self.interrupt()
                    self._process.wait()
                    raise
        self._close()
        if interrupted:
            raise interrupted
        return self._process.returncode

    def _close(self) -> None:
        self._selector.close()
        for pipe in filter(None, (self._process.stdout, self._process.stderr)):
            pipe.close()

    @contextlib.contextmanager
    def _ending_signals(self) -> Iterator[None]:
        """Interrupt the command where a signal is about to end this process, which waits for it."""
        received: list[int] = []

        def handle(number: int, _frame: Any) -> None:
            received.append(number)
            self.interrupt()

        is_main = threading.current_thread() is threading.main_thread()
        ending = (signal.SIGTERM, signal.SIGHUP) if is_main else ()
        kept = [number for number in ending if signal.getsignal(number) == signal.SIG_DFL]
        for number in kept:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number in kept:
                signal.signal(number, signal.SIG_DFL)
            if received:
                os.kill(os.getpid(), received[0])

    def interrupt(self) -> None:
        """Do what Ctrl-C does on a terminal."""
        with contextlib.suppress(ProcessLookupError):
            if self._has_own_group:
                os.killpg(self._process.pid, signal.SIGINT)
            else:
                self._process.send_signal(signal.SIGINT)

    def _show_output(self) -> None:
        while self._selector.get_map():
            ready = self._selector.select(POLL_SECONDS)
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                stream, decoder = key.data
                if not data:
                    self._selector.unregister(key.fileobj)
                text = decoder.decode(data, final=not data)
                if key.fileobj is self._process.stderr:
                    self.said = (self.said + text)[-MOST_KEPT:]
                if text and stream is not None:
                    stream.write(text)
                    stream.flush()
            if not ready and self._process.poll() is not None:
                return


def _target(stream: IO[str] | None, number: int) -> int | None:
    """Where a stream of the command goes: None where ``stream`` is that of this process itself,
    which may be a terminal."""
    if stream is None:
        return subprocess.DEVNULL
    with contextlib.suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper) and stream.fileno() == number:
            stream.flush()
            return None
    return subprocess.PIPE
