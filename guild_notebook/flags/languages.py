"""Which languages' literals can be read and written: one table, the kernel's language the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import literals


class Language(NamedTuple):
    """``read(text)`` gives a literal's value or raises NotLiteralError; ``write(value, like)``
    gives the literal that takes the place of ``like``, or raises ValueError with the reason.
    """

    read: Callable[[str], Any]
    write: Callable[[Any, str], str]


PYTHON = Language(literals.read, literals.write)


def named(name: str) -> Language:
    """The language called ``name`` by a kernel, in lower case."""
    return PYTHON


def is_python(name: str) -> bool:
    """Whether a kernel's language is Python by any of the names that kernels give it."""
    return name.startswith(("python", "ipython", "sage"))
