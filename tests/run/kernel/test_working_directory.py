"""The folder in which cells work (nb-cwd): paths, imports and what they write there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import runner
from tests.helpers.project import GUILD, Project, Run

LOOK = """import json, os
import helper, sub.deeper
print(json.dumps({"cwd": os.getcwd(), "helper": helper.__file__}))
open("written.txt", "w").close()"""

READ = "print('data:', open('../data/x.csv').read().strip())"


@pytest.fixture
def nested(project: Project) -> Project:
    """A project whose notebook is in a folder, with modules beside it and data beside that."""
    project.notebook("notebooks/nb.ipynb", "x = 1", LOOK)
    project.file("notebooks/helper.py", "")
    project.file("notebooks/sub/deeper.py", "")
    project.file("data/x.csv", "17\n")
    return project


def seen(stdout: str) -> dict[str, Any]:
    return json.loads(next(line for line in stdout.splitlines() if line.startswith("{")))


@pytest.mark.parametrize(("option", "folder"), [("run", "."), ("notebook", "notebooks")])
def test_cells_work_in_the_run(nested: Project, option: str, folder: str):
    done = runner.execute(nested, "notebooks/nb.ipynb", "--cwd", option)
    expected = (done.run.dir / folder).resolve()
    assert Path(seen(done.stdout)["cwd"]) == expected
    assert Path(seen(done.stdout)["helper"]) == done.run.dir / "notebooks/helper.py"
    assert (expected / "written.txt").exists()
    assert "not the run's" not in done.stderr


def test_cells_work_in_the_project_which_is_said_once(nested: Project):
    done = runner.execute(nested, "notebooks/nb.ipynb", "--cwd", "project")
    folder = nested.dir / "notebooks"
    assert Path(seen(done.stdout)["cwd"]) == folder.resolve()
    assert Path(seen(done.stdout)["helper"]) == folder / "helper.py"
    assert (folder / "written.txt").exists()
    said = "cells work in the project, what they write there is not the run's (nb-cwd): "
    assert done.stderr.count(said) == 1
    assert f"{said}{folder}\n" in done.stderr


def test_a_project_that_is_not_here_is_one_line(nested: Project):
    done = runner.attempt(
        nested, "notebooks/nb.ipynb", "--cwd", "project", PROJECT_DIR="/no/such/place"
    )
    assert done.status == 1
    assert done.stderr.splitlines()[-1] == (
        "guild-notebook: nb-cwd: the notebook's folder in the project, /no/such/place/notebooks, "
        "is not on this machine - nb-cwd=notebook has the cells work in the run's copy of it"
    )


def test_a_path_on_the_command_line_works_as_in_jupyter_and_so_does_its_restart(project: Project):
    project.notebook("notebooks/nb.ipynb", "x = 1", READ)
    project.file("data/x.csv", "17\n")
    done = project.run("notebooks/nb.ipynb")
    assert "data: 17\n" in done.stdout
    assert "data: 17\n" in project.run("--restart", done.run.id, "x=2").stdout


OPERATION = """
here:
  notebook: notebooks/nb.ipynb
  flags-import: all
  nb-report: none
there:
  notebook: notebooks/nb.ipynb
  flags-import: all
  nb-report: none
  nb-cwd: notebook
"""


@pytest.mark.slow
def test_operations_work_in_the_run_directory_unless_they_say_otherwise(nested: Project):
    nested.guildfile(OPERATION)
    for operation, folder in {"here": ".", "there": "notebooks"}.items():
        done = nested.run(operation)
        assert Path(seen(done.stdout)["cwd"]) == done.run.dir / folder


@pytest.mark.slow
def test_what_an_operation_requires_is_where_its_cells_work(nested: Project):
    nested.notebook("notebooks/nb.ipynb", "print('data:', open('x.csv').read().strip())")
    nested.guildfile("a:\n  notebook: notebooks/nb.ipynb\n  requires:\n    - file: data/x.csv\n")
    assert "data: 17\n" in nested.run("a").stdout


@pytest.mark.slow
@pytest.mark.parametrize("option", ["notebook", "project"])
def test_trials_and_staged_runs_work_there_too(nested: Project, option: str):
    nested.notebook("notebooks/nb.ipynb", "x = 1", READ)
    nested.guildfile(OPERATION.replace("nb-cwd: notebook", f"nb-cwd: {option}"))
    done = nested.run("there", "x=[1,2,3]")
    trials = [run for run in done.runs if (run.dir / "notebooks").exists()]
    assert [run.output.count("data: 17\n") for run in trials if run.attr("exit_status") == 0]
    outputs = [run.output for run in map(Run, done.run_dirs) if "x" in (run.flags or {})]
    assert sum(output.count("data: 17\n") for output in outputs) >= 3
    staged = nested.run("there", "--stage").run
    assert "data: 17\n" in nested.run("--start", staged.id).stdout


@pytest.mark.slow
def test_the_folder_of_source_code_has_the_notebooks_folder(nested: Project):
    nested.guildfile(
        "a:\n  notebook: notebooks/nb.ipynb\n  nb-cwd: notebook\n  sourcecode: {dest: code}\n"
    )
    done = nested.run("a")
    assert Path(seen(done.stdout)["cwd"]) == done.run.dir / "code/notebooks"


@pytest.mark.slow
def test_a_notebook_that_guild_has_not_copied_has_its_folder(project: Project):
    project.notebook("notebooks/nb.ipynb", "import os\nprint('cwd:', os.getcwd())")
    run = runner.prepared(project)
    (run.dir / "notebooks/nb.ipynb").unlink()
    (run.dir / "notebooks").rmdir()
    (run.dir / ".guild/manifest").write_text("")
    done = subprocess.run(
        [*runner.RUNNER, "notebooks/nb.ipynb", "--cwd=notebook", "--report=none"],
        cwd=run.dir,
        env=runner.environment(project, run),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"cwd: {(run.dir / 'notebooks').resolve()}\n" in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [["notebooks/nb.ipynb"], ["here", "x=2"], ["here", "x=[2,3]"]])
def test_a_project_that_cannot_be_written_to_is_run(nested: Project, command: list[str]):
    nested.guildfile(OPERATION)
    mount = f"mount --bind '{nested.dir}' '{nested.dir}' && mount -o remount,ro,bind '{nested.dir}'"
    read_only = ["unshare", "--mount", "sh", "-c", f'{mount} && cd {nested.dir} && exec "$@"', "sh"]
    if subprocess.run([*read_only, "true"], capture_output=True).returncode:
        pytest.skip("no folder can be made read-only here")
    done = subprocess.run(
        [*read_only, *GUILD, "run", "-y", *command],
        env=nested.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert Path(seen(done.stdout)["cwd"]).is_relative_to(nested.home)
    assert "Read-only" not in done.stderr and "Permission" not in done.stderr
