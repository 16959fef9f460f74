"""What is known of a kernel before the run that is to start it."""

from __future__ import annotations

import os

from ..errors import KernelError
from . import interpreters
from .kernelspecs import KernelSpecs, choose


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
    specs = KernelSpecs(project)
    name, _replaced = choose(specs, option, named, lambda: language)
    spec = specs.get_kernel_spec(name)
    if "kernel_provisioner" in spec.metadata:
        return  # it starts the kernel in a way of its own, perhaps on another machine
    argv = spec.argv
    program = active if argv[0] == active else interpreters.program_of(argv)
    if not program and os.path.isabs(argv[0]):
        raise KernelError(
            f"kernel '{wanted}': {argv[0]}, which starts it, is not there or not executable - "
            f"install the kernel again, or remove it: jupyter kernelspec remove {wanted}"
        )
    module = interpreters.module_of(argv)
    may_start = is_confirmed or program == active or not interpreters.is_within(program, project)
    if module and may_start and program and not interpreters.is_own(program):
        try:
            env = interpreters.environ_for(spec.env)  # a step has Guild's own
            lack = interpreters.lack(program, [module, "zmq"], ["zmq"], env)
        except ValueError as e:  # of a variable, which may be anything
            raise KernelError(f"kernel '{wanted}' cannot be started: {e}") from None
        if lack:
            of_active = "it is of the active environment (nb-kernel may name another), and "
            why = of_active if program == active else ""
            raise KernelError(f"kernel '{wanted}' does not start: {why}{lack}")
