"""``sweep`` makes the trials that ``guild run`` makes of lists and search spaces."""

from __future__ import annotations

import contextlib
import io
import itertools
from typing import Any

import pytest

from guild_notebook.api import RunError, Sweep, UserError, runs, sweep
from tests.helpers.project import Project


@pytest.fixture(scope="module")
def made(project: Project) -> Sweep:
    return sweep("train.ipynb", lr=[0.2, 0.1], layers=[[1], [2, 3]], nb_report="none", quiet=True)


def test_there_is_a_trial_for_each_combination_in_the_order_of_the_command(made: Sweep):
    combinations = [(each.flags["layers"], each.flags["lr"]) for each in made]
    assert combinations == list(itertools.product([[1], [2, 3]], [0.2, 0.1]))
    assert [each.status for each in made] == ["completed"] * 4
    assert made.failed == []


def test_the_best_trial_is_that_with_the_smallest_loss(made: Sweep):
    assert made.best.scalars["loss"] == 0.1
    assert made.best == made[1]


def test_the_trials_are_the_runs_that_there_are_and_the_batch_is_none_of_them(made: Sweep):
    assert {each.id for each in runs()} >= {each.id for each in made}
    assert not [each for each in runs() if each.operation.endswith("+")]


def test_jupyter_shows_a_table_of_what_differs(made: Sweep):
    shown = made._repr_html_()
    head = shown.partition("</thead>")[0]
    for name in ("run", "status", "lr", "layers", "loss"):
        assert f"<th>{name}</th>" in head
    assert "<th>name</th>" not in head
    assert shown.count("<tr>") == 5


def test_a_sweep_is_a_table_of_pandas(made: Sweep):
    pytest.importorskip("pandas")
    frame = made.to_frame()
    assert list(frame.index) == [each.short_id for each in made]
    assert list(frame["lr"]) == [0.2, 0.1, 0.2, 0.1]
    assert list(frame["layers"]) == [[1], [1], [2, 3], [2, 3]]
    assert frame["loss"].idxmin() == made.best.short_id
    assert set(frame["status"]) == {"completed"}


def test_a_scalar_that_no_trial_has_is_not_minimized(project: Project):
    found = sweep("loop", n=[1, 2], maximize="coutn", quiet=True)
    with pytest.raises(UserError) as raised:
        print(found.best)
    assert str(raised.value) == (
        "no completed trial has the scalar 'coutn' of minimize or maximize - did you mean 'count'?"
    )


def test_the_largest_is_best_where_it_is_maximized(project: Project):
    found = sweep("loop", n=(1, 3, 2), maximize="count", quiet=True)
    assert (len(found), found.best.flags["n"]) == (3, 3)


@pytest.mark.slow
def test_trials_that_fail_do_not_end_the_sweep(project: Project):
    found = sweep("train", fails=[True, False], nb_report="none", quiet=True)
    assert [each.status for each in found] == ["error", "completed"]
    assert found.failed == [found[0]]
    assert found.best == found[1]


def test_trials_run_at_once(project: Project):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        found = sweep("loop", n=[40, 41, 42], jobs=3)  # four seconds: a start may take some
    assert sorted(each.flags["n"] for each in found) == [40, 41, 42]
    latest_start = max(each.started for each in found)
    assert all((latest_start - each.started).total_seconds() < each.seconds for each in found)
    assert "3 at once" in out.getvalue()


@pytest.mark.slow
def test_an_optimizer_searches_a_range(project: Project):
    found = sweep("loop", n="[1:3]", optimizer="random", max_trials=2, random_seed=1, quiet=True)
    assert len(found) == 2
    assert all(each.flags["n"] in (1, 2, 3) for each in found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"n": [1], "optimizer": "nope"}, "nope"),
        ({"m": [1]}, "has no flag 'm'"),
        ({"n": []}, "n"),
        ({"n": [1], "max_trials": "x"}, "'x' is not a valid integer"),
    ],
    ids=["optimizer", "flag", "empty", "trials"],
)
def test_what_guild_refuses_is_an_error(project: Project, arguments: dict[str, Any], said: str):
    before = project.run_dirs()
    with pytest.raises(RunError) as raised:
        sweep("loop", quiet=True, **arguments)
    assert said in str(raised.value)
    assert project.run_dirs() == before
