"""``dask:cluster`` on a cluster of real processes: a scheduler and workers on loopback, each worker
in a folder and with a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import guild_notebook
from guild_notebook.cluster import connection, queue, worker
from tests.helpers.clusters import (
    LONG,
    NEEDS_DASK,
    SHARED,
    Cluster,
    end,
    interrupt,
    processes_of,
    run_cluster,
    stage,
    start_cluster,
    status,
)
from tests.helpers.project import LIMIT, Run, start, wait_for

pytestmark = NEEDS_DASK


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers, one with a GPU, that tests leave as they found them."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start("plain")
        made.add("gpu", resources="GPU=1")
        made.wait_for_workers(2)
        yield made
    finally:
        made.stop()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose workers a test may kill; it has none yet."""
    made = Cluster(tmp_path / "cluster")
    try:
        yield made.start()
    finally:
        made.stop()


# ---- runs and what they leave


@SHARED
def test_trials_run_on_the_workers_and_are_as_if_they_had_run_here(project, cluster, shared):
    project.notebook(
        "train.ipynb",
        "lr = 0.1",
        "import os; print('home is', os.environ['HOME'])\nopen('model.txt', 'w').write(str(lr))",
        "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')",
        "print(f'loss: {lr * 2}')",
    )
    runs = stage(project, "train.ipynb", "lr=[0.1,0.2,0.3]", "--stage-trials")
    done = run_cluster(project, cluster, f"shared={shared}")
    assert done.returncode == 0, done.stdout
    assert "Runs that have ended: 3" in done.stdout
    for run, lr in zip(runs, (0.1, 0.2, 0.3)):
        assert status(project, run) == "completed"
        assert run.attr("exit_status") == 0
        assert re.search(r"home is .*/(plain|gpu)$", run.output, re.MULTILINE)
        assert (run.dir / "model.txt").read_text() == str(lr)
        assert f"lr = {lr}" in run.sources("train.ipynb")
        assert "lr = 0.1" in run.source("train.ipynb").decode()
        assert (run.dir / "train.html").exists() and (run.dir / "train_3_0.svg").exists()
        assert f"[{run.id[:8]}] loss: {lr * 2}" in done.stdout
        left = {path.name for path in (run.dir / ".guild").iterdir()}
        assert not left & {"LOCK", "LOCK.remote", "PENDING", "STAGED", "dask-cluster"}
        assert not [name for name in left if name.startswith("dask-")]
    compared = project.guild("compare", "--csv", "-", "--strict-cols", "=lr,loss")
    table = [line.split(",")[1:] for line in compared.stdout.splitlines()[1:]]
    assert sorted((float(lr), round(float(loss), 3)) for lr, loss in table) == [
        (0.1, 0.2),
        (0.2, 0.4),
        (0.3, 0.6),
    ]
    assert project.guild("ls", "--generated", "-n", runs[0].id).stdout.split() == [
        "model.txt",
        "train.html",
        "train.ipynb",
        "train_3_0.svg",
    ]


@LONG
def test_with_auto_the_worker_says_whether_it_sees_the_guild_home(project, cluster):
    project.notebook("nb.ipynb", "import os; print('in', os.getcwd())")
    (run,) = stage(project, "nb.ipynb", "--stage")
    assert run_cluster(project, cluster).returncode == 0
    assert f"in {run.dir}" in run.output


@LONG
def test_a_failing_notebook_is_an_error_with_its_notebook_saved(project, cluster):
    project.notebook("nb.ipynb", "print('kept')", "1 / 0")
    (run,) = stage(project, "nb.ipynb", "--stage")
    done = run_cluster(project, cluster, "shared=no")
    assert done.returncode == 0 and f"{run.id[:8]} error" in done.stdout
    assert run.attr("exit_status") == 1
    assert "failed with ZeroDivisionError" in run.output
    assert "kept" in json.dumps(run.notebook("nb.ipynb"))


