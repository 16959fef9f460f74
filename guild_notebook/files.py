"""Writing files of a run so that each is whole or absent, and the list of those it has made."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Collection, Iterable, Iterator

ARTIFACTS = ".guild/notebook-artifacts"
"""The reports and images of a run: a line with a JSON string for each, its path in the run
directory."""


def artifact_names(content: bytes) -> list[str]:
    """The paths in ``content`` of ARTIFACTS, without lines that are none: a run directory is input,
    and a run may have been killed while it wrote the last."""
    names = []
    for line in content.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            names.append(json.loads(line))
    return [name for name in names if isinstance(name, str) and "\0" not in name]


def write_whole(path: str, content: bytes | Iterable[bytes]) -> None:
    """Write a new file, flush it to disk and rename it to ``path``, whose folder is made.

    Raises OSError, and the old file stays. Where the file system has O_TMPFILE (open(2)), the new
    file has no name until it is complete, so a process that is killed leaves no part of it.
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


def free_path(paths: Iterable[str], own: Collection[str]) -> str:
    """The first of ``paths``, an endless series, that does not exist or is one of ``own``."""
    return next(path for path in paths if path in own or not os.path.lexists(path))


def numbered_paths(base: str, ending: str) -> Iterator[str]:
    """``base.png``, ``base.2.png``, ``base.3.png`` and so on, for an ``ending`` of ``.png``."""
    yield base + ending
    for number in itertools.count(2):
        yield f"{base}.{number}{ending}"


def part_path(path: str) -> str:
    """The path of the new file while ``write_whole`` writes it, if it has a name then."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.part")


def _open_nameless(folder: str) -> int | None:
    """A descriptor of a new file without a name in ``folder``, None where that is not possible."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, flag | os.O_WRONLY, 0o666)
    except OSError:  # no O_TMPFILE here; any other error comes again with the named file
        return None


def _link(fd: int, folder: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # left by a process that was killed between this and the rename
    folder_fd = os.open(folder, os.O_RDONLY)
    try:
        # Without a descriptor of a folder os.link does not follow links (Python issue 81793).
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=folder_fd, follow_symlinks=True)
    finally:
        os.close(folder_fd)
