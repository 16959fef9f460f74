"""Runs in a real terminal: the line at the bottom, what is printed above it, the last line."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import struct
import time
from dataclasses import dataclass

import pytest

from tests.helpers.project import GUILD, Project, Run, markdown, wait_for
from tests.helpers.terminal import OnTerminal, on_terminal

SPINNERS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
LIVE = re.compile(rf"[{SPINNERS}] ")

PREPARE = "print('loss: 0.5')\nprint('漢字 🙂')\nprint('loss: 0.25 (step 3)')"
TRAIN = """
import sys, time
from tqdm import tqdm
print('open', end='', flush=True)
time.sleep(3.9)
print(' and closed')
for i in tqdm(range(8), ncols=60, mininterval=0):
    time.sleep(0.25)
"""


def guild_on_terminal(
    project: Project, command: list[str], columns: int = 80, **env: str
) -> contextlib.AbstractContextManager[OnTerminal]:
    but = ("COLUMNS", "NO_COLOR", "JPY_PARENT_PID")
    inherited = {name: v for name, v in project.environment().items() if name not in but}
    return on_terminal(
        command, project.dir, {**inherited, "TERM": "xterm-256color", **env}, columns
    )


def run_in(project: Project) -> Run:
    """The newest run."""
    wait_for(project.run_dirs)
    return Run(max(project.run_dirs(), key=lambda path: path.stat().st_ctime))


def is_live(lines: list[str], text: str = "") -> bool:
    return bool(lines and LIVE.match(lines[-1]) and text in lines[-1])


def without_times(output: str) -> str:
    return re.sub(r"\[[\d:]+<[^\]]*\]|\(\d+\.\d s\)", "TIME", output)


def streams(run: Run) -> list[int]:
    index = (run.dir / ".guild" / "output.index").read_bytes()
    return [stream for _, stream in struct.iter_unpack("!QB", index)]


@dataclass
class Both:
    """A run in a pipe, and then one in a terminal: what was on its screen while the second cell
    ran, before and after it became wider, and at the end."""

    piped: Run
    printed: str
    run: Run
    program: OnTerminal
    narrow: list[str]
    wide: list[str]
    last: list[str]
    seconds: float


@pytest.fixture(scope="module")
def both(shared: Project) -> Both:
    train = "# Long training" + TRAIN
    shared.notebook("nb.ipynb", markdown("# Prepare"), PREPARE, train)
    done = shared.run("nb.ipynb")
    piped = done.run
    began = time.monotonic()
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "nb.ipynb"]) as program:
        narrow = program.wait_for(
            lambda lines: is_live(lines, "Long training  0:0") and "  0:00" not in lines[-1]
        )
        program.resize(150)
        wide = program.wait_for(lambda lines: is_live(lines, "/8"))
        assert program.end() == 0
        seconds = time.monotonic() - began
        (run_dir,) = shared.run_dirs() - {piped.dir}
        printed = done.stdout + done.stderr
        return Both(piped, printed, Run(run_dir), program, narrow, wide, program.lines, seconds)


def test_one_line_at_the_bottom_says_which_cell_runs_and_how_long_it_took_before(both: Both):
    assert re.fullmatch(
        rf"[{SPINNERS}] \[2/2\] Long training  0:0[1-4] · last time 0:(0[5-9]|[1-5]\d)",
        both.narrow[-1],
    )
    assert both.narrow[-2] == "open"
    assert re.fullmatch(
        rf"[{SPINNERS}] \[2/2\] Long training  0:\d\d · last time 0:(0[5-9]|[1-5]\d) · "
        r"\d+%\|.*\| [0-8]/8 \[.*\]",
        both.wide[-1],
    )


def test_the_line_is_nowhere_but_at_the_bottom(both: Both):
    assert sum(map(is_live, both.program.seen)) > 5
    for lines in both.program.seen:
        assert not any(map(LIVE.match, lines[:-1])), "\n".join(lines)


def test_a_run_ends_with_its_scalars_and_how_to_open_its_report(both: Both):
    *output, end = both.last
    name = both.run.id[:8]
    assert re.fullmatch(
        rf"✓ {name} completed in \d+ s · loss 0\.25 \(step 3\) · guild-notebook open {name}", end
    )
    assert output == both.run.output.splitlines()


def test_the_cursor_is_never_hidden(both: Both):
    assert b"\x1b[?25" not in both.program.raw
    assert not both.program.hides_cursor


def test_what_is_recorded_is_the_same_as_in_a_pipe(both: Both):
    assert without_times(both.run.output) == without_times(both.piped.output)
    assert streams(both.run) == streams(both.piped)
    assert not set(both.run.output) & {*SPINNERS, "\x1b", "\r", "✓", "\0"}


def test_a_pipe_gets_what_is_recorded_and_no_more(both: Both):
    printed = [line for line in both.printed.splitlines() if "WARNING" not in line]
    assert sorted(printed) == sorted(both.piped.output.splitlines())


def test_the_terminal_gets_few_states_of_the_line(both: Both):
    draws = len(re.findall(rf"[{SPINNERS}]", both.program.raw.decode("utf-8")))
    assert draws <= both.seconds / 0.25


def test_a_failed_run_ends_with_its_cell(shared: Project):
    shared.without_reports("bad.ipynb")
    shared.notebook("bad.ipynb", "x = 1", "# Divide\nx / 0")
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "bad.ipynb"], 150) as program:
        assert program.end() == 1
        run = run_in(shared)
        assert re.fullmatch(
            rf"✗ {run.id[:8]} failed after \S+ s · cell .*Divide.* failed with ZeroDivisionError",
            program.lines[-1],
        )
        assert b"\x1b[31m\xe2\x9c\x97\x1b[0m" in program.raw


@pytest.mark.parametrize(
    ("argument", "status", "end"),
    [("4", 4, " exited with status 4"), ("'no data'", 1, ": no data")],
)
def test_a_run_that_a_cell_exits_ends_with_the_cell(
    shared: Project, argument: str, status: int, end: str
):
    shared.without_reports("exit.ipynb")
    shared.notebook("exit.ipynb", f"# Check\nimport sys\nsys.exit({argument})")
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "exit.ipynb"], 150) as program:
        assert program.end() == status
        assert program.lines[-1].endswith(f" s · cell [1] (Check){end}")


def test_a_run_whose_process_is_killed_ends_with_what_it_was_at(shared: Project):
    shared.without_reports("killed.ipynb")
    lines = "import os, signal, psutil\nos.kill(psutil.Process().parent().ppid(), signal.SIGKILL)"
    shared.notebook("killed.ipynb", "x = 1", f"# Kill\nimport time\ntime.sleep(3)\n{lines}")
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "killed.ipynb"], 150) as program:
        program.end()
        assert re.fullmatch(r"✗ \w+ stopped after \S+ s · \[2/2\] Kill", program.lines[-1])


def test_ctrl_c_ends_a_run_and_leaves_the_terminal_as_it_was(shared: Project):
    shared.without_reports("long.ipynb")
    shared.notebook("long.ipynb", "# Wait\nimport time\ntime.sleep(300)")
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "long.ipynb"], 150) as program:
        program.wait_for(lambda lines: is_live(lines, "[1/1] Wait  0:0"))
        program.press("\x03")
        program.end()
        run = run_in(shared)
        (end,) = (line for line in program.lines if line.startswith("✗"))
        assert re.match(rf"✗ {run.id[:8]} stopped after \S+ s · cell .*Wait.* was stopped", end)
        assert not any(map(LIVE.match, program.lines))


QUIET = "run -y quiet.ipynb"
PLAIN = {
    "a dumb terminal": ("{guild}", {"TERM": "dumb"}, 1),
    "in a cell of Jupyter": ("{guild}", {"JPY_PARENT_PID": "5"}, 1),
    "stdout in a pipe": ("{guild} | cat", {}, 0),
    "both in a pipe": ("{guild} 2>&1 | cat", {}, 0),
    "stderr in a file": ("{guild} 2> err", {}, 0),
}
"""Where there is no line at the bottom, and how many lines at the end there are."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLAIN)
def test_without_a_terminal_to_draw_on_there_is_no_line(shared: Project, kind: str):
    shared.without_reports("quiet.ipynb")
    shared.notebook("quiet.ipynb", "import time\nprint('loss: 0.5')\ntime.sleep(0.6)")
    command, env, ends = PLAIN[kind]
    command = command.format(guild=f"{shlex.join(GUILD)} {QUIET}")
    with guild_on_terminal(shared, ["sh", "-c", command], 150, **env) as program:
        assert program.end() == 0
        shown = program.raw.decode("utf-8")
        assert "loss: 0.5" in shown
        assert not set(shown) & {*SPINNERS, "\x1b", "\0"}
        assert shown.count("✓") == ends


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--background", "nohup", "a job of the shell"])
def test_a_run_in_the_background_draws_nothing(shared: Project, how: str):
    shared.without_reports("quiet.ipynb")
    shared.notebook("quiet.ipynb", "import time\nprint('loss: 0.5')\ntime.sleep(1.5)")
    guild = f"{shlex.join(GUILD)} {QUIET}"
    command = {
        "--background": f"{guild} --background; sleep 3",
        "nohup": f"nohup {guild} < /dev/null; cat nohup.out",
        "a job of the shell": f"set -m; {guild} & wait",
    }[how]
    with guild_on_terminal(shared, ["bash", "-c", command], 150) as program:
        assert program.end() == 0
        assert not set(program.raw.decode("utf-8")) & {*SPINNERS, "\0"}
    run = run_in(shared)
    wait_for(lambda: run.attr("exit_status") is not None)
    assert not set(run.output) & {*SPINNERS, "\x1b", "\0"}


