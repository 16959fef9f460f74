"""A run's directory: its attributes, its files, and what an earlier start of it left."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

import yaml

from ...document import text_formats
from ...files import beside, write_whole
from . import manifest

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is not in every build

ARTIFACTS = ".guild/notebook-artifacts"
"""Paths of the files that the run itself has made beside the executed notebook, as JSON, a line
each."""


class Record:
    """The run in ``run_dir`` of the notebook whose source has the path ``source`` there; ``path``
    is that of the executed one, which another has where the source is a text. Both are relative
    and have slashes."""

    def __init__(self, run_dir: str, source: str) -> None:
        self.dir = os.path.abspath(run_dir)
        self.source = os.path.normpath(source).replace(os.sep, "/")
        self.path = text_formats.executed_path(self.source)
        self._attrs: dict[str, dict[str, Any]] = {}
        self._artifacts: set[str] = set()

    @property
    def executed(self) -> str:
        """Where the executed notebook stands."""
        return os.path.join(self.dir, self.path)

    def attr(self, name: str) -> dict[str, Any]:
        """A run attribute that is a mapping, with its types; empty where there is none."""
        if name not in self._attrs:
            try:
                with open(os.path.join(self.dir, ".guild", "attrs", name), encoding="utf-8") as f:
                    value = yaml.load(f, Loader=_LOADER)  # a safe one
            except OSError:
                value = None
            self._attrs[name] = value if isinstance(value, dict) else {}
        return self._attrs[name]

    def output_size(self) -> int | None:
        """Bytes of the run's output that Guild has recorded; None where it records none
        (NO_RUN_OUTPUT)."""
        try:
            return os.stat(os.path.join(self.dir, ".guild", "output")).st_size
        except OSError:
            return None

    def note_end(self, exit_status: int) -> None:
        """Say how the run ended where Guild is not there any more to do so (guild/op.py,
        _op_finalize_run_attrs): without it a run that was stopped would be one in error."""
        stopped = int(time.time() * 1_000_000)  # as guild/run.py, timestamp
        for name, value in (("exit_status", exit_status), ("stopped", stopped)):
            content = f"{value}\n".encode()
            write_whole(os.path.join(self.dir, ".guild", "attrs", name), content)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.dir, ".guild", "LOCK"))

    def flag_patterns(self) -> dict[str, Any]:
        """The ``nb-replace`` of each flag that has one (guild/commands/run_impl.py,
        _opdef_flags_extra)."""
        extra = self.attr("op").get("flags-extra") or {}
        return {
            name: settings["nb-replace"]
            for name, settings in extra.items()
            if isinstance(settings, dict) and settings.get("nb-replace")
        }

    def remove_artifacts(self) -> None:
        """Remove what an earlier start of the same run made, so that nothing old is left."""
        path = os.path.join(self.dir, ARTIFACTS)
        try:
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValueError):  # of a run that was killed while it wrote
                name = os.path.join(self.dir, json.loads(line))
                for left in (name, beside(name)):
                    with contextlib.suppress(OSError):  # a user moved or removed it
                        os.unlink(left)
        os.unlink(path)

    def note_artifact(self, path: str) -> None:
        """Note a file before it is written: a run that is killed has then noted all it left."""
        name = os.path.relpath(path, self.dir)
        if name not in self._artifacts:
            with open(os.path.join(self.dir, ARTIFACTS), "a", encoding="utf-8") as f:
                f.write(f"{json.dumps(name)}\n")
            manifest.append(self.dir, manifest.artifact(name, self.path))
            self._artifacts.add(name)
