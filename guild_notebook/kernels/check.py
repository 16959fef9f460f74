"""What is known of a kernel before the run that is to start it."""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import KernelError
from . import interpreters


def check(
    option: str | None, named: str, language: str, project: str, is_confirmed: bool = True
) -> None:
    """Raise KernelError where the kernel of ``option`` (nb-kernel), or else the one that the
    notebook of this ``language`` has ``named``, is known not to start: what is not there, and what
    its Python lacks. ``project`` is the folder of guild.yml: a Python that lies there may
    have come with it, and is not started before the user has confirmed the run."""
    wanted, active = option or named or "python", interpreters.active_python()
    if language == "python" and not (option or named or active):
        return
    if os.path.expanduser("~") == "~":
        return  # jupyter_core finds nothing without a home, which the run makes
    spec = None if active else _installed(wanted)
    if spec is None:
        from .kernelspecs import KernelSpecs, choose

        specs = KernelSpecs(project)
        name, _replaced = choose(specs, option, named, language)
        spec = specs.get_kernel_spec(name).to_dict()
    if "kernel_provisioner" in (spec.get("metadata") or {}):
        return  # it starts the kernel in a way of its own, perhaps on another machine
    argv = spec["argv"]
    program = active if argv[0] == active else interpreters.program_of(argv)
    if not program and os.path.isabs(argv[0]):
        raise KernelError(
            f"kernel '{wanted}': {argv[0]}, which starts it, is not there or not executable - "
            f"install the kernel again, or remove it: jupyter kernelspec remove {wanted}"
        )
    module = interpreters.module_of(argv)
    may_start = is_confirmed or program == active or not interpreters.is_within(program, project)
    if module and may_start and program and not interpreters.is_own(program):
        path = interpreters.python_path(os.environ.get("PYTHONPATH", "").split(os.pathsep))
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}  # a step has Guild's own
        lack = interpreters.lack(program, [module, "zmq"], ["zmq"], env)
        if lack:
            of_active = "it is of the active environment (nb-kernel may name another), and "
            why = of_active if program == active else ""
            raise KernelError(f"kernel '{wanted}' does not start: {why}{lack}")


def _installed(name: str) -> dict[str, Any] | None:
    """The kernel.json of an installed kernel, None where KernelSpecs has to look. jupyter_client
    takes a quarter of a second to be imported, which most runs can do without here."""
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("kernels") if os.sep not in name else ():
        try:
            with open(os.path.join(folder, name.lower(), "kernel.json"), encoding="utf-8") as file:
                spec = json.load(file)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError):
            return None
        argv = spec.get("argv") if isinstance(spec, dict) else None
        is_command = isinstance(argv, list) and all(isinstance(word, str) for word in argv)
        if not argv or not is_command or "{" in argv[0]:
            return None
        return spec if isinstance(spec.get("metadata", {}), dict) else None
    return None
