"""Another client of a run's kernel that does not read its output: the run goes on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from tests.helpers.causes import states
from tests.helpers.project import Project
from tests.helpers.runner import attempt

SUBSCRIBER = """
import json, os, sys, time, zmq
path, said = sys.argv[1:]
with open(path) as f:
    info = json.load(f)
socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = 1
socket.subscribe(b"")
between = "-" if info["transport"] == "ipc" else ":"
socket.connect(f"{info['transport']}://{info['ip']}{between}{info['iopub_port']}")
socket.poll()  # it is subscribed, and reads nothing of it
open(said, "w").close()
time.sleep(600)
"""

PYTHON = """
import subprocess, sys, time, os
from ipykernel import get_connection_file
other = subprocess.Popen([sys.executable, {subscriber!r}, get_connection_file(), 'subscribed'])
while not os.path.exists('subscribed'):
    print('.', flush=True)
    time.sleep(0.1)
for number in range({count}):
    print(f'{{number:09}} ' + 2000 * 'x', flush=True)
"""
BASH = """
connection=$(tr '\\0' '\\n' < /proc/$PPID/cmdline | grep json)
{python} {subscriber} $connection subscribed 2>&1 &
while [ ! -e subscribed ]; do echo .; sleep 0.1; done
x=$(printf '%02000d' 0)
for i in $(seq 0 {last}); do printf '%09d %s\\n' $i $x; done
"""
COUNT = 2_000
"""Messages: more than the 1,000 that wait for a subscriber, and what sockets hold besides."""


@pytest.fixture
def subscriber(project: Project) -> str:
    path = project.home / "subscriber.py"
    path.write_text(SUBSCRIBER)
    return str(path)


def check(project: Project, count: int) -> None:
    project.without_reports("nb.ipynb")
    done = attempt(project, "nb.ipynb")
    assert done.status == 0, done.stderr
    lines = [int(line[:9]) for line in done.stdout.splitlines() if line[:9].isdigit()]
    assert lines == list(range(count)) and done.stdout.endswith("last\n")
    assert states(done.run) == ["completed"] * 2


def test_a_second_subscriber_that_does_not_read_stops_nothing_and_nothing_is_lost(
    project: Project, subscriber: str
):
    cell = PYTHON.format(subscriber=subscriber, count=COUNT)
    project.notebook("nb.ipynb", cell, "print('last')")
    check(project, COUNT)


@pytest.mark.faults
@pytest.mark.skipif(
    not importlib.util.find_spec("bash_kernel"), reason="bash_kernel is not installed"
)
def test_the_same_of_a_kernel_that_is_built_on_ipykernel(
    project: Project, subscriber: str, tmp_path: Path
):
    kernels = tmp_path / "jupyter" / "kernels" / "a-bash"
    kernels.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Bash", "language": "bash"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    project.env["JUPYTER_PATH"] = str(tmp_path / "jupyter")
    cell = BASH.format(python=sys.executable, subscriber=subscriber, last=COUNT - 1)
    spec = {"name": "a-bash", "language": "bash", "display_name": "Bash"}
    project.notebook("nb.ipynb", cell, "echo last", metadata={"kernelspec": spec})
    check(project, COUNT)
