"""Staged runs: which can start, and taking them so that nobody else does.

Guild's queues take a run by making it pending while they hold the lock ``run-status``
(guild/plugins/gen_queue.py, _safe_next_runs). So do we, and beside a queue or another
``dask:cluster`` each run has one taker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import run_state

LOCK_SECONDS = 30
QUEUES = ("dask:cluster", "dask:scheduler", "queue")

FULL, BUSY = "full", "busy"

Resources = dict[str, float]


class Staged:
    """Staged runs of this Guild home, for the dispatcher whose own run is ``run_id``."""

    def __init__(self, run_id: str, *, wait_for_running: bool, say: Callable[[str], None]) -> None:
        from guild import lock

        self._run_id = run_id
        self._wait_for_running = wait_for_running
        self._say = say
        self._lock = lock.Lock(lock.RUN_STATUS, timeout=LOCK_SECONDS)
        self._said: set[str] = set()

    def take(self, fits: Callable[[Resources], str], running: set[str]) -> Iterator[Any]:
        """Claim staged runs in the order in which they were staged, one at a time.

        ``fits`` says of a run's resources why it cannot start: "" where it can, FULL where there
        is no room for any at present, BUSY where there is none for this one, else what is said of
        the run, once, before it is passed over. ``running`` are the runs that the caller has.
        """
        from guild import lock, op_util

        if self._wait_for_running and self._others_are_running(running):
            return
        for run in self._with_status("staged"):
            try:
                why = fits(resources(run))
            except ValueError as e:
                why = str(e)
            if why == FULL:
                return
            if why:
                if why != BUSY and run.id not in self._said:
                    self._say(f"leaving {run.short_id} staged: {why}")
                    self._said.add(run.id)
                continue
            try:
                with self._lock:
                    if run.status != "staged":
                        continue  # somebody was faster
                    run_state.claim(run, self._run_id)
                    op_util.set_run_pending(run)
            except lock.Timeout:
                self._say(f"cannot lock the runs: somebody else holds {self._lock.lock_file}")
                return
            yield run

    def put_back(self, run: Any) -> None:
        """Stage a claimed run again, in its old place of the order."""
        from guild import op_util

        with self._lock:
            if run.status == "pending":
                op_util.set_run_marker(run, "STAGED")
                run_state.unlink(run.guild_path(run_state.CLAIM))
                op_util.clear_run_pending(run)

    def take_in_orphans(self) -> None:
        """Mend what a dispatcher that was killed has left: what had not begun is staged again."""
        for run in self._with_status("pending"):
            if run_state.is_orphan(run):
                self.put_back(run)
        for run in [*self._with_status("running"), *self._with_status("error")]:
            if run_state.is_orphan(run):
                run_marks = run_state.Marks(run)
                run_marks.failed("the dask:cluster that had this run was killed")
                for mark in ("LOCK", "LOCK.remote", run_state.CLAIM):
                    run_state.unlink(run.guild_path(mark))

    def _others_are_running(self, mine: set[str]) -> bool:
        return any(
            run.id not in mine and run.id != self._run_id and run.opref.to_opspec() not in QUEUES
            for run in self._with_status("running")
        )

    @staticmethod
    def _with_status(status: str) -> list[Any]:
        from guild import var

        found: list[Any] = var.runs(
            sort=["timestamp"], filter=var.run_filter("attr", "status", status)
        )
        return found


def resources(run: Any) -> Resources:
    """What a run's tags ``dask:NAME=QUANTITY …`` say it takes. Raises ValueError."""
    found: Resources = {}
    for tag in run.get("tags") or []:
        if str(tag).startswith("dask:"):
            found.update(parse_resources(str(tag)[5:]))
    return found


def parse_resources(text: str) -> Resources:
    """``NAME=QUANTITY …`` as Guild reads it (guild/plugins/dask_scheduler_main.py,
    _decode_dask_resources). Raises ValueError for what is no quantity."""
    from guild import op_util, util

    values, errors = op_util.parse_flag_assigns(util.shlex_split(text))
    wrong = list(errors)
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            wrong.append(f"{name}={value}")
    if wrong:
        raise ValueError(f"{wrong[0]} is no NAME=QUANTITY")
    return {name: float(value) for name, value in values.items()}