@LONG
def test_what_a_run_depends_on_is_resolved_before_it_travels(project, cluster):
    project.notebook("prepare.ipynb", "open('data.txt', 'w').write('seven')")
    project.notebook("train.ipynb", "print('data:', open('data.txt').read())")
    project.guildfile(
        "prepare: {notebook: prepare.ipynb}\n"
        "train:\n  notebook: train.ipynb\n"
        "  requires: [{operation: prepare, select: data.txt, target-type: link}]\n"
    )
    prepared = project.run("prepare").run
    (run,) = stage(project, "train", "--stage")
    assert not (run.dir / "data.txt").exists()
    assert run_cluster(project, cluster, "shared=no").returncode == 0
    assert "data: seven" in run.output
    link = run.dir / "data.txt"
    assert link.is_symlink() and link.samefile(prepared.dir / "data.txt")


@LONG
def test_a_dependency_that_cannot_be_met_is_said_and_other_runs_go_on(project, cluster):
    project.notebook("prepare.ipynb", "1")
    project.notebook("train.ipynb", "1")
    project.guildfile(
        "prepare: {notebook: prepare.ipynb}\n"
        "train: {notebook: train.ipynb, requires: [{operation: prepare, select: data.txt}]}\n"
    )
    (train,) = stage(project, "train", "--stage")
    (prepare,) = stage(project, "prepare", "--stage")
    done = run_cluster(project, cluster, "shared=no")
    assert "a dependency was not met" in done.stdout
    assert "a dependency was not met" in train.output
    assert [status(project, run) for run in (train, prepare)] == ["error", "completed"]


@LONG
def test_a_staged_batch_travels_and_comes_back_with_its_trials(project, cluster):
    project.notebook("nb.ipynb", "x = 1", "print(f'y: {x}')")
    before = project.run_dirs()
    (batch,) = stage(project, "nb.ipynb", "x=[1,2]", "--stage")
    done = run_cluster(project, cluster, "shared=no")
    assert f"{batch.id[:8]} has ended and is deleted" in done.stdout  # Guild's way with batches
    assert not batch.dir.exists()
    trials = [Run(path) for path in project.run_dirs() - before]
    trials = [run for run in trials if "x" in run.flags]
    assert sorted(run.flags["x"] for run in trials) == [1, 2]
    assert all(run.attr("exit_status") == 0 for run in trials)


@LONG
def test_an_operation_with_steps_says_that_it_cannot_travel(project, cluster):
    project.notebook("nb.ipynb", "print('step')")
    project.guildfile("one: {notebook: nb.ipynb}\nall: {steps: [one]}\n")
    (run,) = stage(project, "all", "--stage")
    run_cluster(project, cluster, "shared=no")
    assert "an operation with steps cannot travel" in run.output
    assert status(project, run) == "error"
    (run,) = stage(project, "all", "--stage")
    run_cluster(project, cluster, "shared=yes")
    assert status(project, run) == "completed", run.output


@LONG
def test_other_operations_than_notebooks_run_as_well(project, cluster):
    project.file("script.py", "x = 1\nprint('script says', x)\n")
    (run,) = stage(project, "script.py", "x=5", "--stage")
    assert run_cluster(project, cluster, "shared=no").returncode == 0
    assert "script says 5" in run.output


# ---- resources


@LONG
def test_a_run_with_a_resource_tag_runs_where_the_resource_is(project, cluster):
    project.notebook("nb.ipynb", "x = 1", "import os; print('home is', os.environ['HOME'])")
    stage(project, "nb.ipynb", "x=[1,2,3]", "--stage-trials", "--tag", "dask:GPU=1")
    (never,) = stage(project, "nb.ipynb", "--stage", "--tag", "dask:TPU=1")
    runs = [Run(path) for path in project.run_dirs() if path != never.dir]
    done = run_cluster(project, cluster, "shared=no")
    on = [run for run in runs if run.attr("tags") == ["dask:GPU=1"]]
    assert len(on) == 3
    assert all(re.search("home is .*/gpu$", run.output, re.MULTILINE) for run in on)
    assert f"leaving {never.id[:8]} staged: no worker has TPU=1" in done.stdout
    assert status(project, never) == "staged"


