"""How the process of a run is started, so that no file of the project is imported in place of a
module of Python or of an installed package.

Guild starts it in the run directory, which holds the project's source code, and puts that first
into PYTHONPATH (guild/op_util.py, python_path_env). There Python would find an ``encodings.py`` or
a ``queue.py`` of the project before its own, some of them before it runs a line of ours.
"""

from __future__ import annotations

import os
import runpy
import sys

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

_folders: list[str] | None = None


def arguments(module: str) -> list[str]:
    """The arguments for Python in place of ``-um MODULE``."""
    return ["-ISc", _TAKE_OUT, "-uc", _RUN, module]


def main() -> None:
    """Run the module that is named first in ``sys.argv`` as ``__main__``."""
    global _folders
    given = os.environ.pop(_GIVEN).split(os.pathsep)
    kept = os.environ["PYTHONPATH"].split(os.pathsep)
    _folders = [os.path.abspath(path) for path in given if path and path not in kept]
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)


def again(module: str) -> None:
    """Replace a process that was started as ``python -um MODULE``, the command that runs of version
    0.1 hold, by one that is started with ``arguments``."""
    if _folders is None:
        os.execv(sys.executable, [sys.executable, *arguments(module), *sys.argv[1:]])


def folders() -> list[str]:
    """The project's folders that were in PYTHONPATH, absolute."""
    return _folders or []
