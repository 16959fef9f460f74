"""The kernel of a run is started first: what it is started with, and what is left of one that is
not needed after all."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from guild_notebook.run.kernel import environment, starting, supervisor
from tests.helpers.causes import linux
from tests.helpers.project import LIMIT, Project
from tests.helpers.runner import attempt, execute

TELLS = """
import json, os, sys
from pathlib import Path
from ipykernel.connect import get_connection_file
session = get_ipython().kernel.session
connection = json.loads(Path(get_connection_file()).read_text())
names = ("TEMPLATE", "AS_IT_IS", "PYTHONEXECUTABLE")
print("TELLS", json.dumps({
    "variables": {name: os.environ[name] for name in names if name in os.environ},
    "username": session.username,
    "interpreter": sys.executable,
    "folder": os.getcwd(),
    "connection": connection,
    "session": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "input": os.read(0, 10).decode(),
    "files": sorted(set(os.listdir("/dev/fd")) & {"0", "1", "2"}),
}))
"""


def test_a_python_kernel_is_started_as_jupyter_starts_it(project: Project, tmp_path: Path):
    """jupyter_client/manager.py, connect.py, provisioning/."""
    folder = tmp_path / "kernels" / "own"
    folder.mkdir(parents=True)
    env = {
        "TEMPLATE": "${HOME}/a/$NOT_THERE",
        "AS_IT_IS": "{resource_dir}",
        "PYTHONEXECUTABLE": "/nowhere",
    }
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    argv += ["--Session.username={prefix}|{resource_dir}|{unknown}"]
    spec = {"argv": argv, "display_name": "Own", "language": "python", "env": env}
    (folder / "kernel.json").write_text(json.dumps(spec))
    project.env["JUPYTER_PATH"] = str(tmp_path)
    project.notebook("nb.ipynb", TELLS)
    done = execute(project, "nb.ipynb", "--kernel", "Own")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("TELLS ")]
    told = json.loads(line[6:])
    home = project.environment().get("HOME", os.environ["HOME"])
    connection = told.pop("connection")
    assert told == {
        "variables": {"TEMPLATE": f"{home}/a/$NOT_THERE", "AS_IT_IS": "{resource_dir}"},
        "username": f"{sys.prefix}|{folder}|{{unknown}}",
        "interpreter": sys.executable,
        "folder": str(done.run.dir),
        "session": True,
        "input": "",
        "files": ["0", "1", "2"],
    }
    ip, key = connection.pop("ip"), connection.pop("key")
    assert os.path.basename(ip) == "s" and len(key) >= 32
    assert connection == {
        "shell_port": 1,
        "iopub_port": 2,
        "stdin_port": 3,
        "control_port": 4,
        "hb_port": 5,
        "transport": "ipc",
        "signature_scheme": "hmac-sha256",
        "kernel_name": "Own",
        "jupyter_session": "",
    }


@pytest.mark.parametrize("env", [{"": "1"}, {"A=B": "1"}, {"A": "1\0"}, {"A": 1}])
def test_variables_that_no_process_can_have_are_said(project: Project, tmp_path: Path, env):
    folder = tmp_path / "kernels" / "own"
    folder.mkdir(parents=True)
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "env": env}))
    project.env["JUPYTER_PATH"] = str(tmp_path)
    project.notebook("nb.ipynb", "1")
    done = attempt(project, "nb.ipynb", "--kernel", "own")
    assert "kernel 'own' cannot be started: " in done.stderr


def test_a_supervisor_that_the_system_does_not_fork_is_said(monkeypatch):
    def fail() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    monkeypatch.setattr(os, "fork", fail)
    with pytest.raises(BlockingIOError):
        supervisor.fork(0, 1, "", [], 2, "", {})
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked


@linux
def test_threads_that_wait_for_a_forked_process_all_get_its_status():
    for _ in range(50):
        with subprocess.Popen([sys.executable, "-ISc", "raise SystemExit(3)"]) as process:
            child = starting.Child(process.pid)
            with ThreadPoolExecutor(2) as threads:
                waiting = [threads.submit(child.wait) for _ in range(2)]
                while child.poll() is None:
                    pass
            process.returncode = 3
        assert [future.result() for future in waiting] == [3, 3]


@linux
def test_a_kernel_that_is_ended_before_it_has_a_session_of_its_own_is_not_waited_for(tmp_path):
    """Ctrl-C in the moment in which it is started: the run took 10 s to end."""
    for _ in range(5):
        pipes = starting.Pipes(str(tmp_path / "folder"))
        os.close(pipes.liveness)
        command = [*pipes.arguments, "sleep", "100"]
        with subprocess.Popen(command, start_new_session=True, **pipes.options) as process:
            pipes.close_ends()
            assert process.wait(supervisor.LONGEST_SECONDS - 1) == 0
        os.close(pipes.output)
        os.close(pipes.status)


@linux
def test_a_run_that_is_started_where_sigchld_is_ignored_ends_as_any_other(project: Project):
    """The system then keeps no status of a process that has ended."""
    project.notebook("nb.ipynb", "1")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        done = execute(project, "nb.ipynb")
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == ["[1/1] 1"]


def test_a_kernel_tells_its_platform_as_python_does():
    """On some systems it has the name of the processor, on macOS for example."""
    code = (
        "import json, platform; platform._Processor.get = staticmethod(lambda: 'named'); "
        "from types import SimpleNamespace as N; get_ipython = lambda: N(kernel=N()); "
        f"told = json.loads({environment.ASK_PYTHON}); "
        "print(told['platform'] == platform.platform(), 'named' in platform.platform())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


PROVISIONER = """
import os
from jupyter_client.provisioning import LocalProvisioner
class Own(LocalProvisioner):
    async def launch_kernel(self, cmd, **options):
        options["env"]["STARTED_BY"] = "own"
        return await super().launch_kernel(cmd, **options)
