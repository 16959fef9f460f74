"""What trials say of cells that were executed once for all of them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.compare import reading
from guild_notebook.document import states
from guild_notebook.document.measures import measures_of
from guild_notebook.fork_host import is_possible
from guild_notebook.run.record.earlier_times import earlier_times
from guild_notebook.run.record.run_dir import RunDir
from tests.helpers.project import Command, Project, Run, new_project

pytestmark = pytest.mark.skipif(not is_possible(), reason="no process can be forked here")

LOAD = """#@title Load
import time
time.sleep(0.6)
kept = bytearray(80_000_000)
print('loaded')"""

GUILDFILE = "fit: {notebook: fit.ipynb, flags-import: all, nb-fork: yes, nb-report: html}\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("shared"))
    made.notebook("fit.ipynb", LOAD, "lr = 0.1", "print(f'loss: {lr}')")
    made.guildfile(GUILDFILE)
    return made


@pytest.fixture(scope="module")
def sweep(project: Project) -> Command:
    return project.run("fit", "lr=[0.1,0.2,0.3]")


@pytest.fixture(scope="module")
def trials(sweep: Command) -> list[Run]:
    return sorted((run for run in sweep.runs if run.flags), key=lambda run: run.flags["lr"])


def cells(run: Run) -> list[Any]:
    return list(run.notebook("fit.ipynb")["cells"])


def test_each_trial_has_the_time_the_memory_and_the_outputs_of_the_one_execution(
    trials: list[Run],
):
    assert len(trials) == 3
    shared = [cells(run)[0] for run in trials]
    assert len({repr(cell) for cell in shared}) == 1
    assert 0.6 <= (measures_of(shared[0]).seconds or 0) < 5
    assert shared[0]["metadata"]["guild"]["peak_memory"]["kernel"] > 80_000_000
    assert (measures_of(shared[0]).cpu_seconds or 1) < 0.6
    assert shared[0]["outputs"][0]["text"] == ["loaded\n"]
    for run in trials:
        assert [states.is_shared(cell) for cell in cells(run)] == [True, False, False]
        own = [measures_of(cell).seconds for cell in cells(run)[1:]]
        assert all(seconds is not None and seconds < 0.5 for seconds in own)


def test_the_attribute_names_the_process_and_when_it_began(trials: list[Run]):
    first = trials[0].attr("shared_cells")
    assert [run.attr("shared_cells") for run in trials] == [first] * 3
    assert re.fullmatch(r"\w{8,}", first["prefix"])
    assert abs(first["began"] / 1_000_000 - time.time()) < 3600
    assert [*first["seconds"]] == [0] and first["seconds"][0] >= 0.6


def test_the_lines_of_a_run_and_its_report_mark_them(trials: list[Run]):
    for run in trials:
        (line,) = re.findall(r"^\[1/3\] .*$", run.output, re.MULTILINE)
        assert re.fullmatch(r"\[1/3\] Load \(\d\.\d s\) shared", line)
        assert not line.endswith("(0.0 s) shared") and run.output.count("shared") == 1
        report = Path(run.dir, "fit.html").read_text()
        assert "1 cell was executed once for several runs, in " in report
        assert len(re.findall(r"\d\.\d s · shared</span>", report)) == 1


def test_a_comparison_reads_them_as_shared(trials: list[Run]):
    for run in trials:
        read = reading.read_run(str(run.dir)).cells
        assert [cell.is_shared for cell in read] == [True, False, False]
        assert read[0].seconds is not None and read[0].seconds >= 0.6


def test_the_next_run_knows_how_long_such_a_cell_takes(trials: list[Run]):
    record = RunDir(str(trials[0].dir), "fit.ipynb")
    nodes = [{"source": cell["source"]} for cell in cells(trials[0])]
    assert earlier_times(record, nodes)[0] >= 0.6


def test_a_restarted_trial_executes_its_cells_and_says_nothing_of_shared_ones(
    project: Project, trials: list[Run]
):
    project.run("--restart", trials[2].id)
    assert not Path(trials[2].dir, ".guild/attrs/shared_cells").exists()
    assert not any(states.is_shared(cell) for cell in cells(trials[2]))
    assert "loss: 0.3" in trials[2].output and "shared" not in trials[2].output
