"""The steps of a pipeline, each a Guild of its own."""

from __future__ import annotations

import shlex
import subprocess
from types import SimpleNamespace
from typing import Any

from .. import start


def start_steps_apart() -> None:
    """Start Guild for each step so that it imports no module of the project.

    Guild starts itself as ``python -um guild.main_bootstrap`` in the project (guild/steps_main.py,
    _step_run_cmd), so a ``queue.py`` there ends the pipeline. This replaces the command of a
    pipeline by this module, which starts steps in another way; recorded runs hold its name.

    Needless when Guild starts itself by a path, or with ``-P``.
    """
    from guild import op_util

    words = map(shlex.quote, start.arguments(__name__))
    op_util.STEPS_EXEC = f"${{guild_python_exe}} {' '.join(words)}"


def _call(command: list[str], **options: Any) -> int:
    python, _options, module, *rest = command
    return subprocess.call([python, *start.arguments(module), *rest], **options)


if __name__ == "__main__":
    from guild import op_util, steps_main

    steps_main.subprocess = SimpleNamespace(call=_call)
    try:
        steps_main.main()
    except SystemExit as error:
        op_util.handle_system_exit(error)
