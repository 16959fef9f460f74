"""What executes on a worker: the task of an attempt, and the functions that the dispatcher calls.

dask finds these functions by name, so the worker needs guild-notebook installed. The task runs in a
thread, the functions in the worker's event loop (``Client.run``); they meet in the
:class:`WorkerRun` of the attempt.

Guild runs under :mod:`guild_notebook.run.kernel.supervisor`: when the worker's process ends, in
whatever way, or the dispatcher has not called for DISPATCHER_TIMEOUT, every process that the run
has started ends.
"""

from __future__ import annotations

import glob
import logging
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .. import __version__, kernel_folders
from ..errors import UserError
from ..run.kernel import supervisor
from ..run.record.run_files import RunFiles, mapping
from ..secrets import settings
from . import archive, forks, run_state

DISPATCHER_TIMEOUT = 60.0  # seconds without a call of the dispatcher after which a run is stopped

TERM_SECONDS, CHILD_TERM_SECONDS = 30.0, 5.0
"""As ``guild stop``: the operation's children get SIGTERM after the second, all that is left gets
SIGKILL after the first (guild/commands/runs_impl.py, STOP_TIMEOUT and CHILD_TERM_TIMEOUT)."""

PIECE = 1 << 18  # bytes of one file that a poll returns at most
_runs: dict[str, WorkerRun] = {}  # by the ID of the attempt


def execute(attempt: str, topic: str, home_probe: tuple[str, str]) -> dict[str, Any]:
    """The task of one attempt to execute a run; returns when the run has ended.

    ``topic`` is dask's, for the task's event. ``home_probe`` is the path and the content of a file
    in the dispatcher's Guild home: a worker that can read it there shares the home.

    The result has ``state``: ``refused`` where the run must not start, ``abandoned`` where the
    dispatcher has not called for too long, ``error`` with ``why`` where Guild could not be started,
    and ``ended`` with ``size``, the bytes of the archive for :func:`read_changes` (-1: there is
    none, the home is shared), ``removed``, the files that the run has deleted, and ``log``, the
    last lines that Guild printed.
    """
    from distributed import get_worker

    worker = get_worker()
    logging.getLogger("distributed.worker").addFilter(_is_not_ours)
    for old in [old for old, run in list(_runs.items()) if run.can_be_removed]:
        remove(old)
    run = _runs[attempt] = WorkerRun(attempt, worker.local_directory)
    event = {"attempt": attempt, "worker": worker.address, "host": platform.node()}
    event.update(version=__version__, shared=_shares_home(*home_probe))
    worker.log_event(topic, event)
    result = run.execute()
    if result["state"] in ("refused", "abandoned"):
        remove(attempt)
    return result  # the dispatcher removes the others: a call of it may be on its way


def _shares_home(path: str, content: str) -> bool:
    try:
        with open(path, encoding="utf-8") as f:
            return f.read() == content
    except OSError:
        return False


# ---- what the dispatcher calls


def call(attempt: str, method: Callable[..., None], *args: Any) -> bool:
    """Call a method of the WorkerRun of an attempt; False where it is not known here."""
    run = _runs.get(attempt)
    if run:
        method(run, *args)
    return run is not None


def poll(offsets: dict[str, dict[str, int]]) -> dict[str, dict[str, bytes] | None]:
    """For each attempt the bytes that its run has appended to files, from the given offsets on;
    None for one that is not known here."""
    answers: dict[str, dict[str, bytes] | None] = {}
    for attempt, of_files in offsets.items():
        run = _runs.get(attempt)
        answers[attempt] = run.appended(of_files) if run else None
    return answers


def read_changes(attempt: str, offset: int, size: int) -> bytes:
    """A piece of the archive of what the run has changed."""
    return _runs[attempt].read_changes(offset, size)


def remove(attempt: str) -> None:
    """Delete the files of an attempt and forget it."""
    run = _runs.pop(attempt, None)
    if run:
        run.remove()


