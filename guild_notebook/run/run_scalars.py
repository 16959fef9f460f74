"""The scalars of a run for its report: those that it has printed and those in event files that its
cells have written.

Guild's process finds the first in the run's output while it reads that, and goes on when the run's
process has ended. So they are found here again, as Guild finds them (guild/summary.py,
OutputScalars): by the patterns of the run in what Guild has recorded of its output. Of a long
output the end is read, since it takes as long as it takes Guild; of scalars that are only before
that, Guild has all values in its event files by then.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import re
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from ..scalars import compiled_patterns
from ..scalars.event_file import VALUES, scalars_in
from ..scalars.patterns import lines_with, possible_scalar
from .record.run_files import RunFiles
from .report.facts import Scalar

MOST_READ = 1_000_000  # bytes of the end of a run's output that are read
MOST = 500  # scalars that a report names
MOST_POINTS = 250  # of a scalar's curve, at least
PIECE = 1 << 18  # bytes of the output that are read at once

_BEGINNING = re.compile(rb"(?=(.{3}\x00{5}).{4}[\x09\x10\x1a\x2a]).", re.DOTALL)
"""The beginning of an event in a file: its length, a checksum, and the key of its first field: its
time, its step, or what it has."""

LARGEST_RECORD = 1_000_000  # bytes of an event that is read: larger ones hold images
MOST_EVENTS = 10_000_000  # bytes of event files that are read, the end of each: some two seconds


class Value(NamedTuple):
    """A value of a scalar."""

    name: str
    step: int
    value: float


def of_run(
    run: RunFiles, config: Any, ignored: Collection[str], written: Sequence[str]
) -> tuple[list[Scalar], int, bool]:
    """The scalars of a run whose operation has the setting ``output-scalars`` ``config``, and whose
    cells have ``written`` these event files; how many more there are than MOST; and whether of some
    only the last values are there. Output has no scalars whose names are ``ignored``."""
    shown = [*printed(run, config, ignored), *_not_printed(run)]
    names = {value.name for value in shown}
    before: list[Value] = []
    is_long = (recorded_bytes(run) or 0) > MOST_READ
    is_cut = _size(written) > MOST_EVENTS
    if is_long and compiled_patterns(config):
        guilds = guild_event_files(run)
        is_cut = is_cut or _size(guilds) > MOST_EVENTS
        values = of_event_files(run, guilds, ".guild")
        before = [value for value in values if value.name not in names]
    found, more = scalars(itertools.chain(before, shown, of_event_files(run, written)))
    return found, more, bool(found) and (is_cut or (is_long and bool(names)))


def of_ended_run(run: RunFiles) -> tuple[list[Scalar], int]:
    """The scalars of a run that has ended, and how many more there are than MOST: all that it has
    printed are in Guild's event files."""
    printed_values = of_event_files(run, guild_event_files(run), ".guild")
    written = of_event_files(run, event_files(run.dir))
    return scalars(itertools.chain(printed_values, written))


def _not_printed(run: RunFiles) -> Iterator[Value]:
    """The values that a run has kept itself (run/output/scalars.py)."""
    for path in guild_event_files(run):
        if path.endswith(VALUES):
            name = os.path.relpath(path, run.dir)
            with contextlib.suppress(OSError), os.fdopen(run.open(name, os.O_RDONLY), "rb") as file:
                _skip_to_end(file, MOST_EVENTS)
                for tag, value, step in scalars_in(file):
                    yield Value(tag, step, value)


def scalars(values: Iterable[Value]) -> tuple[list[Scalar], int]:
    """The scalars that have these values, in the order in which they first came, and how many more
    there are than MOST."""
    series: dict[str, _Series] = {}
    more = set()
    for name, step, value in values:
        if name in series or len(series) < MOST:
            series.setdefault(name, _Series()).add(step, value)
        else:
            more.add(hash(name))
    return [each.scalar(name) for name, each in series.items()], len(more)


