"""The Python of an environment: where it is, what it lacks to start a kernel, and how that is
installed there."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import KernelError

PROBE_SECONDS = 30.0
"""Time that an interpreter has to say what it is. Taken up where a file server is slow."""

OLDEST = (3, 7)
"""The oldest Python whose ipykernel understands what a run sends it."""

ANSWER = "guild-notebook: "
"""What begins the answer's line: an interpreter may print others when it starts or ends."""

# Valid in Python 2.7 too, and finds nothing in the working directory.
_PROBE = """
import sys
sys.path[0] or sys.path.pop(0)
import json
answer = {{"version": sys.version_info[:2], "prefix": sys.prefix, "path": list(map(str, sys.path))}}
for name in sys.version_info[:2] >= {oldest} and {names} or ():
    from importlib.util import find_spec
    try:
        if not find_spec(name):
            answer["lacks"] = name
            break
        if name in {imported}:
            __import__(name)
    except BaseException as e:
        said = (str(e).strip() + " ").splitlines()[0]
        answer["fails"] = [name, type(e).__name__ + ": " + said.strip()]
        break
print("\\n{start}" + json.dumps(answer))
"""


def is_environment(folder: str) -> bool:
    """Whether a folder is an environment of Python (PEP 405) or of conda."""
    return os.path.isfile(os.path.join(folder, "pyvenv.cfg")) or is_conda(folder)


def prefix_of(program: str) -> str:
    """The folder of the environment that has ``program`` in its ``bin``."""
    return os.path.dirname(os.path.dirname(program))


def is_within(path: str, *folders: str) -> bool:
    """Whether a file, or a folder, lies in one of these ``folders``, through links or not. What a
    file itself links to is not looked at: the Python of an environment is mostly a link."""
    place = os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path))
    real = [os.path.realpath(folder) for folder in folders if folder]
    return any(os.path.commonpath([place, folder]) == folder for folder in real)


def is_conda(folder: str) -> bool:
    return os.path.isdir(os.path.join(folder, "conda-meta"))


def python_in(path: str, name: str) -> str:
    """The interpreter at ``path``, a Python or the folder of an environment. Raises KernelError
    where there is none; ``name`` is what the user calls it."""
    said = f"kernel '{name}'"
    if not os.path.exists(path):
        state = "a broken link" if os.path.islink(path) else "not there"
        raise KernelError(
            f"{said}: {path} is {state} - give the path of an environment, or of its Python, "
            "relative to the folder of guild.yml"
        )
    if not os.path.isdir(path):
        if not os.access(path, os.X_OK):
            raise KernelError(
                f"{said}: {path} is not executable - give the path of an environment, or of its "
                "Python"
            )
        return path
    for python in ("python", "python3"):
        found = os.path.join(path, "bin", python)
        if os.access(found, os.X_OK):
            return found
        if os.path.lexists(found):
            target = os.path.realpath(found)
            what = "is not executable" if os.path.exists(found) else f"links to nothing ({target})"
            raise KernelError(f"{said}: {found} {what} - make the environment anew")
    if is_conda(path):
        raise KernelError(
            f"{said}: the environment {path} has no Python - install it: "
            f"conda install --prefix {shlex.quote(path)} python ipykernel"
        )
    raise KernelError(
        f"{said}: the folder {path} is not an environment, it has no bin/python - give the path of "
        "one that `python -m venv`, uv or conda has made"
    )


def lack(python: str, names: Sequence[str], imported: Sequence[str], env: Mapping[str, str]) -> str:
    """What an interpreter lacks to start a kernel, a line for the user, or "": a module of
    ``names``, of which those that are ``imported`` must be importable as well. Runs it, for tens of
    milliseconds and what imports take."""
    program = _PROBE.format(oldest=OLDEST, names=list(names), imported=list(imported), start=ANSWER)
    try:
        answer = answer_of(python, ["-c", program], env, PROBE_SECONDS)
    except KernelError as e:
        return str(e)
    if tuple(answer["version"]) < OLDEST:
        return (
            f"{python} is Python {'.'.join(map(str, answer['version']))}, which is too old - take "
            f"{'.'.join(map(str, OLDEST))} or later"
        )
    prefix, path = answer["prefix"], answer["path"]
    if "lacks" in answer:
        return without(python, answer["lacks"], prefix, path)
    if "fails" in answer:
        failing, error = answer["fails"]
        package = _DISTRIBUTIONS.get(failing, failing.split(".")[0])
        command = install_command(python, prefix, path, package, again=True)
        return f"{python} cannot import {failing} ({error}) - install it anew: {command}"
    return ""


