"""The examples, run as a reader does: from the checkout, or from a copy of their folder."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shlex
import shutil
from typing import Any

import nbformat
import pytest
import yaml

from benchmarks.reports import beside_nbconvert
from tests.helpers.examples import EXAMPLES, checkout, copied
from tests.helpers.project import CHECKOUT, Project, Run

PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/guild.yml"))
NOTEBOOKS = sorted(EXAMPLES.glob("*/*.ipynb"))

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """The main example, with its defaults."""
    project = checkout(tmp_path_factory)
    return project, project.run("digits").run


@pytest.fixture(scope="module")
def compared_digits(digits: tuple[Project, Run]) -> tuple[Project, Run, Run]:
    """And with other flags."""
    project, first = digits
    return project, first, project.run("digits", "learning_rate=0.001", "activation=tanh").run


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    project = copied("patterns", tmp_path_factory)
    flags = ("hidden_units=16", "activation=tanh", "learning_rate=0.02", "epochs=4", "seed=7")
    return project, project.run("digits-patterns", *flags).run


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, Run]]:
    """The runs of the pipeline's operations by the name of the operation."""
    project = checkout(tmp_path_factory)
    runs = project.run("pipeline", "C=0.1").runs
    return project, {operation(run): run for run in runs}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[Run]]:
    """The trials of the sweep, without the run of the batch itself."""
    project = copied("sweep", tmp_path_factory)
    runs = project.run("sweep").runs
    return project, [run for run in runs if operation(run) == "sweep"]


def operations_of(name: str) -> list[str]:
    return list(yaml.safe_load((EXAMPLES / name / "guild.yml").read_text("utf-8")))


def operation(run: Run) -> str:
    return (run.dir / ".guild" / "opref").read_text("utf-8").split()[-1]


def compared(project: Project) -> list[dict[str, Any]]:
    """The rows of ``guild compare``, the last run first."""
    done = project.guild("compare", "--csv", "-")
    assert done.status == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def steps(project: Project, run: Run, tag: str) -> list[int]:
    """The steps of a run's scalar, in the order in which they were logged."""
    done = project.guild("tensorboard", run.id, "--export-scalars", "-")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    return [int(row["step"]) for row in rows if row["tag"] == tag]


def images(run: Run) -> list[str]:
    found = sorted(run.dir.glob("*.png"))
    assert all(path.read_bytes().startswith(PNG) for path in found)
    return [path.name for path in found]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_notebook_is_stored_clean(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in nb.cells)
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert nb.metadata.kernelspec.name == "python3"


def without_place(op: dict[str, Any]) -> dict[str, Any]:
    """An operation without what says where its notebook is."""
    place = {"notebook", "sourcecode"}
    return {key: value for key, value in op.items() if key not in place}


@pytest.mark.parametrize("name", PROJECTS)
def test_operations_of_the_checkout_are_those_of_the_examples(name):
    of_checkout = yaml.safe_load((CHECKOUT / "guild.yml").read_text("utf-8"))
    of_example = yaml.safe_load((EXAMPLES / name / "guild.yml").read_text("utf-8"))
    for op_name, op in of_example.items():
        assert without_place(of_checkout[op_name]) == without_place(op)
        if "notebook" in op:
            root = f"examples/{name}"
            assert of_checkout[op_name]["notebook"] == f"{root}/{op['notebook']}"
            assert of_checkout[op_name]["sourcecode"] == {"root": root}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_readme_names_every_operation_of_its_example(name):
    readme = (EXAMPLES / name / "README.md").read_text("utf-8")
    assert all(f"guild run {op_name}" in readme for op_name in operations_of(name))


def commands_of_readme(name: str) -> list[str]:
    readme = (EXAMPLES / name / "README.md").read_text("utf-8")
    found = re.findall(r"^ {4}(guild .*)$|`(guild [^`]*)`", readme, re.MULTILINE)
    return [line or quoted for line, quoted in found]


ELSEWHERE = {
    "guild run digits",
    "guild run digits learning_rate=0.001 activation=tanh",
    "guild run pipeline C=0.1",
    "guild run sweep",
    *(f"guild run {op_name}" for op_name in operations_of("outputs")),
}
"""Commands that the fixtures here, and that of test_rich_outputs.py, run."""

