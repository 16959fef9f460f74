"""``guild-notebook share``: the pages of runs, and an index of them, in a folder."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import UserError, said
from ..files import write_whole
from ..flags.languages.values import shortened
from ..options.reports import HTML, SANITIZED
from ..run.finished import FinishedRun
from ..texts import duration, number
from . import run_choice

INDEX = "index.html"
_OWN = re.compile(r"run-[\w-]+\.(?:html|ipynb)", re.ASCII)
"""The names of the pages and notebooks. They are in lower case, and short."""

_GENERATOR = '<meta name="generator" content="guild-notebook share">'

_STYLE = """
body {
  max-width: 100rem; margin: 1.5rem auto; padding: 0 1rem;
  background: var(--ground); color: var(--text); font: 0.9375rem/1.5 var(--text-font);
}
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
h1 { font-size: 1.4rem; }
h2 { margin: 1.5rem 0 0.3rem; font-size: 1.0625rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .35rem .8rem; text-align: left; vertical-align: top; white-space: nowrap; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
thead th, tbody tr { border-bottom: 1px solid var(--line); }
th[scope="col"] { color: var(--muted); font-weight: 400; }
.error, .terminated { font-weight: 600; }
dt { float: left; clear: left; margin-right: 1rem; }
"""


def lines(args: Any) -> Iterator[str]:
    """Write what ``args`` of the command ask for, and say what was not. Raises UserError where it
    cannot be written."""
    folder = _Folder(args.output)
    names, rows = _names(args.runs), _rows(args.runs)
    # The folder is this command's own from the start, also where it ends before all is written.
    folder.write(INDEX, index_html(rows).encode("utf-8", "replace"))
    for run, row in zip(args.runs, rows):
        try:
            for name, content in _contents(FinishedRun(run.dir), names[run.id], args):
                folder.write(name, content)
                if name.endswith(".html"):
                    row.page = name
                else:
                    row.notebook = name
        except _NoPageError as e:
            yield f"run {run.short_id} has a line in the table and no page: {e}"
    folder.write(INDEX, index_html(rows).encode("utf-8", "replace"))
    folder.remove_others()
    yield f"{len(rows)} run{'s' * (len(rows) != 1)}: {os.path.join(args.output, INDEX)}"


def command() -> Any:
    """The command of click that returns its arguments, of which ``runs`` are those of Guild
    (guild/run.py), newest first."""
    import click
    from guild import batch_util

    def share(context: Any, args: Any) -> Any:
        """Write the reports of runs, and an index of them.

        RUN is a number, a range of them like 1:3, or the beginning of an ID, as `guild runs` lists
        them; `:` is all runs. What is written needs no server: send it, or put it on any.
        """
        if not args.output:
            raise click.UsageError("say where: -o FOLDER")
        if not run_choice.says_which(args, "output", "sanitized", "notebooks"):
            raise click.UsageError("say which runs: numbers or IDs of guild runs, filters, or :")
        found = run_choice.selected(args, context)
        return args.copy(runs=[run for run in found if not batch_util.is_batch(run)])

    return run_choice.command(
        share,
        "share",
        click.option("--notebooks", is_flag=True, help="Add the executed notebooks."),
        click.option("--sanitized", is_flag=True, help="Make pages anew that run no scripts."),
        click.option("-o", "--output", metavar="FOLDER", help="Write to FOLDER."),
    )


class _NoPageError(Exception):
    """There is no page of a run; says why."""


def _contents(run: FinishedRun, name: str, args: Any) -> Iterator[tuple[str, bytes]]:
    """The files of a run and their names: its own report, that which is sanitized before others, or
    a page that is made of its executed notebook; and that notebook."""
    notebook = run.executed_notebook()
    reports = [] if args.sanitized else run.reports()
    reports.sort(key=lambda report: not report.endswith(f".{SANITIZED}.html"))
    if not notebook and not reports:
        raise _NoPageError("it has no executed notebook")
    try:
        if reports:
            page = run.read(reports[0])
        else:
            page = run.page(notebook, SANITIZED if args.sanitized else HTML)
        executed = run.read(notebook) if args.notebooks and notebook else b""
    except Exception as e:  # of what a notebook may hold
        raise _NoPageError(said(e)) from None
    yield f"{name}.html", page
    if executed:
        yield f"{name}.ipynb", executed


def _names(runs: Sequence[Any]) -> dict[str, str]:
    """The names of what is written of each run, by its ID: of letters that any file system has."""
    short = {run.id: re.sub(r"[^0-9a-z]", "-", run.id[:8].lower()) for run in runs}
    number = Counter(short.values())
    return {
        run_id: f"run-{name if number[name] == 1 else os.fsencode(run_id).hex()}"
        for run_id, name in short.items()
    }


@dataclass
class _Row:
    """A run in the index: flags as Guild shows them, the last values of scalars, and the names of
    its page and of its notebook, "" where it has none."""

    id: str
    operation: str
    status: str
    started: datetime | None
    seconds: float | None
    flags: Mapping[str, str]
    scalars: Mapping[str, float]
    page: str = ""
    notebook: str = ""


def _rows(runs: Sequence[Any]) -> list[_Row]:
    from guild import flag_util, index, run_util
    from guild.commands.runs_impl import filter_default_scalar

    indexed = index.RunIndex()
    indexed.refresh(runs, ["scalar"])
    rows = []
    for run in runs:
        started, stopped = run.get("started"), run.get("stopped")
        flags = {
            name: value if value and isinstance(value, str) else flag_util.encode_flag_val(value)
            for name, value in (run.get("flags") or {}).items()
        }
        scalars = {run_util.run_scalar_key(each): each for each in indexed.run_scalars(run)}
        rows.append(
            _Row(
                run.short_id,
                run_util.format_operation(run, nowarn=True),
                run.status,
                datetime.fromtimestamp(started / 1e6, timezone.utc) if started else None,
                (stopped - started) / 1e6 if started and stopped else None,
                flags,
                {
                    name: math.nan if scalar["last_val"] is None else scalar["last_val"]
                    for name, scalar in scalars.items()
                    if filter_default_scalar(name)
                },
            )
        )
    return rows


def index_html(rows: Sequence[_Row]) -> str:
    """The page with the table of runs."""
    flags = _names_in(row.flags for row in rows)
    varied = [f for f in flags if len(rows) == 1 or len({row.flags.get(f) for row in rows}) > 1]
    scalars = _names_in(row.scalars for row in rows)
    has_notebooks = any(row.notebook for row in rows)
    heads = ["Run", "Operation", "Status", "Started (UTC)", "Time", *varied]
    title = f"{len(rows)} run{'s' * (len(rows) != 1)} of " + ", ".join(
        dict.fromkeys(row.operation for row in rows)
    )
    parts = [
        '<div role="region" aria-label="Runs" tabindex="0">\n<table>\n<thead><tr>',
        *(f'<th scope="col">{text_html(head)}</th>' for head in heads),
        *(f'<th scope="col" class="number">{text_html(name)}</th>' for name in scalars),
        '<th scope="col">Notebook</th>' if has_notebooks else "",
        "</tr></thead>\n<tbody>\n",
    ]
    for row in rows:
        started = f"{row.started:%Y-%m-%d %H:%M}" if row.started else ""
        time = "" if row.seconds is None else duration(row.seconds)
        parts += [
            f'<tr><th scope="row">{link_html(row.page, row.id)}</th>',
            f'<td>{text_html(row.operation)}</td><td class="{text_html(row.status)}">',
            f"{text_html(row.status)}</td><td>{started}</td>",
            f'<td class="number">{time}</td>',
            *(f"<td>{text_html(row.flags.get(name, ''))}</td>" for name in varied),
            *(f'<td class="number">{number(row.scalars.get(name, ""))}</td>' for name in scalars),
            f"<td>{link_html(row.notebook, '.ipynb') if row.notebook else ''}</td>" * has_notebooks,
            "</tr>\n",
        ]
    parts.append("</tbody>\n</table>\n</div>\n")
    if same := [name for name in flags if name not in varied]:
        parts.append("<h2>Flags of all of these runs</h2>\n<dl>\n")
        parts += [f"<dt>{text_html(n)}</dt><dd>{text_html(rows[0].flags[n])}</dd>\n" for n in same]
        parts.append("</dl>\n")
    return page_html(title, parts, _GENERATOR)


def page_html(title: str, parts: Iterable[str], head: str = "") -> str:
    """A page of ``parts`` of HTML below its title, that loads nothing and runs no script."""
    report = Path(__file__).parents[1] / "run" / "report"
    style = (report / "colours.css").read_text("utf-8") + _STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta http-equiv="Content-Security-Policy" '
            f"content=\"default-src 'none'; style-src 'sha256-{digest}'\">\n",
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"{head}\n<title>{text_html(title)}</title>\n<style>{style}</style>\n</head>\n",
            f"<body>\n<main>\n<h1>{text_html(title)}</h1>\n",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _names_in(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({name for each in mappings for name in each})


def text_html(text: str) -> str:
    """A text as HTML, cut where it is long."""
    return html.escape(shortened(text, 80))


def link_html(target: str, text: str) -> str:
    return f'<a href="{target}">{text_html(text)}</a>' if target else text_html(text)


class _Folder:
    """The folder ``path``, which is new or of an earlier command. Raises UserError where it cannot
    be written, or is of somebody else."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written: set[str] = set()
        with _explained(path):
            os.makedirs(path, exist_ok=True)
            names = sorted(os.listdir(path))
        if names and not self._is_own():
            raise UserError(f"{path} has other files ({names[0]}) - name a new folder")

    def _is_own(self) -> bool:
        with contextlib.suppress(OSError), open(os.path.join(self._path, INDEX), "rb") as file:
            return _GENERATOR.encode() in file.read(5000)
        return False

    def write(self, name: str, content: bytes) -> None:
        with _explained(self._path):
            write_whole(os.path.join(self._path, name), content)
        self._written.add(name)

    def remove_others(self) -> None:
        """Remove what an earlier command has written, and this one has not."""
        with _explained(self._path):
            for name in os.listdir(self._path):
                if _OWN.fullmatch(name) and name not in self._written:
                    os.unlink(os.path.join(self._path, name))


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise UserError(f"cannot write {path}: {e.strerror or e} - name another") from None