# ---- while it runs


SLOW = "import time\nprint('begun', flush=True)\nfor i in range(600):\n    time.sleep(0.1)"


@SHARED
def test_a_run_is_running_its_output_is_followed_and_guild_stop_ends_it(project, cluster, shared):
    project.notebook("nb.ipynb", "print('kept')", SLOW)
    (run,) = stage(project, "nb.ipynb", "--stage")
    process = start_cluster(project, cluster, f"shared={shared}")
    try:
        output = run.dir / ".guild" / "output"
        wait_for(lambda: output.exists() and "begun" in output.read_text())
        assert (run.dir / ".guild" / "LOCK.remote").exists()
        assert status(project, run) == "running"
        assert processes_of(run)
        stopped = project.guild("stop", "-y", run.id)
        assert stopped.status == 0 and f"Stopping {run.id}" in stopped.stderr
        assert status(project, run) == "terminated"
        wait_for(lambda: not processes_of(run))
        assert "kept" in json.dumps(run.notebook("nb.ipynb"))
        assert process.poll() is None  # the dispatcher goes on
    finally:
        end(process)


@LONG
def test_guild_watch_follows_a_run_on_a_worker_to_its_end(project, cluster):
    project.notebook("nb.ipynb", "import time\nfor i in range(20):\n    print(i); time.sleep(0.2)")
    (run,) = stage(project, "nb.ipynb", "--stage")
    process = start_cluster(project, cluster, "shared=no")
    try:
        wait_for(lambda: status(project, run) == "running")
        watched = project.guild("watch", run.id)
        assert "19" in watched.stdout.split()
        assert "stopped with a status of 'completed'" in watched.stderr
    finally:
        end(process)


@LONG
def test_stopping_it_ends_what_runs_and_stages_the_rest_again(project, cluster):
    project.notebook("nb.ipynb", "x = 1", SLOW)
    runs = stage(project, "nb.ipynb", "x=[1,2,3,4,5]", "--stage-trials")
    process = start_cluster(project, cluster, "shared=no")
    wait_for(lambda: sum(status(project, run) == "running" for run in runs) == 2)
    end(process)
    assert process.returncode != 0
    states = [status(project, run) for run in runs]
    assert sorted(states) == ["staged"] * 3 + ["terminated"] * 2
    wait_for(lambda: not [p for run in runs for p in processes_of(run)])


@LONG
def test_with_on_stop_finish_it_waits_for_what_runs(project, cluster):
    gate = project.dir / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.1)"
    project.notebook("nb.ipynb", "x = 1", wait)
    runs = stage(project, "nb.ipynb", "x=[1,2,3,4,5]", "--stage-trials")
    process = start_cluster(project, cluster, "shared=no", "on-stop=finish")
    wait_for(lambda: sum(status(project, run) == "running" for run in runs) == 2)
    interrupt(process)
    wait_for(lambda: sum(status(project, run) == "staged" for run in runs) == 3)
    gate.touch()
    process.communicate(timeout=LIMIT)
    states = [status(project, run) for run in runs]
    assert sorted(states) == ["completed"] * 2 + ["staged"] * 3


