"""docs/python.md names all that there is."""

from __future__ import annotations

import inspect

from guild_notebook.api import Run, RunFailure, Runs, Sweep, run, runs, sweep
from tests.helpers.reader import DOCS, first_column, rows, spans


def names(function: object) -> set[str]:
    return set(inspect.signature(function).parameters) - {"notebook", "flag_values", "specs"}


def own(kind: type, *bases: type) -> set[str]:
    """The public attributes of a class that its bases do not have."""
    inherited = {name for base in bases for name in dir(base)}
    return {name for name in dir(kind) if not name.startswith("_")} - inherited


def test_the_table_of_parameters_has_each():
    assert first_column("python.md", "The other parameters:") == names(run)


def test_the_table_of_a_run_has_each_attribute():
    told = first_column("python.md", "What a run has:")
    assert {name.partition("(")[0] for name in told} == own(Run) - {"short_id"}


def test_what_an_error_has_is_told():
    (told,) = [row[1] for row in rows("python.md", "What a run has:") if row[0] == "`error`"]
    assert all(f"`{field}`" in told for field in RunFailure.__dataclass_fields__)


def test_sentences_name_what_sweeps_and_lists_of_runs_have():
    said = " ".join(spans(DOCS / "python.md"))
    wanted = names(sweep) - names(run) | names(runs) | own(Runs, list) | own(Sweep, Runs)
    assert [name for name in sorted(wanted) if name not in said] == []
