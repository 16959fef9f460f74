"""The processes that Guild starts in the project: the steps of a pipeline, and pip.

This module is the command of a pipeline as well. Recorded runs hold its name.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from .. import one_pipe, start
from . import with_changes

log = logging.getLogger("guild")


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
    pip_util.subprocess = with_changes(subprocess, check_output=_check_output)


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


def _offer_one_pipe() -> None:
    """Tell the steps that they may write what goes on to the pipe of this process, whose reader has
    a terminal."""
    if os.environ.pop(one_pipe.VARIABLE, None) == one_pipe.TERMINAL:
        os.write(1, one_pipe.BEGIN)
        os.environ[one_pipe.VARIABLE] = one_pipe.STEP


def _keeping_options(apply: Callable[..., None]) -> Callable[..., None]:
    """Keep options of a notebook that are assigned in ``run`` of a step which has ``flags`` as
    well: these take the place of all assignments there (guild/steps_main.py:170). Say what they
    take the place of. Needless when Guild adds them up."""
    from .. import options

    def apply_data_params(data: dict[str, Any], context: Any, run_spec: str) -> None:
        typed = list(context.params["flags"])
        apply(data, context, run_spec)
        given = list(context.params["flags"])
        if not data.get("flags"):
            return
        names = {text.partition("=")[0] for text in given}
        lost = [text for text in typed if text.partition("=")[0] not in names]
        ours = [text for text in lost if text.startswith(options.PREFIX)]
        context.params["flags"] = [*ours, *given]
        if others := [text for text in lost if text not in ours]:
            log.warning(
                "step %r: 'flags' takes the place of what 'run' assigns: %s is not used",
                run_spec,
                ", ".join(others),
            )

    return apply_data_params


if __name__ == "__main__":
    from guild import op_util, steps_main

    _offer_one_pipe()
    steps_main.subprocess = SimpleNamespace(call=_call)
    steps_main._apply_data_params = _keeping_options(steps_main._apply_data_params)
    try:
        steps_main.main()
    except SystemExit as error:
        op_util.handle_system_exit(error)