@LONG
def test_killing_it_leaves_no_kernel_and_no_run_that_seems_to_run(project, cluster):
    project.notebook("nb.ipynb", "x = 1", SLOW)
    runs = stage(project, "nb.ipynb", "x=[1,2,3,4,5]", "--stage-trials")
    process = start_cluster(project, cluster, "shared=no")
    wait_for(lambda: sum(status(project, run) == "running" for run in runs) == 2)
    begun = [run for run in runs if status(project, run) == "running"]
    for child in psutil.Process(process.pid).children(recursive=True):
        if "guild_notebook.cluster" in child.cmdline():
            child.kill()
    process.communicate(timeout=LIMIT)
    wait_for(lambda: all(status(project, run) == "error" for run in begun))
    wait_for(lambda: not [p for run in runs for p in processes_of(run)])  # after the lease
    process = start_cluster(project, cluster, "shared=no")
    wait_for(lambda: all("had this run was killed" in run.output for run in begun))
    interrupt(process)  # before those that it has staged again have ended
    process.communicate(timeout=LIMIT)
    assert {status(project, run) for run in runs if run not in begun} <= {"staged", "terminated"}


# ---- a worker dies


@LONG
@SHARED
def test_a_run_whose_worker_dies_is_an_error_that_says_so(project, own_cluster, shared):
    own_cluster.add("doomed")
    project.notebook("nb.ipynb", SLOW)
    (run,) = stage(project, "nb.ipynb", "--stage")
    process = start_cluster(project, own_cluster, f"shared={shared}", "run-once=yes")
    output = run.dir / ".guild" / "output"
    wait_for(lambda: output.exists() and "begun" in output.read_text())
    own_cluster.kill("doomed")
    own_cluster.add("other")  # dask itself would run the task again
    said = process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 0
    assert re.search(rf"{run.id[:8]} error: worker tcp://\S+ died while it had the run", said)
    assert "died while it had the run" in run.output and "begun" in run.output
    assert run.output.count("begun") == 1
    assert status(project, run) == "error"
    wait_for(lambda: not processes_of(run))


@pytest.mark.parametrize(
    "count", [pytest.param(3, marks=pytest.mark.slow), pytest.param(24, marks=LONG)]
)
def test_a_run_whose_worker_dies_starts_anew_when_asked_and_none_twice(project, own_cluster, count):
    """Two workers, one is killed: none of the trials is lost, none is run twice."""
    own_cluster.add("one")
    own_cluster.add("two")
    own_cluster.wait_for_workers(2)
    log, gate = project.dir / "log", project.dir / "gate"
    project.notebook(
        "nb.ipynb",
        "x = 1",
        "import os, time\nwhere = os.path.basename(os.environ['HOME'])\n"
        f"open({str(log)!r}, 'a').write(f'{{x}} begins on {{where}}\\n')\n"
        f"while not os.path.exists({str(gate)!r}):\n    time.sleep(0.05)",
        f"open({str(log)!r}, 'a').write(f'{{x}} ends\\n')\nprint(f'y: {{x}}')",
    )
    runs = stage(project, "nb.ipynb", f"x={list(range(count))}", "--stage-trials")
    process = start_cluster(project, own_cluster, "shared=no", "run-once=yes", "retries=1")
    wait_for(lambda: log.exists() and log.read_text().count("begins") == 2)  # one on each
    own_cluster.kill("two")
    begun = re.search(r"(\d+) begins on two", log.read_text()).group(1)
    doomed = next(run for run in runs if run.flags["x"] == int(begun))
    wait_for(lambda: not processes_of(doomed))  # its kernel is not to get through the gate
    gate.touch()
    said = process.communicate(timeout=LIMIT)[0]
    assert [status(project, run) for run in runs] == ["completed"] * count, said
    lines = log.read_text().splitlines()
    assert sorted(line for line in lines if line.endswith("ends")) == sorted(
        f"{x} ends" for x in range(count)
    )
    assert f"{doomed.id[:8]} starts anew" in said and said.count("starts anew") == 1
    begins = [line.split()[0] for line in lines if "begins" in line]
    assert sorted(begins) == sorted([*map(str, range(count)), begun])
    assert all(run.output.count(f"y: {run.flags['x']}\n") == 1 for run in runs)


# ---- a background task fails

