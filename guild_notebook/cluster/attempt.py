"""One attempt to execute a run on the cluster, from its task to what came of it."""

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
from . import archive as cargo
from . import connection, dependencies, worker
from .run_state import Marks

PIECE = 4 << 20
"""Bytes that travel in one message."""

Arrived = dict[str, Any]


@dataclass
class Outcome:
    """How an attempt ended: ``done`` (the run's attributes say the rest), ``deleted`` with its
    run, ``lost`` with the worker, ``failed`` before Guild could say so itself, or ``withdrawn``
    before it began."""

    kind: str
    why: str = ""


class Lost(Exception):  # noqa: N818  # what has happened, not what is wrong
    """The worker that had the run is gone."""


class Attempt:
    """Executes ``run`` once. ``home`` is what the ticket says of the Guild home (see worker.py),
    ``shared`` whether it is used in place: True, False, or None to ask the worker."""

    def __init__(
        self, run: Any, cluster: connection.Remote, home: tuple[str, str], shared: bool | None
    ) -> None:
        self.run = run
        self.token = uuid.uuid4().hex
        self.address = ""
        self.is_shared = False
        self.has_begun = False
        self.is_over = False
        self.was_stopped = False
        self._cluster = cluster
        self._home = home
        self._shared = shared
        self._arrived: asyncio.Future[Arrived] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._future: Any = None

    # ---- what is told to it

    def arrived(self, event: Arrived) -> bool:
        """A worker has begun with the task and waits. False where another had begun before."""
        if self._arrived.cancelled():
            return False
        if self._arrived.done():
            self.lost(f"worker {self.address} died while it had the run")
            return False
        self._arrived.set_result(event)
        return True

    def lost(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)

    async def stop(self) -> None:
        """End the run: what has not begun is withdrawn, what runs is stopped where it does."""
        self.was_stopped = True
        if not self._arrived.done():
            self._arrived.cancel()
        elif self.has_begun and not self.is_over:
            with contextlib.suppress(OSError):
                await self._cluster.ask(self.address, worker.stop, self.token)

    # ---- its course

    async def execute(
        self, resources: connection.Resources, marks: Marks, began: Callable[[str], None]
    ) -> Outcome:
        """``began`` is called with the names of host and worker when the run begins there."""
        ticket = {"token": self.token, "topic": self._cluster.topic, "home": self._home}
        key = f"guild-{self.run.short_id}-{self.token[:8]}"
        self._future = self._cluster.submit(ticket, key, resources)
        try:
            event = await self._first(self._arrived)
            self._check(event)
            if self.was_stopped:
                return Outcome("withdrawn")
            self.has_begun = True
            await marks.running(shared=self.is_shared)
            self.run.write_attr("dask_worker", f"{event['host']} {self.address}")
            began(f"{event['host']} ({self.address})")
            await self._first(asyncio.ensure_future(self._send()))
            result = await self._first(self._future)
            self.is_over = True
            try:
                outcome: Outcome = await self._first(asyncio.ensure_future(self._end(result)))
                return outcome
            finally:
                with contextlib.suppress(OSError):
                    await self._cluster.ask(self.address, worker.release, self.token)
        except asyncio.CancelledError:
            if not self._arrived.cancelled():
                raise
            return Outcome("withdrawn")
        except Lost as e:
            return Outcome("lost", str(e))
        except UserError as e:
            return Outcome("failed", str(e))
        except OSError as e:
            return Outcome("failed", f"worker {self.address or 'of the cluster'}: {e}")
        finally:
            self.is_over = True
            self._future.release()

    def _check(self, event: Arrived) -> None:
        """Learn of the worker. Raises UserError where the run cannot be executed there."""
        self.address = event["worker"]
        why = connection.unfit(event["guild-notebook"])
        if why:
            raise UserError(f"worker {self.address} {why}")
        self.is_shared = event["shared"] if self._shared is None else self._shared
        if not self.is_shared:
            dependencies.check_can_travel(self.run)
        elif not event["shared"]:
            raise UserError(f"worker {self.address} does not see {self._home[0]}")

    async def _first(self, awaited: Any) -> Any:
        """The result of ``awaited``, unless the worker is lost or the task fails before."""
        wanted = asyncio.ensure_future(_result(awaited))
        failed = asyncio.ensure_future(self._failure())
        done, _ = await asyncio.wait(
            [wanted, failed, self._lost], return_when=asyncio.FIRST_COMPLETED
        )
        failed.cancel()
        if wanted in done:
            return wanted.result()
        wanted.cancel()
        if self._lost in done:
            raise Lost(self._lost.result())
        raise failed.result()

    async def _failure(self) -> Exception:
        """What the task fails with; does not return where it does not fail."""
        try:
            await self._future
        except asyncio.CancelledError:
            if not self._future.cancelled():
                raise
            return Lost("the scheduler has dropped the task")
        except Exception as e:
            if type(e).__name__ == "KilledWorker":
                return Lost("the workers that dask gave the run to died")
            return OSError(f"the task failed with {type(e).__name__}: {e}")
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def _send(self) -> None:
        """Send the run directory, unless it is there, and let the run begin."""
        plan = {"run": self.run.id, "dir": None, "home": None}
        if self.is_shared:
            plan.update(dir=self.run.dir, home=os.path.dirname(os.path.dirname(self.run.dir)))
        else:
            # As every run does that starts; the one that starts over there has not these files.
            await asyncio.to_thread(RunSecrets(RunDir(self.run.dir, "")).mask_guild_files)
            with tempfile.TemporaryFile() as archive:
                await asyncio.to_thread(cargo.pack, self.run.dir, archive)
                archive.seek(0)
                while piece := archive.read(PIECE):
                    await self._tell(worker.put, piece)
        await self._tell(worker.go, plan)

    async def _tell(self, function: Any, argument: Any) -> None:
        if not await self._cluster.ask(self.address, function, self.token, argument):
            raise Lost(f"worker {self.address} was started anew and has lost the run")

    async def _end(self, result: worker.Result) -> Outcome:
        if result["state"] != "ended":
            return Outcome("failed", result.get("why") or "the worker did not hear of us any more")
        if result["size"] >= 0:
            await self._take_back(result)
        if not os.path.isdir(self.run.guild_path()):
            return Outcome("deleted")
        if self.run.get("exit_status") is None:
            lines = [line for line in result["log"].splitlines() if line.strip()]
            why = lines[-1].strip() if lines else "Guild did not say why"
            return Outcome("failed", f"the run did not end by itself: {why}")
        return Outcome("done")

    async def _take_back(self, result: worker.Result) -> None:
        folder = tempfile.mkdtemp(prefix="dask-", dir=self.run.guild_path())
        try:
            with tempfile.TemporaryFile() as archive:
                while archive.tell() < result["size"]:
                    ask = (worker.read, self.token, archive.tell(), PIECE)
                    piece = await self._cluster.ask(self.address, *ask)
                    if not piece:
                        raise OSError("the archive of the run is cut off")
                    archive.write(piece)
                archive.seek(0)
                runs = os.path.join(folder, "runs")
                await asyncio.to_thread(cargo.unpack, archive, runs)
            await asyncio.to_thread(self._take, runs, result["removed"])
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _take(self, runs: str, removed: list[str]) -> None:
        """Take what has come back: this run's files, and runs that it has made (a batch)."""
        home = os.path.dirname(self.run.dir)
        for run_id in os.listdir(runs):
            source, target = os.path.join(runs, run_id), os.path.join(home, run_id)
            if run_id == self.run.id:
                prefix = f"{run_id}/"
                names = [n[len(prefix) :] for n in removed if n.startswith(prefix)]
                cargo.take(source, target, names)
            elif not os.path.lexists(target):
                os.rename(source, target)
        if self.run.id in removed:  # a batch that is deleted when it has succeeded
            shutil.rmtree(self.run.dir)


async def _result(awaited: Any) -> Any:
    return await awaited
