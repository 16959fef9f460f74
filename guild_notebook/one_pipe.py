"""Both output streams of a notebook's process in one pipe, in the order in which it wrote them.

Guild reads a pipe for each stream, and of two pipes nobody can tell which was written to first. So
Guild's side tells the process by ``VARIABLE`` that it may write both streams to stdout, and that
does what follows ``BEGIN`` there: a NUL and the number of a stream + 1 are written before what goes
to another stream than the bytes before it, and a NUL of the text itself is written twice.

Where that side has a terminal, ``VARIABLE`` is ``TERMINAL``. Then more kinds of streams may come
on the same pipe, in order with the others: what goes on (``STATUS``), which is not recorded and
shows in the terminal's last line (:mod:`~guild_notebook.terminal`), what is recorded without being
shown (``UNSHOWN``), and the other way round (``UNRECORDED``). An optimizer's process
(``guild_notebook.optimizers.NAME``) is told the same, and may write its status with ``Teller``.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

VARIABLE = "GUILD_NOTEBOOK_ONE_PIPE"
"""It is for this process only: who reads it takes it out of the environment."""

TERMINAL = "terminal"
"""The value of ``VARIABLE`` for a process that may write a status."""

STEP = "step"
"""The same for a step of a pipeline, on whose pipe ``BEGIN`` has been written."""

STATUS = 2
"""The stream of what goes on: for each change a line with a JSON object, ``Terminal.status`` has
its fields. It replaces the one before."""

UNSHOWN, UNRECORDED = 3, 6
"""The number of a stream + this is that of what is recorded as its text and not shown, or shown and
not recorded."""

BEGIN = b"\0guild-notebook:"

_MARK = re.compile(rb"\0([\0-\10])")


def status_line(status: Mapping[str, Any]) -> bytes:
    """A line of the stream ``STATUS``."""
    return json.dumps(status).encode() + b"\n"


class Teller:
    """Writes other streams to stdout, for a process that writes all else there without a
    ``Writer``; ``begin`` is b"" where another process has written that."""

    def __init__(self, begin: bytes = BEGIN) -> None:
        self._begin = begin

    def tell(self, status: Mapping[str, Any]) -> None:
        """Write what goes on now. Raises OSError."""
        self.write(STATUS, status_line(status))

    def write(self, stream: int, content: bytes) -> None:
        """Write to a stream. Raises OSError. What the pipe takes at once, so that no other thread's
        comes between."""
        content = content.replace(b"\0", b"\0\0")
        marked = b"%b\0%c%b\0\1" % (self._begin, stream + 1, content)
        self._begin = b""
        while marked:
            marked = marked[os.write(1, marked) :]


class Writer:
    """Makes the bytes for the pipe. The public attributes are for who writes them there."""

    def __init__(self) -> None:
        self.waiting: deque[Any] = deque()
        self.size = 0  # of what waits, in bytes of memory
        self.may_wait = self.is_writing = False
        self._stream: int | None = None
        self._first = BEGIN  # what is to be written before the next mark
        self._before = 0  # bytes of that in what was returned last

    def marked(self, stream: int, content: bytes) -> bytes:
        """The bytes for ``content`` of a stream: 0 for stdout, 1 for stderr, or one of those
        above."""
        if b"\0" in content:
            content = content.replace(b"\0", b"\0\0")
        self._before = 0
        if stream == self._stream:
            return content
        self._before = len(self._first)
        content = b"%b\0%c%b" % (self._first, stream + 1, content)
        self._stream, self._first = stream, b""
        return content

    def cut(self, marked: bytes, count: int) -> None:
        """Of the last bytes only so many have been written, and the others will not be."""
        self._stream = None
        if count < self._before:
            self._first = marked[count : self._before]
            return
        written = marked[self._before : count]
        is_half = (len(written) - len(written.rstrip(b"\0"))) % 2  # of a mark
        self._first = marked[count : count + 1] if is_half else b""


class Reader:
    """Tells the streams apart. What is there before ``BEGIN``, of another process or all that one
    writes which does not know of this, is of stream 0."""

    def __init__(self) -> None:
        self._has_begun = False
        self._stream = 0
        self._held = b""  # half of a mark

    def parts(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """What ``data``, the next bytes of the pipe, hold of the streams, in order."""
        if not self._has_begun:
            before, begin, data = data.partition(BEGIN)
            self._has_begun = bool(begin)
            yield 0, before
        *pairs, last = _MARK.split(self._held + data)
        for text, mark in zip(pairs[::2], pairs[1::2]):
            yield self._stream, text
            if mark == b"\0":
                yield self._stream, mark
            else:
                self._stream = mark[0] - 1
        last, self._held, _ = last.partition(b"\0")
        yield self._stream, last