FAULT = """
import asyncio, os, psutil
if "guild_notebook.cluster" in psutil.Process().cmdline():
    from guild_notebook.cluster.{module} import {name}
    original = {name}.{method}
    def fail(self, *args):
        if os.path.exists({gate!r}):
            raise RuntimeError("a fault\\nof two lines")
        return original(self, *args)
    async def fail_when_awaited(self, *args):
        return await fail(self, *args)
    is_async = asyncio.iscoroutinefunction(original)
    {name}.{method} = fail_when_awaited if is_async else fail
"""


@pytest.mark.parametrize(
    ("module", "name", "method"),
    [
        pytest.param("connection", "ClusterConnection", "update_workers", marks=pytest.mark.slow),
        pytest.param("dispatch", "Dispatcher", "_poll", marks=LONG),
        pytest.param("dispatch", "Dispatcher", "_stop_run", marks=LONG),
    ],
)
def test_a_background_task_that_fails_stops_the_operation(
    project, cluster, tmp_path, module, name, method
):
    """The runs are as after a stop, and the fault is one line."""
    gate = tmp_path / "gate"
    project.notebook("nb.ipynb", "x = 1", SLOW)
    runs = stage(project, "nb.ipynb", "x=[1,2,3,4,5]", "--stage-trials")
    site = tmp_path / "site"
    site.mkdir()
    fault = FAULT.format(module=module, name=name, method=method, gate=str(gate))
    (site / "sitecustomize.py").write_text(fault)
    project.env["PYTHONPATH"] = str(site)
    process = start_cluster(project, cluster, "shared=no")
    wait_for(lambda: sum(status(project, run) == "running" for run in runs) == 2)
    gate.touch()
    if method == "_stop_run":  # called where RunState hears of a guild stop
        project.guild("stop", "-y", next(r.id for r in runs if status(project, r) == "running"))
    said = process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 1
    assert said.count("RuntimeError") == 1 and 'File "' not in said  # no traceback of ours
    line = "dask:cluster was ended by an error of this package: RuntimeError: a fault of two lines"
    assert f"guild-notebook: {line}\n" in said
    states = [status(project, run) for run in runs]
    assert sorted(states) == ["staged"] * 3 + ["terminated"] * 2
    wait_for(lambda: not [p for run in runs for p in processes_of(run)])


# ---- beside others


@LONG
def test_two_dispatchers_and_a_queue_share_the_runs_and_none_runs_twice(project, cluster):
    log = project.dir / "log"
    project.notebook("nb.ipynb", "x = 1", f"open({str(log)!r}, 'a').write(f'{{x}}\\n')")
    runs = stage(project, "nb.ipynb", f"x={list(range(8))}", "--stage-trials")
    dispatchers = [start_cluster(project, cluster, "run-once=yes") for _ in range(2)]
    guild_queue = start(project, "run", "-y", "queue", "run-once=yes")
    for process in (*dispatchers, guild_queue):
        process.communicate(timeout=LIMIT)
    assert [status(project, run) for run in runs] == ["completed"] * 8
    assert sorted(log.read_text().split(), key=int) == [str(x) for x in range(8)]


# ---- what a user can get wrong


def test_a_worker_of_another_release_or_without_the_package_is_not_fit():
    assert connection.version_error(guild_notebook.__version__) == ""
    assert "install the same on both" in connection.version_error("0.0.9")
    assert "has no guild-notebook - install it there" in connection.version_error("")


@LONG
def test_a_cluster_whose_workers_lack_the_package_is_one_line(project, own_cluster):
    """A worker whose Python does not show that the package is installed."""
    own_cluster.folder.joinpath("sitecustomize.py").write_text(
        "import importlib.metadata as m\nreal = m.version\n"
        "def version(name):\n"
        "    if name == 'guild_notebook': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
    )
    path = f"PYTHONPATH={own_cluster.folder}"
    own_cluster.add("bare", inside=("env", path))
    own_cluster.wait_for_workers(1)
    done = run_cluster(project, own_cluster)
    assert done.returncode == 1
    assert re.search(
        r"guild-notebook: worker tcp://\S+ has no guild-notebook - install", done.stdout
    )


