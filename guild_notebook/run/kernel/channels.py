"""A kernel's client and its channels, which read many messages at once.

nbclient asks for one message at a time and drops those that answer an earlier cell's request. Here
all messages that have arrived are read at once, texts of one stream that follow each other become
one message, and outputs of an earlier cell (of a thread, a task) are passed to a listener. What is
not a message of Jupyter's protocol is skipped.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from queue import Empty
from typing import Any, Protocol

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type

from . import launcher
from .messages import OUTPUTS, Message, checked_message, unpacked

MOST_AT_ONCE = 500  # messages that are read before the first of them is returned

SILENCE = 4.0
"""Seconds without a message after which a request that has its reply is taken to have no more
outputs, though the kernel has not sent that it is idle. It stands in for nbclient's iopub_timeout,
which counts from the reply on, however much output is still on its way."""

MOST_ONE_BY_ONE = 50  # texts without another message between, after which more are waited for
PAUSE_SECONDS = 0.003  # time that is waited then
MOST_BYTES = 1_000_000  # of messages that are read before the first is returned, and of one text

FIRST_WAKEUP_SECONDS = 1.0
"""Time without a message about a request after which the kernel is woken; it doubles each time,
since a kernel that sends nothing for another reason is not to be flooded."""


class IopubListener(Protocol):
    """The client that executes cells. A message ``is_late`` that answers another request than the
    executing one, whose reply came at ``replied_at`` (time.monotonic; None before that)."""

    def is_late(self, message: Message) -> bool: ...

    def show_late(self, message: Message) -> None: ...

    def replied_at(self) -> float | None: ...


class CheckedChannel(AsyncZMQSocketChannel):  # type: ignore[misc]  # jupyter_client has no types
    """A channel that returns messages of Jupyter's protocol only. ``answered`` is the id of the
    request that the last message answers, and when it arrived (time.monotonic)."""

    answered: tuple[str, float] = "", 0.0

    async def get_msg(self, timeout: float | None = None) -> Message:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while await self._is_readable(max(0.0, deadline - time.monotonic())):
            # Without a future for what is there.
            message = self.read(zmq.Socket.shadow(self.socket).recv_multipart(zmq.NOBLOCK))
            if message:
                self.answered = str(message["parent_header"].get("msg_id")), time.monotonic()
                return message
        raise Empty

    async def answer(self, request: str, seconds: float, ended: asyncio.Event) -> Message | None:
        """The next message that answers ``request``; None after ``seconds``, or once the kernel
        has ``ended``."""
        deadline = time.monotonic() + seconds
        while not ended.is_set():
            try:
                message = await self.get_msg(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return None
            if message["parent_header"].get("msg_id") == request:
                return message
        return None

    async def _is_readable(self, seconds: float) -> bool:
        return bool(await self.socket.poll(None if seconds == math.inf else int(seconds * 1000)))

    def read(self, frames: list[bytes]) -> Message | None:
        try:
            _, parts = self.session.feed_identities(frames)
            return checked_message(unpacked(self.session, parts))
        except Exception:  # what a wrong signature or broken JSON happens to raise
            return None


class IopubChannel(CheckedChannel):
    """The iopub channel. ``get_msg`` without a timeout raises Empty once ``SILENCE`` seconds have
    passed since the executing request got its reply, and since the last message. The kernel's own
    socket is read until something arrives on ``direct``, to which launcher.py sends the same
    messages, and from then on that. Once the kernel ``has_closed`` it, ``get_msg`` raises Empty."""

    has_closed = False

    listener: IopubListener

    def __init__(self, socket: Any, session: Any, direct: Any) -> None:
        super().__init__(socket, session)
        self.socket: Any = socket
        self._direct = direct
        self._seen: set[str] = set()
        self._read: deque[Message] = deque()
        self._texts = 0

    async def get_msg(self, timeout: float | None = None) -> Message:
        while True:
            message = await self._next(timeout)
            if message["msg_type"] not in OUTPUTS or not self.listener.is_late(message):
                return message
            self.listener.show_late(message)

    async def _is_readable(self, seconds: float) -> bool:
        if self.has_closed:
            return False
        if self._direct is None:
            return await super()._is_readable(seconds)
        poller = zmq.asyncio.Poller()
        for socket in (self.socket, self._direct):
            poller.register(socket, zmq.POLLIN)
        ready = dict(await poller.poll(-1 if seconds == math.inf else int(seconds * 1000)))
        if self._direct in ready:
            self.socket.close(linger=0)
            self.socket, self._direct = self._direct, None
        return bool(ready)

    def read(self, frames: list[bytes]) -> Message | None:
        if frames == [launcher.END]:
            self.has_closed = True
            return None
        message = super().read(frames)
        if message is None:
            return None
        # Of a request that is not of the run: another client, as a console, gets it as well.
        if message["parent_header"].get("session") not in (None, "", self.session.session):
            return None
        self._texts = self._texts + 1 if message["msg_type"] == "stream" else 0
        name = str(message["header"].get("msg_id"))
        if self._direct is None:
            return None if name in self._seen else message
        if len(self._seen) < MOST_AT_ONCE:
            self._seen.add(name)
        return message

    def stop(self) -> None:
        if self._direct is not None:
            self._direct.close(linger=0)
        super().stop()

    async def _next(self, timeout: float | None) -> Message:
        if not self._read:
            if self._texts > MOST_ONE_BY_ONE:
                await asyncio.sleep(PAUSE_SECONDS)
            self._read.append(await self._wait(timeout))
            self._read_all()
        return self._read.popleft()

    async def _wait(self, timeout: float | None) -> Message:
        while True:
            try:
                return await super().get_msg(SILENCE if timeout is None else timeout)
            except Empty:
                if timeout is not None:
                    raise
                replied_at = self.listener.replied_at()
                if replied_at is not None and time.monotonic() - replied_at >= SILENCE:
                    raise
                if self.has_closed:  # a cell ends the kernel
                    await asyncio.sleep(SILENCE)

    def _read_all(self) -> None:
        """Read what has arrived, through the same socket's interface that does not wait."""
        plain: Any = zmq.Socket.shadow(self.socket)
        size = 0
        for _ in range(MOST_AT_ONCE):
            if size > MOST_BYTES:
                return
            try:
                frames = plain.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = self.read(frames)
            if message is None:
                continue
            size += sum(map(len, frames))
            if not _join(self._read[-1], message):
                self._read.append(message)


