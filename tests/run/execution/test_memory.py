"""The peak memory of the kernel while each cell ran, in the executed notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook.run.kernel import memory
from guild_notebook.run.kernel.memory import OWN_PEAK, PeakMemory
from guild_notebook.run.kernel.process import Kernel
from tests.helpers.growth import least
from tests.helpers.line_by_line import executing_lines, send
from tests.helpers.project import Command, Project, markdown
from tests.helpers.runner import attempt, execute

MB = 1_000_000

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="others keep no peak of a process")


@pytest.fixture
def process() -> Iterator[subprocess.Popen]:
    """A Python that executes the lines that it is sent."""
    with executing_lines() as started:
        yield started


@on_linux
@pytest.mark.parametrize("may_reset", [True, False])
def test_each_peak_is_of_its_own_time(process: subprocess.Popen, may_reset: bool):
    peaks = PeakMemory(process.pid, may_reset)

    def peak(line: str) -> float:
        peaks.begin()
        send(process, line)
        return peaks.end() / MB

    first = peak("1")
    assert 1 < first < 100
    assert 200 < peak("x = bytearray(200 * 10**6); del x") < 250 + first
    assert peak("1") < 100
    lower = peak("x = bytearray(100 * 10**6); del x")
    # Where its peak is not begun anew, one below an earlier one is only seen by who looks.
    assert (100 < lower < 150 + first) if may_reset else lower < 150 + first
    assert 100 < peak("x = bytearray(100 * 10**6)") < 150 + first
    assert 100 < peak("del x") < 150 + first
    peaks.close()


def test_where_the_system_keeps_no_peak_the_most_that_was_seen_counts(
    process: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform="darwin"))
    peaks = PeakMemory(process.pid, True)
    peaks.begin()
    send(process, "x = bytearray(100 * 10**6)")
    peaks.sample()
    send(process, "del x")
    assert 100 < peaks.end() / MB < 250


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("pid", [None, 2**22 + 1])
def test_of_a_process_that_is_not_known_or_has_ended_nothing_is_known(
    platform: str, pid: int | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform=platform))
    peaks = PeakMemory(pid, True)
    peaks.begin()
    peaks.sample()
    assert peaks.end() == 0
    peaks.close()


def test_what_was_seen_of_a_process_before_it_ended_is_known(process: subprocess.Popen):
    peaks = PeakMemory(process.pid, True)
    peaks.begin()
    process.kill()
    process.wait()
    assert peaks.end() > MB
    peaks.begin()
    assert peaks.end() == 0


def test_a_cell_costs_less_than_a_tenth_of_a_millisecond(process: subprocess.Popen):
    peaks = PeakMemory(process.pid, True)

    def cell() -> float:
        started = time.perf_counter()
        peaks.begin()
        peaks.end()
        return time.perf_counter() - started

    assert least(lambda: sorted(cell() for _ in range(200))[100], 1e-4) < 1e-4


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("resource.getrusage(resource.RUSAGE_SELF).ru_maxrss", True),
        ("open('/proc/self/status').read().split('VmHWM:')", True),
        ("usage.maxrss", True),
        ("psutil.Process().memory_info().rss", False),
        ("maximum = rss", False),
    ],
)
def test_code_that_reads_its_own_peak_is_known(code: str, reads: bool):
    assert bool(OWN_PEAK.search(code)) == reads


@pytest.mark.parametrize(
    ("told", "started", "program", "known"),
    [
        (os.getpid(), os.getpid(), "python", True),
        (os.getpid(), os.getppid(), "conda", True),
        (os.getppid(), os.getpid(), "python", False),
        (2**22 + 1, os.getpid(), "python", False),
        (7, os.getpid(), "docker", False),
        (None, os.getpid(), "/usr/bin/R", True),
        (None, os.getpid(), "/usr/bin/ssh", False),
        (None, os.getpid(), "docker", False),
        (None, None, "R", False),
    ],
    ids=[*"abcdefghi"],
)
def test_the_kernels_process_is_known_where_it_is_what_was_started_or_comes_from_it(
    told: int | None, started: int | None, program: str, known: bool
):
    kernel: Any = SimpleNamespace(_told_pid=told, _pid=started, program=program)
    assert Kernel.pid.fget(kernel) == ((told or started) if known else None)


def peaks_of(done: Command) -> list[float | None]:
    """The peak of each cell in MB."""
    cells = done.run.notebook("nb.ipynb")["cells"]
    found = [cell["metadata"].get("guild", {}).get("peak_memory") for cell in cells]
    return [peak and peak["kernel"] / MB for peak in found]


@pytest.fixture(scope="module")
def executed(shared: Project) -> Command:
    shared.notebook(
        "nb.ipynb",
        markdown("# Memory"),
        "x = bytearray(300 * 10**6)",
        "del x",
        "y = bytearray(200 * 10**6); del y",
        {**markdown(""), "cell_type": "code", "outputs": [], "execution_count": None},
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "z = 1",
    )
    return attempt(shared, "nb.ipynb", "--report", "html")


@on_linux
def test_each_cell_that_ran_has_its_peak(executed: Command):
    text, large, after, lower, empty, killed, not_run = peaks_of(executed)
    assert text is empty is not_run is None
    assert 300 < large < 500 and 300 < after < 500 and 200 < lower < 400
    assert 20 < killed < 200


@on_linux
def test_the_report_says_it_at_each_cell(executed: Command):
    page = (executed.run.dir / "nb.html").read_text("utf-8")
    large = executed.run.notebook("nb.ipynb")["cells"][1]["metadata"]["guild"]["peak_memory"]
    assert f">{large['kernel'] / 2**20:.0f} MB<" in page
    assert page.count("peak memory of the kernel") == 4


@on_linux
def test_a_notebook_that_reads_its_own_peak_gets_the_one_that_it_would_get_in_jupyter(
    project: Project,
):
    project.notebook(
        "nb.ipynb",
        "x = bytearray(300 * 10**6); del x",
        "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)",
    )
    done = execute(project, "nb.ipynb")
    own = int("".join(done.run.notebook("nb.ipynb")["cells"][1]["outputs"][0]["text"]))
    assert own * 1024 > 300 * MB
    large, after = peaks_of(done)
    assert large > 300 and after < 200


@on_linux
def test_the_kernel_is_found_behind_a_program_that_starts_it(project: Project):
    add_kernel(project, "sh", "-c", f"{sys.executable} -m ipykernel_launcher -f $0; exit $?")
    project.notebook("nb.ipynb", "x = bytearray(300 * 10**6)")
    (peak,) = peaks_of(execute(project, "nb.ipynb", "--kernel", "behind"))
    assert 300 < peak < 500


def add_kernel(project: Project, *argv: str) -> None:
    folder = project.jupyter / "kernels" / "behind"
    folder.mkdir(parents=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": "B", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
