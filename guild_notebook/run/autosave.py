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

    async def run(self) -> None:
        """Save until it is cancelled. A save that fails raises OSError here."""
        begin = self._clock()
        pause = SHORTEST_SECONDS
        spent = last = 0.0
        while True:
            await self._sleep(pause)
            if self._changed():
                started = self._clock()
                self._save()
                now = self._clock()
                taken = now - started
                spent += taken
                # A notebook that grows takes longer each time, by about the same factor.
                growth = taken / last if last else 1.0
                expected = taken * min(max(growth, 1.0), 2.0)
                last = taken
                owed = (spent + expected) / SHARE - (now - begin)
                pause = max(SHORTEST_SECONDS, expected / SHARE, owed)
