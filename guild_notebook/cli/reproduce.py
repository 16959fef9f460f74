"""``guild-notebook reproduce``: runs again, as new runs, and whether they came out the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..compare import reading, verdict
from ..compare.model import Run
from ..compare.verdict import DIFFERS, SAME, Verdict
from ..errors import UserError
from ..run import reproduction
from ..run.finished import FinishedRun
from ..run.plain_shell import environment
from ..texts import columns, printable
from . import run_choice

NO_ANSWER = 2
"""The exit status where a run could not be reproduced."""

FAILED = "not reproduced"


@dataclass
class Reproduced:
    """A run, the new one, and how that came out, or ``why`` there is no answer; after one that
    was stopped no other follows."""

    run: str
    new: str = ""
    verdict: Verdict | None = None
    why: str = ""
    is_stopped: bool = False

    @property
    def result(self) -> str:
        return self.verdict.result if self.verdict else FAILED


def lines(args: Any) -> Generator[str, None, int]:
    """Reproduce the runs of the command's ``args`` and say how they came out; returns 0 where all
    are the same, 1 where one differs, else 2. Raises UserError where there is no answer for the
    only run."""
    found: list[Reproduced] = []
    for run in args.runs:
        found.append(Reproduced(run.id))
        yield from _attempt(found[-1], run, args)
        if found[-1].is_stopped:
            break
    if args.json:
        yield json.dumps(_data(found), indent=1, allow_nan=False)
    elif len(args.runs) > 1:
        yield from ["", *_table(found)]
    if len(args.runs) == 1 and found[0].why:
        raise _failure(found[0])
    return _status(found)


def _attempt(made: Reproduced, run: Any, args: Any) -> Iterator[str]:
    """Reproduce a run, and say how it came out, or in ``made`` why there is no answer."""
    try:
        yield from _reproduced(made, run, args)
    except KeyboardInterrupt:
        made.is_stopped, made.why = True, str(_stop())
    except UserError as e:
        made.why = str(e)
    if made.why and len(args.runs) > 1:
        print(f"guild-notebook: {_failure(made)}", file=sys.stderr, flush=True)


def _status(found: Sequence[Reproduced]) -> int:
    results = {FAILED if each.is_stopped else each.result for each in found}
    return NO_ANSWER if FAILED in results else int(DIFFERS in results)


def _stop() -> UserError:
    return UserError("the new run was stopped - start it again")


def _failure(made: Reproduced) -> UserError:
    return UserError(f"run {made.run[:8]} is not reproduced: {made.why}")


def _reproduced(made: Reproduced, run: Any, args: Any) -> Iterator[str]:
    """Reproduce a run, and say how it came out. Raises UserError where there is no answer."""
    before = reading.read_run(run.dir)
    is_verified = run.status == "running" and before.has_all_results
    if run.status in ("running", "pending", "staged") and not is_verified:
        if run.status == "running":
            raise UserError("it is running - wait until it has ended")
        raise UserError(f"it is {run.status} - start it: guild run --start {run.short_id}")
    new = reproduction.Choice(args.until, args.kernel)
    staged = reproduction.stage(FinishedRun(run.dir), new)
    made.new = staged.id
    out = sys.stderr if args.json else None
    label = printable(before.label).strip()
    shown = f"run {made.run[:8]} ({before.operation}{label and f' {label}'})"
    for line in filter(None, (f"reproducing {shown} as {made.new[:8]}", staged.notice)):
        print(line, file=out, flush=True)  # before what Guild prints
    status = reproduction.start(staged, out)
    after = reading.read_run(staged.dir)
    if after.state == "stopped":
        made.is_stopped = True
        raise _stop()
    if not _has_run(after) and _has_run(before):
        raise UserError(
            f"the new run {after.short_id} has ended with status {status} before its first cell, "
            "and says why above"
        )
    if is_verified:  # Guild may not have read all of its scalars yet, which its outputs show
        before, after = replace(before, scalars={}), replace(after, scalars={})
    found = verdict.of(before, after, args.tolerance)
    if found.cells and not found.compared:
        raise UserError(
            "none of its cells had ended, there is nothing to compare the new run "
            f"{after.short_id} with"
        )
    made.verdict = found
    if not args.json:
        yield from map(printable, _verdict_lines(found))
    if args.delete and found.result == SAME:
        command = reproduction.guild("runs", "delete", "-y", staged.id)
        subprocess.run(command, env=environment(), capture_output=True, check=False)


def _has_run(run: Run) -> bool:
    return any(cell.state not in ("", "not run") for cell in run.cells)


def _verdict_lines(found: Verdict) -> Iterator[str]:
    for cell in found.cells:
        follows = " (an earlier cell that differs goes into it)" * cell.follows
        yield f"{cell.result:13} {cell.label}{cell.why and f': {cell.why}'}{follows}"
    for name, before, after in found.scalars:
        yield f"{DIFFERS:13} scalar {name}: {before} → {after}"
    if line := found.environment.line:
        yield f"environment: {line}"
    if same := found.environment.same:
        yield f"the same: {same}"
    for line in found.environment.unknown:
        yield f"not known: {line}"
    yield verdict.conclusion(found)
    if why := verdict.explanation(found):
        yield why
    if found.result == DIFFERS:
        runs = found.difference.before.short_id, found.difference.after.short_id
        yield f"more: guild-notebook diff {' '.join(runs)}"


def _table(found: Sequence[Reproduced]) -> Iterator[str]:
    rows = [("RUN", "NEW RUN", "RESULT", "CELLS", "")]
    for made in found:
        cells = first = ""
        if made.verdict:
            cells = f"{len(made.verdict.compared)} of {len(made.verdict.cells)}"
            first = made.verdict.first.label if made.verdict.first else ""
        rows.append((made.run[:8], made.new[:8], made.result, cells, printable(first or made.why)))
    return columns(rows)


def _data(found: Sequence[Reproduced]) -> dict[str, Any]:
    runs = []
    for made in found:
        entry: dict[str, Any] = {"run": made.run, "new_run": made.new or None, "why": made.why}
        entry["result"] = made.result
        runs.append({**entry, **(verdict.data(made.verdict) if made.verdict else {})})
    return {"schema": 1, "runs": runs}


def command() -> Any:
    """The command of click that returns its arguments and the ``tolerance``; ``runs`` are those of
    Guild (guild/run.py)."""
    import click
    from guild import batch_util

    def reproduce(context: Any, args: Any) -> Any:
        """Run what a run has kept again, as a new run, and say whether it came out the same.

        RUN is a number, a range of them like 1:3, or the beginning of an ID, as `guild runs` lists
        them. The new run has the kept source, the recorded flags and options, and the recorded
        kernel where that is there. The first run stays as it is.

        \b
        Exit status:
          0  all came out the same
          1  one differs
          2  one could not be run, and a line says why
        """
        own = ("until", "kernel", "rtol", "atol", "delete", "json")
        if not run_choice.says_which(args, *own):
            raise click.UsageError("say which runs: numbers or IDs of guild runs, or filters")
        runs = run_choice.selected(args, context)
        batches = [run for run in runs if batch_util.is_batch(run)]
        if batches and len(batches) == len(runs):
            raise click.UsageError(
                f"{batches[0].short_id} is a batch, which has executed no notebook: give its trials"
            )
        tolerance = run_choice.tolerance(args.rtol, args.atol)
        return args.copy(runs=[run for run in runs if run not in batches], tolerance=tolerance)

    return run_choice.command(
        reproduce,
        "reproduce",
        click.option("--json", is_flag=True, help="Print the result as JSON."),
        click.option("--delete", is_flag=True, help="Delete a new run that came out the same."),
        *run_choice.tolerance_options(),
        click.option("--kernel", metavar="NAME", help="The kernel, as nb-kernel takes it."),
        click.option(
            "--cells-until",
            "until",
            metavar="CELL",
            help="Run up to this cell: its name, number or position.",
        ),
    )
