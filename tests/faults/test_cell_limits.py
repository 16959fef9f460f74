"""Limits of time that cells have themselves, and that of the memory."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from guild_notebook.document.cell_limits import CellLimit, own_limits
from guild_notebook.document.reader import cells_of
from guild_notebook.errors import NotebookError
from tests.helpers.causes import of_home, saved_text, states
from tests.helpers.project import Project, code
from tests.helpers.runner import attempt, execute

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files count as well")

SLEEP = "import time\ntime.sleep({})"


def cell(source: str = "1", **metadata: Any) -> dict[str, Any]:
    return {**code(source), "metadata": metadata}


def limits(**metadata: Any) -> dict[int, CellLimit]:
    nb = {"cells": [cell("# Train\n1", **metadata)]}
    return own_limits(nb, cells_of(nb), [0])


@pytest.mark.parametrize(
    ("metadata", "seconds"),
    [
        ({"timeout": 600}, 600.0),
        ({"timeout": 0.5}, 0.5),
        ({"timeout": "600"}, 600.0),
        ({"guild": {"timeout": 60}}, 60.0),
        ({"tags": ["timeout=600"]}, 600.0),
        ({"tags": ["x", "Timeout: 1e3"]}, 1000.0),
        ({"timeout": 5, "tags": ["timeout=600"]}, 5.0),
        ({"timeout": -1}, None),
        ({"timeout": None}, None),
        ({"tags": ["timeout=none"]}, None),
    ],
    ids=[*"abcdefghij"],
)
def test_a_cell_says_itself_how_long_it_may_take(metadata: Any, seconds: float | None):
    assert limits(**metadata)[0].seconds == seconds


@pytest.mark.parametrize(
    "metadata",
    [{}, {"guild": []}, {"tags": ["timeouts", "no-timeout", "timeout"]}, {"guild": {"status": 1}}],
    ids=[*"abcd"],
)
def test_other_metadata_are_no_limit(metadata: Any):
    assert limits(**metadata) == {}


@pytest.mark.parametrize(
    "value", ["soon", 0, -2, True, [5], {}, "", "nan", "inf", 10**400], ids=[*"abcdefghij"]
)
def test_a_limit_that_is_no_number_of_seconds_is_told(value: Any):
    with pytest.raises(NotebookError) as error:
        limits(timeout=value)
    said = str(error.value)
    assert said.startswith("the 1st cell (Train): its timeout takes a number of seconds above 0,")
    assert said.endswith(" - correct it in the notebook") and len(said) < 250


def test_limits_of_cells_take_the_place_of_the_general_one(project: Project):
    project.notebook(
        "nb.ipynb",
        cell(SLEEP.format(1.5), timeout=60),
        cell("time.sleep(60)", tags=["timeout=1"]),
        cell("never"),
    )
    done = attempt(project, "nb.ipynb", "--cell-timeout", "1")
    said = "cell [2] (time.sleep(60)) was interrupted: over 1 s (its tag timeout)"
    assert done.status == 1 and said in done.stderr and said in saved_text(done.run)
    assert states(done.run) == ["completed", "timed out", "not run"]


def test_a_limit_stays_in_the_executed_notebook_and_a_wrong_one_ends_the_run_at_once(
    project: Project,
):
    project.notebook("nb.ipynb", cell(guild={"timeout": 60}))
    done = execute(project, "nb.ipynb")
    (metadata,) = (each["metadata"]["guild"] for each in done.run.notebook("nb.ipynb")["cells"])
    assert metadata["timeout"] == 60 and metadata["status"] == "completed"
    project.notebook("nb.ipynb", cell("print('ran')"), cell(timeout="soon"))
    done = attempt(project, "nb.ipynb")
    assert done.status == 1 and "ran" not in done.stdout
    assert done.stderr.startswith("guild-notebook: the 2nd cell (1): its timeout takes a number")
    assert states(done.run) == ["not run", "not run"]


@pytest.mark.slow
def test_a_shared_cell_of_a_sweep_has_its_own_limit(project: Project):
    project.notebook("nb.ipynb", cell(SLEEP.format(30), timeout=1), "lr = 0.1")
    project.guildfile("fit: {notebook: nb.ipynb, flags-import: all, nb-report: none}\n")
    done = project.guild("run", "-y", "fit", "lr=[1,2]", "nb-fork=yes")
    assert "a shared cell takes longer than its timeout" in done.stderr + done.stdout
    for run in done.runs:
        if run.flags:
            assert "was interrupted: over 1 s (its timeout)" in run.output


FILL = """# Fill
import time
kept = []
while True:
    kept.append(bytearray(4_000_000))
    time.sleep(0.05)"""
"""Slow enough for a look at the memory that comes half a second late."""

STUBBORN = """# Fill
import time
kept = []
while True:
    try:
        kept.append(bytearray(4_000_000))
        time.sleep(0.05)
    except KeyboardInterrupt:
        pass"""

CHILD = "x = []\\nwhile True: x.append(bytearray(4_000_000)); time.sleep(0.05)"
CHILDREN = f"""# Fill
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time\\n{CHILD}"])"""


