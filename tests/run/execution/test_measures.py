"""What each cell took, in the executed notebook, its report, and as scalars."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.document.measures import Measures, is_measure, measures_of
from tests.helpers.project import Command, Project, Run, markdown
from tests.helpers.runner import attempt, execute

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="others keep less of a process")

SPIN = """# Spin
import time
end = time.process_time() + 1.2
while time.process_time() < end: pass"""

CHILD = "import time; x = b'x' * (200 * 10**6); time.sleep(2)"
SPINNING = "import time\\nwhile time.process_time() < 0.6: pass"


def cells(run: Run) -> list[Measures]:
    return [measures_of(cell) for cell in run.notebook("nb.ipynb")["cells"]]


@pytest.fixture(scope="module")
def executed(shared: Project) -> Command:
    shared.notebook(
        "nb.ipynb",
        SPIN,
        "# Sleep\ntime.sleep(0.4)",
        f'# Memory\n!{sys.executable} -c "{CHILD}"',
        f"# Work\n!{sys.executable} -c $'{SPINNING}'",
        "# Fails\n1 / 0",
        "never = 1",
    )
    return attempt(shared, "nb.ipynb", "--report", "html", SHELL="/bin/bash")


@on_linux
def test_each_cell_has_its_times_and_its_memory(executed: Command):
    spin, sleep, memory, work, fails, never = cells(executed.run)
    assert spin.seconds >= 1.2 and 1.2 <= spin.cpu_seconds < 1.4
    assert 0.4 <= sleep.seconds < 5 and sleep.cpu_seconds < 0.1
    assert memory.total > memory.kernel + 150_000_000 and spin.total is None
    assert 0.55 <= work.cpu_seconds < 1.2
    assert fails.seconds is not None and fails.cpu_seconds is not None
    assert never == Measures()


@on_linux
def test_the_report_says_them_at_each_cell(executed: Command):
    page = (executed.run.dir / "nb.html").read_text("utf-8")
    cpu = re.findall(r'<span title="CPU time of the kernel and what it has started">(.*?)<', page)
    assert [re.sub(r"\d\.\d", "N", text) for text in cpu] == ["CPU N s"]
    # Of the cell Memory, and of Work where its process was seen in time.
    assert page.count("peak memory of the kernel and what it has started") in (1, 2)


def test_a_notebook_whose_cell_was_killed_says_how_long_that_took(project: Project):
    project.notebook("nb.ipynb", "import os, time\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)")
    (killed,) = cells(attempt(project, "nb.ipynb").run)
    assert 0.5 <= killed.seconds < 5


PYNVML = """
import os
from types import SimpleNamespace
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetComputeRunningProcesses(device):
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [SimpleNamespace(pid=pid, usedGpuMemory=1 << 30) for pid in pids]
"""


@on_linux
def test_where_nvidia_ml_py_is_installed_a_cell_has_its_memory_of_gpus(
    project: Project, tmp_path: Path
):
    (tmp_path / "pynvml.py").write_text(PYNVML)
    project.env["PYTHONPATH"] = str(tmp_path)
    project.notebook("nb.ipynb", "import time\ntime.sleep(2)")
    done = execute(project, "nb.ipynb", "--report", "html")
    (cell,) = cells(done.run)
    assert cell.gpu == 1 << 30
    assert '<span title="peak memory of GPUs">GPU 1.0 GB</span>' in (
        done.run.dir / "nb.html"
    ).read_text("utf-8")


def test_cells_are_scalars_where_that_is_asked_for(project: Project):
    sources = ["#@title A/B test\n1", "# ✨\n2", "lr = 0.1", markdown("# Train"), "3", "# Train\n4"]
    project.notebook("nb.ipynb", *sources)
    done = project.run("nb.ipynb", "lr=0.5", "nb-cell-scalars=yes", "nb-report=none")
    info = project.guild("runs", "info", done.run.id).stdout
    named = re.findall(r"  cell/(\S+): [\d.]+ \(step 0\)", info)
    kinds = ["cpu_seconds", "peak_memory", "seconds"]
    names = ["A-B_test", "2", "lr_0.1", "Train", "Train_2"]  # of all trials the same
    assert sorted(named) == sorted(f"{name}/{kind}" for name in names for kind in kinds)
    (took, *_) = cells(done.run)
    columns = "=cell/A-B_test/seconds,=cell/A-B_test/peak_memory"
    table = project.guild("compare", "--csv", "-", "--strict-cols", columns.replace("=", ""))
    assert f"{took.memory}" in table.stdout.replace(".0", "")
    without = project.run("nb.ipynb", "nb-report=none")
    assert "cell/" not in project.guild("runs", "info", without.run.id).stdout


@pytest.mark.parametrize(
    ("guild", "known"),
    [
        ({"seconds": 1.5, "cpu_seconds": 2}, Measures(1.5, 2.0)),
        ({"seconds": -1, "cpu_seconds": "2"}, Measures()),
        ({"seconds": float("nan"), "cpu_seconds": float("inf")}, Measures()),
        ({"seconds": True, "cpu_seconds": 10**400}, Measures()),
        ({"peak_memory": {"kernel": 5, "total": 7, "gpu": 1}}, Measures(None, None, 5, 7, 1)),
        ({"peak_memory": {"kernel": 10**400, "total": 0, "gpu": 1.5}}, Measures()),
        ({"peak_memory": [5]}, Measures()),
        ([], Measures()),
        (None, Measures()),
    ],
    ids=[*"abcdefghi"],
)
def test_what_is_not_such_a_number_is_not_known(guild: Any, known: Measures):
    assert measures_of({"metadata": {"guild": guild}}) == known
    for cell in ({}, {"metadata": None}, {"metadata": []}):
        assert measures_of(cell) == Measures()


def test_what_is_written_is_read_again():
    took = Measures(1.25, 0.5, 5, 7, 1)
    assert measures_of({"metadata": {"guild": took.metadata()}}) == took
    assert Measures().metadata() == {}
    assert dict(took.scalars()) == {
        "seconds": 1.25,
        "cpu_seconds": 0.5,
        "peak_memory": 7,
        "gpu_memory": 1,
    }


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("cell/Training/seconds", True),
        ("cell/A-B_test/gpu_memory", True),
        ("cell/Training/accuracy", False),
        ("seconds", False),
        ("cell/seconds", False),
        ("my/cell/Training/seconds", False),
    ],
)
def test_scalars_of_cells_are_known_by_their_names(name: str, is_one: bool):
    assert is_measure(name) is is_one


def test_scalars_of_cells_are_no_difference_of_runs_and_not_in_the_head_of_a_report(
    project: Project,
):
    project.notebook("nb.ipynb", "# Fit\nx = b'x' * 10**7\nprint('loss: 0.5')")
    first, second = (project.run("nb.ipynb", "nb-cell-scalars=yes").run for _ in range(2))
    run = {"cwd": project.dir, "env": project.environment(), "capture_output": True, "text": True}
    command = [sys.executable, "-m", "guild_notebook.cli"]
    for args in (["diff", first.id, second.id], ["reproduce", first.id]):
        done = subprocess.run([*command, *args], **run)
        assert done.returncode == 0, done.stdout + done.stderr
    head = re.findall(
        r'<table class="run-scalars">.*?</table>', (first.dir / "nb.html").read_text()
    )
    assert "loss" in "".join(head) and "cell/" not in "".join(head)
    page = project.dir / "page.html"
    done = subprocess.run([*command, "compare", first.id, second.id, "-o", str(page)], **run)
    assert done.returncode == 0
    names = [name for name in re.findall(r'"name": ?"([^"]*)"', page.read_text()) if "/" in name]
    assert "cell/Fit/seconds" in names
