"""The connection to the cluster: connecting, submitting tasks, calling functions on workers."""

from __future__ import annotations

import argparse
import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from .. import __version__
from ..errors import UserError
from . import worker
from .queue import Resources

CALL_SECONDS = 60


class ClusterError(UserError):
    """The cluster cannot be reached, or a worker cannot execute runs of this release."""


class ClusterConnection:
    """A connection to a cluster; ``on_event`` is called with each event that a worker sends."""

    def __init__(self, client: Any, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._client = client
        self.topic = f"guild-{uuid.uuid4().hex}"
        self.workers: dict[str, dict[str, Any]] = {}
        """By address what the scheduler knows of each, with ``nthreads`` and ``resources``."""
        client.subscribe_topic(self.topic, lambda event: on_event(event[1]))

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, options: argparse.Namespace, on_event: Callable[[dict[str, Any]], None]
    ) -> AsyncIterator[ClusterConnection]:
        """Connect to the cluster that the flags of the operation name, or to one in this process.
        Raises ClusterError."""
        from distributed import Client, LocalCluster

        for logger in ("distributed", "tornado"):
            logging.getLogger(logger).setLevel(options.loglevel.upper().replace("WARN", "WARNING"))
        async with AsyncExitStack() as stack:
            try:
                if options.scheduler_file:
                    name = options.scheduler_file
                    client = Client(scheduler_file=name, asynchronous=True)
                elif options.address:
                    name = options.address
                    client = Client(name, asynchronous=True)
                else:
                    name = "of its own"
                    cluster = LocalCluster(
                        n_workers=1,
                        threads_per_worker=options.workers,
                        processes=False,
                        dashboard_address=options.dashboard_address or None,
                        resources=options.resources or None,
                        silence_logs=False,
                        asynchronous=True,
                    )
                    client = Client(await stack.enter_async_context(cluster), asynchronous=True)
                await stack.enter_async_context(client)
            except (OSError, ValueError, TypeError, asyncio.TimeoutError) as e:
                text = " ".join(str(e).split()) or type(e).__name__
                raise ClusterError(f"no cluster {name}: {text[:200]}") from e
            connected = cls(client, on_event)
            await connected.update_workers()
            # Older releases of dask import what is named here, newer ones ask for its version.
            versions = await client.get_versions(packages=["guild_notebook"])
            for address, found in versions["workers"].items():
                why = version_error(found["packages"].get("guild_notebook") or "")
                if why:
                    raise ClusterError(f"worker {address} {why}")
            yield connected

    async def update_workers(self) -> None:
        """Ask the scheduler for its workers. Raises ClusterError where it is gone."""
        try:
            identity = await asyncio.wait_for(self._client.scheduler.identity(), CALL_SECONDS)
        except (OSError, asyncio.TimeoutError) as e:
            raise ClusterError(f"the scheduler does not answer: {e}") from e
        if self._client.status != "running":
            raise ClusterError("the connection to the scheduler is lost")
        self.workers = identity["workers"]

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


def version_error(version: str) -> str:
    """Why a worker with this version of guild-notebook ("": none) cannot be used, or "". Both sides
    have to be of one release: what they send each other changes between releases."""
    if not version:
        return "has no guild-notebook - install it there: pip install 'guild-notebook[dask]'"
    if version != __version__:
        return f"has guild-notebook {version}, here is {__version__} - install the same on both"
    return ""
