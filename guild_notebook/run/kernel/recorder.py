"""What the shared cells send, kept for the trials: in each, the same is sent again in answer to the
requests of its own run.

Loaded from its file by a process of the kernel's Python (prefix_kernel.py).
"""

from __future__ import annotations

import os
import tempfile
import time
from importlib import import_module
from typing import Any, NamedTuple

iostream: Any = import_module("ipykernel.iostream")
OutStream: Any = iostream.OutStream


class _Message(NamedTuple):
    """A message of this ``kind``: what it holds, packed, and its topic or the id of a client."""

    kind: str
    packed: bytes
    buffers: list[bytes]
    ident: Any


class _Printed(NamedTuple):
    """What was printed to the ``stream`` with nothing else sent in between."""

    stream: str
    texts: list[str]


class Record:
    """What a cell has sent. ``request`` is the id of the request, which messages may hold: that of
    a widget which is to get what the cell shows has it. ``streams`` are the names of those of which
    the kernel has said that what they get is of this cell: not of one that a cell has replaced.
    ``sets`` are the names that trials set themselves."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.sets: Any = ()
        self.request = b""
        self.messages: list[_Message | _Printed] = []
        self.reply: Any = None  # a _Message
        self.streams: list[str] = []


class Recorder:
    """Takes the place of ``Session.send``, and of what makes ``sys.stdout`` and ``sys.stderr``. A
    text is sent again in pieces of ``piece`` characters, and the second of the ``folders`` in place
    of the first, in which the cells were executed."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self.session: Any = None
        self.streams: dict[str, Any] = {}
        self.record = Record("")
        self._of_streams: dict[str, Record] = {}
        self.size = 0  # bytes that are kept
        self._unsent: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._since: dict[str, float] = {}
        self.shell = object()  # stands for the socket on which a kernel replies
        self.folders = "", ""
        self.originals = [os.dup(fd) for fd in (1, 2)]
        self._write_to_files()

    def _write_to_files(self) -> None:
        self._files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        self._read = [0, 0]
        for fd, file in enumerate(self._files, 1):
            os.dup2(file.fileno(), fd)

    def renew(self) -> None:
        """In a fork: have files of its own."""
        for file in self._files:
            file.close()
        self._write_to_files()

    def fds(self) -> list[int]:
        return [1, 2, *self.originals, *(file.fileno() for file in self._files)]

    def close(self, output: int) -> None:
        """Let the process, and what has been told its descriptors, write to ``output``."""
        for fd in (1, 2, *self.originals):
            os.dup2(output, fd)
        os.close(output)
        for file in self._files:
            file.close()
        self._files = []  # what is shown until there is a connection is of no cell
        self.record, self._of_streams = Record(""), {}

    def stream(self, session: Any, thread: Any, name: str, **options: Any) -> Any:
        """In place of ipykernel's OutStream: the same object before the fork and after it, when
        there is a thread that sends output."""
        if thread is None:
            self.streams[name] = _Stream(session, self, name)
        else:
            self.streams[name].__class__ = OutStream
            OutStream.__init__(self.streams[name], session, thread, name, **options)
        return self.streams[name]

    def begin(self, code: str) -> Record:
        self.record = Record(code)
        return self.record

    def begin_stream(self, name: str) -> None:
        self.flush()
        self._of_streams[name] = self.record
        self.record.streams.append(name)

    def text(self, name: str, text: str) -> None:
        """A text that was printed."""
        self._take_written()
        self._add_text(name, text)

    def _add_text(self, name: str, text: str) -> None:
        now = time.monotonic()
        for other, since in [*self._since.items()]:
            if now - since > OutStream.flush_interval:  # a thread sends it in a kernel
                self._flush(other)
        self._unsent[name].append(text)
        self._since.setdefault(name, now)
        self.size += len(text)

    def flush(self) -> None:
        """What has been printed is sent before anything else."""
        self._take_written()
        for name in self._unsent:
            self._flush(name)

    def _flush(self, name: str) -> None:
        texts, self._unsent[name] = self._unsent[name], []
        self._since.pop(name, None)
        messages = self._of_streams.get(name, self.record).messages
        last = messages[-1] if messages else None
        if isinstance(last, _Printed) and last.stream == name:
            last.texts.extend(texts)
        elif texts:
            messages.append(_Printed(name, texts))

    def _take_written(self) -> None:
        """What was written to the descriptors themselves, by a library or a program."""
        for at, (file, name) in enumerate(zip(self._files, self._unsent)):
            if os.fstat(file.fileno()).st_size > self._read[at]:
                data = os.pread(file.fileno(), 1 << 26, self._read[at])
                self._read[at] += len(data)
                self._add_text(name, data.decode(errors="replace"))

    def send(
        self,
        stream: Any,
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,
        buffers: Any = None,
        metadata: Any = None,
        **_options: Any,
    ) -> Any:
        """As jupyter_client's ``Session.send``."""
        kind = msg_or_type
        if isinstance(msg_or_type, dict):
            kind = msg_or_type["header"]["msg_type"]
            content, metadata = msg_or_type["content"], msg_or_type["metadata"]
            buffers = buffers or msg_or_type.get("buffers")
        if kind != "status":
            packed = self.session.pack([content or {}, metadata or {}])
            buffers = [bytes(buffer) for buffer in buffers or ()]
            self.size += len(packed) + sum(map(len, buffers))
            message = _Message(kind, packed, buffers, ident)
            if stream is self.shell:
                self.record.reply = message
            else:
                self.record.messages.append(message)
        return {"content": content, "metadata": metadata}

    def send_again(self, record: Record, iopub: Any, shell: Any, ident: Any, parent: Any) -> None:
        """Send what is recorded to these sockets, in answer to the request ``parent``."""
        for name in record.streams:
            self.streams[name].set_parent(parent)
        for message in record.messages:
            if isinstance(message, _Message):
                self._send(iopub, message, record.request, message.ident, parent)
                continue
            text = "".join(message.texts).replace(*self.folders)
            topic = b"stream." + message.stream.encode()
            for start in range(0, len(text), self._piece):
                content = {"name": message.stream, "text": text[start : start + self._piece]}
                self.session.send(iopub, "stream", content, parent, ident=topic)
        self._send(shell, record.reply, record.request, ident, parent)

    def _send(
        self, socket: Any, message: _Message, request: bytes, ident: Any, parent: Any
    ) -> None:
        packed = message.packed.replace(request, parent["header"]["msg_id"].encode())
        before, now = (self.session.pack(path)[1:-1] for path in self.folders)
        packed = packed.replace(before, now)  # also in the paths of modules
        content, metadata = self.session.unpack(packed)
        if message.kind == "execute_input":
            content["code"] = parent["content"]["code"]
        send = self.session.send
        send(socket, message.kind, content, parent, ident, message.buffers, metadata=metadata)


class _NoThread(iostream.IOPubThread):  # type: ignore[misc]
    """In place of the thread that sends output."""

    def __init__(self) -> None:
        self.io_loop = None


class _Stream(OutStream):  # type: ignore[misc]  # its types are not complete
    """``sys.stdout`` or ``sys.stderr`` before the fork: the same object is ipykernel's own then."""

    def __init__(self, session: Any, recorder: Recorder, name: str) -> None:
        super().__init__(session, _NoThread(), name, watchfd=False)
        self._recorder = recorder
        self._original_stdstream_copy = recorder.originals[name == "stderr"]

    def set_parent(self, parent: Any) -> None:
        OutStream.set_parent(self, parent)
        if type(self) is not OutStream:
            self._recorder.begin_stream(self.name)

    def write(self, string: str) -> Any:
        if type(self) is OutStream:  # what has kept this method before the fork, as IPython does
            return OutStream.write(self, string)
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        self._recorder.text(self.name, string)
        return len(string)

    def flush(self) -> None:
        if type(self) is OutStream:
            OutStream.flush(self)
        else:
            self._recorder.flush()
