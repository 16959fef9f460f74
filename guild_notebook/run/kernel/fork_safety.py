"""Whether a process that has executed the shared cells may be forked: what a fork does not copy, or
shares between its copies, is found by looking at the process and at what the cells have left.

Loaded from its file by a process of the kernel's Python (prefix.py): it imports nothing of this
package, and what is not of the standard library only where a cell has imported it. What Linux
tells in /proc is read there; macOS is asked through psutil, which ipykernel requires, and fcntl.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import fcntl
import functools
import gc
import logging
import os
import pathlib
import re
import signal
import socket
import stat
import sys
import sysconfig
import tempfile
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

LINUX = sys.platform == "linux"

MOST_FILES = 50_000
"""Entries of the working directory that are looked at; what is beyond them is not watched."""

MOST_OBJECTS = 200_000
"""Objects in which a path is looked for, those near to a name first. A path that trials would
write to is near to a name; data, which is not, would take seconds and finds nothing."""

MOST_ENTRIES = 1_000
"""Entries of one container that are looked at, at equal distances: a long list has one kind."""

LONGEST_PATH = 4_096
"""Characters: a longer text is not a path (PATH_MAX of Linux)."""

UNWATCHED_FOLDERS = {".guild", "__pycache__", ".ipynb_checkpoints"}
"""In the working directory: Guild's own, and what Python writes for modules that are imported."""

HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SEMAPHORES = "/dev/shm/sem."  # noqa: S108 - a place of the system, not one to write to

GPU_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")

OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[io]h|_dh|In|Out|exit|quit|get_ipython|open|__\w+__")
"""Names that IPython keeps in the namespace: what cells were, and have shown."""

NOT_ENTERED = {"IPython", "ipykernel", "traitlets", "zmq", "jupyter_client", "comm", "tornado"}
NOT_ENTERED |= {"asyncio", "_asyncio", "threading", "_thread", "_io"}
"""Packages whose objects lead to the kernel itself, which knows its folder."""

ENVIRONMENT_ITSELF = {"os", "_collections_abc", "collections.abc"}
"""Names of the modules in which os.environ is."""

SCALARS = (int, float, complex, type(None), types.CodeType, types.FrameType, types.ModuleType)


