"""A run's directory: its attributes, its files, and what an earlier start of it left."""

from __future__ import annotations

import json
import os
from typing import Any

import yaml

from .save import write_whole

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is not in every build

ARTIFACTS = ".guild/notebook-artifacts"


class Record:
    """The run in ``run_dir`` of the notebook at ``path``, relative to it and with slashes."""

    def __init__(self, run_dir: str, path: str) -> None:
        self.dir = os.path.abspath(run_dir)
        self.path = os.path.normpath(path).replace(os.sep, "/")
        self._attrs: dict[str, dict[str, Any]] = {}

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
                names = json.load(f)
        except (OSError, ValueError):
            return
        for name in [*names, path]:
            try:
                os.unlink(os.path.join(self.dir, name))
            except OSError:
                pass  # a user moved or removed it

    def note_artifacts(self, paths: list[str]) -> None:
        names = sorted(os.path.relpath(path, self.dir) for path in paths)
        write_whole(os.path.join(self.dir, ARTIFACTS), json.dumps(names).encode("utf-8"))
