"""After each kind of failure a run starts again from its unchanged source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.helpers.causes import linux, runner_of, started_run
from tests.helpers.figures import figure
from tests.helpers.project import LIMIT, Command, Project, Run, start

pytestmark = linux

SOURCE = """
import os, signal, sys, time
from IPython.display import SVG, display
x = 1  # keep this
print('value', x)
for _ in range(5 - x):
    display(SVG('<svg xmlns="http://www.w3.org/2000/svg"/>'))
print('shown', flush=True)
if x == 1:
    FAULT
print('ended', x)
"""

HANG = "time.sleep(600)"


def to_runner(_project: Project, _process: subprocess.Popen, run: Run) -> None:
    os.kill(runner_of(run), signal.SIGKILL)


def to_guild(_project: Project, process: subprocess.Popen, _run: Run) -> None:
    process.kill()


def to_all(_project: Project, process: subprocess.Popen, run: Run) -> None:
    process.kill()
    os.kill(runner_of(run), signal.SIGKILL)


def stop(project: Project, _process: subprocess.Popen, run: Run) -> None:
    assert project.guild("stop", "-y", run.id).status == 0


FAULTS: dict[str, tuple[str, Callable[[Project, subprocess.Popen, Run], None] | None]] = {
    "an error": ("1 / 0", None),
    "sys.exit": ("sys.exit(3)", None),
    "the kernel's death": ("os._exit(7)", None),
    "SIGKILL of the kernel": ("os.kill(os.getpid(), signal.SIGKILL)", None),
    "a timeout": (HANG, None),
    "a stop": (HANG, stop),
    "SIGKILL of the runner": (HANG, to_runner),
    "SIGKILL of guild": (HANG, to_guild),
    "SIGKILL of both": (HANG, to_all),
    "the executed notebook broken": ("open('nb.ipynb', 'w').write('{'); os._exit(1)", None),
}
IN_MAKE_TEST = ("the kernel's death",)
MARKS = {"SIGKILL of the runner": pytest.mark.slow}
STARTS = {"--proto": 3, "--restart": 2, "--start": 4}
"""The ways to start again, each with another value."""


def failed_run(project: Project, fault: str) -> Run:
    source, end = FAULTS[fault]
    project.notebook("nb.ipynb", SOURCE.replace("FAULT", source), "print('second cell')")
    limit = "  nb-cell-timeout: 2\n" if fault == "a timeout" else ""
    project.guildfile(f"a:\n  notebook: nb.ipynb\n  flags-import: all\n{limit}")
    if end is None:
        done = project.guild("run", "-y", "a")
        assert done.status != 0
        return done.run
    with start(project, "run", "-y", "a") as process:
        run = started_run(project, "shown")
        end(project, process, run)
        process.communicate(timeout=LIMIT)
    return run


def check(project: Project, run: Run, value: int, done: Command) -> None:
    """The run has executed the source with ``value`` and holds nothing of another execution."""
    assert done.status == 0, done.stderr
    assert run.source("nb.ipynb") == (project.dir / "nb.ipynb").read_bytes()
    assert f"x = {value}  # keep this" in run.sources("nb.ipynb")[0]
    assert run.flags == {"x": value} and run.attr("exit_status") == 0
    executed = run.notebook("nb.ipynb")
    assert executed["metadata"]["guild"] == {"status": "completed"}
    for text in (json.dumps(executed), (run.dir / "nb.html").read_text("utf-8"), run.output):
        assert f"value {value}" in text and f"ended {value}" in text
        assert "value 1" not in text
    assert len(list(run.dir.glob("nb_*.svg"))) == 5 - value
    assert not list(run.dir.glob(".*.part"))


@pytest.mark.parametrize(
    ("fault", "starts"),
    [
        *((fault, ["--proto", "--restart"]) for fault in IN_MAKE_TEST),
        *(
            pytest.param(fault, [*STARTS], marks=MARKS.get(fault, pytest.mark.faults))
            for fault in FAULTS
        ),
    ],
)
def test_a_run_starts_again_from_its_source_and_with_new_flags_after(
    project: Project, fault: str, starts: list[str]
):
    run = failed_run(project, fault)
    assert "completed" not in project.guild("runs").stdout
    for how in starts:
        value = STARTS[how]
        done = project.guild("run", "-y", how, run.id, f"x={value}")
        check(project, done.run if how == "--proto" else run, value, done)
    figure(f"{', '.join(starts)} after {fault}: completed", f"{len(starts)}", f"{len(starts)}")
