"""``guild-notebook browse``: the page that compares runs, for all of a Guild home, from a server
that this process is until it is interrupted."""

from __future__ import annotations

import contextlib
import html
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..run.finished import FinishedRun
from . import compare, reports, run_choice, share
from .run_sets import OPERATION, SWEEP, RunSet, run_sets, started

if TYPE_CHECKING:
    from ..compare.server import Choice

_RUNS, _CHOSEN = "runs", "chosen"

_HEADS = ("Operation", "Runs", "Last (UTC)", "Flags that vary")


def lines(args: Any) -> Iterator[str]:
    """Serve what ``args`` of the command ask for, and say where. Raises UserError where that cannot
    be."""
    from ..compare.server import Server

    home = _Home(args.chosen)
    first = home.first()
    if args.chosen and first and not home.run_dirs(first):
        raise UserError(
            "no run of a notebook is among these - guild runs, with the same filters, lists them"
        )
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as opened:
        server = Server(home, args.port)
        yield f"{server.address} - Ctrl-C ends it"
        sys.stdout.flush()
        if args.is_opened:
            opened.enter_context(_in_browser(server.address))
        server.run()


def command() -> Any:
    """The command of click that returns its arguments, and the runs that are ``chosen``, None where
    nothing says which."""
    import click

    def browse(context: Any, args: Any) -> Any:
        """Compare runs in a browser, those that are being executed as well.

        RUN is a number, a range of them like 1:3, or the beginning of an ID, as `guild runs` lists
        them. Without any, and without filters, it begins with what is being executed, else with the
        newest sweep, or with the runs of the newest notebook. All others of the Guild home are a
        click away.
        """
        is_chosen = run_choice.says_which(args, "port", "is_opened")
        return args.copy(chosen=_Chosen(args, context) if is_chosen else None)

    return run_choice.command(
        browse,
        "browse",
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=0,
            metavar="PORT",
            help="Listen on PORT of 127.0.0.1, not on one that is free.",
        ),
        click.option(
            "--open/--no-open",
            "is_opened",
            default=True,
            help="Open it in a browser, which is done where there are windows.",
        ),
    )


class _Chosen:
    """The runs that a command line chooses, newest first: those that it names as long as they are
    there, or else those that its filters leave now."""

    def __init__(self, args: Any, context: Any) -> None:
        self._args, self._context = args, context
        self._ids = {run.id for run in self._selected()}

    def _selected(self) -> list[Any]:
        return compare.with_trials(run_choice.selected(self._args, self._context), self._args.runs)

    def __call__(self) -> list[Any]:
        from guild import var

        if not self._args.runs:
            with contextlib.suppress(SystemExit):  # how Guild says that there is none
                return self._selected()
        return [run for run in var.runs(sort=["-timestamp"]) if run.id in self._ids]


class _Home:
    """The Guild home of this process, and what a command line has asked for of it."""

    def __init__(self, chosen: _Chosen | None) -> None:
        self._chosen = chosen

    def first(self) -> Choice | None:
        from ..compare.server import Choice

        if self._chosen:
            return Choice(_RUNS, _CHOSEN)
        found = run_sets()
        executed = (each for each in found if "running" in _states(each))
        first = next(executed, found[0] if found else None)
        return Choice(first.kind, first.key) if first else None

    def start_page(self) -> str:
        from ..compare.server import Choice

        found = run_sets()
        parts = []
        if self._chosen:
            target = Choice(_RUNS, _CHOSEN).path
            parts.append(f"<p>{share.link_html(target, 'Runs of the command line')}</p>\n")
        for kind, name in ((SWEEP, "Sweeps"), (OPERATION, "All runs of an operation")):
            sets = [each for each in found if each.kind == kind]
            parts += _table(name, sets) if sets else []
        if not found:
            parts.append("<p>No notebook has been run: guild run NOTEBOOK.ipynb</p>\n")
        return share.page_html("Runs to compare", parts)

    def run_dirs(self, choice: Choice) -> Sequence[str]:
        runs: Sequence[Any] = ()
        if choice.kind != _RUNS:
            found = (each.runs for each in run_sets() if (each.kind, each.key) == choice)
            runs = next(found, ())
        elif choice.key == _CHOSEN and self._chosen:
            runs = [run for run in self._chosen() if compare.is_of_notebook(FinishedRun(run.dir))]
        return [run.dir for run in runs]


def _varying(runs: Iterable[Any]) -> list[str]:
    """The names of the flags that have not the same value in all of ``runs``."""
    flags = []
    for run in runs:
        with contextlib.suppress(OSError):
            found = FinishedRun(run.dir).attr_value("flags")
            flags.append(found if isinstance(found, dict) else {})
    names = {name for each in flags for name in each}
    return sorted(str(name) for name in names if len({repr(e.get(name)) for e in flags}) > 1)


def _states(runs: RunSet) -> Counter[str]:
    """How many of the runs have which status."""
    from ..compare import reading

    return Counter(reading.status_of(FinishedRun(run.dir)) for run in runs.runs)


def _table(name: str, sets: Iterable[RunSet]) -> Iterator[str]:
    """A table of run sets, as HTML."""
    from ..compare.server import Choice

    yield f'<h2>{name}</h2>\n<div role="region" aria-label="{name}" tabindex="0">\n<table>\n<tr>'
    yield from (f'<th scope="col">{head}</th>' for head in _HEADS)
    yield "</tr>\n"
    for each in sets:
        link = share.link_html(Choice(each.kind, each.key).path, each.operation or "no name")
        states = sorted(_states(each).items())
        shown = ", ".join(f"{n} {'failed' if state == 'error' else state}" for state, n in states)
        last = datetime.fromtimestamp(started(each.runs[0]) / 1e6, timezone.utc)
        yield f'<tr><th scope="row">{link}</th><td>{share.text_html(shown)}</td>'
        yield f"<td>{last:%Y-%m-%d %H:%M}</td>"
        yield f"<td>{share.text_html(', '.join(_varying(each.runs)))}</td></tr>\n"
    yield "</table>\n</div>\n"


@contextlib.contextmanager
def _in_browser(address: str) -> Iterator[None]:
    """Open ``address`` in a browser, while this goes on. It is told a file that only the user can
    read, since all users of a machine can see the arguments of a program."""
    with tempfile.TemporaryDirectory(prefix="guild-notebook-") as folder:
        path = os.path.join(folder, "open.html")
        Path(path).write_text(
            f'<meta http-equiv="refresh" content="0; url={html.escape(address)}">', "utf-8"
        )
        # Some browsers are waited for until they end.
        threading.Thread(target=reports.show, args=[path], daemon=True).start()
        yield