@pytest.mark.slow
def test_guild_that_is_killed_leaves_a_terminal_that_shows_its_cursor(shared: Project):
    shared.without_reports("long.ipynb")
    shared.notebook("long.ipynb", "# Wait\nimport time\ntime.sleep(300)")
    with guild_on_terminal(shared, [*GUILD, "run", "-y", "long.ipynb"]) as program:
        program.wait_for(lambda lines: is_live(lines, "[1/1] Wait  0:0"))
        os.kill(program.pid, 9)
        program.end()
        assert not program.hides_cursor
        assert program._screen.cursor.x == 0
    run = run_in(shared)
    wait_for(lambda: run.attr("exit_status") is not None)


@pytest.mark.slow
def test_no_color_leaves_the_line_and_takes_its_color(shared: Project):
    shared.without_reports("quiet.ipynb")
    shared.notebook("quiet.ipynb", "# Wait\nimport time\ntime.sleep(2)")
    command = [*GUILD, *QUIET.split()]
    with guild_on_terminal(shared, command, NO_COLOR="1") as program:
        assert program.end() == 0
        assert any(is_live(lines, "Wait") for lines in program.seen)
        assert not re.search(rb"\x1b\[[\d;]*m", program.raw)
        assert program.lines[-1].startswith("✓ ")


