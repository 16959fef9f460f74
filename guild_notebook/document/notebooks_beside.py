"""The notebook that a name which is not there was probably meant for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ..errors import nearest
from . import text_formats

MOST_FILES = 2_000  # files of a folder that are looked at, with those of the folders in it
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:", re.IGNORECASE)


def advice(path: str, folder: str) -> str:
    """What to do about a notebook that is not at ``path``, relative to ``folder``: "" where
    nothing is known."""
    if _URL.match(path):
        return "this is a URL, and runs are made of files: download it first (curl -LO URL)"
    near = near_notebook(path, folder)
    return f"did you mean '{near}'?" if near else ""


def near_notebook(path: str, folder: str) -> str:
    """The notebook below ``folder`` that was probably meant by ``path``, "" where none is near: one
    of a similar name beside it, or else of the same name elsewhere."""
    parent, name = os.path.split(path)
    stem = _stem(name)
    beside = {_stem(each): each for each in notebooks_in(os.path.join(folder, parent))}
    near = stem if stem in beside else nearest(stem, beside)
    if near:
        return os.path.join(parent, beside[near])
    same = [each for each in _notebooks_below(folder) if _stem(os.path.basename(each)) == stem]
    return same[0] if same else ""


def notebooks_in(folder: str) -> list[str]:
    """The names of the notebooks in a folder, sorted."""
    try:
        return sorted(name for name in os.listdir(folder) if name.lower().endswith(".ipynb"))
    except OSError:
        return []


def _stem(name: str) -> str:
    root, ending = os.path.splitext(name)
    return root if ending.lower() == ".ipynb" or text_formats.is_text(name) else name


def _notebooks_below(folder: str) -> Iterator[str]:
    seen = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            if name.lower().endswith(".ipynb"):
                yield os.path.relpath(os.path.join(parent, name), folder)
        if seen > MOST_FILES:
            return
