"""The files below a run's directory: the one way to read, write and remove them.

A run directory is input: it may come from another machine or from an archive. So no path in it is
followed out of it, what is read is a file and nothing that waits for ever, and an attribute is a
mapping or none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from typing import Any

from ...errors import NotebookError, shown
from ...files import write_whole

_NOT_A_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR)  # a link, a FIFO that nobody reads, a folder


class RunFiles:
    """The files of the run in ``dir``, an absolute path. The ``name`` of a file is its path below
    that, with slashes. All methods raise OSError for a file that is outside, or is not a file."""

    def __init__(self, run_dir: str) -> None:
        self.dir = os.path.abspath(run_dir)
        self._real_dir = os.path.realpath(self.dir)
        self._attrs: dict[str, dict[str, Any]] = {}

    def path(self, name: str) -> str:
        """The absolute path of a file, in which only the last part may be a link: its folder is
        where the links that lead there end, and that is in the run."""
        folder, base = os.path.split(os.path.normpath(name))
        if is_below(name):
            real = os.path.realpath(os.path.join(self._real_dir, folder))
            inside = os.path.relpath(real, self._real_dir)
            if inside == os.curdir or is_below(inside):
                return os.path.normpath(os.path.join(self.dir, inside, base))
        raise _not_of_the_run(name)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file. Its last part is not followed either."""
        path = self.path(name)
        try:
            fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        except OSError as e:
            raise _not_of_the_run(name) if e.errno in _NOT_A_FILE else e from None
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise _not_of_the_run(name)

    def read(self, name: str) -> bytes:
        with os.fdopen(self.open(name, os.O_RDONLY), "rb") as f:
            return f.read()

    def write_file(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write a file whole; a link in its place is replaced."""
        write_whole(self.path(name), content)

    def append(self, name: str, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(self.open(name, flags), "ab") as f:
            f.write(content)

    def remove(self, name: str) -> None:
        """Remove a file or a link, if there is one and it can be removed."""
        with contextlib.suppress(OSError):
            os.unlink(self.path(name))

    def attr(self, name: str) -> dict[str, Any]:
        """The run attribute ``name`` (a file of YAML), empty where there is none.
        Raises NotebookError where it is not a mapping."""
        if name not in self._attrs:
            value = self.attr_value(name)
            if not isinstance(value, (dict, type(None))):
                raise NotebookError(
                    f"the run's attribute {name} is not a mapping ({shown(value)}) - run the "
                    "operation anew"
                )
            self._attrs[name] = mapping(value)
        return self._attrs[name]

    def attr_value(self, name: str) -> Any:
        """The same of any kind: None where there is none, an exception for what cannot be read."""
        import yaml  # which takes long: the kernel is started before

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # not in every build
        try:
            return yaml.load(self.read(attr_file(name)), Loader=loader)  # a safe one
        except FileNotFoundError:
            return None
        except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as e:
            return e

    def known_attr(self, name: str) -> Any:
        """The same, None also for what cannot be read."""
        try:
            value = self.attr_value(name)
        except OSError:
            return None
        return None if isinstance(value, Exception) else value

    def attr_names(self, name: str, key: str) -> bool:
        """Whether the text of a run attribute has a ``key``, as Guild writes one that is a word. It
        is not read as YAML."""
        try:
            return key.encode() in self.read(attr_file(name))
        except FileNotFoundError:
            return False

    def write_attr(self, name: str, value: Any) -> None:
        """Write the run attribute ``name`` as Guild does (guild/yaml_util.py, encode_yaml)."""
        import yaml

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text: str = yaml.dump(value, Dumper=dumper, default_flow_style=False, indent=2)
        self.write_file(attr_file(name), text.removesuffix("...\n").encode("utf-8"))
        self._attrs.pop(name, None)


def attr_file(name: str) -> str:
    """The file of a run attribute."""
    return f".guild/attrs/{name}"


def mapping(value: Any) -> dict[str, Any]:
    """The entries of ``value`` whose keys are text, none where it is not a mapping: of attributes,
    which may hold anything."""
    if not isinstance(value, dict):
        return {}
    return {key: entry for key, entry in value.items() if isinstance(key, str)}


def is_below(name: str) -> bool:
    """Whether a relative path leads to something below where it begins, by its text."""
    parts = os.path.normpath(name).split(os.sep)
    return "\0" not in name and not os.path.isabs(name) and parts[0] not in (os.pardir, os.curdir)


def _not_of_the_run(name: str) -> OSError:
    why = "it is not a file of the run (a link, or not a file) - run the operation anew"
    return OSError(errno.ELOOP, why, name)
