"""Which source files are of libraries, and not of the notebook's project.

Loaded from its file by a process of the kernel's Python (prefix.py).
"""

from __future__ import annotations

import os
import sysconfig

_OF_PYTHON = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
_BEGINNINGS = ("<frozen", *(f"{path}{os.sep}" for path in (os.path.dirname(__file__), *_OF_PYTHON)))


def is_library(path: str) -> bool:
    """Whether a source file is of Python itself, of an installed package, or of what executes the
    cells."""
    return path.startswith(_BEGINNINGS) or "/site-packages/" in path or "/dist-packages/" in path