class Watch:
    """What shared cells do, watched from before the first of them, in the process that executes
    them in the folder ``cwd``. ``run_variables`` are the environment variables that differ between
    runs; one that ends with ``*`` stands for all that begin so."""

    def __init__(self, cwd: str, run_variables: Collection[str]) -> None:
        self._cwd = os.path.realpath(cwd)
        self._folders = {os.path.abspath(cwd), self._cwd}
        self._temporary = os.path.realpath(tempfile.gettempdir())
        self._old_temporary = _names_in(self._temporary)
        self._files = _listing(self._cwd)
        self._descriptors = dict(_descriptors())
        self._mappings = set(_shared_mappings())
        self._threads = set(threading.enumerate())
        self._tasks = _pending_tasks()
        self._read = _watch_environment(run_variables)
        self._readable: set[int] = set()

    def problem(self, namespace: dict[str, Any], own_fds: Collection[int]) -> str:
        """Why this process must not be forked after the last shared cell, "" where it may: a
        clause that ends a sentence. ``namespace`` holds the names of the cells, ``own_fds`` are
        the descriptors that belong to the process itself."""
        found = self._first_problem(namespace, set(own_fds))
        if found:
            gc.collect()  # what nobody holds any more is closed
            found = self._first_problem(namespace, set(own_fds))
        return found

    def in_child(self) -> None:
        """In a forked kernel: files open for reading get an offset of their own, under the same
        number. The offset is of the open file, which a fork shares."""
        for fd in self._readable:
            with contextlib.suppress(OSError):
                _reopen(fd)

    def _first_problem(self, namespace: dict[str, Any], own_fds: set[int]) -> str:
        checks: tuple[Callable[[], str], ...] = (
            lambda: f"a cell has read {self._read[0]} of the run" if self._read else "",
            _graphics_problem,
            self._thread_problem,
            _process_problem,
            lambda: self._descriptor_problem(own_fds),
            self._mapping_problem,
            self._event_loop_problem,
            _timer_problem,
            self._file_problem,
            lambda: self._path_problem(namespace),
        )
        return next((found for check in checks if (found := check())), "")

    def _thread_problem(self) -> str:
        own = [thread for thread in threading.enumerate() if thread not in self._threads]
        if own:
            return f"a thread of the notebook goes on ({own[0].name})"
        if _thread_count() > len(self._threads):
            _fork_once()
            if _thread_count() > len(self._threads):
                return "native threads of a library go on"
        return ""

    def _descriptor_problem(self, own_fds: set[int]) -> str:
        self._readable = set()
        for fd, identity in _descriptors():
            if fd in own_fds:
                continue
            if _is_read_only_file(fd, identity[0]):
                self._readable.add(fd)
            if self._descriptors.get(fd) != identity:
                found = self._problem_of_descriptor(fd, identity)
                if found:
                    return found
        return ""

    def _problem_of_descriptor(self, fd: int, identity: tuple[int, int, int, str]) -> str:
        mode, *_, target = identity
        if stat.S_ISSOCK(mode):
            return f"a socket is open ({_peer(fd)})"
        if stat.S_ISFIFO(mode):
            return "a pipe is open"
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            if target.startswith(GPU_DEVICES):
                return f"a GPU is in use ({target})"
            return "" if target in HARMLESS_DEVICES else f"the device {target} is open"
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return f"a descriptor of the system is open ({target.replace('anon_inode:', '')})"
        if fd not in self._readable:
            return f"{self._named(target)} is open for writing"
        try:
            os.close(_open_again(fd))
        except OSError:
            return f"{self._named(target)} is open and cannot be opened again"
        return ""

    def _mapping_problem(self) -> str:
        for mapping in _shared_mappings():
            path = mapping[2]
            if mapping in self._mappings:
                continue
            if path.startswith(GPU_DEVICES):
                return f"a GPU is in use ({path})"
            if path.startswith(SEMAPHORES):
                return "a lock or a queue of multiprocessing is in use"
            if not path or path.startswith("/dev/zero"):
                return "memory is shared with other processes"
            return f"{self._named(path)} is mapped for writing"
        return ""

    def _event_loop_problem(self) -> str:
        tasks = [task for task in _pending_tasks() if task not in self._tasks]
        if tasks:
            return f"an asyncio task is pending ({tasks[0].get_name()})"
        return ""

    def _file_problem(self) -> str:
        try:
            if not os.path.samefile(os.getcwd(), self._cwd):
                return "a cell has changed the working directory"
        except OSError:
            return "a cell has removed the working directory"
        before, now = self._files, _listing(self._cwd)
        for path in now:
            if path not in before:
                return f"a cell has written {path} into the working directory"
            if now[path] != before[path]:
                return f"a cell has changed {path} in the working directory"
        for path in before:
            if path not in now:
                return f"a cell has removed {path} from the working directory"
        return ""

    def _path_problem(self, namespace: dict[str, Any]) -> str:
        for finalizer in list[Any](getattr(weakref.finalize, "_registry", ())):
            found: Any = finalizer.peek()
            if found and found[1].__qualname__ == "TemporaryDirectory._cleanup":
                return f"a temporary folder is removed when a trial ends ({found[2][0]})"
        for name, value in _kept(_roots(namespace)):
            if any(_is_in(folder, value) for folder in self._folders):
                return f"{name} keeps the path of the folder in which the shared cells ran"
            new = self._new_temporary(value)
            if new:
                return f"{name} keeps the path of a temporary file that a cell has made ({new})"
        return ""

    def _new_temporary(self, value: str) -> str:
        if self._temporary not in value:
            return ""
        name = value.partition(self._temporary + os.sep)[2].partition(os.sep)[0]
        path = os.path.join(self._temporary, name)
        is_new = name and name not in self._old_temporary and os.path.lexists(path)
        return path if is_new and path not in self._folders else ""

    def _named(self, path: str) -> str:
        if path.endswith(" (deleted)"):
            return "a temporary file"
        return os.path.relpath(path, self._cwd) if _is_in(self._cwd, path) else path


def _watch_environment(run_variables: Collection[str]) -> list[str]:
    """The names of the ``run_variables`` that cells, modules of the project and libraries read
    from now on. That a library copies the whole environment, as before it starts a process, does
    not count: it is not said to use them."""
    watched = _Reads(run_variables)
    plain: Any = type(os.environ)

    class _Environ(plain):  # type: ignore[misc]
        __module__ = plain.__module__
        __qualname__ = plain.__qualname__

        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, (str, bytes)):
                watched.one(os.fsdecode(key))
            return super().__getitem__(key)

        def __iter__(self) -> Iterator[Any]:
            watched.all()
            return iter(list(super().__iter__()))

        def __repr__(self) -> str:
            watched.all()
            return str(super().__repr__())

    os.environ.__class__ = _Environ
    os.environb.__class__ = _Environ
    return watched.names


class _Reads:
    def __init__(self, run_variables: Collection[str]) -> None:
        self.names: list[str] = []
        self._exact = {name for name in run_variables if not name.endswith("*")}
        self._beginnings = tuple(name[:-1] for name in run_variables if name.endswith("*"))
        self._copying: set[types.CodeType] = set()

    def one(self, name: str) -> None:
        if name in self._exact or name.startswith(self._beginnings):
            reader = _reader()
            if reader and reader.f_code not in self._copying:
                self.names.append(name)

    def all(self) -> None:
        reader = _reader()
        if reader is None:
            return
        path = reader.f_code.co_filename
        if _is_library(path) and "/IPython/" not in path:  # which shows them: %env
            self._copying.add(reader.f_code)
        else:
            self.names.append("the variables")


