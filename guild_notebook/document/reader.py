"""Reading a notebook file without running any of it.

A notebook is read with the standard library alone, since Guild's own process reads the flags of
every notebook operation of a project, and nbformat takes longer to import than the rest of this
package. It is imported for notebooks of old formats only, and jupytext for texts only.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..errors import NotebookError
from . import text_formats
from .cells import KINDS, Cell, cell_label, cell_names

NEWEST_MAJOR = 4  # the newest nbformat major version that can be run (nbformat 5.x writes 4.5)
OLDEST_MAJOR = 2  # the oldest: nbformat 1 was never in a release of IPython


def outside_error(notebook: str, project: str) -> NotebookError:
    """The error for ``notebook`` (a phrase with its path), which is outside of ``project``."""
    return NotebookError(
        f"{notebook} lies outside of the project {project} - copy it there, or run it by its own "
        "path: guild run PATH"
    )


def is_inside(path: str, folder: str) -> bool:
    """Whether ``path`` is in ``folder`` when all links are followed."""
    real_path, real_folder = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath([real_path, real_folder]) == real_folder


@dataclass(eq=False)
class Notebook:
    """A notebook file, which errors call ``name``: its nbformat 4 document and the cells of it."""

    path: str
    data: dict[str, Any]
    cells: list[Cell] = field(default_factory=list)
    name: str = ""

    @property
    def kernel_name(self) -> str:
        """The name of the notebook's kernelspec, "" where it has none."""
        name = self._metadata("kernelspec").get("name")
        return name if isinstance(name, str) else ""

    @cached_property
    def labels(self) -> list[str]:
        """What messages call each cell (cells.py)."""
        names = cell_names(self.cells)
        return [cell_label(c.index + 1, name, c.number) for c, name in zip(self.cells, names)]

    @property
    def language(self) -> str:
        """The language in lower case, from ``kernelspec`` or ``language_info``, else "python"."""
        for section, key in (("kernelspec", "language"), ("language_info", "name")):
            language = self._metadata(section).get(key)
            if language and isinstance(language, str):
                return language.lower()
        return "python"

    def _metadata(self, section: str) -> dict[str, Any]:
        return mapping(mapping(self.data.get("metadata")).get(section))


def mapping(value: Any) -> dict[str, Any]:
    """``value``, of a notebook that may be anybody's, where it is one; an empty one for others."""
    return value if isinstance(value, dict) else {}


def read(path: str, name: str | None = None) -> Notebook:
    """Read the notebook at ``path``, which errors call ``name`` (the path as the user typed it).

    A text (``.py``, ``.md``) is read by jupytext, and formats before nbformat 4 are upgraded.
    Raises NotebookError where the file cannot be read, is not a notebook, or is of a newer format.
    """
    name = name or path
    data = _upgraded(_load(path, name), name)
    return Notebook(path, data, cells_of(data, name), name)


_OTHERS = {
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|!--|\?xml)": (
        "a web page (HTML) - download the file itself, of GitHub by 'Raw'"
    ),
    rb"version https://git-lfs": "a pointer of Git LFS - get the file: git lfs pull",
    rb"PK\x03\x04|\x1f\x8b": "an archive - unpack it",
}
"""What files that are called notebooks often are, by how they begin."""


def _load(path: str, name: str) -> Any:
    if os.path.exists(path) and not os.path.isfile(path):
        raise NotebookError(f"{name} is not a file - give the path of a notebook (.ipynb)")
    try:
        with open(path, "rb") as f:
            content = f.read()
    except FileNotFoundError:
        from . import notebooks_beside

        advice = notebooks_beside.advice(name, os.curdir) or "check its path"
        raise NotebookError(f"notebook {name} does not exist - {advice}") from None
    except OSError as e:
        raise NotebookError(f"cannot read notebook {name}: {e.strerror}") from e
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):  # a byte order mark, blanks
        raise NotebookError(f"notebook {name} is empty - save it again in Jupyter")
    if text_formats.is_text(path):
        if conflict := merge_conflict(content, name):
            raise NotebookError(conflict)
        return text_formats.parse_text(content, path, name)
    try:
        return json.loads(content)
    except RecursionError:
        raise NotebookError(f"notebook {name} is nested too deeply to be a notebook") from None
    except ValueError as e:  # JSONDecodeError, UnicodeDecodeError, an integer that is too long
        raise _not_json(content, name, e) from None


