"""A run has no keyboard: what asks for input gets an error or an end of file, at once."""

from __future__ import annotations

import json
import sys

import pytest

from tests.helpers.figures import figure
from tests.helpers.project import Command, Project, code
from tests.helpers.runner import attempt, execute

ERRORS = {
    "input": "input('Your name? ')",
    "getpass": "import getpass\ngetpass.getpass()",
    "getpass with a prompt": "from getpass import getpass as ask\nask('Token: ')",
    "sys.stdin.read": "import sys\nsys.stdin.read()",
    "sys.stdin.readline": "import sys\nsys.stdin.readline()",
    "lines of sys.stdin": "import sys\nfor line in sys.stdin: pass",
    "%debug": "%debug",
    "breakpoint": "def inner():\n    breakpoint()\n    return 1\ninner()",
    "pdb": "import pdb; pdb.set_trace()\n1",
    "%%debug": "%%debug\nx = 1",
}
ENDS = {
    "!read": '!read x; echo "read ended with $?"',
    "!python": f"!{sys.executable} -c \"print('got', repr(__import__('sys').stdin.read()))\"",
    "!cat": "!cat; echo cat has ended",
    "/dev/tty": "!head -n 1 /dev/tty; echo tty has ended",
    "getoutput": "shown = !cat; echo getoutput has ended\nprint(shown)",
    "os.system": "import os\nos.system('cat; echo system has ended')",
    "%%bash": "%%bash\nread x; echo bash has ended",
    "%%sh": "%%sh\ncat; echo sh has ended",
    "subprocess": "import subprocess\nprint(subprocess.run(['cat'], capture_output=True).stdout)",
    "os.read": "import os\nprint(os.read(0, 10))",
    "!exit": "!exit 3\nprint('status', _exit_code)",
}
SHOWN = ["read ended with 1", "got ''", "cat has ended", "tty has ended", "getoutput has ended",
         "system has ended", "bash has ended", "sh has ended", "b''", "status 3"]  # fmt: skip
SLOWEST = 30.0
"""Seconds of a cell, on a machine that has much other work: a cell that waits has twice as many."""


@pytest.fixture(scope="module")
def asked(shared: Project) -> Command:
    started = "import time\nnow = time.monotonic()"
    cells = []
    for name, source in {**ERRORS, **ENDS}.items():
        cells += [started, code(source, tags=["raises-exception"])]
        cells += [f"print('took', {name!r}, time.monotonic() - now)"]
    shared.notebook("nb.ipynb", *cells)
    return execute(shared, "nb.ipynb", "--cell-timeout", "60")


def cell_of(done: Command, name: str) -> str:
    index = list({**ERRORS, **ENDS}).index(name)
    return json.dumps(done.run.notebook("nb.ipynb")["cells"][3 * index + 1]["outputs"])


@pytest.mark.parametrize("name", ERRORS)
def test_what_asks_for_input_is_an_error_that_says_what_to_do(asked: Command, name: str):
    shown = cell_of(asked, name)
    assert "a run has no keyboard" in shown and "name=value" in shown


@pytest.mark.parametrize("name", ENDS)
def test_what_reads_from_a_terminal_gets_an_end_of_file(asked: Command, name: str):
    shown = cell_of(asked, name)
    assert any(text in shown for text in SHOWN), shown


def test_none_of_them_waits(asked: Command):
    took = [line for line in asked.stdout.splitlines() if line.startswith("took ")]
    seconds = [float(line.rsplit(" ", 1)[1]) for line in took]
    assert len(seconds) == len(ERRORS) + len(ENDS) and max(seconds) < SLOWEST, took
    figure("slowest prompt without a keyboard", f"{max(seconds):.1f} s", f"below {SLOWEST:g} s")


def test_a_cell_that_asks_for_input_fails_the_run(project: Project):
    project.notebook("nb.ipynb", "name = input('Your name? ')", "print('never')")
    done = attempt(project, "nb.ipynb")
    assert done.status == 1 and "never" not in done.stdout
    assert "a run has no keyboard to answer input() ('Your name?')" in done.stderr
