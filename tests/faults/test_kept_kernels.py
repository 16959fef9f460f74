"""The kernel that a failed run has kept (``nb-keep-kernel``): how it ends, with all that its cells
have started, and when there is none."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from guild_notebook import kernel_folders
from guild_notebook.kernel_folders import KernelFolder
from tests.helpers.causes import linux, of_home, started_run
from tests.helpers.in_process import at_home
from tests.helpers.project import LIMIT, Project, Run, start, wait_for
from tests.helpers.slow import but_slow

pytestmark = linux

STARTS = """\
import subprocess, sys
ignoring = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'
for apart in (False, True):
    subprocess.Popen([sys.executable, '-c', ignoring], start_new_session=apart)
rows = [3, 5, 0]"""

FAILS = "shares = [16 / row for row in rows]"

FLAGS = "# Learn\nlr = 0.1\nassert lr > 1"


def kept(project: Project, *options: str, notebook: str = "nb.ipynb") -> tuple[Run, KernelFolder]:
    """A run that has failed, and its kernel."""
    if not (project.dir / notebook).exists():
        project.notebook(notebook, STARTS, FAILS)
        project.without_reports(notebook)
    done = project.guild("run", "-y", notebook, "nb-keep-kernel=error", *options)
    assert done.status == 1
    folder = kernel_folders.of_run(str(done.run.dir))
    assert folder, done.stderr
    return done.run, folder


def wait_for_end(project: Project, folder: KernelFolder) -> None:
    wait_for(lambda: not of_home(project))
    wait_for(lambda: not os.path.exists(folder.path))


def test_the_run_ends_at_once_and_says_how_to_get_to_its_kernel(project: Project):
    run, folder = kept(project)
    short = run.id[:8]
    kept_line, failed_line = run.output.splitlines()[-2:]
    assert re.fullmatch(
        rf"the kernel is kept until [\d: -]+: guild-notebook attach {short} opens a console on it, "
        rf"guild stop {short} ends it",
        kept_line,
    )
    assert failed_line == f"guild-notebook: cell [2] ({FAILS}) failed with ZeroDivisionError"
    assert (run.attr("exit_status"), run.notebook("nb.ipynb")["metadata"]["guild"]["status"]) == (
        1,
        "error",
    )
    assert 3500 < folder.until - time.time() <= 3600
    assert os.stat(folder.path).st_mode & 0o777 == 0o700
    assert os.stat(folder.connection_file).st_mode & 0o777 == 0o600
    assert len(of_home(project)) == 4  # supervisor, kernel, what the cell has started
    nothing, is_kept = project.guild("stop", "-y").stderr.splitlines()
    assert nothing == "Nothing to stop."
    assert re.fullmatch(
        rf"The kernel of run {short}, which has failed, is kept until [\d: -]+: guild stop {short} "
        "ends it",
        is_kept,
    )
    assert project.guild("stop", "-y", run.id).stderr.splitlines() == [
        f"Ended the kernel that {run.id} has kept"
    ]
    assert of_home(project) == []
    assert not os.path.exists(folder.path)


def delete(project: Project, run: Run, folder: KernelFolder) -> None:
    assert project.guild("runs", "rm", "-y", run.id).status == 0


def kill_kernel(project: Project, run: Run, folder: KernelFolder) -> None:
    os.kill(folder.pid or 0, signal.SIGKILL)


def end_kernel(project: Project, run: Run, folder: KernelFolder) -> None:
    os.kill(folder.pid or 0, signal.SIGTERM)


def kill_supervisor(project: Project, run: Run, folder: KernelFolder) -> None:
    os.kill(folder.supervisor, signal.SIGKILL)
    # Any other run on this machine may look as well, and end what the cell has started.
    wait_for(lambda: len(of_home(project)) <= 2)
    look_by_command(project, run)


def kill_supervisor_and_run_another(project: Project, run: Run, folder: KernelFolder) -> None:
    os.kill(folder.supervisor, signal.SIGKILL)
    project.notebook("other.ipynb", "x = 1")
    project.run("other.ipynb", "nb-report=none")


def stop_supervisor(project: Project, run: Run, folder: KernelFolder) -> None:
    """One that is not let go on is ended when it is late."""
    os.kill(folder.supervisor, signal.SIGSTOP)
    path = Path(folder.path) / kernel_folders.KEPT
    with path.open("r+") as file:  # in place, as its lock is of this file
        file.write(path.read_text().replace(str(folder.until), f"{time.time() - 60:.7f}"[:18]))
    look_by_command(project, run)


def look_by_command(project: Project, run: Run) -> None:
    with at_home(project.home):
        kernel_folders.look("")


ENDS: list[Callable[[Project, Run, KernelFolder], None]] = [
    delete,
    kill_kernel,
    end_kernel,
    kill_supervisor,
    kill_supervisor_and_run_another,
    stop_supervisor,
]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("end", but_slow(ENDS, kill_supervisor), ids=lambda end: end.__name__)
def test_nothing_is_left_of_it(project: Project, end: Callable[..., None]):
    run, folder = kept(project)
    end(project, run, folder)
    wait_for_end(project, folder)


def test_it_ends_when_its_time_is_over(project: Project):
    began = time.time()
    _, folder = kept(project, "nb-keep-kernel-for=15")  # Guild itself takes some to end
    assert began + 15 < folder.until < time.time() + 15
    wait_for_end(project, folder)
    assert time.time() >= folder.until


@pytest.mark.slow
def test_the_same_run_started_again_has_one_kernel(project: Project):
    run, first = kept(project)
    again = project.guild("run", "--restart", run.id, "-y")
    assert again.status == 1
    second = kernel_folders.of_run(str(run.dir))
    assert second and second.pid != first.pid
    wait_for(lambda: len(of_home(project)) == 4)
    kernel_folders.end_of_run(str(run.dir))
    wait_for_end(project, second)


NONE = {
    "it has not failed": ("print('done')", 0),
    "its kernel has ended": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 1),
    "its kernel was killed": (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)",
        1,
    ),
}


@pytest.mark.parametrize("why", but_slow(NONE, "it has not failed", "its kernel has ended"))
def test_no_kernel_is_kept(project: Project, why: str):
    source, status = NONE[why]
    project.notebook("nb.ipynb", source)
    options = "nb-keep-kernel=error", "nb-report=none", "nb-cell-timeout=5"
    done = project.guild("run", "-y", "nb.ipynb", *options)
    assert done.status == status, done.stderr
    assert " kept" not in done.stdout + done.stderr
    assert of_home(project) == []


@pytest.mark.slow
def test_no_kernel_is_kept_of_a_run_that_is_stopped(project: Project):
    project.notebook("nb.ipynb", "import time\nprint('started')\ntime.sleep(600)")
    process = start(project, "run", "-y", "nb.ipynb", "nb-keep-kernel=error", "nb-report=none")
    started_run(project)
    assert project.guild("stop", "-y").status == 0
    said, _ = process.communicate(timeout=LIMIT)
    assert "is kept" not in said
    assert of_home(project) == []


@pytest.mark.slow
@pytest.mark.parametrize("fork", ["no", "yes"])
def test_of_a_sweep_the_last_kernels_are_kept_also_where_they_are_forked(
    project: Project, fork: str
):
    project.notebook("nb.ipynb", "base = [1, 2]", FLAGS)
    values = "lr=[0.1,0.2,0.3,0.4,0.5]"
    options = "nb-keep-kernel=error", "nb-report=none", f"nb-fork={fork}", "nb-trials=full"
    done = project.guild("run", "-y", "nb.ipynb", values, *options)
    assert (done.stdout + done.stderr).count("is kept until") == 5
    trials = [run for run in done.runs if run.flags and "lr" in run.flags]
    trials.sort(key=lambda run: run.flags["lr"])
    first = trials[0].id[:8]
    line = f"the kernel of run {first} is not kept any longer: at most 4 are"
    assert line in done.stdout + done.stderr
    folders = [kernel_folders.of_run(str(run.dir)) for run in trials[1:]]
    assert len({folder.pid for folder in folders if folder}) == 4
    project.guild("stop", "-y", "1:5")
    wait_for(lambda: not of_home(project))


def test_on_the_worker_of_a_cluster_no_kernel_is_kept(project: Project):
    project.notebook("nb.ipynb", FAILS)
    done = project.guild("run", "-y", "nb.ipynb", "nb-keep-kernel=error", GUILD_NOTEBOOK_WORKER="1")
    assert done.status == 1
    line = "the kernel is not kept: a cluster's worker ends what a run has started"
    assert line in done.stderr.splitlines()
    assert of_home(project) == []


def test_what_lies_in_a_run_is_not_taken_for_its_kernel(project: Project):
    """A run may be somebody else's, with the connection of a kernel that is theirs as well."""
    project.notebook("nb.ipynb", "x = 1")
    run = project.run("nb.ipynb", "nb-report=none").run
    folder = run.dir / ".guild" / "guild-nb-12345678"
    folder.mkdir(mode=0o700)
    (folder / "run").symlink_to(run.dir)
    (folder / "kernel.json").write_text("{}")
    (folder / "kept").write_text(f"{time.time() + 60} {os.getpid()}")
    assert kernel_folders.of_run(str(run.dir)) is None
    kernel_folders.look(str(run.dir))
    assert folder.exists()


