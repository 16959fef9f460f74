"""Run directories as archives: what is packed, and how what arrives gets into a run directory.

An archive is a compressed tar of files, folders and links. A link that leads out of the directory
(Guild links what a dependency resolves to) is packed as what it leads to. What arrives is unpacked
into an empty folder first, where no entry may lead out of it, and moved from there to the run
directory file by file, each whole or absent.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from ..errors import UserError
from ..run.record.run_files import is_below

LOCAL_FILES = ("LOCK", "LOCK.remote", "PENDING", "STAGED", "dask-cluster", "ENV")
"""Files in ``.guild`` that stay on one machine: they hold the state of a run there, and the
environment in which it was staged, which may be private."""

APPENDED_FILES = (".guild/output", ".guild/output.index", ".guild/events.out.tfevents.*")
"""Patterns of the files that a run only appends to. They are copied while it runs."""

Snapshot = dict[str, tuple[Any, ...]]
"""For each path in a folder, relative and with slashes, what changes when it is changed."""


class ArchiveError(UserError):
    """An archive cannot be unpacked: it is damaged, hostile, or too big for the disk."""


def pack(root: str, archive: IO[bytes], names: list[str] | None = None) -> None:
    """Write the content of the folder ``root`` to ``archive``: all but LOCAL_FILES, or only the
    paths ``names`` (relative, with slashes)."""
    with tarfile.open(
        fileobj=archive, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT
    ) as tar:
        for name, path in _walk(root) if names is None else ((n, f"{root}/{n}") for n in names):
            info = _info(tar, root, path, name)
            if info.isreg():
                with open(path, "rb") as f:
                    tar.addfile(info, f)
            else:
                tar.addfile(info)


def _info(tar: tarfile.TarFile, root: str, path: str, name: str) -> tarfile.TarInfo:
    if _is_inner_link(root, path):
        info = tar.gettarinfo(path, name)
        info.linkname = os.path.relpath(_target(path), os.path.dirname(path))
    else:
        info = tar.gettarinfo(os.path.realpath(path), name)
    if info.islnk():  # two names of one file: each is a file of its own elsewhere
        info.type, info.size = tarfile.REGTYPE, os.stat(path).st_size
    return info


def _walk(root: str) -> Iterator[tuple[str, str]]:
    """The names of all that is packed, with the path of each; a folder before its content."""
    todo = [("", root, {os.path.realpath(root)})]
    while todo:
        prefix, folder, parents = todo.pop()
        for entry in sorted(os.listdir(folder)):
            name, path = prefix + entry, os.path.join(folder, entry)
            if entry in LOCAL_FILES and f"/{prefix}".endswith("/.guild/"):
                continue
            real = os.path.realpath(path)
            if _is_inner_link(root, path) or os.path.isfile(path):
                yield name, path
            elif os.path.isdir(path) and real not in parents:
                yield name, path
                todo.append((f"{name}/", path, parents | {real}))


def _target(path: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))


def _is_inner_link(root: str, path: str) -> bool:
    """Whether ``path`` is a link to something below ``root``, by its text and when followed."""
    if not os.path.islink(path):
        return False
    inside = os.path.realpath(root) + os.sep
    return (
        os.path.realpath(path).startswith(inside)
        and _target(path).startswith(os.path.normpath(root) + os.sep)
        and os.path.realpath(os.path.dirname(path)).startswith(inside[:-1])
    )


def snapshot(root: str) -> Snapshot:
    """The content of a folder, for a later :func:`changes`."""
    return {name: _state(path) for name, path in _walk(root)}


def _state(path: str) -> tuple[Any, ...]:
    if os.path.islink(path):
        return ("link", os.readlink(path))
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        return ("folder",)
    return ("file", found.st_size, found.st_mtime_ns, found.st_ino, stat.S_IMODE(found.st_mode))


def changes(root: str, before: Snapshot) -> tuple[list[str], list[str]]:
    """The names that are new or changed since ``before``, and those that are removed."""
    after = snapshot(root)
    changed = [name for name, state in after.items() if before.get(name) != state]
    return changed, [name for name in before if name not in after]


def unpack(archive: IO[bytes], folder: str) -> None:
    """Unpack into ``folder``, which must not exist yet. Raises ArchiveError for an archive that is
    cut off or would write outside of the folder, and then leaves nothing."""
    if not hasattr(tarfile, "data_filter"):
        raise ArchiveError(
            "the tarfile of this Python has no data_filter, so no archive of a run is unpacked - "
            "update Python: 3.9.17, 3.10.12, 3.11.4, 3.12 and later have it"
        )
    os.makedirs(folder)
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            _unpack(tar, folder)
    except (tarfile.TarError, EOFError, OSError, ValueError) as e:
        shutil.rmtree(folder, ignore_errors=True)
        raise ArchiveError(f"the archive of a run cannot be unpacked: {e}") from e
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack(tar: tarfile.TarFile, folder: str) -> None:
    """Extract all with tarfile's ``data`` filter. It accepts hard links to links, which may lead
    out, and two links that only lead out together; and it changes the permissions of files."""
    links = []
    for info in tar:
        if info.islnk():  # pack() makes none
            raise ArchiveError(f"the archive of a run holds the link {info.linkname!r}")
        if info.issym():
            links.append(info)
        else:
            tar.extract(info, folder, filter=_filtered)
    real = os.path.realpath(folder)
    made = []
    for info in links:  # last, so that no file is written through one
        safe = tarfile.data_filter(info, folder)
        path = os.path.join(real, os.path.normpath(safe.name))
        parent = os.path.dirname(path)
        if os.path.realpath(parent) != parent:  # pack() does not go into links
            raise ArchiveError(f"the archive of a run holds {info.name!r} below a link")
        os.makedirs(parent, exist_ok=True)
        os.symlink(safe.linkname, path)  # where it cannot be made, tar.extract would go on
        made.append((info, path))
    for info, path in made:  # where each leads, now that all are there
        if not os.path.realpath(path).startswith(real + os.sep):
            raise ArchiveError(f"the archive of a run holds the link {info.linkname!r}")


def _filtered(info: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    safe = tarfile.data_filter(info, folder)
    return safe.replace(mode=info.mode & 0o777 | 0o600, deep=False) if info.isreg() else safe


def apply_changes(changed: str, run_dir: str, removed: list[str]) -> None:
    """Move all files of the folder ``changed`` to ``run_dir`` and delete there what ``removed``
    names. A file that was only appended to is extended in place, for those who are reading it.
    The attributes that say how the run ended are written last."""
    _check_removed(removed)
    names = [name for name, _path in _walk(changed)]
    names.sort(key=lambda name: name in (".guild/attrs/exit_status", ".guild/attrs/stopped"))
    for name in sorted(removed, reverse=True):  # the content of a folder before the folder
        path = os.path.join(run_dir, name)
        if os.path.lexists(path):
            _unlink_folders(run_dir, name)
            _remove(path)
    for name in names:
        new, path = os.path.join(changed, name), os.path.join(run_dir, name)
        _unlink_folders(run_dir, name)
        if os.path.isdir(new) and not os.path.islink(new):
            if not os.path.isdir(path):
                if os.path.lexists(path):
                    os.unlink(path)
                os.mkdir(path)
        elif not (is_appended(name) and _append_rest(path, new)):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            os.replace(new, path)


def _check_removed(removed: list[str]) -> None:
    for name in removed:
        if not is_below(name):
            raise ArchiveError(f"the archive of a run removes {name!r}")


def _remove(path: str) -> None:
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
    elif not os.listdir(path):
        os.rmdir(path)


def _unlink_folders(run_dir: str, name: str) -> None:
    """Make the folders that lead to ``name``. A link to a folder of another run is replaced by a
    copy, so that the other run is not changed."""
    folder = run_dir
    for part in name.split("/")[:-1]:
        folder = os.path.join(folder, part)
        if os.path.islink(folder):
            copy = f"{folder}.own"
            shutil.copytree(folder, copy)
            os.unlink(folder)
            os.rename(copy, folder)
        os.makedirs(folder, exist_ok=True)


def is_appended(name: str) -> bool:
    """Whether a run only appends to a file. A worker may send any name."""
    is_in_guild = name.count("/") == 1  # a star stands for slashes too
    return is_in_guild and any(fnmatch.fnmatchcase(name, p) for p in APPENDED_FILES)


def _append_rest(path: str, new: str) -> bool:
    """Append to ``path`` what ``new`` has after the same content; False where that is not so."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "r+b") as old, open(new, "rb") as f:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return False
            size = os.fstat(old.fileno()).st_size
            if os.fstat(f.fileno()).st_size < size:
                return False
            while size and (piece := old.read(min(size, 1 << 20))):
                if f.read(len(piece)) != piece:
                    return False
                size -= len(piece)
            shutil.copyfileobj(f, old)
            return True
    except OSError:  # there is none, or no file
        return False
