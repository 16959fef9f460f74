"""What one operation has made is what the next one gets, notebook or script, selected or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipelines import PREPARE, SHOWS, TRAIN, dependencies
from tests.helpers.project import Project, Run, code
from tests.helpers.slow import but_slow

GUILD_FILE = """
prepare-notebook:
  notebook: prepare.ipynb
  nb-report: [html, markdown]
  flags-import: all
  sourcecode: ["prepare.*"]
prepare-script:
  main: prepare
  flags-import: all
  sourcecode: ["prepare.*"]
train-notebook:
  notebook: train.ipynb
  nb-report: none
  requires:
    - operation: prepare-notebook|prepare-script
      name: prepared
train-script:
  main: train
  requires:
    - operation: prepare-notebook|prepare-script
      name: prepared
report-of-prepare:
  notebook: train.ipynb
  nb-report: none
  requires:
    - operation: prepare-notebook
      select: [prepare.html, 'prepare_.*\\.png', data.txt, parts]
inherits:
  notebook: prepare.ipynb
  nb-report: none
  requires:
    - operation: prepare-notebook
mixed:
  steps:
    - prepare-script n=2
    - train-notebook
    - prepare-notebook n=3
    - train-script
alike:
  steps:
    - prepare-script n=2
    - train-script
    - prepare-notebook n=3
    - train-notebook
"""


@pytest.fixture(scope="module")
def pipes(shared: Project) -> Project:
    shared.guildfile(GUILD_FILE)
    shared.notebook("prepare.ipynb", PREPARE, SHOWS)
    shared.file("prepare.py", PREPARE)
    shared.notebook("train.ipynb", code(TRAIN))
    shared.file("train.py", TRAIN)
    return shared


@pytest.fixture(scope="module")
def notebook_run(pipes: Project) -> Run:
    return pipes.run("prepare-notebook", "n=4").run


@pytest.fixture(scope="module")
def script_run(pipes: Project) -> Run:
    return pipes.run("prepare-script", "n=4").run


def test_what_a_notebook_made_is_listed_with_what_was_made_of_it(pipes: Project, notebook_run: Run):
    listed = pipes.guild("ls", "-n", "--generated", notebook_run.id).stdout.split()
    mine = {"prepare.html", "prepare.ipynb", "prepare.md", "prepare_2_0.png"}
    assert {*listed} >= mine | {"data.txt", "parts/one.txt"}


@pytest.mark.parametrize(
    ("upstream", "downstream"),
    [
        ("notebook", "train-notebook"),
        pytest.param("notebook", "train-script", marks=pytest.mark.slow),
        pytest.param("script", "train-notebook", marks=pytest.mark.slow),
        pytest.param("script", "train-script", marks=pytest.mark.slow),
    ],
)
def test_the_data_of_a_run_is_passed_on_and_nothing_else(
    pipes: Project, request: pytest.FixtureRequest, upstream: str, downstream: str
):
    source = request.getfixturevalue(f"{upstream}_run")
    done = pipes.run(downstream, f"prepared={source.id}")
    assert "rows: 8" in done.stdout
    assert dependencies(done.run) == ["data.txt", "parts"]
    (files,) = (line for line in done.stdout.splitlines() if line.startswith("files:"))
    own = {"guild.yml", "prepare.ipynb", "prepare.py", "train.ipynb", "train.py"}
    assert {*files.split()[1:]} - own == {"data.txt", "parts"}


@pytest.mark.parametrize("downstream", but_slow(["train-notebook", "train-script"], "train-script"))
def test_data_named_as_source_code_leaves_it_alone(
    pipes: Project, notebook_run: Run, downstream: str
):
    """Guild says that it skips what exists already, to a script and to a notebook."""
    done = pipes.run(downstream, f"prepared={notebook_run.id}")
    assert "train.py already exists, skipping" in done.stderr
    assert "train.ipynb already exists, skipping" in done.stderr
    assert (done.run.dir / "train.py").read_text() == TRAIN
    kept = done.run.dir / ".guild/sourcecode/train.ipynb"
    source = kept if downstream == "train-notebook" else done.run.dir / "train.ipynb"
    assert source.read_bytes() == (pipes.dir / "train.ipynb").read_bytes()


def test_a_report_and_images_are_passed_on_where_they_are_selected(
    pipes: Project, notebook_run: Run
):
    done = pipes.run("report-of-prepare", f"prepare-notebook={notebook_run.id}")
    images = ["prepare_1_0.png", "prepare_2_0.png"]  # the first is the Markdown's own
    assert dependencies(done.run) == ["data.txt", "parts", "prepare.html", *images]


def test_a_notebook_may_require_its_own_earlier_run(pipes: Project, notebook_run: Run):
    done = pipes.run("inherits", f"prepare-notebook={notebook_run.id}")
    assert "prepare.ipynb already exists" not in done.stderr
    assert dependencies(done.run) == ["data.txt", "parts"]


@pytest.mark.slow
def test_what_is_passed_on_stays_the_same_after_a_restart(pipes: Project, notebook_run: Run):
    run = pipes.run("prepare-notebook", "n=2").run
    pipes.run("--restart", run.id, "n=5")
    done = pipes.run("train-script", f"prepared={run.id}")
    assert "rows: 10" in done.stdout
    assert dependencies(done.run) == ["data.txt", "parts"]


def test_a_merge_of_all_files_leaves_the_source_of_the_project_alone(
    pipes: Project, notebook_run: Run, tmp_path: Path
):
    target = str(tmp_path / "merged")
    for _ in range(2):  # into nothing, and where all is there already
        done = pipes.guild("merge", "-y", "--all", "--target-dir", target, notebook_run.id)
        assert done.status == 0 and "WARNING" not in done.stderr, done.stderr
        source = (pipes.dir / "prepare.ipynb").read_bytes()
        assert (tmp_path / "merged/prepare.ipynb").read_bytes() == source
    assert (tmp_path / "merged/data.txt").read_text() == "nnnn"


@pytest.mark.parametrize("pipeline", but_slow(["mixed", "alike"], "mixed"))
def test_steps_hand_data_from_script_to_notebook_and_back(pipes: Project, pipeline: str):
    """Each of the four ways, as it was done by hand above."""
    done = pipes.run(pipeline)
    by_name = {run.op_name: run for run in done.runs}
    for step in ("train-notebook", "train-script"):
        assert dependencies(by_name[step]) == ["data.txt", "parts"]
    assert [line for line in done.stdout.splitlines() if "rows:" in line] == ["rows: 4", "rows: 6"]
    assert all(run.attr("exit_status") == 0 for run in done.runs)