KEPT = "{now} 999999"

ODD: dict[str, Callable[[Path, Path], None]] = {
    "a file in its place": lambda folder, run: folder.write_text("x"),
    "no link to a run": lambda folder, run: folder.mkdir(mode=0o700),
    "others can enter it": lambda folder, run: make(folder, run, mode=0o755),
    "no numbers": lambda folder, run: make(folder, run, kept="a b"),
    "an endless time": lambda folder, run: make(folder, run, kept="nan 1"),
    "large": lambda folder, run: make(folder, run, kept="9" * 10**6),
}


def make(folder: Path, run_dir: Path, kept: str = "", mode: int = 0o700) -> None:
    folder.mkdir()
    (folder / "run").symlink_to(run_dir)
    (folder / "kernel.json").write_text("{}")
    (folder / "kept").write_text(kept or KEPT.format(now=time.time()))
    folder.chmod(mode)


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_folder_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str):
    monkeypatch.setattr(kernel_folders.socket_dir, "places", lambda: [str(tmp_path)])
    run_dir = tmp_path / "run"
    ODD[odd](tmp_path / "guild-nb-abcdefgh", run_dir)
    kernel_folders.look("")
    kernel_folders.of_run(str(run_dir))
    assert kernel_folders.end_oldest(str(run_dir)) == []


@pytest.mark.slow
def test_a_kernel_that_writes_goes_on_when_nobody_reads(project: Project):
    writes = (
        "import os, threading, time\n"
        "def write():\n"
        "    for number in range(10**6):\n"
        "        os.write(2, b'raw ' * 1000)\n"
        "        print('printed', number)\n"
        "        with open('written', 'ab') as file:\n"
        "            file.write(b'1')\n"
        "threading.Thread(target=write, daemon=True).start()\n"
        "1 / 0"
    )
    project.notebook("loud.ipynb", writes)
    run, folder = kept(project, "nb-report=none", notebook="loud.ipynb")

    def number() -> int:
        return (run.dir / "written").stat().st_size

    wait_for((run.dir / "written").exists)
    before = number()
    wait_for(lambda: number() > before + 1000)
    kernel_folders.end_of_run(str(run.dir))
    wait_for_end(project, folder)
