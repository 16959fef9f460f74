"""Files of a run that cannot be saved: each is reported once, and makes the run one in error."""

from __future__ import annotations

import os

from .progress import StatusLines


class SaveErrors:
    """The files of the run in ``run_dir`` that cannot be written now, by a name for each. True
    where there are any, or the run directory has been deleted."""

    def __init__(self, run_dir: str, status_lines: StatusLines) -> None:
        self._run_dir = run_dir
        self._status_lines = status_lines
        self._names: set[str] = set()
        self._is_deleted = False

    def __bool__(self) -> bool:
        return self._is_deleted or bool(self._names)

    def check_run_dir(self) -> None:
        """Raise FileNotFoundError where the run directory has been deleted: writing a file would
        make a directory that is not a run."""
        if not os.path.isdir(os.path.join(self._run_dir, ".guild")):
            raise FileNotFoundError(2, "the run directory has been deleted")

    def add(self, name: str, error: OSError) -> None:
        """Report once that a file cannot be written. The run goes on, and is in error at its end
        unless the file can be written then."""
        try:
            self.check_run_dir()
        except FileNotFoundError:
            if not self._is_deleted:
                said = "the run directory has been deleted"
                self._status_lines.write(
                    f"guild-notebook: {said}, nothing more of the run is saved", said
                )
            self._is_deleted = True
            return
        if name not in self._names:
            why = error.strerror or str(error)
            self._status_lines.write(f"guild-notebook: cannot save {name}: {why} ", "cannot save ")
        self._names.add(name)

    def remove(self, name: str) -> None:
        """The file could be written after all."""
        self._names.discard(name)
