"""Resolving what a staged run depends on, before its directory is sent.

Guild leaves the dependencies on other runs out when it stages a run, and resolves them when it
starts (guild/op.py, _resolve_deps). A worker does not have those runs, so they are resolved here,
as links in the run directory, which are sent as what they lead to. Guild finds them resolved then.
"""

from __future__ import annotations

from typing import Any

from ..errors import UserError

STEPS = "guild.steps_main"


class DependencyError(UserError):
    """A run cannot be sent to a worker: a dependency is not met, or it needs its project."""


def resolve(run: Any) -> None:
    """Resolve the dependencies of ``run``; for a batch, those of its trials. Raises
    DependencyError."""
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


def check_can_be_sent(run: Any) -> None:
    """Raise DependencyError for a run with steps, which are operations of its project."""
    arguments = ((run.get("op") or {}).get("op-cmd") or {}).get("cmd-args") or []
    if STEPS in arguments:
        raise DependencyError(
            "an operation with steps cannot travel: its steps are operations of the project - "
            "run it here, or stage the steps one by one"
        )
