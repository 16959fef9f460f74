"""Waking a kernel that has not noticed a request.

From version 7 on ipykernel sends its replies on the shell socket beside the stream that reads
requests there. It notices a request that arrives while it sends a reply only with the socket's
next event. A further request on the same connection makes no event, so the kernel and the run
would wait for ever. A new connection makes one (https://github.com/ipython/ipykernel/issues/1554).

A run sends a request only after the reply to the one before, so only messages of widgets can
arrive while a reply is sent. This module can go when setup.py admits no ipykernel with the fault.
"""

from __future__ import annotations

import time
from typing import Any

FIRST_SECONDS = 1.0
"""Time without a message about a request after which the kernel is woken; it doubles each time,
since a kernel that sends nothing for another reason is not to be flooded."""


class WakeupSockets:
    """The connections that have been made to wake a kernel."""

    def __init__(self) -> None:
        self._sockets: list[Any] = []

    def send(self, manager: Any, session: Any) -> None:
        """Make another connection to the kernel's shell socket and send a request that changes
        nothing."""
        socket = manager.connect_shell()
        self._sockets.append(socket)
        session.send(socket, session.msg("kernel_info_request"))

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)
        self._sockets.clear()


class WakeupTimer:
    """When to wake a kernel that has been sent a request."""

    def __init__(self) -> None:
        self._since = self._seconds = 0.0

    def start(self) -> None:
        """A request has been sent."""
        self._since, self._seconds = time.monotonic(), FIRST_SECONDS

    def stop(self) -> None:
        """The kernel has sent a message about it."""
        self._seconds = 0.0

    def is_due(self) -> bool:
        """Whether it is time to wake the kernel; true once each time."""
        if not self._seconds or time.monotonic() - self._since < self._seconds:
            return False
        self._seconds *= 2
        return True
