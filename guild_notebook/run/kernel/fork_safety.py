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
import os
import resource
import signal
import socket
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

LINUX = sys.platform == "linux"
MOST_FILES = 50_000  # entries of the working directory that are watched

UNWATCHED_FOLDERS = {".guild", "__pycache__", ".ipynb_checkpoints"}
"""In the working directory: Guild's own, and what Python writes for modules that are imported."""

HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SEMAPHORES = "/dev/shm/sem."  # noqa: S108 - a place of the system, not one to write to
THREAD_SECONDS = 5.0  # the longest that a thread of a library, which is to end, is waited for
DESCRIPTORS_OF_KERNEL = 100  # files and sockets that a kernel opens when it begins, at most
GPU_DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")


class Watch:
    """What shared cells do, watched from before the first of them, in the process that executes
    them in the folder ``cwd``. ``run_variables`` are the environment variables that differ between
    runs; one that ends with ``*`` stands for all that begin so. ``sibling`` loads the modules
    beside this one (prefix.py)."""

    def __init__(self, cwd: str, run_variables: Collection[str], sibling: Any) -> None:
        self._native, self._supervisor = sibling("native_threads"), sibling("supervisor")
        self._cwd = os.path.realpath(cwd)
        self._files = _listing(self._cwd)
        self._descriptors = dict(_descriptors())
        self._shared = set(self._shared_mappings())
        self._threads = set(threading.enumerate())
        self._tasks = _pending_tasks()
        is_library = sibling("libraries").is_library
        self._environment = sibling("environment_reads").Environment(run_variables, is_library)
        self._kept_paths = sibling("kept_paths").KeptPaths(cwd, is_library)
        self._readable: set[int] = set()

    def problem(self, namespace: dict[str, Any], own_fds: Collection[int]) -> str:
        """Why this process must not be forked after the last shared cell, "" where it may: a
        clause that ends a sentence. ``namespace`` holds the names of the cells, ``own_fds`` are
        the descriptors that belong to the process itself."""
        found = self._first_problem(namespace, own_fds)
        ends = _end_progress_bars, gc.collect, _end_processes_of_joblib, _end_idle_connections
        for end in ends:
            if found:
                end()
                found = self._first_problem(namespace, own_fds)
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
        self._environment.end()

    def _first_problem(self, namespace: dict[str, Any], own_fds: Collection[int]) -> str:
        environment = self._environment
        checks: tuple[Callable[[], str], ...] = (
            lambda: f"a cell has read {environment.read[0]} of the run" if environment.read else "",
            self._thread_problem,
            self._process_problem,
            lambda: self._descriptor_problem(own_fds),
            self._mapping_problem,
            self._event_loop_problem,
            _timer_problem,
            self._file_problem,
            lambda: str(self._kept_paths.problem(namespace, environment.set_variables())),
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

    def _descriptor_problem(self, own_fds: Collection[int]) -> str:
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
            is_new = self._descriptors.get(fd) != identity
            if is_new and (found := self._problem_of_descriptor(fd, identity)):
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
        with contextlib.suppress(RuntimeError, AttributeError):  # as of uvloop
            if _event_loop()._signal_handlers:
                return "a handler of asyncio waits for a signal"
            if any(not timer.cancelled() for timer in _event_loop()._scheduled):
                return "a timer of asyncio is pending"
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

    def _named(self, path: str) -> str:
        if path.endswith(" (deleted)"):
            return "a temporary file"
        is_here = os.path.join(path, "").startswith(os.path.join(self._cwd, ""))
        return os.path.relpath(path, self._cwd) if is_here else path


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
            feeds = getattr(getattr(executor, "_call_queue", None), "_thread", None)
            getattr(executor, "terminate", executor.shutdown)(kill_workers=True)
            del executor
            if feeds:  # a thread that has the locks too, and may end later
                feeds.join(THREAD_SECONDS)
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
    """What tells whether a file has changed, for each file below the folder; nothing of folders."""
    found: dict[str, tuple[Any, ...]] = {}
    folders = collections.deque([folder])
    while folders and len(found) < MOST_FILES:
        with contextlib.suppress(OSError), os.scandir(folders.popleft()) as entries:
            for entry in entries:
                name = os.path.relpath(entry.path, folder)
                if not entry.is_dir(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        found[name] = tuple(_facts(entry))
                elif entry.name not in UNWATCHED_FOLDERS:
                    folders.append(entry.path)
                    found[name + os.sep] = ()
    return found


def _facts(entry: os.DirEntry[str]) -> Iterator[tuple[int, int, int]]:
    """Of a file, and of what it is a link to."""
    is_link = entry.is_symlink() and entry.is_file()
    for status in (entry.stat(follow_symlinks=False), *([entry.stat()] if is_link else [])):
        yield status.st_ino, status.st_size, status.st_mtime_ns
