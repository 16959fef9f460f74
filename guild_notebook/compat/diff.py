"""``guild diff`` shows how two runs of notebooks differ as ``guild-notebook diff`` does."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

from .. import start

_RUNNER = "guild_notebook.run"  # the module that executes a notebook: an item of a run's command


def show_notebooks(diff_impl: Any) -> None:
    """Compare two whole runs by ``guild-notebook diff`` where both are of notebooks, and neither
    ``--cmd`` nor the user's configuration names a command for them.

    Guild takes ``diff -ru`` of all files of the runs then, or a viewer of folders
    (guild/commands/diff_impl.py:196), by which a notebook is JSON with images as text. It asks for
    the command with one path alone and knows a default for ``.ipynb`` only (:213). What is named
    by another option (``--output``, ``--path``, ``--dir`` and so on) is compared as by Guild.
    Needless when a plugin can name the command for two runs.
    """
    compare = diff_impl._diff

    def diff(path: str, other_path: str, args: Any) -> None:
        is_named = args.cmd or args.dir or diff_impl._config_diff_cmd(path)
        if not is_named and _is_of_notebook(path) and _is_of_notebook(other_path):
            command = [sys.executable, *start.arguments("guild_notebook.cli"), "diff"]
            args = args.copy(cmd=" ".join(map(shlex.quote, command)))
        compare(path, other_path, args)

    diff_impl._diff = diff


def _is_of_notebook(run_dir: str) -> bool:
    """Whether it is the directory of a run of a notebook."""
    from guild import run

    try:
        command = run.Run(os.path.basename(run_dir), run_dir)["op"]["op-cmd"]["cmd-args"]
    except Exception:  # it is not a run's, or the attribute is of another program
        return False
    return isinstance(command, list) and _RUNNER in command
