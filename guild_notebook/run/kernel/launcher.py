"""Starts a kernel that is a Python module, which imports modules of its environment alone.

What it does to a kernel that is built on ipykernel: the run gets all its output, also when another
client of the kernel reads slowly or not at all, and it ends at once.

Imports nothing of this package, since the kernel's Python need not have it. It is started as a
script in place of ``python -m``: ``python launcher.py ADDRESS FOLDERS MODULE ARGUMENT…``. ADDRESS
is the run's ZeroMQ socket for the output, FOLDERS, joined as in PYTHONPATH, are where modules of
the project are found once the kernel is up. Both are empty for an IPython kernel, which is sent
this file as text and ipython_setup.py, before the first cell.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import gc
import importlib
import io
import os
import runpy
import signal
import sys
import threading
import types
from typing import Any

WAITING_MESSAGES = 32  # messages that wait in the kernel, and in the run, before the kernel waits
LOOK_MILLISECONDS = 200  # that a message waits for the run until it is looked whether that is there
END = b"end of the output"  # what the kernel sends to the run alone, after its last message

PIECE = 250_000
"""Characters of a message's text: ipykernel would send all that was printed since its last as one
(iostream.py, OutStream._flush_buffers)."""

MOST_UNSENT = 1_000_000
"""Characters that are printed before the cell waits until they are sent. Without it what a loop
prints would pile up in the kernel where the run, or the reader of its output, is slower."""

MOST_CALLS = 500  # functions that the thread for output calls between looks at timers and sockets

WAITS = "w"
"""The name of a pipe beside the connection file, which is there for a kernel that is to wait: it
reads a byte from it when it is needed. The pipe ends where it is not."""

CHILDREN_SECONDS = 1.0  # that exit handlers have before what they may wait for is ended


def main(address: str, folders: str, module: str) -> None:
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # not with PYTHONSAFEPATH
        del sys.path[0]
    del sys.argv[:3]
    atexit.register(end_at_once)  # before all others, so it is called after them
    if module.split(".")[0] in ("ipykernel", "ipykernel_launcher"):
        gc.disable()  # nothing of what is imported is garbage
        wait_until_needed(sys.argv[2:3])
        leave_out_debugger()
        with contextlib.suppress(ImportError):  # it says itself what it lacks
            write_quickly(importlib.import_module("ipykernel.iostream").OutStream)
        with contextlib.suppress(Exception):
            importlib.import_module("ipykernel.kernelapp")
        if hasattr(gc, "freeze"):
            gc.freeze()
            gc.unfreeze()  # all is of the oldest generation now, as if it had been looked through
        gc.enable()
    if address:
        others = filter(None, [os.environ.get("PYTHONPATH")])
        os.environ["PYTHONPATH"] = os.pathsep.join([folders, *others])  # for its processes
        try:
            from ipykernel.kernelbase import Kernel
        except ImportError:
            pass  # built on something else
        else:
            prepare_once_started(Kernel, address, folders.split(os.pathsep))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def wait_until_needed(connection_files: list[str]) -> None:
    """Where the run wants it, import ipykernel and wait before anything of the kernel is made. Then
    begin anew if packages have been installed or removed meanwhile."""
    for file in connection_files:
        path = os.path.join(os.path.dirname(file), WAITS)
        if not os.path.exists(path):
            continue
        command: list[str] = getattr(sys, "orig_argv", [])  # from Python 3.10 on
        before = _modified()
        with open(path, "rb", 0) as pipe:
            if command:
                leave_out_debugger()
                with contextlib.suppress(Exception):  # it is raised again
                    importlib.import_module("ipykernel.kernelapp")
            if not pipe.read(1):
                os._exit(1)
        os.unlink(path)
        if _modified() != before:
            os.execv(sys.executable, [sys.executable, *command[1:]])


def _modified() -> list[int]:
    """When each folder from which modules are imported was last changed."""
    return [os.stat(folder).st_mtime_ns for folder in sys.path if os.path.isdir(folder)]


def leave_out_debugger() -> None:
    """Let ipykernel find no debugger (debugpy), to import which is a fifth of a kernel's start: it
    serves clients that debug, and a run is none. A notebook imports it as any other module."""
    if "debugpy" in sys.modules:
        return
    missing: Any = None
    sys.modules["debugpy"] = missing
    # An ipykernel without a debugger fails, or one that says itself what it lacks.
    with contextlib.suppress(Exception):
        importlib.import_module("ipykernel.debugger")  # which looks for it, once
    del sys.modules["debugpy"]


def activate(environ: Any, bin_folder: str, prefix: str) -> None:
    """Make ``environ`` what it is where the environment ``prefix`` is active, so that commands are
    its own: ``bin_folder``, where its Python is, comes first in PATH. No other environment is
    active: a virtual one ends as by ``deactivate``, one of conda's where another takes its place.
    Where ``prefix`` is not an environment (an installed Python), none is active."""
    path = environ.get("PATH", os.defpath).split(os.pathsep)
    for name, marker, also in (
        ("VIRTUAL_ENV", "pyvenv.cfg", ("VIRTUAL_ENV_PROMPT",)),
        ("CONDA_PREFIX", "conda-meta", ("CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER")),
    ):
        active, is_own = environ.get(name), os.path.exists(os.path.join(prefix, marker))
        if active and os.path.realpath(active) != os.path.realpath(prefix):
            if name == "VIRTUAL_ENV" or is_own:
                path = [folder for folder in path if folder != os.path.join(active, "bin")]
            for variable in (name, *also):
                environ.pop(variable, None)
        if is_own:
            environ[name] = prefix
            environ.pop("PYTHONHOME", None)
    if environ.get("CONDA_PREFIX") == prefix:
        environ.setdefault("CONDA_DEFAULT_ENV", os.path.basename(prefix))
    environ["PATH"] = os.pathsep.join([bin_folder, *(f for f in path if f != bin_folder)])


def prepare_once_started(kernel_class: Any, address: str, folders: list[str]) -> None:
    """Let the kernel import from ``folders`` too, last, once it has imported what it needs."""
    start = kernel_class.start

    def prepare_and_start(kernel: Any) -> Any:
        sys.path += folders
        prepare(kernel, address)
        return start(kernel)

    kernel_class.start = prepare_and_start


class OutputSocket:
    """The socket on which a kernel publishes, and one to the run.

    A publishing socket drops messages for a subscriber once 1,000 of them wait (ZMQ_SNDHWM), or it
    waits for the slowest of all subscribers (ZMQ_XPUB_NODROP). The other one waits for the run,
    whoever else subscribes and does not read. That few messages wait bounds memory on both sides.
    """

    def __init__(self, publisher: Any, address: str) -> None:
        import zmq

        self._publisher = publisher
        self._pid = os.getpid()
        self._to_run = publisher.context.socket(zmq.PUSH)
        self._to_run.setsockopt(zmq.SNDHWM, WAITING_MESSAGES)
        self._to_run.setsockopt(zmq.SNDTIMEO, LOOK_MILLISECONDS)
        self._to_run.connect(address)
        self._address, self._is_read = address, True
        self._dont_wait, self._waits = zmq.NOBLOCK, zmq.Again

    def send_multipart(self, parts: Any, *args: Any, **options: Any) -> None:
        self._publisher.send_multipart(parts, *args, **options)
        while self._is_read:
            try:
                self._to_run.send_multipart(parts, *args, **options)
                return
            except self._waits:
                self._is_read = self._run_is_there()

    def _run_is_there(self) -> bool:
        """Whether the run has its socket: it has not where it has ended, and its kernel is kept, as
        is done with those alone that have a socket in a folder."""
        kind, _, place = self._address.partition("://")
        return kind != "ipc" or os.path.exists(place)

    def close(self, *args: Any, **options: Any) -> None:
        self._publisher.close(*args, **options)
        if os.getpid() == self._pid:  # not in a process that was forked
            if not self._run_is_there():
                self._to_run.close(0)  # nothing waits for who is gone
                return
            with contextlib.suppress(Exception):  # the run does not read
                self._to_run.send(END, self._dont_wait)
        self._to_run.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publisher, name)


def prepare(kernel: Any, address: str) -> None:
    from ipykernel import iostream, kernelbase

    thread: Any = getattr(kernel, "iopub_thread", None)

    def begin() -> None:
        thread.socket = OutputSocket(thread.socket, address)

    if thread is not None:  # else it is started in a way of its own
        thread.schedule(begin)
        Calls.begin(thread)
    send_in_pieces(iostream.OutStream)
    write_quickly(iostream.OutStream)
    kernel_class: Any = kernelbase.Kernel
    kernel_class._progressively_terminate_all_children = end_children_later
    # Half a millisecond before each reply, for clients that heed no output after it.
    kernel._execute_sleep = 0


def send_in_pieces(stream_class: Any) -> None:
    flush_buffers = getattr(stream_class, "_flush_buffers", None)
    if flush_buffers is None or hasattr(flush_buffers, "sends_pieces"):
        return  # an older ipykernel, or it has been done

    def flush_pieces(stream: Any) -> Any:
        for parent, text in flush_buffers(stream):
            for start in range(0, len(text), PIECE):
                yield parent, text[start : start + PIECE]

    flush_pieces.sends_pieces = True  # type: ignore[attr-defined]
    stream_class._flush_buffers = flush_pieces


class Calls:
    """Functions that a kernel's ``thread`` for output is to call, in their order. ipykernel wakes
    the thread for each one (iostream.py, IOPubThread), here it is woken once for all that wait."""

    @classmethod
    def begin(cls, thread: Any) -> None:
        thread.calls = cls(thread)
        thread.schedule = thread.calls.schedule

    def __init__(self, thread: Any) -> None:
        self._thread = thread
        self._wake = thread.schedule
        self._waiting: collections.deque[Any] = collections.deque()
        self._is_woken = self._is_calling = False

    @property
    def are_of_another_thread(self) -> bool:
        thread = self._thread.thread
        return thread.is_alive() and thread is not threading.current_thread()

    @property
    def are_done(self) -> bool:
        return not self._waiting and not self._is_calling

    def schedule(self, call: Any) -> None:
        if self._thread.thread.is_alive():
            self._waiting.append(call)
            self._wake_once()
        else:  # at the end, and in a process that was forked
            call()

    def _wake_once(self) -> None:
        if not self._is_woken:
            self._is_woken = True
            self._wake(self._call)

    def _call(self) -> None:
        self._is_calling, self._is_woken = True, False  # what is added from now on wakes it again
        try:
            for _ in range(MOST_CALLS):
                if not self._waiting:
                    break
                self._waiting.popleft()()
        finally:
            self._is_calling = False
            if self._waiting:
                self._wake_once()


def write_quickly(stream_class: Any) -> None:
    """Let ``print`` and flushing cost less than with ipykernel (iostream.py, OutStream): one call
    in the thread for output where that makes four, none where nothing waits, and one timer at a
    time; neither the process's id nor the key of a request's text is asked for each."""
    if hasattr(stream_class, "_has_timer") or not hasattr(stream_class, "_flush_buffers"):
        return  # it has been done, or this is an older ipykernel
    stream_class._has_timer = stream_class._is_forked = False
    stream_class._parent_and_key = None, None
    # A system call for each text would take longer than all the rest.
    os.register_at_fork(after_in_child=lambda: setattr(stream_class, "_is_forked", True))
    stream_class._write_any, stream_class.write = stream_class.write, _write
    stream_class._flush_any, stream_class.flush = stream_class.flush, _flush
    stream_class._schedule_flush = _schedule_flush


def _write(stream: Any, string: Any) -> Any:
    is_usual = type(string) is str and stream.echo is None and stream.pub_thread is not None
    if not is_usual or stream._is_forked:
        return stream._write_any(string)
    parent = stream.parent_header
    known, key = stream._parent_and_key
    if parent is not known:
        key = frozenset(parent.items())
        stream._parent_and_key = parent, key
    with stream._buffer_lock:
        buffer = stream._buffers[key]
        buffer.write(string)
        unsent = buffer.tell()
    if unsent > MOST_UNSENT:
        _send_all(stream, None)
    elif not stream._has_timer:
        stream._schedule_flush()
    return len(string)


def _schedule_flush(stream: Any) -> None:
    if stream._has_timer:
        return
    stream._has_timer = True
    schedule = stream.pub_thread.schedule

    def flush_soon() -> None:
        stream._has_timer = False
        schedule(stream._flush)

    schedule(lambda: stream._io_loop.call_later(stream.flush_interval, flush_soon))


def _flush(stream: Any) -> None:
    _send_all(stream, stream.flush_timeout)


def _send_all(stream: Any, seconds: float | None) -> None:
    """Send what has been written, and wait for that as long as ``seconds``."""
    calls = getattr(stream.pub_thread, "calls", None)
    if not calls or not calls.are_of_another_thread:
        stream._flush_any()
        return
    if calls.are_done and not stream._buffers and stream.echo is None:
        return
    done = threading.Event()

    def flush_and_tell() -> None:
        try:
            stream._flush()
        finally:
            calls.schedule(done.set)  # after what it has put there to be sent

    calls.schedule(flush_and_tell)
    if not done.wait(seconds):
        print("IOStream.flush timed out", file=sys.__stderr__)


async def end_children_later(kernel: Any) -> None:
    """In place of a method with which ipykernel's kernel waits, before its exit handlers run, until
    its children have ended of SIGTERM: 14 seconds for those that ignore it, as the resource
    trackers of multiprocessing and joblib do, until the kernel has ended. The handlers end what
    they know (a pool cannot, when its workers are gone), what they wait for in vain gets SIGTERM
    then, and the supervisor ends what is left."""
    timer = threading.Timer(CHILDREN_SECONDS, kernel._signal_children, [signal.SIGTERM])
    timer.daemon = True
    timer.start()


HARMLESS = (
    "_asyncio",
    "asyncio.futures",
    "asyncio.tasks",
    "asyncio.unix_events",
    "socket",
    "zmq.sugar.socket",
    "multiprocessing.connection",
    "multiprocessing.resource_tracker",
    "joblib.externals.loky.backend.resource_tracker",
)
"""Modules whose finalizers release what ends with the process."""


def end_at_once() -> None:
    """Let the interpreter end without collecting garbage, which takes as long as half a kernel's
    start, and longer with large libraries. Objects that are in no cycle are finalized as ever.
    Where what is left may have to be finalized, all is collected, also what ipython_setup.py has
    kept from it."""
    if not hasattr(gc, "get_freeze_count") or not gc.get_freeze_count():
        return  # PyPy, or another kind of kernel
    (gc.unfreeze if something_has_to_be_finalized() else gc.freeze)()


def something_has_to_be_finalized() -> bool:
    """Whether this may be so of an object that is not frozen."""
    try:
        objects = gc.get_objects()
        kinds = set(filter(_may_have_to_be_finalized, set(map(type, objects))))
        return any(type(item) in kinds and _has_to_be_finalized(item) for item in objects)
    except Exception:  # classes may do anything
        return True


def _may_have_to_be_finalized(kind: type) -> bool:
    """Types of a library in C do so without ``__del__``: those that can be closed may do it, as a
    dataset of netCDF4 is written when it is freed."""
    of_c = (vars(base).get("close") for base in kind.__mro__)
    is_closed_by_c = any(f and not isinstance(f, (types.FunctionType, property)) for f in of_c)
    return hasattr(kind, "__del__") or is_closed_by_c


def _has_to_be_finalized(item: Any) -> bool:
    if isinstance(item, io.IOBase):
        is_file = type(item) not in (io.BytesIO, io.StringIO)
        return is_file and not item.closed and item.writable()
    for name in ("gi_code", "cr_code", "ag_code"):  # a library's may be an endless counter
        code = getattr(item, name, None)
        if isinstance(code, types.CodeType):
            folders = (os.path.dirname(os.__file__), "site-packages", "dist-packages")
            return not any(folder in code.co_filename for folder in folders)
    return type(item).__module__ not in HARMLESS


if __name__ == "__main__":
    main(*sys.argv[1:4])
elif __name__ == "guild_notebook.launcher":
    activate(os.environ, os.path.dirname(sys.executable), sys.prefix)
    prepare(get_ipython().kernel, address)  # type: ignore[name-defined]  # noqa: F821
