"""Runs of notebooks that are compared with each other where nobody has said which: the trials of a
sweep, and all runs of an operation."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from ..run import again
from ..run.finished import FinishedRun

SWEEP, OPERATION = "sweep", "operation"


@dataclass(frozen=True)
class RunSet:
    """A SWEEP or an OPERATION: its ``runs`` of Guild (guild/run.py), newest first, and the name of
    the ``operation``. ``key`` tells it from others of its kind."""

    kind: str
    key: str
    operation: str
    runs: list[Any] = field(default_factory=list)


def run_sets() -> list[RunSet]:
    """Those of this Guild home that have runs of notebooks: sweeps, then operations, both with the
    newest first. The first is what is meant where nothing was said.

    A trial begins as a copy of its batch's prototype (guild/batch_util.py, init_trial_run), with
    the time at which that was ``initialized``. So trials are told by it when their batch is gone,
    as is that of each sweep that went well.
    """
    from guild import var

    runs = sorted(var.runs(), key=started, reverse=True)
    protos = {_initialized(proto) for proto in (run.batch_proto for run in runs) if proto}
    sweeps: dict[str, RunSet] = {}
    operations: dict[str, RunSet] = {}
    for run in runs:
        files = FinishedRun(run.dir)
        if files.executed_notebook():
            name, key = again.operation(files)[0], _initialized(run)
            operations.setdefault(name, RunSet(OPERATION, name, name)).runs.append(run)
            sweeps.setdefault(key, RunSet(SWEEP, key, name)).runs.append(run)
    of_trials = [each for each in sweeps.values() if len(each.runs) > 1 or each.key in protos]
    return [*of_trials, *operations.values()]


def started(run: Any) -> int:
    """When a run was started, in microseconds, 0 where nothing says so. (Guild's own ``timestamp``
    fails where that is not YAML.)"""
    return _time(run, "started")


def _time(run: Any, name: str) -> int:
    with contextlib.suppress(OSError):
        value = FinishedRun(run.dir).attr_value(name)
        if type(value) is int and 0 < value < 1 << 53:
            return value
    return 0


def _initialized(run: Any) -> str:
    """When a run was made, its own id where nothing says so."""
    return str(_time(run, "initialized") or run.id)
