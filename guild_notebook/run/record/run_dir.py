"""A run's directory: its attributes, its files, and what an earlier start of it left."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

import yaml

from ...document import text_formats
from ...files import part_path, write_whole
from . import manifest

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is not in every build

ARTIFACTS = ".guild/notebook-artifacts"
"""The reports and images of a run: a line with a JSON string for each, its path in the run
directory."""


class RunDir:
    """A run's directory ``dir`` with its notebook: ``source_path`` of the source and
    ``executed_path`` of the executed notebook are relative to it, and differ where the source is a
    text (``train.py``, ``train.ipynb``). ``dir`` and ``executed_file``, the same path, are
    absolute."""

    def __init__(self, run_dir: str, source_path: str) -> None:
        self.dir = os.path.abspath(run_dir)
        self.source_path = os.path.normpath(source_path)
        self.executed_path = text_formats.executed_path(self.source_path)
        self.executed_file = os.path.join(self.dir, self.executed_path)
        self._attrs: dict[str, dict[str, Any]] = {}
        self._artifacts: set[str] = set()

    def attr(self, name: str) -> dict[str, Any]:
        """The run attribute ``name`` (``.guild/attrs/NAME``, YAML), empty where there is none or it
        is not a mapping."""
        if name not in self._attrs:
            try:
                with open(os.path.join(self.dir, ".guild", "attrs", name), encoding="utf-8") as f:
                    value = yaml.load(f, Loader=_LOADER)  # a safe one
            except OSError:
                value = None
            self._attrs[name] = value if isinstance(value, dict) else {}
        return self._attrs[name]

    def write_exit_status(self, exit_status: int) -> None:
        """Write the attributes of a run that has ended and remove its lock, where Guild has ended
        before it could (guild/op.py, _op_finalize_run_attrs). Without them Guild shows a stopped
        run as ``error``. A signal is a negative status."""
        stopped = int(time.time() * 1_000_000)  # as guild/run.py, timestamp
        for name, value in (("exit_status", exit_status), ("stopped", stopped)):
            content = f"{value}\n".encode()
            write_whole(os.path.join(self.dir, ".guild", "attrs", name), content)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.dir, ".guild", "LOCK"))

    def flag_patterns(self) -> dict[str, Any]:
        """The ``nb-replace`` of each flag that has one, from the run attribute ``op``
        (guild/commands/run_impl.py, _opdef_flags_extra)."""
        extra = self.attr("op").get("flags-extra") or {}
        return {
            name: settings["nb-replace"]
            for name, settings in extra.items()
            if isinstance(settings, dict) and settings.get("nb-replace")
        }

    def remove_earlier_artifacts(self) -> None:
        """Remove the files that an earlier start of this run has registered."""
        path = os.path.join(self.dir, ARTIFACTS)
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValueError):  # the run was killed while it wrote the line
                name = os.path.join(self.dir, json.loads(line))
                for left in (name, part_path(name)):
                    with contextlib.suppress(OSError):  # a user moved or removed it
                        os.unlink(left)
        os.unlink(path)

    def register_artifact(self, path: str) -> None:
        """Register the file at ``path``, which a later start removes, in ARTIFACTS and in the
        manifest. Call this before the file is written, in case the run is killed meanwhile."""
        name = os.path.relpath(path, self.dir)
        if name not in self._artifacts:
            with open(os.path.join(self.dir, ARTIFACTS), "a", encoding="utf-8") as f:
                f.write(f"{json.dumps(name)}\n")
            manifest.append_line(self.dir, manifest.artifact_line(name, self.executed_path))
            self._artifacts.add(name)
