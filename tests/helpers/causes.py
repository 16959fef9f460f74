"""What the tests of faults share: notebooks that run for long, and how runs are ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.helpers.project import Project, Run, wait_for

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc and prctl")

LONG = """
import subprocess, sys, time
mark = {mark!r}
code = 'import time; time.sleep(600)'
subprocess.Popen([sys.executable, '-c', code, mark])
subprocess.Popen([sys.executable, '-c', code, mark], start_new_session=True)
middle = f'import subprocess, sys, time; subprocess.Popen([sys.executable, "-c", {{code!r}}, {{mark!r}}])'
subprocess.run([sys.executable, '-c', middle])  # a grandchild whose parent is gone
print('started', flush=True)
time.sleep(600)
"""  # noqa: E501  # the notebook's own


def new_mark() -> str:
    """A word for the command line of the processes that one test starts."""
    return f"mark-{os.getpid()}-{time.monotonic_ns()}"


def processes_with(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if word in process.cmdline():
                found.append(process)
        except psutil.Error:
            pass
    return found


def of_home(project: Project) -> list[psutil.Process]:
    """Processes that have this project's Guild home: those of Guild, runs and kernels."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GUILD_HOME") == str(project.home):
                found.append(process)
        except psutil.Error:
            pass
    return found


def states(run: Run, name: str = "nb.ipynb") -> list[str]:
    cells = run.notebook(name)["cells"]
    return [cell["metadata"].get("guild", {}).get("status", "") for cell in cells]


def started_run(project: Project, said: str = "started") -> Run:
    """The run that has printed a word, once it has."""

    def run_dirs() -> list[Run]:
        dirs = [d for d in project.run_dirs() if (d / ".guild/output").exists()]
        return [run for run in map(Run, dirs) if said in run.output]

    wait_for(run_dirs)
    return run_dirs()[0]


def runner_of(run: Run) -> int:
    return int((run.dir / ".guild/LOCK").read_text())


def saved_text(run: Run, name: str = "nb.ipynb") -> str:
    return json.dumps(run.notebook(name))


@contextmanager
def nothing_left(mark: str) -> Iterator[None]:
    """Sees that no process with the mark is left at the end."""
    try:
        yield
    finally:
        left = processes_with(mark)
        for process in left:
            process.send_signal(signal.SIGKILL)
    assert left == []
