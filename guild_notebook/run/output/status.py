"""What goes on in a run, for the line at the bottom of the terminal (one_pipe, ``STATUS``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ... import one_pipe
from ...secrets.masking import Masker
from .pipe import OutputPipe

BAR_SECONDS = 0.4  # the shortest time between two states of a cell's bar
LONGEST_BAR = 1000  # characters of one that are written: a terminal has no room for more


class RunStatus:
    """Writes to ``pipe`` what goes on, nothing where it is None. ``bar`` returns the progress bar
    that is shown now, "" for none. The secret values of ``masker`` are left out."""

    def __init__(self, pipe: OutputPipe | None) -> None:
        self._pipe = pipe
        self.masker = Masker(())
        self.bar: Callable[[], str] = lambda: ""
        self._shown: dict[str, Any] = {}
        self._last_seconds: Callable[[], float | None] = lambda: None
        self._since = self._told_at = 0.0

    def __bool__(self) -> bool:
        """Whether there is a terminal that shows it."""
        return self._pipe is not None

    def begin(self, text: str, last_seconds: Callable[[], float | None] = lambda: None) -> None:
        """Something begins: what ``text`` says. ``last_seconds`` returns the time that it took in
        an earlier run, None for one that is not known."""
        if self._pipe is not None:
            self._since = time.monotonic()
            self._last_seconds = last_seconds
            self._tell({"text": self.masker.text(text), "last": last_seconds(), "bar": ""})

    def tick(self) -> None:
        """Tell of the bar and of the last time, if they have changed: to be called several times a
        second."""
        if self._pipe is None or time.monotonic() - self._told_at < BAR_SECONDS:
            return
        bar = self.masker.text(self.bar()[:LONGEST_BAR])
        new = {"last": self._last_seconds(), "bar": bar}
        if self._shown and not new.items() <= self._shown.items():
            self._tell({**self._shown, **new})

    def end(self, why: str, has_report: bool) -> None:
        """The run ends: ``why`` it has failed, and whether it has a report."""
        self._tell({"end": {"why": self.masker.text(why), "report": has_report}})

    def _tell(self, status: dict[str, Any]) -> None:
        """Write a status, unless the reader pauses: no run waits because of it."""
        if self._pipe is not None and self._pipe.has_room():
            self._told_at, self._shown = time.monotonic(), status
            seconds = self._told_at - self._since
            self._pipe.write(one_pipe.status_line({**status, "seconds": seconds}))
