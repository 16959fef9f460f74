"""The process of a batch's next trial is there while a trial runs, and nobody can tell from it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from guild_notebook import one_pipe
from guild_notebook import start as start_of_process
from guild_notebook.optimizers import next_trial
from guild_notebook.run.kernel import launcher
from tests.helpers import runner
from tests.helpers.causes import linux, of_home, started_run
from tests.helpers.project import LIMIT, Project, Run, start, wait_for
from tests.helpers.slow import but_slow

TELL = """\
lr = 0.1
import json, os, psutil, subprocess, sys, time
runner = psutil.Process(os.getppid()).parent()
batch = runner.parent()
def count_kernels():
    try:
        return sum("launcher.py" in " ".join(p.cmdline()) for p in batch.children(recursive=True))
    except psutil.Error:  # one has ended
        return 0
while "optimizers" in " ".join(batch.cmdline()) and lr < 0.3 and count_kernels() < 2:
    time.sleep(0.05)
with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
    now = psutil.Process(process.pid).create_time()  # by the clock of the other times
    process.communicate(b"\\n")
told = {name: value for name, value in os.environ.items() if "FLAG" in name or "RUN" in name}
told.update(cwd=os.getcwd(), pid=runner.pid, since=runner.create_time(), now=now)
told.update(of=runner.environ(), kernel_since=psutil.Process().create_time())
told.update(of_kernel=psutil.Process().environ(), argv=sys.argv, packages=sorted(sys.modules))
with open("told.json", "w") as file:
    json.dump(told, file)
print("loss:", lr)
"""


def batch_of(project: Project) -> psutil.Process | None:
    found = of_home(project)
    return next((p for p in found if "guild_notebook.optimizers." in str(cmdline_of(p))), None)


def cmdline_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(scope="module")
def trials(shared: Project) -> list[Run]:
    """A single run and three trials of a sweep, with the same flags in the first of them."""
    shared.notebook("tell.ipynb", TELL)
    shared.without_reports("tell.ipynb")
    (single,) = shared.run("tell.ipynb", "lr=0.1").runs
    sweep = shared.run("tell.ipynb", "lr=[0.1,0.2,0.3]").runs
    found = [run for run in sweep if not run.is_batch]
    return [single, *sorted(found, key=lambda run: run.flags["lr"])]


def told(run: Run) -> Any:
    return json.loads((run.dir / "told.json").read_text())


@linux
def test_the_process_of_a_further_trial_is_started_while_the_one_before_runs(trials: list[Run]):
    _single, first, second, third = map(told, trials)
    assert first["since"] < second["since"] < first["now"]
    assert second["since"] < third["since"] < second["now"]
    assert second["kernel_since"] < first["now"] and third["kernel_since"] < second["now"]


def test_each_trial_has_its_own_values_folder_and_process(trials: list[Run]):
    for run, value in zip(trials, ("0.1", "0.1", "0.2", "0.3")):
        assert told(run)["FLAG_LR"] == value
        assert told(run)["RUN_ID"] == run.id
        assert told(run)["RUN_DIR"] == told(run)["cwd"] == str(run.dir)
        assert run.output.splitlines()[-1] == f"loss: {value}" or f"loss: {value}" in run.output
    assert len({told(run)["pid"] for run in trials}) == 4
    assert trials[3].attr("started") > trials[2].attr("stopped")


def test_a_trial_writes_both_streams_to_one_pipe_as_a_single_run_does(trials: list[Run]):
    assert [told(run)["of"].get(one_pipe.VARIABLE) for run in trials] == ["1"] * 4


def test_nothing_in_a_trial_shows_that_its_process_was_early(trials: list[Run]):
    variables = set(told(trials[1])["of"])
    assert start_of_process.WAITS not in variables
    assert set(told(trials[2])["of_kernel"]) == set(told(trials[1])["of_kernel"])
    assert set(told(trials[2])["packages"]) == set(told(trials[1])["packages"])
    assert start_of_process.WAITS not in str(trials[2].attr("env"))


def test_the_record_of_a_trial_is_that_of_a_single_run(trials: list[Run]):
    def files(run: Run) -> list[str]:
        paths = [str(path.relative_to(run.dir)) for path in run.dir.rglob("*") if path.is_file()]
        return sorted(re.sub(r"tfevents\..*", "tfevents", path) for path in paths)

    def record(run: Run) -> dict[str, Any]:
        of_run = {"id", "started", "stopped", "initialized", "label", "random_seed", "run_params"}
        names = {path.name for path in (run.dir / ".guild/attrs").iterdir()} - of_run
        values = {name: run.attr(name) for name in names}
        values["op"]["flags-extra"]["lr"].pop("nb-varies", None)  # for the label of a trial
        for name in ("RUN_ID", "RUN_DIR", "CMD_DIR", "NO_OP_INTERRUPTED_MSG"):
            values["env"].pop(name, None)
        text = yaml.safe_dump(run.notebook("tell.ipynb"))
        text = re.sub(r"\d{4}-\d\d-\d\dT[^'\n]*|(?<=kernel: )\d+", "TIME", text)
        text = re.sub(r"\n *(seconds|cpu_seconds|total): .*", "", text)  # measured
        return {**values, "files": files(run), "notebook": text, "manifest": run.manifest}

    single, first, second, _third = map(record, trials)
    assert first == single | {"user_flags": first["user_flags"]}
    assert second["files"] == first["files"] and second["manifest"] == first["manifest"]
    assert second["notebook"] == first["notebook"].replace("0.1", "0.2")
    assert second["env"] == {**first["env"], "FLAG_LR": "0.2"}


WAIT = """\
lr = 1
import os, time
print("started", flush=True)
while not os.path.exists(os.path.join(os.environ["PROJECT_DIR"], "go")):
    time.sleep(0.05)
