"""The saved notebook says at each moment which cells have run."""

from __future__ import annotations

import json
import signal
from typing import Any

import nbformat
import pytest

from tests.helpers.causes import of_home, processes_with
from tests.helpers.project import LIMIT, Project, Run, code, wait_for
from tests.helpers.runner import attempt, start

OLD = [{"output_type": "stream", "name": "stdout", "text": "the author's\n"}]

NOT_RUN = ["not run", None, "not run"]
"""The states of NOTEBOOK's cells before the first has run; the second holds text alone."""


def of_the_author(project: Project, kernel: str) -> None:
    """A notebook that its author has executed."""
    project.notebook(
        "nb.ipynb",
        code("lr = 0.1  #@param {type:'number', min:0, max:1}", execution_count=7, outputs=OLD),
        {"cell_type": "markdown", "metadata": {}, "source": "text"},
        code("print(lr)", execution_count=8, outputs=OLD),
        metadata={"kernelspec": {"name": kernel, "display_name": "K", "language": kernel}},
    )


def states(run: Run) -> list[str | None]:
    saved = run.notebook("nb.ipynb")
    nbformat.validate(nbformat.from_dict(saved))
    return [cell["metadata"].get("guild", {}).get("status") for cell in saved["cells"]]


def status(run: Run) -> Any:
    return run.notebook("nb.ipynb")["metadata"]["guild"]["status"]


def looks_executed(run: Run) -> bool:
    cells = [c for c in run.notebook("nb.ipynb")["cells"] if c["cell_type"] == "code"]
    return any(cell["outputs"] or cell["execution_count"] for cell in cells)


def add_kernel(project: Project, name: str, *argv: str) -> None:
    spec = {"argv": [*argv], "display_name": name, "language": "python"}
    path = project.jupyter / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(spec))


def test_a_run_that_is_killed_in_a_cell_leaves_the_states_of_all_cells(project: Project):
    project.notebook("nb.ipynb", "x = 1", "import time\nprint('in 2')\ntime.sleep(600)", "y = 2")
    process, run = start(project, "nb.ipynb")
    with process:
        wait_for(lambda: "in 2" in run.output)
        wait_for(lambda: "running" in states(run)[1:])
        process.send_signal(signal.SIGKILL)
    assert states(run) == ["completed", "running", "not run"]
    assert status(run) == "running"


BEFORE_THE_FIRST_CELL = {
    "no kernel": ("nowhere", [], {}, "kernel 'nowhere' is not installed"),
    "a kernel that dies": ("dies", [], {}, "dies"),
    "a value that is refused": ("python3", [], {"lr": 5}, "takes a number from 0 to 1"),
    "an unknown option": ("python3", ["--no-such", "1"], {}, "unknown option '--no-such'"),
    "an unknown report": ("python3", ["--report", "no-such"], {}, "unknown report 'no-such'"),
}


@pytest.mark.parametrize("why", BEFORE_THE_FIRST_CELL)
def test_a_run_that_ends_before_its_first_cell_does_not_look_executed(project: Project, why: str):
    kernel, options, flags, said = BEFORE_THE_FIRST_CELL[why]
    add_kernel(project, "dies", "false")
    of_the_author(project, kernel)
    done = attempt(project, "nb.ipynb", *options, flags=flags)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("guild-notebook: ")]
    assert done.status == 1 and said in line, done.stderr
    assert not looks_executed(done.run)
    assert states(done.run) == NOT_RUN and status(done.run) == "error"
    assert b"the author's" in done.run.source("nb.ipynb")


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGTERM, "terminated"), (signal.SIGKILL, "running")]
)
def test_a_run_that_is_stopped_while_its_kernel_starts_does_not_look_executed(
    project: Project, number: signal.Signals, said: str
):
    add_kernel(project, "slow", "sleep", "600")
    of_the_author(project, "slow")
    process, run = start(project, "nb.ipynb")
    with process:
        wait_for(lambda: {*of_home(project)} & {*processes_with("sleep")})
        process.send_signal(number)
        process.wait(LIMIT)
    wait_for(lambda: of_home(project) == [])
    assert not looks_executed(run) and states(run) == NOT_RUN and status(run) == said
