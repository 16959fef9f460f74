"""Sweeps of all kinds that share cells (``nb-fork``), and each way in which one ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.helpers.clusters import NEEDS_DASK, Cluster, run_cluster, stage
from tests.helpers.free_memory import skip_where_half_is_taken
from tests.helpers.project import Project, Run, new_project, start, wait_for
from tests.helpers.slow import but_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")

MARK = "FORK_TEST_MARK"

END_SECONDS = 120.0

SHARED = """\
import pathlib, time
folder = pathlib.Path({folder!r})
while (folder / "hold shared").exists():
    time.sleep(0.05)
"""

TRIAL = """\
# Measure
import contextlib
import os
(folder / f"trial {lr}").write_text(str(os.getpid()))
while (folder / "hold trial").exists():
    time.sleep(0.05)
assert lr != 0.3, "too odd"
print("loss:", lr * depth)
"""

SECOND = """\
while (folder / "hold second").exists():
    time.sleep(0.05)
time.sleep(0.6)
data = sorted([depth] * 3)
"""

GUILD_FILE = """
tree:
  notebook: tree.ipynb
  flags-import: all
  nb-report: none
  nb-fork: yes
train:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
  nb-fork: yes
refused:
  notebook: refused.ipynb
  flags-import: all
  nb-report: none
  nb-fork: yes
required:
  notebook: required.ipynb
  flags-import: all
  nb-report: none
  nb-fork: yes
  requires: {file: "no${name}.txt", rename: "no.*.txt data.txt"}
config:
  notebook: required.ipynb
  flags-import: all
  nb-report: none
  nb-fork: yes
  requires: {config: data.txt.yml, rename: "data.txt.yml data.txt"}