def _reader() -> types.FrameType | None:
    """The frame that reads the environment, None where that is this package's own."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame and (
        frame.f_globals is globals() or frame.f_globals.get("__name__") in ENVIRONMENT_ITSELF
    ):
        frame = frame.f_back
    if frame and os.path.dirname(frame.f_code.co_filename) == os.path.dirname(__file__):
        return None
    return frame


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8
def _is_library(path: str) -> bool:
    """Whether a source file is of Python itself or of an installed package."""
    python = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    installed = ("/site-packages/", "/dist-packages/")
    own = os.path.dirname(__file__) + os.sep
    return path.startswith(("<frozen", own, *(f"{p}/" for p in python))) or any(
        part in path for part in installed
    )


def _graphics_problem() -> str:
    """A context on a GPU and an open display are of one process alone."""
    torch = sys.modules.get("torch")
    with contextlib.suppress(Exception):
        if torch is not None and torch.cuda.is_initialized():
            return "a GPU is in use (by torch)"
    for toolkit in ("PyQt5", "PyQt6", "PySide2", "PySide6"):
        core = sys.modules.get(f"{toolkit}.QtCore")
        with contextlib.suppress(Exception):
            if core is not None and core.QCoreApplication.instance() is not None:
                return f"windows are shown by {toolkit}"
    tkinter = sys.modules.get("tkinter")
    return "windows are shown by tkinter" if getattr(tkinter, "_default_root", None) else ""


def _thread_count() -> int:
    if LINUX:
        return len(os.listdir("/proc/self/task"))
    import psutil

    return int(psutil.Process().num_threads())


def _fork_once() -> None:
    """Let libraries end their threads as they do before each fork (OpenBLAS)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 3.12: that there are several threads
        pid = os.fork()
        if not pid:
            os._exit(0)
    os.waitpid(pid, 0)


def _process_problem() -> str:
    for pid in _children():
        name = _command(pid)
        return f"a process of the notebook goes on ({name})"
    return ""


def _children() -> list[int]:
    if not LINUX:
        import psutil

        return [child.pid for child in psutil.Process().children()]
    own, found = str(os.getpid()), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", "rb") as file:
                after = file.read().rpartition(b")")[2].split()
            if after[1].decode() == own:
                found.append(int(pid))
    return found


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
        if words[0]:
            return os.path.basename(words[0])
    return f"process {pid}"


def _descriptors() -> Iterator[tuple[int, tuple[int, int, int, str]]]:
    """Each open descriptor, with the mode, device and number of what it is, and its path."""
    for name in os.listdir("/proc/self/fd" if LINUX else "/dev/fd"):
        with contextlib.suppress(OSError, ValueError):  # that of listdir itself
            fd = int(name)
            status = os.fstat(fd)
            yield fd, (status.st_mode, status.st_dev, status.st_ino, _path(fd))


def _is_read_only_file(fd: int, mode: int) -> bool:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return False
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY


def _path(fd: int) -> str:
    with contextlib.suppress(OSError):
        if LINUX:
            return os.readlink(f"/proc/self/fd/{fd}")
        path = fcntl.fcntl(fd, getattr(fcntl, "F_GETPATH", 50), bytes(1024))
        return os.fsdecode(path.rstrip(b"\0"))
    return f"descriptor {fd}"


def _open_again(fd: int) -> int:
    """A descriptor of the same file with an offset of its own. Raises OSError."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_NONBLOCK | getattr(os, "O_DIRECT", 0))
    if LINUX:
        return os.open(f"/proc/self/fd/{fd}", flags | os.O_RDONLY | os.O_CLOEXEC)
    again = os.open(_path(fd), flags | os.O_RDONLY | os.O_CLOEXEC)
    if not os.path.samestat(os.fstat(again), os.fstat(fd)):
        os.close(again)
        raise FileNotFoundError(_path(fd))
    return again


def _reopen(fd: int) -> None:
    again = _open_again(fd)
    try:
        os.lseek(again, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
        os.dup2(again, fd, inheritable=os.get_inheritable(fd))
    finally:
        os.close(again)


def _peer(fd: int) -> str:
    try:
        with socket.socket(fileno=os.dup(fd)) as opened:
            address: Any = opened.getpeername() or opened.getsockname()
    except OSError:
        return "not connected"
    if isinstance(address, tuple):
        return f"to {address[0]}:{address[1]}"
    return "of this machine"


def _shared_mappings() -> Iterator[tuple[str, str, str]]:
    """Address, number and path of each part of the memory that a fork shares for writing."""
    if not LINUX:
        return
    with open("/proc/self/maps", errors="surrogateescape") as file:
        for line in file:
            address, rights, _, _, inode, *path = line.split(None, 5)
            if rights[1] == "w" and rights[3] == "s":
                yield address, inode, path[0].rstrip("\n") if path else ""


def _pending_tasks() -> set[Any]:
    """The tasks of the event loop that are not done, but for the one that runs now."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loop = asyncio.get_event_loop()
        current = asyncio.current_task(loop)
        return asyncio.all_tasks(loop) - {current}
    except RuntimeError:
        return set()


