"""The build backend of pyproject.toml: setuptools, and a .pth file in the wheels.

setuptools has no way to put a file beside the packages that ``pip install`` and
``pip install -e`` both install, and Python executes a .pth file nowhere else.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  # the hooks of PEP 517 and 660
from wheel.wheelfile import WheelFile

HOOKS = "guild_notebook_hooks.pth"


def build_wheel(wheel_directory: str, *args: Any, **options: Any) -> str:
    return _with_hooks(wheel_directory, build_meta.build_wheel(wheel_directory, *args, **options))


def build_editable(wheel_directory: str, *args: Any, **options: Any) -> str:
    with warnings.catch_warnings():
        # That no folder of the working directory should have the name of the package, for each.
        warnings.filterwarnings("ignore", "Editable installation")
        name = build_meta.build_editable(wheel_directory, *args, **options)
    return _with_hooks(wheel_directory, name)


def _with_hooks(folder: str, name: str) -> str:
    """Add the file to the wheel ``name`` in ``folder``, and its line to RECORD."""
    wheel = Path(folder, name)
    plain = wheel.rename(wheel.with_suffix(".plain"))
    # RECORD of the one is not checked, and that of the other is written when it is closed.
    with WheelFile(str(wheel), "w") as target:
        with ZipFile(plain) as source:
            for member in source.infolist():
                if not member.filename.endswith(".dist-info/RECORD"):
                    target.writestr(member, source.read(member))
        target.write(HOOKS)
    plain.unlink()
    return name
