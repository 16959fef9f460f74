"""``guild-notebook attach``: a console in a terminal on the kernel of a run, which the run does not
notice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from guild_notebook import kernel_folders
from guild_notebook.cli import main
from tests.helpers.causes import linux, of_home, started_run
from tests.helpers.in_process import at_home
from tests.helpers.project import LIMIT, Project, Run, start, wait_for
from tests.helpers.terminal import OnTerminal, on_terminal

pytestmark = linux

COMMAND = [sys.executable, "-m", "guild_notebook.cli"]

FAILS = """\
import subprocess
def share(total, row):
    part = total / row
    return round(part, 2)

shares = [share(16, row) for row in rows]"""


class Console:
    """What is typed, and what the screen then shows behind it."""

    def __init__(self, terminal: OnTerminal) -> None:
        self.terminal = terminal

    def wait_for(self, *texts: str) -> None:
        """Wait until the last lines of the screen have these texts, in their order."""

        def are_there(lines: list[str]) -> bool:
            rest = "\n".join(lines).strip()
            for text in texts:
                _, found, rest = rest.partition(text)
                if not found:
                    return False
            return True

        self.terminal.wait_for(are_there)

    def type(self, code: str, *texts: str) -> None:
        self.terminal.press(f"{code}\r")
        self.wait_for(code, *texts)

    def leave(self, keys: str = "exit\r") -> list[str]:
        self.terminal.press(keys)
        assert self.terminal.end() == 0
        return self.terminal.lines


@contextmanager
def attached(project: Project, run: Run, *prompt: str) -> Iterator[Console]:
    pytest.importorskip("jupyter_console")
    env = {**project.environment(), "PROMPT_TOOLKIT_NO_CPR": "1"}
    with on_terminal([*COMMAND, "attach", run.id[:8]], project.dir, env, columns=160) as terminal:
        console = Console(terminal)
        console.wait_for("exit, or Ctrl-D, leaves the console; the kernel stays as it is", *prompt)
        yield console


@pytest.fixture(scope="module")
def failed(shared: Project) -> Iterator[Run]:
    """A run whose kernel is kept."""
    shared.notebook("fails.ipynb", "rows = [3, 5, 0, 8]", FAILS)
    done = shared.guild("run", "-y", "fails.ipynb", "nb-keep-kernel=error", "nb-report=none")
    assert done.status == 1
    yield done.run
    kernel_folders.end_of_run(str(done.run.dir))


def test_the_console_has_what_the_notebook_had_and_the_kernel_outlives_it(
    shared: Project, failed: Run
):
    with attached(shared, failed, "In [") as console:
        console.wait_for(f"the kernel of run {failed.id[:8]} is kept until")
        console.type("rows", "[3, 5, 0, 8]", "In [4]:")
        console.type("%debug", "ipdb>")
        console.type("p total, row", "(16, 0)", "ipdb>")
        console.type("q", "In [5]:")
        console.type("name = input('who? ')", "who?")
        console.type("Ada", "In [6]:")
        console.type("name * 2", "'AdaAda'", "In [7]:")
        console.type("added = 1; print('x' * 3)", "xxx", "In [8]:")
        left = console.leave()
    assert left[-1] == f"the kernel is kept on - guild stop {failed.id[:8]} ends it"
    with attached(shared, failed, "In [") as console:
        console.type("added", "1")
        console.leave("\x04")
    assert failed.sources("fails.ipynb") == ["rows = [3, 5, 0, 8]", FAILS]
    assert "xxx" not in failed.output


def test_ctrl_c_interrupts_what_was_typed(shared: Project, failed: Run):
    with attached(shared, failed, "In [") as console:
        console.type("import time; print('be' + 'gun'); time.sleep(600)", "begun")
        console.terminal.press("\x03")
        console.wait_for("KeyboardInterrupt", "In [")
        console.leave("quit()\r")


@pytest.mark.slow
def test_a_console_ends_with_the_kernel(shared: Project):
    shared.notebook("ends.ipynb", FAILS)
    done = shared.guild("run", "-y", "ends.ipynb", "nb-keep-kernel=error", "nb-report=none")
    with attached(shared, done.run, "In [") as console:
        console.type("print('at' + 'tached')", "attached")
        assert shared.guild("stop", "-y", done.run.id).status == 0
        assert console.leave("1 + 1\r")[-1] == "the kernel has ended"


@pytest.mark.slow
def test_a_kernel_of_another_language_is_kept_and_attached_to(project: Project):
    cells = "rows=35", "ls /nowhere/at/all"
    project.notebook("nb.ipynb", *cells, metadata=project.bash_kernel())
    done = project.guild("run", "-y", "nb.ipynb", "nb-keep-kernel=error", "nb-report=none")
    assert done.status == 1
    with attached(project, done.run, "In [") as console:
        console.type('echo "rows: ${rows}0"', "rows: 350")
        console.leave()
    project.guild("stop", "-y", done.run.id)
    wait_for(lambda: not of_home(project))


WAITS = """\
import os, time
print('started', flush=True)
while not os.path.exists('go on'):
    time.sleep(0.05)