def _not_json(content: bytes, name: str, error: ValueError) -> NotebookError:
    """What is said of a file that should be a notebook and is not JSON."""
    if conflict := merge_conflict(content, name):
        return NotebookError(conflict)
    for start, kind in _OTHERS.items():
        if re.match(start, content, re.IGNORECASE):
            return NotebookError(f"{name} is not a notebook: it is {kind}")
    return NotebookError(
        f"notebook {name} is not valid JSON ({error}) - restore it or save it again in Jupyter"
    )


def merge_conflict(content: bytes, name: str) -> str:
    """What is said of a file ``name`` that a merge has left with a conflict, "" of any other."""
    begin = re.search(rb"^<{7}(?= |\r?$)", content, re.MULTILINE)
    if not begin or not re.search(rb"^>{7}(?= |\r?$)", content[begin.end() :], re.MULTILINE):
        return ""
    import shlex

    line = content.count(b"\n", 0, begin.start()) + 1
    return (
        f"{name} holds the conflict of a merge (<<<<<<< in line {line}) - resolve it, or take one "
        f"side: git checkout --ours {shlex.quote(name)}, or --theirs"
    )


def _upgraded(data: Any, name: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise NotebookError(f"{name} is not a notebook: it holds no JSON object")
    major = data.get("nbformat")
    if major is None and isinstance(data.get("worksheets"), list):
        major = 2  # nbformat 1 and 2 files may lack the number (nbformat/reader.py)
    if not isinstance(major, int) or isinstance(major, bool) or major < OLDEST_MAJOR:
        raise NotebookError(f"{name} is not a notebook: it has no nbformat number")
    if major > NEWEST_MAJOR:
        raise NotebookError(
            f"notebook {name} is of nbformat {str(major)[:20]}, newer than {NEWEST_MAJOR} - "
            f"upgrade guild-notebook or save it as nbformat {NEWEST_MAJOR}"
        )
    return data if major == NEWEST_MAJOR else _convert(data, name)


def _convert(data: dict[str, Any], name: str) -> dict[str, Any]:
    import logging

    import nbformat

    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # nbformat's logger
    try:
        node = nbformat.reads(json.dumps(data), as_version=NEWEST_MAJOR)
        nbformat.validate(node)
    except Exception as e:  # converters raise errors of any type
        raise NotebookError(
            f"notebook {name} cannot be upgraded to nbformat {NEWEST_MAJOR} "
            f"({type(e).__name__}) - open and save it in Jupyter"
        ) from None
    converted: dict[str, Any] = json.loads(json.dumps(node))
    return converted


def cells_of(nb: Any, name: str = "") -> list[Cell]:
    """The cells of an nbformat 4 document, which errors call ``name``. Raises NotebookError where
    they are not valid."""
    if not isinstance(nb.get("cells"), list):
        raise NotebookError(f"{name} is not a notebook: it has no list of cells")
    return [_cell(index, cell, name) for index, cell in enumerate(nb["cells"])]


def _cell(index: int, cell: Any, name: str) -> Cell:
    label = cell_label(index + 1)
    if not isinstance(cell, dict):
        raise NotebookError(f"{label} of notebook {name} is not a JSON object")
    kind = cell.get("cell_type")
    if not isinstance(kind, str):
        raise NotebookError(f"{label} of notebook {name} has no cell_type")
    if kind not in KINDS:
        raise NotebookError(
            f"{label} of notebook {name} is of the unknown type '{kind[:40]}' - "
            f"there are {', '.join(KINDS)}"
        )
    source = _source(label, cell.get("source"), name)
    count = cell.get("execution_count") if kind == "code" else None
    return Cell(index, kind, source, _tags(cell), count if type(count) is int else None)


def _source(label: str, source: Any, name: str) -> str:
    if isinstance(source, str):
        return source
    if source is None:
        return ""
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    raise NotebookError(f"the source of {label} of notebook {name} is not text")


def _tags(cell: dict[str, Any]) -> tuple[str, ...]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
