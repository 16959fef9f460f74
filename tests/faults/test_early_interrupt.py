"""Ctrl-C and other ends in the first second of a command, while Guild and the run import what they
need."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.helpers.project import LIMIT, Project, Run, wait_for
from tests.helpers.slow import but_slow

STARTS = """
import os, signal, sys
from importlib.abc import MetaPathFinder
class Interrupting(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == os.environ.get("INTERRUPT_AT"):
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
"""
"""A sitecustomize that presses Ctrl-C when a module is looked for."""


def interrupted_at(project: Project, module: str, *command: str) -> subprocess.CompletedProcess:
    project.file("hide/sitecustomize.py", STARTS)
    project.notebook("nb.ipynb", "x = 1")
    env = {**project.environment(), "INTERRUPT_AT": module}
    env["PYTHONPATH"] = str(project.dir / "hide")
    program = Path(sys.executable).with_name("guild")
    return subprocess.run(
        [str(program), *command],
        cwd=project.dir,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.parametrize(
    "module", ["guild.main", "click", "guild.commands.main", "guild.commands.view"]
)
def test_while_guild_is_imported_it_is_one_line(project: Project, module: str):
    done = interrupted_at(project, module, "run", "-y", "nb.ipynb")
    assert done.stderr.splitlines() == ["guild: interrupted"]
    assert done.returncode == -signal.SIGINT
    assert project.run_dirs() == set()


@pytest.mark.parametrize("module", ["guild.commands.run_impl", "guild.plugin"])
def test_while_a_command_is_imported_it_is_no_traceback(project: Project, module: str):
    done = interrupted_at(project, module, "run", "-y", "nb.ipynb")
    assert done.stderr.strip() == "" and done.returncode == 1
    assert project.run_dirs() == set()


@pytest.mark.parametrize(
    "module", ["guild_notebook.run.execution.stop", "guild_notebook.run.secret_values"]
)
def test_while_a_run_is_imported_it_is_no_traceback(project: Project, module: str):
    done = interrupted_at(project, module, "run", "-y", "nb.ipynb")
    assert "Traceback" not in done.stderr + done.stdout
    (run,) = project.run_dirs()
    output = (run / ".guild" / "output").read_text()
    assert "Traceback" not in output and "KeyboardInterrupt" not in output


WHEN_MADE = """
import os, signal, sys, tempfile
make, number = tempfile.mkdtemp, int(os.environ.get("SIGNAL", 0))
def make_and_be_ended(suffix=None, prefix=None, dir=None):
    folder = make(suffix, prefix, dir)
    if prefix == "guild-nb-":
        os.kill(os.getpid(), number)
    return folder
tempfile.mkdtemp = make_and_be_ended
"""
"""A sitecustomize that ends a run in the moment in which the folder of its kernel is made."""


@pytest.mark.parametrize("kernel", ["python3", "provisioned"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_ended_when_its_kernel_is_to_start_leaves_no_folder(
    project: Project, number: signal.Signals, kernel: str
):
    project.file("hide/sitecustomize.py", WHEN_MADE)
    project.notebook("nb.ipynb", "x = 1")
    provisioner = {"JUPYTER_DEFAULT_PROVISIONER_NAME": "another"} if kernel != "python3" else {}
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="made-") as folder:  # a short path
        about = {"TMPDIR": folder, "SIGNAL": str(int(number)), **provisioner}
        done = project.guild("run", "-y", "nb.ipynb", PYTHONPATH=str(project.dir / "hide"), **about)
        assert done.status != 0
        (run,) = map(Run, project.run_dirs())
        assert run.attr("exit_status") == -number
        assert run.notebook("nb.ipynb")["metadata"]["guild"]["status"] == "terminated"
        wait_for(lambda: os.listdir(folder) == [])  # the kernel's supervisor removes it


WHEN_BEGUN = """
import os, signal, sys
moments = [os.environ.pop("INTERRUPT_AT", None)]
def press(event, arguments):
    if moments and event in ("open", "subprocess.Popen") and moments[0] in str(arguments[:2]):
        moments.clear()
        os.kill(os.getpid(), signal.SIGINT)
if moments[0]:
    sys.addaudithook(press)
"""
"""A sitecustomize that presses Ctrl-C when Guild writes a file of a run, or starts its process."""

MOMENTS = {
    "first file": ".guild/opref', 'w'",
    "started": "attrs/started', 'w'",
    "environment": "attrs/env', 'w'",
    "process": "'guild_notebook.run'",
    "lock": ".guild/LOCK', 'w'",
}


@pytest.mark.parametrize("moment", but_slow([*MOMENTS, "batch"], "first file", "process"))
def test_a_run_that_has_begun_is_terminated(project: Project, moment: str):
    project.file("hide/sitecustomize.py", WHEN_BEGUN)
    project.notebook("nb.ipynb", "x = 1", "import time\ntime.sleep(100)")
    flags = ("x=[1,2]", "--keep-batch") if moment == "batch" else ()
    at = MOMENTS.get(moment, "proto/.guild/opref', 'w'")
    about = {"PYTHONPATH": str(project.dir / "hide"), "INTERRUPT_AT": at}
    done = project.guild("run", "-y", "nb.ipynb", *flags, **about)
    assert done.status != 0 and "Traceback" not in done.stderr
    (run,) = map(Run, project.run_dirs())
    assert run.attr("exit_status") < 0
    assert not {"PENDING", "LOCK", "STAGED"} & {*os.listdir(run.dir / ".guild")}


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", range(30, 900, 60))
def test_at_any_time_it_is_no_traceback(project: Project, milliseconds: int):
    project.notebook("nb.ipynb", "x = 1")
    program = Path(sys.executable).with_name("guild")
    process = subprocess.Popen(
        [str(program), "run", "-y", "nb.ipynb"],
        cwd=project.dir,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(milliseconds / 1000)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=LIMIT)
    # Python itself has not begun: nothing of an environment can be in place yet.
    is_too_early = "Fatal Python error: init" in said
    assert is_too_early or "Traceback" not in said, said
