"""A run that is stopped or killed: what there is is saved, and no process is left."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import nbformat
import psutil
import pytest

from tests.helpers.causes import (
    LONG,
    linux,
    new_mark,
    nothing_left,
    of_home,
    processes_with,
    runner_of,
    saved_text,
    started_run,
    states,
)
from tests.helpers.figures import figure
from tests.helpers.project import GUILD, LIMIT, Project, Run, start, wait_for
from tests.helpers.slow import but_slow

pytestmark = [linux, pytest.mark.usefixtures("system")]

END_SECONDS = 60.0
"""A limit for a hang. That no process is left after 5 seconds is measured, and demanded where
figures are taken (make faults): beside other tests a machine may be busy."""


PATIENT = """
import sys
if '-uc' in sys.orig_argv and 'guild_notebook.run' in sys.orig_argv:
    from guild_notebook.run.execution import execute
    execute.STOP_SECONDS, execute.SAME_STOP_SECONDS = 4.0, 60.0
"""
"""A run on a busy machine, where a cell may take long to end, and one process after the other."""


@pytest.fixture
def long(project: Project, system: str) -> Iterator[tuple[Project, str]]:
    """A project whose notebook runs for ten minutes with three other processes."""
    mark = new_mark()
    project.notebook("nb.ipynb", "print('kept')", LONG.format(mark=mark), "print('never')")
    project.env.setdefault("PYTHONPATH", str(project.file("site/sitecustomize.py", PATIENT).parent))
    with nothing_left(mark):
        yield project, mark


def seconds_until_gone(end: Callable[[], object], mark: str, pids: list[int]) -> float:
    """The time from ``end()`` until no process with the mark and none of ``pids`` is there."""
    since = time.monotonic()
    end()
    wait_for(lambda: not processes_with(mark) and not any(map(is_alive, pids)), END_SECONDS)
    seconds = time.monotonic() - since
    assert seconds < 5 or not os.environ.get("FAULTS_FIGURES")
    return seconds


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids_of_run(run: Run) -> list[int]:
    """The runner and all below it: the supervisor and the kernel too."""
    runner = psutil.Process(runner_of(run))
    return [runner.pid, *(child.pid for child in runner.children(recursive=True))]


def check_stopped(project: Project, run: Run) -> None:
    wait_for(lambda: run.attr("exit_status") is not None, END_SECONDS)
    assert run.attr("exit_status") < 0 and run.attr("stopped") > run.attr("started")
    assert "terminated" in project.guild("runs").stdout
    assert states(run) == ["completed", "stopped", "not run"]
    saved = saved_text(run)
    assert "kept" in saved and "started" in saved and "KeyboardInterrupt" in saved
    assert (run.dir / "nb.html").exists()
    assert not list(run.dir.glob(".*.part"))


def by_guild_stop(project: Project, _process: subprocess.Popen, run: Run) -> None:
    assert project.guild("stop", "-y", run.id).status == 0


def by_ctrl_c(_project: Project, process: subprocess.Popen, _run: Run) -> None:
    os.killpg(process.pid, signal.SIGINT)


def by_signal_to_runner(_project: Project, _process: subprocess.Popen, run: Run) -> None:
    os.kill(runner_of(run), signal.SIGTERM)


def by_signal_to_guild(_project: Project, process: subprocess.Popen, _run: Run) -> None:
    process.terminate()


def by_many_signals(_project: Project, process: subprocess.Popen, _run: Run) -> None:
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.killpg(process.pid, number)
        time.sleep(0.05)


def by_signal_to_group(_project: Project, process: subprocess.Popen, _run: Run) -> None:
    os.killpg(process.pid, signal.SIGTERM)


STOPS: dict[str, Callable[[Project, subprocess.Popen, Run], None]] = {
    "guild stop": by_guild_stop,
    "Ctrl-C": by_ctrl_c,
    "SIGTERM to guild": by_signal_to_guild,
    "SIGTERM to the runner": by_signal_to_runner,
    "SIGTERM to all": by_signal_to_group,
    "many signals": by_many_signals,
}
IN_MAKE_TEST = ("guild stop", "Ctrl-C", "many signals")
MARKS = {"SIGTERM to guild": pytest.mark.slow}


@pytest.mark.parametrize(
    "stop",
    [
        s if s in IN_MAKE_TEST else pytest.param(s, marks=MARKS.get(s, pytest.mark.faults))
        for s in STOPS
    ],
)
def test_a_run_that_is_stopped_saves_all_and_leaves_no_process(long, stop: str):
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb", start_new_session=True) as process:
        run = started_run(project)
        pids = pids_of_run(run)
        assert len(pids) >= 5  # runner, supervisor, kernel and what the cell has started
        seconds = seconds_until_gone(lambda: STOPS[stop](project, process, run), mark, pids)
        process.communicate(timeout=LIMIT)
    check_stopped(project, run)
    figure(f"stopped ({stop}): no process is left after", f"{seconds:.1f} s", "5")


def is_kernel(process: psutil.Process) -> bool:
    return any(word.endswith("launcher.py") for word in process.cmdline())


def test_a_run_whose_kernel_is_the_first_to_be_stopped_is_stopped_too(long):
    """As by who ends all processes of a tree, each by itself, in an order of its own."""
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb", start_new_session=True) as process:
        run = started_run(project)
        wait_for(lambda: processes_with(mark))
        runner = psutil.Process(runner_of(run))
        (kernel,) = (each for each in runner.children(recursive=True) if is_kernel(each))
        kernel.terminate()
        kernel.wait(LIMIT)
        time.sleep(0.1)  # so that the runner knows
        runner.terminate()
        process.communicate(timeout=LIMIT)
    wait_for(lambda: run.attr("exit_status") is not None)
    assert states(run) == ["completed", "stopped", "not run"]


def test_the_terminal_is_closed(long):
    project, mark = long
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.dir)
        os.execve(GUILD[0], [*GUILD, "run", "-y", "nb.ipynb"], project.environment())
    run = started_run(project)
    pids = pids_of_run(run)
    seconds = seconds_until_gone(lambda: os.close(terminal), mark, pids)
    os.waitpid(pid, 0)
    check_stopped(project, run)
    figure("stopped (terminal closed): no process is left after", f"{seconds:.1f} s", "5")


@pytest.mark.parametrize("again", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_reader_that_goes_away_ends_the_run(long, again: bool):
    project, mark = long
    command = [*GUILD, "run", "-y", "nb.ipynb"]
    if again:
        staged = project.run("nb.ipynb", "--stage").run.id
        command = [*GUILD, "run", "-y", "--start", staged]
    with subprocess.Popen(
        command, cwd=project.dir, env=project.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout and process.stdout.readline() == b"kept\n"
        run = started_run(project)
        pids = pids_of_run(run)
        seconds = seconds_until_gone(process.stdout.close, mark, pids)
        process.wait(LIMIT)
    check_stopped(project, run)
    figure("stopped (stdout closed): no process is left after", f"{seconds:.1f} s", "5")


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["pipeline"], ["nb.ipynb", "x=[1,2]", "--force-flags"]],
    ids=["a pipeline", "a sweep"],
)
def test_what_starts_further_runs_ends_with_them_when_its_reader_goes_away(
    long, command: list[str]
):
    project, mark = long
    project.without_reports("nb.ipynb")
    project.guildfile((project.dir / "guild.yml").read_text() + "pipeline:\n  steps: [nb.ipynb]\n")
    with subprocess.Popen(
        [*GUILD, "run", "-y", *command], cwd=project.dir, env=project.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout and b"kept\n" in process.stdout
        wait_for(lambda: processes_with(mark))
        process.stdout.close()
        process.wait(LIMIT)
    wait_for(lambda: not of_home(project) and not processes_with(mark))
    runs = [run for run in map(Run, project.run_dirs()) if run.op_name == "nb.ipynb"]
    (run,) = (run for run in runs if run.attr("exit_status") is not None)
    assert states(run) == ["completed", "stopped", "not run"]


def test_a_run_that_was_started_with_nohup_outlives_its_terminal(project: Project):
    project.notebook(
        "nb.ipynb", "print('started', flush=True)\nimport time\ntime.sleep(2)", "2 + 2"
    )
    project.without_reports("nb.ipynb")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.dir)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.execve(GUILD[0], [*GUILD, "run", "-y", "nb.ipynb"], project.environment())
    run = started_run(project)
    os.close(terminal)
    os.waitpid(pid, 0)
    assert run.attr("exit_status") == 0
    assert states(run) == ["completed", "completed"]


@pytest.mark.faults
def test_guild_stops_a_run_after_its_time(long):
    project, mark = long
    done = start(project, "run", "-y", "nb.ipynb", "--stop-after", "0.1")  # minutes
    shown, _ = done.communicate(timeout=LIMIT)
    run = started_run(project)
    assert processes_with(mark) == []
    assert done.returncode in (0, 241, -15), shown
    check_stopped(project, run)


def test_a_run_that_is_stopped_before_its_kernel_is_up_ends_at_once(project: Project, tmp_path):
    kernels = tmp_path / "jupyter" / "kernels" / "slow"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(
        '{"argv": ["sleep", "600"], "display_name": "Slow", "language": "python"}'
    )
    project.env["JUPYTER_PATH"] = str(tmp_path / "jupyter")
    project.notebook("nb.ipynb", "print('never')", metadata={"kernelspec": {"name": "slow"}})
    with start(project, "run", "-y", "nb.ipynb", start_new_session=True) as process:
        wait_for(
            lambda: {p.pid for p in of_home(project)} & {p.pid for p in processes_with("sleep")}
        )
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=LIMIT)
    assert of_home(project) == []
    (run,) = map(Run, project.run_dirs())
    assert run.attr("exit_status") < 0
    assert states(run) == ["not run"]


# ---- killed


@pytest.mark.parametrize("who", but_slow(["runner", "guild"], "runner"))
def test_what_is_killed_leaves_no_process_and_a_notebook_that_holds_what_was_shown(long, who):
    project, mark = long
    with start(project, "run", "-y", "nb.ipynb") as process:
        run = started_run(project)
        wait_for(lambda: "started" in saved_text(run))  # in two seconds, if nothing else is done
        pids = pids_of_run(run)
        victim = pids[0] if who == "runner" else process.pid
        seconds = seconds_until_gone(lambda: os.kill(victim, signal.SIGKILL), mark, pids)
        process.communicate(timeout=LIMIT)
    saved = nbformat.read(run.dir / "nb.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(saved)
    text = saved_text(run)
    assert "kept" in text and "started" in text
    assert not list(run.dir.glob(".*.part"))
    assert "terminated" in project.guild("runs").stdout
    figure(f"SIGKILL of {who}: no process is left after", f"{seconds:.1f} s", "5")


COUNTING = """
import sys, time
payload = {payload}
for number in range(10_000):
    print('at', time.time(), flush=True)
    display({{'text/html': 'y' * payload}}, raw=True)
    time.sleep({pause})
