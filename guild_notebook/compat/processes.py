"""The processes that Guild starts in the project: the steps of a pipeline, and pip.

This module is the command of a pipeline as well. Recorded runs hold its name.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from .. import start


def start_steps_apart(op_util: Any) -> None:
    """Start each step so that it imports no module of the project.

    Guild starts itself as ``python -um guild.main_bootstrap`` (guild/steps_main.py,
    _step_run_cmd), where a ``queue.py`` of the project ends the pipeline, by the Python of an
    active environment, which may lack Guild. Needless when it does by a path, or with ``-P``, and
    by its own Python.
    """
    words = map(shlex.quote, start.arguments(__name__))
    op_util.STEPS_EXEC = f"${{guild_python_exe}} {' '.join(words)}"


def start_pip_apart(pip_util: Any) -> None:
    """Start pip so that it imports no module of the project.

    Guild starts ``python -m pip freeze`` (guild/pip_util.py:332), where a ``traceback.py`` leaves
    the run without its list of packages. Needless when it does by a path, or with ``-P``.
    """
    pip_util.subprocess = SimpleNamespace(**{**vars(subprocess), "check_output": _check_output})


def _check_output(command: list[str], **options: Any) -> bytes:
    if command[1:3] == ["-m", "pip"]:
        command = _apart(command)
        options["start_new_session"] = True  # Ctrl-C is for the run, which this is beside
    output: bytes = subprocess.check_output(command, **options)
    return output


def _apart(command: list[str]) -> list[str]:
    python, _option, module, *rest = command
    return [python, *start.arguments(module), *rest]


def _call(command: list[str], **options: Any) -> int:
    return subprocess.call(_apart([sys.executable, *command[1:]]), **options)


if __name__ == "__main__":
    from guild import op_util, steps_main

    steps_main.subprocess = SimpleNamespace(call=_call)
    try:
        steps_main.main()
    except SystemExit as error:
        op_util.handle_system_exit(error)
