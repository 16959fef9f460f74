"""``guild-notebook compare``: one page that compares runs of notebooks."""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..compare import images, page, page_data, reading
from ..compare.model import Run
from ..errors import UserError
from ..files import write_whole
from ..run.finished import FinishedRun
from . import reports, run_choice, run_sets

OUTPUT = "compare.html"

MOST_NAMED = 5
"""Runs that are left out of which a line names each."""


def lines(args: Any) -> Iterator[str]:
    """Write the page that ``args`` of the command ask for, and say what it lacks. Raises UserError
    where it cannot be written, or no run of a notebook was chosen."""
    check_output(args.output)
    chosen = [run for run in args.runs if is_of_notebook(FinishedRun(run.dir))]
    others = [run.short_id for run in args.runs if run not in chosen]
    if not chosen:
        raise UserError("none of these runs is of a notebook - guild-notebook compare takes those")
    runs = reading.read_runs(run.dir for run in chosen)
    yield from _notes(others, runs, write(runs, args.output))
    yield f"{len(runs)} run{'s' * (len(runs) != 1)}: {args.output}"
    if args.show:
        reports.show(args.output)


def write(runs: Sequence[Run], output: str, start: str = "") -> bool:
    """Write the page of the runs to ``output``; returns whether Pillow is missing for its images.
    ``start`` is what the page opens with, as its addresses have it behind ``#``. Raises
    UserError."""
    data, originals = page_data.page_data(runs, href=_addresses(output))
    data["start"] = start
    try:
        write_whole(output, (part.encode() for part in page.page(data, originals)))
    except OSError as e:
        raise UserError(f"cannot write {output}: {e.strerror or e} - name another") from None
    return bool(originals) and not images.pillow()


def _notes(others: Sequence[str], runs: Sequence[Run], lacks_pillow: bool) -> Iterator[str]:
    """What the page lacks: ``others`` are the IDs of runs that are not of notebooks."""
    if others:
        named = ", ".join(others[:MOST_NAMED])
        named += f" and {len(others) - MOST_NAMED} more" * (len(others) > MOST_NAMED)
        yield f"left out, since they are not of notebooks: {named}"
    for run in runs:
        if not run.cells and not run.is_going_on:
            yield f"run {run.short_id} is there without cells: {run.reason}"
    if lacks_pillow:
        yield (
            "images are compared as files, and all are shown in their full size: with Pillow it is "
            'by pixels, and faster - pip install "guild-notebook[compare]"'
        )


def command() -> Any:
    """The command of click that returns its arguments, of which ``runs`` are those of Guild
    (guild/run.py), newest first."""
    import click

    def compare(context: Any, args: Any) -> Any:
        """Write a page that compares runs of notebooks.

        RUN is a number, a range of them like 1:20, or the beginning of an ID, as `guild runs` lists
        them; the ID of a batch stands for its trials, and `:` for all runs. Without runs and
        filters: those of the newest sweep, or without one all of the newest notebook operation.

        The page is one file, which needs no server and no network.
        """
        if run_choice.says_which(args, "output", "show"):
            runs = with_trials(run_choice.selected(args, context), args.runs)
        else:
            sets = run_sets.run_sets()
            if not sets:
                raise run_choice.none_yet()
            runs = sets[0].runs
        return args.copy(runs=runs)

    return run_choice.command(
        compare,
        "compare",
        click.option("--open", "show", is_flag=True, help="Show the page in a browser."),
        click.option(
            *("-o", "--output"),
            metavar="FILE",
            default=OUTPUT,
            help=f"Write to FILE instead of {OUTPUT}. (Operations are chosen by -Fo.)",
        ),
    )


def with_trials(runs: Sequence[Any], specs: Sequence[str]) -> list[Any]:
    """The runs, with its trials in the place of each batch that was named, and without others: a
    range has them by themselves."""
    from guild import batch_util, var

    found: dict[str, Any] = {}
    named = [spec for spec in specs if ":" not in spec]
    for run in runs:
        if not batch_util.is_batch(run):
            found.setdefault(run.id, run)
        elif named and (len(named) == len(specs) or any(map(run.id.startswith, named))):
            trials = [t for t in var.runs() if os.path.islink(os.path.join(run.dir, t.id))]
            found.update((trial.id, trial) for trial in trials)
    return list(found.values())


def is_of_notebook(files: FinishedRun) -> bool:
    """Whether a run has an executed notebook, or is to have one."""
    return bool(files.executed_notebook()) or files.attr_names("op", "guild_notebook.run")


def _addresses(output: str) -> Callable[[Run], str]:
    """What finds the address of a run's report from a page at ``output``: a relative one below its
    folder, which may be moved as a whole."""
    folder = os.path.dirname(os.path.abspath(output))

    def address(run: Run) -> str:
        if not run.report:
            return ""
        path = os.path.join(run.dir, run.report)
        if path.startswith(os.path.join(folder, "")):
            return urllib.parse.quote(os.path.relpath(path, folder).replace(os.sep, "/"))
        return Path(path).as_uri()

    return address


def check_output(path: str) -> None:
    """Raise UserError where there is a file at ``path`` that is not of an earlier command."""
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder - name a file in it: {os.path.join(path, OUTPUT)}")
    try:
        if is_own := stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            with open(path, "rb") as file:
                is_own = page.GENERATOR.encode() in file.read(5000)
    except FileNotFoundError:
        return
    except OSError as e:
        raise UserError(f"cannot write {path}: {e.strerror or e} - name another") from None
    if not is_own:
        raise UserError(f"{path} is there and not of this command - name another file")
