"""The dispatcher: gives staged runs to the cluster and watches what becomes of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from . import connection, dependencies, queue, worker
from .attempt import Attempt, Outcome
from .run_state import Marks
from .tail import Follower, forget
from .worker_run import LEASE_SECONDS

WATCH_SECONDS = 0.5

SETTLE_SECONDS = 3.0
"""In a shared home a run whose worker has died may for a moment still note how it ends."""

LAST_WORD_SECONDS = 2.0
"""For a worker that the scheduler has lost: dask would try for much longer to connect to it, and
hold up the end."""

GUILD_STOP_SECONDS = 15.0
"""``guild stop`` also asks the children of what it stops, some seconds later."""


@dataclass(frozen=True)
class Options:
    shared: bool | None = None
    retries: int = 0
    finish: bool = False
    run_once: bool = False
    poll_interval: float = 10.0


class Dispatcher:
    """``home`` is what a ticket says of the Guild home (see worker.py)."""

    def __init__(
        self,
        runs: queue.Staged,
        home: tuple[str, str],
        options: Options,
        say: Callable[[str], None],
    ) -> None:
        self._runs = runs
        self._home = home
        self._options = options
        self._say = say
        self._cluster: connection.Remote | None = None
        self._attempts: dict[str, Attempt] = {}
        self._needs: dict[str, connection.Resources] = {}  # of the runs that we have, by ID
        self._followers: dict[str, Follower] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._asked: set[str] = set()  # workers that have not answered yet
        self._resolving = asyncio.Lock()
        self._stopped_at: float | None = None
        self._gone = ""
        self.finished = 0

    def on_event(self, event: dict[str, Any]) -> None:
        """A worker has begun with a task of ours, and waits for what we say."""
        attempt = self._attempts.get(event["token"])
        if attempt is None or not attempt.arrived(event):
            self._start(self._ask(event["worker"], worker.go, event["token"], None))

    async def run(self, cluster: connection.Remote) -> None:
        """Run staged runs until stopped, or until none is left. Raises ClusterError where the
        scheduler is lost."""
        self._cluster = cluster
        self._runs.take_in_orphans()
        watching = asyncio.ensure_future(self._watch())
        try:
            while True:
                self._wake.clear()
                self._take()
                if not self._needs and (self._options.run_once or self._stopped_at is not None):
                    break
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._options.poll_interval)
            if self._gone:
                raise connection.ClusterError(self._gone)
        finally:
            watching.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=10)

    def stop(self) -> None:
        """Take no more runs; those that run are ended or waited for, the others put back."""
        self._stopped_at = time.monotonic()
        for attempt in list(self._attempts.values()):
            if not (attempt.has_begun and self._options.finish):
                self._start(attempt.stop())
        self._wake.set()

    # ---- which runs

    def _take(self) -> None:
        if self._stopped_at is not None:
            return
        for run in self._runs.take(self._fits, set(self._needs)):
            self._needs[run.id] = queue.resources(run)
            self._start(self._have(run))

    def _fits(self, resources: connection.Resources) -> str:
        """See Staged.take. As many tasks are with the scheduler as there are threads, and one
        more for each worker, so that none waits for us."""
        assert self._cluster
        workers = list(self._cluster.workers.values())
        waiting = [self._needs[a.run.id] for a in self._attempts.values() if not a.is_over]
        new = len(self._needs) - len(self._attempts)  # not submitted yet
        threads = sum(w.threads for w in workers)
        if len(waiting) + new >= max(1, threads + len(workers)):
            return queue.FULL
        if not workers:
            return ""
        if not any(
            all(w.resources.get(name, 0) >= n for name, n in resources.items()) for w in workers
        ):
            needed = " ".join(f"{name}={n:g}" for name, n in resources.items())
            return f"no worker has {needed}"
        for name in resources:
            there_is = sum(w.resources.get(name, 0) for w in workers)
            if sum(taken.get(name, 0) for taken in self._needs.values()) > there_is:
                return queue.BUSY
        return ""

    # ---- one run

    async def _have(self, run: Any) -> None:
        try:
            await self._try(run)
        except Exception as e:  # one run is not to take the others with it
            self._say(f"{run.short_id}: {type(e).__name__}: {e}")
        finally:
            del self._needs[run.id]
            self.finished += 1
            self._wake.set()

    async def _try(self, run: Any) -> None:
        for tries in range(self._options.retries + 1):
            marks = Marks(run, lambda: self._stop_one(run))
            outcome, attempt = await self._attempt(run, marks)
            if not os.path.isdir(run.guild_path()):
                await marks.ended()
                how = "has ended and is" if outcome.kind == "deleted" else "was"
                self._say(f"{run.short_id} {how} deleted")
                return
            if outcome.kind == "withdrawn":
                self._runs.put_back(run)
                self._say(f"{run.short_id} is staged again")
                return
            again = outcome.kind == "lost" and tries < self._options.retries
            if not again or self._stopped_at is not None or (attempt and attempt.was_stopped):
                break
            await marks.ended(again=True)
            self._say(f"{run.short_id} starts anew: {outcome.why}")
            if attempt and attempt.is_shared:
                # A worker that only cannot be reached may be alive, and write where we would.
                await asyncio.sleep(LEASE_SECONDS + 5)
            elif attempt:
                forget(run)
        if outcome.kind == "lost" and attempt and attempt.is_shared:
            await asyncio.sleep(SETTLE_SECONDS)
        if outcome.kind != "done":
            marks.failed(outcome.why)
        await marks.ended()
        self._say(f"{run.short_id} {run.status}" + (f": {outcome.why}" if outcome.why else ""))

    async def _attempt(self, run: Any, marks: Marks) -> tuple[Outcome, Attempt | None]:
        assert self._cluster
        try:
            if self._options.shared is not True:
                async with self._resolving:  # Guild is not made for several at a time
                    await asyncio.to_thread(dependencies.resolve, run)
        except UserError as e:
            return Outcome("failed", str(e)), None
        attempt = Attempt(run, self._cluster, self._home, self._options.shared)
        if self._stopped_at is not None:
            return Outcome("withdrawn"), attempt
        self._attempts[attempt.token] = attempt
        follower = self._followers[attempt.token] = Follower(run, print_line)
        try:
            outcome = await attempt.execute(
                self._needs[run.id],
                marks,
                lambda where: self._say(f"{run.short_id} started on {where}"),
            )
            if outcome.kind in ("lost", "failed", "withdrawn") and attempt.address:
                # Should it be there all the same: it is not to wait, nor to go on.
                self._start(self._ask(attempt.address, worker.go, attempt.token, None))
                self._start(self._ask(attempt.address, worker.stop, attempt.token))
            return outcome, attempt
        finally:
            del self._attempts[attempt.token]
            del self._followers[attempt.token]
            follower.finish()
            self._wake.set()

    def _stop_one(self, run: Any) -> None:
        at = self._stopped_at
        if self._options.finish and at and time.monotonic() - at < GUILD_STOP_SECONDS:
            return
        for attempt in list(self._attempts.values()):
            if attempt.run is run:
                self._start(attempt.stop())

    # ---- all that run

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            assert self._cluster
            try:
                await self._cluster.look()
            except connection.ClusterError as e:
                return await self._lose_all(str(e))
            by_worker: dict[str, list[Attempt]] = {}
            for attempt in self._attempts.values():
                if attempt.has_begun and not attempt.is_over:
                    by_worker.setdefault(attempt.address, []).append(attempt)
            for address, attempts in by_worker.items():
                if address not in self._cluster.workers:
                    for attempt in attempts:
                        attempt.lost(f"worker {address} died while it had the run")
                elif address not in self._asked:  # one that is slow is not to hold up the others
                    self._asked.add(address)
                    self._start(self._poll(address, attempts))

    async def _lose_all(self, why: str) -> None:
        """The scheduler is gone: what runs is lost, what has not begun is staged again."""
        self._gone = why
        self._stopped_at = time.monotonic()
        self._wake.set()
        for attempt in list(self._attempts.values()):
            if attempt.has_begun:
                attempt.lost(why)
            else:
                await attempt.stop()

    async def _poll(self, address: str, attempts: list[Attempt]) -> None:
        assert self._cluster
        questions = {a.token: self._followers[a.token].offsets for a in attempts}
        try:
            answers = await self._cluster.ask(address, worker.poll, questions)
        except Exception:
            return  # it may be busy, or just dying: the next look says which
        finally:
            self._asked.discard(address)
        for attempt in attempts:
            news = answers.get(attempt.token)
            follower = self._followers.get(attempt.token)
            if follower is None or attempt.is_over:
                continue
            if news is None:
                attempt.lost(f"worker {address} was started anew and has lost the run")
            else:
                try:
                    follower.take(news, write=not attempt.is_shared)
                except OSError as e:  # the disk is full, or the run was deleted
                    self._say(f"{attempt.run.short_id} cannot be followed: {e}")
                    self._start(attempt.stop())

    # ---- small things

    async def _ask(self, address: str, function: Any, *args: Any) -> None:
        assert self._cluster
        limit = None if address in self._cluster.workers else LAST_WORD_SECONDS
        with suppress(Exception):  # who asks this does not need the answer
            await asyncio.wait_for(self._cluster.ask(address, function, *args), limit)

    def _start(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def print_line(text: str) -> None:
    print(text, flush=True)
