"""What starts the kernel that an operation or a notebook names.

jupyter_client, whose KernelSpecManager finds kernels, takes longer to import than all that a run
does before it starts its kernel. So what most runs ask for is found here, and the rest there.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import KernelError, nearest
from . import interpreters

OWN_PYTHON = "guild-notebook-own-python"
"""The kernel name of the active environment's Python, else of the one that executes this module."""

CONDA = "conda:"
"""What the names of conda's environments begin with."""

_NAME = re.compile(r"[a-zA-Z0-9._\-]+")  # as jupyter_client/kernelspec.py, _is_valid_kernel_name


@dataclass
class KernelSpec:
    """A kernel.json, with the names of jupyter_client's KernelSpec, and the folder that has it."""

    argv: list[str]
    resource_dir: str = ""
    display_name: str = ""
    language: str = ""
    interrupt_mode: str = "signal"
    kernel_protocol_version: str = ""
    env: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


class NoSuchKernelError(Exception):
    """No kernel has the name."""


class KernelSpecs:
    """The installed kernels, this interpreter, and environments: a name is that of an installed
    kernel, of one that Jupyter's configuration provides, ``conda:NAME``, or the path of an
    environment or its Python, relative to ``project``. Where another environment than this one is
    active, installed kernels are those that its Jupyter would have.

    Of a name that the user has not chosen, but a notebook, nothing that may have come with it is
    started: a path has to be absolute and to lead out of the project and of all runs."""

    def __init__(self, project: str = "") -> None:
        self._project = project
        self._found: dict[str, KernelSpec] = {}
        self._configured_error = ""
        self._active = interpreters.active_python()
        prefix = interpreters.prefix_of(self._active)
        self._of_active = os.path.join(prefix, "share", "jupyter", "kernels")

    @functools.cached_property
    def _manager(self) -> Any:
        # It looks into ipykernel, whose older releases import their debugger on the way: that warns
        # of frozen modules on Python 3.11 and later.
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        # It looks for kernels in IPython's folder too, which warns where the home is read-only.
        warnings.filterwarnings("ignore", module="IPython")
        from jupyter_client.kernelspec import KernelSpecManager

        manager = KernelSpecManager()
        if self._active:
            manager.kernel_dirs.insert(0, self._of_active)
        return manager

    def get_kernel_spec(self, kernel_name: str, is_chosen: bool = True) -> KernelSpec:
        """Raises NoSuchKernelError, and KernelError for a name that is known but starts none."""
        if kernel_name not in self._found:
            spec = self._find(kernel_name, is_chosen)
            if spec.argv and isinstance(spec.argv[0], str):  # the rest is jupyter_client's
                program = spec.argv[0].replace("{resource_dir}", spec.resource_dir)
                spec.argv = [program.replace("{prefix}", sys.prefix), *spec.argv[1:]]
            self._found[kernel_name] = spec
        return self._found[kernel_name]

    def _find(self, name: str, is_chosen: bool) -> KernelSpec:
        if name == OWN_PYTHON:
            if not self._active and importlib.util.find_spec("ipykernel") is None:
                raise KernelError(
                    interpreters.without(sys.executable, "ipykernel", sys.prefix, sys.path)
                )
            return python_spec(self._active or sys.executable)
        if name.startswith(CONDA):
            wanted = name[len(CONDA) :]
            is_path = os.sep in wanted
            if is_path:
                folder = self._path(wanted, is_chosen)
            else:
                from . import conda

                folder = conda.environment(wanted)
            return python_spec(interpreters.python_in(folder, name))
        if not _NAME.fullmatch(name) or name in (".", ".."):
            if os.sep not in name and (of_name := self._displayed(name)):
                raise KernelError(
                    f"kernel '{name}' is what Jupyter shows for the kernel '{of_name}' - say "
                    f"nb-kernel={of_name}"
                )
            return python_spec(interpreters.python_in(self._path(name, is_chosen), name))
        try:
            return self._as_active(name, self._installed_spec(name))
        except NoSuchKernelError:
            spec = self._configured_spec(name)
            if spec:
                return spec
            from . import conda

            folder = conda.named_by_plugin(name) or self._path(name, is_chosen)
            if not interpreters.is_environment(folder):
                raise
            return python_spec(interpreters.python_in(folder, name))

    def _displayed(self, display_name: str) -> str:
        """The name of the installed kernel that Jupyter shows as ``display_name``, "" if none."""
        for name, folder in self._manager.find_kernel_specs().items():
            path = os.path.join(folder, "kernel.json")
            with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
                if json.loads(Path(path).read_bytes()).get("display_name") == display_name:
                    return str(name)
        return ""

    def _installed_spec(self, name: str) -> KernelSpec:
        found = None if self._active else _plain_spec(name)
        return found or _spec_of(self._manager, name)

    def _as_active(self, name: str, spec: KernelSpec) -> KernelSpec:
        """An installed kernel whose command is a plain ``python`` has the Python of the active
        environment, but for those of this environment; ``python3`` is always that Python."""
        folder, argv = spec.resource_dir, spec.argv
        if not self._active:
            return spec
        if name.lower() == "python3" and os.path.dirname(folder) != self._of_active:
            return python_spec(self._active)
        is_plain = interpreters.program_of(argv) == sys.executable and os.sep not in argv[0]
        if is_plain and not folder.startswith(os.path.join(sys.prefix, "share", "")):
            argv[0] = self._active
        return spec

    def _path(self, name: str, is_chosen: bool) -> str:
        path = os.path.expanduser(name)
        if not is_chosen:
            runs = os.path.dirname(os.environ.get("RUN_DIR", ""))
            if not os.path.isabs(path) or interpreters.is_within(path, self._project, runs):
                raise NoSuchKernelError
        return os.path.normpath(os.path.join(self._project, path))

    def _configured_spec(self, name: str) -> KernelSpec | None:
        """The kernel of the manager of kernels that Jupyter's configuration names, as
        nb_conda_kernels is. What fails there is in ``installed``."""
        from jupyter_core.application import JupyterApp
        from traitlets.utils.importstring import import_item

        what = "Jupyter's configuration"
        try:
            for file in ("jupyter_server_config", "jupyter_notebook_config"):
                app = JupyterApp(config_file_name=file, log_level="CRITICAL")
                app.raise_config_file_errors = True
                app.load_config_file()  # jupyter_config, and that file
                for section in ("JupyterApp", "ServerApp", "NotebookApp", *app.config):
                    named = app.config.get(section, {}).get("kernel_spec_manager_class")
                    if named and section.endswith("App"):
                        what = f"kernel_spec_manager_class {named} of {what}"
                        manager = import_item(named) if isinstance(named, str) else named
                        return _spec_of(manager(parent=app), name)
        except NoSuchKernelError:
            pass
        except Exception as e:  # of a plug-in, or of a configuration that is a program
            why = f"{type(e).__name__}: {' '.join(str(e).split())}"
            self._configured_error = f" ({what} fails: {why})"
        return None

    def installed(self) -> str:
        """The names of the installed kernels for a message, and why others are not found."""
        names = ", ".join(sorted(self._manager.find_kernel_specs())) or "none is installed"
        return names + self._configured_error


