"""``%guild`` in Jupyter: Guild's commands in a cell, after ``%load_ext guild_notebook``."""

from __future__ import annotations

import csv
import html
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..run.plain_shell import environment
from ..texts import columns, cut, one_line
from . import starting
from .choosing import runs
from .html import table_of
from .process import Command, captured
from .results import Run, RunError, Sweep, with_pandas

if TYPE_CHECKING:
    import pandas

LARGEST_REPORT = 20_000_000
"""Characters of a report that a notebook can take: it is kept there as an output."""

WIDEST = 40
"""Columns of a value in a table of text."""

_LONG_NUMBER = re.compile(r"-?\d+\.\d{6,}(e[+-]\d+)?")
_OF_NO_NEW_RUN = ("background", "pidfile", "remote", "restart", "run_dir", "run_id", "start")
"""The options of ``guild run`` (guild/commands/run.py) that say which run it is, or by whom it is
executed: such a command is passed on as it is."""

_TALK = re.compile(r"\[\d+/\d+\] |Resolving |Skipping resolution|Using run |Refreshing flags")
"""How lines begin that a command writes to stderr though nothing is wrong: of the cells of a run
(run/output/progress.py), and of Guild's (guild/op.py, guild/resolver.py, guild/op_dep.py)."""

_FRAME = (
    '<iframe title="{title}" '
    'style="width: 100%; height: 600px; resize: vertical; border: 1px solid #8888; '
    'box-sizing: border-box" '
    'sandbox="allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads" '
    'srcdoc="{page}"></iframe>'
)


def load(shell: Any) -> None:
    """Give an IPython ``shell`` the magic ``%guild``."""
    shell.register_magic_function(guild, "line", "guild")


def guild(line: str) -> Any:
    """Guild's commands in a cell:

    %guild run train.ipynb lr=0.2     run a notebook: the value is the run
    %guild run train.ipynb lr=[1,2]   a sweep: the value is the list of its trials
    %guild compare                    runs as a table, with the options of guild compare
    %guild report RUN                 the report of a run, of the latest without RUN
    %guild runs                       any other command of Guild, as on the command line

    Arguments are those of the command line; {name} and $name are variables of the notebook. The
    value of %guild is that of an expression: run = %guild run train.ipynb
    """
    try:
        return _called(line)
    except (UserError, KeyboardInterrupt) as error:
        shown = f"{type(error).__name__}: {str(error) or 'the command was stopped'}"
        error._render_traceback_ = lambda: [shown]  # type: ignore[union-attr]  # IPython asks for it
        raise


def _called(line: str) -> Any:
    try:
        words = shlex.split(line)
    except ValueError as e:
        raise UserError(f"%guild {line}: {e} - close it, or quote it with the other kind") from None
    if not words or words == ["help"]:
        print((guild.__doc__ or "").replace("\n    ", "\n").strip())
        return None
    command, *arguments = words
    own = {"run": _run, "compare": _compare, "report": _report}
    if command in own:
        return own[command](arguments)
    return _guild(words)


class _Errors:
    """In place of stderr, which Jupyter shows on red: _TALK is written to stdout."""

    def __init__(self) -> None:
        self._begins, self._stream = True, sys.stderr

    def write(self, text: str) -> None:
        for line in re.findall("[^\n]*\n|[^\n]+", text):
            if self._begins:
                self._stream = sys.stdout if _TALK.match(line) else sys.stderr
            self._stream.write(line)
            self._begins = line.endswith("\n")

    def flush(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()


def _guild(words: Sequence[str]) -> None:
    """A command whose output is all that is wanted."""
    _check(words[0], Command(words, environment(), errors=_Errors()).wait())


def _check(command: str, status: int) -> None:
    if status:
        asks = "; what it asks in a terminal is answered with -y" * (status == 1)  # 2 is for usage
        raise UserError(
            f"%guild {command} ended with exit status {status} - what it says is above{asks}"
        )


def _run(arguments: Sequence[str]) -> Run | Sweep | None:
    from guild.commands import run

    given = run.run.make_context("run", [*arguments], resilient_parsing=True).params
    if any(map(given.get, _OF_NO_NEW_RUN)):
        _guild(["run", "-y", *arguments])
        return None
    return starting.as_command(arguments, given["minimize"], given["maximize"], _Errors())


class Comparison:
    """Runs as a table, as ``guild compare --csv`` has them: text, HTML in Jupyter."""

    def __init__(self, text: str) -> None:
        self.csv = text
        self.rows = [
            {name: _shortened(value) for name, value in row.items()}
            for row in csv.DictReader(io.StringIO(text))
        ]

    def to_frame(self) -> pandas.DataFrame:
        """The table for pandas. Raises UserError where pandas is not installed."""
        return with_pandas().read_csv(io.StringIO(self.csv), dtype={"run": str})

    def __repr__(self) -> str:
        if not self.rows:
            return "no runs"
        rows = [self.rows[0], *(row.values() for row in self.rows)]
        return "\n".join(columns([[cut(one_line(text), WIDEST) for text in row] for row in rows]))

    def _repr_html_(self) -> str:
        if not self.rows:
            return "<p>no runs</p>"
        return table_of(self.rows, self.rows[0])


def _shortened(value: str | None) -> str:
    """A scalar has 32 bits in Guild's table, and more digits."""
    value = value or ""
    return f"{float(value):.6g}" if _LONG_NUMBER.fullmatch(value) else value


def _compare(arguments: Sequence[str]) -> Comparison | None:
    if any(word in ("--help", "--table", "-t", "--csv", "--print-scalars") for word in arguments):
        _guild(["compare", *arguments])
        return None
    done = captured(["compare", "--csv", "-", *arguments], environment())
    sys.stderr.write(done.stderr)
    _check("compare", done.returncode)
    return Comparison(done.stdout)


class Report:
    """The report of a run, which Jupyter shows in a frame of its own."""

    def __init__(self, run: Run, page: str) -> None:
        self.run = run
        self.page = page

    def __repr__(self) -> str:
        where = self.run.report or self.run.dir
        return f"the report of {self.run.short_id} ({self.run.operation}): {where}"

    def _repr_html_(self) -> str:
        page = html.escape(self.page)
        if len(page) > LARGEST_REPORT:
            said = f"{self!r} has {len(page) // 1_000_000} MB: guild-notebook open shows it"
            return f"<p>{html.escape(said)}</p>"
        return _FRAME.format(title=f"Report of {self.run.short_id}", page=page)


def _report(arguments: Sequence[str]) -> Report:
    if len(arguments) > 1 or any(word.startswith("-") for word in arguments):
        raise UserError("%guild report takes one run - give its ID, or its number in guild runs")
    found = next((run for run in runs(*arguments) if run.notebook), None)
    if not found or not found.notebook:
        what = f"run {arguments[0]} has no executed notebook" if arguments else "no run has one"
        raise UserError(f"there is no report: {what} - %guild runs lists the runs")
    name = str(found.notebook.relative_to(found.dir))
    maker = [sys.executable, "-m", "guild_notebook.run.finished", str(found.dir), name]
    done = subprocess.run(maker, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RunError(said[-1] if said else f"there is no report of {found.short_id}", found)
    return Report(found, done.stdout.decode("utf-8", "replace"))
