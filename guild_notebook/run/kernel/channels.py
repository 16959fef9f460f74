"""The kernel's messages, read in numbers.

nbclient takes one message at a time and drops those whose request is of an earlier cell. Here all
that is waiting is read at once, texts of one stream that follow each other become one message,
and what an earlier cell still shows (a thread, a task) goes to that cell. What is no message at
all is passed over.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from queue import Empty
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type

from .masked_messages import Messages
from .messages import OUTPUTS, Message, sound

MOST_AT_ONCE = 500
"""Messages that are read before any is handed on."""

SILENCE = 4.0
"""Seconds without a message after which a request that has its reply has no more outputs, though
the kernel has not said that it is idle: nbclient's iopub_timeout, which it counts from the reply
on, however much output is still on its way."""

LOOK_SECONDS = 0.05
"""Between two looks for a reply. The socket's descriptor tells of a message once (ZMQ_FD, zmq's
API), and who sends something may be the one that is told: nbclient does, for Output widgets."""

MOST_TEXT = 1_000_000
"""Characters of text that become one message, and that are read before any is handed on."""


class Channel(AsyncZMQSocketChannel):  # type: ignore[misc]  # jupyter_client has no types
    """A channel that gives sound messages only; ``refused`` says why the last other was none."""

    refused = ""
    answered: tuple[str, float] = "", 0.0
    """The request that the last message answers, and when it came (time.monotonic)."""

    async def get_msg(self, timeout: float | None = None) -> Message:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not await self._is_readable(left):
                raise Empty
            message = self.read(await self.socket.recv_multipart())
            if message:
                self.answered = str(message["parent_header"].get("msg_id")), time.monotonic()
                return message

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

    async def _is_readable(self, seconds: float | None) -> bool:
        return bool(await self.socket.poll(None if seconds is None else int(seconds * 1000)))

    def read(self, frames: list[bytes]) -> Message | None:
        try:
            _, parts = self.session.feed_identities(frames)
            return sound(self.session.deserialize(parts))
        except Exception as e:  # what a wrong signature or broken JSON happens to raise
            self.refused = " ".join(str(e).split())[:100]
            return None


class ReplyChannel(Channel):
    """The shell channel, on which others send while somebody waits for a reply."""

    async def _is_readable(self, seconds: float | None) -> bool:
        until = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if await super()._is_readable(min(max(0.0, left), LOOK_SECONDS)):
                return True
            if left <= LOOK_SECONDS:
                return False


class OutputChannel(Channel):
    """The iopub channel. ``late`` is called for each output of a request that ``is_late``.

    ``reply`` says since when the executing request has had its reply, None where it has none yet:
    who waits without a limit gets Empty once that, and the last message, is ``SILENCE`` ago.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[Message] = deque()
        self.late: Callable[[Message], None] | None = None
        self.is_late: Callable[[Message], bool] = lambda _message: False
        self.reply: Callable[[], float | None] = lambda: None
        self.masking: Messages | None = None
        self._masked: deque[Message] = deque()

    async def get_msg(self, timeout: float | None = None) -> Message:
        while True:
            message = await self._next(timeout)
            if not (self.late and message["msg_type"] in OUTPUTS and self.is_late(message)):
                return message
            self.late(message)

    async def _next(self, timeout: float | None) -> Message:
        while not self._masked:
            if not self._waiting:
                try:
                    self._waiting.append(await self._wait(timeout))
                except Empty:  # who waits no longer is to have what is held
                    self._masked.extend(self.masking.rest() if self.masking else ())
                    if self._masked:
                        break
                    raise
                self._read_waiting()
            message = self._waiting.popleft()
            if self.masking is None:
                return message
            self._masked.extend(self.masking.masked(message))
        return self._masked.popleft()

    async def _wait(self, timeout: float | None) -> Message:
        while True:
            try:
                return await super().get_msg(SILENCE if timeout is None else timeout)
            except Empty:
                replied = self.reply()
                if timeout is not None:
                    raise
                if replied is not None and time.monotonic() - replied >= SILENCE:
                    raise

    def _read_waiting(self) -> None:
        """Read what is there without waiting, through the same socket's plain interface."""
        plain: Any = zmq.Socket.shadow(self.socket)
        size = _text_size(self._waiting[-1])
        for _ in range(MOST_AT_ONCE):
            if size > MOST_TEXT:
                return
            try:
                frames = plain.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = self.read(frames)
            if message is None:
                continue
            size += _text_size(message)
            if not _joined(self._waiting[-1], message):
                self._waiting.append(message)


def _text_size(message: Message) -> int:
    return len(message["content"]["text"]) if message["msg_type"] == "stream" else 0


def _joined(last: Message, message: Message) -> bool:
    """Add the text of ``message`` to ``last`` where both are of one stream and request."""
    if last["msg_type"] != "stream" or message["msg_type"] != "stream":
        return False
    content, more = last["content"], message["content"]
    if content["name"] != more["name"]:
        return False
    if last["parent_header"].get("msg_id") != message["parent_header"].get("msg_id"):
        return False
    content["text"] += more["text"]
    return True


class Client(AsyncKernelClient):  # type: ignore[misc]  # jupyter_client has no types
    """The client of a kernel, with that channel; notes the id of each request in ``requests``."""

    shell_channel_class = Type(ReplyChannel)
    stdin_channel_class = Type(Channel)
    iopub_channel_class = Type(OutputChannel)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requests: list[str] = []

    def execute(self, code: str, *args: Any, **kwargs: Any) -> str:
        """Raises UnicodeEncodeError for a lone surrogate, which no message can hold."""
        code.encode("utf-8")
        request: str = super().execute(code, *args, **kwargs)
        self.requests.append(request)
        return request
