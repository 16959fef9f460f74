"""``guild-notebook diff``: how two runs differ."""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..compare import difference_json, differences, environment, report_text, sources
from ..compare.model import RunDifference, Tolerance
from ..errors import UserError, nearest
from . import run_choice, two_runs

OUTPUT = "diff.html"


@dataclass(frozen=True)
class Choice:
    """What a command line asks for: two ``runs``, as they are named there, or none, and how their
    difference is shown."""

    runs: Sequence[str]
    tolerance: Tolerance
    source: bool
    colours: bool
    json: bool
    html: str
    cells: Sequence[str]


def lines(choice: Choice) -> Generator[str, None, int]:
    """How two runs differ; returns 1 where their results do, or with ``--source`` what was
    executed, else 0. Raises UserError where there are no such runs."""
    if choice.html:
        from . import compare  # which takes as long as all else

        compare.check_output(choice.html)
    before, after = two_runs.found(choice.runs)
    difference = differences.between(before, after, choice.tolerance)
    changed = sources.of(before, after) if choice.source else None
    around = None
    if before.dir and after.dir:
        around = environment.between(before, after)
    else:  # files of notebooks, which have neither flags nor scalars
        difference = replace(difference, flags=(), scalars=())
    if choice.cells:
        difference = _of_cells(difference, choice.cells)
        names = [cell.name for cell in difference.cells]
        changed = changed and [cell for cell in changed if cell.name in names]
    if choice.json:
        made = difference_json.data(difference, choice.tolerance, changed, around)
        yield json.dumps(made, indent=1, allow_nan=False)
    elif choice.html:
        runs = {"view": "two", "base": before.short_id, "run": after.short_id}
        compare.write([before, after], choice.html, urllib.parse.urlencode(runs))
        yield report_text.headline(difference)
        yield choice.html
    else:
        line = around.line if around else ""
        shown = report_text.Shown(changed, choice.colours, line)
        yield from report_text.lines(difference, shown)
    return int(not difference.is_same or bool(changed))


def _of_cells(difference: RunDifference, names: Sequence[str]) -> RunDifference:
    """What differs in the cells that are called so. Raises UserError for a name that none has."""
    known = {cell.name.casefold(): cell.name for cell in difference.cells}
    for name in names:
        if name.casefold() not in known:
            near = nearest(name, known.values())
            hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(known.values())}"
            raise UserError(f"neither run has a cell '{name}' - {hint}")
    wanted = {name.casefold() for name in names}
    cells = [cell for cell in difference.cells if cell.name.casefold() in wanted]
    return replace(difference, scalars=(), cells=cells)


def command() -> Any:
    """The command of click that returns a Choice."""
    import click

    def diff(runs: tuple[str, ...], **options: Any) -> Choice:
        """Show how two runs of notebooks differ: A is the first, B the second.

        Each is a number or the beginning of an ID, as `guild runs` lists them, the directory of a
        run or a path in it, or a notebook file. Without them: the two newest runs of notebooks,
        the older one first.

        \b
        Exit status:
          0  the results are the same, whatever flags and sources are
          1  they differ, or with --source what was executed
          2  they were not compared, and a line says why
        """
        html = options["html"]
        if html and not html.endswith((".html", ".htm")):  # a run, behind --html
            raise click.UsageError(f"--html takes the name of a .html file, or none, not {html}")
        if html and options["json"]:
            raise click.UsageError("take either --json or --html")
        if len(runs) not in (0, 2):
            raise click.UsageError(f"it takes two runs, or none for the newest, not {len(runs)}")
        tolerance = run_choice.tolerance(options["rtol"], options["atol"])
        colours = not options["no_color"] and not os.environ.get("NO_COLOR")
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        has_colours = colours and is_terminal and os.environ.get("TERM") != "dumb"
        shown = options["source"], has_colours, options["json"]
        return Choice(runs, tolerance, *shown, html, options["cells"])

    decorated: Any = diff
    for decorate in (
        click.option("--no-color", is_flag=True, help="Do not use colors, as with NO_COLOR."),
        click.option(
            "--html",
            is_flag=False,
            flag_value=OUTPUT,
            default="",
            metavar="[FILE]",
            help=f"Write a page that compares the two to FILE, or to {OUTPUT}.",
        ),
        click.option("--json", is_flag=True, help="Print the whole difference as JSON."),
        *reversed(run_choice.tolerance_options()),
        click.option(
            "--cells",
            multiple=True,
            metavar="NAME",
            help="Compare only the cells of this name. May be given several times.",
        ),
        click.option("--source", is_flag=True, help="Add how the sources of the cells differ."),
        click.argument("runs", nargs=-1, metavar="[A B]"),
        click.command("diff"),
    ):
        decorated = decorate(decorated)
    return decorated
