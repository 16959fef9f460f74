"""Scripts that use the API: in whatever order they import it, on a terminal, when they are ended,
with asyncio, and as a type checker reads them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from guild_notebook.api import run, runs
from tests.helpers.project import CHECKOUT, LIMIT, Project, wait_for
from tests.helpers.slow import but_slow
from tests.helpers.terminal import on_terminal


def program(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text)]


IMPORTS = [
    "from guild_notebook import run",
    "import guild_notebook.run; from guild_notebook import run",
    "import guild_notebook.run.finished; run = guild_notebook.run",
    "import guild_notebook; run = guild_notebook.run",
    "from guild_notebook import sweep, run",
    "from guild_notebook.api import run",
]


@pytest.mark.parametrize(
    "imports",
    but_slow(IMPORTS, *IMPORTS[:2]),
)
def test_run_can_be_called_however_it_is_imported(project: Project, imports: str):
    code = f"{imports}\nprint(run('loop', n=1, quiet=True).status)"
    done = subprocess.run(program(code), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("completed\n", "")


def test_importing_the_package_imports_no_more_than_it_did(project: Project):
    code = "import sys, guild_notebook\nprint([m for m in sys.modules if 'guild' in m])"
    shown = subprocess.run(program(code), capture_output=True, text=True).stdout
    assert "guild_notebook.api" not in shown
    assert "guild_notebook.run" not in shown


def test_help_and_the_signature_are_those_of_the_function():
    code = (
        "from inspect import signature; import guild_notebook.run\n"
        "from guild_notebook import api, run\n"
        "print(signature(run) == signature(api.run), run.__doc__ == api.run.__doc__)"
    )
    done = subprocess.run(program(code), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_a_program_whose_output_nobody_reads_any_more_stops_its_run(project: Project):
    with subprocess.Popen(program(CALLED), stdout=subprocess.PIPE, text=True) as process:
        while process.stdout.readline() != "step: 3\n":
            assert process.poll() is None
        process.stdout.close()
        assert process.wait() != 0
    assert runs(1)[0].status == "terminated"


def test_a_stream_that_raises_stops_the_run(project: Project):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "it is full")

    with contextlib.redirect_stdout(Full()), pytest.raises(OSError, match="it is full"):
        run("loop", n=600)
    assert runs(1)[0].status == "terminated"


def test_output_that_goes_to_a_file_is_that_of_the_command(project: Project, tmp_path: Path):
    code = "from guild_notebook import run; print('before'); run('loop'); print('after')"
    with (tmp_path / "out").open("w") as out:
        subprocess.run(program(code), stdout=out, stderr=subprocess.STDOUT, check=True)
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert [line for line in lines if line.startswith("step")] == ["step: 0", "step: 1"]


CALLED = "from guild_notebook import run\nprint(run('loop', n=600))"
CAUGHT = """\
from guild_notebook import run
try:
    run("loop", n=600)
except KeyboardInterrupt as e:
    print("run", e.run.id, "is", e.run.status)
"""
IN_THREAD = """\
import threading, time
from guild_notebook import run
made = []
thread = threading.Thread(target=lambda: made.append(run("loop", n=600, check=False)))
thread.start()
try:
    thread.join()
except KeyboardInterrupt:
    while not made:  # a join that was interrupted may not be repeated
        time.sleep(0.1)
    print("run", made[0].id, "is", made[0].status)
"""
AWAITED = """\
import asyncio
from guild_notebook import arun, runs
try:
    asyncio.run(arun("loop", n=600))
except KeyboardInterrupt:
    print("run", runs(1)[0].id, "is", runs(1)[0].status)
"""


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(CAUGHT, id="run"),
        pytest.param(IN_THREAD, id="thread", marks=SLOW),
        pytest.param(AWAITED, id="asyncio", marks=SLOW),
    ],
)
def test_ctrl_c_on_a_terminal_stops_the_run(project: Project, code: str):
    with on_terminal(program(code), project.dir, dict(os.environ)) as terminal:
        terminal.wait_for(lambda lines: any("step: 3" in line for line in lines))
        terminal.press("\x03")
        assert terminal.end() == 0
        (found,) = runs(1)
        assert f"run {found.id} is terminated" in terminal.lines
    assert found.error.reason == "cell [2] (Loop) was stopped"


@pytest.mark.slow
def test_on_a_terminal_there_is_the_line_of_what_goes_on(project: Project):
    code = "from guild_notebook import run; run('loop', n=10)"
    with on_terminal(program(code), project.dir, dict(os.environ)) as terminal:
        assert terminal.end() == 0
        assert any("[2/2] Loop  0:0" in line for screen in terminal.seen for line in screen)


@pytest.mark.parametrize(
    "number", but_slow([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGTERM)
)
def test_what_ends_the_program_ends_its_run(project: Project, number: int):
    with subprocess.Popen(program(CALLED), stdout=subprocess.PIPE, text=True) as process:
        while process.stdout.readline() != "step: 3\n":
            assert process.poll() is None
        process.send_signal(number)
        process.communicate()
    assert process.returncode == -number
    (found,) = runs(1)
    assert found.status == "terminated"


@pytest.mark.slow
def test_a_run_ends_after_its_program_was_killed(project: Project):
    code = "import io, sys\nsys.stdout = sys.stderr = io.StringIO()\n" + CALLED
    before = {each.id for each in runs()}
    with subprocess.Popen(program(code)) as process:
        wait_for(lambda: {each.id for each in runs()} - before)
        (found,) = (each for each in runs() if each.id not in before)
        wait_for(lambda: found.scalars.get("count", 0) > 3)
        process.kill()
    assert found.wait(LIMIT).status == "terminated"


AT_ONCE = """\
import asyncio, time
from guild_notebook import arun, asweep