LIMITED = {
    "guild compare": " --table",
    "guild open": " --cmd true",
    "guild tensorboard": " --export-scalars -",
    "epochs=30": " epochs=2",
    "C='[": " C='[0.1,1]'",
    "--max-trials 8": " --max-trials 2",
}
"""Added to commands that would open a program or a view, or take long: what comes last counts."""


def test_what_is_run_elsewhere_stands_in_a_readme():
    assert {c for name in PROJECTS for c in commands_of_readme(name)} >= ELSEWHERE


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_the_commands_of_a_readme_run(name, request, tmp_path):
    """Behind the runs of the other tests, in a copy of their Guild home; RUN_ID is the last run."""
    typed = [c for c in commands_of_readme(name) if c not in ELSEWHERE]
    if typed:
        before = request.getfixturevalue("compared_digits" if name == "digits" else name)[0]
        project = Project(before.dir, tmp_path / "home")
        shutil.copytree(before.home, project.home, symlinks=True)
    for command in typed:
        command += "".join(more for part, more in LIMITED.items() if part in command)
        if "RUN_ID" in command:
            op_name = re.search(r"operation:(\w+)=RUN_ID", command).group(1)
            run_id = project.guild("select", "--operation", op_name).stdout.strip()
            command = command.replace("RUN_ID", run_id)
        command += " -y" * command.startswith("guild run")
        done = project.guild(*shlex.split(command)[1:])
        assert done.status == 0, f"{command}: {done.stdout}{done.stderr}"
        assert bool(done.run_dirs) == command.startswith("guild run"), command


@pytest.mark.slow
def test_digits_learns_and_its_flags_matter(compared_digits):
    project, _first, _second = compared_digits
    slow, fast = compared(project)
    assert (fast["learning_rate"], fast["activation"]) == ("0.01", "relu")
    assert (slow["learning_rate"], slow["activation"]) == ("0.001", "tanh")
    assert float(fast["accuracy"]) > 0.9
    assert float(slow["accuracy"]) < float(fast["accuracy"])
    assert float(slow["loss"]) > float(fast["loss"])
    assert float(slow["mistakes"]) > float(fast["mistakes"])


def test_the_report_of_digits_is_hardly_larger_than_the_page_of_nbconvert(digits, tmp_path):
    _project, first = digits
    made = beside_nbconvert(first.dir / "digits.ipynb", tmp_path)
    report, theirs = made["report"], made["nbconvert"]
    assert report[0] <= 1.3 * theirs[0]
    assert (first.dir / "digits.html").stat().st_size <= 1.3 * theirs[0]
    assert report[1] <= 1.3 * theirs[1]


def test_digits_logs_a_step_for_each_epoch(digits):
    project, first = digits
    assert steps(project, first, "loss") == list(range(1, 16))
    assert steps(project, first, "accuracy") == list(range(1, 16))


def test_digits_flags_come_from_its_form(digits):
    project, first = digits
    help_op = project.guild("run", "digits", "--help-op").stdout
    assert "Step size of the optimizer" in help_op
    assert "relu, tanh, logistic" in help_op
    assert first.flags == {
        "activation": "relu",
        "epochs": 15,
        "hidden_units": 32,
        "learning_rate": 0.01,
        "seed": 0,
    }


def test_digits_refuses_a_value_that_its_form_does_not_offer(digits):
    project, _first = digits
    done = project.guild("run", "digits", "activation=sinus", "-y")
    assert done.status != 0
    assert "activation" in done.stderr + done.stdout
    assert not done.run_dirs


@pytest.mark.slow
def test_digits_executed_notebook_holds_the_flags_and_the_source_does_not(compared_digits):
    _project, _first, second = compared_digits
    settings = second.sources("digits.ipynb")[0]
    assert "learning_rate = 0.001  #@param" in settings
    assert 'activation = "tanh"  #@param' in settings
    original = (EXAMPLES / "digits" / "digits.ipynb").read_bytes()
    assert second.source("digits.ipynb") == original


