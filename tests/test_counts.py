"""What a run costs, without a clock: what its processes import, start, call and send.

Limits are a little above what is counted today, so that a slip is seen where it is made. Where one
is passed with reason, it is raised here, and ``make bench`` says what it costs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import start
from tests.helpers import runner
from tests.helpers.project import GUILD, Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts are those of Linux")

COUNTING = Path(__file__).with_name("helpers") / "counting"

CELLS, LINES = 40, 5000

COUNT_MESSAGES = """
import collections
session, received, sent = get_ipython().kernel.session, {}, []
deserialize, send = session.deserialize, session.send
def counted_deserialize(*args, **kwargs):
    message = deserialize(*args, **kwargs)
    received[message["msg_id"]] = message["msg_type"]
    return message
def counted_send(stream, message, *args, **kwargs):
    sent.append(message if isinstance(message, str) else message["header"]["msg_type"])
    return send(stream, message, *args, **kwargs)
session.deserialize, session.send = counted_deserialize, counted_send
"""


@dataclass
class Counted:
    """The processes of a command: Guild's, the run's and the kernel's."""

    guild: dict[str, Any]
    runner: dict[str, Any]
    kernel: dict[str, Any]

    def calls(self, than: Counted) -> dict[str, int]:
        """How many functions of Python each has called more than in another run."""
        names = ("guild", "runner", "kernel")
        return {n: getattr(self, n)["calls"] - getattr(than, n)["calls"] for n in names}


PROCESSES = {
    "ipykernel": "kernel",
    "guild_notebook.run": "runner",
    "guild_notebook.optimizers.batch": "batch",
    "guild.main_bootstrap": "guild",
}
"""What the command of a process has a word of, the first of these."""


def processes(project: Project, *args: str, **env: str) -> dict[str, list[dict[str, Any]]]:
    """Run what must succeed, and count: what each kind of process has written."""
    folder = project.home / "counts"
    folder.mkdir()
    # Without coverage, which imports and calls as well.
    env.update(dict.fromkeys(["COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"], ""))
    project.run(*args, COUNTS=str(folder), PYTHONPATH=str(COUNTING), NO_PIP_FREEZE="0", **env)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROCESSES.values()}
    for path in folder.iterdir():
        counts = json.loads(path.read_text())
        path.unlink()
        command = " ".join(counts["command"])
        name = next((name for word, name in PROCESSES.items() if word in command), "other")
        found.setdefault(name, []).append(counts)
    folder.rmdir()
    return found


def counted(project: Project, *args: str, **env: str) -> Counted:
    found = processes(project, *args, **env)
    first = {name: counts[0] if counts else {} for name, counts in found.items()}
    return Counted(first["guild"], first["runner"], first["kernel"])


def started(counts: dict[str, Any]) -> list[str]:
    """The programs that a process has started."""
    return [Path(command[0]).name for command, _modules in counts["started"]]


def before(counts: dict[str, Any], word: str) -> set[str]:
    """What a process had imported when it started what has a word in its command."""
    return next(set(names) for command, names in counts["started"] if word in " ".join(command))


@dataclass
class Runs:
    base: Counted
    cells: Counted
    lines: Counted
    script: Counted
    messages: tuple[dict[str, int], dict[str, int]]


@pytest.fixture(scope="module")
def runs(shared: Project) -> Runs:
    """Notebooks that differ in one thing each, after a run for what is kept from run to run."""
    scalar = "print('loss: 1')"
    shared.notebook("base.ipynb", "x = 1", scalar)
    shared.notebook("cells.ipynb", *[f"print({i})" for i in range(CELLS)], "x = 1", scalar)
    shared.notebook("lines.ipynb", f"for i in range({LINES}): print(i)", scalar)
    counting = "received.clear(); sent.clear(); print(1)"
    report = "import json; both = received.values(), sent\n"
    report += "print(json.dumps([collections.Counter(each) for each in both]))"
    shared.notebook("messages.ipynb", COUNT_MESSAGES, counting, "print(2)", report)
    shared.file("script.py", f"{scalar}\n")
    messages = shared.run("messages.ipynb").run
    (line,) = [line for line in messages.output.splitlines() if line.startswith("[{")]
    names = ("base.ipynb", "cells.ipynb", "lines.ipynb")
    return Runs(
        *(counted(shared, name, COUNT_CALLS="1") for name in names),
        counted(shared, "script.py"),
        json.loads(line),
    )


HEAVY = {
    *("IPython", "bs4", "google", "grpc", "ipykernel", "jinja2", "jsonschema"),
    *("jupyter_client", "matplotlib", "nbclient", "nbconvert", "nbformat", "numpy", "pandas"),
    *("psutil", "requests", "setuptools", "tornado", "zmq"),
}
"""What takes long to import, and neither Guild nor the way to the kernel needs."""

if sys.version_info >= (3, 11):  # what older ones need in addition imports it
    HEAVY.add("asyncio")

EXECUTES = {"IPython", "asyncio", "jsonschema"}
EXECUTES |= {"jupyter_client", "nbclient", "nbformat", "tornado", "zmq"}
"""What executing a notebook and its report need, of these."""


def test_guild_imports_little_before_it_starts_the_run(runs: Runs):
    modules = before(runs.base.guild, "guild_notebook.run")
    assert not HEAVY & modules
    assert len(modules) <= 490


@pytest.mark.parametrize("kind", ["base", "script"])
def test_guild_imports_little_at_all(runs: Runs, kind: str):
    modules = getattr(runs, kind).guild["modules"]
    assert not (HEAVY - {"asyncio"}) & set(modules)
    assert len(modules) <= {"base": 490, "script": 450}[kind]