BARS = """
import time
from tqdm.auto import tqdm
for i in tqdm(range(16), desc='steps'):
    time.sleep(0.02)
"""
TRACK = """
from rich.progress import track
for i in track(range(20), 'tracked'):
    time.sleep(0.02)
"""
FRAMES = """
from IPython.display import HTML, clear_output, display
PNG = 'iVBORw0KGgo='
for i in range(5):
    clear_output(wait=True)
    display({'image/png': PNG, 'text/plain': '<Figure>'}, raw=True)
handle = display(HTML('start'), display_id=True)
for i in range(5):
    handle.update(HTML(f'<progress value="{i + 1}" max="5"></progress> part {i + 1}'))
"""
NESTED = """
from tqdm import tqdm as text_tqdm
for i in text_tqdm(range(3), desc='outer', mininterval=0, ascii=True):
    for j in text_tqdm(range(4), desc='inner', mininterval=0, leave=False, ascii=True):
        time.sleep(0.02)
"""


def test_bars_of_all_kinds_are_few_lines_and_end_with_their_last_state(shared: Project):
    pytest.importorskip("ipywidgets")
    shared.without_reports("bars.ipynb")
    shared.notebook("bars.ipynb", BARS, TRACK, FRAMES, NESTED)
    began = time.monotonic()
    output = shared.run("bars.ipynb").run.output
    more = int((time.monotonic() - began) / 5)  # lines of a loaded machine
    cells = re.split(r"(?m)^\[\d/4\].*\n", output)
    tqdm_lines, rich_lines, frames, nested = (cell.splitlines() for cell in cells[:4])
    assert "steps: 100% 16/16" in tqdm_lines[-1] and len(tqdm_lines) <= 1 + more
    assert "100%" in rich_lines[-1] and "Output()" not in output and len(rich_lines) <= 2 + more
    assert [line for line in frames if "saved" in line] == ["image saved to bars_3_0.png"]
    assert frames[-2:] == ["20% part 1", "100% part 5"]
    assert len([line for line in nested if "outer" in line]) <= 1 + more
    assert re.match(r"outer: 100%\|#+\| 3/3 ", nested[0])


STEPS = """
train:
  notebook: train.ipynb
  nb-report: none
script:
  main: script
inner:
  steps: [train]
outer:
  steps: [script, inner]
"""
SCRIPT = r"""
import sys
sys.stdout.buffer.write(b"a NUL \0\1\2\0\0 and more\n")
sys.stdout.flush()
"""


def test_the_steps_of_a_pipeline_have_the_line_too(project: Project):
    project.guildfile(STEPS)
    project.file("script.py", SCRIPT)
    project.notebook("train.ipynb", f"# Long training{TRAIN}")
    printed = project.run("outer")
    piped = next(run for run in printed.runs if run.op_name == "outer")
    with guild_on_terminal(project, [*GUILD, "run", "-y", "outer"], 150) as program:
        lines = program.wait_for(lambda lines: is_live(lines, "/8"))
        assert re.match(rf"[{SPINNERS}] \[1/1\] Long training  0:\d\d · last time ", lines[-1])
        assert program.end() == 0
    for lines in program.seen:
        assert not any(map(LIVE.match, lines[:-1])), "\n".join(lines)
    run = next(
        run for run in map(Run, project.run_dirs()) if run.op_name == "outer" and run.id != piped.id
    )
    assert without_times(run.output) == without_times(piped.output)
    assert "a NUL \0\1\2\0\0 and more" in run.output
    *shown, end = program.lines
    assert re.fullmatch(r"✓ [0-9a-f]{8} completed in \d+ s", end)
    assert "open and closed" in shown and shown[-1].startswith("[1/1] Long training (")
    assert "✓" not in printed.stdout + printed.stderr