def _join(last: Message, message: Message) -> bool:
    """Add the text of ``message`` to ``last`` if both are of one stream and request; returns
    whether they are."""
    if last["msg_type"] != "stream" or message["msg_type"] != "stream":
        return False
    content, more = last["content"], message["content"]
    if content["name"] != more["name"]:
        return False
    if last["parent_header"].get("msg_id") != message["parent_header"].get("msg_id"):
        return False
    content["text"] += more["text"]
    return True


class Wakeups:
    """Wakes a kernel that has not noticed a request, through new connections to its shell socket.

    From version 7 on ipykernel sends its replies on the shell socket beside the stream that reads
    requests there. It notices a request that arrives while it sends a reply only with the socket's
    next event. A further request on the same connection makes no event, so the kernel and the run
    would wait for ever. A new connection makes one (https://github.com/ipython/ipykernel/issues/1554).

    A run sends requests, and states of widgets, after the reply to the request before, with which
    the kernel may not be done then. This can go when setup.py admits no ipykernel with the fault.
    """

    def __init__(self, client: KernelClient) -> None:
        self._client = client
        self._sockets: list[Any] = []
        self._since = self._seconds = 0.0

    def start(self) -> None:
        """A request has been sent."""
        self._since, self._seconds = time.monotonic(), FIRST_WAKEUP_SECONDS

    def stop(self) -> None:
        """The kernel has sent a message about it."""
        self._seconds = 0.0

    def send_if_due(self) -> None:
        """Send a request that changes nothing if it is time to."""
        if self._seconds and time.monotonic() - self._since >= self._seconds:
            self._seconds *= 2
            socket = self._client.connect_shell()
            self._sockets.append(socket)
            session = self._client.session
            session.send(socket, session.msg("kernel_info_request"))

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)


class KernelClient(AsyncKernelClient):  # type: ignore[misc]  # jupyter_client has no types
    """A kernel's client with these channels. ``requests`` are the ids of its execute requests,
    ``direct`` is the socket to which launcher.py sends what the kernel publishes."""

    shell_channel_class = Type(CheckedChannel)
    stdin_channel_class = Type(CheckedChannel)
    iopub_channel_class = Type(IopubChannel)

    def __init__(self, direct: Any, **options: Any) -> None:
        super().__init__(**options)
        self._direct = direct
        self.requests: list[str] = []
        self.wakeups = Wakeups(self)
        self._iopub: IopubChannel | None = None

    @property
    def iopub_channel(self) -> IopubChannel:
        """As in the base class, whose channel is given its socket and session only."""
        if self._iopub is None:
            socket = self.connect_iopub()
            self._iopub = IopubChannel(socket, self.session, self._direct)
        return self._iopub

    def execute(self, code: str, *args: Any, **options: Any) -> str:
        """Raises UnicodeEncodeError for a lone surrogate, which a message cannot hold."""
        code.encode("utf-8")
        request: str = super().execute(code, *args, **options)
        self.requests.append(request)
        return request

    def execute_silently(self, code: str) -> str:
        """Execute code that is not of a cell; returns the ID of the request."""
        options: dict[str, Any] = {"silent": True, "store_history": False, "allow_stdin": False}
        request: str = super().execute(code, **options)
        return request
