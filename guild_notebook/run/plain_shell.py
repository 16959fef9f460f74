"""The environment of ``guild`` commands that are started as from a shell, also within a run."""

from __future__ import annotations

import os
from collections.abc import Mapping

_OF_A_RUN = (
    *("CMD_DIR", "FLAGS_DEST", "GUILD_OP", "GUILD_PLUGINS", "GUILD_RUNS_PARENT"),
    *("GUILD_SOURCECODE", "HANDLE_KEYBOARD_INTERRUPT", "NO_OP_INTERRUPTED_MSG", "NO_RUN_OUTPUT"),
    *("NO_WARN_RUNDIR", "PROJECT_DIR", "RUN_DIR", "RUN_ID"),
)
_PREFIXES_OF_A_RUN = ("FLAG_", "GUILD_NOTEBOOK_", "GUILD_SECRET_")


def environment() -> dict[str, str]:
    """The environment for a command: in a notebook that itself is a run, without what Guild has
    told that run (guild/op.py, _op_proc_env; guild/op_util.py, _op_cmd_env; guild/steps_main.py,
    _step_run_env)."""
    from guild import config

    environ: Mapping[str, str] = os.environ
    if "RUN_DIR" in environ:
        source = environ.get("GUILD_SOURCECODE", "").split(os.pathsep)
        path = environ.get("PYTHONPATH", "").split(os.pathsep)
        path = [entry for entry in path if entry and entry not in source]
        environ = {
            name: value
            for name, value in environ.items()
            if name not in _OF_A_RUN and not name.startswith(_PREFIXES_OF_A_RUN)
        }
        environ["PYTHONPATH"] = os.pathsep.join(path)
    return {**environ, "GUILD_HOME": os.path.abspath(config.guild_home())}
