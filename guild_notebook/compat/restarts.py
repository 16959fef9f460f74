"""How Guild finds the run that it is to start again."""

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
