"""Following a run's files while it runs elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import archive

OUTPUT = ".guild/output"


class Follower:
    """Adds to the files of ``run`` what they have grown by, and gives each line of its output to
    ``show``, with the run's short ID before it. ``offsets`` says how much of each file is here."""

    def __init__(self, run: Any, show: Callable[[str], None]) -> None:
        self._run = run
        self._show = show
        self._line = b""
        self.offsets: dict[str, int] = {}

    def take(self, news: dict[str, bytes], *, write: bool) -> None:
        """``write`` is False where the worker writes to the same files."""
        for name, piece in news.items():
            if write and archive.grows(name):
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
        """Show what has come with the run's last state."""
        with suppress(OSError), open(os.path.join(self._run.dir, OUTPUT), "rb") as f:
            f.seek(self.offsets.get(OUTPUT, 0))
            while piece := f.read(1 << 16):
                self._show_lines(piece)
        if self._line:
            self._show_lines(b"\n")


def forget(run: Any) -> None:
    """Remove the followed files of an attempt that is lost, before the next one."""
    guild_dir = run.guild_path()
    for name in os.listdir(guild_dir):
        if archive.grows(f".guild/{name}"):
            os.unlink(os.path.join(guild_dir, name))
