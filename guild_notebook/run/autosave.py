"""Saving the executed notebook while it executes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

SHORTEST_SECONDS = 1.0
"""Between two saves, whatever they take."""

SHARE = 0.05
"""Of the run's time that saving may take."""


class Autosave:
    """Calls ``save`` now and then while ``changed`` says that there is something to save.

    The pause after a save is so long that all saves together take no more than ``SHARE`` of the
    time, whatever the notebook's size.
    """

    def __init__(
        self,
        changed: Callable[[], bool],
        save: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._changed = changed
        self._save = save
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Save until it is cancelled. A save that fails raises OSError here."""
        pause = SHORTEST_SECONDS
        while True:
            await self._sleep(pause)
            if self._changed():
                started = self._clock()
                self._save()
                pause = max(SHORTEST_SECONDS, (self._clock() - started) / SHARE)
