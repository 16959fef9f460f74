"""What Jupyter shows of runs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..texts import cut_end, one_line

LONGEST = 200
"""Characters of a value that are shown."""

LONGEST_LINE = 60
"""Characters of a value that are not shown on several lines."""

_TABLE = '<table style="white-space: nowrap">'

MOST_ROWS = 200
"""Runs of a table that are shown."""


def list_of(rows: Iterable[tuple[str, Any]]) -> str:
    """A table of names and values, those that are None left out."""
    cells = "".join(
        f"<tr><th>{_shown(name)}</th>{_cell(_shown(value))}</tr>"
        for name, value in rows
        if value is not None
    )
    return f"{_TABLE}{cells}</table>"


def table_of(rows: Sequence[Mapping[str, Any]], always: Iterable[str]) -> str:
    """A table with a line for each of the ``rows``, which have the same names. Of several rows, the
    names for which all have the same are left out, but for those that are there ``always``."""
    shown = [{name: _shown(value) for name, value in row.items()} for row in rows[:MOST_ROWS]]
    names = [
        name
        for name in (shown[0] if shown else ())
        if len(shown) == 1 or name in always or len({row[name] for row in shown}) > 1
    ]
    head = "".join(f"<th>{_shown(name)}</th>" for name in names)
    lines = ["".join(_cell(row[name]) for name in names) for row in shown]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    more = f"<p>{len(rows) - len(shown)} more</p>" if len(rows) > len(shown) else ""
    return f"{_TABLE}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(text: str) -> str:
    """A cell of one line, unless that is long: JupyterLab's own style for cells breaks a date."""
    style = ""
    if len(text) > LONGEST_LINE:
        style = ' style="white-space: normal; min-width: 20em"'
    elif " " in text:
        style = ' style="white-space: nowrap"'
    return f"<td{style}>{text}</td>"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, datetime.datetime):
        value = f"{value:%Y-%m-%d %H:%M:%S}"
    return escape(cut_end(one_line(str(value)), LONGEST))
