"""The threads that libraries have started in this process, besides those of Python: which of them
end before a fork, or start again in it, and which a fork would lack.

Loaded from its file by a process of the kernel's Python (prefix.py): it imports nothing of this
package. What Linux tells in /proc is read there; elsewhere psutil tells how many threads there are.
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import os
import re
import stat
import struct
import sys
import threading
import time
import warnings
from collections.abc import Iterator

LINUX = sys.platform == "linux"

OMP_PAUSE_SOFT = 1

FORK_SAFE = re.compile(
    r"/lib(arrow|i?omp\d*)\b[^/]* [^/]*$|/numexpr/[^/]*$|/libtorch_cpu\.so (?!pt_)[^/]*$"
)
"""Libraries whose threads are not needed in a fork, since they start others there, with the names
of the threads: Arrow, the OpenMP of LLVM and Intel, numexpr, and torch's threads within an
operation, which have no name of their own."""

READ = {"x86_64": 0, "aarch64": 63}.get(os.uname().machine, -1)  # the number of the call read(2)
SYSTEM_LIBRARY = re.compile(r"(lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s)|ld-linux[^.]*|ld|libc)[-.]")
MOST_OF_STACK = 65_536  # bytes of a stack that are read; one that waits has some thousands


def problem(allowed: int) -> str:
    """Threads that libraries have started, and neither end before a fork nor start again in it.
    ``allowed`` is the number of threads that are not theirs."""
    if _thread_count() <= allowed:
        return ""
    _fork_once()
    _end_openmp()
    if _thread_count() > allowed:
        if not LINUX:
            return "native threads of a library go on"
        unsafe = [thread.owner for thread in _native_threads() if not thread.is_fork_safe]
        if unsafe:
            return f"native threads of {_package(unsafe[0])} go on"
    if "numba.np.ufunc.omppool" in sys.modules:  # which ends a fork that starts them again
        return "threads of numba have run by OpenMP"
    return ""


def pipes_of_libraries() -> set[int]:
    """The inodes of pipes from which threads read that libraries start again in a fork."""
    found = set()
    for thread in _native_threads() if LINUX else ():
        with contextlib.suppress(OSError):
            if thread.is_fork_safe and stat.S_ISFIFO(os.fstat(thread.reads).st_mode):
                found.add(os.fstat(thread.reads).st_ino)
    return found


def memory_parts() -> Iterator[tuple[int, int, str, str]]:
    """Start, end, rights and path of each part of this process's memory."""
    if not LINUX:
        return
    with open("/proc/self/maps", errors="surrogateescape") as file:
        for line in file:
            addresses, rights, _, _, _, *path = line.split(None, 5)
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end, rights, path[0].rstrip("\n") if path else ""


def _thread_count() -> int:
    if LINUX:
        return len(os.listdir("/proc/self/task"))
    import psutil

    return int(psutil.Process().num_threads())


def _end_openmp() -> None:
    """GNU's OpenMP keeps its threads after a parallel region. A fork, which has them not, would
    wait for them; once they are ended, it starts others when it needs them."""
    for path in {path for *_, path in memory_parts() if "libgomp" in path}:
        with contextlib.suppress(OSError, AttributeError):  # before GCC 9
            library = ctypes.CDLL(path)
            most, dynamic = library.omp_get_max_threads(), library.omp_get_dynamic()
            library.omp_pause_resource_all(OMP_PAUSE_SOFT)
            library.omp_set_num_threads(most)
            library.omp_set_dynamic(dynamic)


class _NativeThread:
    """What the system tells of a thread that Python has not started: ``owner``, the path of the
    library whose function it runs ("" where unknown), and the descriptor that it reads from.

    The owner is the library that the thread's stack returns to last."""

    def __init__(self, thread: int, mappings: list[tuple[int, int, str, str]]) -> None:
        self.owner, self.reads, name = "", -1, ""
        with contextlib.suppress(OSError, ValueError, IndexError):
            name = _first_line(f"/proc/self/task/{thread}/comm")
            words = _call(thread)
            if words[0] == str(READ):
                self.reads = int(words[1], 16)
            self.owner = _last_library(int(words[-2], 16), mappings)
        self.is_fork_safe = bool(FORK_SAFE.search(f"{self.owner} {name}"))


def _native_threads() -> list[_NativeThread]:
    own = {thread.native_id for thread in threading.enumerate()} | {os.getpid()}
    mappings = list(memory_parts())
    numbers = (int(name) for name in os.listdir("/proc/self/task"))
    return [_NativeThread(number, mappings) for number in numbers if number not in own]


def _call(thread: int) -> list[str]:
    """The call of the system in which a thread waits: its number, arguments, stack pointer, and
    address. Raises OSError or ValueError where that is not told."""
    for _ in range(50):
        words = _first_line(f"/proc/self/task/{thread}/syscall").split()
        if words != ["running"]:
            return words
        time.sleep(0.01)
    raise ValueError(thread)


def _first_line(path: str) -> str:
    with open(path) as file:
        return file.readline().rstrip()


def _last_library(top: int, mappings: list[tuple[int, int, str, str]]) -> str:
    starts = [start for start, *_ in mappings]

    def mapping(address: int) -> tuple[int, int, str, str]:
        found = mappings[max(bisect.bisect(starts, address) - 1, 0)]
        return found if found[0] <= address < found[1] else (0, 0, "", "")

    with open("/proc/self/mem", "rb", 0) as memory:
        memory.seek(top)
        stack = memory.read(max(min(mapping(top)[1] - top, MOST_OF_STACK), 0) // 8 * 8)
    for (address,) in reversed(list(struct.iter_unpack("Q", stack))):
        _, _, rights, path = mapping(address)
        name = os.path.basename(path)
        if "x" in rights and path.startswith("/") and not SYSTEM_LIBRARY.match(name):
            return path
    return ""


def _package(path: str) -> str:
    after = path.partition("-packages/")[2]
    return (after or os.path.basename(path)).partition("/")[0].partition(".")[0] or "a library"


def _fork_once() -> None:
    """Let libraries end their threads as they do before each fork (OpenBLAS)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python 3.12: that there are several threads
        pid = os.fork()
        if not pid:
            os._exit(0)
    os.waitpid(pid, 0)
