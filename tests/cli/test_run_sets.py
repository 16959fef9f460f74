"""Which runs are compared with each other where nobody has said which."""

from __future__ import annotations

from guild_notebook.cli import run_sets
from tests.helpers.in_process import at_home
from tests.helpers.project import Project


def test_trials_are_a_sweep_when_their_batch_is_gone_and_all_runs_of_an_operation_belong_together(
    project: Project,
):
    project.notebook("train.ipynb", "lr = 0.1")
    project.without_reports("train.ipynb")
    project.file("script.py", "print('accuracy: 0.75')\n")
    first = project.run("train.ipynb", "lr=0.5").run
    swept = project.run("train.ipynb", "lr=[0.1,0.2]").runs
    project.run("script.py")
    kept = project.run("train.ipynb", "lr=[0.3]", "--keep-batch")
    (trial,) = (run for run in kept.runs if not (run.dir / ".guild" / "proto").exists())
    odd = project.home / "runs" / "odd" / ".guild"
    odd.mkdir(parents=True)
    (odd / "opref").write_text(":::")
    with at_home(project.home):
        found = run_sets.run_sets()
    ids = [(each.kind, each.operation, {run.id for run in each.runs}) for each in found]
    assert ids == [
        ("sweep", "train.ipynb", {trial.id}),
        ("sweep", "train.ipynb", {run.id for run in swept}),
        ("operation", "train.ipynb", {first.id, trial.id, *(run.id for run in swept)}),
    ]
    started = [run.get("started") for run in found[2].runs]
    assert started == sorted(started, reverse=True)
