"""How Guild finds the run that it is to start again, and what it records of such a start."""

from __future__ import annotations

import os
import re
from typing import Any

_RUN_ID = re.compile("[0-9a-f]{32}")


def find_by_id(run_impl: Any) -> None:
    """Find a run that is named by its whole id without a look at all others.

    Guild takes the id for an operation's name first (guild/commands/run_impl.py:262,
    _local_run_for_spec), for which it reads the operation and the state of each run that there is,
    and a batch names each of its trials so (guild/batch_util.py:203). Needless when an id is looked
    for first.
    """
    found_by_guild = run_impl._local_run_for_spec

    def local_run_for_spec(spec: str) -> Any:
        from guild import run, var

        path = os.path.join(var.runs_dir(), spec)
        if _RUN_ID.fullmatch(spec) and os.path.isdir(path):
            return run.Run(spec, path)
        return found_by_guild(spec)

    run_impl._local_run_for_spec = local_run_for_spec


def record_required_files(run_impl: Any) -> None:
    """Write a line of the manifest for each file of a dependency also where a run is started again
    or was staged, and in each trial of a batch: Guild does that for other runs only
    (guild/commands/run_impl.py:1260, _op_init_callbacks_for_restart)."""
    init_by_guild = run_impl._op_init_callbacks_for_restart

    def init_callbacks(op: Any) -> None:
        init_by_guild(op)
        if not op.callbacks.dep_source_resolved:
            op.callbacks.dep_source_resolved = run_impl._on_dep_source_resolved

    run_impl._op_init_callbacks_for_restart = init_callbacks
