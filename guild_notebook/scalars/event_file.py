"""An event file of scalars as TensorBoard writes it, without TensorBoard.

The format: a file is a row of records, each of which is the length of its data, the checksum of
that, the data and its checksum (TFRecord); the data are an Event of protocol buffers
(tensorboard/compat/proto/event.proto), of which Guild sets the step and one value.
"""

from __future__ import annotations

import functools
import math
import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

VALUES = ".values"
"""The end of the name of the file in which a run keeps the scalars that it has not printed: those
that it has read from its kernel. It lies beside that of the printed ones, and is of the same kind.
"""


class ScalarWriter:
    """Guild's ``SummaryWriter`` as far as its output scalars use it. Its file, whose name has the
    ``ending``, is there with the first scalar, and safe to write to from several threads.
    ``written`` has the last value of each scalar, and its step."""

    def __init__(self, folder: str, ending: str = "") -> None:
        self.logdir = folder
        self._ending = ending
        self._file: Any = None
        self._lock = threading.Lock()
        self.written: dict[str, tuple[float, int]] = {}

    def add_scalar(self, tag: str | None, value: float, step: int | str | None = None) -> None:
        """Add a value. Raises ValueError for a step that is not of 64 bits."""
        number = 0 if step is None else int(step)
        record = _record(_scalar_event(tag or "", value, number))
        self.written[tag or ""] = value, number
        with self._lock:
            if not self._file:
                self._file = _new_file(self.logdir, self._ending)
            self._file.write(record)

    def flush(self) -> None:
        with self._lock:
            if self._file:
                self._file.flush()

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()


def values_files(folder: str) -> list[str]:
    """The files with VALUES in a folder, none where there is no such folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, n) for n in names if n.endswith(VALUES) and _BEGINNING in n]


def last_values(folder: str) -> dict[str, tuple[float, int]]:
    """The last value of each scalar in those files, and its step."""
    found: dict[str, tuple[float, int]] = {}
    for path in values_files(folder):
        try:
            with open(path, "rb") as file:
                for tag, value, step in scalars_in(file):
                    if step >= found.get(tag, (0.0, step))[1]:
                        found[tag] = value, step
        except OSError:
            continue
    return found


def scalars_in(file: BinaryIO) -> Iterator[tuple[str, float, int]]:
    """The scalars of a file that a ScalarWriter has written, as far as it has been written: the
    tag, the value, and the step of each."""
    while len(head := file.read(12)) == 12:
        (length,) = struct.unpack("<Q", head[:8])
        content = file.read(length + 4)[:-4] if length <= _LONGEST else b""
        if not content:
            return
        scalar = _scalar_of(content)
        if scalar:
            yield scalar


def _scalar_of(content: bytes) -> tuple[str, float, int] | None:
    """What ``_scalar_event`` was made of, None where it has not made it."""
    match = _EVENT.fullmatch(content)
    if not match:
        return None
    step, shift = 0, 0
    for septet in match["step"] or b"":
        step |= (septet & 127) << shift
        shift += 7
    step -= 2**64 * (step >= 2**63)
    return (
        (match["tag"] or b"").decode(errors="replace"),
        struct.unpack("<f", match["value"])[0],
        step,
    )


_BEGINNING = "events.out.tfevents."
_numbers = iter(range(2**31))  # they tell the files apart that a process writes in one second


def _new_file(folder: str, ending: str) -> Any:
    import socket  # as Guild does by then, and not each program that has the hooks

    os.makedirs(folder, exist_ok=True)
    name = f"{_seconds(folder):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}{ending}"
    file = open(os.path.join(folder, _BEGINNING + name), "wb")  # noqa: SIM115
    file.write(_record(_text(3, b"brain.Event:2")))  # file_version
    file.flush()
    return file


def _seconds(folder: str) -> int:
    """The time of a new file: now, or later than that of any file there. Readers take files in the
    order of their names, where the number of a process follows on the time, and that of a restart
    in the same second may be lower."""
    names = (name for name in os.listdir(folder) if name.startswith(_BEGINNING))
    times = (name[len(_BEGINNING) :].split(".")[0] for name in names)
    return max([int(time.time()), *(int(t) + 1 for t in times if t.isdecimal())])


def _scalar_event(tag: str, value: float, step: int) -> bytes:
    # No field is written that has its default, 0 or empty, but for one of several kinds of values.
    summary_value = (_text(1, tag.encode()) if tag else b"") + b"\x15" + _float(value)
    if not -(2**63) <= step < 2**63:
        raise ValueError(f"step {step} is not of 64 bits")
    step_field = b"\x10" + _varint(step % 2**64) if step else b""
    return step_field + _text(5, _text(1, summary_value))


def _float(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _text(field: int, content: bytes) -> bytes:
    """A field of a message whose content has a length."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    septets = bytearray()
    while number > 127:
        septets.append(number & 127 | 128)
        number >>= 7
    septets.append(number)
    return bytes(septets)


def _record(content: bytes) -> bytes:
    return _length_field(len(content)) + content + _checksum(content)


@functools.lru_cache
def _length_field(length: int) -> bytes:
    field = struct.pack("<Q", length)
    return field + _checksum(field)


def _checksum(content: bytes) -> bytes:
    """The CRC-32C of ``content``, rotated and shifted as records have it."""
    crc, table = 0xFFFFFFFF, _crc_table()
    for byte in content:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.lru_cache
def _crc_table() -> tuple[int, ...]:
    """What each value of a byte adds, by Castagnoli's polynomial."""
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
        table.append(crc)
    return tuple(table)


_EVENT = re.compile(
    rb"(?:\x10(?P<step>[\x80-\xff]{0,9}[\x00-\x7f]))?\x2a[\x80-\xff]*[\x00-\x7f]\x0a[\x80-\xff]*[\x00-\x7f]"
    rb"(?:\x0a[\x80-\xff]*[\x00-\x7f](?P<tag>.*))?\x15(?P<value>.{4})",
    re.DOTALL,
)
"""What ``_scalar_event`` makes."""

_LONGEST = 1_000_000  # bytes of an event that is read