def _timer_problem() -> str:
    """A fork has no timers of its own."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return "a timer is set" if any(signal.getitimer(timer)[0] for timer in timers) else ""


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _listing(folder: str) -> dict[str, tuple[Any, ...]]:
    """What tells whether a file has changed, for each file below the folder, also behind a link."""
    found: dict[str, tuple[Any, ...]] = {}
    folders = collections.deque([folder])
    while folders and len(found) < MOST_FILES:
        with contextlib.suppress(OSError), os.scandir(folders.popleft()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    _note(entry, folder, found, folders)
    return found


def _note(entry: Any, folder: str, found: dict[str, Any], folders: collections.deque[str]) -> None:
    name = os.path.relpath(entry.path, folder)
    if entry.is_dir(follow_symlinks=False):
        if entry.name not in UNWATCHED_FOLDERS:
            folders.append(entry.path)
            found[name + os.sep] = ()
        return
    status = entry.stat(follow_symlinks=False)
    facts = [status.st_ino, status.st_size, status.st_mtime_ns]
    if entry.is_symlink() and entry.is_file():
        status = entry.stat()
        facts += [status.st_ino, status.st_size, status.st_mtime_ns]
    found[name] = tuple(facts)


def _is_in(folder: str, text: str) -> bool:
    """Whether the text names the folder or what lies in it."""
    _, found, after = text.partition(folder)
    return bool(found) and (not after or not (after[0].isalnum() or after[0] in "._-"))


def _roots(namespace: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names of the cells and the global names of the project's modules, with their values."""
    for name, value in list(namespace.items()):
        if isinstance(name, str) and not OF_IPYTHON.fullmatch(name):
            yield name, value
    for name, module in list(sys.modules.items()):
        if name != "__main__" and _is_of_project(module):
            for key, value in list(vars(module).items()):
                if not (key.startswith("__") and key.endswith("__")):
                    yield f"{name}.{key}", value
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        if handler is not None:
            yield "a handler of logging", handler


def _is_of_project(module: Any) -> bool:
    path = getattr(module, "__file__", None)
    return isinstance(path, str) and not (
        _is_library(path) or module.__name__.startswith("guild_notebook")
    )


def _kept(roots: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each text or path that can be reached from the roots, with the name of its root. Nearest
    first; neither through libraries' modules and classes nor through arrays of numbers."""
    seen = {id(vars(module)) for module in sys.modules.values() if hasattr(module, "__dict__")}
    left = collections.deque(roots)
    count = 0
    while left and count < MOST_OBJECTS:
        name, value = left.popleft()
        count += 1
        text = _text(value)
        if text is not None:
            if len(text) <= LONGEST_PATH:
                yield name, text
        elif not isinstance(value, SCALARS) and id(value) not in seen:
            seen.add(id(value))
            if len(left) < MOST_OBJECTS:
                left.extend((name, part) for part in _parts(value))


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, bytes):
        return os.fsdecode(value[: LONGEST_PATH + 1])
    return None


def _parts(value: Any) -> Iterable[Any]:
    kind = type(value)
    package = str(getattr(kind, "__module__", "")).partition(".")[0]
    if isinstance(value, type):
        module = sys.modules.get(value.__module__)
        if value.__module__ != "__main__" and not _is_of_project(module):
            return ()
        return [part for key, part in vars(value).items() if not key.startswith("__")]
    if package in NOT_ENTERED:
        return ()
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        return [*cells, value.__defaults__, value.__kwdefaults__, value.__dict__]
    if package == "numpy" and hasattr(value, "flat"):
        flat = value.flat if value.dtype.kind in "OUS" else ()
        return [flat[i] for i in _indexes(len(flat))] if len(flat) else ()
    if package == "pyarrow" and hasattr(value, "null_count"):
        return [value[i].as_py() for i in _indexes(len(value))[::10]]
    found = gc.get_referents(value)
    if len(found) > MOST_ENTRIES:
        return [found[i] for i in _indexes(len(found))]
    return found


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _indexes(length: int) -> range:
    """At equal distances, which are odd: a dict has keys and values in turn."""
    return range(0, length, length // MOST_ENTRIES | 1)