"""


def kernels_of(project: Project) -> list[psutil.Process]:
    return [process for process in of_home(project) if launcher.__file__ in cmdline_of(process)]


def sweep_with_two_processes(project: Project) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A sweep whose first trial runs while the process of the second waits."""
    project.notebook("wait.ipynb", WAIT)
    project.without_reports("wait.ipynb")
    command = start(project, "run", "-y", "wait.ipynb", "lr=[1,2,3]", start_new_session=True)
    started_run(project)
    wait_for(lambda: len(kernels_of(project)) == 2)
    batch = batch_of(project)
    assert batch and len(batch.children()) == 2
    return command, batch


@linux
@pytest.mark.parametrize("end", ["ctrl-c", "guild stop", "batch terminated", "batch killed"])
def test_however_a_sweep_ends_no_process_is_left(project: Project, end: str):
    command, batch = sweep_with_two_processes(project)
    if end == "ctrl-c":
        os.killpg(command.pid, signal.SIGINT)
    elif end == "guild stop":
        stopped = project.guild("stop", "-y")
        assert stopped.status == 0, stopped.stderr
    else:
        batch.send_signal(signal.SIGKILL if end == "batch killed" else signal.SIGTERM)
    output, _ = command.communicate(timeout=LIMIT)
    wait_for(lambda: not of_home(project))
    left = [run for run in map(Run, project.run_dirs()) if (run.dir / ".guild/PENDING").exists()]
    # Never begun, but that Guild stops the trial first, so the batch may begin another until its
    # turn comes.
    assert len(left) in ((1, 2) if end == "guild stop" else (2,))
    assert not any((run.dir / ".guild/output").exists() for run in left)
    if end != "batch killed":
        begun = 3 - len(left)
        said = rf"^{begun} of 3 trials in .*: {begun} stopped · {len(left)} not started"
        assert re.search(said, output, re.MULTILINE), output


@linux
@pytest.mark.parametrize("optimizer", but_slow(["gp", "forest", "gbrt", "random"], "gp"))
def test_a_search_that_is_stopped_ends_its_trial_and_says_how_it_ended(
    project: Project, optimizer: str
):
    project.notebook("wait.ipynb", WAIT)
    project.without_reports("wait.ipynb")
    searched = ("lr=[1.0:3.0]", "-o", optimizer, "-m", "4")
    command = start(project, "run", "-y", "wait.ipynb", *searched, start_new_session=True)
    started_run(project)

    def begun() -> list[Run]:  # of a random search all trials have runs
        runs = map(Run, project.run_dirs())
        return [run for run in runs if (run.dir / ".guild/output").exists()]

    wait_for(lambda: any("started" in run.output for run in begun()))
    batch = batch_of(project)
    assert batch
    batch.send_signal(signal.SIGTERM)
    output, _ = command.communicate(timeout=LIMIT)
    wait_for(lambda: not of_home(project))
    assert re.search(r"^1 of 4 trials in .*: 1 stopped", output, re.MULTILINE), output
    assert "best: none, no trial completed" in output
    trials = [run for run in begun() if not run.is_batch]
    assert [run.attr("exit_status") for run in trials] == [-signal.SIGTERM]


@linux
def test_a_trial_that_is_deleted_is_passed_over(project: Project):
    command, _batch = sweep_with_two_processes(project)
    pending = [run for run in map(Run, project.run_dirs()) if (run.dir / ".guild/PENDING").exists()]
    (second,) = (run for run in pending if run.flags["lr"] == 2)
    assert project.guild("runs", "delete", "-y", second.id).status == 0
    project.file("go", "")
    output, _ = command.communicate(timeout=LIMIT)
    assert command.returncode == 0, output
    listed = project.guild("runs").stdout
    assert "lr=3" in listed and "lr=2" not in listed  # 1 is the notebook's own
    assert listed.count("completed") == 2 and not of_home(project)


PROGRAM = """\
import os, sys
import answer
from guild_notebook import start
start.wait_until_needed("program", lambda: print("ready", flush=True))
print(answer.VALUE, sys.argv[1:], os.environ["KEPT"], flush=True)
"""


