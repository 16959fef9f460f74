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

    All saves together take no more than ``SHARE`` of the time, whatever the notebook's size: the
    pause before a save earns what that will take, as far as the last two tell, and what an
    earlier one has taken beyond what was expected.
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
        self._begin = clock()
        self._pause = SHORTEST_SECONDS
        self._due = self._begin + self._pause
        self._spent = self._last = 0.0

    async def run(self) -> None:
        """Save until it is cancelled. A save that fails raises OSError here."""
        while True:
            await self._sleep(max(0.0, self._due - self._clock()))
            self.look()

    def look(self) -> None:
        """Save if it is time to: for whoever keeps ``run`` from running."""
        started = self._clock()
        if started < self._due:
            return
        if self._changed():
            self._save()
            self._earn(self._clock() - started)
        self._due = self._clock() + self._pause

    def _earn(self, taken: float) -> None:
        """Find the pause that pays for a save that has ``taken`` seconds, and for the next."""
        self._spent += taken
        # A notebook that grows takes longer each time, by about the same factor.
        growth = taken / self._last if self._last else 1.0
        expected = taken * min(max(growth, 1.0), 2.0)
        self._last = taken
        owed = (self._spent + expected) / SHARE - (self._clock() - self._begin)
        self._pause = max(SHORTEST_SECONDS, expected / SHARE, owed)