def test_digits_shows_its_plots_in_files_and_in_the_report(digits):
    _project, first = digits
    assert images(first) == [f"digits_{cell}_0.png" for cell in (3, 5, 6, 7)]
    report = (first.dir / "digits.html").read_text("utf-8")
    assert report.count('href="data:image/png;base64,') == 4


def test_digits_copies_only_the_example(digits):
    _project, first = digits
    names = {path.name for path in first.dir.iterdir()}
    assert {"digits.ipynb", "digits.html"} <= names
    assert not names & {"examples", "guild_notebook", "tests", "sweep"}


@pytest.mark.slow
def test_patterns_change_a_notebook_that_has_no_parameters(patterns):
    project, run = patterns
    _imports, data, training, _result = run.sources("digits.ipynb")
    assert "random_state=7)" in data
    assert 'MLPClassifier((16,), "tanh", learning_rate_init=0.02, random_state=7)' in training
    assert "range(1, 4 + 1)" in training
    assert run.source("digits.ipynb") == (project.dir / "digits.ipynb").read_bytes()
    assert steps(project, run, "accuracy") == [1, 2, 3, 4]


@pytest.mark.slow
def test_pipeline_passes_on_what_each_notebook_has_made(pipeline):
    _project, runs = pipeline
    assert set(runs) == {"pipeline", "prepare", "train", "evaluate"}
    data = (runs["prepare"].dir / "data.npz").read_bytes()
    assert (runs["train"].dir / "data.npz").read_bytes() == data
    assert (runs["evaluate"].dir / "data.npz").read_bytes() == data
    model = (runs["train"].dir / "model.joblib").read_bytes()
    assert (runs["evaluate"].dir / "model.joblib").read_bytes() == model
    assert runs["train"].flags["operation:prepare"] == runs["prepare"].id
    assert runs["evaluate"].flags["operation:train"] == runs["train"].id


@pytest.mark.slow
def test_pipeline_hands_its_flags_to_its_steps(pipeline):
    project, runs = pipeline
    assert runs["train"].flags["C"] == 0.1
    assert "C: float = 0.1  #" in runs["train"].sources("train.ipynb")[0]
    row = next(row for row in compared(project) if row["operation"] == "evaluate")
    assert float(row["auc"]) > 0.95
    assert float(row["accuracy"]) > 0.9


@pytest.mark.slow
def test_pipeline_lists_as_generated_what_a_notebook_has_made(pipeline):
    project, runs = pipeline
    listed = project.guild("ls", "--generated", "-n", runs["train"].id).stdout.split()
    assert sorted(listed) == ["model.joblib", "train.html", "train.ipynb", "train_3_0.png"]


@pytest.mark.slow
def test_sweep_runs_each_combination_once(sweep):
    _project, trials = sweep
    assert sorted((run.flags["C"], run.flags["gamma"]) for run in trials) == sorted(
        itertools.product([1, 10], [0.0005, 0.001, 0.005])
    )


@pytest.mark.slow
def test_sweep_comes_out_the_same_where_its_trials_share_cells(sweep, tmp_path_factory):
    _project, trials = sweep
    runs = copied("sweep", tmp_path_factory).run("sweep", "nb-fork=yes").runs
    shared = [run for run in runs if operation(run) == "sweep"]
    lines = {json.dumps(run.flags): scalar_lines(run) for run in trials}
    assert {json.dumps(run.flags): scalar_lines(run) for run in shared} == lines
    assert all(re.search(r"(?m)^\[1/4\] Data \(.*\) shared$", run.output) for run in shared)


def scalar_lines(run: Run) -> list[str]:
    return re.findall(r"^\w+: [\d.]+$", run.output, re.MULTILINE)


@pytest.mark.slow
def test_sweep_can_be_compared(sweep):
    project, trials = sweep
    rows = [row for row in compared(project) if row["operation"] == "sweep"]
    assert {row["status"] for row in rows} == {"completed"}
    assert len(rows) == len(trials)
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert float(best["gamma"]) < 0.005
    assert json.loads(best["C"]) in (1, 10)
