"""Several trials of a sweep at once (``nb-jobs``): how many, what is shown, and how they end."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from guild_notebook.compat import batches
from guild_notebook.optimizers import sweep
from guild_notebook.optimizers.jobs import Jobs
from tests.helpers.project import GUILD, LIMIT, Project, Run, start, wait_for
from tests.helpers.terminal import on_terminal

NOTEBOOK = """\
lr = 0.1
meet = 2
from pathlib import Path
import os, time
folder = Path(os.environ["MEETING"])
"""

CELL = """\
# Measure
mine = folder / f"{lr} runs"
mine.touch()
(folder / f"{lr} has begun").touch()
until = time.monotonic() + 100
while len([*folder.glob("* has begun")]) < meet or (folder / "hold").exists():
    assert time.monotonic() < until, "no other trial runs"
    time.sleep(0.02)
print("at once:", len([*folder.glob("* runs")]))
print("part ", end="", flush=True)
time.sleep(0.2)
print("of a line")
assert lr != 0.2, "too odd"
print("loss:", lr)
mine.unlink()
"""

GUILD_FILE = """
train:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
  nb-jobs: 2
needs:
  notebook: train.ipynb
  flags-import: all
  nb-jobs: 2
  requires: {file: "no${lr}.csv"}
"""


@pytest.fixture(scope="module")
def made(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    shared.notebook("train.ipynb", NOTEBOOK, CELL)
    shared.guildfile(GUILD_FILE)
    shared.env["MEETING"] = str(tmp_path_factory.mktemp("meeting"))
    return shared


@pytest.fixture
def project(made: Project) -> Project:
    """The same, and nobody has met yet."""
    for path in Path(made.env["MEETING"]).iterdir():
        path.unlink()
    return made


def trials_of(runs: list[Run]) -> dict[Any, Run]:
    """The runs without that of the batch, by their learning rates."""
    trials = [run for run in runs if not run.is_batch]
    found = {run.flags["lr"]: run for run in trials}
    assert len(found) == len(trials)
    return dict(sorted(found.items()))


def at_once(run: Run) -> int:
    (found,) = re.findall(r"at once: (\d+)", run.output)
    return int(found)


def test_on_a_terminal_two_trials_run_at_once_in_one_table(project: Project):
    """The first two wait for each other, which two that run one after the other cannot."""
    before = project.run_dirs()
    command = [*GUILD, "run", "-y", "train", "lr=[0.1,0.3,0.4,0.2,0.5]"]
    env = {**project.environment(), "NO_COLOR": "1"}
    with on_terminal(command, project.dir, env, 100) as terminal:
        assert terminal.end() == 0, terminal.lines
    trials = trials_of([Run(path) for path in project.run_dirs() - before])
    assert list(trials) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert {lr: run.attr("exit_status") for lr, run in trials.items()} == {
        0.1: 0, 0.2: 1, 0.3: 0, 0.4: 0, 0.5: 0,
    }  # fmt: skip
    assert {at_once(trials[0.1]), at_once(trials[0.3])} <= {1, 2}
    assert max(map(at_once, trials.values())) == 2
    *table, counts, best = terminal.lines
    said = "5 trials of train · lr · 2 at once · nb-trials=full shows what they print"
    assert table[0] == said
    rows = [line.split()[:3] for line in table if re.match(r" +\d/5  ", line)]
    assert sorted(rows) == [
        [f"{n}/5", trials[lr].id[:8], str(lr)] for n, lr in enumerate([0.1, 0.3, 0.4, 0.2, 0.5], 1)
    ]
    failed = trials[0.2].id[:8]
    assert f": 4 completed, 1 failed ({failed}: guild cat --output {failed})" in counts
    assert best.startswith("best: trial 1/5 · lr=0.1 · loss 0.1 (smallest) · guild runs info ")
    live = {line for lines in terminal.seen for line in lines[-1:]}
    assert any(re.match(r"\S trials 1, 2/5  0:\d\d", line) for line in live), live


def test_in_full_each_line_begins_with_the_number_of_its_trial(project: Project):
    done = project.run("train", "lr=[0.3,0.4]", "nb-trials=full")
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    for number, lr in enumerate(["0.3", "0.4"], 1):
        own = [line for line in lines if line.startswith(f"[{number}/2] ")]
        assert own[-2:] == [f"[{number}/2] part of a line", f"[{number}/2] loss: {lr}"]
    assert set(lines) >= {"[1/2] at once: 2"} or set(lines) >= {"[2/2] at once: 2"}
    assert done.stdout.count("· completed in ") == 2 and "2 trials in " in done.stdout


def test_two_trials_at_once_are_a_table_where_nothing_is_said(project: Project):
    done = project.run("train", "lr=[0.3,0.4]")
    assert "part of a line" not in done.stdout
    assert "2 trials of train · lr · 2 at once" in done.stdout


@pytest.fixture
def held(project: Project) -> Iterator[Any]:
    """A sweep of four trials, two of which run and do not end."""
    folder = Path(project.env["MEETING"])
    (folder / "hold").touch()
    before = project.run_dirs()
    arguments = ("run", "-y", "train", "lr=[0.1,0.3,0.4,0.5]", "meet=1", "--keep-batch")
    guild = start(project, *arguments, start_new_session=True)
    wait_for(lambda: len([*folder.glob("* has begun")]) == 2)
    processes = psutil.Process(guild.pid).children(recursive=True)
    yield SimpleNamespace(project=project, guild=guild, before=before)
    assert not [p for p in psutil.wait_procs(processes, LIMIT)[1] if p.is_running()]


def check_stopped(held: Any) -> None:
    said = held.guild.communicate(timeout=LIMIT)[0]
    runs = [Run(path) for path in held.project.run_dirs() - held.before]
    trials = trials_of(runs)
    (batch,) = [run for run in runs if run not in trials.values()]
    assert all(trials[lr].attr("exit_status") < 0 for lr in (0.1, 0.3)), said
    assert all((trials[lr].dir / ".guild/PENDING").exists() for lr in (0.4, 0.5)), said
    assert "2 of 4 trials in " in said and ": 2 stopped · 2 not started: " in said
    assert batch.attr("exit_status") < 0
    assert "Traceback" not in said


def test_ctrl_c_stops_all_that_run_and_the_others_stay_pending(held: Any):
    os.killpg(held.guild.pid, signal.SIGINT)
    check_stopped(held)


def test_guild_stop_of_the_batch_stops_all_that_run(held: Any):
    runs = [Run(path) for path in held.project.run_dirs() - held.before]
    (batch,) = [run for run in runs if run.is_batch]
    held.project.guild("stop", "-y", batch.id)
    check_stopped(held)


@pytest.mark.slow
def test_a_trial_that_is_stopped_stops_no_other(held: Any):
    runs = trials_of([Run(path) for path in held.project.run_dirs() - held.before])
    held.project.guild("stop", "-y", runs[0.1].id)
    (Path(held.project.env["MEETING"]) / "hold").unlink()
    said = held.guild.communicate(timeout=LIMIT)[0]
    assert ": 3 completed, 1 stopped" in said
    assert held.guild.returncode == 0


@pytest.mark.slow
def test_with_fail_on_trial_error_those_that_run_go_on_and_no_more_start(project: Project):
    done = project.guild("run", "-y", "train", "lr=[0.2,0.1,0.3,0.4]", "--fail-on-trial-error")
    assert done.status == 1
    counts = r"[23] of 4 trials in .*: [12] completed, 1 failed \(.* · [12] not started: "
    assert re.search(counts, done.stdout)
    assert done.stderr.count("Stopping batch because a trial failed") == 1


@pytest.mark.slow
def test_why_trials_could_not_be_started_is_said_for_each(project: Project):
    done = project.guild("run", "-y", "needs", "lr=[1,2,3]")
    assert all(f"no{n}.csv" in done.stderr for n in (1, 2, 3))
    assert ": 3 failed (" in done.stdout and done.status == 0


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["random", "gp", "forest", "gbrt"])
def test_optimizers_propose_a_trial_while_another_runs(project: Project, optimizer: str):
    flags = ("lr=[0.3:0.9]", "--max-trials", "4")
    done = project.run("train", *flags, "-o", optimizer, "--random-seed", "3")
    trials = trials_of(done.runs)
    assert len(trials) == 4 and all(0.3 <= lr <= 0.9 for lr in trials)
    assert max(map(at_once, trials.values())) == 2
    assert "4 trials in " in done.stdout and ": 4 completed" in done.stdout


@pytest.mark.parametrize(
    "value", ["y", "N", ["n", "yes", "1e3", 1e3], {"y": "no", "b": [1, None, True]}, "ä", 7, None]
)
def test_attributes_that_several_threads_may_write_are_those_of_guild(
    monkeypatch: pytest.MonkeyPatch, value: Any
):
    from guild import yaml_util

    def written() -> list[str]:
        return [yaml_util.encode_yaml(value, strict=strict) for strict in (True, False)]

    by_guild = written()
    monkeypatch.setattr(yaml_util, "encode_yaml", yaml_util.encode_yaml)
    batches.write_attributes_in_threads()
    assert written() == by_guild


class Batch:
    """What Jobs asks of Guild's run of a batch."""

    def get(self, _name: str) -> None:
        return None