@pytest.mark.parametrize("changes", [False, True])
def test_a_waiting_process_is_begun_anew_where_modules_were_installed(
    tmp_path: Path, changes: bool
):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "answer.py").write_text("VALUE = 1")
    read_end, write_end = os.pipe()
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "KEPT": "kept"}
    process = subprocess.Popen(
        [sys.executable, *start_of_process.arguments("program"), "a", "b"],
        env={**env, start_of_process.WAITS: str(read_end)},
        pass_fds=[read_end],
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(read_end)
    assert process.stdout and process.stdout.readline() == "ready\n"
    if changes:
        (tmp_path / "answer.py").write_text("VALUE = 200")
        (tmp_path / "installed.py").write_text("")
    os.write(write_end, b"1")
    os.close(write_end)
    assert process.communicate()[0] == f"{200 if changes else 1} ['a', 'b'] kept\n"


def test_a_waiting_process_ends_where_nobody_needs_it(tmp_path: Path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "answer.py").write_text("VALUE = 1")
    read_end, write_end = os.pipe()
    env = {**os.environ, "PYTHONPATH": str(tmp_path), start_of_process.WAITS: str(read_end)}
    process = subprocess.Popen(
        [sys.executable, *start_of_process.arguments("program")],
        env=env,
        pass_fds=[read_end],
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(read_end)
    os.close(write_end)
    assert process.communicate()[0] == "ready\n" and process.returncode == 0


def test_a_process_that_waits_for_long_ends_and_none_follows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(next_trial, "LONGEST_SECONDS", 0.1)
    trials = next_trial._Trials(subprocess.Popen)
    command = [sys.executable, "-c", "input()"], {"cwd": ".", "env": {**os.environ}}
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    trials._start_waiting((command[0], {**command[1], **options}))
    waiting = trials._waiting
    assert waiting
    wait_for(lambda: waiting.process.returncode == -signal.SIGTERM)
    assert trials._waiting is None and not trials._starts_early


KERNEL = """\
import os, sys
import answer
print(answer.VALUE, sys.argv, os.listdir(os.path.dirname(sys.argv[2])), flush=True)
"""


@pytest.mark.skipif(sys.version_info < (3, 10), reason="has no sys.orig_argv")
@pytest.mark.parametrize("changes", [False, True])
def test_a_waiting_kernel_is_begun_anew_where_modules_were_installed(tmp_path: Path, changes: bool):
    library, folder = tmp_path / "library", tmp_path / "folder"
    (library / "ipykernel").mkdir(parents=True)
    (library / "ipykernel" / "__init__.py").write_text("")
    (library / "ipykernel" / "kernelapp.py").write_text("import answer\nprint('ready', flush=True)")
    (library / "ipykernel_launcher.py").write_text(KERNEL)
    (library / "answer.py").write_text("VALUE = 1")
    folder.mkdir()
    os.mkfifo(folder / launcher.WAITS)
    pipe = os.open(folder / launcher.WAITS, os.O_RDWR)
    file = str(folder / "kernel.json")
    process = subprocess.Popen(
        [sys.executable, launcher.__file__, "", "", "ipykernel_launcher", "-f", file],
        env={**os.environ, "PYTHONPATH": str(library)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    if changes:
        (library / "answer.py").write_text("VALUE = 200")
        (library / "installed.py").write_text("")
    os.write(pipe, b"1")
    output = process.communicate()[0]
    os.close(pipe)
    value = 200 if changes else 1
    assert output.endswith(f"{value} {[str(library / 'ipykernel_launcher.py'), '-f', file]} []\n")


def test_a_kernelspec_that_has_changed_meanwhile_is_started_anew(project: Project):
    specs = project.jupyter / "kernels" / "mine"
    specs.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    def install(value: str) -> None:
        spec = {"argv": argv, "display_name": "", "language": "python", "env": {"A": value}}
        (specs / "kernel.json").write_text(json.dumps(spec))

    install("1")
    metadata = {"kernelspec": {"name": "mine", "display_name": "", "language": "python"}}
    project.notebook("nb.ipynb", "import os\nprint('A:', os.environ['A'])", metadata=metadata)
    run = runner.prepared(project)
    read_end, write_end = os.pipe()
    env = {**runner.environment(project, run), start_of_process.WAITS: str(read_end)}
    process = subprocess.Popen(
        [*runner.RUNNER, "nb.ipynb", "--report", "none"],
        cwd=run.dir,
        env=env,
        pass_fds=[read_end],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(read_end)
    before = sorted(path.name for path in run.dir.rglob("*"))
    wait_for(lambda: kernels_of(project))
    assert sorted(path.name for path in run.dir.rglob("*")) == before
    install("2")
    os.write(write_end, b"1")
    os.close(write_end)
    output, errors = process.communicate()
    assert (process.returncode, output) == (0, "A: 2\n"), errors
    assert not of_home(project)
