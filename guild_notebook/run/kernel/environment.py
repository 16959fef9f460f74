"""A kernel's environment variables, the folders from which its cells import modules, and what it
executes before the first cell.

A kernel has the variables that Jupyter would give it, and those of its own environment as if that
were active: nothing of the environment that Guild runs in.

A module of the project must not be imported in place of one that the kernel itself imports. So a
kernel that is a Python program starts without the project's folders, as in Jupyter: an IPython
kernel gets them by ipython_setup.py before the first cell, others by launcher.py.
"""

from __future__ import annotations

import ast
import contextlib
import glob
import json
import os
import pkgutil
import shlex
import shutil
from collections.abc import Mapping
from typing import Any

from ... import start
from ...kernels import interpreters
from . import launcher

# Conda's scripts are for sh, and many for bash alone.
_ACTIVATE_AND_START = 'for f in "$0"/etc/conda/activate.d/*.sh; do . "$f"; done; exec "$@"'

ASK_PYTHON = (
    "(lambda sys, platform, json, os: json.dumps({"
    "'interpreter': sys.executable, 'implementation': platform.python_implementation(), "
    "'version': platform.python_version(), 'build': sys.version, 'platform': platform.platform(), "
    "'prefix': sys.prefix, 'path': [str(entry) for entry in sys.path], "
    "'pid': os.getpid(), 'language_info': getattr(get_ipython().kernel, 'iopub_thread', None) and "
    "get_ipython().kernel.language_info"
    "}))(*map(__import__, ('sys', 'platform', 'json', 'os')))"
)
"""An expression of IPython, which binds no name: a JSON text that says which Python evaluates it,
the process that it is, and the ``language_info`` of its kernel_info_reply."""


def python_of(reply: dict[str, Any]) -> dict[str, Any]:
    """The answer to ASK_PYTHON in a kernel's execute_reply, empty where it is another one."""
    try:
        text = reply["user_expressions"]["python"]["data"]["text/plain"]
        return dict(json.loads(ast.literal_eval(text)))
    except (KeyError, SyntaxError, TypeError, ValueError):
        return {}


class Environment:
    """``folders``: from where cells import, those of the run and its notebook first. Where it
    ``fails_on_command``, a ``!command`` that fails fails its cell."""

    def __init__(self, folders: list[str], fails_on_command: bool = False) -> None:
        self._fails_on_command = fails_on_command
        of_project, self._others = start.python_path()
        self.folders = list(dict.fromkeys([*map(os.path.abspath, folders), *of_project]))
        self._bin = ""

    def variables(self, argv: list[str]) -> dict[str, str]:
        """The variables for the kernel whose kernelspec has ``argv``."""
        paths = interpreters.python_path(self._others)
        if not is_ipython(argv) and not interpreters.module_at(argv):
            paths = [*self.folders, *paths]
        variables = _usable_elsewhere(os.environ)
        # A kernel's debugger warns of frozen modules on Python 3.11 and later.
        variables.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        if not paths:
            del variables["PYTHONPATH"]
        program = interpreters.program_of(argv)
        folder, prefix = os.path.dirname(program), interpreters.prefix_of(program)
        is_python = interpreters.is_python(program) or interpreters.module_at(argv)
        if is_python or interpreters.is_environment(prefix):
            variables.update(_conda_variables(prefix))
            launcher.activate(variables, folder, prefix)
            self._bin = folder
        return variables

    def command(self, command: list[str], output_address: str) -> list[str]:
        """``command`` with launcher.py in place of ``python -m``, which would import from the
        working directory before anything else, after what conda does to activate an environment."""
        at = interpreters.module_at(command)
        prefix = interpreters.prefix_of(interpreters.program_of(command))
        if at:
            # An IPython kernel is sent the rest, however it was started.
            folders = os.pathsep.join(self.folders)
            rest = ["", ""] if is_ipython(command) else [output_address, folders]
            command = [*command[: at - 1], launcher.__file__, *rest, *command[at:]]
        if _is_inactive(prefix) and glob.glob(
            os.path.join(glob.escape(prefix), "etc", "conda", "activate.d", "*.sh")
        ):
            shell = shutil.which("bash") or "sh"
            return [shell, "-c", _ACTIVATE_AND_START, prefix, *command]
        return command

    def setup_code(self, implementation: object, output_address: str) -> str:
        """What a kernel that calls itself ``implementation`` (in its kernel_info_reply) executes
        before the first cell, "" for nothing."""
        if implementation == "bash_kernel":
            # What reads the shell's terminal gets an end of file at once, where it would wait. The
            # user's ~/.bashrc may have put the commands of pyenv or conda first.
            path = f"{shlex.quote(self._bin)}:$PATH" if self._bin else "$PATH"
            return f"stty -icanon min 0 time 0 2>/dev/null; PATH={path}"
        if implementation != "ipython":
            return ""
        values = f"'address': {output_address!r}, 'folders': {self.folders!r}"
        values += f", 'fails_on_command': {self._fails_on_command}"
        names = "launcher", "ipython_setup", "files_read"
        return "\n".join(executing(name, values) for name in names)


def executing(name: str, values: str) -> str:
    """An expression that executes a module of this room in a namespace of its own, not in that of
    the notebook, in which it finds ``get_ipython`` and ``values``."""
    text = (pkgutil.get_data(__package__, f"{name}.py") or b"").decode("utf-8")
    names = f"'__name__': 'guild_notebook.{name}', 'get_ipython': get_ipython, {values}"
    return f"exec(compile({text!r}, '<guild run>', 'exec'), {{{names}}})"


def is_ipython(argv: list[str]) -> bool:
    """Whether a kernel's command starts an IPython kernel."""
    return any("ipykernel" in arg for arg in argv)


def _usable_elsewhere(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of Guild as programs in the run directory understand them: folders are absolute,
    where Guild has them relative to the one that it was started in, and there is no LOG_LEVEL of
    Guild's own, a number (guild/op.py, _log_level), which other programs take for their own."""
    variables = dict(environ)
    if variables.get("LOG_LEVEL", "").isdigit():
        del variables["LOG_LEVEL"]
    for name in {"GUILD_HOME", "RUN_DIR"} & variables.keys():
        variables[name] = os.path.join(environ.get("CMD_DIR", ""), variables[name])
    for name in {"GUILD_SOURCECODE"} & variables.keys():  # of the run directory
        folders = filter(None, variables[name].split(os.pathsep))
        variables[name] = os.pathsep.join(map(os.path.abspath, folders))
    return variables


def _is_inactive(prefix: str) -> bool:
    active = os.environ.get("CONDA_PREFIX", "")
    return interpreters.is_conda(prefix) and os.path.realpath(active) != os.path.realpath(prefix)


def _conda_variables(prefix: str) -> dict[str, str]:
    """The variables that an environment of conda's has when it is activated, of its packages and
    of ``conda env config vars set``, none where it is active (conda/activate.py)."""
    found: dict[str, str] = {}
    if _is_inactive(prefix):
        of_packages = os.path.join(glob.escape(prefix), "etc", "conda", "env_vars.d", "*.json")
        for path in [*sorted(glob.glob(of_packages)), os.path.join(prefix, "conda-meta", "state")]:
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                data = json.load(file)
                stated = data.get("env_vars", {}) if path.endswith("state") else data
                found.update({name: str(value) for name, value in stated.items()})
    return found