"""


@pytest.mark.faults
@pytest.mark.parametrize(
    ("payload", "seconds", "limit"),
    [(10, 8, "5 MB"), (20_000, 12, "200 KB"), (200_000, 20, "100 KB")],
)
def test_a_killed_run_has_lost_no_output_older_than_two_seconds(
    project: Project, payload: int, seconds: int, limit: str
):
    """The pages, which count a fiftieth, are for a notebook that grows up to about 5 MB; they are
    not printed, so nobody has to read what is."""
    pause = 0.05
    source = COUNTING.format(payload=payload, pause=pause)
    project.notebook("nb.ipynb", source)
    project.guildfile(f"a:\n  notebook: nb.ipynb\n  nb-output-limit: {limit}\n")
    with start(project, "run", "-y", "a") as process:
        run = started_run(project, "at ")
        time.sleep(seconds)
        os.kill(runner_of(run), signal.SIGKILL)
        killed = time.time()
        process.communicate(timeout=LIMIT)
    saved = nbformat.read(run.dir / "nb.ipynb", as_version=nbformat.NO_CONVERT)
    texts = [out["text"] for out in saved.cells[0].outputs if out["output_type"] == "stream"]
    times = [float(line.split()[1]) for text in texts for line in text.splitlines() if "at" in line]
    age, size = killed - max(times), (run.dir / "nb.ipynb").stat().st_size / 1e6
    assert age < 2
    figure(
        f"SIGKILL, notebook of {size:.1f} MB: age of the newest output lost", f"{age:.1f} s", "2"
    )


MUCH = "print('x' * 300_000)"  # more than pipes hold


def test_a_run_whose_reader_pauses_goes_on_and_is_saved_all_the_same(project: Project):
    """As `guild run … | less` does, or a terminal with Ctrl-S: nothing more is taken from Guild."""
    cells = MUCH, "print('all', 'of', 'it')", "import time; time.sleep(600)"
    project.notebook("nb.ipynb", *cells)
    with start(project, "run", "-y", "nb.ipynb") as process:
        run = started_run(project, "xxx")
        wait_for(lambda: states(run) == ["completed", "completed", "running"])
        assert "all of it" in saved_text(run) and "all of it" not in run.output
        os.kill(runner_of(run), signal.SIGKILL)
        process.communicate(timeout=LIMIT)
    nbformat.validate(nbformat.read(run.dir / "nb.ipynb", as_version=nbformat.NO_CONVERT))