@pytest.mark.parametrize(
    ("source", "how", "memory"),
    [
        (FILL, "interrupted", 350),
        pytest.param(STUBBORN, "killed", 350, marks=pytest.mark.slow),
        pytest.param(CHILDREN, "interrupted", 450, marks=pytest.mark.slow),
    ],
    ids=["fill", "stubborn", "children"],
)
def test_a_cell_over_the_memory_limit_is_ended_and_what_it_had_is_saved(
    source: str, how: str, memory: float, project: Project
):
    project.notebook("nb.ipynb", "print('kept')", source, "print('never')")
    done = attempt(project, "nb.ipynb", "--memory-limit", "300 MB")
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"guild-notebook: cell [2] (Fill) was {how}: ")
    assert line.rstrip().endswith(" MB of memory, over 300 MB (nb-memory-limit)")
    assert 300 < int(line.split(": ")[2].split()[0]) < memory
    assert done.status == 1 and states(done.run) == ["completed", "over memory", "not run"]
    saved = saved_text(done.run)
    assert "kept" in saved and "MemoryLimit" in saved and done.stdout == "kept\n"
    assert of_home(project) == []


@on_linux
@pytest.mark.slow
def test_what_files_have_in_memory_and_what_forked_processes_share_is_within_the_limit(
    project: Project,
):
    large = project.home / "large"
    large.write_bytes(b"x" * 300_000_000)
    project.notebook(
        "nb.ipynb",
        "import mmap, os, time\nfile = os.open('LARGE', 0)\n"
        "mapped = mmap.mmap(file, 0, prot=1)\ntotal = sum(mapped[::4096])".replace(
            "LARGE", str(large)
        ),
        "kept = bytearray(b'x') * 150_000_000",
        "pids = [os.fork() or (time.sleep(1), os._exit(0)) for _ in range(3)]\n"
        "[os.waitpid(pid, 0) for pid in pids]\nprint('done')",
    )
    done = execute(project, "nb.ipynb", "--memory-limit", "330 MB")
    assert "done" in done.stdout


def test_a_report_and_a_comparison_say_which_cell_was_over_its_memory(project: Project):
    project.notebook("nb.ipynb", FILL)
    project.guildfile("fit: {notebook: nb.ipynb, nb-memory-limit: 200 MB}\n")
    done = project.guild("run", "-y", "fit")
    assert "over 200 MB (nb-memory-limit) - see nb.html" in done.stderr
    page = (done.run.dir / "nb.html").read_text("utf-8")
    assert "over memory" in page and "MemoryLimit" in page
    text = project.guild("runs", "info", done.run.id).stdout
    assert "status: error" in text
