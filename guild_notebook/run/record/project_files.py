"""The digests of the files that cells read where they lie, and of which the run has no copy: those
of the project, and those in folders that the run requires.

An IPython kernel tells what it opens (kernel/files_read.py). What others may open, and libraries in
C, is taken from the paths in the notebook's code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import re
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .run_files import RunFiles, attr_file, is_below

ATTRIBUTE = "project_files"
"""The run attribute: digests (SHA-1 as in Guild's manifest) by the paths below the project, or, if
they begin with IN_RUN, below the run; NONE for a file that the run has not found as it was before,
or whose digest was not known at its end. The path MORE stands for files that are left out."""

IN_RUN = "./"
NONE = "-"
MORE = ""
MOST_PATHS = 5_000  # texts of the code that are looked at, and files that the kernel tells of
LONGEST_PATH = 300

_PIECE = 1 << 20
_QUOTES = re.compile(r"['\"`]")
_IMPORT = re.compile(r"^[ \t]{0,40}(?:from|import)[ \t]{1,10}([\w.]{1,200})", re.MULTILINE)


class ProjectFiles:
    """The files of the ``project`` that ``sources`` name, for cells that work in ``cwd``, absolute
    folders, and those that are added. Their digests are computed in a thread, which begins at once.
    """

    def __init__(self, run: RunFiles, sources: Sequence[str], cwd: str, project: str) -> None:
        self._run, self._project = run, os.path.realpath(project) if project else ""
        run.remove(attr_file(ATTRIBUTE))  # of an earlier start
        self._began = time.time_ns()
        self._states: dict[str, tuple[int, ...]] = {}  # as they were read
        self._digests: dict[str, str] = {}
        self._is_more = False
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._compute, daemon=True)
        if project:
            for name in named(sources, os.path.realpath(cwd), self._project):
                self._add(name, self._state(name))

    def add(self, content: Any) -> None:
        """Add the files of a message of the kernel (kernel/files_read.py)."""
        files = content.get("files")
        for file in files if isinstance(files, list) else []:
            with contextlib.suppress(ArithmeticError, AttributeError, TypeError, ValueError):
                name, modified, size, inode = file
                name = os.fsdecode(name.encode("latin-1"))
                if is_below(name) and (self._project or name.startswith(IN_RUN)):
                    self._add(name, (int(modified), int(size), int(inode)))
        self._is_more |= content.get("more") is True

    def _add(self, name: str, state: tuple[int, ...]) -> None:
        if name in self._states:
            return
        if len(self._states) >= 2 * MOST_PATHS:
            self._is_more = True
            return
        if not self._states:
            self._thread.start()
        self._states[name] = state
        self._waiting.put(name)

    def finish(self, seconds: float) -> None:
        """Write the attribute where there are such files, after ``seconds`` at most. Raises
        OSError."""
        if not self._states:
            return
        self._waiting.put(None)
        self._thread.join(seconds)
        self._ends.set()
        digests = {}
        for name, state in self._states.items():
            is_same = state[0] < self._began and state == self._state(name)
            shown = name.encode("utf-8", "backslashreplace").decode("utf-8")
            digests[shown] = self._digests.get(name, NONE) if is_same else NONE
        self._run.write_attr(ATTRIBUTE, {**digests, **({MORE: NONE} if self._is_more else {})})

    def _path(self, name: str) -> str:
        return os.path.join(self._run.dir if name.startswith(IN_RUN) else self._project, name)

    def _state(self, name: str) -> tuple[int, ...]:
        try:
            found = os.stat(self._path(name))
        except OSError:
            return (0,)
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _compute(self) -> None:
        while name := self._waiting.get():
            with contextlib.suppress(OSError):
                self._digests[name] = self._digest(self._path(name))

    def _digest(self, path: str) -> str:
        found = hashlib.sha1(usedforsecurity=False)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # it may be a FIFO now
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return NONE
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
