"""Commands whose runs are chosen as Guild's commands do it: by numbers and ranges, the beginning of
IDs, and filters, which Guild reads here as well."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ..compare.model import Tolerance
from ..errors import UserError
from ..run.finished import FinishedRun


def command(function: Callable[[Any, Any], Any], name: str, *options: Any) -> Any:
    """The command of click that calls ``function`` with the context and the arguments, which have
    those of Guild's run specs and filters, and of more ``options`` (of click)."""
    import click
    from guild import click_util
    from guild.commands import runs_support

    decorated: Any = function
    for decorate in (
        click_util.use_args,
        click.pass_context,
        _filters,
        *options,
        runs_support.runs_arg,
        click.command(name),
    ):
        decorated = decorate(decorated)
    return decorated


def _filters(function: Any) -> Any:
    """Guild's filters; what their help refers to is in that of `guild runs list`."""
    from guild.commands import runs_support

    decorated = runs_support.all_filters(function)
    for option in decorated.__click_params__:
        for words in ("See Filter by Expression above for", "See above for"):
            option.help = (option.help or "").replace(words, "See guild runs list --help for")
    return decorated


def tolerance_options() -> list[Any]:
    """The options of click of which ``tolerance`` makes a Tolerance."""
    import click

    helps = {
        "--rtol": "Numbers that differ by no more than this share of the larger one are the same.",
        "--atol": "Numbers that differ by no more than this are the same.",
    }
    return [
        click.option(name, type=float, default=0.0, metavar="NUMBER", help=text)
        for name, text in helps.items()
    ]


def tolerance(relative: float, absolute: float) -> Tolerance:
    """Raises click's UsageError for what is not a tolerance."""
    import click

    for name, number in (("rtol", relative), ("atol", absolute)):
        if not 0 <= number < float("inf"):
            raise click.UsageError(f"--{name} takes a number from 0 on, not {number}")
    return Tolerance(relative, absolute)


def selected(args: Any, context: Any) -> list[Any]:
    """The runs of Guild (guild/run.py) that are chosen, newest first, none of them twice."""
    from guild.commands import runs_impl

    found = runs_impl.runs_op_selected(args, context)
    return list({run.id: run for run in found}.values())


def run_dir(name: str) -> str:
    """The directory of the run whose number `guild runs` shows, or whose ID begins with ``name``,
    as Guild's commands take it. Raises UserError where there is none, or are several."""
    from guild import var

    runs = var.runs(sort=["-timestamp"])
    if name.isdecimal() and len(name) < 8 and 0 < int(name) <= len(runs):
        return str(runs[int(name) - 1].dir)
    dirs = [str(each.dir) for each in runs if each.id.startswith(name.lower())]
    if not dirs:
        raise UserError(f"there is no run {name} - give a number or ID of guild runs")
    if len(dirs) > 1:
        raise UserError(f"{name} begins the IDs of {len(dirs)} runs - give more of it")
    return dirs[0]


def newest(number: int, is_of_notebook: Callable[[FinishedRun], object]) -> list[str]:
    """The directories of the newest runs that are of notebooks, newest first. Raises UserError
    where there are fewer."""
    from guild import var

    runs = (FinishedRun(each.dir) for each in var.runs(sort=["-timestamp"]))
    dirs = [run.dir for run in itertools.islice(filter(is_of_notebook, runs), number)]
    if not dirs:
        raise none_yet()
    if len(dirs) < number:
        raise UserError("there is one run of a notebook - guild run NOTEBOOK.ipynb makes another")
    return dirs


def none_yet() -> UserError:
    """What is said where a Guild home has no run of a notebook."""
    return UserError("there is no run of a notebook yet - guild run NOTEBOOK.ipynb makes one")


def says_which(args: Any, *own: str) -> bool:
    """Whether the arguments choose runs, by specs or filters; ``own`` are those that do not."""
    return any(value for name, value in args.as_kw().items() if name not in own)


def called(made: Any, arguments: Sequence[str]) -> Any:
    """What the command returns, which has ``runs`` where it takes some, None where its help was
    shown. Raises UserError for what click or Guild has to say of the arguments, and where there is
    no run that they choose."""
    import click

    name = f"guild-notebook {made.name}"
    try:
        names = {"help_option_names": ["-h", "--help"]}  # as those of the other commands
        choice = made.main(list(arguments), name, standalone_mode=False, **names)
    except click.ClickException as e:
        raise UserError(f"{e.format_message().rstrip('.')} - see {name} --help") from None
    except SystemExit as e:  # how Guild's functions say what is wrong
        said = e.code[0] if isinstance(e.code, tuple) else e.code
        wrong = str(said).splitlines()[0]
        if wrong.startswith("could not find a run matching"):
            wrong += " - give numbers or IDs of guild runs, or -Fo NAME for those of an operation"
        raise UserError(wrong) from None
    if isinstance(choice, int):
        return None
    if getattr(choice, "runs", None) == []:  # of diff, which may be given none, they are a tuple
        raise UserError("there is no such run - guild runs, with the same filters, lists them")
    return choice
