"""Saving the executed notebook while it executes."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

SHORTEST_PAUSE = 1.0  # seconds between two saves, whatever they take
SHARE = 0.05  # of the run's time that saving may take

WAITING = 0.125
"""Of a save's seconds those that count at least, though it computes in less: where the machine has
much else to do, or the disk is slow, what a kill loses must not grow as much as they do."""

AT_ONCE = 0.05  # seconds that the first saves at the starts of cells may take beyond their share


class Autosave:
    """Saves now and then while there are changes, in at most ``SHARE`` of the time (as far as a
    save computes): the pause after a save is long enough for two like it, since a notebook grows
    and the next takes longer."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        computed: Callable[[], float] = time.thread_time,
        sleep: Callable[[float], Awaitable[None]] | None = None,  # asyncio.sleep
    ) -> None:
        self._clock = clock
        self._computed = computed
        self._sleep = sleep
        self._due = math.inf
        self._spent = self._longest = 0.0

    def start(
        self,
        has_changed: Callable[[], bool],
        save: Callable[[], None],
        on_error: Callable[[OSError], None],
    ) -> None:
        """From now on there is something to save; ``on_error`` gets what ``save`` raises."""
        self._has_changed, self._save, self._on_error = has_changed, save, on_error
        self._started = self._clock()
        self._due = self._started + SHORTEST_PAUSE

    async def run(self) -> None:
        """Save when it is due, until this is cancelled."""
        import asyncio  # which takes long: the kernel has been started before

        sleep = self._sleep or asyncio.sleep
        while True:
            await sleep(max(0.0, self._due - self._clock()))
            self._save_or_report()

    def cell_starts(self) -> None:
        """Save which cell runs now, before it does, while such saves take half of the share: those
        of a notebook with many short cells wait for the next that is due."""
        allowed = AT_ONCE + (self._clock() - self._started) * SHARE / 2
        if self._spent + self._longest <= allowed:
            self._due = self._clock()
            self._save_or_report()

    def _save_or_report(self) -> None:
        try:
            self.save_if_due()
        except OSError as e:
            self._on_error(e)

    def save_if_due(self) -> None:
        """Save if the pause is over: also for what keeps ``run`` from running. Raises OSError."""
        started, computed = self._clock(), self._computed()
        if started < self._due:
            return
        self._due = math.inf  # it may write, and so wait for a reader, which calls this as well
        try:
            if self._has_changed():
                self._save()
        finally:
            ended = self._clock()
            seconds = max(self._computed() - computed, (ended - started) * WAITING)
            self._spent += seconds
            self._longest = max(self._longest, seconds)
            self._due = ended + max(SHORTEST_PAUSE, seconds * 2 / SHARE)
