"""Saving the executed notebook while it executes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

SHORTEST_PAUSE = 1.0
"""Seconds between two saves, whatever they take."""

SHARE = 0.05
"""Of the run's time that saving may take."""


class Autosave:
    """Saves now and then while there are changes, in at most ``SHARE`` of the time: the pause after
    a save is long enough for two like it, since a notebook grows and the next takes longer."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due = math.inf

    async def run(
        self,
        has_changed: Callable[[], bool],
        save: Callable[[], None],
        on_error: Callable[[OSError], None],
    ) -> None:
        """Call ``save`` until this is cancelled; ``on_error`` gets what it raises."""
        self._has_changed, self._save = has_changed, save
        self._due = self._clock() + SHORTEST_PAUSE
        while True:
            await self._sleep(max(0.0, self._due - self._clock()))
            try:
                self.save_if_due()
            except OSError as e:
                on_error(e)

    def save_if_due(self) -> None:
        """Save if the pause is over: also for what keeps ``run`` from running. Raises OSError."""
        started = self._clock()
        if started < self._due:
            return
        try:
            if self._has_changed():
                self._save()
        finally:
            ended = self._clock()
            self._due = ended + max(SHORTEST_PAUSE, (ended - started) * 2 / SHARE)
