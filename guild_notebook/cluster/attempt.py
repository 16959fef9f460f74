"""One attempt to execute a run on the cluster: from its task to what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..run.record.run_dir import RunDir
from ..run.secret_values import RunSecrets
from . import archive, connection, dependencies, worker
from .queue import Resources
from .run_state import RunState
from .worker_run import WorkerRun

PIECE = 4 << 20
"""Bytes that are sent in one message."""

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
    """Executes ``run`` once. ``shared`` says whether the Guild home, which ``home_probe`` is of, is
    used in place: True, False, or None to ask the worker."""

    def __init__(
        self,
        run: Any,
        cluster: connection.ClusterConnection,
        home_probe: worker.HomeProbe,
        shared: bool | None,
    ) -> None:
        self.run = run
        self.id = uuid.uuid4().hex
        self.address = ""  # of the worker
        self.is_shared = False
        self.has_started = False
        self.has_ended = False
        self.was_stopped = False
        self._cluster = cluster
        self._home_probe = home_probe
        self._shared = shared
        self._event: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._future: Any = None  # dask's, of the task

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
        if not self._lost.done():
            self._lost.set_result(why)

    async def stop(self) -> None:
        """Withdraw a run that has not started, stop one that has."""
        self.was_stopped = True
        if not self._event.done():
            self._event.cancel()
        elif self.has_started and not self.has_ended:
            with contextlib.suppress(OSError):
                await self._cluster.call(self.address, worker.call, self.id, WorkerRun.stop)

    # ---- executing

    async def execute(
        self, resources: Resources, state: RunState, on_start: Callable[[str], None]
    ) -> AttemptResult:
        """``on_start`` is called with host and address of the worker when the run starts there."""
        request = {
            "attempt": self.id,
            "topic": self._cluster.topic,
            "home_probe": self._home_probe,
        }
        key = f"guild-{self.run.short_id}-{self.id[:8]}"
        self._future = self._cluster.submit(request, key, resources)
        try:
            event = await self._unless_lost(self._event)
            self._check(event)
            if self.was_stopped:
                return AttemptResult("withdrawn")
            self.has_started = True
            await state.set_running(shared=self.is_shared)
            self.run.write_attr("dask_worker", f"{event['host']} {self.address}")
            on_start(f"{event['host']} ({self.address})")
            await self._unless_lost(self._start())
            result = await self._unless_lost(self._future)
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
            self._future.release()

    def _check(self, event: Event) -> None:
        """Raise UserError where the run cannot be executed on the worker that ``event`` is of."""
        self.address = event["worker"]
        why = connection.version_error(event["version"])
        if why:
            raise UserError(f"worker {self.address} {why}")
        self.is_shared = event["shared"] if self._shared is None else self._shared
        if not self.is_shared:
            dependencies.check_can_be_sent(self.run)
        elif not event["shared"]:
            raise UserError(f"worker {self.address} does not see {self._home_probe[0]}")

    async def _unless_lost(self, awaitable: Any) -> Any:
        """The result of ``awaitable``. Raises WorkerLostError where the worker is lost before, or
        what the task fails with."""
        wanted = asyncio.ensure_future(_result(awaitable))
        failed = asyncio.ensure_future(self._task_error())
        done, _ = await asyncio.wait(
            [wanted, failed, self._lost], return_when=asyncio.FIRST_COMPLETED
        )
        failed.cancel()
        if wanted in done:
            return wanted.result()
        wanted.cancel()
        if self._lost in done:
            raise WorkerLostError(self._lost.result())
        raise failed.result()

    async def _task_error(self) -> Exception:
        """What the task fails with; does not return where it does not fail."""
        try:
            await self._future
        except asyncio.CancelledError:
            if not self._future.cancelled():
                raise
            return WorkerLostError("the scheduler has dropped the task")
        except Exception as e:
            if type(e).__name__ == "KilledWorker":
                return WorkerLostError("the workers that dask gave the run to died")
            return OSError(f"the task failed with {type(e).__name__}: {e}")
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def _start(self) -> None:
        """Send the run directory, unless the worker sees it, and let the run start."""
        location = {"run_id": self.run.id, "run_dir": None, "guild_home": None}
        if self.is_shared:
            guild_home = os.path.dirname(os.path.dirname(self.run.dir))
            location.update(run_dir=self.run.dir, guild_home=guild_home)
        else:
            # As a run does itself when it starts; on the worker these files are not there.
            await asyncio.to_thread(RunSecrets(RunDir(self.run.dir, "")).mask_guild_files)
            with tempfile.TemporaryFile() as f:
                await asyncio.to_thread(archive.pack, self.run.dir, f)
                f.seek(0)
                while piece := f.read(PIECE):
                    await self._call(WorkerRun.add_archive, piece)
        await self._call(WorkerRun.start, location)

    async def _call(self, method: Any, argument: Any) -> None:
        if not await self._cluster.call(self.address, worker.call, self.id, method, argument):
            raise WorkerLostError(f"worker {self.address} was started anew and has lost the run")

    async def _fetch(self, result: worker.Result) -> AttemptResult:
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

    async def _fetch_changes(self, result: worker.Result) -> None:
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
            if run_id == self.run.id:
                prefix = f"{run_id}/"
                names = [n[len(prefix) :] for n in removed if n.startswith(prefix)]
                archive.apply_changes(fetched, target, names)
            elif not os.path.lexists(target):
                os.rename(fetched, target)
        if self.run.id in removed:  # a batch that Guild deletes when it has succeeded
            shutil.rmtree(self.run.dir)


async def _result(awaitable: Any) -> Any:
    return await awaitable
