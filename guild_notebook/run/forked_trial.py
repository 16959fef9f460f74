"""A trial of a sweep whose first cells are executed once for all trials (nb-fork)."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import fork_host, options
from ..analysis.fork_point import ForkPoint, fork_point, is_constant, second_point
from ..document.cell_limits import CellLimit
from ..document.cells import Cell, cell_label, cell_names
from ..document.reader import Notebook
from ..document.shared_cells import SharedCells
from ..flags import apply
from ..flags.discover import Discovered
from ..flags.sources import parameters
from .execution.stop import Stop
from .kernel.forking import Prefix, SecondPoint, SharedCell
from .kernel.starting import KernelStart
from .record.run_dir import RunDir

if TYPE_CHECKING:
    from .output.display import RunOutput


def prefix(
    record: RunDir,
    start: KernelStart,
    settings: options.Settings,
    notebook: Notebook,
    found: Discovered,
    assigned: Sequence[apply.Assignment],
    cells: Sequence[Cell],
    indexes: Sequence[int],
    limits: Mapping[int, CellLimit],
) -> Prefix:
    """Have the cells executed that the trials share, on a kernel as ``start`` has chosen. ``found``
    are the flags of ``notebook`` and ``assigned`` their values, ``cells`` are its cells with these,
    those with the ``indexes`` are to run, and some have ``limits`` of their own."""
    names = record.known_attr(fork_host.VARYING)
    varying = [str(name) for name in names] if isinstance(names, list) else []
    kept = [cell.index for cell in parameters.kept_cells(notebook)]
    differing = [each for each in assigned if each.flag.name in varying]
    has_constants = all(is_constant(each.text) for each in differing)
    to_run = [kept[index] for index in indexes]
    point = fork_point(notebook, found, varying, to_run, with_settings=has_constants)

    def shared_cells(point: ForkPoint, same: Collection[str]) -> list[SharedCell]:
        """Those before the ``point``, for trials that have the same values of these flags."""
        sets = {kept.index(index): sorted(names) for index, names in point.settings.items()}
        # The values in which trials differ are nowhere in what they share.
        common = [each for each in assigned if each not in differing or each.flag.name in same]
        sources = apply.edited_sources(notebook, common)
        all_cells = [
            replace(cell, source=sources.get(at, notebook.cells[at].source))
            if cell.index in sets
            else cell
            for cell, at in zip(cells, kept)
        ]
        called = cell_names(all_cells)
        return [
            SharedCell(
                index,
                all_cells[index].source,
                cell_label(index + 1, called[index], number),
                settings["allow-errors"] or "raises-exception" in cells[index].tags,
                sets.get(index, []),
                limits.get(index) or CellLimit(settings["cell-timeout"], "nb-cell-timeout"),
            )
            for number, index in enumerate(indexes[: point.cells], 1)
        ]

    def end(point: ForkPoint) -> str:
        if point.index is None:
            return "the end"
        name = cell_names(notebook.cells)[point.index]  # without the values of a trial
        return cell_label(indexes[point.cells] + 1, name, point.cells + 1)

    shared = shared_cells(point, ())
    sources = [cells[index].source for index in indexes]
    required = [record.attr("deps"), record.attr("op").get("deps")]
    limit = settings["memory-limit"]
    made = Prefix(start, shared, record.dir, varying, sources, str(required[0]), limit)
    made.end = end(point)
    made.why = "" if point.depends else point.why
    counts = _numbers(record, fork_host.COUNTS)
    if counts and shared:
        trials = counts.pop("", 0)
        second = second_point(notebook, found, trials, counts, to_run, has_constants, point)
        if second:
            later, same = second
            both = shared_cells(later, same)
            before, more = both[: point.cells], both[point.cells :]
            sharing = _sharing(same, trials, counts, _numbers(record, fork_host.ALIKE))
            made.second = SecondPoint(more, before, sorted(same), end(later), sharing)
    if not start.can_be_forked:
        made.refuse(f"kernel '{start.name}' is not a plain IPython kernel")
    elif not shared:
        made.refuse(f"the first cell is not shared, since {point.why}")
    elif of_files := [name for name in varying if _may_be_in(name, required)]:
        made.refuse(f"the files that each trial requires depend on {', '.join(of_files)}")
    else:
        made.begin()
    return made


def _numbers(record: RunDir, name: str) -> dict[str, int]:
    """The whole numbers of an attribute that has one for each of some flags."""
    value = record.known_attr(name)
    known = value.items() if isinstance(value, dict) else ()
    return {key: number for key, number in known if isinstance(number, int)}


def _sharing(
    same: Collection[str], trials: int, counts: Mapping[str, int], alike: Mapping[str, int]
) -> int:
    """How many of the ``trials`` have the values of one of them of the flags ``same``, or at most
    have them: ``alike`` are those with its value of one flag, of which there are ``counts``."""
    if len(same) > 1 and math.prod(counts.values()) == trials:  # a grid
        return math.prod(counts[name] for name in counts.keys() - same)
    return min(alike.get(name, 1) for name in same)


def _may_be_in(flag: str, required: Sequence[Any]) -> bool:
    """Whether the files that a run requires may not be the same for all values of ``flag``: by its
    name, or since Guild writes values of flags into them (guild/resolver.py, ConfigResolver)."""
    text = str(required)
    return f"${{{flag}}}" in text or "'config':" in text


async def start_kernel(
    made: Prefix, start: KernelStart, settings: options.Settings, output: RunOutput, stop: Stop
) -> SharedCells:
    """Start the kernel as a fork, or in the usual way where it cannot be forked; returns how the
    shared cells were executed, of which there are none then."""
    if not made.reason:
        cells = len(made.cells)
        output.status.begin(f"executing {cells} cell{'s' * (cells > 1)} that the trials share")
    is_ready = await made.ready(stop.requested)
    start.begin(fork=made.fork if is_ready else None)
    if is_ready and start.error and made.leave_second():
        start.begin(fork=made.fork)
    if is_ready and start.error:
        is_ready = False
        made.refuse(f"the process of the shared cells cannot be forked: {start.error}")
        start.begin()
    if is_ready:
        why = f", not more, since {made.why}" * bool(made.why)
        made.say(f"the cells before {made.end} are executed once for all trials{why}")
        if made.shared.second and made.second:
            same = " and ".join(made.second.same)
            line = f"those before {made.second.end} are executed once for each value of {same}"
            made.say(line, "second")
    for line in made.lines:
        output.status_lines.write(line)
    return made.shared if is_ready else SharedCells()


async def verify(record: RunDir, output: RunOutput, stop: Stop) -> int:
    """Run again, in a fresh kernel, what has been run in a forked one; returns the exit status of
    the run, which fails where the outputs differ. The new run is deleted if they do not."""
    output.status.begin("running again in a fresh kernel (nb-fork: verify)")
    run_id = os.path.basename(record.dir)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "guild_notebook.cli", "reproduce", run_id, "--delete"),
        env={**os.environ, fork_host.VARIABLE: ""},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    ended: Any = asyncio.ensure_future(process.communicate())
    stopped = asyncio.ensure_future(stop.requested.wait())
    await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    is_stopped = not ended.done()
    if is_stopped:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C: it waits for the end of the new run
    out, err = (part.decode("utf-8", "replace").splitlines() for part in await ended)
    if is_stopped:
        return 1
    if process.returncode == 0:
        output.status_lines.write("nb-fork: verify: a fresh kernel gives the same")
        return 0
    why = "a fresh kernel gives other outputs"
    if process.returncode != 1:
        why = f"it cannot be run again: {''.join(err[-1:])}"
    for line in out if process.returncode == 1 else ():
        if line.startswith(("differs", "more:")):
            output.status_lines.write_as_it_is(line)
    output.status_lines.write(f"guild-notebook: nb-fork: verify: {why} ", "guild-notebook: failed ")
    output.status.end(f"nb-fork: verify: {why}", has_report=False)
    return 1