_CALLED = {function.__name__ for function in (call, poll, read_changes, remove)}


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Keeps the dispatcher's calls, two a second, out of the worker's log, where dask writes a line
    for each."""
    message = record.getMessage()
    return not (message.startswith("Run out-of-band") and message.split("'")[1] in _CALLED)


class WorkerRun:
    """The run of one attempt, in a folder ``guild-ATTEMPT`` of ``folder``."""

    def __init__(self, attempt: str, folder: str) -> None:
        self._dir = os.path.join(folder, f"guild-{attempt}")
        self._run_id: str | None = None
        self._shared_home = ""
        self._may_start = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._ended = False
        self._called_at = time.monotonic()
        self._run_dir = ""
        os.makedirs(self._dir)

    # ---- called in the worker's event loop

    def add_archive(self, piece: bytes) -> None:
        self._called_at = time.monotonic()
        with open(self._path("in.tar.gz"), "ab") as f:
            f.write(piece)

    def start(self, run_id: str | None, shared_home: str = "") -> None:
        """Let the run start, in the directory of the Guild home where that is shared, else in that
        of the archive. None for a run that must not start."""
        self._called_at = time.monotonic()
        self._run_id, self._shared_home = run_id, shared_home
        self._may_start.set()

    def appended(self, offsets: dict[str, int]) -> dict[str, bytes]:
        """The bytes from ``offsets`` on of each file that the run appends to."""
        self._called_at = time.monotonic()
        found = {}
        patterns = archive.APPENDED_FILES if self._run_dir else ()
        files = RunFiles(self._run_dir)
        for pattern in patterns:
            for path in glob.glob(os.path.join(glob.escape(self._run_dir), pattern)):
                name = os.path.relpath(path, self._run_dir)
                with suppress(OSError), os.fdopen(files.open(name, os.O_RDONLY), "rb") as f:
                    f.seek(offsets.get(name, 0))
                    if piece := f.read(PIECE):
                        found[name] = piece
        return found

    def stop(self) -> None:
        self._called_at = time.monotonic()
        self._stopping = True
        if not self._ended:
            os.write(self._wake_write, b"s")

    def read_changes(self, offset: int, size: int) -> bytes:
        self._called_at = time.monotonic()
        with open(self._path("out.tar.gz"), "rb") as f:
            f.seek(offset)
            return f.read(size)

    @property
    def can_be_removed(self) -> bool:
        return self._ended and self._is_abandoned

    @property
    def _is_abandoned(self) -> bool:
        return time.monotonic() - self._called_at > DISPATCHER_TIMEOUT

    def remove(self) -> None:
        for fd in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(fd)
        shutil.rmtree(self._dir, ignore_errors=True)

    # ---- called in the task's thread

    def execute(self) -> dict[str, Any]:
        """See worker.execute."""
        try:
            return self._execute()
        except (OSError, UserError) as e:
            return {"state": "error", "why": str(e)}
        finally:
            self._ended = True

    def _execute(self) -> dict[str, Any]:
        while not self._may_start.wait(1.0):
            if self._is_abandoned:
                return {"state": "abandoned"}
        if self._run_id is None:
            return {"state": "refused"}
        home = self._shared_home or self._path("home")
        runs = os.path.join(home, "runs")
        run_dir = os.path.join(runs, self._run_id)
        before: archive.Snapshot = {}
        if self._shared_home:
            _make_lock_writable(run_dir)
        else:
            os.makedirs(runs)
            with open(self._path("in.tar.gz"), "rb") as f:
                archive.unpack(f, run_dir)
            os.unlink(self._path("in.tar.gz"))
            before = archive.snapshot(runs)
        self._run_dir = run_dir
        with forks.variables(run_dir, os.path.dirname(self._dir)) as variables:
            self._run_guild(home, variables)
        if self._is_abandoned:
            if self._shared_home:  # where the dispatcher is gone nobody else would
                for name in ("LOCK", "LOCK.remote"):
                    with suppress(OSError):
                        os.unlink(os.path.join(run_dir, ".guild", name))
            return {"state": "abandoned"}
        result = {"state": "ended", "size": -1, "removed": [], "log": self._guild_log()}
        if not self._shared_home:
            changed, result["removed"] = archive.changes(runs, before)
            with open(self._path("out.tar.gz"), "wb") as f:
                archive.pack(runs, f, changed)
                result["size"] = f.tell()
        return result

    def _run_guild(self, home: str, variables: dict[str, str]) -> None:
        liveness, liveness_end = os.pipe()
        status_pipe, status_end = os.pipe()
        command = supervisor.arguments(liveness, status_end, self._path("nothing"))
        command += [sys.executable, "-um", "guild.main_bootstrap"]
        command += ["run", "-y", "--quiet", "--restart", self._run_dir]
        process = None
        try:
            try:
                with open(self._path("log"), "wb") as log:
                    process = subprocess.Popen(
                        command,
                        env={**_environment(home, self._run_dir), **variables},
                        cwd=self._dir,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        pass_fds=(liveness, status_end),
                        start_new_session=True,
                    )
            finally:
                os.close(liveness)
                os.close(status_end)
            self._wait(status_pipe)
        finally:
            os.close(liveness_end)  # the supervisor ends every process that is left
            os.close(status_pipe)
            if process:
                process.wait()

    def _wait(self, status_pipe: int) -> None:
        """Wait until Guild has ended (the supervisor writes the second line to ``status_pipe``), or
        for a while after it was asked to."""
        lines = 0
        stopper: threading.Thread | None = None
        stopped_at = 0.0
        while True:
            ready = supervisor.readable([status_pipe, self._wake_read], 1.0)
            if status_pipe in ready:
                written = os.read(status_pipe, 100)
                lines += written.count(b"\n")
                if not written or lines > 1:
                    return
            if self._wake_read in ready:
                os.read(self._wake_read, 100)
            if (self._stopping or self._is_abandoned) and stopper is None:
                stopped_at = time.monotonic()
                stopper = threading.Thread(target=self._stop_operation, daemon=True)
                stopper.start()
            if stopper is not None and time.monotonic() - stopped_at > TERM_SECONDS + 5:
                return

    def _stop_operation(self) -> None:
        """Stop the operation's process as ``guild stop`` does, once there is one."""
        from guild import util

        until = time.monotonic() + TERM_SECONDS
        while time.monotonic() < until and not self._ended:
            with suppress(OSError, ValueError):
                with open(os.path.join(self._run_dir, ".guild", "LOCK")) as f:
                    pid = int(f.read(10))
                with suppress(Exception):  # psutil's: the process has ended meanwhile
                    util.kill_process_tree(pid, False, TERM_SECONDS, CHILD_TERM_SECONDS)
                return
            time.sleep(0.05)

    def _guild_log(self) -> str:
        with open(self._path("log"), "rb") as f:
            f.seek(max(0, os.fstat(f.fileno()).st_size - 4000))
            return f.read().decode("utf-8", "replace")

    def _path(self, name: str) -> str:
        return os.path.join(self._dir, name)