"""


@pytest.mark.parametrize("named", ["by the kernelspec", "for all kernels"])
def test_a_kernel_is_started_by_the_provisioner_that_is_named(
    project: Project, tmp_path: Path, named: str
):
    library, folder = tmp_path / "library", tmp_path / "kernels" / "own"
    (library / "own-1.dist-info").mkdir(parents=True)
    (library / "provisioner_of_own.py").write_text(PROVISIONER)
    (library / "own-1.dist-info/METADATA").write_text("Name: own\nVersion: 1\n")
    (library / "own-1.dist-info/entry_points.txt").write_text(
        "[jupyter_client.kernel_provisioners]\nown = provisioner_of_own:Own\n"
    )
    folder.mkdir(parents=True)
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec: dict[str, object] = {"argv": argv, "display_name": "Own", "language": "python"}
    project.env.update(JUPYTER_PATH=str(tmp_path), PYTHONPATH=str(library))
    if named == "for all kernels":
        project.env["JUPYTER_DEFAULT_PROVISIONER_NAME"] = "own"
    else:
        spec["metadata"] = {"kernel_provisioner": {"provisioner_name": "own"}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    project.notebook("nb.ipynb", "import os; print(os.environ.get('STARTED_BY'))")
    assert "own\n" in execute(project, "nb.ipynb", "--kernel", "own").stdout


def processes_of(run_id: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RUN_ID") == run_id:
                found.append(process)
        except psutil.Error:
            pass  # it has ended, or is another user's
    return found


@pytest.mark.parametrize(
    ("cells", "flags", "args", "said"),
    [
        (["n = 1"], {"n": "1 +"}, [], "flag n"),
        (["n = 1"], {}, ["--kernel", "nowhere"], "kernel 'nowhere' is not installed"),
        (["n = 1"], {}, ["--report", "nowhere"], "unknown report 'nowhere'"),
    ],
)
def test_nothing_is_left_of_the_kernel_of_a_run_that_is_refused(
    project: Project, tmp_path: Path, cells, flags, args, said: str
):
    project.notebook("nb.ipynb", *cells)
    done = attempt(project, "nb.ipynb", *args, flags=flags, TMPDIR=str(tmp_path))
    assert said in done.stderr
    assert not processes_of(done.run.id)
    assert not list(tmp_path.glob("guild-nb-*"))


ECHO = """
from ipykernel.kernelbase import Kernel

class Echo(Kernel):
    implementation, banner = "echo", ""
    implementation_version = language_version = "1"
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".txt"}

    def do_execute(self, code, silent, *_args, **_options):
        if silent:
            return {"status": "error", "ename": "NotEcho", "evalue": "", "traceback": []}
        stream = {"name": "stdout", "text": f"{code}\\n"}
        self.send_response(self.iopub_socket, "stream", stream)
        return {"status": "ok", "execution_count": self.execution_count}

c.IPKernelApp.kernel_class = Echo
"""


def test_a_kernel_that_is_another_than_its_command_tells_is_asked_what_it_is(project: Project):
    """An IPython kernel is set up by the first message that it gets."""
    config = project.dir.parent / "ipython/profile_default/ipython_kernel_config.py"
    config.parent.mkdir(parents=True)
    config.write_text(ECHO)
    project.env["IPYTHONDIR"] = str(config.parent.parent)
    project.notebook("nb.ipynb", "hello", "loss: 1")
    done = execute(project, "nb.ipynb")
    assert [line for line in done.stdout.splitlines() if line[:1] != "["] == ["hello", "loss: 1"]
    assert "guild-notebook" not in done.stderr and "not prepared" not in done.stderr
    assert done.run.notebook("nb.ipynb")["metadata"]["language_info"]["name"] == "echo"


IN_VAIN = """
import os, sys
from guild_notebook.run.kernel.starting import KernelStart
folder = os.getcwd()
start = KernelStart(None, "python3", lambda: "python", folder, folder, [], is_chosen_only=True)
print(repr(start.folder), start.can_be_forked)

def fork(*how):
    raise OSError(0, "it has ended")

with start:
    start.begin(fork=fork)
    before, error = start.folder, start.error
    start.begin()
    print("it has ended" in str(error), os.path.exists(before), start.error, start.is_alive)
print(os.path.exists(start.folder))
"""


@linux
def test_a_kernel_that_is_not_forked_after_all_is_started_and_leaves_nothing(tmp_path: Path):
    """One that is only chosen has no folder, which nobody would remove were the run ended now."""
    done = subprocess.run(
        [sys.executable, "-c", IN_VAIN], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.stdout.splitlines() == [
        "'' True",
        "True False None True",
        "False",
    ], done.stderr
