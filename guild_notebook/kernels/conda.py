"""The environments that conda, mamba and micromamba know."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ..errors import KernelError, nearest
from .interpreters import is_conda

SECONDS = 60.0
"""Time that conda has to list its environments: a second or two, more on a file server."""

_PLUGIN_NAME = re.compile(r"conda-(?:env-)?(.+)-py")


def environment(name: str) -> str:
    """The folder of the environment that conda has under ``name``, "base" for its root. Raises
    KernelError where there is none, or more than one."""
    known: list[str] = []
    for prefixes in _listed():
        known += [prefix for prefix in prefixes if prefix not in known]
        found = [prefix for prefix in prefixes if name in _names(prefix)]
        if len(found) == 1:
            return found[0]
    found = [prefix for prefix in known if name in _names(prefix)]
    if found:
        raise KernelError(
            f"kernel 'conda:{name}': several environments have that name, {', '.join(found)} - set "
            "nb-kernel to the path of one"
        )
    if not known:
        raise KernelError(
            f"kernel 'conda:{name}': no environment of conda is found - put conda, mamba or "
            "micromamba on PATH, or set nb-kernel to the environment's path"
        )
    names = sorted(_names(prefix)[0] for prefix in known)
    near = nearest(name, names)
    hint = f"did you mean 'conda:{near}'? Else create it" if near else "create it"
    raise KernelError(
        f"kernel 'conda:{name}': conda knows no environment of that name - {hint}, or set "
        f"nb-kernel to one of: {', '.join(names)}"
    )


def named_by_plugin(kernel: str) -> str:
    """The folder of the environment whose Python kernel nb_conda_kernels calls ``kernel``
    (``conda-env-NAME-py``: its manager.py, _all_specs), "" where conda has none."""
    match = _PLUGIN_NAME.fullmatch(kernel)
    for prefixes in _listed() if match else ():
        for prefix in prefixes:
            if match and match[1] in map(_in_plugin_name, _names(prefix)):
                return prefix
    return ""


def _in_plugin_name(name: str) -> str:
    without_accents = unicodedata.normalize("NFKD", name)
    kept = (char for char in without_accents if not unicodedata.combining(char))
    return re.sub(r"[^a-zA-Z0-9._\-]", "_", "".join(kept))


def _names(prefix: str) -> list[str]:
    """The names of an environment: that of its folder, and one that also has the installation's, as
    nb_conda_kernels tells environments of several installations apart; "base" for a root."""
    above, name = os.path.split(prefix)
    is_mambas = prefix == os.environ.get("MAMBA_ROOT_PREFIX")
    if is_mambas or os.path.isdir(os.path.join(prefix, "condabin")):
        return ["base", "root"]
    if os.path.basename(above) == "envs":
        return [name, f"{os.path.basename(os.path.dirname(above))}-{name}"]
    return [name]


def _listed() -> Iterator[list[str]]:
    """The folders of environments: those in the file where all of these programs note what they
    create, then those that each program lists, which takes a second."""
    text = ""
    with contextlib.suppress(OSError, RuntimeError):  # there is no such file, or no home
        text = Path("~/.conda/environments.txt").expanduser().read_text("utf-8", "replace")
    yield _existing(text.splitlines())
    programs = [os.environ.get("CONDA_EXE"), os.environ.get("MAMBA_EXE")]
    for program in dict.fromkeys([*programs, "conda", "mamba", "micromamba"]):
        path = shutil.which(program) if program else None
        if path:
            yield _existing(_listed_by(path))


def _listed_by(program: str) -> list[str]:
    try:
        done = subprocess.run(
            [program, "env", "list", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        listed = json.loads(done.stdout)["envs"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return []
    return [path for path in listed if isinstance(path, str)] if isinstance(listed, list) else []


def _existing(paths: list[str]) -> list[str]:
    """Those of ``paths`` that are environments, once each."""
    normal = (os.path.normpath(path.strip()) for path in paths if path.strip())
    return [path for path in dict.fromkeys(normal) if is_conda(path)]
