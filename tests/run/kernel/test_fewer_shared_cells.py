"""Where a process must not be forked after all shared cells, those before are shared (nb-fork)."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.project import Command, Project, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")

BEGIN = "import random, time\ntime.sleep(0.5)"
LAST = "print('shown:', n * 2)"


def sweep(project: Project, *cells: str) -> Command:
    project.notebook("fewer.ipynb", BEGIN, *cells, "n = 1\n" + LAST)
    return project.run("fewer.ipynb", "n=[3,4]", "nb-fork=yes")


def shared_cells(run: Run) -> int:
    return len((run.attr("shared_cells") or {"seconds": []})["seconds"])


def shown(done: Command, name: str) -> list[str]:
    """What follows ``name`` in the output of each trial."""
    return sorted(run.output.split(f"{name}: ")[1].split("\n")[0] for run in done.runs)


def test_cells_before_one_that_draws_without_a_seed_are_shared(shared: Project):
    """Also where a later one sets a seed."""
    done = sweep(shared, "m = 1", "print('drawn:', random.random())", "random.seed(1)")
    assert [shared_cells(run) for run in done.runs] == [2, 2]
    assert len({*shown(done, "drawn")}) == 2
    assert shown(done, "shown") == ["6", "8"]
    said = "the cells before cell [3] (print('drawn:', random.random())) are executed once"
    assert done.stderr.count(said) == 1
    assert "not more, since the shared cells draw from random without a seed" in done.stderr


def test_why_no_more_is_said_unless_the_next_cell_depends_on_a_flag(shared: Project):
    ends = "are executed once for all trials"
    written = sweep(shared, "open('data', 'w').close()").stderr
    assert f"the cells before cell [2] (open('data', 'w').close()) {ends}, not more, " in written
    assert f"the cells before cell [2] (n = 1) {ends}\n" in sweep(shared).stderr


def test_cells_before_one_that_fails_are_shared(shared: Project):
    shared.notebook("fails.ipynb", BEGIN, "1 / 0", "n = 1\n" + LAST)
    done = shared.guild("run", "fails.ipynb", "n=[3,4]", "nb-fork=yes", "-y")
    assert [shared_cells(run) for run in done.runs] == [1, 1]
    assert [run.output.count("ZeroDivisionError: division") for run in done.runs] == [1, 1]


def test_cells_after_what_is_over_before_the_fork_are_shared(shared: Project):
    done = sweep(shared, "file = open('/dev/shm/nb-fork-test', 'w')", "file.close()")
    assert [shared_cells(run) for run in done.runs] == [3, 3]


def test_no_cell_is_shared_where_it_is_the_first_that_must_not(shared: Project):
    shared.notebook("none.ipynb", "import random\nrandom.random()", "n = 1\n" + LAST)
    done = shared.run("none.ipynb", "n=[3,4]", "nb-fork=yes")
    assert [shared_cells(run) for run in done.runs] == [0, 0]
    assert done.stderr.count("the trials run in fresh kernels: the shared cells draw from") == 1


def test_shared_cells_show_the_directory_of_the_trial(shared: Project):
    cells = "import os\nprint('printed:', os.getcwd())", "os.path.abspath('a')"
    done = sweep(shared, *cells)
    assert [shared_cells(run) for run in done.runs] == [3, 3]
    for run in done.runs:
        assert f"printed: {run.dir}\n" in run.output
        data = run.notebook("fewer.ipynb")["cells"][2]["outputs"][0]["data"]
        assert data["text/plain"] == [repr(f"{run.dir}/a")]


def test_verify_compares_a_notebook_that_ends_itself(shared: Project):
    shared.notebook("ends.ipynb", BEGIN, "n = 1\n" + LAST, "import sys\nsys.exit(0)", "1 / 0")
    done = shared.run("ends.ipynb", "n=[3,4]", "nb-fork=verify")
    assert done.stderr.count("nb-fork: verify: a fresh kernel gives the same") == 2
