"""Runs that there are, chosen as Guild's commands do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .results import Run, Runs


def runs(
    *specs: str | int,
    operation: str | Sequence[str] = (),
    filter: str = "",  # noqa: A002  # as the option
    label: str | Sequence[str] = (),
    tag: str | Sequence[str] = (),
    started: str = "",
    status: str | Sequence[str] = (),
) -> Runs:
    """Runs of this Guild home, newest first: all of them, or those that ``specs`` name (numbers of
    ``guild runs``, ranges like ``"1:3"``, beginnings of ids), of these the ones for which all
    filters hold.

    ``operation`` is the name of an operation, or a part of it; ``filter`` an expression as of
    ``guild runs --filter`` (``"lr < 0.1 and loss < 1"``); ``label`` a part of a label; ``started``
    a range of time (``"last 2 hours"``); ``status`` is ``completed``, ``error``, ``terminated``,
    ``running``, ``pending`` or ``staged``. Raises UserError for what Guild does not know.
    """
    from ..cli import run_choice  # with all of guild-notebook's commands

    arguments = [str(spec) for spec in specs]
    named = {"operation": operation, "label": label, "tag": tag}
    for name, values in named.items():
        arguments += [f"--{name}={value}" for value in _each(values)]
    arguments += [f"--{each}" for each in _each(status)]
    arguments += [f"--filter={filter}"] * bool(filter) + [f"--started={started}"] * bool(started)

    def chosen(context: Any, args: Any) -> Any:
        return run_choice.selected(args, context)

    found = run_choice.called(run_choice.command(chosen, "runs"), arguments)
    return Runs(Run(each.dir) for each in found)


def _each(given: Any) -> list[Any]:
    """Those of one value, or of several."""
    is_many = isinstance(given, Iterable) and not isinstance(given, (str, bytes))
    return [*given] if is_many else [] if given is None else [given]
