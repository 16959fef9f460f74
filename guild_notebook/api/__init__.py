"""Python's front: notebooks run from a script, a notebook or another program, and runs as objects.

``run`` and ``sweep`` start the ``guild`` command of this environment as a process of its own, and
print what it prints; ``runs`` finds runs that there are. ``arun`` and ``asweep`` are the same for
asyncio. docs/python.md is about all of it.

May use ``cli``, ``compare``, ``run``, ``flags/*``, ``document``, ``options``, ``errors`` and
``texts``.
"""

from __future__ import annotations

from ..compare.model import Cell, Image, Output, Table
from ..errors import UserError
from .choosing import runs
from .results import ExecutedNotebook, Run, RunError, RunFailure, Runs, Sweep
from .starting import arun, asweep, run, sweep

__all__ = [
    "Cell",
    "ExecutedNotebook",
    "Image",
    "Output",
    "Run",
    "RunError",
    "RunFailure",
    "Runs",
    "Sweep",
    "Table",
    "UserError",
    "arun",
    "asweep",
    "run",
    "runs",
    "sweep",
]
