"""What to do about a module that a cell wants to import and the kernel's Python does not have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...kernels.distributions import distribution_of
from ...kernels.interpreters import install_command

_MISSING = re.compile(r"No module named '(\w+)'")
"""Python's own text. Of a submodule, whose name has a dot, the package is there."""


def advice(error: str, python: dict[str, str], path: Sequence[str]) -> str:
    """A line on a ModuleNotFoundError with the text ``error`` for the user of the kernel whose
    Python is ``python`` (environment.ASK_PYTHON), with this ``sys.path``; "" where nothing is
    known: of a module of Python, of a submodule, of a name that is no module's."""
    match = _MISSING.fullmatch(error.strip())
    distribution = distribution_of(match[1]) if match and python else ""
    if not match or not distribution:
        return ""
    module, interpreter = match[1], python["interpreter"]
    command = install_command(interpreter, python["prefix"], path, distribution)
    said = f"the kernel's Python, {interpreter}, has no module '{module}'"
    return f"{said} - install it there: {command}"
