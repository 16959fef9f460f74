"""A run's ``.guild/manifest``: a line for each file that the notebook's cells have not written.

Guild writes ``s PATH SHA1 PROJECT_PATH`` for source code and ``d PATH SHA1 SOURCE`` for a file of a
dependency. A file without a line is generated: ``guild ls --generated`` lists it, and an operation
that requires this one without ``select`` gets it (guild/resolver.py, _default_run_files_filter).

The executed notebook, its reports and its images are generated, but they are not data. Each has a
line of the type ``g``, which ``guild ls`` takes for generated and which the resolver does not pass
on. Both normalize the path. ``guild merge`` does not know the type ``g`` and does not normalize, so
with the path written as ``./PATH`` it finds no line for the file and treats it as generated
(guild/run_merge.py, _apply_run_file_to_merge).

The executed notebook lies at the path of the project's source, which ``guild merge --all`` must not
overwrite with it. So it has another line with the plain path and the type ``d``: ``guild merge``
leaves files of dependencies alone. For all other readers the later line counts, the ``g``.
"""

from __future__ import annotations

import contextlib
import re
import shlex

from .run_files import RunFiles, is_below

Line = list[str]

_MANIFEST = ".guild/manifest"
_ARTIFACT = "g"
_NOTEBOOK = "notebook:"

_PLAIN = re.compile(r"[\w@%+=:,./ -]*", re.ASCII)
"""Lines in which nothing is quoted (shlex.quote), and words end with a blank."""


def read_lines(files: RunFiles) -> list[Line]:
    """The lines of the manifest, split into their fields, as far as they can be; none where there
    is no manifest. Raises OSError."""
    try:
        text = files.read(_MANIFEST).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    lines = []
    for line in text.split("\n"):  # names may hold a \r
        with contextlib.suppress(ValueError):  # Guild has not written it
            is_plain = _PLAIN.fullmatch(line)  # which shlex takes 50 times as long for
            lines.append(line.split() if is_plain else shlex.split(line))
    return [line for line in lines if line]


def write_lines(files: RunFiles, lines: list[Line]) -> None:
    """Replace the manifest. Raises OSError."""
    files.write_file(_MANIFEST, b"".join(map(_text, lines)))


def append_line(files: RunFiles, line: Line) -> None:
    """Append a line to the manifest. Raises OSError."""
    files.append(_MANIFEST, _text(line))


def _text(line: Line) -> bytes:
    text = " ".join(shlex.quote(field) for field in line) + "\n"
    return text.encode("utf-8", "surrogateescape")


def executed_notebook_lines(path: str) -> list[Line]:
    """The two lines of the executed notebook at ``path``."""
    return [["d", path, "-", _NOTEBOOK + path], artifact_line(path, path)]


def artifact_line(path: str, notebook: str) -> Line:
    """The line of ``path``, a report or image of ``notebook`` (both relative to the run)."""
    return [_ARTIFACT, f"./{path}", "-", _NOTEBOOK + notebook]


def executed_notebook(lines: list[Line]) -> str:
    """The path of the executed notebook, "" where the run is not of a notebook."""
    origins = [line[3] for line in lines if is_notebook(line[3:])]
    return origins[-1][len(_NOTEBOOK) :] if origins else ""


def is_notebook(origin: list[str]) -> bool:
    """Whether a line whose fields from the fourth on are ``origin`` is of the executed notebook, or
    of what has been made of it."""
    return bool(origin) and origin[0].startswith(_NOTEBOOK)


def is_source(line: Line) -> bool:
    """Whether the line is of a source file, which lies in the run."""
    return line[:1] == ["s"] and len(line) > 1 and is_below(line[1])


def is_renewed(line: Line) -> bool:
    """Whether each start of the run writes the line anew: that of a source file or an artifact."""
    return is_source(line) or is_notebook(line[3:])
