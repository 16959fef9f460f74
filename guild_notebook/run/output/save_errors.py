"""What of a run could not be saved: each is said once, and makes the run one in error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .progress import StatusLines


class SaveErrors:
    """Files of the run in ``run_dir`` that cannot be written now, each with a name."""

    def __init__(self, run_dir: str, status_lines: StatusLines) -> None:
        self._run_dir = run_dir
        self._status_lines = status_lines
        self._lost: set[str] = set()
        self._is_gone = False
        self._is_silent = False

    def __bool__(self) -> bool:
        return self._is_gone or bool(self._lost)

    def check(self) -> None:
        """Raise FileNotFoundError where the run directory has been deleted: a file that is written
        now would make another, which is no run."""
        if not os.path.isdir(os.path.join(self._run_dir, ".guild")):
            raise FileNotFoundError(2, "the run directory has been deleted")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """While nothing can be said; what is still so later is said then."""
        self._is_silent = True
        try:
            yield
        finally:
            self._is_silent = False

    def note(self, name: str, error: OSError) -> None:
        """Say once that a file cannot be written. The run goes on, and fails at its end unless
        the file can be written then."""
        if self._is_silent:
            return
        try:
            self.check()
        except FileNotFoundError:
            if not self._is_gone:
                said = "the run directory has been deleted"
                self._status_lines.write(
                    f"guild-notebook: {said}, nothing more of the run is saved", said
                )
            self._is_gone = True
            return
        if name not in self._lost:
            why = error.strerror or str(error)
            self._status_lines.write(f"guild-notebook: cannot save {name}: {why} ", "cannot save ")
        self._lost.add(name)

    def saved(self, name: str) -> None:
        self._lost.discard(name)
