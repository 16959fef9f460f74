"""What stops a run from outside: signals, the end of Guild."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..kernel import supervisor

if TYPE_CHECKING:
    import asyncio

WATCH_SECONDS = 0.5

SAME_REQUEST_SECONDS = 1.0
"""Time in which further signals belong to the first request: a terminal that is closed sends
SIGHUP, and again when Guild, its session's leader, has ended."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """One of the SIGNALS, ``number``, before they are watched."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def interrupt_by_signals() -> None:
    """Let signals raise Interrupted until they are watched: what was begun is ended then, and what
    was made is removed."""
    _handle(_interrupt)


def _handle(handler: Callable[[int, Any], None]) -> None:
    """A signal that is ignored from the start (nohup, a job in the background of a script) stays
    ignored."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(number: int, _frame: Any) -> None:
    raise Interrupted(number)


class Stop:
    """The first request to stop the run. ``signal`` is the signal that the process is to die by
    then, which is how Guild knows a run that was stopped; None before. ``requested``, which
    ``watch`` makes, is set with it."""

    requested: asyncio.Event

    def __init__(self) -> None:
        self.signal: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._parent = os.getppid()
        self._next_request = 0.0  # when a signal is a further request

    def watch(self) -> None:
        """Handle signals from now on, and watch the parent process in a thread; for the event loop
        that runs."""
        import asyncio  # which takes long: the kernel has been started before

        self._loop = asyncio.get_running_loop()
        self.requested = asyncio.Event()
        if self.signal is not None:
            self.requested.set()
        _handle(self._on_signal)
        # A process that was stopped goes on when Guild's has ended, to end as well.
        supervisor.prctl(supervisor.PR_SET_PDEATHSIG, signal.SIGCONT)
        threading.Thread(target=self._watch_parent, daemon=True).start()

    def _on_signal(self, number: int, _frame: Any) -> None:
        if self.signal is None:
            self.request(number)
        elif number != signal.SIGHUP and time.monotonic() > self._next_request:
            die_by(number)  # the second request: at once, and the supervisor ends the kernel

    def request(self, number: int = signal.SIGTERM) -> None:
        """Ask the run to stop; from any thread."""
        if self.signal is None:
            self._next_request = time.monotonic() + SAME_REQUEST_SECONDS
            self.signal = number
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.requested.set)

    @property
    def name(self) -> str:
        return signal.Signals(self.signal).name if self.signal is not None else ""

    @property
    def is_orphan(self) -> bool:
        """Whether the process that started this one, Guild's, has ended."""
        return os.getppid() != self._parent

    def _watch_parent(self) -> None:
        while self.signal is None:
            if self.is_orphan:
                try:
                    self.request()
                except RuntimeError:  # the loop is closed: the run is over
                    return
            time.sleep(WATCH_SECONDS)


def die_by(number: int) -> None:
    """End this process by a signal, as if it had never been caught."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
