"""Imports that a run would execute, of modules that are not there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from ..document.reader import Notebook
from .events import Event
from .findings import ERROR, Finding
from .names import Names

Lacking = Callable[[list[str]], Mapping[str, str]]
"""Says of modules which are not there, each with what to do about it."""

_BRINGS_MODULES = re.compile(
    r"\b(?:pip3?|conda|mamba|micromamba|uv|apt|apt-get|easy_install|poetry|git|wget|curl|unzip|tar)\b"
    r"|sys\.path|__path__|\bpath\.(?:append|insert|extend)\b|PYTHONPATH|addsitedir|chdir"
    r"|%(?:cd|run|pushd)\b|%%(?:writefile|file)\b|\.py\b|\.zip\b|meta_path|sys\.modules|install|importlib|import_ipynb|drive\.mount"
)
"""What may bring modules, or say where there are others: imports behind it are not looked at."""

_COMMENT = re.compile(r"^[ \t]*#.*", re.MULTILINE)


def findings(
    notebook: Notebook, names: Names, folders: Iterable[str], lacking: Lacking
) -> Iterator[Finding]:
    """The imports of a notebook that fail. ``folders`` are those from which its cells import
    modules of their own."""
    wanted: dict[str, Event] = {}
    bringing = _first_that_brings(notebook)
    own = {entry.partition(".")[0] for folder in folders for entry in _entries(folder)}
    for each in names.imports:
        if each.name.startswith("."):
            text = f"'{each.name}' is an import of the same package, and a notebook is in none"
            yield _finding(each, f"{text} - import the module by its full name")
        elif each.block.cell < bringing and each.name.partition(".")[0] not in own:
            wanted.setdefault(each.name, each)
    said = set()
    for module, text in lacking(list(wanted)).items():
        if text not in said:
            yield _finding(wanted[module], text)
        said.add(text)


def _first_that_brings(notebook: Notebook) -> float:
    for cell in notebook.cells:
        if cell.is_code and _BRINGS_MODULES.search(_COMMENT.sub("", cell.source)):
            return cell.index
    return float("inf")


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder or os.curdir)
    except OSError:
        return []


def _finding(each: Event, text: str) -> Finding:
    return each.block.finding(each.node, "missing-import", ERROR, text)
