"""The steps of a pipeline, each a Guild of its own."""

from __future__ import annotations

import shlex

from .. import start


def start_steps_apart() -> None:
    """Start Guild for each step so that it imports no module of the project.

    Guild starts itself as ``python -um guild.main_bootstrap`` in the project (guild/steps_main.py,
    _step_run_cmd), so a ``queue.py`` there ends the pipeline. This makes steps_main.py the command
    of a pipeline. Needless when Guild starts itself by a path, or with ``-P``.
    """
    from guild import op_util

    words = map(shlex.quote, start.arguments("guild_notebook.compat.steps_main"))
    op_util.STEPS_EXEC = f"${{guild_python_exe}} {' '.join(words)}"
