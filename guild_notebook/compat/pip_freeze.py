"""Guild's list of the installed packages."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

from .. import start


def list_packages_apart() -> None:
    """List the packages that are installed without importing a module of the project.

    Guild runs ``python -m pip freeze`` in the project (guild/pip_util.py:332), where a
    ``traceback.py`` leaves the run without its list. Needless when Guild runs it elsewhere.
    """
    from guild import pip_util

    pip_util.subprocess = SimpleNamespace(**vars(subprocess))
    pip_util.subprocess.check_output = _check_output


def _check_output(command: list[str], **options: Any) -> bytes:
    if command[1:3] == ["-m", "pip"]:
        command = [command[0], *start.arguments("pip"), *command[3:]]
    output: bytes = subprocess.check_output(command, **options)
    return output
