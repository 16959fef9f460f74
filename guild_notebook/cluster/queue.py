"""Staged runs: which can start, and claiming them so that nobody else does.

Guild's queues claim a run by making it pending while they hold the lock ``run-status``
(guild/plugins/gen_queue.py, _safe_next_runs). So does this module: beside a queue or another
``dask:cluster`` each run is claimed once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from ..run.record.run_files import RunFiles
from . import run_state

log = logging.getLogger("guild")

LOCK_SECONDS = 30
QUEUES = ("dask:cluster", "dask:scheduler", "queue")

NO_RUN_CAN_START, RUN_HAS_TO_WAIT = "no run can start", "the run has to wait"
"""What an ``obstacle`` may be beside a text for the user, see :meth:`StagedRuns.claim`."""

Resources = dict[str, float]


class StagedRuns:
    """Staged runs of this Guild home, for the dispatcher whose own run is ``run_id``."""

    def __init__(self, run_id: str, *, wait_for_running: bool) -> None:
        from guild import lock

        self._run_id = run_id
        self._wait_for_running = wait_for_running
        self._lock = lock.Lock(lock.RUN_STATUS, timeout=LOCK_SECONDS)
        self._logged: set[str] = set()

    def claim(self, obstacle: Callable[[Resources], str], running: set[str]) -> Iterator[Any]:
        """Claim staged runs in the order in which they were staged, and yield each.

        ``obstacle`` returns for the resources of a run why it cannot start: "" where it can,
        NO_RUN_CAN_START where no other can either, RUN_HAS_TO_WAIT where its resources are in use,
        else a text that is logged once. ``running`` are the IDs of the caller's own runs.
        """
        from guild import lock, op_util

        own = {*running, self._run_id}
        if self._wait_for_running and any(
            run.id not in own and run.opref.to_opspec() not in QUEUES
            for run in self._with_status("running")
        ):
            return
        for run in self._with_status("staged"):
            try:
                why = obstacle(resources(run))
            except ValueError as e:
                why = str(e)
            if why == NO_RUN_CAN_START:
                return
            if why:
                if why != RUN_HAS_TO_WAIT and run.id not in self._logged:
                    log.info(f"leaving {run.short_id} staged: {why}")
                    self._logged.add(run.id)
                continue
            try:
                with self._lock:
                    if run.status != "staged":
                        continue  # another process was faster
                    run_state.claim(run, self._run_id)
                    op_util.set_run_pending(run)
            except lock.Timeout:
                log.info(f"cannot lock the runs: somebody else holds {self._lock.lock_file}")
                return
            yield run

    def stage_again(self, run: Any) -> None:
        """Make a claimed run staged again; it keeps its place in the order."""
        from guild import op_util

        with self._lock:
            if run.status == "pending":
                op_util.set_run_marker(run, "STAGED")
                RunFiles(run.dir).remove(f".guild/{run_state.CLAIM}")
                op_util.clear_run_pending(run)

    def recover_orphans(self) -> None:
        """Deal with the runs of dispatchers that were killed: those that had not started are staged
        again, those that had are errors."""
        for run in self._with_status("pending"):
            if run_state.is_orphan(run):
                self.stage_again(run)
        for run in [*self._with_status("running"), *self._with_status("error")]:
            if run_state.is_orphan(run):
                run_state.write_error(run, "the dask:cluster that had this run was killed")
                for name in ("LOCK", "LOCK.remote", run_state.CLAIM):
                    RunFiles(run.dir).remove(f".guild/{name}")

    @staticmethod
    def _with_status(status: str) -> list[Any]:
        from guild import var

        found: list[Any] = var.runs(
            sort=["timestamp"], filter=var.run_filter("attr", "status", status)
        )
        return found


def resources(run: Any) -> Resources:
    """What a run takes of its worker, from its tags ``dask:NAME=QUANTITY …``. Raises ValueError."""
    found: Resources = {}
    for tag in run.get("tags") or []:
        if str(tag).startswith("dask:"):
            found.update(parse_resources(str(tag)[5:]))
    return found


def parse_resources(text: str) -> Resources:
    """``NAME=QUANTITY …`` as Guild reads it (guild/plugins/dask_scheduler_main.py,
    _decode_dask_resources). Raises ValueError where a quantity is not a number."""
    from guild import op_util, util

    values, errors = op_util.parse_flag_assigns(util.shlex_split(text))
    wrong = list(errors)
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            wrong.append(f"{name}={value}")
    if wrong:
        raise ValueError(f"{wrong[0]} is not NAME=QUANTITY")
    return {name: float(value) for name, value in values.items()}
