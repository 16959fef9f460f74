"""The cluster as the dispatcher sees it: connecting to it, submitting tasks, asking workers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import UserError
from . import worker

CALL_SECONDS = 60

Resources = dict[str, float]


class ClusterError(UserError):
    """The cluster cannot be reached, or its workers are not fit."""


@dataclass
class Wanted:
    """Which cluster: one by address or file, or one of its own with so many threads."""

    address: str | None = None
    scheduler_file: str | None = None
    workers: int | None = None
    resources: Resources | None = None
    dashboard: str | None = None
    loglevel: str = "error"


@dataclass(frozen=True)
class Worker:
    """What the scheduler knows of a worker. ``id`` is that of its process."""

    id: str
    threads: int
    resources: Resources


class Remote:
    """A connection to a cluster; ``on_event`` is called with each event that a worker has."""

    def __init__(
        self, client: Any, cluster: Any, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._client = client
        self._cluster = cluster
        self.topic = f"guild-{uuid.uuid4().hex}"
        self.workers: dict[str, Worker] = {}
        client.subscribe_topic(self.topic, lambda event: on_event(event[1]))

    @classmethod
    async def connect(cls, wanted: Wanted, on_event: Callable[[dict[str, Any]], None]) -> Remote:
        """Raises ClusterError where there is no such cluster, or its workers are not fit."""
        from distributed import Client, LocalCluster

        _set_log_level(wanted.loglevel)
        cluster: Any = None
        try:
            if wanted.address or wanted.scheduler_file:
                where: dict[str, Any] = {"address": wanted.address}
                if wanted.scheduler_file:
                    where = {"scheduler_file": wanted.scheduler_file}
                said = wanted.address or wanted.scheduler_file
            else:
                cluster = await LocalCluster(
                    n_workers=1,
                    threads_per_worker=wanted.workers,
                    processes=False,
                    dashboard_address=wanted.dashboard,
                    resources=wanted.resources,
                    silence_logs=False,
                    asynchronous=True,
                )
                where, said = {"address": cluster}, "of its own"
            client = await Client(**where, asynchronous=True)
        except (OSError, ValueError, TypeError, asyncio.TimeoutError) as e:
            text = " ".join(str(e).split()) or type(e).__name__
            raise ClusterError(f"no cluster {said}: {text[:200]}") from e
        remote = cls(client, cluster, on_event)
        try:
            await remote.look()
            await remote._check_workers()
        except BaseException:
            await remote.close()
            raise
        return remote

    async def _check_workers(self) -> None:
        # The name of the module: older releases of dask import it, newer ones ask for its version.
        versions = await self._client.get_versions(packages=["guild_notebook"])
        for address, found in versions["workers"].items():
            why = unfit(found["packages"].get("guild_notebook") or "")
            if why:
                raise ClusterError(f"worker {address} {why}")

    async def look(self) -> None:
        """Learn which workers there are. Raises ClusterError where the scheduler is gone."""
        try:
            identity = await asyncio.wait_for(self._client.scheduler.identity(), CALL_SECONDS)
        except (OSError, asyncio.TimeoutError) as e:
            raise ClusterError(f"the scheduler does not answer: {e}") from e
        if self._client.status != "running":
            raise ClusterError("the connection to the scheduler is lost")
        self.workers = {
            address: Worker(str(found["id"]), int(found["nthreads"]), dict(found["resources"]))
            for address, found in identity["workers"].items()
        }

    def submit(self, ticket: worker.Ticket, key: str, resources: Resources) -> Any:
        """Returns the future of the task."""
        return self._client.submit(
            worker.execute, ticket, key=key, pure=False, retries=0, resources=resources or None
        )

    async def ask(self, address: str, function: Any, *args: Any) -> Any:
        """Call a function of worker.py on a worker. Raises OSError where it is not reached."""
        try:
            call = self._client.run(function, *args, workers=[address])
            answers = await asyncio.wait_for(call, CALL_SECONDS)
            return answers[address]
        except (asyncio.TimeoutError, KeyError) as e:
            raise OSError(f"worker {address} does not answer") from e

    async def close(self) -> None:
        await self._client.close()
        if self._cluster is not None:
            await self._cluster.close()


def unfit(version: str) -> str:
    """What is wrong with a worker that has this version of guild-notebook, if anything: the two
    sides are one program, so they must be of one release."""
    if not version:
        return "has no guild-notebook - install it there: pip install 'guild-notebook[dask]'"
    if version != __version__:
        return f"has guild-notebook {version}, here is {__version__} - install the same on both"
    return ""


def _set_log_level(level: str) -> None:
    import logging

    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(level.upper().replace("WARN", "WARNING"))
