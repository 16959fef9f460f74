"""Runs that an earlier version recorded start again with this one.

``recorded_runs/`` holds run directories as guild-notebook 0.1 made them before its modules moved
into rooms (commit 471cf0e), without what Guild notes of the machine. Their commands name modules of
this package, so those names must stay.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.project import Command, Project, Run

RECORDED = Path(__file__).parent / "recorded_runs"

RUNNER = "guild_notebook.run"
OPTIMIZER = "guild_notebook.optimizers.random"


def recorded(project: Project, name: str) -> Run:
    """A recorded run in the Guild home of ``project``, which is the project that it was made from:
    its directory stands in the run where ``/project`` was recorded."""
    recorded = RECORDED / name
    run_id = (recorded / ".guild" / "attrs" / "id").read_text("utf-8").strip()
    run = Run(Path(shutil.copytree(recorded, project.home / "runs" / run_id)))
    for path in (run.dir / ".guild").rglob("op*"):  # opref, attrs/op
        if path.is_file():
            path.write_text(path.read_text("utf-8").replace("/project", str(project.dir)))
    for pattern in ("guild.yml", "*.ipynb", ".guild/sourcecode/*", ".guild/proto/[!.]*"):
        for path in run.dir.glob(pattern):  # the source last, over the executed notebook
            shutil.copy(path, project.dir)
    return run


def check(run: Run, name: str, lr: float, loss: str, done: Command, module: str = RUNNER) -> None:
    """The run has executed the notebook ``name`` with the value ``lr``, by ``module``."""
    assert done.status == 0, done.stdout + done.stderr
    assert run.attr("exit_status") == 0
    assert module in run.attr("cmd")  # of the record, or made anew from guild.yml
    assert run.flags["lr"] == lr
    assert run.sources(name)[0].startswith(f"lr = {lr}")
    assert f"loss: {loss}\n" in run.output and f"loss: {loss}\n" in done.stdout
    assert not list(run.dir.glob("*.html"))  # as its recorded command says


@pytest.mark.parametrize(
    ("values", "lr", "loss"),
    [
        pytest.param((), 0.5, "1", marks=pytest.mark.slow),
        (("lr=0.25",), 0.25, "0.5"),
    ],
)
def test_a_run_restarts_with_its_value_and_with_another(project, values, lr, loss):
    run = recorded(project, "notebook")
    source = run.source("train.ipynb")
    done = project.run("--restart", run.id, *values)
    check(run, "train.ipynb", lr, loss, done)
    assert "name is second\n" in run.output
    assert run.source("train.ipynb") == source
    assert run.id[:8] in project.guild("runs", "--completed").stdout
    compared = project.guild("compare", "--csv", "-", "--strict-cols", "=lr,loss").stdout
    assert compared.splitlines()[1].split(",")[1:] == [str(lr), f"{float(loss)}"]


@pytest.mark.slow
def test_a_run_restarts_where_its_project_is_gone(project):
    run = recorded(project, "notebook")
    shutil.rmtree(project.dir)
    project.dir.mkdir()
    check(run, "train.ipynb", 0.5, "1", project.run("--restart", run.id))
    assert run.attr("cmd")[1:3] == ["-um", RUNNER]


def test_a_run_is_made_from_one(project):
    of = recorded(project, "notebook")
    done = project.run("--proto", of.id, "lr=0.25")
    check(done.run, "train.ipynb", 0.25, "0.5", done)
    assert "name is second\n" in done.run.output
    assert done.run.source("train.ipynb") == of.source("train.ipynb")
    assert of.flags["lr"] == 0.5 and "loss: 1\n" in of.output


@pytest.mark.slow
def test_a_notebook_kept_as_text_restarts(project):
    run = recorded(project, "text")
    source = run.source("text.py")
    check(run, "text.ipynb", 0.3, "0.9", project.run("--restart", run.id, "lr=0.3"))
    assert run.source("text.py") == source


@pytest.mark.slow
def test_a_staged_run_starts(project):
    run = recorded(project, "staged")
    check(run, "train.ipynb", 0.7, "1.4", project.run("--start", run.id))
    assert "name is first\n" in run.output


@pytest.mark.slow
def test_a_batch_of_an_optimizer_restarts_and_makes_trials(project):
    batch = recorded(project, "random")
    done = project.run("--restart", batch.id)
    assert batch.attr("exit_status") == 0
    assert batch.attr("cmd")[1:] == ["-um", OPTIMIZER]
    trials = done.runs
    assert len(trials) == 2
    for trial in trials:
        lr = trial.flags["lr"]
        assert 0.1 <= lr <= 0.9
        check(trial, "train.ipynb", lr, f"{lr * 2:g}", done)
    assert len(re.findall("^loss: ", done.stdout, re.MULTILINE)) == 2
