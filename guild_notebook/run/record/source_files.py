"""The source files of a run, kept in ``.guild/sourcecode`` for each start of the run.

Guild copies source code to the run directory and lists it in ``.guild/manifest`` as
``s PATH SHA1 PROJECT_PATH``. The executed notebook is written to the notebook's own path, so the
source notebook moves to ``.guild/sourcecode/PATH``, and its manifest line names that path: Guild
copies the files that the manifest names for ``--proto``, and lists those that it does not name as
generated. Each start of the run reads the source there.

A source that is a text (``train.py``) moves there too, and so does a source file at the path of the
executed notebook: the ``train.ipynb`` that is paired with the text.

Links to all other source files make ``.guild/sourcecode`` the whole of the source code, and the
run attribute ``op`` names that folder: ``guild diff --sourcecode`` compares it, and
``guild cat --sourcecode`` shows its files (guild/run_util.py, sourcecode_dest).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat

from ...errors import NotebookError
from ...files import write_whole
from . import manifest
from .run_dir import RunDir

SOURCECODE_DIR = ".guild/sourcecode"

_DEST = re.compile(r"^(sourcecode:\n(?:[ \t].*\n)*?[ \t]+dest: )(.*)$", re.MULTILINE)
"""The line of ``.guild/attrs/op`` that says where source code is. It is replaced as text, since
Guild's YAML reader takes some numbers differently from what another writer means by them."""


class SourceFiles:
    """The source files of the run ``record``.

    ``from_project`` says after ``store`` whether the source came from the project."""

    def __init__(self, record: RunDir) -> None:
        self._run = record
        self.from_project = False

    def store(self, project_path: str) -> str:
        """Move and link source files into SOURCECODE_DIR, after each copy that Guild has made;
        returns the absolute path of the source notebook there.

        Where Guild has not copied the notebook, it is copied from ``project_path``, relative to
        PROJECT_DIR. Raises NotebookError where there is no source at all, OSError where a file
        cannot be written.
        """
        before = manifest.read_lines(self._run)
        sources: dict[str, list[str]] = {}  # by original path in the run, the last line for each
        for line in before:
            if manifest.is_source(line):
                sources[_original_path(line)] = list(line)
        others = [line for line in before if not manifest.is_renewed(line)]
        source, executed = self._run.source_path, self._run.executed_path
        if source in sources:
            self._move(source, sources[source])
        else:
            sources[source] = self._copy_from_project(project_path)
            self.from_project = True
        for path, line in sources.items():
            if path == executed != source:
                self._move(path, line)
            elif path != source:
                self._link(path, line)
        after = [*sources.values(), *others, *manifest.executed_notebook_lines(executed)]
        if after != before:
            manifest.write_lines(self._run, after)
        self._set_dest()
        return self._stored(source)

    def _stored(self, path: str) -> str:
        return self._run.path(f"{SOURCECODE_DIR}/{path}")

    def _move(self, path: str, line: list[str]) -> None:
        """Move the source file ``path`` into SOURCECODE_DIR and change its manifest ``line``. A
        file at the path of the executed notebook stays until that is written over it."""
        if os.path.normpath(line[1]) == path:
            with contextlib.suppress(FileNotFoundError):
                self._copy(self._run.open(path, os.O_RDONLY), path)
            if path != self._run.executed_path:
                self._run.remove(path)
        line[1] = f"{SOURCECODE_DIR}/{path}"
        try:
            os.close(self._run.open(line[1], os.O_RDONLY))
        except FileNotFoundError:
            raise NotebookError(
                f"the run has lost its source {line[1]} - run the operation anew"
            ) from None

    def _copy_from_project(self, path: str) -> list[str]:
        project_file = os.path.join(os.environ.get("PROJECT_DIR") or ".", path)
        if not os.path.isfile(project_file):
            raise NotebookError(
                f"notebook {path} is neither in the run directory nor in the project - "
                "check 'notebook' and 'sourcecode' in guild.yml"
            )
        source = self._run.source_path
        content = self._copy(os.open(project_file, os.O_RDONLY), source)
        import hashlib

        digest = hashlib.sha1(content).hexdigest()  # as Guild's manifest has it
        return ["s", f"{SOURCECODE_DIR}/{source}", digest, path]

    def _copy(self, fd: int, path: str) -> bytes:
        """Copy the open file to SOURCECODE_DIR; returns its content."""
        with os.fdopen(fd, "rb") as f:
            content, mode = f.read(), stat.S_IMODE(os.fstat(fd).st_mode)
        stored = self._stored(path)
        write_whole(stored, content)
        os.chmod(stored, mode)
        return content

    def _link(self, path: str, line: list[str]) -> None:
        """Link to the source file ``path``, which stays in the run directory, from SOURCECODE_DIR.

        With ``--force-sourcecode`` Guild copies to the folder that ``op`` names, so the new file is
        in SOURCECODE_DIR: it moves to where the notebook's code looks for it.
        """
        line[1] = path
        with contextlib.suppress(OSError):  # some file systems have no links
            target, link = self._run.path(path), self._stored(path)
            os.makedirs(os.path.dirname(link), exist_ok=True)
            if os.path.lexists(link) and not os.path.islink(link):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(link, target)
            if not os.path.lexists(link):
                os.symlink(os.path.relpath(target, os.path.dirname(link)), link)

    def _set_dest(self) -> None:
        """Set the folder of source code in the run attribute ``op``."""
        name = ".guild/attrs/op"
        try:
            text = self._run.read(name).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return
        match = _DEST.search(text)
        if match and not match.group(2).startswith(SOURCECODE_DIR):
            dest = f"{SOURCECODE_DIR}/{match.group(2)}" if match.group(2) != "." else SOURCECODE_DIR
            text = text[: match.start(2)] + dest + text[match.end(2) :]
            self._run.write_file(name, text.encode("utf-8", "surrogateescape"))


def _original_path(line: list[str]) -> str:
    """The path to which Guild has copied a source file first, whether it has moved or not."""
    path = os.path.normpath(line[1])
    return path[len(SOURCECODE_DIR) + 1 :] if path.startswith(f"{SOURCECODE_DIR}/") else path