@pytest.mark.parametrize(
    "text, found",
    [
        ("GPU=1", {"GPU": 1.0}),
        ("GPU=1 MEM=5e9", {"GPU": 1.0, "MEM": 5e9}),
        ("", {}),
        ("GPU", None),
        ("GPU=many", None),
        ("GPU=yes", None),
    ],
)
def test_resources_are_names_with_quantities(text, found):
    if found is None:
        with pytest.raises(ValueError, match="is not NAME=QUANTITY"):
            queue.parse_resources(text)
    else:
        assert queue.parse_resources(text) == found


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts descriptors in Linux's /proc"
)
def test_a_run_whose_process_cannot_be_started_leaves_a_worker_no_descriptors(
    tmp_path, monkeypatch
):
    def popen(*_args, **_options):
        raise OSError("no memory")

    monkeypatch.setattr(worker.subprocess, "Popen", popen)
    run = worker.WorkerRun("attempt", str(tmp_path))
    run.start("run", str(tmp_path))
    before = os.listdir("/proc/self/fd")
    assert run.execute() == {"state": "error", "why": "no memory"}
    assert len(os.listdir("/proc/self/fd")) == len(before)
    run.remove()


def test_a_worker_may_have_more_descriptors_than_select_takes(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip("a process may not have so many descriptors here")
    with contextlib.ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.enter_context(open(os.devnull))
        run = worker.WorkerRun("attempt", str(tmp_path))
        run.start("0" * 32, str(tmp_path))
        result = run.execute()
        run.remove()
    assert result["state"] == "ended", result
    assert "Traceback" not in result["log"], result["log"]


def test_a_cluster_that_does_not_answer_is_one_line(project):
    project.env["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "500ms"
    done = project.guild("run", "-y", "dask:cluster", "address=tcp://127.0.0.1:1")
    assert done.status == 1
    assert len(done.stderr.splitlines()) == 1
    assert "guild-notebook: no cluster tcp://127.0.0.1:1" in done.stderr


def test_a_scheduler_file_that_does_not_exist_is_one_line(project):
    done = project.guild("run", "-y", "dask:cluster", "scheduler-file=nope.json")
    assert (done.status, done.stderr) == (
        1,
        "guild-notebook: scheduler-file nope.json does not exist - start the scheduler first\n",
    )


def test_without_dask_the_operation_says_so_in_one_line(project):
    project.file("sitecustomize.py", "import sys; sys.modules['distributed'] = None\n")
    done = project.guild("run", "-y", "dask:cluster", PYTHONPATH=str(project.dir))
    assert done.status == 1 and not done.run_dirs
    assert done.stderr == "guild: dask:cluster needs dask - pip install 'guild-notebook[dask]'\n"


def test_guild_shows_the_flags_and_leaves_dask_scheduler_alone(project):
    shown = project.guild("run", "dask:cluster", "--help-op")
    for flag in ("address", "scheduler-file", "shared", "retries", "on-stop", "run-once"):
        assert re.search(rf"^  {flag} ", shown.stdout, re.MULTILINE)
    guilds = project.guild("run", "dask:scheduler", "--print-cmd", "-y")
    assert "guild.plugins.dask_scheduler_main" in guilds.stdout


@LONG
def test_a_cluster_of_its_own_serves_where_none_is_named(project):
    project.notebook("nb.ipynb", "print('done')")
    (run,) = stage(project, "nb.ipynb", "--stage")
    done = project.guild("run", "-y", "dask:cluster", "run-once=yes", "workers=1")
    assert done.status == 0, done.stderr
    assert status(project, run) == "completed"
