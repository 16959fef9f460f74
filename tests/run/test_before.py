"""``nb-check``: a notebook is checked before a run executes it."""

from __future__ import annotations

import re

import pytest

from tests.helpers.project import Command, Project, new_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("before"))
    made.notebook("broken.ipynb", "print('executed')", "lr = 0.1\nprint(lr)", "print(later)")
    made.notebook("odd.ipynb", "lr = 0.1\nn = 2\nprint(n)", "import helper\nprint('executed')")
    made.file("helper.py", "x = 1")
    made.without_reports("broken.ipynb", "odd.ipynb")
    return made


def test_nothing_is_executed_where_a_cell_is_sure_to_fail(project: Project):
    done: Command = project.guild("run", "-y", "broken.ipynb", "nb-check=yes")
    assert done.status == 1
    assert "executed" not in done.stdout
    assert done.stderr.splitlines() == [
        "guild-notebook: error: the 3rd cell (print(later)), line 1: 'later' is used and no cell "
        "binds it - bind or import it before (undefined-name)",
        "guild-notebook: nothing is executed, since the check finds 1 error - mend what it names, "
        "or run without nb-check",
    ]
    saved = done.run.notebook("broken.ipynb")
    assert saved["metadata"]["guild"]["status"] == "error"
    assert [cell["outputs"] for cell in saved["cells"]] == [[], [], []]


def test_what_may_go_wrong_is_said_and_the_notebook_is_executed(project: Project):
    done = project.run("odd.ipynb", "lr=0.2", "nb-check=yes")
    assert "executed" in done.stdout.splitlines()
    assert done.stderr.splitlines()[0] == (
        "guild-notebook: warning: the 1st cell (lr = 0.1), line 1: flag lr in the 1st cell "
        "(lr = 0.1) reaches no cell: nothing reads lr - use it where its value is to count, or "
        "take it out (flag-reaches-nothing)"
    )


def test_what_is_good_to_know_of_a_flag_as_it_is_in_the_notebook_is_not_said(project: Project):
    done = project.run("odd.ipynb", "nb-check=yes")
    assert "flag-reaches-nothing" not in done.stderr


def test_cells_that_do_not_run_are_not_checked(project: Project):
    done = project.run("broken.ipynb", "nb-check=yes", "nb-until=2")
    assert "undefined-name" not in done.stderr


def test_a_file_that_is_not_in_the_run_is_said(project: Project):
    project.notebook("reads.ipynb", "open('helper.py')", "open('x.bin', 'rb')\nopen('no.csv')")
    (project.dir / "x.bin").write_bytes(b"\0")
    arguments = ["run", "-y", "reads.ipynb", "nb-check=yes", "nb-report=none"]
    for options, missing in ([], ["x.bin", "no.csv"]), (["nb-cwd=project"], ["no.csv"]):
        done = project.guild(*arguments, *options)
        assert re.findall(r", line \d: '([^']+)' .*\(missing-path\)", done.stderr) == missing


def test_without_it_a_run_is_as_ever(project: Project):
    done = project.guild("run", "-y", "broken.ipynb")
    assert done.status == 1
    assert "executed" in done.stdout.splitlines()
    assert "undefined-name" not in done.stderr
