"""The files of the project whose paths stand in a notebook's code, and their digests: what cells
may read where it lies (nb-cwd, PROJECT_DIR), and of which the run has no copy.

The kernel is not watched: a path that code computes is not known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence

from .run_files import RunFiles, attr_file

ATTRIBUTE = "project_files"
"""The run attribute: digests (SHA-1 as in Guild's manifest) by the paths below the project, NONE
for a file whose digest was not known before the run had ended, or that was written meanwhile."""

NONE = "-"

MOST_PATHS = 5_000
"""Texts of the code that are looked at."""

LONGEST_PATH = 300

_PIECE = 1 << 20
_QUOTES = re.compile(r"['\"`]")
_IMPORT = re.compile(r"^[ \t]{0,40}(?:from|import)[ \t]{1,10}([\w.]{1,200})", re.MULTILINE)


class ProjectFiles:
    """The files of the ``project`` that ``sources`` name, for cells that work in ``cwd``; absolute
    folders. Their digests are computed in a thread, which begins at once."""

    def __init__(self, run: RunFiles, sources: Sequence[str], cwd: str, project: str) -> None:
        self._run, self._project = run, os.path.realpath(project)
        run.remove(attr_file(ATTRIBUTE))  # of an earlier start
        names = named(sources, os.path.realpath(cwd), self._project) if project else ()
        self._digests = dict.fromkeys(names, NONE)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._compute, daemon=True)
        if self._digests:
            self._thread.start()

    def finish(self, seconds: float) -> None:
        """Write the attribute where there are such files, after ``seconds`` at most. Raises
        OSError."""
        if self._digests:
            self._thread.join(seconds)
            self._ends.set()
            self._run.write_attr(ATTRIBUTE, dict(self._digests))

    def _compute(self) -> None:
        for name in list(self._digests):
            with contextlib.suppress(OSError):
                path = os.path.join(self._project, name)
                before = os.stat(path)
                digest = self._digest(path)
                after = os.stat(path)
                if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
                    self._digests[name] = digest

    def _digest(self, path: str) -> str:
        found = hashlib.sha1(usedforsecurity=False)
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                if self._ends.is_set():
                    return NONE
                found.update(piece)
        return found.hexdigest()


def named(sources: Iterable[str], cwd: str, project: str) -> Iterator[str]:
    """The paths below ``project`` of the files that the ``sources`` name, each once."""
    code = "\n".join(sources)
    is_in_project = os.path.commonpath([cwd, project]) == project
    folders = [cwd] if is_in_project else []
    folders += [project] if "PROJECT_DIR" in code else []
    texts = {text for line in code.splitlines() for text in _QUOTES.split(line)[1:-1]}
    modules = {name.replace(".", os.sep) for name in _IMPORT.findall(code)} if folders else set()
    texts.update(f"{name}{end}" for name in modules for end in (".py", os.sep + "__init__.py"))
    found = set()
    for text in sorted(texts)[:MOST_PATHS]:
        if not 0 < len(text) <= LONGEST_PATH or "\0" in text:
            continue
        for path in {os.path.join(folder, text) for folder in folders} or {text}:
            if os.path.isabs(path) and os.path.isfile(path):
                real = os.path.realpath(path)
                if os.path.commonpath([real, project]) == project:
                    found.add(os.path.relpath(real, project))
    yield from sorted(found)