def answer_of(python: str, arguments: Sequence[str], env: Mapping[str, str], seconds: float) -> Any:
    """What an interpreter answers that is started with these ``arguments``: the JSON behind ANSWER
    in the last line that begins so. Raises KernelError where there is no such line."""
    import subprocess  # which most runs need only once their kernel has been started

    env = dict(env)
    if is_environment(prefix_of(python)):
        env.pop("PYTHONHOME", None)  # as its kernel starts (run/kernel/launcher.py)
    try:
        done = subprocess.run(
            [python, *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
        )
    except OSError as e:
        raise KernelError(f"{python} does not run: {e.strerror} - make the environment anew") from e
    except subprocess.TimeoutExpired as e:
        raise KernelError(
            f"{python} does not answer in {seconds:g} s - see what it waits for"
        ) from e
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    answers = [line[len(ANSWER) :] for line in lines if line.startswith(ANSWER)]
    if not answers:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = [line for line in said if line.startswith("Fatal Python error")] or said
        raise KernelError(
            f"{python} is not a Python that runs: {''.join(said[-1:]) or 'it says nothing'}"
        )
    return json.loads(answers[-1])


def without(python: str, module: str, prefix: str, path: Sequence[str]) -> str:
    """What is said of an interpreter with this ``sys.prefix`` and ``sys.path`` that lacks a
    module."""
    package = _DISTRIBUTIONS.get(module, module)
    command = install_command(python, prefix, path, package)
    return f"there is no {package} for {python} - install it: {command}"


_IN_CONDA = {
    "graphviz": "python-graphviz",
    "igraph": "python-igraph",
    "opencv-python": "opencv",
    "psycopg2-binary": "psycopg2",
    "tables": "pytables",
    "torch": "pytorch",
}
"""Names in conda-forge of distributions that have another one there."""


def install_command(
    interpreter: str, prefix: str, path: Sequence[str], distribution: str, again: bool = False
) -> str:
    """The command of a shell that installs a distribution for ``interpreter``, which has this
    ``sys.prefix`` and ``sys.path``: conda's in its environments, uv's where there is no pip. With
    ``again`` it installs one that is there but broken, in its newest release."""
    python, anew = shlex.quote(interpreter), "--upgrade --force-reinstall " * again
    if is_conda(prefix):
        name = _IN_CONDA.get(distribution, distribution.lower())
        anew = "--force-reinstall " * again
        return f"conda install {anew}--prefix {shlex.quote(prefix)} --channel conda-forge {name}"
    if any(os.path.isfile(os.path.join(folder, "pip", "__init__.py")) for folder in path):
        return f"{python} -m pip install {anew}{distribution}"
    return f"uv pip install --python {python} {anew}{distribution}"


_DISTRIBUTIONS = {"ipykernel_launcher": "ipykernel", "zmq": "pyzmq"}
"""The names under which modules are installed, where they have others."""


def active_python() -> str:
    """The Python of an active environment that is not the one of this process, as Guild has it for
    scripts (guild/config.py, python_exe); "" where there is none."""
    prefix = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX") or ""
    python = os.path.join(prefix, "bin", "python")
    if os.environ.get("GUILD_PYTHON_EXE"):
        python = shutil.which(os.environ["GUILD_PYTHON_EXE"]) or os.environ["GUILD_PYTHON_EXE"]
    elif not prefix or not os.path.exists(python):
        return ""
    else:
        # That of conda, where it was activated later than a virtual one, or a shim of pyenv.
        first = shutil.which("python") or ""
        if is_environment(prefix_of(first)):
            python = first
    return "" if is_own(python) else python


def with_own(variables: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, str]:
    """``variables`` and a kernel's ``own``, which may name others, as
    jupyter_client/provisioning/provisioner_base.py has them. Raises ValueError for what is not a
    text."""
    import string

    env = dict(variables)
    for name, text in own.items():
        if not isinstance(text, str):
            raise ValueError(f"the value of {name} is not a text")
        env[name] = string.Template(text).safe_substitute(env)
    return env


def environ_for(own: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process, and a kernel's ``own``, with the ``python_path`` of these.
    Raises as ``with_own`` does."""
    env = with_own(os.environ, own)
    path = python_path(env.get("PYTHONPATH", "").split(os.pathsep))
    return {**env, "PYTHONPATH": os.pathsep.join(path)}


def python_path(entries: Sequence[str]) -> list[str]:
    """Those entries of PYTHONPATH that Guild has not put there for itself, the packages of its
    Python (guild/op_util.py, _guild_path)."""
    guild = importlib.util.find_spec("guild")
    own = os.path.realpath(os.path.dirname(os.path.dirname(str(guild and guild.origin))))
    return [path for path in entries if os.path.realpath(path) != own]


def is_own(python: str) -> bool:
    """Whether a program is this interpreter, perhaps by another name (python3, python3.13). The one
    of another environment may link to the same file."""
    names = (python, sys.executable)
    folder, own = (os.path.realpath(os.path.dirname(name)) for name in names)
    return folder == own and len(set(map(os.path.realpath, names))) == 1


def program_of(argv: Sequence[str]) -> str:
    """The absolute path of the program that a kernel's command starts, "" where there is none.
    ``python`` and ``python3`` are this interpreter, as jupyter_client has it (manager.py,
    format_kernel_cmd)."""
    major, minor = sys.version_info[:2]
    if argv and argv[0] in ("python", f"python{major}", f"python{major}.{minor}"):
        return sys.executable
    return (shutil.which(argv[0]) if argv else None) or ""


def is_python(program: str) -> bool:
    return "python" in os.path.basename(program).lower()


def module_of(command: Sequence[str]) -> str:
    """The module's name in ``python OPTION… -m MODULE …``, "" in any other command."""
    at = module_at(command)
    return command[at] if at else ""


def module_at(command: Sequence[str]) -> int:
    """Where the module's name is in such a command, 0 in any other."""
    at = 1
    while at < len(command) and command[at].startswith("-") and command[at] != "-m":
        at += 2 if command[at] in ("-X", "-W") else 1
    if list(command[at : at + 1]) != ["-m"] or at + 1 == len(command):
        return 0
    return at + 1 if is_python(command[0]) or "ipykernel" in command[at + 1] else 0