class _Series:
    """The values of one scalar, in bounded memory."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self._every = 1  # so many values are one point
        self._last: tuple[int, float] | None = None
        self._lowest, self._highest = math.inf, -math.inf
        self._count = self._not_finite = 0

    def add(self, step: int, value: float) -> None:
        if self._last is None or step >= self._last[0]:  # as guild/index.py, TagSummary
            self._last = step, value
        if math.isfinite(value):
            self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)
        else:
            self._not_finite += 1
        if self._count % self._every == 0:
            self._points.append((step, value))
        self._count += 1
        if len(self._points) > 2 * MOST_POINTS:
            del self._points[1::2]
            self._every *= 2

    def scalar(self, name: str) -> Scalar:
        assert self._last
        points = self._points + [self._last] * (self._points[-1] != self._last)
        points.sort(key=lambda point: point[0])
        has_numbers = self._not_finite < self._count
        return Scalar(
            name,
            self._last[1],
            self._last[0],
            self._lowest if has_numbers else None,
            self._highest if has_numbers else None,
            self._count,
            self._not_finite,
            points,
        )


def printed(run: RunFiles, config: Any, ignored: Collection[str] = ()) -> Iterator[Value]:
    """The values in the end of the recorded output of a run, by the setting ``output-scalars`` of
    its operation, without those whose names are ``ignored``."""
    patterns = compiled_patterns(config)
    if not patterns or os.environ.get("NO_RUN_OUTPUT") == "1":
        return
    try:
        file = os.fdopen(run.open(".guild/output", os.O_RDONLY), "rb")
    except OSError:
        return
    step = 0
    with file:
        if (recorded_bytes(run) or 0) > MOST_READ:
            file.seek(-MOST_READ, os.SEEK_END)
            file.readline()
        # A table ends with an empty line (scalars/text.py).
        for line in itertools.chain(_lines(file, [pattern for _, pattern in patterns]), [b""]):
            found = _found_in(line.decode(errors="ignore").rstrip(), patterns)
            new_step = found.pop("step", None)
            if new_step is not None and abs(new_step) < 2**63:
                step = int(new_step)
            for name, value in sorted(found.items()):
                if name not in ignored:
                    yield Value(name, step, value)


def recorded_bytes(run: RunFiles) -> int | None:
    """The size of the recorded output of a run, None where there is none."""
    try:
        return os.stat(run.path(".guild/output")).st_size
    except OSError:
        return None


def _lines(file: BinaryIO, patterns: Sequence[Any]) -> Iterator[bytes]:
    """The lines in which there may be scalars."""
    possible = possible_scalar(patterns)
    while piece := file.read(PIECE):
        piece += file.readline()
        yield from lines_with(possible, piece) if possible else io.BytesIO(piece)


def _found_in(line: str, patterns: Iterable[tuple[str | None, Any]]) -> dict[str, float]:
    """The values in a line by their names, as guild/summary.py, _match_line."""
    values: dict[str, float] = {}
    for key, pattern in patterns:
        for match in pattern.finditer(line):
            groups, named = match.groups(), match.groupdict()
            if "_key" in named and "_val" in named:
                pairs = [(named["_key"], named["_val"])]
            elif named:
                pairs = list(named.items())
            elif len(groups) in (1, 2):
                pairs = [(key if len(groups) == 1 else groups[0], groups[-1])]
            else:
                pairs = []
            for name, text in pairs:
                try:
                    values[name or ""] = float(text)
                except (TypeError, ValueError):
                    pass
    return values


def event_files(run_dir: str) -> list[str]:
    """The event files that cells have written: those below a run directory, without Guild's own."""
    found = []
    for folder, folders, names in os.walk(run_dir):
        if folder == run_dir and ".guild" in folders:
            folders.remove(".guild")
        found += [os.path.join(folder, name) for name in names if ".tfevents." in name]
    return sorted(found)


def guild_event_files(run: RunFiles) -> list[str]:
    """The event files in which Guild keeps the scalars that a run has printed."""
    try:
        with os.scandir(run.path(".guild")) as entries:
            return sorted(entry.path for entry in entries if ".tfevents." in entry.name)
    except OSError:
        return []


def _size(paths: Iterable[str]) -> int:
    """The bytes of event files."""
    size = 0
    for path in paths:
        with contextlib.suppress(OSError):
            size += os.lstat(path).st_size
    return size


def of_event_files(run: RunFiles, paths: Sequence[str], base: str = ".") -> Iterator[Value]:
    """The values in event files, with the names that Guild gives them below the folder ``base`` of
    the run (guild/run_util.py, run_scalar_key). What is not whole, or cannot be read, or is not a
    file of the run is left out. Of MOST_EVENTS bytes each file has its share, which is its end."""
    share = MOST_EVENTS if _size(paths) <= MOST_EVENTS else MOST_EVENTS // len(paths)
    for path in paths:
        name = os.path.relpath(path, run.dir)
        prefix = os.path.relpath(os.path.dirname(name) or ".", base).replace(os.sep, "/")
        # Any exception, of a parser of what anybody may have written.
        with contextlib.suppress(Exception), os.fdopen(run.open(name, os.O_RDONLY), "rb") as file:
            _skip_to_end(file, share)
            for tag, value, step in _scalars_in(file):
                yield Value(tag if prefix == "." else f"{prefix}#{tag}", step, value)


def _scalars_in(file: BinaryIO) -> Iterator[tuple[str, float, int]]:
    """The scalars of an event file as Guild takes them from events. Guild's own reader of files
    would import TensorFlow into this process, where there is one."""
    from guild import tfevent
    from tensorboard.compat.proto.event_pb2 import Event

    for record in _records(file):
        event = Event.FromString(record)
        found = (tfevent._try_scalar_event(event, value) for value in event.summary.value)
        yield from filter(None, found)


def _skip_to_end(file: BinaryIO, share: int) -> None:
    """Go to the first event of which so many bytes or fewer are behind it, which is found by its
    first field, and by those of the next ones."""
    start = os.fstat(file.fileno()).st_size - share
    if start <= 0:
        return
    file.seek(start)
    piece = file.read(min(share, 2 * LARGEST_RECORD))
    for first in _BEGINNING.finditer(piece):
        event: re.Match[bytes] | None = first
        for _ in range(3):
            end = event.start() + struct.unpack("<Q", event[1])[0] + 16 if event else 0
            event = _BEGINNING.match(piece, end) if end else None
        if event or end == len(piece):
            file.seek(start + first.start())
            return
    file.seek(0, os.SEEK_END)


def _records(file: BinaryIO) -> Iterator[bytes]:
    """The events of a file (TFRecord: a length, its checksum, the event, its checksum). None is
    empty: a file has zeros where nothing has been written."""
    while len(head := file.read(12)) == 12:
        (length,) = struct.unpack("<Q", head[:8])
        if length > LARGEST_RECORD:
            file.seek(min(length, 2**62) + 4, os.SEEK_CUR)
            continue
        record = file.read(length + 4)
        if not length or len(record) < length + 4:
            return  # it is being written
        yield record[:length]
