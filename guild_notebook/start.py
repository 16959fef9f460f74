"""How the process of a run is started, so that no file of the project is imported in place of a
module of Python or of an installed package.

Guild starts it in the run directory, which holds the project's source code, and puts that first
into PYTHONPATH (guild/op_util.py, python_path_env). There Python would find an ``encodings.py`` or
a ``queue.py`` of the project before its own, some of them before it runs a line of ours. Guild
starts itself in the project for each step of a pipeline, where it is the same.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

WAITS = "GUILD_NOTEBOOK_WAITS"
"""The variable of a process that was started ahead of its time (optimizers/next_trial.py): a pipe
from which it reads a byte when it is to begin. The pipe ends where the process is not needed."""

_GIVEN = "GUILD_NOTEBOOK_PYTHONPATH"

# Python without PYTHONPATH and site-packages takes the project's folders out of PYTHONPATH and
# becomes a Python of the usual kind. In PYTHONPATH of Guild these folders are relative, unless
# --debug-sourcecode names another. One line each, since Guild shows them.
_TAKE_OUT = (
    "import os, sys; env = os.environ; "
    f'given = env["{_GIVEN}"] = env.get("PYTHONPATH", ""); '
    'own = env.get("GUILD_SOURCECODE", "").split(os.pathsep) + [os.getcwd()]; '
    'env["PYTHONPATH"] = os.pathsep.join(p for p in given.split(os.pathsep) '
    "if os.path.isabs(p) and p not in own); "
    "os.execv(sys.executable, [sys.executable] + sys.argv[1:])"
)
# Python imports nothing between putting '' first, for -c, and the first statement.
_RUN = "import sys; sys.path[0] or sys.path.pop(0); from guild_notebook import start; start.main()"

_found: tuple[list[str], list[str]] | None = None
_Prepared = TypeVar("_Prepared", bound=AbstractContextManager[Any])

_waits = ""
_environ: dict[str, str] = {}


def arguments(module: str) -> list[str]:
    """The arguments for Python in place of ``-um MODULE``."""
    return ["-ISc", _TAKE_OUT, "-uc", _RUN, module]


def main() -> None:
    """Run the module that is named first in ``sys.argv`` as ``__main__``, in the environment that
    the process was started with."""
    global _found, _waits
    end_quietly_when_interrupted()
    _waits = os.environ.pop(WAITS, "")
    kept = _entries("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.environ.pop(_GIVEN)
    _environ.update(os.environ)
    own = [os.path.abspath(path) for path in _entries("PYTHONPATH") if path not in kept]
    _found = own, kept
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


def end_quietly_when_interrupted() -> None:
    """Let a Ctrl-C that nothing catches end this process without a traceback: the Guild that has
    started it gets it as well, and says so."""
    show = sys.excepthook

    def show_others(kind: Any, error: Any, traceback: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, traceback)

    sys.excepthook = show_others


def again(module: str) -> None:
    """Replace a process that was started as ``python -um MODULE``, the command that runs of version
    0.1 hold, by one that is started with ``arguments``."""
    if not _found:
        os.execv(sys.executable, [sys.executable, *arguments(module), *sys.argv[1:]])


def wait_until_needed(module: str, prepare: Callable[[], _Prepared | None]) -> _Prepared | None:
    """In a process that was started with ``arguments(module)`` ahead of its time, call ``prepare``,
    wait until it is to begin and return what was prepared. It is replaced by a new one, and what
    was prepared is closed, where packages have been installed or removed meanwhile. Any other
    process goes on at once, with None."""
    if not _waits:
        return None
    pipe, modified = int(_waits), _modified()
    prepared = prepare()
    is_needed = os.read(pipe, 1)
    os.close(pipe)
    if not is_needed:
        os._exit(0)
    if _modified() != modified:
        if prepared:
            prepared.__exit__(None, None, None)
        os.execve(sys.executable, [sys.executable, *arguments(module), *sys.argv[1:]], _environ)
    return prepared


def _modified() -> list[int]:
    """When each folder from which modules are imported was last changed."""
    return [os.stat(folder).st_mtime_ns for folder in sys.path if os.path.isdir(folder)]


def python_path() -> tuple[list[str], list[str]]:
    """The folders of PYTHONPATH: the project's, absolute, and the others."""
    return _found or ([], _entries("PYTHONPATH"))


def _entries(variable: str) -> list[str]:
    return [entry for entry in os.environ.get(variable, "").split(os.pathsep) if entry]
