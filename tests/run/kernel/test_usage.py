"""What a process and all that come from it take: CPU time, memory, GPUs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook.run.kernel import memory, usage
from guild_notebook.run.kernel.usage import Usage
from tests.helpers.growth import least
from tests.helpers.line_by_line import executing_lines, send

MB = 1_000_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others keep less of a process")

SPIN = "import time; e = time.process_time() + {}\nwhile time.process_time() < e: pass"


@pytest.fixture
def process() -> Iterator[subprocess.Popen]:
    """A Python that executes the lines that it is sent."""
    with executing_lines() as started:
        yield started


@pytest.fixture
def used(process: subprocess.Popen) -> Iterator[Usage]:
    made = Usage(process.pid, None, may_reset=True)
    yield made
    made.close()


def taken(used: Usage, process: subprocess.Popen, line: str) -> dict[str, Any]:
    used.begin()
    send(process, line)
    used._look_took = 0.0  # looks are not often enough for a test
    used.sample()
    used.close_look()
    return used.end()


def test_cpu_time_is_that_of_the_process_and_not_of_its_sleep(
    used: Usage, process: subprocess.Popen
):
    spun = taken(used, process, f"exec({SPIN.format(0.3)!r})")["cpu_seconds"]
    assert 0.3 <= spun < 0.35
    assert taken(used, process, "time.sleep(0.3)")["cpu_seconds"] < 0.05
    assert "total" not in taken(used, process, "pass")


def test_cpu_time_has_that_of_children_that_live_and_counts_it_once_when_they_end(
    used: Usage, process: subprocess.Popen
):
    spin = f"{SPIN.format(0.5)}\nprint(flush=True)\n{SPIN.format(0.5)}"
    begun = f"child = subprocess.Popen([sys.executable, '-c', {spin!r}], stdout=subprocess.PIPE)"
    first = taken(used, process, f"{begun}; child.stdout.readline()")["cpu_seconds"]
    second = taken(used, process, "child.wait()")["cpu_seconds"]
    assert first > 0.1 and second > 0.1
    assert 0.95 <= first + second < 1.3


def test_total_memory_is_that_of_all_and_counts_once_what_forked_processes_share(
    used: Usage, process: subprocess.Popen
):
    send(process, "data = b'x' * (100 * 10**6)")
    send(process, "pids = [os.fork() for _ in range(1)]; pids[0] or time.sleep(60)")
    shared = taken(used, process, "pass")
    assert shared.get("total", 0) - shared["kernel"] < 30 * MB
    own = "'x = b\"x\" * (150 * 10**6); print(flush=True); import time; time.sleep(60)'"
    begun = f"child = subprocess.Popen([sys.executable, '-c', {own}], stdout=subprocess.PIPE)"
    more = taken(used, process, f"{begun}; child.stdout.readline()")
    assert 240 * MB < more["total"] < 350 * MB
    send(process, "child.kill(); child.wait(); os.kill(pids[0], 9); os.wait()")
    assert "total" not in taken(used, process, "pass")


def test_a_process_that_has_ended_has_what_was_seen_of_it(process: subprocess.Popen):
    used = Usage(process.pid, None, may_reset=True)
    used.begin()
    send(process, f"exec({SPIN.format(0.2)!r})")
    used.sample()
    process.kill()
    process.wait()
    assert 0.2 <= used.end()["cpu_seconds"] < 0.3
    used.close()


def test_of_a_process_that_is_not_known_nothing_is():
    used = Usage(None, None, may_reset=True)
    used.begin()
    used.sample()
    assert used.held(1) == 0
    used.close_look()
    assert used.end() == {}
    used.close()


def test_elsewhere_psutil_tells_the_same(
    process: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
):
    for module in (usage, memory):
        monkeypatch.setattr(module, "sys", SimpleNamespace(platform="darwin"))
    used = Usage(process.pid, None, may_reset=True)
    took = taken(used, process, f"exec({SPIN.format(0.3)!r})")
    assert 0.28 <= took["cpu_seconds"] < 0.4 and took["kernel"] > MB
    send(process, "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])")
    took = taken(used, process, "time.sleep(0.3)")
    assert took["total"] > took["kernel"]
    send(process, "child.kill()")
    used.close()


def test_without_a_driver_no_gpu_is_asked_again(
    process: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
):
    nvml = SimpleNamespace()  # nvmlInit raises
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    used = Usage(process.pid, None, may_reset=True)
    assert "gpu" not in taken(used, process, "pass")
    assert not used.needs_close_look
    used.close()


def test_looks_take_a_small_share_of_the_time_however_often_they_are_asked_for(
    used: Usage, monkeypatch: pytest.MonkeyPatch
):
    used.begin()
    looks: list[float] = []
    find = used._others.find

    def look() -> None:
        began = time.thread_time()
        find()
        looks.append(time.thread_time() - began)

    monkeypatch.setattr(used._others, "find", look)
    started = time.monotonic()
    while time.monotonic() < started + 1.0:
        used.sample()
    assert looks and sum(looks) < 0.01


def test_a_cell_costs_less_than_a_tenth_of_a_millisecond(used: Usage, process: subprocess.Popen):
    def cell() -> float:
        started = time.perf_counter()
        used.begin()
        used.end()
        return time.perf_counter() - started

    assert least(lambda: sorted(cell() for _ in range(200))[100], 1e-4) < 1e-4