"""

REFUSED = "nb-fork: the trials run in fresh kernels: "


@dataclass
class Sweeps:
    """A project whose processes have the ``mark`` in their environment. Cells wait while there is a
    file ``hold …`` in ``folder``, where trials have written that they go on. Sockets are below
    ``sockets``."""

    project: Project
    mark: str
    folder: Path
    sockets: Path

    def run(self, *args: str, operation: str = "train") -> list[Run]:
        """``guild run OPERATION ARGS``: the trials."""
        return self.project.run(operation, *args).trials

    def left(self) -> list[str]:
        """What is there of processes and folders."""
        found = []
        for path in self.sockets.glob("guild-nb-*"):
            with contextlib.suppress(FileNotFoundError):  # it has just been removed
                found.append(str([path, *os.listdir(path)]))
        text = f"{MARK}={self.mark}".encode()
        for process in psutil.process_iter():
            try:
                environ = Path(f"/proc/{process.pid}/environ").read_bytes()
                if text in environ and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except (OSError, psutil.Error):
                continue
        return found

    def check_nothing_is_left(self) -> None:
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.left(), END_SECONDS)
        assert self.left() == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweeps]:
    place = tmp_path_factory.mktemp("sweeps")
    (place / "folder").mkdir()
    sockets = Path(tempfile.mkdtemp(prefix="forks-", dir="/tmp"))  # a short path
    mark = uuid.uuid4().hex
    project = new_project(place)
    project.env.update({MARK: mark, "TMPDIR": str(sockets)})
    folder = place / "folder"
    project.notebook("train.ipynb", SHARED.format(folder=str(folder)), "lr = 0.1\ndepth = 2", TRIAL)
    tree = SHARED.format(folder=str(folder)), "lr = 0.1\ndepth = 2", SECOND, TRIAL
    project.notebook("tree.ipynb", *tree)
    folder_cell = f"import pathlib, time\nfolder = pathlib.Path({str(folder)!r})"
    project.notebook("refused.ipynb", "lr = 0.1\ndepth = 2\nprint(lr)", folder_cell, TRIAL)
    project.guildfile(GUILD_FILE)
    project.file("trials.csv", "lr,depth\n0.5,1\n0.4,2\n")
    yield Sweeps(project, mark, folder, sockets)
    shutil.rmtree(sockets)


@pytest.fixture
def sweeps(made: Sweeps) -> Iterator[Sweeps]:
    """The same with nothing held, and nothing left afterwards."""
    for path in made.folder.iterdir():
        path.unlink()
    yield made
    made.check_nothing_is_left()


def prefixes(runs: list[Run]) -> set[str | None]:
    """The processes that have executed the shared cells of ``runs``."""
    return {(run.attr("shared_cells") or {}).get("prefix") for run in runs}


def check_shared(runs: list[Run], number: int) -> None:
    """That ``runs`` are so many trials that have completed, and share one process."""
    assert len(runs) == number
    (prefix,) = prefixes(runs)
    assert prefix
    for run in runs:
        assert run.attr("exit_status") == 0, run.output
        assert f"loss: {run.flags['lr'] * run.flags['depth']}" in run.output
        assert run.attr("shared_cells")["seconds"].keys() == {0}


GRID = ["lr=[0.1,0.2]", "depth=[1,2]"]
OPTIMIZER = ["lr=[0.1:0.2]", "depth=[1,2]", "--max-trials", "3", "-o"]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        pytest.param(arguments, number, id=name, marks=[] if name == "grid" else pytest.mark.slow)
        for name, number, arguments in [
            ("grid", 4, GRID),
            ("list", 3, ["lr=[0.1,0.2,0.4]"]),
            ("list, three at once", 3, ["lr=[0.1,0.2,0.4]", "nb-jobs=3"]),
            ("gp, two at once", 3, [*OPTIMIZER, "gp", "nb-jobs=2"]),
            ("batch file", 2, ["@trials.csv"]),
            ("random", 3, [*OPTIMIZER, "random"]),
            ("gp", 3, [*OPTIMIZER, "gp"]),
            ("forest", 3, [*OPTIMIZER, "forest"]),
            ("gbrt", 3, [*OPTIMIZER, "gbrt"]),
        ]
    ],
)
def test_the_trials_of_a_sweep_share_one_execution(
    sweeps: Sweeps, arguments: list[str], number: int
):
    check_shared(sweeps.run(*arguments), number)


@pytest.mark.slow
def test_a_batch_that_is_restarted_shares_anew_and_a_trial_alone_runs_fresh(sweeps: Sweeps):
    project = sweeps.project
    done = project.run("train", "lr=[0.1,0.2]", "--keep-batch")
    (batch,) = [run for run in done.runs if run.is_batch]
    first = prefixes(done.trials)
    again = project.guild("run", "-y", "--restart", batch.id)
    assert again.status == 0, again.stderr
    check_shared(again.runs, 2)
    assert not prefixes(again.runs) & first
    trial = again.runs[0]
    alone = project.guild("run", "-y", "--restart", trial.id)
    assert alone.status == 0, alone.stderr
    assert trial.attr("shared_cells") is None
    assert "nb-fork" not in alone.stdout + alone.stderr + trial.output
    assert trial.attr("exit_status") == 0


@pytest.mark.slow
def test_of_two_queues_each_has_one_execution(sweeps: Sweeps):
    staged = stage(sweeps.project, "train", "lr=[0.1,0.2,0.4,0.5]", "--stage-trials")
    (sweeps.folder / "hold trial").touch()
    queues = [start(sweeps.project, "run", "-y", "queue", "run-once=yes") for _ in range(2)]
    wait_for(lambda: len(list(sweeps.folder.glob("trial *"))) == 2)
    (sweeps.folder / "hold trial").unlink()
    for queue in queues:
        said = queue.communicate(timeout=120)[0]
        assert queue.returncode == 0, said
    assert len(prefixes(staged)) == 2
    for run in staged:
        check_shared([run], 1)


@pytest.mark.slow
def test_what_a_queue_cannot_share_of_one_batch_says_nothing_of_the_next(sweeps: Sweeps):
    refused = stage(sweeps.project, "refused", "lr=[0.1,0.2]", "--stage-trials")
    shared = stage(sweeps.project, "train", "lr=[0.1,0.2]", "--stage-trials")
    queue = sweeps.project.run("queue", "run-once=yes")
    assert queue.stdout.count(REFUSED) + queue.stderr.count(REFUSED) == 1
    assert prefixes(refused) == {None}
    check_shared(shared, 2)


@pytest.mark.slow
def test_a_queue_that_waits_holds_no_process_and_one_that_is_stopped_leaves_nothing(
    sweeps: Sweeps,
):
    first = stage(sweeps.project, "train", "lr=[0.1,0.2]", "--stage-trials")
    queue = start(sweeps.project, "run", "-y", "queue", "poll-interval=1", start_new_session=True)
    wait_for(lambda: all(run.attr("exit_status") == 0 for run in first))
    wait_for(lambda: not any("prefix.py" in what for what in sweeps.left()))
    assert queue.poll() is None
    check_shared(first, 2)
    (sweeps.folder / "hold trial").touch()
    stage(sweeps.project, "train", "lr=[0.4,0.5]", "--stage-trials")
    wait_for((sweeps.folder / "trial 0.4").exists)
    assert any("prefix.py" in what for what in sweeps.left())
    os.killpg(queue.pid, signal.SIGINT)
    queue.communicate(timeout=120)
    sweeps.check_nothing_is_left()
    sweeps.project.guild("runs", "rm", "-y", "--staged")


@NEEDS_DASK
@pytest.mark.slow
def test_each_worker_of_a_cluster_has_one_execution_of_a_batch(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TMPDIR", str(sweeps.sockets))
    monkeypatch.setenv(MARK, sweeps.mark)
    staged = stage(sweeps.project, "train", "lr=[0.1,0.2,0.4,0.5]", "--stage-trials")
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.start("one", "other", threads=2)
        for shared in ("yes", "no"):
            done = run_cluster(sweeps.project, cluster, f"shared={shared}")
            assert done.returncode == 0, done.stdout
            by_worker = {run.attr("dask_worker") for run in staged}
            assert None not in prefixes(staged)
            assert len(prefixes(staged)) == len(by_worker)
            for run in staged:
                check_shared([run], 1)
            staged = stage(sweeps.project, "train", "lr=[0.7,0.8,0.9]", "--stage-trials")
    finally:
        cluster.stop()
        sweeps.project.guild("runs", "rm", "-y", "--staged")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["grid", "queue", "side by side"])
def test_trials_of_one_value_share_one_more_execution(sweeps: Sweeps, way: str):
    skip_where_half_is_taken()
    if way == "queue":
        rows = "".join(f"0.{lr},{depth}\n" for lr in (1, 2) for depth in (1, 2))
        sweeps.project.file("mixed.csv", f"lr,depth\n{rows}")
        runs = stage(sweeps.project, "tree", "@mixed.csv", "--stage-trials")
        sweeps.project.run("queue", "run-once=yes")
    else:
        jobs = 3 if way == "side by side" else 1
        runs = sweeps.run(*GRID, f"nb-jobs={jobs}", operation="tree")
    assert len(runs) == 4
    assert len(prefixes(runs)) == 1
    for run in runs:
        assert run.attr("exit_status") == 0, run.output
        assert run.attr("shared_cells")["seconds"].keys() == {0, 1, 2}
    of = [run.attr("shared_cells")["second"]["prefix"] for run in runs]
    assert len({*of}) == 2


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["guard", "process"])
def test_a_second_process_that_is_killed_leaves_its_trial_and_is_not_missed(
    sweeps: Sweeps, killed: str
):
    (sweeps.folder / "hold trial").touch()
    arguments = ["tree", *GRID]
    guild = start(sweeps.project, "run", "-y", *arguments)
    measured = sweeps.folder / "trial 0.1"
    wait_for(lambda: measured.exists() and measured.read_text())
    kernel = psutil.Process(int(measured.read_text()))
    process = kernel.parent().parent()
    assert "prefix.py" in " ".join(process.cmdline())
    (process.parent() if killed == "guard" else process).kill()
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    (sweeps.folder / "hold trial").unlink()
    said = guild.communicate(timeout=120)[0]
    assert guild.returncode == 0, said
    assert "4 completed" in said
    assert "the process that has executed them has ended" in said


# ---- how a batch ends


def batch_of(guild: psutil.Process) -> psutil.Process:
    """The process of the batch."""
    for child in guild.children(recursive=True):
        if "guild_notebook.optimizers.batch" in child.cmdline():
            return child
    raise AssertionError("there is no batch")


ENDS: dict[str, Callable[[psutil.Process, Sweeps], object]] = {
    "Ctrl-C": lambda guild, _: os.killpg(guild.pid, signal.SIGINT),
    "SIGTERM of the batch": lambda guild, _: batch_of(guild).terminate(),
    "SIGKILL of the batch": lambda guild, _: batch_of(guild).kill(),
    "SIGTERM of Guild": lambda guild, _: guild.terminate(),
    "SIGKILL of Guild": lambda guild, _: guild.kill(),
    "guild stop": lambda _, sweeps: sweeps.project.guild("stop", "-y"),
}


@pytest.mark.parametrize("jobs", but_slow([1, 2], 1))
@pytest.mark.parametrize("during", but_slow(["shared", "trial", "second", "trial of second"]))
@pytest.mark.parametrize("end", ENDS)
def test_however_a_sweep_is_ended_no_process_and_no_folder_is_left(
    sweeps: Sweeps, end: str, during: str, jobs: int
):
    (sweeps.folder / f"hold {during.split()[0]}").touch()
    arguments = ["tree", *GRID]
    if "second" not in during:
        arguments = ["train", "lr=[0.1,0.2,0.4]"]
    arguments.append(f"nb-jobs={jobs}")
    guild = start(sweeps.project, "run", "-y", *arguments, start_new_session=True)
    if during == "second":
        wait_for(lambda: list(sweeps.sockets.glob("guild-nb-*/p*-*")))
        time.sleep(1)  # the cell has begun
    elif during == "shared":
        wait_for(lambda: list(sweeps.sockets.glob("guild-nb-*/p")))
        time.sleep(1)  # the cell has begun, and cannot say so
    else:
        wait_for(lambda: list(sweeps.folder.glob("trial *")))
    assert any("guild-nb-" in name for name in sweeps.left())
    ENDS[end](psutil.Process(guild.pid), sweeps)
    guild.communicate(timeout=120)
    sweeps.check_nothing_is_left()


@pytest.mark.slow
def test_a_sweep_that_is_stopped_in_verify_says_only_that_and_ends_the_fresh_kernel(
    sweeps: Sweeps,
):
    before = sweeps.project.run_dirs()
    arguments = ("train", "lr=[0.1,0.2]", "nb-fork=verify", "nb-trials=full")
    (sweeps.folder / "hold trial").touch()
    guild = start(sweeps.project, "run", "-y", *arguments, start_new_session=True)
    measured = sweeps.folder / "trial 0.1"
    wait_for(lambda: measured.exists() and measured.read_text())
    forked = measured.read_text()
    (sweeps.folder / "hold trial").unlink()
    wait_for(lambda: len(sweeps.project.run_dirs() - before) >= 4)
    (sweeps.folder / "hold trial").touch()
    wait_for(lambda: measured.read_text() not in ("", forked))
    os.killpg(guild.pid, signal.SIGINT)
    said = guild.communicate(timeout=120)[0]
    wait_for(lambda: not psutil.pid_exists(int(measured.read_text())))
    assert "1 of 2 trials" in said
    assert "verify: " not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "read"), [("required", ["a", "b"]), ("config", ["name: a", "name: b"])]
)
def test_trials_whose_files_depend_on_a_flag_read_their_own(
    sweeps: Sweeps, operation: str, read: list[str]
):
    project = sweeps.project
    cells = "print(open('data.txt').read())", 'name = "c"', "print(name)"
    project.notebook("required.ipynb", *cells)
    for name in "ab":
        project.file(f"no{name}.txt", name)
    project.file("data.txt.yml", "name: c\n")
    done = project.run(operation, "name=[a,b]")
    runs = done.trials
    assert prefixes(runs) == {None}
    assert (done.stdout + done.stderr).count(f"{REFUSED}the files that each trial requires") == 1
    for run, text in zip(sorted(runs, key=lambda run: run.flags["name"]), read):
        assert text in run.output.splitlines()


@pytest.mark.slow
def test_a_sweep_that_shares_nothing_says_so_once_and_leaves_nothing_when_it_is_killed(
    sweeps: Sweeps,
):
    table = sweeps.project.run("refused", "lr=[0.1,0.2]", "nb-trials=table")
    full = sweeps.project.run("refused", "lr=[0.1,0.2]")
    for done in (table, full):
        assert (done.stdout + done.stderr).count(REFUSED) == 1
    (sweeps.folder / "trial 0.1").unlink()
    (sweeps.folder / "hold trial").touch()
    guild = start(sweeps.project, "run", "-y", "refused", "lr=[0.1,0.2]", start_new_session=True)
    wait_for((sweeps.folder / "trial 0.1").exists)
    batch_of(psutil.Process(guild.pid)).kill()
    guild.communicate(timeout=120)
    sweeps.check_nothing_is_left()


@pytest.mark.slow
def test_a_trial_that_fails_leaves_the_others_as_they_are(sweeps: Sweeps):
    done = sweeps.project.guild("run", "-y", "train", "lr=[0.1,0.3,0.2]")
    trials = done.trials
    assert [run.attr("exit_status") for run in trials] == [0, 1, 0]
    assert len(prefixes(trials)) == 1
    assert None not in prefixes(trials)
    assert "AssertionError: too odd" in trials[1].output


@pytest.mark.slow
def test_a_kernel_that_is_killed_ends_its_trial_alone(sweeps: Sweeps):
    trials = trials_of_killed(sweeps, lambda kernel: kernel)
    assert [run.attr("exit_status") for run in trials] == [1, 0, 0]
    assert len(prefixes(trials)) == 1
    assert None not in prefixes(trials)


@pytest.mark.slow
def test_a_run_that_is_killed_ends_its_kernel_and_no_other_trial(sweeps: Sweeps):
    kernels = []

    def runner(kernel: psutil.Process) -> psutil.Process:
        kernels.append(kernel)
        batch = kernel.parent().parent().parent().parent()  # supervisor, process, guard, batch
        (running,) = [p for p in batch.children() if runs_of(p, sweeps)]
        return running

    trials = trials_of_killed(sweeps, runner)
    assert not kernels[0].is_running()
    assert [run.attr("exit_status") for run in trials] == [-9, 0, 0]
    assert None not in prefixes(trials[1:])


def runs_of(process: psutil.Process, sweeps: Sweeps) -> bool:
    """Whether a process is that of a trial which runs, and not of one which waits."""
    locks = sweeps.project.home.glob("runs/*/.guild/LOCK")
    return str(process.pid) in {lock.read_text() for lock in locks}


@pytest.mark.slow
def test_where_what_is_shared_is_killed_its_trial_goes_on_and_the_next_are_fresh(sweeps: Sweeps):
    trials = trials_of_killed(sweeps, lambda kernel: kernel.parent().parent())
    assert [run.attr("exit_status") for run in trials] == [0, 0, 0]
    assert [run.attr("shared_cells") is None for run in trials] == [False, True, True]
    said = "run in fresh kernels: the process that executes the shared cells has ended"
    assert [said in run.output for run in trials] == [False, True, False]


def trials_of_killed(
    sweeps: Sweeps, killed: Callable[[psutil.Process], psutil.Process]
) -> list[Run]:
    """Three trials; while the first runs, a process is killed, which is found by its kernel."""
    (sweeps.folder / "hold trial").touch()
    before = sweeps.project.run_dirs()
    guild = start(sweeps.project, "run", "-y", "train", "lr=[0.1,0.2,0.4]")
    wait_for(lambda: any(path.read_text() for path in sweeps.folder.glob("trial *")))
    (kernel,) = sweeps.folder.glob("trial *")
    killed(psutil.Process(int(kernel.read_text()))).kill()
    (sweeps.folder / "hold trial").unlink()
    guild.communicate(timeout=120)
    made = [Run(path) for path in sweeps.project.run_dirs() - before]
    trials = [run for run in made if not run.is_batch]
    return sorted(trials, key=lambda run: run.flags["lr"])
