"""Copying what a run appends to its files while it executes on a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import archive

OUTPUT = ".guild/output"


class OutputTail:
    """Appends to the files of ``run`` what comes from the worker, and calls ``show`` with each line
    of the run's output, after the run's short ID. ``offsets`` are the bytes that have come, for
    each file."""

    def __init__(self, run: Any, show: Callable[[str], None]) -> None:
        self._run = run
        self._show = show
        self._line = b""
        self.offsets: dict[str, int] = {}

    def add(self, pieces: dict[str, bytes], *, write: bool) -> None:
        """Add the next bytes of files; ``write`` is False where the worker writes to the same
        files. Raises OSError."""
        for name, piece in pieces.items():
            if write and archive.is_appended(name):
                self._append(name, piece)
            self.offsets[name] = self.offsets.get(name, 0) + len(piece)
            if name == OUTPUT:
                self._show_lines(piece)

    def _append(self, name: str, piece: bytes) -> None:
        path = os.path.join(self._run.dir, name)
        offset = self.offsets.get(name, 0)
        with open(path, "r+b" if offset else "wb") as f:
            f.seek(offset)
            f.write(piece)

    def _show_lines(self, piece: bytes) -> None:
        *lines, self._line = (self._line + piece).split(b"\n")
        for line in lines:
            self._show(f"[{self._run.short_id}] {line.decode('utf-8', 'replace')}")

    def finish(self) -> None:
        """Show the rest of the output, once the run has ended and its files are here."""
        with suppress(OSError), open(os.path.join(self._run.dir, OUTPUT), "rb") as f:
            f.seek(self.offsets.get(OUTPUT, 0))
            while piece := f.read(1 << 16):
                self._show_lines(piece)
        if self._line:
            self._show_lines(b"\n")


def remove_appended_files(run: Any) -> None:
    """Delete what an attempt that is lost has appended to, before the next attempt."""
    guild_dir = run.guild_path()
    for name in os.listdir(guild_dir):
        if archive.is_appended(f".guild/{name}"):
            os.unlink(os.path.join(guild_dir, name))
