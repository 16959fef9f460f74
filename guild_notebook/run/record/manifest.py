"""A run's ``.guild/manifest``: a line for each file that the notebook's cells have not made.

Guild writes ``s PATH SHA1 PROJECT_PATH`` for source code and ``d PATH SHA1 SOURCE`` for what a
dependency gave; a file without a line is generated. That is what ``guild ls --generated`` lists,
and what an operation that requires this one gets where it selects nothing
(guild/resolver.py, _default_run_files_filter).

The executed notebook, its reports and its images are generated, but they are not data: they have
a line of the type ``g``, which ``guild ls`` takes for generated and the resolver does not
pass on. Both normalize paths; ``guild merge`` does not, and knows no ``g``
(guild/run_merge.py, _apply_run_file_to_merge): written as ``./PATH`` the line is none for it, and
it treats the file as any other that was generated.

The executed notebook stands where the project has its source, which ``guild merge --all`` must not
replace with it: a line of its own under the plain path makes it a dependency from elsewhere to
``guild merge``, which leaves such alone. The line after it is the one that counts to all else.
"""

from __future__ import annotations

import os
import shlex

from ...files import write_whole

Line = list[str]

_ARTIFACT = "g"
_SOURCE = "notebook:"


def read(run_dir: str) -> list[Line]:
    try:
        with open(_path(run_dir), encoding="utf-8") as f:
            return [shlex.split(line) for line in f if line.strip()]
    except FileNotFoundError:
        return []


def write(run_dir: str, lines: list[Line]) -> None:
    write_whole(_path(run_dir), "".join(map(_text, lines)).encode("utf-8"))


def append(run_dir: str, line: Line) -> None:
    with open(_path(run_dir), "a", encoding="utf-8") as f:
        f.write(_text(line))


def _text(line: Line) -> str:
    return " ".join(shlex.quote(arg) for arg in line) + "\n"


def executed(notebook: str) -> list[Line]:
    """The lines of the executed notebook."""
    return [["d", notebook, "-", _SOURCE + notebook], artifact(notebook, notebook)]


def artifact(path: str, notebook: str) -> Line:
    """The line of a file that was made of ``notebook``, not by its cells; ``path`` is relative to
    the run directory."""
    return [_ARTIFACT, f"./{path}".replace(os.sep, "/"), "-", _SOURCE + notebook]


def is_source(line: Line) -> bool:
    return line[:1] == ["s"] and len(line) > 1


def is_ours(line: Line) -> bool:
    """Whether each start of the notebook writes the line anew: of a source or an artifact."""
    return is_source(line) or (len(line) > 3 and line[3].startswith(_SOURCE))


def _path(run_dir: str) -> str:
    return os.path.join(run_dir, ".guild", "manifest")
