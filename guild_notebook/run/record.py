"""A run's directory: where its source notebook is, the flag values, what an earlier start left.

Guild copies the source to the notebook's own path and lists it in ``.guild/manifest`` as
``s PATH SHA1 PROJECT_PATH``. The executed notebook belongs at that path, so the source moves to
``.guild/sourcecode/PATH``, and its manifest line with it: Guild copies what the manifest names
for ``--proto``, compares it for ``diff --sourcecode`` and lists as generated what it does not
name. Each later start of the run reads the source there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from typing import Any

import yaml

from ..errors import NotebookError
from .save import write_whole

SOURCES = ".guild/sourcecode"
ARTIFACTS = ".guild/notebook-artifacts"


class Record:
    """The run in ``run_dir`` of the notebook at ``path``, relative to it and with slashes."""

    def __init__(self, run_dir: str, path: str) -> None:
        self.dir = os.path.abspath(run_dir)
        self.path = os.path.normpath(path).replace(os.sep, "/")

    @property
    def executed(self) -> str:
        """Where the executed notebook stands."""
        return os.path.join(self.dir, self.path)

    @property
    def source(self) -> str:
        """Where the source notebook is kept."""
        return os.path.join(self.dir, SOURCES, self.path)

    def attr(self, name: str) -> dict[str, Any]:
        """A run attribute that is a mapping, with its types; empty where there is none."""
        try:
            with open(os.path.join(self.dir, ".guild", "attrs", name), encoding="utf-8") as f:
                value = yaml.safe_load(f)
        except OSError:
            return {}
        return value if isinstance(value, dict) else {}

    def flag_patterns(self) -> dict[str, Any]:
        """The ``nb-replace`` of each flag that has one (guild/commands/run_impl.py,
        _opdef_flags_extra)."""
        extra = self.attr("op").get("flags-extra") or {}
        return {
            name: settings["nb-replace"]
            for name, settings in extra.items()
            if isinstance(settings, dict) and settings.get("nb-replace")
        }

    def take_source(self, project_path: str) -> str:
        """Put the source where it is kept, once for each copy that Guild made, and return its
        path. ``project_path`` is the notebook relative to PROJECT_DIR, the last resort for a run
        whose source Guild did not copy.

        Raises NotebookError where there is no source.
        """
        lines = self._manifest()
        kept = f"{SOURCES}/{self.path}"
        mine = [i for i, line in enumerate(lines) if _is_source(line, (self.path, kept))]
        if not mine:
            self._take_from_project(project_path, lines, kept)
            return self.source
        last = mine[-1]
        if _path_of(lines[last]) == self.path and os.path.isfile(self.executed):
            self._copy(self.executed)
            lines[last][1] = kept
        if len(mine) > 1 or lines != self._manifest():
            self._write_manifest([line for i, line in enumerate(lines) if i not in mine[:-1]])
        if not os.path.isfile(self.source):
            raise NotebookError(f"the run has lost its source {kept} - run the operation anew")
        return self.source

    def _take_from_project(self, path: str, lines: list[list[str]], kept: str) -> None:
        project_file = os.path.join(os.environ.get("PROJECT_DIR") or ".", path)
        if not os.path.isfile(project_file):
            raise NotebookError(
                f"notebook {path} is neither in the run directory nor in the project - "
                "check 'notebook' and 'sourcecode' in guild.yml"
            )
        self._copy(project_file)
        with open(self.source, "rb") as f:
            digest = hashlib.sha1(f.read()).hexdigest()  # as Guild's manifest has it
        self._write_manifest([*lines, ["s", kept, digest, path]])

    def _copy(self, source: str) -> None:
        with open(source, "rb") as f:
            write_whole(self.source, f.read())
        shutil.copymode(source, self.source)

    def _manifest(self) -> list[list[str]]:
        try:
            with open(os.path.join(self.dir, ".guild", "manifest"), encoding="utf-8") as f:
                return [shlex.split(line) for line in f if line.strip()]
        except FileNotFoundError:
            return []

    def _write_manifest(self, lines: list[list[str]]) -> None:
        text = "".join(" ".join(shlex.quote(arg) for arg in line) + "\n" for line in lines)
        write_whole(os.path.join(self.dir, ".guild", "manifest"), text.encode("utf-8"))

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


def _path_of(line: list[str]) -> str:
    return os.path.normpath(line[1]).replace(os.sep, "/") if len(line) > 1 else ""


def _is_source(line: list[str], paths: tuple[str, ...]) -> bool:
    return line[:1] == ["s"] and _path_of(line) in paths
