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
import gc
import itertools
import logging
import os
import pathlib
import re
import resource
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
MOST_FILES = 50_000  # entries of the working directory that are watched

MOST_OBJECTS = 200_000
"""Objects in which a path is looked for, those near to a name first. A path that trials would
write to is near to a name; data, which is not, would take seconds and finds nothing."""

MOST_ENTRIES = 1_000  # of a container that are looked at, at equal distances: a list has one kind
LONGEST_PATH = 4_096  # characters: a longer text is not a path (PATH_MAX of Linux)

UNWATCHED_FOLDERS = {".guild", "__pycache__", ".ipynb_checkpoints"}
"""In the working directory: Guild's own, and what Python writes for modules that are imported."""

HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SEMAPHORES = "/dev/shm/sem."  # noqa: S108 - a place of the system, not one to write to
DESCRIPTORS_OF_KERNEL = 100  # files and sockets that a kernel opens when it begins, at most
GPU_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")

OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[io]h|_dh|In|Out|exit|quit|get_ipython|open|__\w+__")
"""Names that IPython keeps in the namespace: what cells were, and have shown."""

NOT_ENTERED = {"IPython", "ipykernel", "traitlets", "zmq", "jupyter_client", "comm", "tornado"}
NOT_ENTERED |= {"asyncio", "_asyncio", "threading", "_thread", "_io"}
"""Packages whose objects lead to the kernel itself, which knows its folder."""

ENVIRONMENT_ITSELF = {"os", "_collections_abc", "collections.abc"}  # modules of os.environ
SCALARS = (int, float, complex, type(None), types.CodeType, types.FrameType, types.ModuleType)


