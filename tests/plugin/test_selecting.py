"""An operation that selects what an executed notebook is gets it: the notebook, report, images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipelines import PREPARE, SHOWS, TRAIN, dependencies
from tests.helpers.project import Command, Project, Run, code
from tests.helpers.slow import but_slow

GUILD_FILE = """
prepare-notebook:
  notebook: prepare.ipynb
  flags-import: all
its-own-name:
  notebook: prepare.ipynb
  flags-import: all
  requires:
    - operation: prepare-notebook
      select: [prepare.ipynb, prepare.html, 'prepare_.*\\.png']
reads-notebook:
  notebook: train.ipynb
  nb-report: none
  sourcecode: [train.ipynb]
  requires: &executed
    - operation: prepare-notebook
      name: prepared
      select: [prepare.ipynb, prepare.html, 'prepare_.*\\.png', data.txt, parts]
reads-notebook-in-script:
  main: train
  sourcecode: [train.py]
  requires: *executed
reads-notebook-beside-source:
  notebook: train.ipynb
  nb-report: none
  requires: *executed
replaces-source:
  notebook: train.ipynb
  nb-report: none
  requires:
    - operation: prepare-notebook
      name: prepared
      select: [prepare.ipynb, data.txt, parts]
      replace-existing: yes
reads-notebook-in-a-folder:
  notebook: prepare.ipynb
  nb-report: none
  flags-import: all
  requires:
    - operation: prepare-notebook
      name: prepared
      target-path: upstream
      select: [prepare.ipynb, prepare.html, 'prepare_.*\\.png']
reads-source:
  main: train
  sourcecode: [train.py]
  requires:
    - operation: prepare-notebook
      name: prepared
      select: [.guild/sourcecode/prepare.ipynb, data.txt, parts]
selecting-steps:
  steps:
    - prepare-notebook n=3
    - reads-notebook
    - reads-notebook-in-script
"""


@pytest.fixture(scope="module")
def pipes(shared: Project) -> Project:
    shared.guildfile(GUILD_FILE)
    shared.notebook("prepare.ipynb", PREPARE, SHOWS)
    shared.notebook("train.ipynb", code(TRAIN))
    shared.file("train.py", TRAIN)
    return shared


@pytest.fixture(scope="module")
def notebook_run(pipes: Project) -> Run:
    return pipes.run("prepare-notebook", "n=4").run


EXECUTED = ["prepare.html", "prepare.ipynb", "prepare_2_0.png"]


def assert_has_executed(folder: Path, upstream: Run, *but: str) -> None:
    """The files are those that lie in the run directory of what was required."""
    for name in {*EXECUTED} - {*but}:
        assert (folder / name).read_bytes() == (upstream.dir / name).read_bytes()


@pytest.mark.parametrize(
    "downstream", but_slow(["reads-notebook", "reads-notebook-in-script"], "reads-notebook")
)
def test_a_selected_notebook_arrives_as_it_was_executed(
    pipes: Project, notebook_run: Run, downstream: str
):
    done = pipes.run(downstream, f"prepared={notebook_run.id}")
    assert "WARNING" not in done.stderr and "rows: 8" in done.stdout
    assert dependencies(done.run) == ["data.txt", "parts", *EXECUTED]
    assert_has_executed(done.run.dir, notebook_run)
    first, _ = done.run.notebook("prepare.ipynb")["cells"]
    assert "n = 4" in "".join(first["source"]) and first["execution_count"] == 1


@pytest.mark.slow
def test_steps_pass_on_what_is_selected(pipes: Project):
    done = pipes.run("selecting-steps")
    by_name = {run.op_name: run for run in done.runs}
    upstream = by_name["prepare-notebook"]
    assert "n = 3" in upstream.sources("prepare.ipynb")[0]
    for downstream in ("reads-notebook", "reads-notebook-in-script"):
        assert dependencies(by_name[downstream]) == ["data.txt", "parts", *EXECUTED]
        assert_has_executed(by_name[downstream].dir, upstream)


def test_the_source_of_a_selected_notebook_can_be_had_too(pipes: Project, notebook_run: Run):
    done = pipes.run("reads-source", f"prepared={notebook_run.id}")
    assert dependencies(done.run) == ["data.txt", "parts", "prepare.ipynb"]
    source = (done.run.dir / "prepare.ipynb").read_bytes()
    assert source == (pipes.dir / "prepare.ipynb").read_bytes()


def test_a_selected_notebook_leaves_source_of_its_name_alone(pipes: Project, notebook_run: Run):
    """Guild has copied the project's other notebooks as source code, and says that it skips."""
    done = pipes.run("reads-notebook-beside-source", f"prepared={notebook_run.id}")
    assert "prepare.ipynb already exists, skipping" in done.stderr
    source = (done.run.dir / "prepare.ipynb").read_bytes()
    assert source == (pipes.dir / "prepare.ipynb").read_bytes()
    assert_has_executed(done.run.dir, notebook_run, "prepare.ipynb")


def test_a_selected_notebook_replaces_source_where_it_is_to(pipes: Project, notebook_run: Run):
    done = pipes.run("replaces-source", f"prepared={notebook_run.id}")
    assert "WARNING" not in done.stderr and "rows: 8" in done.stdout
    assert_has_executed(done.run.dir, notebook_run, "prepare.html", "prepare_2_0.png")
    assert done.run.source("train.ipynb") == (pipes.dir / "train.ipynb").read_bytes()


def assert_ran_its_own(done: Command, pipes: Project, upstream: Run) -> None:
    """``prepare.ipynb`` ran with n = 2, and not what ``upstream`` has made of it."""
    run = done.run
    first, _ = run.notebook("prepare.ipynb")["cells"]
    assert "n = 2" in "".join(first["source"]) and first["execution_count"] == 1
    assert run.source("prepare.ipynb") == (pipes.dir / "prepare.ipynb").read_bytes()
    assert (run.dir / "data.txt").read_text() == "nn"
    assert "n = 4" in upstream.sources("prepare.ipynb")[0]


@pytest.mark.slow
def test_a_notebook_runs_beside_what_another_run_made_of_it(pipes: Project, notebook_run: Run):
    done = pipes.run("reads-notebook-in-a-folder", "n=2", f"prepared={notebook_run.id}")
    assert "WARNING" not in done.stderr
    assert_ran_its_own(done, pipes, notebook_run)
    assert_has_executed(done.run.dir / "upstream", notebook_run)
    assert dependencies(done.run) == [f"upstream/{name}" for name in EXECUTED]


@pytest.mark.slow
def test_what_was_made_of_the_same_notebook_is_not_replaced(pipes: Project, notebook_run: Run):
    """Its own report and image get other names where those that were selected lie."""
    done = pipes.run("its-own-name", "n=2", f"prepare-notebook={notebook_run.id}")
    assert "prepare.ipynb already exists, skipping" in done.stderr
    assert_ran_its_own(done, pipes, notebook_run)
    assert_has_executed(done.run.dir, notebook_run, "prepare.ipynb")
    assert "image saved to prepare_2_0.2.png" in done.stderr
    mine = {"prepare.ipynb", "prepare.html.html", "prepare_2_0.2.png"}
    generated = {*pipes.guild("ls", "-n", "--generated", done.run.id).stdout.split()}
    assert generated >= mine and not generated & {"prepare.html", "prepare_2_0.png"}
    pipes.run("--restart", done.run.id, "n=2")
    assert {path.name for path in done.run.dir.glob("prepare*.png")} == {
        "prepare_2_0.png",
        "prepare_2_0.2.png",
    }