def _make_lock_writable(run_dir: str) -> None:
    """Make the folder on this machine that LOCK of a shared home links into (see run_state.py), or
    delete the link, so that Guild writes a LOCK of the usual kind."""
    lock = os.path.join(run_dir, ".guild", "LOCK")
    if os.path.islink(lock):
        folder = run_state.pid_folder()
        if folder is None or os.path.dirname(os.readlink(lock)) != folder:
            os.unlink(lock)


def _environment(home: str, run_dir: str) -> dict[str, str]:
    """The environment for Guild, as guild/plugins/queue_main.py makes it (_run_env). It leaves out
    the dispatcher's own flags, which are there where the worker is a part of its process. The
    values of the run's secret flags are in variables that Guild does not record, as where a run is
    started for the first time (plugin/secret_handoff.py)."""
    import guild

    env = {name: value for name, value in os.environ.items() if not name.startswith("FLAG_")}
    paths = [os.path.join(run_dir, ".guild", "job-packages"), os.path.abspath(guild.__pkgdir__)]
    paths += filter(None, [env.get("PYTHONPATH")])
    extra = mapping(RunFiles(run_dir).attr("op").get("flags-extra"))
    values: dict[str, str] = {}
    for name, variable in settings.variables(extra, "the run").items():
        value = settings.environment_value(name, variable, env)
        if value is not None:
            values.update(settings.handoff(variable, value))
            env = {other: text for other, text in env.items() if other not in (variable, name)}
    return {
        **env,
        **values,
        "GUILD_HOME": home,
        "NO_RESTARTING_MSG": "1",
        kernel_folders.ON_WORKER: "1",
        "NO_IMPORT_FLAGS_PROGRESS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }
