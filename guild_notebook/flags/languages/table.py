"""Which languages' literals can be read and written: one table, the kernel's language the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ...document.reader import Notebook
from . import foreign, foreign_write, literals


class Language(NamedTuple):
    """``read(text)`` gives a literal's value or raises NotLiteralError; ``write(value, like)``
    gives the literal that takes the place of ``like``, or raises ValueError with the reason.
    """

    read: Callable[[str], Any]
    write: Callable[[Any, str], str]


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise literals.NotLiteralError from None


LANGUAGES = {
    "python": Language(literals.read, literals.write),
    "r": Language(partial(foreign.read, language="r"), foreign_write.write_r),
    "julia": Language(partial(foreign.read, language="julia"), foreign_write.write_julia),
    "bash": Language(partial(foreign.read, language="bash"), foreign_write.write_bash),
}
_OTHER = Language(_read_json, foreign_write.write_other)

# Names by which kernels call these languages, and kernels whose notebooks may name no language.
_ALIASES = {"ipython": "python", "sage": "python", "sh": "bash", "zsh": "bash", "shell": "bash"}
_KERNELS = {"ir": "r", "xr": "r", "swift": "swift", "bash": "bash", "julia": "julia"}


def named(name: str) -> Language:
    """The language called ``name``, as ``of`` gives it; JSON's literals for one not known."""
    return LANGUAGES.get(name, _OTHER)


def of(notebook: Notebook) -> str:
    """The language of the notebook's kernel: python, r, julia, bash or another's own name."""
    name = notebook.language
    kernel = notebook.kernel_name.lower().split("-")[0].rstrip("0123456789.")
    if name == "python" and kernel in _KERNELS:
        return _KERNELS[kernel]
    bare = name.rstrip("0123456789. ")
    bare = _ALIASES.get(bare, bare)
    return bare if bare in LANGUAGES else name
