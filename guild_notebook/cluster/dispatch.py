"""The dispatcher: has staged runs executed on the cluster, and watches them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ..errors import UserError
from . import connection, queue, worker
from .attempt import Attempt, AttemptResult, remove_appended_files
from .run_state import RunState, write_error
from .worker import DISPATCHER_TIMEOUT, WorkerRun

log = logging.getLogger("guild")

WATCH_SECONDS = 0.5

SETTLE_SECONDS = 3.0
"""In a shared home a run whose worker has died may still write for a moment how it ends."""

LOST_WORKER_SECONDS = 2.0
"""Limit of a call to a worker that the scheduler has lost: dask would try for much longer to
connect to it, and delay the end."""

GUILD_STOP_SECONDS = 15.0  # until ``guild stop`` sends SIGTERM to the children of what it stops


class Dispatcher:
    """Executes ``runs`` on a cluster. ``home_probe`` tells a worker whether it shares the Guild
    home, ``options`` are the flags of the operation (see __main__)."""

    _cluster: connection.ClusterConnection  # from run()

    def __init__(
        self, runs: queue.StagedRuns, home_probe: tuple[str, str], options: argparse.Namespace
    ) -> None:
        self._runs = runs
        self._home_probe = home_probe
        self._options = options
        self._claimed: dict[str, queue.Resources] = {}  # by the ID of the run
        self._attempts: dict[str, Attempt] = {}  # by their IDs
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._polled: set[str] = set()  # workers that have not answered yet
        self._stopped_at: float | None = None
        self._error: UserError | None = None
        self.finished = 0

    def on_event(self, event: dict[str, Any]) -> None:
        """A task has started on a worker and waits."""
        attempt = self._attempts.get(event["attempt"])
        if attempt is None or not attempt.task_started(event):
            self._start(self._call(event["worker"], event["attempt"], WorkerRun.start, None))

    async def run(self, cluster: connection.ClusterConnection) -> None:
        """Execute staged runs until stopped, or until none is left. Raises ClusterError where the
        scheduler is lost, UserError where a background task has failed."""
        self._cluster = cluster
        self._runs.recover_orphans()
        watching = self._start(self._watch())
        try:
            while True:
                self._wake.clear()
                try:
                    self._claim_runs()
                except Exception as e:
                    self._fail(e)
                if not self._claimed and (self._options.run_once or self._stopped_at is not None):
                    break
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._options.poll_interval)
            if self._error:
                raise self._error
        finally:
            watching.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=10)

    def stop(self) -> None:
        """Claim no more runs. Those that have started are stopped or waited for, the others are
        staged again."""
        self._stopped_at = time.monotonic()
        for attempt in list(self._attempts.values()):
            if not (attempt.has_started and self._options.on_stop == "finish"):
                self._start(attempt.stop())
        self._wake.set()

    # ---- which runs

    def _claim_runs(self) -> None:
        if self._stopped_at is not None:
            return
        for run in self._runs.claim(self._obstacle, set(self._claimed)):
            self._claimed[run.id] = queue.resources(run)
            self._start(self._finish_run(run))

    def _obstacle(self, resources: queue.Resources) -> str:
        """See StagedRuns.claim. The scheduler gets as many tasks as there are threads, and one more
        for each worker, so that no thread waits for the dispatcher."""
        workers = list(self._cluster.workers.values())
        submitted = sum(not attempt.has_ended for attempt in self._attempts.values())
        new = len(self._claimed) - len(self._attempts)  # not submitted yet
        threads = sum(w["nthreads"] for w in workers)
        if submitted + new >= max(1, threads + len(workers)):
            return queue.NO_RUN_CAN_START
        if not workers:
            return ""
        if not any(
            all(w["resources"].get(name, 0) >= n for name, n in resources.items()) for w in workers
        ):
            needed = " ".join(f"{name}={n:g}" for name, n in resources.items())
            return f"no worker has {needed}"
        for name in resources:
            total = sum(w["resources"].get(name, 0) for w in workers)
            if sum(used.get(name, 0) for used in self._claimed.values()) > total:
                return queue.RUN_HAS_TO_WAIT
        return ""

    # ---- a run

    async def _finish_run(self, run: Any) -> None:
        try:
            await self._execute(run)
        except Exception as e:  # the other runs go on
            log.info(f"{run.short_id}: {type(e).__name__}: {e}")
        finally:
            del self._claimed[run.id]
            self.finished += 1
            self._wake.set()

    async def _execute(self, run: Any) -> None:
        """Execute a run, in several attempts if its worker dies and ``retries`` allows it."""
        for tries in range(self._options.retries + 1):
            state = RunState(run, lambda: self._stop_run(run), self._start)
            result, attempt = await self._attempt(run, state)
            if not os.path.isdir(run.guild_path()):
                await state.set_ended()
                how = "has ended and is" if result.kind == "deleted" else "was"
                log.info(f"{run.short_id} {how} deleted")
                return
            if result.kind == "withdrawn":
                self._runs.stage_again(run)
                log.info(f"{run.short_id} is staged again")
                return
            again = result.kind == "lost" and tries < self._options.retries
            if not again or self._stopped_at is not None or attempt.was_stopped:
                break
            await state.set_ended(again=True)
            log.info(f"{run.short_id} starts anew: {result.why}")
            if attempt.is_shared:
                # A worker that only cannot be reached may be alive, and write to the same files.
                await asyncio.sleep(DISPATCHER_TIMEOUT + 5)
            else:
                remove_appended_files(run)
        if result.kind == "lost" and attempt.is_shared:
            await asyncio.sleep(SETTLE_SECONDS)
        if result.kind != "done":
            write_error(run, result.why)
        await state.set_ended()
        log.info(f"{run.short_id} {run.status}" + (f": {result.why}" if result.why else ""))

    async def _attempt(self, run: Any, state: RunState) -> tuple[AttemptResult, Attempt]:
        attempt = Attempt(run, self._cluster, self._home_probe, self._options.shared)
        if self._stopped_at is not None:
            return AttemptResult("withdrawn"), attempt
        self._attempts[attempt.id] = attempt
        try:
            result = await attempt.execute(self._claimed[run.id], state)
            if result.kind in ("lost", "failed", "withdrawn") and attempt.address:
                # The worker may be there all the same: it must not wait, nor go on.
                self._start(self._call(attempt.address, attempt.id, WorkerRun.start, None))
                self._start(self._call(attempt.address, attempt.id, WorkerRun.stop))
            return result, attempt
        finally:
            del self._attempts[attempt.id]
            attempt.tail.finish()
            self._wake.set()

    def _stop_run(self, run: Any) -> None:
        at = self._stopped_at
        if self._options.on_stop == "finish" and at and time.monotonic() - at < GUILD_STOP_SECONDS:
            return
        for attempt in list(self._attempts.values()):
            if attempt.run is run:
                self._start(attempt.stop())

    # ---- all runs that have started

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._look_after_runs()
            except connection.ClusterError as e:
                return await self._lose_all(e)
            except Exception as e:
                self._fail(e)  # and go on: workers stop runs that are not polled

    async def _look_after_runs(self) -> None:
        """Find the runs whose worker has died, and poll the workers of the others. Raises
        ClusterError where the scheduler is lost."""
        await self._cluster.update_workers()
        by_worker: dict[str, list[Attempt]] = {}
        for attempt in self._attempts.values():
            if attempt.has_started and not attempt.has_ended:
                by_worker.setdefault(attempt.address, []).append(attempt)
        for address, attempts in by_worker.items():
            if address not in self._cluster.workers:
                for attempt in attempts:
                    attempt.set_lost(f"worker {address} died while it had the run")
            elif address not in self._polled:  # a slow worker must not delay the others
                self._polled.add(address)
                self._start(self._poll(address, attempts))

    async def _lose_all(self, error: UserError) -> None:
        """The scheduler is gone: runs that have started are lost, the others staged again."""
        self._error = error
        self._stopped_at = time.monotonic()
        self._wake.set()
        for attempt in list(self._attempts.values()):
            if attempt.has_started:
                attempt.set_lost(str(error))
            else:
                await attempt.stop()

    async def _poll(self, address: str, attempts: list[Attempt]) -> None:
        offsets = {attempt.id: attempt.tail.offsets for attempt in attempts}
        try:
            answers = await self._cluster.call(address, worker.poll, offsets)
        except Exception:
            return  # the worker is busy or dying: the next round of _watch finds out
        finally:
            self._polled.discard(address)
        for attempt in attempts:
            pieces = answers.get(attempt.id)
            if attempt.has_ended:
                continue
            if pieces is None:
                attempt.set_lost(f"worker {address} was started anew and has lost the run")
            else:
                try:
                    attempt.tail.add(pieces, write=not attempt.is_shared)
                except OSError as e:  # the disk is full, or the run was deleted
                    log.info(f"{attempt.run.short_id} cannot be followed: {e}")
                    self._start(attempt.stop())

    # ---- background tasks

    async def _call(self, address: str, attempt: str, method: Any, *args: Any) -> None:
        """Call a method of a WorkerRun, whether the worker answers or not."""
        limit = None if address in self._cluster.workers else LOST_WORKER_SECONDS
        with suppress(Exception):
            call = self._cluster.call(address, worker.call, attempt, method, *args)
            await asyncio.wait_for(call, limit)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task in the background. An exception that it raises ends the operation."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Stop because of an unexpected exception; ``run`` raises it when the runs have ended."""
        if self._error is None:
            text = f"{type(error).__name__}: {error}"
            self._error = UserError(f"dask:cluster was ended by an error of this package: {text}")
            if self._stopped_at is None:
                self.stop()
