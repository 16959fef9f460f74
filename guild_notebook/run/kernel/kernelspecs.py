"""Which kernel a notebook runs on."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from traitlets import TraitError

from ...errors import KernelError

OWN_PYTHON = "guild-notebook-own-python"
"""The kernel name of the Python interpreter that executes this module."""


class KernelSpecs(KernelSpecManager):  # type: ignore[misc]  # jupyter_client carries no types
    """The installed kernels, and this interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name != OWN_PYTHON:
            return super().get_kernel_spec(kernel_name)
        if importlib.util.find_spec("ipykernel") is None:
            raise KernelError(
                f"there is no ipykernel for {sys.executable} - "
                f"install it: {sys.executable} -m pip install ipykernel"
            )
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def choose(specs: KernelSpecs, option: str | None, named: str, language: str) -> tuple[str, str]:
    """The name of the kernel to start, and a line for the user if it replaces the one that the
    notebook has ``named``, else "". Raises KernelError if ``option`` (nb-kernel) or the notebook
    names a kernel that is not installed and that this interpreter cannot replace."""
    # For kernels, and for jupyter_client, which looks into ipykernel, whose older releases import
    # their debugger on the way: that warns of frozen modules on Python 3.11 and later.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    # It looks for kernels in IPython's folder too, which warns where the home is read-only.
    warnings.filterwarnings("ignore", module="IPython")
    wanted = option or named
    if not wanted:
        if language != "python":
            raise KernelError(
                f"the notebook is written in {language} and names no kernel - "
                f"set nb-kernel to one of: {_installed(specs)}"
            )
        return OWN_PYTHON, ""
    try:
        command = specs.get_kernel_spec(wanted).argv
        if not command or not all(isinstance(word, str) for word in command):
            raise ValueError(f"its argv {command} is not a command")
    except NoSuchKernel:
        if option or language != "python":
            raise KernelError(
                f"kernel '{wanted}' is not installed - install it, or set nb-kernel to one of: "
                f"{_installed(specs)}"
            ) from None
        specs.get_kernel_spec(OWN_PYTHON)  # raises if there is no ipykernel
        return OWN_PYTHON, f"kernel '{wanted}' is not installed, using {sys.executable}"
    except (OSError, ValueError, TypeError, TraitError) as e:
        raise KernelError(f"the kernelspec of '{wanted}' cannot be read: {e}") from None
    return wanted, ""


def _installed(specs: KernelSpecs) -> str:
    return ", ".join(sorted(specs.find_kernel_specs())) or "none is installed"
