"""Signals that a cell sends to its own process group end where they end in Jupyter."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.causes import linux, states
from tests.helpers.project import Project
from tests.helpers.runner import attempt, execute

pytestmark = linux

HANDLED = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})

HANDLING = """
import os, signal, subprocess
got = []
for number in {numbers}:
    signal.signal(number, lambda number, frame: got.append(int(number)))
    os.killpg(0, number)
assert os.getpid() == os.getpgid(0) == os.getsid(0)
print('group', got)
got.clear()
os.kill(0, signal.SIGUSR1)
os.system('kill -USR2 0')
subprocess.run(['sh', '-c', 'trap "" TERM; kill -TERM -$PPID'])
print('more', [number for number in got if number != signal.SIGCHLD])
"""

# Of a process that does not handle them: what Linux ignores, what Python does, and what stops a
# process, which has no effect on a session that no terminal controls.
IGNORED = {
    "SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGPIPE", "SIGXFSZ", "SIGTSTP", "SIGTTIN",
    "SIGTTOU",
}  # fmt: skip
IN_MAKE_TEST = ("SIGUSR1",)


def name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


@pytest.fixture(scope="module")
def sent(shared: Project) -> tuple[str, list[str]]:
    """What the cells print of the signals that they handle, and the states of the run's cells."""
    numbers = list(map(int, HANDLED))
    shared.notebook("nb.ipynb", HANDLING.format(numbers=numbers), "print('went on')")
    done = execute(shared, "nb.ipynb")
    return done.stdout, states(done.run)


def test_a_cell_that_handles_a_signal_can_send_it_to_its_group(sent: tuple[str, list[str]]):
    shown, ended = sent
    assert f"group {list(map(int, HANDLED))}\n" in shown
    assert ended == ["completed"] * 2 and "went on" in shown


def test_a_command_of_a_cell_can_send_a_signal_to_the_group(sent: tuple[str, list[str]]):
    numbers = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM]
    assert f"more {list(map(int, numbers))}\n" in sent[0]


@pytest.mark.parametrize(
    "name",
    [
        name if name in IN_MAKE_TEST else pytest.param(name, marks=pytest.mark.faults)
        for name in map(name_of, sorted(signal.valid_signals() - {signal.SIGSTOP}))
    ],
)
def test_a_signal_that_is_not_handled_ends_the_kernel_or_not_as_in_jupyter(
    project: Project, name: str
):
    (number,) = (n for n in signal.valid_signals() if name_of(n) == name)
    source = f"import os, time\nos.killpg(0, {int(number)})\ntime.sleep(0.2)\nprint('went on')"
    path = project.notebook("nb.ipynb", source)
    done = attempt(project, "nb.ipynb")
    cell = "in cell [1] (import os, time)"
    last = done.stderr.splitlines()[-1]
    if name in IGNORED:
        assert done.status == 0 and done.stdout == "went on\n"
    elif name == "SIGINT":
        assert last == "guild-notebook: cell [1] (import os, time) failed with KeyboardInterrupt"
    else:
        assert last == f"guild-notebook: the kernel died {cell}: signal {name}"
    if name not in IN_MAKE_TEST:
        assert done.status == by_jupyter(path)


def by_jupyter(path: Path) -> int:
    """The exit status of ``jupyter execute``."""
    run = "from nbclient.cli import main; main()"
    command = [sys.executable, "-c", run, str(path), "--output", "executed"]
    return subprocess.run(command, capture_output=True).returncode
