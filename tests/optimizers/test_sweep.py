"""What a sweep shows, on a terminal and in a pipe, and what is recorded of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from guild_notebook.compat.batches import wait_for_ends
from guild_notebook.optimizers import forks, sweep
from tests.helpers.project import GUILD, Command, Project, Run
from tests.helpers.terminal import OnTerminal, on_terminal

TRAIN = """\
lr = 0.1
name = "first"
import os, time
"""

CELL = """\
# Measure
print("trained with", lr)
while lr == 0.3 and not os.path.exists(os.path.join(os.environ["PROJECT_DIR"], "go")):
    time.sleep(0.05)
assert lr != 0.2, "too odd"
print("accuracy: 0.5")
if name == "third":
    from guild_notebook.scalars.event_file import ScalarWriter
    writer = ScalarWriter("logs")
    writer.add_scalar("gain", 0.75)
    writer.close()
print("loss:", lr)
"""

GUILD_FILE = """
train:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
table:
  notebook: train.ipynb --trials table
  flags-import: all
  nb-report: none
needs:
  notebook: train.ipynb --trials table
  flags-import: all
  requires: {file: "no${name}.csv"}
say:
  exec: echo said ${x}
  flags: {x: 1}
"""


@pytest.fixture(scope="module")
def sweeps(shared: Project) -> Project:
    shared.notebook("train.ipynb", TRAIN, CELL)
    shared.guildfile(GUILD_FILE)
    names = "".join(f"0.{n},data/experiment/{name}.csv\n" for n, name in enumerate("abcde", 1))
    shared.file("five.csv", f"lr,name\n{names}")
    shared.file("trials.csv", "lr,name\n0.5,second\n0.4,third\n")
    return shared


def trials_of(runs: list[Run]) -> list[Run]:
    """The runs without that of the batch."""
    trials = (run for run in runs if not run.is_batch)
    return sorted(trials, key=lambda run: run.flags["lr"])


@pytest.fixture(scope="module")
def in_terminal(sweeps: Project) -> Iterator[tuple[OnTerminal, Run, list[Run]]]:
    """A sweep of five trials in a terminal that is made wider during the third."""
    before = sweeps.run_dirs()
    command = [*GUILD, "run", "-y", "train", "@five.csv", "--keep-batch"]
    env = {**sweeps.environment(), "NO_COLOR": "1"}
    with on_terminal(command, sweeps.dir, env) as terminal:
        terminal.wait_for(lambda lines: re.search("trial 3/5.*Measure", "".join(lines[-1:])))
        terminal.resize(150)
        sweeps.file("go", "")
        assert terminal.end() == 0, terminal.lines
        made = [Run(path) for path in sweeps.run_dirs() - before]
        (batch,) = (run for run in made if run.is_batch)
        yield terminal, batch, trials_of(made)


def seen(terminal: OnTerminal) -> set[str]:
    return {line for lines in terminal.seen for line in lines}


def test_on_a_terminal_each_trial_has_a_line_and_the_best_run_is_at_the_end(in_terminal):
    screen, _batch, trials = in_terminal
    ids = [run.id[:8] for run in trials]
    *table, counts, best = screen.lines
    assert table[0] == "5 trials of train · lr, name · nb-trials=full shows what they print"
    rows = [line for line in table if re.match(r" +\d/5  ", line)]
    assert [row.split()[:3] for row in rows] == [
        [f"{n}/5", run_id, f"0.{n}"] for n, run_id in enumerate(ids, 1)
    ]
    assert "Measure" in rows[1] and "failed" in rows[1]
    time = r"(\d+\.\d s|\d+ s|\d+:\d\d)"
    assert re.search(rf" 0\.1 +…a\.csv +{time} +0\.1 +0\.1 \* +{time}$", rows[0])
    name = "data/experiment/{}.csv"
    assert re.search(rf" 0\.3 +{name.format('c')} +{time} +0\.3 +0\.5 +0\.1 +{time}$", rows[2])
    assert re.search(rf" 0\.5 +{name.format('e')} +{time} +0\.5 +0\.5 +0\.1$", rows[4])
    expected = f"1 failed ({ids[1]}: guild cat --output {ids[1]})"
    assert re.fullmatch(rf"5 trials in {time}: 4 completed, {re.escape(expected)}", counts)
    assert best == (
        f"best: trial 1/5 · lr=0.1 name=…a.csv · loss 0.1 (smallest) · guild runs info {ids[0]}"
    )


def test_the_columns_stay_aligned_and_the_titles_come_again_with_the_new_width(in_terminal):
    screen, _batch, _trials = in_terminal
    titles = [i for i, line in enumerate(screen.lines) if line.startswith("trial  run")]
    assert len(titles) == 2
    for start, end in zip(titles, [*titles[1:], len(screen.lines) - 2]):
        for row in screen.lines[start + 1 : end]:
            assert row.index("0.") == screen.lines[start].index("lr  ")


def test_on_a_terminal_the_last_line_is_about_the_trial_that_runs(in_terminal):
    screen, _batch, _trials = in_terminal
    live = [line for line in seen(screen) if re.match(r"\S trial \d/5 · lr=0\.\d", line)]
    assert any("trial 3/5 · lr=0.3" in line and "Measure" in line for line in live), live
    assert any("best 0.1" in line and " left" in line for line in live), live
    assert not any(re.match(r"\S trial \d/5 ·", line) for line in screen.lines)


def test_there_is_no_colour_with_no_color(in_terminal):
    screen, _batch, _trials = in_terminal
    assert not re.search(rb"\x1b\[[0-9;]*m", screen.raw)


def test_what_trials_print_is_in_their_own_output_and_the_lines_in_that_of_the_sweep(in_terminal):
    screen, batch, trials = in_terminal
    assert not any("trained with" in line for line in seen(screen))
    for run in trials:
        assert f"trained with {run.flags['lr']}\n" in run.output
    assert not re.search("[\x00-\x09\x0b-\x1f]", batch.output)
    assert batch.output.splitlines()[-2:] == screen.lines[-2:]
    index = (batch.dir / ".guild/output.index").read_bytes()
    assert len(index) == 9 * batch.output.count("\n")


@pytest.fixture(scope="module")
def in_pipe(sweeps: Project) -> Command:
    """Two trials of a file, as a table, and a scalar that they do not have."""
    return sweeps.run("table", "@trials.csv", "--minimize", "los", COLUMNS="80")


def test_in_a_pipe_the_lines_are_plain(in_pipe: Command):
    lines = in_pipe.stdout.splitlines()
    assert "\x1b" not in in_pipe.stdout and "\r" not in in_pipe.stdout
    assert lines[0] == "2 trials of table · lr, name · nb-trials=full shows what they print"
    assert lines[1].split()[:4] == ["trial", "run", "lr", "name"]
    third, second = trials_of(in_pipe.runs)
    assert lines[2].split()[:4] == ["1/2", second.id[:8], "0.5", "second"]
    assert lines[4].split()[:4] == ["2/2", third.id[:8], "0.4", "third"]
    assert "trained with" not in in_pipe.stdout and "trained with" in second.output
    assert len(lines) == 7


def test_scalars_that_a_notebook_writes_itself_have_columns_too(in_pipe: Command):
    titles, row = in_pipe.stdout.splitlines()[3:5]
    assert titles.split()[-4:] == ["accuracy", "loss", "logs#gain", "left"]
    assert row.split()[-3:] == ["0.5", "0.4", "0.75"]


def test_a_misspelled_objective_is_said_once_with_the_nearest_scalar(in_pipe: Command):
    said = "trial 1 has no scalar 'los' to minimize - did you mean 'loss'?"
    assert in_pipe.stderr.count(said) == 1 and "trial 2 has no scalar" not in in_pipe.stderr
    assert in_pipe.stdout.splitlines()[-1] == "best: none, no trial has a value of los"


def test_why_trials_could_not_be_started_is_said_in_full(sweeps: Project):
    done = sweeps.guild("run", "-y", "needs", "lr=[1,2]", COLUMNS="60", PYTHONIOENCODING="ascii")
    assert done.stdout.startswith("2 trials of needs - lr - nb-trials=full ")
    assert done.stderr.count("nofirst.csv") >= 2
    assert "2 trials in " in done.stdout and ": 2 failed (" in done.stdout
    rows = re.findall(r"^ *\d/2  .*", done.stdout, re.MULTILINE)
    assert len(rows) == 2 and all(len(row) <= 60 for row in rows)


def test_few_trials_are_shown_in_full_with_a_line_before_and_after_each(sweeps: Project):
    done = sweeps.run("table", "lr=[0.6,0.7]", "nb-trials=full")
    ids = [run.id[:8] for run in trials_of(done.runs)]
    assert re.sub(r"\d+(\.\d)? s", "TIME", done.stdout).splitlines() == [
        f"trial 1/2 · lr=0.6 · run {ids[0]}",
        "trained with 0.6",
        "accuracy: 0.5",
        "loss: 0.6",
        "trial 1/2 · lr=0.6 · completed in TIME · loss 0.6 · accuracy 0.5 · best 0.6 · TIME left",
        f"trial 2/2 · lr=0.7 · run {ids[1]}",
        "trained with 0.7",
        "accuracy: 0.5",
        "loss: 0.7",
        "trial 2/2 · lr=0.7 · completed in TIME · loss 0.7 · accuracy 0.5 · best 0.6",
        "2 trials in TIME: 2 completed",
        f"best: trial 1/2 · lr=0.6 · loss 0.6 (smallest) · guild runs info {ids[0]}",
    ]
    assert "Running trial" not in done.stderr


def test_in_full_the_end_of_a_cell_comes_after_what_it_prints(sweeps: Project):
    cells = [f"# Cell {n}\nfor i in range(30):\n    print('printed {n}', i)" for n in range(1, 6)]
    sweeps.notebook("order.ipynb", "x = 1", *cells)
    command = [*GUILD, "run", "-y", "order.ipynb", "x=[1,2]", "nb-report=none"]
    env = sweeps.environment()
    done = subprocess.run(
        command,
        cwd=sweeps.dir,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seen = re.findall(r"^(printed \d|\[\d/\d\] Cell \d)", done.stdout, re.MULTILINE)
    of_cells = [[*[f"printed {n}"] * 30, f"[{n + 1}/6] Cell {n}"] for n in range(1, 6)]
    assert seen == [line for of_cell in [*of_cells, *of_cells] for line in of_cell]


def test_after_a_restart_the_best_trial_may_be_of_an_earlier_start(sweeps: Project):
    later = "os.path.exists(os.path.join(os.environ['PROJECT_DIR'], 'later'))"
    sweeps.notebook("again.ipynb", "lr = 1", f"import os\nprint('loss:', lr + 9 * {later})")
    command = ("again.ipynb", "lr=[2,3]", "nb-trials=table", "nb-report=none")
    done = sweeps.run(*command, "--keep-batch")
    (batch,) = (run for run in done.runs if run.is_batch)
    of_earlier = trials_of(done.runs)[0].id[:8]
    again = sweeps.run("--restart", batch.id)
    best = "best: trial 1/2 · lr=2 · loss 2 (smallest) · guild runs info "
    assert best in again.stdout and of_earlier not in again.stdout
    sweeps.file("later", "")
    assert (
        sweeps.run("--restart", batch.id)
        .stdout.splitlines()[-1]
        .startswith("best: an earlier trial · lr=2 · loss 2 (smallest) · guild runs info ")
    )


def test_a_batch_of_scripts_is_shown_as_guild_shows_it(sweeps: Project):
    done = sweeps.run("say", "x=[1,2,3,4]")
    assert done.stdout.splitlines() == [f"said {x}" for x in (1, 2, 3, 4)]
    assert done.stderr.count("INFO: [guild] Running trial ") == 4


@pytest.mark.slow
def test_trials_that_are_staged_are_shown_as_guild_shows_them(sweeps: Project):
    done = sweeps.run("train", "lr=[1,2,3,4]", "--stage-trials")
    assert not done.stdout
    assert done.stderr.count("INFO: [guild] Staging trial ") == 4


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (["python", "guild_notebook.run", "a.ipynb"], ""),
        (["python", "guild_notebook.run", "a.ipynb", "--trials=full", "--report=none"], "full"),
        (["python", "guild_notebook.run", "a.ipynb", "--trials=full", "--trials=table"], "table"),
        (["python", "guild_notebook.run", "a.ipynb", "--trials=full", "nb-trials=table"], "table"),
        (["python", "guild_notebook.run", "a.ipynb", "--trials", "full", "--images=no"], "full"),
    ],
)
def test_the_option_is_read_from_the_command_that_runs_have(command, setting):
    assert forks.option(command, "trials") == setting


def test_who_started_the_process_of_a_trial_gets_its_exit_status():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = psutil.Process(process.pid)
    assert wait_for_ends([found], 0) == ([], [found])
    process.terminate()
    assert wait_for_ends([found], 60) == ([found], [])
    process.communicate()
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"", ""),
        (b"one\ntwo\n\n", "two"),
        (
            b"guild-notebook: cell [2] (Fit) failed with E - see a.html\n",
            "cell [2] (Fit) failed with E - see a.html",
        ),
        (b"\x1b[31mred\x1b[0m\xff\n", "red\ufffd"),
        (b"x" * 5000 + b"\n", "x" * 4095),
    ],
)
def test_why_a_trial_failed_is_the_last_line_of_its_output(tmp_path, output, line):
    path = tmp_path / "output"
    path.write_bytes(output)
    assert sweep._last_line(str(path)) == line
    assert sweep._last_line(str(tmp_path / "none")) == ""


def test_names_of_scalars_in_the_lines_of_a_sweep_do_nothing_to_a_terminal(capsys):
    sweep._Sweep._write(None, "trial 1/2 · a\x1b[2J 0.5")  # type: ignore[arg-type]
    assert capsys.readouterr().out == "trial 1/2 · a?[2J 0.5\n"
