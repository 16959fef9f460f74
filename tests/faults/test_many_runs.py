"""Many runs, at once and one after another: none mixes with another, and nothing is left."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from tests.helpers.causes import linux, of_home
from tests.helpers.figures import figure
from tests.helpers.project import LIMIT, Project, Run, start, wait_for

pytestmark = linux

CELLS = (
    "x = 0",
    "print('value', x)\nx",
    "import sys, threading\nline = f'thread {x}\\n'\n"
    "threading.Thread(target=sys.stdout.write, args=(line,)).start()",
    "display({'image/svg+xml': f'<svg>{x}</svg>'}, raw=True)",
)


@pytest.fixture
def watched(project: Project, tmp_path: Path) -> Project:
    """A project whose temporary files can be counted."""
    project.notebook("nb.ipynb", *CELLS)
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    project.env.update(TMPDIR=str(scratch), JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"))
    return project


def check(run: Run, value: int) -> None:
    assert run.attr("exit_status") == 0 and run.flags == {"x": value}
    assert run.output.count(f"value {value}\n{value}\n") == 1
    assert run.output.count(f"thread {value}\n") == 1
    assert run.output.count("value ") == 1
    assert (run.dir / "nb_4_0.svg").read_text() == f"<svg>{value}</svg>"
    saved = run.notebook("nb.ipynb")
    assert saved["metadata"]["guild"] == {"status": "completed"}
    assert (run.dir / "nb.html").exists()


def leftovers(project: Project, runs: list[Run]) -> list[str]:
    """Temporary files and sockets, half-written files and processes of the project's runs."""
    found = []
    for variable in ("TMPDIR", "JUPYTER_RUNTIME_DIR"):
        for folder, folders, files in os.walk(project.env[variable]):  # also what is being removed
            found += [os.path.join(folder, name) for name in (*folders, *files)]
    for run in runs:
        found += [str(path) for path in run.dir.rglob("*") if path.name.endswith(".part")]
        found += [str(path) for path in run.dir.rglob("*") if path.is_socket() or path.is_fifo()]
        found += [str(path) for path in [run.dir / ".guild/LOCK"] if path.exists()]
    return found + [str(process) for process in of_home(project)]


@pytest.mark.parametrize("count", [3, pytest.param(16, marks=pytest.mark.faults)])
def test_runs_at_the_same_time_do_not_mix_and_leave_nothing(watched: Project, count: int):
    running = [start(watched, "run", "-y", "nb.ipynb", f"x={n}") for n in range(1, count + 1)]
    for process in running:
        process.communicate(timeout=2 * LIMIT)
        assert process.returncode == 0
    runs = [Run(path) for path in watched.run_dirs()]
    assert sorted(run.flags["x"] for run in runs) == list(range(1, count + 1))
    for run in runs:
        check(run, run.flags["x"])
    wait_for(lambda: not leftovers(watched, runs))
    left = leftovers(watched, runs)
    assert left == []
    figure(f"{count} runs at once: complete, leftovers", f"{len(runs)}, {len(left)}", f"{count}, 0")


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_two_hundred_runs_one_after_another_leave_nothing(watched: Project):
    """All trials of one grid: one process of Guild, whose descriptors are counted as well."""
    count = 200
    since = time.monotonic()
    values = ",".join(str(n) for n in range(1, count + 1))
    process = start(watched, "run", "-y", "nb.ipynb", f"x=[{values}]", "--max-trials", str(count))
    descriptors: list[int] = []
    while process.poll() is None:
        batch = [
            p for p in of_home(watched) if "guild_notebook.optimizers.batch" in safe_cmdline(p)
        ]
        descriptors += [count_of_descriptors(p) for p in batch]
        try:
            process.communicate(timeout=2)
        except Exception:  # it goes on
            pass
    assert process.returncode == 0
    seconds = time.monotonic() - since
    runs = [Run(path) for path in watched.run_dirs()]
    trials = [run for run in runs if not (run.dir / ".guild/proto").exists()]
    assert sorted(run.flags["x"] for run in trials) == list(range(1, count + 1))
    for run in trials:
        check(run, run.flags["x"])
    left = leftovers(watched, trials)
    assert left == []
    seen = [n for n in descriptors if n]
    assert max(seen[len(seen) // 2 :]) <= max(seen[: len(seen) // 2]) + 2
    figure(f"{count} runs in turn: complete, leftovers", f"{len(trials)}, {len(left)}", "200, 0")
    figure(f"{count} runs in turn: seconds for each", f"{seconds / count:.2f} s")


def safe_cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def count_of_descriptors(process: psutil.Process) -> int:
    try:
        return process.num_fds()
    except psutil.Error:
        return 0
