"""What the trials of a sweep are told of what they share (``nb-fork``)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from guild_notebook import fork_host
from tests.helpers.project import Command, Project

GUILD_FILE = """
train:
  notebook: train.ipynb
  flags-import: all
  nb-exec: no
  nb-fork: yes
plain:
  notebook: train.ipynb
  flags-import: all
  nb-exec: no
"""


@pytest.fixture(scope="module")
def sweeps(shared: Project) -> Project:
    shared.notebook("train.ipynb", 'lr = 0.1\ndepth = 4\nname = "a"', 'print("loss:", lr)')
    shared.guildfile(GUILD_FILE)
    shared.file("trials.csv", "lr,name\n0.5,b\n0.4,b\n")
    return shared


def test_trials_know_how_many_values_there_are(sweeps: Project):
    """Also where their queue starts them; an optimizer that goes on from results has not all."""
    done = sweeps.run("train", "lr=[0.1,0.2,0.3]", "depth=[1,2]", "name=b", "--stage-trials")
    counts = {"": 6, "depth": 2, "lr": 3}
    assert [run.attr("varying_counts") for run in done.runs] == [counts] * 6
    assert [run.attr("varying_alike") for run in done.runs] == [{"depth": 3, "lr": 2}] * 6
    sweeps.guild("runs", "rm", "-y", "--staged")
    done = sweeps.run("train", "@trials.csv")
    assert [run.attr("varying_counts") for run in done.runs] == [{"": 2, "lr": 2}] * 2


def test_a_trial_knows_how_many_have_its_values(sweeps: Project):
    sweeps.file("uneven.csv", "lr,name\n0.5,b\n0.4,b\n0.4,c\n")
    done = sweeps.run("train", "@uneven.csv")
    alike = {(run.flags["lr"], run.flags["name"]): run.attr("varying_alike") for run in done.runs}
    assert alike == {
        (0.5, "b"): {"lr": 1, "name": 2},
        (0.4, "b"): {"lr": 2, "name": 2},
        (0.4, "c"): {"lr": 2, "name": 1},
    }


def told(done: Command) -> tuple[list[list[str] | None], set[str | None]]:
    """Which flags vary by the trials of a sweep, and the folders of their hosts."""
    folders = {(run.attr("env") or {}).get(fork_host.VARIABLE) for run in done.trials}
    return [run.attr("varying_flags") for run in done.trials], folders


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("train lr=[0.1,0.2] depth=[1,2] name=b", [["depth", "lr"]] * 4),
        ("train @trials.csv", [["lr"]] * 2),
        ("train lr=[0.1:0.2] depth=[3,3] --max-trials 2", [["depth", "lr"]] * 2),
        ("plain name=[b,c] nb-fork=verify", [["name"]] * 2),
    ],
)
def test_trials_that_share_cells_know_which_flags_vary_and_have_one_host(
    sweeps: Project, arguments: str, names: list[list[str]]
):
    varying, folders = told(sweeps.run(*arguments.split()))
    assert varying == names
    (folder,) = folders
    assert folder and Path(folder).name.startswith("guild-nb-")
    assert not os.path.exists(folder)


@pytest.mark.slow
def test_the_trials_of_an_optimizer_know_all_of_its_search_space(sweeps: Project):
    arguments = "train lr=[0.1:0.2] depth=[3,4] name=b -o gp --max-trials 2"
    varying, folders = told(sweeps.run(*arguments.split()))
    assert varying == [["depth", "lr"]] * 2
    assert len(folders) == 1
    assert not os.path.exists(str(*folders))


@pytest.mark.parametrize(
    ("arguments", "trials"),
    [
        ("plain lr=[0.1,0.2]", 2),
        ("train lr=[0.1,0.2] nb-fork=no", 2),
        ("train lr=[0.1]", 1),
        ("train", 1),
    ],
)
def test_trials_that_share_nothing_have_no_host(sweeps: Project, arguments: str, trials: int):
    varying, folders = told(sweeps.run(*arguments.split()))
    assert varying == [None] * trials
    assert folders == {None}


def test_the_queue_that_runs_staged_trials_is_their_host(sweeps: Project):
    staged = sweeps.run("train", "lr=[0.1,0.2]", "--stage-trials")
    assert told(staged) == ([["lr"]] * 2, {None})
    other = sweeps.run("plain", "lr=[0.3,0.4]", "--stage-trials")
    queue = sweeps.run("queue", "run-once=yes")
    assert queue.run.op_name == "queue"
    varying, (folder,) = told(staged)
    assert varying == [["lr"]] * 2
    assert folder and Path(folder).name.startswith("guild-nb-")
    assert not os.path.exists(folder)
    assert told(other)[0] == [None] * 2
    assert all(run.attr("exit_status") == 0 for run in [*staged.runs, *other.runs])


def test_a_queue_of_trials_that_share_nothing_is_not_their_host(sweeps: Project):
    staged = sweeps.run("plain", "lr=[0.1,0.2]", "--stage-trials")
    sweeps.run("queue", "run-once=yes")
    assert told(staged) == ([None] * 2, {None})
