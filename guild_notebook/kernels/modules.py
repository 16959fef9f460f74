"""Which modules the Python of a kernel lacks, before it is started, and how they are installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import KernelError
from . import interpreters, module_search
from .distributions import distribution_of
from .kernelspecs import KernelSpec, KernelSpecs, choose

SECONDS = 10.0
"""Time that another Python has to answer: tens of milliseconds, more on a file server."""


@dataclass
class Lacking:
    """What there is to say of each module that a kernel lacks, a sentence; ``why`` is why that is
    not known."""

    said: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


def lacking(
    option: str | None, named: str, language: str, project: str, names: Sequence[str]
) -> Lacking:
    """Those of the modules ``names`` that are not in the environment of the kernel of ``option``
    (nb-kernel), or else of the one that the notebook of this ``language`` has ``named``. Its Python
    is started for it, but for one that lies in the ``project`` and may have come with it. Raises
    KernelError where there is no such kernel."""
    specs = KernelSpecs(project)
    name, _replaced = choose(specs, option, named, lambda: language)
    spec = specs.get_kernel_spec(name, bool(option))
    if not names:
        return Lacking()
    active = interpreters.active_python()
    program = active if spec.argv[0] == active else interpreters.program_of(spec.argv)
    is_local = "kernel_provisioner" not in spec.metadata and interpreters.module_of(spec.argv)
    if not program or not is_local:
        return Lacking(why=f"the kernel '{name}' is not a program of a Python here")
    if interpreters.is_own(program) and "PYTHONPATH" not in spec.env:
        found = module_search.lacking(list(names))
        return Lacking(_said(found, program, sys.prefix, sys.path))
    if program != active and interpreters.is_within(program, project):
        return Lacking(why=f"{program} lies in the project, and is not started for it")
    return _asked(program, spec, names)


def _said(
    found: Mapping[str, str], program: str, prefix: str, path: Sequence[str]
) -> dict[str, str]:
    """What to say of the modules ``found``, each of which has the part of its name that lacks."""
    texts = {}
    for module, lacks in found.items():
        distribution = "" if "." in lacks else distribution_of(lacks)
        how = "import what it has"
        if distribution:
            command = interpreters.install_command(program, prefix, path, distribution)
            how = f"install it there: {command}"
        texts[module] = f"the kernel's Python, {program}, has no module '{lacks}' - {how}"
    return texts


def _asked(program: str, spec: KernelSpec, names: Sequence[str]) -> Lacking:
    arguments = [str(Path(module_search.__file__).resolve()), interpreters.ANSWER, *names]
    try:
        env = interpreters.environ_for(spec.env)
        answer = interpreters.answer_of(program, arguments, env, SECONDS)
        return Lacking(_said(answer["lacks"], program, answer["prefix"], answer["path"]))
    except (KernelError, ValueError, KeyError, TypeError):
        return Lacking(why=f"{program} does not say which modules it has")