async def main():
    first = asyncio.create_task(arun("loop", n=20, quiet=True))
    second = asyncio.create_task(arun("loop", n=21, quiet=True))
    trials = asyncio.create_task(asweep("loop", n=[1, 2], quiet=True))
    ticks = 0
    while not first.done():
        await asyncio.sleep(0.1)
        ticks += 1
    a, b = await asyncio.gather(first, second)
    apart = abs((a.started - b.started).total_seconds())
    print(ticks > 10, apart < min(a.seconds, b.seconds), len(await trials))
    try:
        await asyncio.wait_for(arun("loop", n=600, quiet=True), 15)
    except asyncio.TimeoutError:
        print("over")
    try:
        await arun("loop", m=1, quiet=True)
    except Exception as e:
        print(type(e).__name__, e.run)

asyncio.run(main())
"""


@pytest.mark.slow
def test_runs_go_on_at_once_with_asyncio(project: Project):
    done = subprocess.run(program(AT_ONCE), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True True 2\nover\nRunError None\n", "")
    assert [each.status for each in runs(filter="n = 600", operation="loop")][:1] == ["terminated"]


WAITS = """
import os, sys, time
moment = os.environ.pop("WAIT_AT", None)
def wait(event, arguments):
    if event in ("open", "subprocess.Popen") and moment in str(arguments[:2]):
        print("it waits", flush=True)
        time.sleep(2)
if moment:
    sys.addaudithook(wait)
"""
"""A sitecustomize that lets Guild wait when it writes a file of a run, or starts its process."""
CANCELLED = """\
import asyncio, io, sys
from guild_notebook import arun, runs

async def main():
    waits = asyncio.Event()
    class Shown(io.StringIO):
        def write(self, text):
            if "it waits" in text:
                loop.call_soon_threadsafe(waits.set)
    shown, sys.stdout = sys.stdout, Shown()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(arun("loop", n=600))
    await waits.wait()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print(runs(1)[0].status, file=shown)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "moment", but_slow(["attrs/cmd', 'w'", "attrs/env', 'w'"], "attrs/cmd', 'w'")
)
def test_a_task_that_is_cancelled_ends_a_run_that_has_no_process_yet(
    project: Project, tmp_path: Path, moment: str
):
    (tmp_path / "sitecustomize.py").write_text(WAITS)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    code = f"import os; os.environ['WAIT_AT'] = {moment!r}\n{CANCELLED}"  # for the command alone
    done = subprocess.run(program(code), capture_output=True, text=True, env=env)
    assert done.stdout == "terminated\n" and "Traceback" not in done.stderr, done.stderr


RIGHT = """\
from __future__ import annotations

from datetime import datetime
from pathlib import Path

import guild_notebook
from guild_notebook import Run, RunError, Sweep, arun, asweep, run, runs, sweep
from guild_notebook.api import ExecutedNotebook, Image, Output, RunFailure, Runs

made: Run = run("train.ipynb", lr=0.2, nb_report="none", label="x", tags=["a"], flags={"a": 1})
same: Run = guild_notebook.run(Path("train.ipynb"))
status: str = made.status
value: float = made.scalars["loss"]
points: list[tuple[int, float]] = made.steps("loss")
outputs: list[Output] = made.outputs("Training") + made.outputs(1)
images: list[Image] = made.images
report: Path | None = made.report
notebook: ExecutedNotebook | None = made.notebook
error: RunFailure | None = made.error
started: datetime | None = made.started
trials: Sweep = sweep("train.ipynb", lr=[0.1, 0.2], jobs=4, minimize="loss")
best: Run = trials.best
found: Runs = runs("1:3", operation="train")
first: Run = found[0]


async def main() -> None:
    one: Run = await arun("train.ipynb", lr=0.2)
    more: Sweep = await asweep("train.ipynb", lr=[0.2], max_trials=3)


try:
    made.stop().wait(timeout=3)
except RunError as e:
    failed: Run | None = e.run
"""

WRONG = """\
from guild_notebook import arun, run, runs, sweep

run()
run("train.ipynb", label=1)
run("train.ipynb", project=3).scalars["loss"].lower()
sweep("train.ipynb", jobs="4")
runs(status=3)
run("train.ipynb").statsu
arun("train.ipynb").status
"""


@pytest.mark.slow
def test_a_type_checker_knows_the_api(tmp_path: Path):
    pytest.importorskip("mypy")
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "."]
    env = {**os.environ, "MYPYPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line for line in errors if line.startswith("right.py")] == []
    wrong = [line for line in errors if line.startswith("wrong.py")]
    assert sorted({int(line.split(":")[1]) for line in wrong}) == [3, 4, 5, 6, 7, 8, 9]
