"""One run on a worker: from the archive of its directory to the archive of what it has changed.

Guild runs under :mod:`guild_notebook.run.kernel.supervisor`: when the worker's process ends, in
whatever way, or the dispatcher has not called for DISPATCHER_TIMEOUT, every process that the run
has started ends.
"""

from __future__ import annotations

import contextlib
import glob
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

from ..errors import UserError
from ..run.kernel import supervisor
from ..run.record.run_dir import RunDir
from ..secrets import settings
from . import archive

DISPATCHER_TIMEOUT = 60.0
"""Seconds without a call of the dispatcher after which a run is stopped."""

TERM_SECONDS, CHILD_TERM_SECONDS = 30.0, 5.0
"""As ``guild stop``: the operation's children get SIGTERM after the second, all that is left gets
SIGKILL after the first (guild/commands/runs_impl.py, STOP_TIMEOUT and CHILD_TERM_TIMEOUT)."""

PIECE = 1 << 18
"""Bytes of one file that a poll returns at most."""


class WorkerRun:
    """The run of one attempt, in a folder ``guild-ATTEMPT`` of ``folder``."""

    def __init__(self, attempt: str, folder: str) -> None:
        self._dir = os.path.join(folder, f"guild-{attempt}")
        self._location: dict[str, Any] | None = None
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

    def start(self, location: dict[str, Any] | None) -> None:
        """``location`` has ``run_id``, and where the Guild home is shared ``run_dir`` and
        ``guild_home``, which are None where the archive has been sent. It is None for a run that
        must not start."""
        self._called_at = time.monotonic()
        self._location = location
        self._may_start.set()

    def appended(self, offsets: dict[str, int]) -> dict[str, bytes]:
        """The bytes from ``offsets`` on of each file that the run appends to."""
        self._called_at = time.monotonic()
        found = {}
        for name in self._appended_files():
            with contextlib.suppress(OSError), open(os.path.join(self._run_dir, name), "rb") as f:
                f.seek(offsets.get(name, 0))
                piece = f.read(PIECE)
                if piece:
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
            with contextlib.suppress(OSError):
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
        location = self._location
        if location is None:
            return {"state": "refused"}
        before: archive.Snapshot = {}
        is_shared = bool(location["run_dir"])
        if is_shared:
            home, run_dir = location["guild_home"], location["run_dir"]
            _make_lock_writable(run_dir)
        else:
            home = self._path("home")
            run_dir = os.path.join(home, "runs", location["run_id"])
            os.makedirs(os.path.dirname(run_dir))
            with open(self._path("in.tar.gz"), "rb") as f:
                archive.unpack(f, run_dir)
            os.unlink(self._path("in.tar.gz"))
            before = archive.snapshot(os.path.dirname(run_dir))
        self._run_dir = run_dir
        self._run_guild(home)
        if self._is_abandoned:
            if is_shared:  # where the dispatcher is gone nobody else would
                for name in ("LOCK", "LOCK.remote"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(run_dir, ".guild", name))
            return {"state": "abandoned"}
        result = {"state": "ended", "size": -1, "removed": [], "log": self._guild_log()}
        if not is_shared:
            runs = os.path.dirname(run_dir)
            changed, result["removed"] = archive.changes(runs, before)
            with open(self._path("out.tar.gz"), "wb") as f:
                archive.pack(runs, f, changed)
                result["size"] = f.tell()
        return result

    def _run_guild(self, home: str) -> None:
        liveness, liveness_end = os.pipe()
        report, report_end = os.pipe()
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(liveness), str(report_end)]
        command += [self._path("nothing"), sys.executable, "-um", "guild.main_bootstrap"]
        command += ["run", "-y", "--quiet", "--restart", self._run_dir]
        try:
            with open(self._path("log"), "wb") as log:
                process = subprocess.Popen(
                    command,
                    env=_environment(home, self._run_dir),
                    cwd=self._dir,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(liveness, report_end),
                    start_new_session=True,
                )
        finally:
            os.close(liveness)
            os.close(report_end)
        try:
            self._wait(report)
        finally:
            os.close(liveness_end)  # the supervisor ends every process that is left
            os.close(report)
            process.wait()

    def _wait(self, report: int) -> None:
        """Wait until Guild has ended (the supervisor writes to ``report``), or for a while after it
        was asked to."""
        stopper: threading.Thread | None = None
        stopped_at = 0.0
        while True:
            ready, _, _ = select.select([report, self._wake_read], [], [], 1.0)
            if report in ready:
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
            with contextlib.suppress(OSError, ValueError):
                with open(os.path.join(self._run_dir, ".guild", "LOCK")) as f:
                    pid = int(f.read(10))
                with contextlib.suppress(Exception):  # psutil's: the process has ended meanwhile
                    util.kill_process_tree(pid, False, TERM_SECONDS, CHILD_TERM_SECONDS)
                return
            time.sleep(0.05)

    def _appended_files(self) -> list[str]:
        if not self._run_dir:
            return []
        names = []
        for pattern in archive.APPENDED_FILES:
            paths = glob.glob(os.path.join(glob.escape(self._run_dir), pattern))
            names += [os.path.relpath(path, self._run_dir) for path in paths]
        return names

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
        try:
            os.makedirs(os.path.dirname(os.readlink(lock)), 0o700, exist_ok=True)
        except OSError:
            os.unlink(lock)


def _environment(home: str, run_dir: str) -> dict[str, str]:
    """The environment for Guild, as guild/plugins/queue_main.py makes it (_run_env). It leaves out
    the dispatcher's own flags, which are there where the worker is a part of its process."""
    import guild

    env = {name: value for name, value in os.environ.items() if not name.startswith("FLAG_")}
    paths = [os.path.join(run_dir, ".guild", "job-packages"), os.path.abspath(guild.__pkgdir__)]
    paths += filter(None, [env.get("PYTHONPATH")])
    return {
        **_with_secret_values(env, run_dir),
        "GUILD_HOME": home,
        "NO_RESTARTING_MSG": "1",
        "NO_IMPORT_FLAGS_PROGRESS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _with_secret_values(env: dict[str, str], run_dir: str) -> dict[str, str]:
    """``env`` with the values of the run's secret flags in variables that Guild does not record, as
    where a run is started for the first time (plugin/secret_handoff.py)."""
    extra = RunDir(run_dir, "").attr("op").get("flags-extra") or {}
    values = {}
    for name, variable in settings.variables(extra, "the run").items():
        value = settings.environment_value(name, variable, env)
        if value is not None:
            values[settings.handoff_variable(variable)] = settings.as_yaml(value)
            env = {other: text for other, text in env.items() if other not in (variable, name)}
    return {**env, **values}