def installed_names() -> list[str]:
    """The names of the installed kernels, without a look into them."""
    from jupyter_core.paths import jupyter_path

    names: set[str] = set()
    for path in jupyter_path("kernels"):
        with contextlib.suppress(OSError):
            names.update(os.listdir(path))
    return sorted(names)


def _plain_spec(name: str) -> KernelSpec | None:
    """An installed kernel whose kernel.json holds what most hold, None where jupyter_client has to
    look: for others, and where there is none."""
    from jupyter_core.paths import jupyter_path

    for path in jupyter_path("kernels"):
        folder = os.path.join(path, name.lower())
        try:
            with open(os.path.join(folder, "kernel.json"), encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError):
            return None
        kinds = {"argv": list, "env": dict, "metadata": dict}
        known = {f.name: kinds.get(f.name, str) for f in fields(KernelSpec)}
        if not isinstance(found, dict) or not found.get("argv") or "resource_dir" in found:
            return None
        kept = {key: value for key, value in found.items() if key in known}
        if not all(isinstance(value, known[key]) for key, value in kept.items()):
            return None
        words = [*kept["argv"], *kept.get("env", {}).values()]
        if not all(isinstance(word, str) for word in words):
            return None
        spec = KernelSpec(**kept, resource_dir=folder)
        has_mode = spec.interrupt_mode in ("signal", "message")
        return spec if has_mode and "kernel_provisioner" not in spec.metadata else None
    return None


def _spec_of(manager: Any, name: str) -> KernelSpec:
    """The kernel that a KernelSpecManager finds. Raises NoSuchKernelError, and ValueError where its
    kernel.json is not valid."""
    from jupyter_client.kernelspec import NoSuchKernel
    from traitlets import TraitError

    try:
        found = manager.get_kernel_spec(name)
    except NoSuchKernel:
        raise NoSuchKernelError from None
    except TraitError as e:
        raise ValueError(str(e)) from None
    # Releases before 8.8 have no kernel_protocol_version.
    names = [f.name for f in fields(KernelSpec) if hasattr(found, f.name)]
    return KernelSpec(**{name: getattr(found, name) for name in names})


def python_spec(python: str) -> KernelSpec:
    """The kernel of a Python that has ipykernel."""
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return KernelSpec(argv=argv, display_name="Python 3", language="python")


def choose(
    specs: KernelSpecs, option: str | None, named: str, language: Callable[[], str]
) -> tuple[str, str]:
    """The name of the kernel to start, and a line for the user if it replaces the one that the
    notebook has ``named``, else "". ``language`` tells in which one the notebook is written. Raises
    KernelError if ``option`` (nb-kernel) or the notebook names a kernel that is not installed and
    that this interpreter cannot replace."""
    wanted = option or named
    if not wanted:
        if language() != "python":
            raise KernelError(
                f"the notebook is written in {language()} and names no kernel - "
                f"set nb-kernel to one of: {specs.installed()}"
            )
        return OWN_PYTHON, ""
    try:
        command = specs.get_kernel_spec(wanted, bool(option)).argv
        if not command or not all(isinstance(word, str) for word in command):
            raise ValueError(f"its argv {command} is not a command")
    except NoSuchKernelError:
        if option or language() != "python":
            installed = specs.installed()
            near = nearest(wanted, installed.split(", "))
            hint = f"did you mean '{near}'? Else install it" if near else "install it"
            raise KernelError(
                f"kernel '{wanted}' is not installed - {hint}, or set nb-kernel to the path of an "
                f"environment, conda:NAME or one of: {installed}"
            ) from None
        python = specs.get_kernel_spec(OWN_PYTHON).argv[0]  # raises if there is no ipykernel
        notice = f"kernel '{wanted}' is not installed, using {python}"
        return OWN_PYTHON, notice + " - for a path set nb-kernel" * (os.sep in wanted)
    except (OSError, ValueError, TypeError, RecursionError) as e:
        raise KernelError(f"the kernelspec of '{wanted}' cannot be read: {e}") from None
    return wanted, ""
