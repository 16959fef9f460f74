"""Environments with a kernel, of this and of other Pythons."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")

UV = [sys.executable, "-m", "uv"]


def linked(folder: Path, *distributions: str) -> Path:
    """An environment of this Python that has these distributions, what they require, and nothing
    else: links to the installed ones. Returns its folder."""
    venv.create(folder, symlinks=True, with_pip=False)
    version = "python{}.{}".format(*sys.version_info)
    site = folder / "lib" / version / "site-packages"
    for name in required(*distributions):
        found = metadata.distribution(name)
        for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            link = site / top
            if not link.exists():
                link.symlink_to(str(found.locate_file(top)))
    return folder


@functools.cache
def required(*distributions: str) -> list[str]:
    """The distributions and what they require, as it is installed here."""
    found: dict[str, None] = {}
    waiting = list(distributions)
    while waiting:
        name = waiting.pop()
        try:
            requirements = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            continue  # for another system
        found[name] = None
        names = [re.split(r"[^\w.-]", text)[0] for text in requirements if "extra ==" not in text]
        waiting += [name for name in names if name not in found]
    return list(found)


def installed(folder: Path, version: str, *requirements: str) -> Path:
    """An environment of another Python, with pip and what is required from PyPI. Skips the test
    where that Python is not on the machine. Returns its folder."""
    from noxfile import interpreter

    python = interpreter(version)
    if not python:
        pytest.skip(f"there is no Python {version} here")
    subprocess.run([*UV, "venv", "-q", "--seed", "-p", python, str(folder)], check=True)
    install = [*UV, "pip", "install", "-q", "-p", str(folder / "bin" / "python")]
    subprocess.run([*install, *requirements], check=True)
    return folder


def activated(folder: Path | str) -> dict[str, str]:
    """The variables of a shell in which a virtual environment is active."""
    path = os.pathsep.join([str(Path(folder, "bin")), os.environ["PATH"]])
    return {"VIRTUAL_ENV": str(folder), "PATH": path}


def module_in(folder: Path, name: str) -> None:
    """Give an environment a module of its own, which says where it is."""
    (site,) = folder.glob("lib/python*/site-packages")
    (site / f"{name}.py").write_text("of = __file__\n")


def program(path: Path, text: str) -> Path:
    """A program of a shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def conda_environment(folder: Path) -> Path:
    """``folder``, an environment, laid out as one of conda's: with its records, a variable of
    ``conda env config vars set``, one of a package, and a script of activation."""
    records = folder / "conda-meta"
    records.mkdir(parents=True)
    (records / "history").write_text("")
    (records / "state").write_text('{"version": 1, "env_vars": {"OF_STATE": "a b"}}')
    etc = folder / "etc" / "conda"
    (etc / "env_vars.d").mkdir(parents=True)
    (etc / "env_vars.d" / "package.json").write_text('{"OF_PACKAGE": "1"}')
    (etc / "activate.d").mkdir()
    (etc / "activate.d" / "package.sh").write_text('export OF_SCRIPT="in $CONDA_PREFIX"\n')
    return folder
