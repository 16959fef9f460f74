"""What an optimizer is to minimize or maximize, against the scalars of earlier runs."""

from __future__ import annotations

import re
from typing import Any

from ..document.reader import Notebook
from ..errors import OptionError, nearest
from ..options.scalars import ScalarsSetting
from ..scalars.patterns import scalar_name
from .operation import command_parameters

MOST_RUNS = 10  # the newest runs of the operation whose scalars are looked at


_SEARCHES = ("gp", "bayesian", "gaussian", "forest", "gbrt", "random")
"""Guild's optimizers, which search ranges (guild/plugins/skopt.py, resolve_model_op)."""


def is_search(opdef: Any) -> bool:
    """Whether the ``guild run`` of this process has one of Guild's optimizers run ``opdef``."""
    parameters = command_parameters()
    name = str(parameters.get("optimizer") or "").rpartition("skopt:")[2]
    own = [optimizer.name for optimizer in opdef.optimizers or ()]
    return name in _SEARCHES if name else bool(parameters.get("optimize")) and not own


def warnings(opdef: Any, notebook: Notebook, values: ScalarsSetting) -> list[str]:
    """What is odd about the objective of the ``guild run`` that this process is, a line each: no
    earlier run of the operation has it. Nothing is known where there are none with scalars, or
    where a cell or one of the ``values`` has its name. Raises OptionError where the command names
    a scalar that is probably another one."""
    parameters = command_parameters()
    if not (parameters.get("optimizer") or parameters.get("optimize")):
        return []
    typed = parameters.get("minimize") or parameters.get("maximize")
    option = "--maximize" if parameters.get("maximize") else "--minimize"
    if not typed and str(parameters.get("optimizer")).endswith("random"):
        return []
    from guild.commands import run_impl

    tag = _tag(typed or str(run_impl._objective_for_opdef(opdef)).lstrip("-"))
    named = [name or scalar_name(text) for name, text in values.values]
    if values.results or any(tag.startswith(name) for name in named):
        return []  # a value may be a mapping of others
    known = _scalars(opdef) if tag else set()
    word = re.compile(rf"(?<!\w){re.escape(tag)}(?!\w)")
    if not known or tag in known or any(word.search(cell.source) for cell in notebook.cells):
        return []
    near = nearest(tag, known)
    said = f"no earlier run of {opdef.name} has the scalar '{tag}'"
    hint = f"did you mean '{near}'?" if near else f"they have: {', '.join(sorted(known))}"
    if near and typed:
        raise OptionError(f"{option} {typed}: {said} - {hint}")
    return [f"{option} {tag}: {said} - {hint}"]


def _tag(column: str) -> str:
    """The scalar that a column of ``guild compare`` shows, "" where it shows something else."""
    from guild import query as qparse

    try:
        (found,) = qparse.parse_colspec(column).cols
        return str(found.split_key()[1])
    except (qparse.ParseError, ValueError, AttributeError):
        return ""


def _scalars(opdef: Any) -> set[str]:
    """The names of the scalars of earlier runs of an operation."""
    from guild import index, var

    runs = var.runs(sort=["-timestamp"], filter=lambda run: run.opref == opdef.opref)[:MOST_RUNS]
    if not runs:
        return set()
    runs_index = index.RunIndex()
    runs_index.refresh(runs, ["scalar"])
    return {
        str(scalar["tag"])
        for run in runs
        for scalar in runs_index.run_scalars(run)
        if not str(scalar["tag"]).startswith("sys/")
    }