def test_the_kernel_is_started_before_the_run_imports_what_it_needs_later(runs: Runs):
    modules = before(runs.base.runner, "fork")
    assert not (HEAVY | {"traitlets", "yaml"}) & modules
    assert "guild_notebook.flags.discover" not in modules
    assert len(modules) <= (195 if sys.version_info >= (3, 11) else 240)


def test_a_run_imports_what_executes_a_notebook_and_makes_its_report(runs: Runs):
    modules = runs.base.runner["modules"]
    assert not (HEAVY - EXECUTES) & set(modules)
    assert len(modules) <= 660


def test_a_kernel_imports_what_kernels_import(runs: Runs):
    modules = runs.base.kernel["modules"]
    assert not {"debugpy", "guild", "matplotlib", "nbclient", "nbformat", "numpy"} & set(modules)
    if sys.version_info >= (3, 11):  # IPython 9, which imports less
        assert len(modules) <= 515


def test_guild_starts_few_programs(runs: Runs):
    programs = [name for name in started(runs.base.guild) if "python" not in name]
    assert len(programs) <= 5
    assert {*programs} <= {"file", "git", "uname"}
    assert len(started(runs.script.guild)) <= 8


def test_a_run_starts_its_kernel_and_few_programs(runs: Runs):
    assert started(runs.base.runner) == ["fork", "git", "git"]
    assert started(runs.base.kernel) == ["uname"]  # platform.platform()


def test_trials_repeat_little_of_guild(shared: Project):
    shared.notebook("trials.ipynb", "x = 1", "print('loss: %s' % x)")
    found = processes(shared, "trials.ipynb", "x=[1,2,3]")
    (guild,), (batch,), runners = found["guild"], found["batch"], found["runner"]
    assert len(started(guild)) <= 7
    assert [command[-2:] for command, _modules in batch["started"]] == [
        ["guild_notebook.run", "trials.ipynb"]
    ] * 3
    assert not HEAVY & set(batch["modules"])
    assert len(batch["modules"]) <= 390
    assert len(runners) == 3
    for run in runners:
        assert started(run) == ["fork", "git", "git"]


def test_a_cell_is_a_request_and_its_answers(runs: Runs):
    """Of three cells, the first of which is half within and the last of which has not ended."""
    received, sent = runs.messages
    assert received == {"execute_request": 2}
    assert sent == {"status": 4, "execute_input": 2, "stream": 2, "execute_reply": 2}


@pytest.mark.parametrize(("process", "limit"), [("guild", 70), ("runner", 6500), ("kernel", 3000)])
def test_a_cell_calls_few_functions(runs: Runs, process: str, limit: int):
    calls = runs.cells.calls(runs.base)[process] / CELLS
    assert calls <= limit


@pytest.mark.parametrize(("process", "limit"), [("guild", 1), ("runner", 15), ("kernel", 18)])
def test_a_line_calls_few_functions(runs: Runs, process: str, limit: int):
    calls = runs.lines.calls(runs.base)[process] / LINES
    assert calls <= limit


TRACE = ["strace", "-f", "-c", "-b", "execve"]
"""Threads, and no other programs that a process starts."""


def system_calls(command: list[str], folder: Path, env: dict[str, str]) -> int:
    trace = folder / "trace"
    command = [*TRACE, "-o", str(trace), *command]
    subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    return int(trace.read_text().split()[-3 if "errors" in trace.read_text() else -2])


def calls_of_run(project: Project, name: str) -> int:
    """System calls of the run's process, without Guild."""
    run = runner.prepared(project)
    env = runner.environment(project, run)
    env["GUILD_NOTEBOOK_PYTHONPATH"] = env.pop("PYTHONPATH")
    env["PYTHONPATH"] = ""
    python = [sys.executable, *start.arguments("guild_notebook.run")[2:]]
    return system_calls([*python, name, "--report", "none"], run.dir, env)


@pytest.fixture(scope="module")
def traced(shared: Project) -> Project:
    if not shutil.which("strace"):
        pytest.skip("there is no strace here")
    may = subprocess.run([*TRACE, "-o", "/dev/null", "true"], capture_output=True, text=True)
    if may.returncode:
        pytest.skip(f"strace may not trace here: {may.stderr.strip()}")
    shared.notebook("base.ipynb", "x = 1", "x = 2")
    shared.notebook("cells.ipynb", *[f"print({i})" for i in range(5 * CELLS)], "x = 1", "x = 2")
    shared.notebook("lines.ipynb", f"for i in range({10 * LINES}): print(i)", "x = 2")
    return shared


@pytest.mark.slow
def test_a_cell_makes_few_system_calls_of_the_run(traced: Project):
    base, cells = (calls_of_run(traced, name) for name in ("base.ipynb", "cells.ipynb"))
    assert (cells - base) / (5 * CELLS) <= 200


@pytest.mark.slow
def test_a_thousand_lines_make_few_system_calls_of_the_run_and_of_guild(traced: Project):
    base, lines = (calls_of_run(traced, name) for name in ("base.ipynb", "lines.ipynb"))
    assert (lines - base) / (LINES / 100) <= 50
    commands = ([*GUILD, "run", "-y", name] for name in ("base.ipynb", "lines.ipynb"))
    env = traced.environment()
    base, lines = (system_calls(command, traced.dir, env) for command in commands)
    assert (lines - base) / (LINES / 100) <= 10
