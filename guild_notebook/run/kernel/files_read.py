"""Tells the run which files an IPython kernel has read of those that the run has no copy of.

Sent to the kernel as text, after ipython_setup.py, and imports nothing of this package.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shlex
import stat
import sys
import urllib.parse
from collections.abc import Iterator
from typing import Any

KIND = "guild_notebook_files"
"""The kind of the message: ``files`` is a list of a name (in Latin-1, since names may be of any
bytes), and st_mtime_ns, st_size and st_ino as they were when it was first opened. A name is a path
below the project, or begins with ``./`` and is one in the run. ``more`` says whether files are left
out: MOST_FILES."""

MOST_FILES = 5_000

LONGEST_NAME = 1_000

_MOST_SEEN = 20_000
_EVENTS = frozenset(("open", "sqlite3.connect", "os.chdir"))
_NOT_READ = os.O_WRONLY | os.O_TRUNC | os.O_EXCL


class FilesRead:
    """Notes what the kernel's process opens to read in the project, and in folders that the run
    requires, of which it keeps no digests; tells it to the run after each cell.

    Python audits what it opens, and much else: a hook makes each ``id()`` a tenth of a microsecond
    slower, and copy.deepcopy half as fast. So there is none until a cell may read such files: where
    cells work in the project, the run requires a folder, or a cell names the project. Libraries in
    C audit nothing: of their files those are noted that are open when a cell ends."""

    def __init__(self, kernel: Any) -> None:
        self._kernel, self._has_hook = kernel, False
        self._files: dict[str, tuple[int, ...]] = {}
        self._seen: set[Any] = set()
        self._told, self._is_more = 0, False
        kernel.shell.events.register("pre_run_cell", self._before_cell)
        kernel.shell.events.register("post_run_cell", lambda _result: self._after_cell())

    def begin(self) -> None:
        """Look at the environment, anew in a process that was forked."""
        self._project = os.environ.get("PROJECT_DIR", "")
        run_dir = os.environ.get("RUN_DIR") or os.getcwd()
        required = list(_required(run_dir))
        self._names = {  # what names of files in a folder begin with
            **dict.fromkeys(_forms(self._project), ""),
            **{form: f"./{name}/" for name in required for base in _forms(run_dir)
               for form in _forms(base + name)},
        }  # fmt: skip
        self._folders = tuple(self._names)
        # What may lie in the project; but a project may lie in /usr, an installed Python's prefix.
        others = [os.environ.get("GUILD_HOME", ""), sys.prefix, os.path.expanduser("~/.")]
        forms = (form for path in others for form in _forms(path))
        self._others = tuple(form for form in forms if not self._project.startswith(form))
        if required or self._name(os.path.join(os.getcwd(), "")) is not None:
            self._add_hook()

    def _before_cell(self, info: Any) -> None:
        code = str(getattr(info, "raw_cell", ""))
        if self._project and ("PROJECT_DIR" in code or self._project in code):
            self._add_hook()

    def _add_hook(self) -> None:
        if self._has_hook or not hasattr(sys, "addaudithook"):
            return
        self._has_hook = True
        events, seen = _EVENTS, self._seen

        def hook(event: str, args: Any) -> None:
            if event not in events:
                return
            try:
                if event == "open":
                    if args[0] not in seen and not args[2] & _NOT_READ:
                        self._note(args[0])
                elif event == "os.chdir":
                    seen.clear()  # relative paths are others now
                else:
                    self._note(_database(os.fsdecode(args[0])))
            except Exception:  # what is opened may be anything
                return

        sys.addaudithook(hook)

    def _name(self, path: str) -> str | None:
        """The name of an absolute path, None where it is none that matters."""
        if not path.startswith(self._folders):
            return None
        folder = max((f for f in self._folders if path.startswith(f)), key=len)
        is_of_project = not self._names[folder]
        if is_of_project and (
            path.startswith(self._others) or "/site-packages/" in path or "/.git/" in path
        ):
            return None
        return self._names[folder] + path[len(folder) :]

    def _note(self, opened: Any) -> None:
        if isinstance(opened, int) or opened in self._seen:
            return
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen.add(opened)
        path = os.path.abspath(os.fsdecode(opened))
        name = self._name(path)
        if name is None or len(name) > LONGEST_NAME:
            return
        if name.endswith(".pyc"):
            path = importlib.util.source_from_cache(path)
            name = self._name(path)
        if name is None or name in self._files:
            return
        state = os.stat(path)
        if not stat.S_ISREG(state.st_mode):
            return
        if len(self._files) < MOST_FILES:
            self._files[name] = state.st_mtime_ns, state.st_size, state.st_ino
        else:
            self._is_more = True

    def _after_cell(self) -> None:
        if not self._has_hook:
            return
        with contextlib.suppress(OSError):  # not on macOS
            for descriptor in os.listdir("/proc/self/fd"):
                with contextlib.suppress(Exception):
                    path = os.readlink(f"/proc/self/fd/{descriptor}")
                    flags = fcntl.fcntl(int(descriptor), fcntl.F_GETFL)
                    if path.startswith(self._folders) and not flags & os.O_WRONLY:
                        self._note(path)
        new = list(self._files.items())[self._told :]
        if new or self._is_more:
            files = [[os.fsencode(name).decode("latin-1"), *state] for name, state in new]
            content = {"files": files, "more": self._is_more}
            self._told, self._is_more = self._told + len(new), False
            parent = self._kernel.shell.display_pub.parent_header
            self._kernel.session.send(self._kernel.iopub_socket, KIND, content, parent)


def _forms(folder: str) -> list[str]:
    """What absolute paths in a folder begin with, none for ""."""
    if folder.endswith("/."):
        return [folder]
    paths = dict.fromkeys([folder, os.path.realpath(folder)]) if folder else ()
    return [os.path.join(path, "") for path in paths]


def _required(run_dir: str) -> Iterator[str]:
    """The folders that the run requires and has no digests of, as paths in it: lines of its
    manifest ``d PATH - SOURCE``."""
    with contextlib.suppress(OSError):
        manifest = os.path.join(run_dir, ".guild", "manifest")
        with open(manifest, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                if line.startswith("d ") and " - " in line:
                    with contextlib.suppress(ValueError):  # Guild has not written it
                        _, path, digest, source = shlex.split(line)
                        if digest == "-" and not source.startswith("notebook:"):
                            yield os.path.normpath(path)


def _database(name: str) -> str:
    """The path of a database of SQLite, which may be given as a URI."""
    if name.startswith("file:"):
        path = urllib.parse.urlsplit(name).path
        return urllib.parse.unquote(path, errors="surrogateescape")
    return name


if __name__ == "guild_notebook.files_read":
    running = get_ipython().kernel  # type: ignore[name-defined]  # noqa: F821  # IPython's
    if not hasattr(running.shell, "guild_notebook_files"):  # this may be executed again
        running.shell.guild_notebook_files = FilesRead(running)
    running.shell.guild_notebook_files.begin()
