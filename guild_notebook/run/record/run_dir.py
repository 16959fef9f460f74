"""A run's directory: its attributes, its files, and what an earlier start of it left."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

from ...document import text_formats
from ...files import ARTIFACTS, artifact_names, part_path
from . import manifest
from .run_files import RunFiles, mapping


class RunDir(RunFiles):
    """A run's directory ``dir`` with its notebook: ``source_path`` of the source and
    ``executed_path`` of the executed notebook are relative to it, and differ where the source is a
    text (``train.py``, ``train.ipynb``). ``executed_file`` is the same path, absolute, and
    ``project_file`` that of the notebook in the project. Raises OSError where the first of them is
    outside of the run."""

    def __init__(self, run_dir: str, source_path: str, project_file: str = "") -> None:
        super().__init__(run_dir)
        self.source_path = os.path.normpath(source_path)
        self.executed_path = text_formats.executed_path(self.source_path)
        self.executed_file = self.path(self.executed_path)
        self.project_file = os.path.normpath(project_file)
        self._artifacts: set[str] = set()

    def write_exit_status(self, exit_status: int) -> None:
        """Write the attributes of a run that has ended and remove its lock, where Guild has ended
        before it could (guild/op.py, _op_finalize_run_attrs). Without them Guild shows a stopped
        run as ``error``. A signal is a negative status."""
        stopped = int(time.time() * 1_000_000)  # as guild/run.py, timestamp
        for name, value in (("exit_status", exit_status), ("stopped", stopped)):
            self.write_attr(name, value)
        self.remove(".guild/LOCK")

    def flag_patterns(self) -> dict[str, Any]:
        """The ``nb-replace`` of each flag that has one, from the run attribute ``op``
        (guild/commands/run_impl.py, _opdef_flags_extra)."""
        extra = mapping(self.attr("op").get("flags-extra"))
        patterns = {name: mapping(settings).get("nb-replace") for name, settings in extra.items()}
        return {name: pattern for name, pattern in patterns.items() if pattern}

    def remove_earlier_artifacts(self) -> None:
        """Remove the files that an earlier start of this run has registered, none that this package
        does not make: below ``.guild``, or the notebook."""
        kept = {self.source_path, self.executed_path}
        for name in artifacts(self):
            if not {name, os.path.normpath(name)}.intersection(kept):
                for left in (name, part_path(name)):
                    if not os.path.normpath(left).startswith(".guild" + os.sep):
                        self.remove(left)  # a user may have moved or removed it
        self.remove(ARTIFACTS)

    def register_artifact(self, path: str) -> None:
        """Register the file at ``path``, which a later start removes, in ARTIFACTS and in the
        manifest. Call this before the file is written, in case the run is killed meanwhile."""
        name = os.path.relpath(path, self.dir)
        if name not in self._artifacts:
            self.append(ARTIFACTS, f"{json.dumps(name)}\n".encode())
            manifest.append_line(self, manifest.artifact_line(name, self.executed_path))
            self._artifacts.add(name)


def artifacts(files: RunFiles) -> list[str]:
    """The files that a run has registered in ARTIFACTS, which may not be there or be anywhere."""
    with contextlib.suppress(FileNotFoundError):
        return artifact_names(files.read(ARTIFACTS))
    return []