class Trial:
    pid = None

    def __init__(self, name: str) -> None:
        self.id = name

    def get(self, _name: str) -> dict[str, str]:
        return {"name": self.id}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    from guild import batch_util, op

    monkeypatch.setattr(op, "subprocess", op.subprocess)
    monkeypatch.setattr(batch_util, "trial_results", lambda *_: [({"name": "a"}, [0.5])])
    return Jobs(Batch(), 3)


def test_a_trial_that_runs_counts_as_the_mean_of_those_that_have_ended(jobs: Jobs):
    from guild import batch_util

    go = threading.Event()
    results = [({"name": "a"}, [1.0]), ({"name": "b"}, [None]), ({"name": "c"}, [4.0])]
    assert jobs._results(results) == results
    jobs.run(Trial("d"), go.wait)
    jobs.run(Trial("e"), go.wait)
    running = [({"name": "d"}, [2.5]), ({"name": "e"}, [2.5])]
    assert jobs._results(results) == [*results, *running]
    assert jobs._results(results[1:2]) == results[1:2]
    assert batch_util.trial_results(None, None) == [
        ({"name": name}, [0.5]) for name in ("a", "d", "e")
    ]
    go.set()
    jobs.wait()


def test_an_error_of_one_ends_the_batch_after_the_others(jobs: Jobs):
    ended = []

    def work() -> None:
        jobs._has_prepared()
        time.sleep(0.1)
        ended.append("a")

    jobs.run(Trial("a"), work)
    jobs.run(Trial("b"), lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        jobs.wait()
    assert ended == ["a"]


def test_after_ctrl_c_a_trial_that_has_no_process_yet_stays_pending(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".guild").mkdir()
    ending = threading.Event()
    monkeypatch.setattr("guild_notebook.optimizers.jobs.log.info", lambda _said: ending.set())

    def work() -> None:
        ending.wait(LIMIT)
        jobs._start_process(["touch", str(tmp_path / "started")], cwd=str(tmp_path))

    jobs.run(Trial("a"), work)
    jobs._end()
    jobs.wait()
    assert [path.name for path in tmp_path.iterdir()] == [".guild"]
    assert (tmp_path / ".guild" / "PENDING").exists()


@pytest.mark.parametrize(
    ("command", "count"),
    [
        (["python", "guild_notebook.run", "a.ipynb"], 1),
        (["python", "guild_notebook.run", "a.ipynb", "--jobs=4"], 4),
        (["python", "guild_notebook.run", "a.ipynb", "--jobs", "4", "nb-jobs=12"], 12),
        (["python", "guild_notebook.run", "a.ipynb", "--jobs=${n}"], 1),
        (None, 1),
    ],
)
def test_how_many_at_once_is_read_from_the_command_that_trials_have(command, count):
    assert sweep._jobs(command) == count


def test_several_numbers_of_trials_at_once_are_refused(project: Project):
    done = project.guild("run", "-y", "train", "lr=[1,2]", "nb-jobs=[1,2]")
    assert done.status == 1 and not done.runs
    assert done.stderr.count("'nb-jobs' takes one value for all trials, not [1,2] - ") == 1
