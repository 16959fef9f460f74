"""Wakes a kernel that has not noticed a request.

From version 7 on ipykernel sends its replies on the shell socket beside the stream that reads
requests there. What arrives while it sends one is noticed with the socket's next event only, and
a further request on the same connection is none: the kernel sleeps and the run would wait for
ever. A new connection is one (https://github.com/ipython/ipykernel/issues/1554).

The requests of a run wait for each other's replies, which leaves messages of widgets to meet a
reply. To be needless, setup.py must admit no such ipykernel.
"""

from __future__ import annotations

import time
from typing import Any

FIRST_SECONDS = 1.0
"""Time without a word of the kernel on a request after which it is woken; twice that the next
time, and so on, since one that is silent for a reason of its own is not to be flooded."""


class Knocks:
    """The connections that have been made to wake a kernel."""

    def __init__(self) -> None:
        self._sockets: list[Any] = []

    def knock(self, manager: Any, session: Any) -> None:
        """Connect anew to the kernel's shell socket and ask there what changes nothing."""
        socket = manager.connect_shell()
        self._sockets.append(socket)
        session.send(socket, session.msg("kernel_info_request"))

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)
        self._sockets.clear()


class Patience:
    """Says when to wake a kernel that has been sent a request."""

    def __init__(self) -> None:
        self._since = self._seconds = 0.0

    def begin(self) -> None:
        """A request has been sent."""
        self._since, self._seconds = time.monotonic(), FIRST_SECONDS

    def end(self) -> None:
        """The kernel has said something on it."""
        self._seconds = 0.0

    def is_over(self) -> bool:
        """Whether it is time to wake the kernel, once for each such time."""
        if not self._seconds or time.monotonic() - self._since < self._seconds:
            return False
        self._seconds *= 2
        return True
