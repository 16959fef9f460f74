"""One attempt to execute a run on the cluster: dependencies, task, output and files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..run.record.run_files import RunFiles, mapping
from ..run.secret_values import RunSecrets
from . import archive, connection, worker
from .queue import Resources
from .run_state import OUTPUT, RunState
from .worker import WorkerRun

log = logging.getLogger("guild")
PIECE = 4 << 20  # bytes that are sent in one message
_ONE_THREAD = ThreadPoolExecutor(1)  # Guild's code is not made for several

_RUN_ID = re.compile("[0-9a-f]{32}")

Event = dict[str, Any]
"""What a worker sends when a task has started there: ``attempt``, ``worker`` (its address),
``host``, ``version`` (of guild-notebook), and whether the Guild home is ``shared``."""


@dataclass
class AttemptResult:
    """How an attempt ended: ``done`` (the run's attributes have the rest), ``deleted`` together
    with its run, ``lost`` with its worker, ``failed`` before Guild could write why, or
    ``withdrawn`` before the run started."""

    kind: str
    why: str = ""


class WorkerLostError(Exception):
    """The worker that had the run is gone."""


class Attempt:
    """Executes ``run`` once. ``shared`` says whether the Guild home is used in place: True, False,
    or None to ask the worker, which ``home_probe`` is for (see worker.execute)."""

    def __init__(
        self,
        run: Any,
        cluster: connection.ClusterConnection,
        home_probe: tuple[str, str],
        shared: bool | None,
    ) -> None:
        self.run = run
        self.id = uuid.uuid4().hex
        self.tail = OutputTail(run)
        self.address = ""  # of the worker
        self.is_shared = False
        self.has_started = False
        self.has_ended = False
        self.was_stopped = False
        self._cluster = cluster
        self._home_probe = home_probe
        self._shared = shared
        self._event: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._future: Any = None  # dask's, of the task
        self._task: asyncio.Task[Any] | None = None  # waits for it

    # ---- what the dispatcher tells it

    def task_started(self, event: Event) -> bool:
        """The task has started on a worker and waits. False where it is to be refused: the run has
        been withdrawn, or the task had started before, on another worker."""
        if self._event.cancelled():
            return False
        if self._event.done():
            self.set_lost(f"worker {self.address} died while it had the run")
            return False
        self._event.set_result(event)
        return True

    def set_lost(self, why: str) -> None:
        if not self._failed.done():
            self._failed.set_result(WorkerLostError(why))

    async def stop(self) -> None:
        """Withdraw a run that has not started, stop one that has."""
        self.was_stopped = True
        if not self._event.done():
            self._event.cancel()
        elif self.has_started and not self.has_ended:
            with contextlib.suppress(Exception):  # the worker may be ending: the watch finds it
                await self._cluster.call(self.address, worker.call, self.id, WorkerRun.stop)

    # ---- executing

    async def execute(self, resources: Resources, state: RunState) -> AttemptResult:
        try:
            if self._shared is not True:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(_ONE_THREAD, resolve_dependencies, self.run)
            if self.was_stopped:
                return AttemptResult("withdrawn")
            self._future = self._cluster.submit(
                self.id,
                self._cluster.topic,
                self._home_probe,
                key=f"guild-{self.run.short_id}-{self.id[:8]}",
                resources=resources,
            )
            self._task = asyncio.create_task(self._task_result())
            event = await self._unless_lost(self._event)
            self._check(event)
            if self.was_stopped:
                return AttemptResult("withdrawn")
            self.has_started = True
            await state.set_running(shared=self.is_shared)
            self.run.write_attr("dask_worker", f"{event['host']} {self.address}")
            log.info(f"{self.run.short_id} started on {event['host']} ({self.address})")
            await self._unless_lost(self._start())
            result = await self._unless_lost(self._task)
            self.has_ended = True
            try:
                found: AttemptResult = await self._unless_lost(self._fetch(result))
                return found
            finally:
                with contextlib.suppress(OSError):
                    await self._cluster.call(self.address, worker.remove, self.id)
        except asyncio.CancelledError:
            if not self._event.cancelled():
                raise
            return AttemptResult("withdrawn")
        except WorkerLostError as e:
            return AttemptResult("lost", str(e))
        except UserError as e:
            return AttemptResult("failed", str(e))
        except OSError as e:
            return AttemptResult("failed", f"worker {self.address or 'of the cluster'}: {e}")
        finally:
            self.has_ended = True
            if self._task:
                self._task.cancel()
                self._future.release()

    def _check(self, event: Event) -> None:
        """Raise UserError where the run cannot be executed on the worker that ``event`` is of."""
        self.address = event["worker"]
        why = connection.version_error(event["version"])
        if why:
            raise UserError(f"worker {self.address} {why}")
        self.is_shared = event["shared"] if self._shared is None else self._shared
        if not self.is_shared:
            check_can_be_sent(self.run)
        elif not event["shared"]:
            raise UserError(f"worker {self.address} does not see {self._home_probe[0]}")

    async def _unless_lost(self, awaitable: Any) -> Any:
        """The result of ``awaitable``. Raises WorkerLostError where the worker is lost before, or
        OSError where the task fails."""
        wanted = asyncio.ensure_future(awaitable)
        await asyncio.wait([wanted, self._failed], return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            result = wanted.result()
            if result is not None or awaitable is not self._task:
                return result
        wanted.cancel()
        raise self._failed.result()

    async def _task_result(self) -> Any:
        """The result of the task; None where it fails, which ``_failed`` tells then."""
        try:
            return await self._future
        except asyncio.CancelledError:
            if not self._future.cancelled():
                raise
            self.set_lost("the scheduler has dropped the task")
        except Exception as e:
            if type(e).__name__ == "KilledWorker":
                self.set_lost("the workers that dask gave the run to died")
            elif not self._failed.done():
                self._failed.set_result(OSError(f"the task failed with {type(e).__name__}: {e}"))

    async def _start(self) -> None:
        """Send the run directory, unless the worker sees it, and let the run start."""
        shared_home = os.path.dirname(os.path.dirname(self.run.dir)) if self.is_shared else ""
        if not self.is_shared:
            # As a run does itself when it starts; on the worker these files are not there.
            await asyncio.to_thread(RunSecrets(RunFiles(self.run.dir)).mask_guild_files)
            with tempfile.TemporaryFile() as f:
                await asyncio.to_thread(archive.pack, self.run.dir, f)
                f.seek(0)
                while piece := f.read(PIECE):
                    await self._call(WorkerRun.add_archive, piece)
        await self._call(WorkerRun.start, self.run.id, shared_home)

    async def _call(self, method: Any, *args: Any) -> None:
        if not await self._cluster.call(self.address, worker.call, self.id, method, *args):
            raise WorkerLostError(f"worker {self.address} was started anew and has lost the run")

    async def _fetch(self, result: dict[str, Any]) -> AttemptResult:
        """Fetch what the run has changed, if its directory was sent."""
        if result["state"] != "ended":
            return AttemptResult(
                "failed", result.get("why") or "the worker did not hear of us any more"
            )
        if result["size"] >= 0:
            await self._fetch_changes(result)
        if not os.path.isdir(self.run.guild_path()):
            return AttemptResult("deleted")
        if self.run.get("exit_status") is None:
            lines = [line for line in result["log"].splitlines() if line.strip()]
            why = lines[-1].strip() if lines else "Guild did not say why"
            return AttemptResult("failed", f"the run did not end by itself: {why}")
        return AttemptResult("done")

    async def _fetch_changes(self, result: dict[str, Any]) -> None:
        folder = tempfile.mkdtemp(prefix="dask-", dir=self.run.guild_path())
        try:
            with tempfile.TemporaryFile() as f:
                while f.tell() < result["size"]:
                    read = (worker.read_changes, self.id, f.tell(), PIECE)
                    piece = await self._cluster.call(self.address, *read)
                    if not piece:
                        raise OSError("the archive of the run is cut off")
                    f.write(piece)
                f.seek(0)
                runs = os.path.join(folder, "runs")
                await asyncio.to_thread(archive.unpack, f, runs)
            await asyncio.to_thread(self._apply_changes, runs, result["removed"])
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _apply_changes(self, runs: str, removed: list[str]) -> None:
        """Move this run's files from the folder ``runs`` to its directory, and the runs that it has
        made (a batch) to the Guild home."""
        home = os.path.dirname(self.run.dir)
        for run_id in os.listdir(runs):
            fetched, target = os.path.join(runs, run_id), os.path.join(home, run_id)
            if not _RUN_ID.fullmatch(run_id) or os.path.islink(fetched):
                raise archive.ArchiveError(f"the archive of a run holds {run_id!r}: no run")
            if run_id == self.run.id:
                prefix = f"{run_id}/"
                names = [n[len(prefix) :] for n in removed if n.startswith(prefix)]
                archive.apply_changes(fetched, target, names)
            elif not os.path.lexists(target):
                os.rename(fetched, target)
        if self.run.id in removed:  # a batch that Guild deletes when it has succeeded
            shutil.rmtree(self.run.dir)


class OutputTail:
    """Appends to the files of ``run`` what comes from the worker, and prints each line of the run's
    output after its short ID. ``offsets`` are the bytes that have come, for each file."""

    def __init__(self, run: Any) -> None:
        self._run = run
        self._line = b""
        self.offsets: dict[str, int] = {}

    def add(self, pieces: dict[str, bytes], *, write: bool) -> None:
        """Add the next bytes of files; ``write`` is False where the worker writes to the same
        files. Raises OSError."""
        for name, piece in pieces.items():
            if write and archive.is_appended(name):
                self._append(name, piece)
            self.offsets[name] = self.offsets.get(name, 0) + len(piece)
            if name == OUTPUT:
                self._show_lines(piece)

    def _append(self, name: str, piece: bytes) -> None:
        offset = self.offsets.get(name, 0)
        flags = os.O_RDWR if offset else os.O_RDWR | os.O_CREAT | os.O_TRUNC
        with os.fdopen(RunFiles(self._run.dir).open(name, flags), "r+b") as f:
            f.seek(offset)
            f.write(piece)

    def _show_lines(self, piece: bytes) -> None:
        *lines, self._line = (self._line + piece).split(b"\n")
        for line in lines:
            print(f"[{self._run.short_id}] {line.decode('utf-8', 'replace')}", flush=True)

    def finish(self) -> None:
        """Show the rest of the output, once the run has ended and its files are here."""
        with contextlib.suppress(OSError):
            fd = RunFiles(self._run.dir).open(OUTPUT, os.O_RDONLY)
            with os.fdopen(fd, "rb") as f:
                f.seek(self.offsets.get(OUTPUT, 0))
                while piece := f.read(1 << 16):
                    self._show_lines(piece)
        if self._line:
            self._show_lines(b"\n")


def remove_appended_files(run: Any) -> None:
    """Delete what an attempt that is lost has appended to, before the next attempt."""
    guild_dir = run.guild_path()
    for name in os.listdir(guild_dir):
        if archive.is_appended(f".guild/{name}"):
            os.unlink(os.path.join(guild_dir, name))


def resolve_dependencies(run: Any) -> None:
    """Resolve what a staged run depends on; for a batch, what its trials do. Raises UserError.

    Guild leaves the dependencies on other runs out when it stages a run, and resolves them when it
    starts (guild/op.py, _resolve_deps). A worker does not have those runs, so they are resolved
    here, as links in the run directory, which are sent as what they lead to.
    """
    from guild import op, op_dep, op_util

    target = run.batch_proto or run
    data = mapping(target.get("op")).get("deps")
    operation = op.Operation()
    operation.deps = op_util.op_deps_for_data(data)
    if not operation.deps:
        return
    try:
        op._resolve_deps(operation, target)  # there is no public name for it
    except op_dep.OpDependencyError as e:
        raise UserError(f"a dependency was not met: {e}") from e


def check_can_be_sent(run: Any) -> None:
    """Raise UserError for a run with steps, which are operations of its project."""
    if run.get("steps"):  # guild/op_util.py, _run_attrs_for_steps
        raise UserError(
            "an operation with steps cannot travel: its steps are operations of the project - "
            "run it here, or stage the steps one by one"
        )
