"""The connection to the cluster: connecting, submitting tasks, calling functions on workers."""

from __future__ import annotations

import argparse
import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import UserError
from . import worker
from .queue import Resources

CALL_SECONDS = 60


class ClusterError(UserError):
    """The cluster cannot be reached, or a worker cannot execute runs of this release."""


@dataclass(frozen=True)
class Worker:
    """What the scheduler knows of a worker."""

    threads: int
    resources: Resources


class ClusterConnection:
    """A connection to a cluster; ``on_event`` is called with each event that a worker sends."""

    def __init__(
        self, client: Any, cluster: Any, on_event: Callable[[dict[str, Any]], None]
    ) -> None:
        self._client = client
        self._cluster = cluster
        self.topic = f"guild-{uuid.uuid4().hex}"
        self.workers: dict[str, Worker] = {}  # by address
        client.subscribe_topic(self.topic, lambda event: on_event(event[1]))

    @classmethod
    async def connect(
        cls, options: argparse.Namespace, on_event: Callable[[dict[str, Any]], None]
    ) -> ClusterConnection:
        """Connect to the cluster that the flags of the operation name, or to one in this process.
        Raises ClusterError."""
        from distributed import Client, LocalCluster

        for logger in ("distributed", "tornado"):
            logging.getLogger(logger).setLevel(options.loglevel.upper().replace("WARN", "WARNING"))
        cluster: Any = None
        arguments: dict[str, Any]
        try:
            if options.scheduler_file:
                name = options.scheduler_file
                arguments = {"scheduler_file": name}
            elif options.address:
                name = options.address
                arguments = {"address": name}
            else:
                name = "of its own"
                cluster = await LocalCluster(
                    n_workers=1,
                    threads_per_worker=options.workers,
                    processes=False,
                    dashboard_address=options.dashboard_address or None,
                    resources=options.resources or None,
                    silence_logs=False,
                    asynchronous=True,
                )
                arguments = {"address": cluster}
            client = await Client(**arguments, asynchronous=True)
        except (OSError, ValueError, TypeError, asyncio.TimeoutError) as e:
            text = " ".join(str(e).split()) or type(e).__name__
            raise ClusterError(f"no cluster {name}: {text[:200]}") from e
        connected = cls(client, cluster, on_event)
        try:
            await connected.update_workers()
            await connected._check_workers()
        except BaseException:
            await connected.close()
            raise
        return connected

    async def _check_workers(self) -> None:
        # The name of the module: older releases of dask import it, newer ones ask for its version.
        versions = await self._client.get_versions(packages=["guild_notebook"])
        for address, found in versions["workers"].items():
            why = version_error(found["packages"].get("guild_notebook") or "")
            if why:
                raise ClusterError(f"worker {address} {why}")

    async def update_workers(self) -> None:
        """Ask the scheduler for its workers. Raises ClusterError where it is gone."""
        try:
            identity = await asyncio.wait_for(self._client.scheduler.identity(), CALL_SECONDS)
        except (OSError, asyncio.TimeoutError) as e:
            raise ClusterError(f"the scheduler does not answer: {e}") from e
        if self._client.status != "running":
            raise ClusterError("the connection to the scheduler is lost")
        self.workers = {
            address: Worker(int(found["nthreads"]), dict(found["resources"]))
            for address, found in identity["workers"].items()
        }

    def submit(self, *args: Any, key: str, resources: Resources) -> Any:
        """Submit a task of worker.execute; returns dask's future."""
        return self._client.submit(
            worker.execute, *args, key=key, pure=False, retries=0, resources=resources or None
        )

    async def call(self, address: str, function: Any, *args: Any) -> Any:
        """The result of a function of worker.py on a worker. Raises OSError where the worker does
        not answer."""
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


def version_error(version: str) -> str:
    """Why a worker with this version of guild-notebook ("": none) cannot be used, or "". Both sides
    have to be of one release: what they send each other changes between releases."""
    if not version:
        return "has no guild-notebook - install it there: pip install 'guild-notebook[dask]'"
    if version != __version__:
        return f"has guild-notebook {version}, here is {__version__} - install the same on both"
    return ""
