"""Where a run keeps the source code it began with.

Guild copies source code to the run directory and lists it in ``.guild/manifest`` as
``s PATH SHA1 PROJECT_PATH``. The executed notebook belongs at the notebook's own path, so the
source notebook moves to ``.guild/sourcecode/PATH``, and its manifest line with it: Guild copies
what the manifest names for ``--proto`` and lists as generated what it does not name. Each later
start of the run reads the source there.

The source of a notebook that is a text (``train.py``) moves there too, and so does a source that
lies where the executed notebook will be: the ``train.ipynb`` that is paired with that text.

Links to all other source files make ``.guild/sourcecode`` the whole of the source code, and the
run's attribute ``op`` says that it is there: that is what ``guild diff --sourcecode`` compares
and ``guild cat --sourcecode`` shows (guild/run_util.py, sourcecode_dest).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil

from ...errors import NotebookError
from ...files import write_whole
from . import manifest

KEPT = ".guild/sourcecode"

_DEST = re.compile(r"^(sourcecode:\n(?:[ \t].*\n)*?[ \t]+dest: )(.*)$", re.MULTILINE)
"""The line of ``.guild/attrs/op`` that says where source code is. It is replaced as text: Guild
reads numbers in YAML in a way of its own, so what another writer writes it may read differently."""


class Sources:
    """The source code of the run in ``run_dir``, whose notebook has the path ``notebook`` there
    and ``executed`` when it has been executed (both relative, with slashes)."""

    def __init__(self, run_dir: str, notebook: str, executed: str) -> None:
        self._dir = run_dir
        self._notebook = notebook
        self._executed = executed
        self.from_project = False

    @property
    def kept_notebook(self) -> str:
        return self._kept(self._notebook)

    def _kept(self, path: str) -> str:
        return os.path.join(self._dir, KEPT, path)

    def settle(self, project_path: str) -> str:
        """Put sources where they are kept, as often as Guild copies them anew; returns the path
        of the source notebook.

        ``project_path`` is the notebook relative to PROJECT_DIR, the last resort for a run whose
        notebook Guild did not copy: ``from_project`` says that it was needed. Raises
        NotebookError where there is no source.
        """
        before = manifest.read(self._dir)
        copied: dict[str, list[str]] = {}  # by path in the run, the last line for each
        for line in before:
            if manifest.is_source(line):
                copied[_in_run(line)] = list(line)
        others = [line for line in before if not manifest.is_ours(line)]
        if self._notebook in copied:
            self._move(self._notebook, copied[self._notebook])
        else:
            copied[self._notebook] = self._from_project(project_path)
            self.from_project = True
        for path, line in copied.items():
            if path == self._executed != self._notebook:
                self._move(path, line)
            elif path != self._notebook:
                self._keep(path, line)
        after = [*copied.values(), *others, *manifest.executed(self._notebook)]
        if after != before:
            manifest.write(self._dir, after)
        self._say_where()
        return self.kept_notebook

    def _move(self, path: str, line: list[str]) -> None:
        """Move a source file to where sources are kept, with its line of the manifest. The one at
        the place of the executed notebook goes when that is written over it."""
        in_run = os.path.join(self._dir, path)
        if _path_of(line) == path and os.path.isfile(in_run):
            self._copy(in_run, path)
            if path != self._executed:
                os.unlink(in_run)
        line[1] = f"{KEPT}/{path}"
        if not os.path.isfile(self._kept(path)):
            raise NotebookError(f"the run has lost its source {line[1]} - run the operation anew")

    def _from_project(self, path: str) -> list[str]:
        project_file = os.path.join(os.environ.get("PROJECT_DIR") or ".", path)
        if not os.path.isfile(project_file):
            raise NotebookError(
                f"notebook {path} is neither in the run directory nor in the project - "
                "check 'notebook' and 'sourcecode' in guild.yml"
            )
        self._copy(project_file, self._notebook)
        with open(self.kept_notebook, "rb") as f:
            digest = hashlib.sha1(f.read()).hexdigest()  # as Guild's manifest has it
        return ["s", f"{KEPT}/{self._notebook}", digest, path]

    def _copy(self, source: str, path: str) -> None:
        with open(source, "rb") as f:
            write_whole(self._kept(path), f.read())
        shutil.copymode(source, self._kept(path))

    def _keep(self, path: str, line: list[str]) -> None:
        """Link a source file that is no notebook of ours from where sources are kept.

        ``--force-sourcecode`` makes Guild copy to where the run says its source code is: a new
        file lies there then and not in the run directory, where the notebook looks for it.
        """
        line[1] = path
        target = os.path.join(self._dir, path)
        link = os.path.join(self._dir, KEPT, path)
        try:
            os.makedirs(os.path.dirname(link), exist_ok=True)
            if os.path.lexists(link) and not os.path.islink(link):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(link, target)
            if not os.path.lexists(link):
                os.symlink(os.path.relpath(target, os.path.dirname(link)), link)
        except OSError:
            pass  # no links here (Windows without the privilege): the file is where it was

    def _say_where(self) -> None:
        path = os.path.join(self._dir, ".guild", "attrs", "op")
        try:
            with open(path, encoding="utf-8") as f:
                text = f.read()
        except OSError:
            return
        match = _DEST.search(text)
        if match and not match.group(2).startswith(KEPT):
            dest = f"{KEPT}/{match.group(2)}" if match.group(2) != "." else KEPT
            text = text[: match.start(2)] + dest + text[match.end(2) :]
            write_whole(path, text.encode("utf-8"))


def _path_of(line: list[str]) -> str:
    return os.path.normpath(line[1]).replace(os.sep, "/")


def _in_run(line: list[str]) -> str:
    """The path that a source file has in the run, wherever it is kept."""
    path = _path_of(line)
    return path[len(KEPT) + 1 :] if path.startswith(f"{KEPT}/") else path
