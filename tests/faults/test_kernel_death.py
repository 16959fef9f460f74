"""A kernel that dies: the run says in which cell and of what, and keeps all that there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.causes import linux, states
from tests.helpers.figures import figure
from tests.helpers.project import GUILD, LIMIT, Command, Project
from tests.helpers.runner import attempt

ABORT = "import ctypes\nprint('last words', flush=True)\nctypes.CDLL(None).abort()"
DEATHS = {
    "os._exit": ("import os; os._exit(7)", "exit status 7"),
    "SIGKILL": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal SIGKILL"),
    "SIGTERM": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "signal SIGTERM"),
    "crash": ("def crash():\n    import ctypes; ctypes.string_at(0)\ncrash()", "signal SIGSEGV"),
    "abort": (ABORT, "signal SIGABRT"),
}
IN_MAKE_TEST = ("os._exit", "crash")
DYING = "import time; open('died', 'w').write(str(time.time()))\n"
MB = 1_000_000


def check_death(done: Command, cell: str, said: str) -> float:
    """What is the same of every death; returns the seconds from it to the end of the run."""
    ended = time.time()
    assert done.status == 1
    assert f"the kernel died in cell [2] ({cell}): {said}" in done.stderr, done.stderr
    # The stack of a crash begins where the kernel was started.
    others = [line for line in done.stderr.splitlines() if "run/kernel/launcher.py" not in line]
    assert "guild_notebook" not in "".join(others)
    assert states(done.run) == ["completed", "kernel died", "not run"]
    saved = json.dumps(done.run.notebook("nb.ipynb"))
    assert "kept" in saved and said in saved
    assert said in (done.run.dir / "nb.html").read_text("utf-8")
    return ended - float((done.run.dir / "died").read_text())


@pytest.mark.parametrize(
    "death",
    [d if d in IN_MAKE_TEST else pytest.param(d, marks=pytest.mark.faults) for d in DEATHS],
)
def test_a_kernel_that_dies_is_said_with_cell_and_cause(project: Project, death: str):
    source, said = DEATHS[death]
    source = f"#@title The end\n{DYING}{source}"
    project.notebook("nb.ipynb", "print('kept')", source, "print('never')")
    done = attempt(project, "nb.ipynb", "--report", "html")
    seconds = check_death(done, "The end", said)
    figure(f"kernel dies ({death}): the run has ended and is saved after", f"{seconds:.1f} s", "2")
    if death in ("crash", "abort"):
        assert "Current thread" in done.stderr or "most recent call first" in done.stderr
    if death == "crash":
        assert re.search(r"line \d+ in crash", done.stderr)  # its Python stack
    if death == "abort":
        assert "last words" in done.stdout


# ---- memory


EAT = f"""{DYING}
eaten = []
while True:
    eaten.append(bytearray(b'x' * {10 * MB}))
    open('died', 'w').write(str(time.time()))
"""


def test_a_limit_of_memory_is_an_error_of_the_cell(project: Project):
    """With RLIMIT_AS Python itself says so, and goes on."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2_000_000_000,) * 2)"
    project.notebook("nb.ipynb", "print('kept')", f"{limit}\n{EAT}", "print('never')")
    done = attempt(project, "nb.ipynb")
    assert done.status == 1
    assert states(done.run) == ["completed", "failed", "not run"]
    assert "failed with MemoryError" in done.stderr
    assert "kept" in json.dumps(done.run.notebook("nb.ipynb"))


@pytest.mark.faults
@pytest.mark.parametrize("megabytes", [1200, 1600, 2400])
def test_a_limit_of_memory_for_all_of_the_run_is_an_error_that_is_saved(
    project: Project, megabytes: int
):
    """With ``ulimit -v`` the kernel may also crash where a library cannot do without memory."""
    project.notebook("nb.ipynb", "print('kept')", EAT, "print('never')")
    command = " ".join([*GUILD, "run", "-y", "nb.ipynb"])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -v {megabytes * 1000}; exec {command}"],
        cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT,
    )  # fmt: skip
    (run,) = Command(done.stdout, done.stderr, done.returncode, list(project.run_dirs())).runs
    assert done.returncode == 1 and run.attr("exit_status") == 1, done.stderr
    assert states(run)[::2] == ["completed", "not run"]
    assert states(run)[1] in ("failed", "kernel died")
    assert "kept" in json.dumps(run.notebook("nb.ipynb"))


@contextmanager
def memory_group(megabytes: int) -> Iterator[str]:
    """A cgroup with a limit, as containers and clusters have it; yields the shell command that
    joins it. Skips the test where none can be made."""
    v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    root = Path("/sys/fs/cgroup" if v2 else "/sys/fs/cgroup/memory")
    group = root / f"guild-notebook-test-{os.getpid()}"
    try:
        if v2:
            (root / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
        (group / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(f"{megabytes}M")
    except OSError as e:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no cgroup with a limit of memory can be made here: {e.strerror}")
    try:
        yield f"echo $BASHPID > {group}/cgroup.procs"
    finally:
        deadline = time.monotonic() + 10
        while group.exists() and time.monotonic() < deadline:
            try:
                group.rmdir()
            except OSError:
                time.sleep(0.1)


@linux
def test_a_kernel_that_the_system_kills_for_its_memory_is_said_to_have_no_memory(
    project: Project,
):
    project.notebook("nb.ipynb", "print('kept')", f"#@title Eat\n{EAT}", "print('never')")
    command = " ".join([*GUILD, "run", "-y", "nb.ipynb"])
    with memory_group(600) as join:
        done = subprocess.run(
            ["bash", "-c", f"{join} && exec {command}"],
            cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
    made = Command(done.stdout, done.stderr, done.returncode, list(project.run_dirs()))
    seconds = check_death(made, "Eat", "signal SIGKILL, out of memory (limit 600 MB)")
    figure("out of memory (cgroup): the run has ended and is saved after", f"{seconds:.1f} s", "2")
