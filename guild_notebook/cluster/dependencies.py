"""Resolving what a staged run depends on, before the run travels.

Guild leaves the dependencies on other runs out when it stages one, and resolves them when it
starts (guild/op.py, _resolve_deps). A worker does not have those runs, so they are resolved here,
as links in the run directory, which travel as what they lead to; Guild finds them resolved then.
"""

from __future__ import annotations

from typing import Any

from ..errors import UserError

STEPS = "guild.steps_main"


class DependencyError(UserError):
    """A run cannot travel: what it needs is not to be had."""


def resolve(run: Any) -> None:
    """Resolve the dependencies of ``run``, or of the trials that it will make, if it is a batch.
    Raises DependencyError."""
    from guild import op, op_dep, op_util

    target = run.batch_proto or run
    data = (target.get("op") or {}).get("deps")
    operation = op.Operation()
    operation.deps = op_util.op_deps_for_data(data)
    if not operation.deps:
        return
    try:
        op._resolve_deps(operation, target)  # there is no public name for it
    except op_dep.OpDependencyError as e:
        raise DependencyError(f"a dependency was not met: {e}") from e


def check_can_travel(run: Any) -> None:
    """Raise DependencyError for a run that needs its project: steps are operations of it."""
    arguments = ((run.get("op") or {}).get("op-cmd") or {}).get("cmd-args") or []
    if STEPS in arguments:
        raise DependencyError(
            "an operation with steps cannot travel: its steps are operations of the project - "
            "run it here, or stage the steps one by one"
        )
