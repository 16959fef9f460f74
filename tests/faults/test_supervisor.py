"""Signals from outside to each process of a run: what ends, what is said, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.helpers import runner
from tests.helpers.causes import (
    linux,
    new_mark,
    nothing_left,
    processes_with,
    runner_of,
    started_run,
    states,
)
from tests.helpers.project import LIMIT, Project, start, wait_for

pytestmark = [linux, pytest.mark.usefixtures("system")]

CELL = """
import os, subprocess, sys, time
code = 'import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {sleep}'
middle = 'import subprocess, sys; subprocess.Popen([sys.executable, *sys.argv[1:]], start_new_session=True)'
subprocess.run([sys.executable, '-c', middle, '-c', code.format(sleep='time.sleep(600)'), {mark!r}])
print('started', flush=True)
while not os.path.exists('go'):
    time.sleep(0.05)
{then}
print('went on')
"""  # noqa: E501  # the notebook's own
"""A cell with a daemon: without a parent, in a session of its own, and it ignores SIGTERM."""

IN_CELL = "cell [2] (import os, subprocess, sys, time)"

KILLED = "its supervisor ended (signal SIGKILL), the run has ended what was left of the kernel"
STOPPED = "the kernel's supervisor was stopped, the run has ended what was left of the kernel"

only_linux = pytest.mark.parametrize("system", ["linux"], indirect=True)

CATCHABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


class Long:
    """A run whose second cell waits for ``go``, with the processes that it has by then."""

    def __init__(self, project: Project, mark: str, through_guild: bool, then: str) -> None:
        source = CELL.replace("{mark!r}", repr(mark)).replace("{then}", then)
        project.notebook("nb.ipynb", "print('kept')", source, "print('last')")
        project.without_reports("nb.ipynb")
        self.project = project
        self.mark = mark
        if through_guild:
            command = "run", "-y", "nb.ipynb"
            self.process = start(project, *command, start_new_session=True)
            self.run = started_run(project)
            guild, self.runner = self.process.pid, runner_of(self.run)
        else:
            self.process, self.run = runner.start(project, "nb.ipynb", start_new_session=True)
            wait_for(lambda: "started\n" in self.run.output)
            guild, self.runner = 0, self.process.pid
        (supervisor,) = psutil.Process(self.runner).children()
        (kernel,) = (p for p in supervisor.children() if "ipykernel" in " ".join(p.cmdline()))
        (daemon,) = processes_with(mark)
        self.pids = {
            "guild": guild, "runner": self.runner, "supervisor": supervisor.pid,
            "kernel": kernel.pid, "daemon": daemon.pid,
        }  # fmt: skip

    def send(self, who: str, number: int) -> None:
        os.kill(self.pids[who], number)

    def go(self) -> None:
        (self.run.dir / "go").touch()

    def end(self) -> tuple[int, str]:
        """The status of the process, and all that was put out; no process may be left."""
        status = self.process.wait(LIMIT)
        wait_for(lambda: not any(map(is_alive, self.pids.values())))
        return status, self.run.output


def is_alive(pid: int) -> bool:
    try:
        return bool(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def long(project: Project, system: str, request: pytest.FixtureRequest) -> Iterator[Long]:
    mark = new_mark()
    through_guild, then = getattr(request, "param", (False, ""))
    with nothing_left(mark):
        made = Long(project, mark, through_guild, then)
        try:
            yield made
        finally:
            for pid in filter(is_alive, made.pids.values()):
                os.kill(pid, signal.SIGKILL)
            made.process.wait(LIMIT)
            if made.process.stdout:
                made.process.stdout.close()


def test_a_supervisor_heeds_no_signal_that_can_be_blocked(long: Long):
    for number in sorted(CATCHABLE):
        long.send("supervisor", number)
    time.sleep(0.2)
    long.go()
    status, output = long.end()
    assert status == 0 and "went on" in output and "supervisor" not in output
    assert states(long.run) == ["completed"] * 3


def test_a_kernel_whose_supervisor_is_killed_is_ended_and_that_is_said(long: Long):
    long.send("supervisor", signal.SIGKILL)
    status, output = long.end()
    assert status == 1
    assert [line for line in output.splitlines() if line.startswith("guild-notebook: ")] == [
        f"guild-notebook: the kernel died in {IN_CELL}: {KILLED}"
    ]
    assert states(long.run) == ["completed", "kernel died", "not run"]
    assert "kept" in json.dumps(long.run.notebook("nb.ipynb"))


def test_a_supervisor_that_is_stopped_is_ended_by_the_run_and_that_is_said(long: Long):
    long.send("supervisor", signal.SIGSTOP)
    long.go()
    status, output = long.end()
    assert status == 0 and output.splitlines()[-1] == STOPPED
    assert states(long.run) == ["completed"] * 3


@only_linux  # elsewhere nothing wakes what is stopped when its parent ends
def test_nothing_is_left_when_the_supervisor_is_stopped_and_the_run_killed(long: Long):
    long.send("supervisor", signal.SIGSTOP)
    long.send("runner", signal.SIGKILL)
    assert long.end()[0] == -signal.SIGKILL


@pytest.mark.faults
@only_linux  # elsewhere only the supervisor can wait for the kernel
@pytest.mark.parametrize("long", [(False, "import ctypes; ctypes.string_at(0)")], indirect=True)
def test_a_kernel_that_dies_while_its_supervisor_is_stopped_is_said_with_its_signal(long: Long):
    long.send("supervisor", signal.SIGSTOP)
    long.go()
    status, output = long.end()
    assert status == 1 and STOPPED in output
    assert f"the kernel died in {IN_CELL}: signal SIGSEGV" in output
    assert states(long.run) == ["completed", "kernel died", "not run"]


@pytest.mark.faults
def test_a_kernel_ends_with_its_supervisor_where_the_run_is_killed_as_well(long: Long):
    """What a cell has detached stays then: no process that would know of it is left."""
    long.send("runner", signal.SIGSTOP)
    long.send("supervisor", signal.SIGKILL)
    long.send("runner", signal.SIGKILL)
    wait_for(lambda: not is_alive(long.pids["kernel"]))
    long.send("daemon", signal.SIGKILL)
    long.end()


@pytest.mark.faults
@pytest.mark.parametrize("long", [(True, "")], indirect=True)
@pytest.mark.parametrize("how", ["guild stop", "SIGINT", "SIGKILL of guild"])
def test_a_run_whose_supervisor_is_stopped_can_be_stopped(long: Long, how: str):
    long.send("supervisor", signal.SIGSTOP)
    if how == "guild stop":
        assert long.project.guild("stop", "-y", long.run.id).status == 0
    elif how == "SIGINT":
        os.killpg(long.process.pid, signal.SIGINT)
    else:
        long.send("guild", signal.SIGKILL)
    _, output = long.end()
    assert STOPPED in output or how == "SIGKILL of guild"  # which would have kept the output
    assert states(long.run) == ["completed", "stopped", "not run"]


@pytest.mark.faults
@only_linux  # elsewhere nothing wakes what is stopped when its parent ends
@pytest.mark.parametrize("long", [(True, "")], indirect=True)
def test_a_run_that_is_stopped_goes_on_to_end_when_guild_is_killed(long: Long):
    long.send("runner", signal.SIGSTOP)
    long.send("guild", signal.SIGKILL)
    long.end()
    assert states(long.run) == ["completed", "stopped", "not run"]
    assert "terminated" in long.project.guild("runs").stdout


# ---- each process times each signal, through the guild command

DEATHS = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM", "SIGSEGV", "SIGRTMIN")
STOPS = ("SIGTERM", "SIGHUP", "SIGINT")
SENT = (*DEATHS, "SIGINT", "SIGSTOP", "SIGCONT", "SIGWINCH")


@pytest.mark.faults
@pytest.mark.parametrize("long", [(True, "")], indirect=True)
@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("who", ["guild", "runner", "supervisor", "kernel", "daemon"])
def test_each_signal_to_each_process_of_a_run(long: Long, who: str, name: str):
    long.send(who, signal.Signals[name])
    # Guild answers a SIGINT that only it gets when the run has ended, as it does with any program.
    ends = name in DEATHS or (name == "SIGINT" and who != "guild")
    if who in ("supervisor", "daemon"):
        ends = (who, name) == ("supervisor", "SIGKILL")
    if not ends:
        time.sleep(0.3)
        if who not in ("supervisor", "daemon"):
            long.send(who, signal.SIGCONT)
        long.go()
    status, output = long.end()
    if not ends:
        assert (status == 0 or name == "SIGINT") and "went on" in output
        assert states(long.run) == ["completed"] * 3
        assert (STOPPED in output) == ((who, name) == ("supervisor", "SIGSTOP"))
        assert "guild-notebook:" not in output
        return
    ended = states(long.run)
    if who == "guild" or (who == "runner" and name in STOPS):
        assert ended == ["completed", "stopped", "not run"]
        assert "terminated" in long.project.guild("runs").stdout
    elif who == "runner":  # as any process that does not handle the signal: no time for anything
        assert long.run.attr("exit_status") == -signal.Signals[name]
    elif (who, name) == ("kernel", "SIGINT"):
        assert status == 1 and ended == ["completed", "failed", "not run"]
        assert "failed with KeyboardInterrupt" in output
    else:
        said = KILLED if who == "supervisor" else f"signal {name}"
        assert status == 1 and ended == ["completed", "kernel died", "not run"]
        assert f"the kernel died in {IN_CELL}: {said}" in output