print('went on')"""

GOES_FURTHER = "while not os.path.exists('go further'):\n    time.sleep(0.05)\n"

WAITS_BETWEEN_CELLS = ["if not os.path.exists('end'):\n    time.sleep(1)"] * 60

ASKS = "try:\n    input('for the run?')\nexcept Exception as e:\n    print(type(e).__name__)"


def waits_for_the_kernel(pid: int) -> bool:
    """Whether the console has its connections: it asks the kernel at once then."""
    return len(psutil.Process(pid).net_connections("unix")) > 3


def test_a_run_that_goes_on_is_not_disturbed(project: Project):
    """Its cells keep their numbers, outputs and times, and fail as ever where they ask."""
    sources = "x = 1", WAITS, f"{GOES_FURTHER}x", ASKS, *WAITS_BETWEEN_CELLS
    project.notebook("nb.ipynb", *sources)
    process = start(project, "run", "-y", "nb.ipynb", "nb-report=none")
    run = started_run(project)
    try:
        with attached(project, run) as console:
            console.wait_for(
                f"run {run.id[:8]} goes on: its kernel answers when its cell has ended"
            )
            wait_for(lambda: waits_for_the_kernel(console.terminal.pid))
            (run.dir / "go on").touch()
            console.wait_for("In [")
            console.type("print('of ' + 'the console'); x * 1000")
            console.terminal.press("\x03")
            console.wait_for("it is executed when the run's cell has ended", "In [")
            (run.dir / "go further").touch()
            console.type("raise ValueError('mine')")
            console.wait_for("of the console", "1000", "ValueError: mine")
            (run.dir / "end").touch()
            console.leave()
        said, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert process.returncode == 0, said
    cells = run.notebook("nb.ipynb")["cells"]
    assert [cell["execution_count"] for cell in cells] == [*range(1, 65)]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output.get("text", output.get("data")) for output in outputs] == [
        ["started\n", "went on\n"],
        {"text/plain": ["1"]},
        ["StdinNotImplementedError\n"],
    ]
    assert outputs[1]["execution_count"] == 3
    assert "console" not in said and "mine" not in said
    wait_for(lambda: not of_home(project))


def test_a_run_without_a_kernel_is_named(
    shared: Project, failed: Run, capsys: pytest.CaptureFixture[str]
):
    shared.notebook("works.ipynb", "x = 1")
    works = shared.run("works.ipynb", "nb-report=none").run
    (works.dir / ".guild" / "attrs" / "host").write_text("elsewhere")
    ended = shared.run("works.ipynb", "nb-report=none").run
    with at_home(shared.home):
        for run, said in (
            (works, "was started on elsewhere, its kernel is not on this machine - say this there"),
            (
                ended,
                "has ended, and its kernel with it - guild run NOTEBOOK nb-keep-kernel=error "
                "keeps that of a run that fails",
            ),
        ):
            for command in ("attach", "stack"):
                assert main([command, run.id]) == 1
                line = f"guild-notebook: run {run.id[:8]} {said}\n"
                assert capsys.readouterr() == ("", line)


def test_without_jupyter_console_it_is_said_how_it_is_installed(shared: Project, failed: Run):
    without = "import sys; sys.modules['jupyter_console'] = None; " + (
        "from guild_notebook.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", without, "attach", failed.id],
        env=shared.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "guild-notebook: attach needs jupyter_console - pip install 'guild-notebook[console]'\n",
    )
