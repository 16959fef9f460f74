"""Writing files of a run so that each is whole or absent."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Collection, Iterable, Iterator


def write_whole(path: str, content: bytes | Iterable[bytes]) -> None:
    """Write beside, flush to disk, rename. Raises OSError and leaves what was there before.

    A process that is killed meanwhile leaves no part of the file: until it is whole it has no
    name (open(2), O_TMPFILE), where the file system can do that.
    """
    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    part = part_path(path)
    fd = _open_nameless(folder)
    named = fd is None
    if fd is None:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        with os.fdopen(fd, "wb") as f:
            f.writelines([content] if isinstance(content, bytes) else content)
            f.flush()
            os.fsync(fd)
            if not named:
                named = True
                _link(fd, folder, part)
        os.replace(part, path)
    except BaseException:
        if named:
            with contextlib.suppress(OSError):
                os.unlink(part)
        raise


def free_path(names: Iterable[str], ours: Collection[str]) -> str:
    """The first of ``names``, which have no end, where nothing lies but what is ``ours``."""
    return next(path for path in names if path in ours or not os.path.lexists(path))


def numbered_paths(base: str, ending: str) -> Iterator[str]:
    """``base.png``, ``base.2.png``, ``base.3.png`` and so on, for an ``ending`` of ``.png``."""
    yield base + ending
    for number in itertools.count(2):
        yield f"{base}.{number}{ending}"


def part_path(path: str) -> str:
    """Where the file is before it is whole, if it has a name then."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.part")


def _open_nameless(folder: str) -> int | None:
    """A new file in ``folder`` that has no name yet, None where there is no such thing."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, flag | os.O_WRONLY, 0o666)
    except OSError:  # the file system has none; what else is wrong the ordinary way says
        return None


def _link(fd: int, folder: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # of a process that was killed between this and its rename
    folder_fd = os.open(folder, os.O_RDONLY)
    try:
        # Without a descriptor of a folder os.link does not follow links (Python issue 81793).
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=folder_fd, follow_symlinks=True)
    finally:
        os.close(folder_fd)
