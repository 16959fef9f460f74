"""``guild-notebook stack``: where the kernel of a run is, without py-spy and with it."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import kernel_folders
from tests.helpers.causes import linux, started_run
from tests.helpers.project import LIMIT, Project, Run, code, start
from tests.helpers.slow import but_slow

pytestmark = linux

HOW = "py-spy is not installed"


@contextmanager
def running(
    project: Project, *cells: str | dict[str, Any], options: tuple[str, ...] = (), **fields: Any
) -> Iterator[Run]:
    """A run whose last cell prints "started", and goes on."""
    project.notebook("nb.ipynb", *cells, **fields)
    args = "run", "-y", "nb.ipynb", "nb-report=none", *options
    process = start(project, *args, start_new_session=True)
    try:
        yield started_run(project)
    finally:
        project.guild("stop", "-y")
        process.communicate(timeout=LIMIT)


def stack(project: Project, run: Run, **env: str) -> tuple[int, str, str]:
    """What the command prints, with the run's ID replaced."""
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "stack", run.id],
        env={**project.environment(), "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    return done.returncode, done.stdout.replace(run.id[:8], "RUN"), done.stderr


CALLS = """\
# Wait
import os, time
def poll(seconds):
    print('started', flush=True)
    {wait}

poll(600)"""


@pytest.fixture(scope="module")
def waiting(shared: Project) -> Iterator[Run]:
    """Its last cell is the same as the one before, which has ended; the first is not to run."""
    same = CALLS.format(wait="while number == 2: time.sleep(seconds)")
    count = "number = globals().get('number', 0) + 1\n"
    same = same.replace("# Wait\n", f"# Wait\n{count}").replace("print(", "number == 2 and print(")
    left_out = code("0", tags=["slow"])
    left_out["metadata"]["guild"] = {"timeout": 5}
    with running(shared, left_out, same, same, options=("nb-skip-tags=slow",)) as run:
        yield run


HERE = """\
  cell [2] (Wait), line 8, in <module>
    poll(600)
  cell [2] (Wait), line 6, in poll
    while number == 2: time.sleep(seconds)
"""


def test_the_line_of_the_cell_is_shown_and_what_it_has_called(shared: Project, waiting: Run):
    expected = 0, f"run RUN is here, the last call comes last ({HOW}):\n{HERE}", ""
    assert stack(shared, waiting) == expected
    assert stack(shared, waiting) == expected  # it goes on as before


SPY = """\
#!{python}
import json, os, sys
assert sys.argv[1:4] == ["dump", "--json", "--pid"], sys.argv
{does}
"""


def spy(folder: Path, does: str) -> str:
    """A program of that name; returns the folder that is to be in PATH."""
    program = folder / "py-spy"
    program.write_text(SPY.format(python=sys.executable, does=does))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}:/usr/bin:/bin"


def test_py_spy_is_asked_where_it_is_installed(shared: Project, waiting: Run, tmp_path: Path):
    folder = kernel_folders.of_run(str(waiting.dir))
    assert folder
    frames = [
        {"name": "wait", "filename": "/lib/of/others.py", "line": 7},
        {"name": "<module>", "filename": "/tmp/ipykernel_1/2.py", "line": 3},
        {"name": "run", "filename": "/lib/ipykernel.py", "line": 1},
    ]
    threads = [{"frames": frames[2:]}, {"frames": frames}]
    does = f"assert sys.argv[4] == '{folder.pid}'; print({json.dumps(json.dumps(threads))})"
    assert stack(shared, waiting, PATH=spy(tmp_path, does)) == (
        0,
        "run RUN is here, the last call comes last (py-spy):\n"
        "  code that is not a cell's, line 3, in <module>\n"
        "  /lib/of/others.py, line 7, in wait\n",
        "",
    )


REFUSALS = {
    "Permission denied": "sys.exit('Error: x\\nPermission denied: Try running again')",
    "Expecting value": "print('not json')",
    "string indices": 'print(\'[{"frames": ["odd"]}]\')',
}


@pytest.mark.parametrize("why", but_slow(REFUSALS, "Permission denied"))
def test_the_kernel_is_asked_where_py_spy_cannot(
    shared: Project, waiting: Run, tmp_path: Path, why: str
):
    status, said, error = stack(shared, waiting, PATH=spy(tmp_path, REFUSALS[why]))
    first, _, rest = said.partition("\n")
    assert (status, error, rest) == (0, "", HERE)
    assert re.fullmatch(rf"run RUN is here, .+ \(py-spy says: {why}.*\):", first)


AWAITS = "# Await\nimport asyncio\nprint('started', flush=True)\nawait asyncio.sleep(600)"

BUSY = CALLS.format(wait="import re; re.match('(a+)+$', 'a' * 60 + 'b')")

THREADS = """\
# Threads
import threading, time
def work():
    time.sleep(600)
thread = threading.Thread(target=work, daemon=True)
thread.start()
print('started', flush=True)
thread.join(600)"""

KINDS = {
    "awaits": (
        AWAITS,
        f"run RUN: cell [1] (Await) awaits something, no line of a cell is being executed ({HOW})",
    ),
    "in a library that does not let Python go on": (
        BUSY,
        f"run RUN is here, the last call comes last ({HOW}):\n"
        "  cell [1] (Wait), line 7, in <module>\n"
        "    poll(600)\n"
        "  cell [1] (Wait), line 5, in poll\n"
        "    import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    ),
    "in two threads": (
        THREADS,
        f"run RUN is here, the last call comes last ({HOW}):\n"
        "  cell [1] (Threads), line 8, in <module>\n"
        "    thread.join(600)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_found_whatever_it_does(project: Project, kind: str):
    source, expected = KINDS[kind]
    with running(project, source) as run:
        status, said, error = stack(project, run)
    assert (status, error) == (0, "")
    assert said.startswith(f"{expected}\n")
    other = "and another thread here, the last call comes last (py-spy is not installed):\n"
    other += "  cell [1] (Threads), line 4, in work\n    time.sleep(600)\n"
    assert (other in said) == (kind == "in two threads")


@pytest.mark.slow
def test_a_forked_kernel_is_asked_as_any_other(project: Project):
    cells = "base = [1, 2]", "lr = 0.1", CALLS.format(wait="time.sleep(seconds / lr)")
    options = "lr=[0.1,0.2]", "nb-fork=yes"
    with running(project, *cells, options=options):
        is_forked = "are executed once for all trials"
        outputs = (d / ".guild" / "output" for d in project.run_dirs())
        trials = [o.parents[1] for o in outputs if o.exists() and is_forked in o.read_text("utf-8")]
        trial = next(Run(d) for d in trials if "lr" in (Run(d).flags or {}))
        status, said, error = stack(project, trial)
    assert (status, error) == (0, "")
    assert "  cell [3] (Wait), line 5, in poll\n    time.sleep(seconds / lr)\n" in said


@pytest.mark.slow
def test_a_kernel_of_another_language_is_left_alone(project: Project):
    with running(project, "echo started\nsleep 600", metadata=project.bash_kernel()) as run:
        folder = kernel_folders.of_run(str(run.dir))
        assert folder
        assert stack(project, run) == (
            1,
            "",
            f"guild-notebook: the kernel, process {folder.pid}, is not a Python kernel that a run "
            f"has prepared ({HOW}) - stack knows no others\n",
        )
        assert kernel_folders.of_run(str(run.dir)) == folder
