"""One run on a worker: from the archive that comes in to the one that goes back.

Guild runs under :mod:`guild_notebook.run.kernel.supervisor`: when the worker's process ends, in
whatever way, or the dispatcher has not been heard of for LEASE_SECONDS, nothing that the run has
started is left.
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

LEASE_SECONDS = 60.0
"""Without a word from the dispatcher for so long, a run is ended."""

TERM_SECONDS, CHILD_TERM_SECONDS = 30.0, 5.0
"""As ``guild stop``: the operation's children are asked after the second, all are killed after the
first (guild/commands/runs_impl.py, STOP_TIMEOUT and CHILD_TERM_TIMEOUT)."""

PIECE = 1 << 18
"""Bytes of one file that a poll returns at most."""


class Room:
    """``plan``, which the dispatcher gives, has ``run`` (the run's ID) and ``dir``: the run
    directory in a shared home, None where it comes as an archive. ``home`` is the Guild home."""

    def __init__(self, token: str, folder: str) -> None:
        self._dir = os.path.join(folder, f"guild-{token}")
        self._plan: dict[str, Any] | None = None
        self._planned = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._ended = False
        self._heard = time.monotonic()
        self._run_dir = ""
        os.makedirs(self._dir)

    # ---- called by the worker's event loop

    def put(self, piece: bytes) -> None:
        self._heard = time.monotonic()
        with open(self._path("in.tar.gz"), "ab") as f:
            f.write(piece)

    def go(self, plan: dict[str, Any] | None) -> None:
        self._heard = time.monotonic()
        self._plan = plan
        self._planned.set()

    def news(self, offsets: dict[str, int]) -> dict[str, bytes]:
        self._heard = time.monotonic()
        found = {}
        for name in self._growing():
            with contextlib.suppress(OSError), open(os.path.join(self._run_dir, name), "rb") as f:
                f.seek(offsets.get(name, 0))
                piece = f.read(PIECE)
                if piece:
                    found[name] = piece
        return found

    def stop(self) -> None:
        self._heard = time.monotonic()
        self._stopping = True
        if not self._ended:
            os.write(self._wake_write, b"s")

    def read(self, offset: int, size: int) -> bytes:
        self._heard = time.monotonic()
        with open(self._path("out.tar.gz"), "rb") as f:
            f.seek(offset)
            return f.read(size)

    @property
    def is_forgotten(self) -> bool:
        return self._ended and self._is_left

    @property
    def _is_left(self) -> bool:
        return time.monotonic() - self._heard > LEASE_SECONDS

    def remove(self) -> None:
        for fd in (self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(fd)
        shutil.rmtree(self._dir, ignore_errors=True)

    # ---- called by the task's thread

    def execute(self) -> dict[str, Any]:
        """See worker.execute."""
        try:
            return self._execute()
        except (OSError, UserError) as e:
            return {"state": "error", "why": str(e)}
        finally:
            self._ended = True

    def _execute(self) -> dict[str, Any]:
        while not self._planned.wait(1.0):
            if self._is_left:
                return {"state": "left"}
        plan = self._plan
        if plan is None:
            return {"state": "refused"}
        before: archive.Snapshot = {}
        if plan["dir"]:
            home, run_dir = plan["home"], plan["dir"]
            _make_lock_writable(run_dir)
        else:
            home = self._path("home")
            run_dir = os.path.join(home, "runs", plan["run"])
            os.makedirs(os.path.dirname(run_dir))
            with open(self._path("in.tar.gz"), "rb") as f:
                archive.unpack(f, run_dir)
            os.unlink(self._path("in.tar.gz"))
            before = archive.snapshot(os.path.dirname(run_dir))
        self._run_dir = run_dir
        self._run_guild(home)
        if self._is_left:
            if plan["dir"]:  # else nobody would
                for mark in ("LOCK", "LOCK.remote"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(run_dir, ".guild", mark))
            return {"state": "left"}
        result = {"state": "ended", "size": -1, "removed": [], "log": self._log()}
        if not plan["dir"]:
            runs = os.path.dirname(run_dir)
            changed, result["removed"] = archive.changes(runs, before)
            with open(self._path("out.tar.gz"), "wb") as f:
                archive.pack(runs, f, changed)
                result["size"] = f.tell()
        return result

    def _run_guild(self, home: str) -> None:
        lifeline, lifeline_end = os.pipe()
        report, report_end = os.pipe()
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(lifeline), str(report_end)]
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
                    pass_fds=(lifeline, report_end),
                    start_new_session=True,
                )
        finally:
            os.close(lifeline)
            os.close(report_end)
        try:
            self._wait(report)
        finally:
            os.close(lifeline_end)  # the keeper ends what is left
            os.close(report)
            process.wait()

    def _wait(self, report: int) -> None:
        """Until Guild has ended (its keeper writes to ``report``), or is not to be waited for."""
        stopper: threading.Thread | None = None
        asked = 0.0
        while True:
            ready, _, _ = select.select([report, self._wake_read], [], [], 1.0)
            if report in ready:
                return
            if self._wake_read in ready:
                os.read(self._wake_read, 100)
            if (self._stopping or self._is_left) and stopper is None:
                asked = time.monotonic()
                stopper = threading.Thread(target=self._ask_to_end, daemon=True)
                stopper.start()
            if stopper is not None and time.monotonic() - asked > TERM_SECONDS + 5:
                return

    def _ask_to_end(self) -> None:
        """End the operation's process as ``guild stop`` does, once there is one."""
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

    def _growing(self) -> list[str]:
        if not self._run_dir:
            return []
        names = []
        for pattern in archive.GROWING:
            paths = glob.glob(os.path.join(glob.escape(self._run_dir), pattern))
            names += [os.path.relpath(path, self._run_dir) for path in paths]
        return names

    def _log(self) -> str:
        with open(self._path("log"), "rb") as f:
            f.seek(max(0, os.fstat(f.fileno()).st_size - 4000))
            return f.read().decode("utf-8", "replace")

    def _path(self, name: str) -> str:
        return os.path.join(self._dir, name)


def _make_lock_writable(run_dir: str) -> None:
    """In a shared home LOCK is a link to a file of each machine's own (see run_state.py): make its
    folder here, or let Guild make a LOCK of the usual kind."""
    lock = os.path.join(run_dir, ".guild", "LOCK")
    if os.path.islink(lock):
        try:
            os.makedirs(os.path.dirname(os.readlink(lock)), 0o700, exist_ok=True)
        except OSError:
            os.unlink(lock)


def _environment(home: str, run_dir: str) -> dict[str, str]:
    """As guild/plugins/queue_main.py, _run_env; flags of the dispatcher itself are no flags of the
    run, if it runs in the same process."""
    import guild

    env = {name: value for name, value in os.environ.items() if not name.startswith("FLAG_")}
    paths = [os.path.join(run_dir, ".guild", "job-packages"), os.path.abspath(guild.__pkgdir__)]
    paths += filter(None, [env.get("PYTHONPATH")])
    return {
        **_hand_secrets(env, run_dir),
        "GUILD_HOME": home,
        "NO_RESTARTING_MSG": "1",
        "NO_IMPORT_FLAGS_PROGRESS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _hand_secrets(env: dict[str, str], run_dir: str) -> dict[str, str]:
    """``env`` with the values of the run's secret flags in variables that Guild leaves out of what
    it notes of a run's environment, as where it starts a run for the first time
    (secret_handoff.py)."""
    extra = RunDir(run_dir, "").attr("op").get("flags-extra") or {}
    handed = {}
    for name, variable in settings.variables(extra, "the run").items():
        value = settings.environment_value(name, variable, env)
        if value is not None:
            handed[settings.handoff_variable(variable)] = settings.as_yaml(value)
            env = {other: text for other, text in env.items() if other not in (variable, name)}
    return {**env, **handed}