class Watch:
    """What shared cells do, watched from before the first of them, in the process that executes
    them in the folder ``cwd``. ``run_variables`` are the environment variables that differ between
    runs; one that ends with ``*`` stands for all that begin so. ``sibling`` loads the modules
    beside this one (prefix.py)."""

    def __init__(self, cwd: str, run_variables: Collection[str], sibling: Any) -> None:
        self._native, self._supervisor = sibling("native_threads"), sibling("supervisor")
        self._cwd = os.path.realpath(cwd)
        self._folders = {os.path.abspath(cwd), self._cwd}
        self._files = _listing(self._cwd)
        self._descriptors = dict(_descriptors())
        self._shared = set(self._shared_mappings())
        self._threads = set(threading.enumerate())
        self._tasks = _pending_tasks()
        self._environment: Any = type(os.environ)
        self._variables = dict(os.environ)
        self._read = _watch_environment(run_variables)
        self._temporary = _watch_temporary_names()
        self._readable: set[int] = set()

    def problem(self, namespace: dict[str, Any], own_fds: Collection[int]) -> str:
        """Why this process must not be forked after the last shared cell, "" where it may: a
        clause that ends a sentence. ``namespace`` holds the names of the cells, ``own_fds`` are
        the descriptors that belong to the process itself."""
        own = set(own_fds)
        found = self._first_problem(namespace, own)
        for end in (
            _end_progress_bars,
            gc.collect,
            _end_processes_of_joblib,
            _end_idle_connections,
        ):
            if not found:
                break
            end()
            found = self._first_problem(namespace, own)
        return found

    def reopen(self) -> None:
        """In a fork: files open for reading get an offset of their own, under the same number. The
        offset is of the open file, which a fork shares."""
        for fd in self._readable:
            with contextlib.suppress(OSError):
                _reopen(fd)

    def in_child(self) -> None:
        """In a forked kernel, which is not watched."""
        self.reopen()
        for environment in (os.environ, os.environb):
            environment.__class__ = self._environment

    def _first_problem(self, namespace: dict[str, Any], own_fds: set[int]) -> str:
        checks: tuple[Callable[[], str], ...] = (
            lambda: f"a cell has read {self._read[0]} of the run" if self._read else "",
            self._thread_problem,
            self._process_problem,
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
        return str(self._native.problem(len(self._threads)))

    def _process_problem(self) -> str:
        for pid in self._children():
            return f"a process of the notebook goes on ({_command(pid)})"
        return ""

    def _children(self) -> list[int]:
        if not LINUX:
            import psutil

            return [child.pid for child in psutil.Process().children()]
        pids = map(int, filter(str.isdigit, os.listdir("/proc")))
        found = filter(None, map(self._supervisor.process_of, pids))
        return [process.pid for process in found if process.parent == os.getpid()]

    def _descriptor_problem(self, own_fds: set[int]) -> str:
        self._readable = set()
        pipes, descriptors = self._native.pipes_of_libraries(), list(_descriptors())
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most != resource.RLIM_INFINITY and most - len(descriptors) < DESCRIPTORS_OF_KERNEL:
            return "too few files more may be opened for a kernel to begin"
        for fd, identity in descriptors:
            if fd in own_fds or identity[2] in pipes:
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
        for mapping in self._shared_mappings():
            path = mapping[2]
            if mapping in self._shared:
                continue
            if path.startswith(GPU_DEVICES):
                return f"a GPU is in use ({path})"
            if path.startswith(SEMAPHORES):
                return "a lock or a queue of multiprocessing is in use"
            if not path or path.startswith("/dev/zero"):
                return "memory is shared with other processes"
            return f"{self._named(path)} is mapped for writing"
        return ""

    def _shared_mappings(self) -> Iterator[tuple[int, int, str]]:
        """Start, end and path of each part that a fork shares for writing."""
        for start, end, rights, path in self._native.memory_parts():
            if rights[1] == "w" and rights[3] == "s":
                yield start, end, path

    def _event_loop_problem(self) -> str:
        tasks = [task for task in _pending_tasks() if task not in self._tasks]
        if tasks:
            return f"an asyncio task is pending ({tasks[0].get_name()})"
        if _handles_signals():
            return "a handler of asyncio waits for a signal"
        return "a timer of asyncio is pending" if _has_timers() else ""

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
        finalizers: Any = getattr(weakref.finalize, "_registry", ())
        for finalizer in list(finalizers):
            found: Any = finalizer.peek()
            if found and found[1].__qualname__ == "TemporaryDirectory._cleanup":
                return f"a temporary folder is removed when a trial ends ({found[2][0]})"
        variables = self._set_variables()
        for name, value in _kept(itertools.chain(variables, _roots(namespace))):
            if any(_is_in(folder, value) for folder in self._folders):
                return f"{name} keeps the path of the folder in which the shared cells ran"
            new = self._new_temporary(value)
            if new:
                return f"{name} keeps the path of a temporary file that a cell has made ({new})"
        return ""

    def _set_variables(self) -> list[tuple[str, Any]]:
        """The variables of the environment that cells have set."""
        plain, before = self._environment, self._variables  # which does not count as reading
        names = list(plain.__iter__(os.environ))
        values = [(name, plain.__getitem__(os.environ, name)) for name in names]
        return [(f"the variable {n}", value) for n, value in values if before.get(n) != value]

    def _new_temporary(self, value: str) -> str:
        """The temporary file that a text names, "" where it names none."""
        for name in self._temporary:
            before, found, after = value.partition(name)
            path = before + found + after.partition(os.sep)[0]
            if found and os.path.lexists(path):
                return path
        return ""

    def _named(self, path: str) -> str:
        if path.endswith(" (deleted)"):
            return "a temporary file"
        return os.path.relpath(path, self._cwd) if _is_in(self._cwd, path) else path


_LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
OF_PYTHON = ("<frozen", *(f"{path}{os.sep}" for path in (os.path.dirname(__file__), *_LIBRARIES)))
"""How the paths of source files of Python itself begin, and of what executes the cells."""


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


def _is_library(path: str) -> bool:
    """Whether a source file is of Python itself or of an installed package."""
    return path.startswith(OF_PYTHON) or "/site-packages/" in path or "/dist-packages/" in path


def _watch_temporary_names() -> list[str]:
    """The random parts of names that ``tempfile`` makes from now on. Each trial would have made
    files of its own."""
    names: list[str] = []
    plain: Any = getattr(tempfile, "_RandomNameSequence", None)
    if plain is not None:

        class _RandomNameSequence(plain):  # type: ignore[misc]
            def __next__(self) -> str:
                names.append(super().__next__())
                return names[-1]

        tempfile._name_sequence = _RandomNameSequence()  # type: ignore[attr-defined]
    return names


def _end_progress_bars() -> None:
    """What tqdm has besides its bars: a thread that draws those that stand still, which it starts
    again with the next bar, and a lock that processes share, which it does without. (A trial that
    is killed while it has the lock would stop all others.)"""
    tqdm: Any = sys.modules.get("tqdm.std")
    with contextlib.suppress(Exception):
        shared = getattr(tqdm.TqdmDefaultWriteLock, "mp_lock", None)
        tqdm.TqdmDefaultWriteLock.mp_lock = None
        kinds = [tqdm.tqdm]
        for kind in kinds:  # tqdm.auto has one of its own
            kinds += kind.__subclasses__()
            if vars(kind).get("monitor"):
                kind.monitor.exit()
                kind.monitor = None
            locks: Any = getattr(vars(kind).get("_lock"), "locks", ())
            if shared in locks:
                locks.remove(shared)


def _end_processes_of_joblib() -> None:
    """It starts others when it needs them."""
    loky = "joblib.externals.loky"
    with contextlib.suppress(Exception):
        reusable: Any = sys.modules.get(f"{loky}.reusable_executor")
        if reusable and reusable._executor:
            executor, reusable._executor = reusable._executor, None
            getattr(executor, "terminate", executor.shutdown)(kill_workers=True)
            del executor
            gc.collect()  # its locks, which are told to the process that is ended next
    for name in (f"{loky}.backend.resource_tracker", "multiprocessing.resource_tracker"):
        with contextlib.suppress(Exception):
            tracker = getattr(sys.modules.get(name), "_resource_tracker", None)
            if tracker and tracker._pid is not None:
                tracker._stop()


def _end_idle_connections() -> None:
    """Those that urllib3 keeps, also for requests; it opens others when it needs them."""
    urllib3: Any = sys.modules.get("urllib3")
    for pool in gc.get_objects() if urllib3 else ():
        if issubclass(type(pool), urllib3.HTTPConnectionPool) and pool.pool:
            for connection in list(pool.pool.queue):
                if connection:
                    connection.close()


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


def _event_loop() -> Any:
    """Raises RuntimeError where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.get_event_loop()


def _has_timers() -> bool:
    with contextlib.suppress(RuntimeError, AttributeError):  # as of uvloop
        return any(not timer.cancelled() for timer in _event_loop()._scheduled)
    return False


def _handles_signals() -> bool:
    with contextlib.suppress(RuntimeError, AttributeError):
        return bool(_event_loop()._signal_handlers)
    return False


def _pending_tasks() -> set[Any]:
    """The tasks of the event loop that are not done, but for the one that runs now."""
    try:
        loop = _event_loop()
        current = asyncio.current_task(loop)
        return asyncio.all_tasks(loop) - {current}
    except RuntimeError:
        return set()


def _timer_problem() -> str:
    """A fork has no timers of its own."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return "a timer is set" if any(signal.getitimer(timer)[0] for timer in timers) else ""


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
    yield "tempfile.tempdir", tempfile.tempdir
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
    if isinstance(value, dict) and len(value) > MOST_ENTRIES:
        step = _indexes(len(value)).step
        return itertools.chain(*itertools.islice(value.items(), 0, None, step))
    if kind not in (list, tuple):
        value = gc.get_referents(value)
    return [value[i] for i in _indexes(len(value))]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _indexes(length: int) -> range:
    """At equal distances, which are odd: a dict refers to keys and values in turn."""
    return range(0, length, length // MOST_ENTRIES | 1)
