"""What is forked goes on as it would have, and what would not is found before: real processes that
execute cells, ask, and are forked in any case, so that a rule without a reason would be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.run.kernel import fork_safety
from tests.helpers.project import LIMIT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

VARIABLES = ["RUN_DIR", "RUN_ID", "FLAG_*"]

PROGRAM = r"""
import ast, asyncio, importlib.util, inspect, json, os, sys, time, traceback, types

source, variables, cells, after, site_packages = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location("fork_safety", source)
fork_safety = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fork_safety)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
main = sys.modules["__main__"] = types.ModuleType("__main__")

def execute(source):
    code = compile(source, "/tmp/ipykernel_1/1.py", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, vars(main))
    if inspect.iscoroutine(result):
        loop.run_until_complete(result)

def trial():
    try:
        watch.in_child()
        execute(after)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0

watch = fork_safety.Watch(os.getcwd(), variables)
execute(cells)
start = time.perf_counter()
problem = watch.problem(vars(main), [0, 1, 2])
seconds = time.perf_counter() - start
statuses = []
for _ in range(2 if after else 0):
    pid = os.fork()
    if not pid:
        os._exit(trial())
    end = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > end:
            break
        time.sleep(0.01)
    if not ended:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    statuses.append(status if ended else "hangs")
print(json.dumps([problem, seconds, statuses]))
sys.stdout.flush()
os._exit(0)
"""


def forked(folder: Path, cells: str, after: str = "", seconds: float = 20) -> list[Any]:
    """What ``Watch.problem`` says after the ``cells``, the seconds that it took, and the exit
    statuses of two forks that then execute ``after``."""
    folder.mkdir(exist_ok=True)
    (folder / "in.txt").write_text("".join(f"line {i}\n" for i in range(3)))
    (folder / "project.py").write_text("import os\nWHERE = None\n")
    told = json.dumps([fork_safety.__file__, VARIABLES, cells, after, ""])
    program = f"SECONDS = {seconds}\n{PROGRAM}"
    command = [sys.executable, "-c", program, told]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return [*found, done.stderr]


REFUSED = {
    "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), name='mine').start()": (
        "a thread of the notebook goes on (mine)"
    ),
    "import subprocess\nstarted = subprocess.Popen(['sleep', '1'])": (
        "a process of the notebook goes on (sleep)"
    ),
    "log = open('log.txt', 'w')": "log.txt is open for writing",
    "import os\nreader, writer = os.pipe()": "a pipe is open",
    "import os\nROOT = os.getcwd()": (
        "ROOT keeps the path of the folder in which the shared cells ran"
    ),
    "open('made.txt', 'w').close()": "a cell has written made.txt into the working directory",
    "open('in.txt', 'a').write('more')": "a cell has changed in.txt in the working directory",
    "import os\nos.remove('in.txt')": "a cell has removed in.txt from the working directory",
    "import os\nos.environ.get('RUN_DIR')": "a cell has read RUN_DIR of the run",
    "import os\nos.getenv('FLAG_LR')": "a cell has read FLAG_LR of the run",
    "import os\ncopy = dict(os.environ)": "a cell has read the variables of the run",
    "import asyncio\nasync def soon():\n    asyncio.create_task(asyncio.sleep(9), name='mine')\n"
    "await soon()": "an asyncio task is pending (mine)",
    "import signal\nsignal.setitimer(signal.ITIMER_REAL, 99)": "a timer is set",
}


@pytest.mark.parametrize("cells", REFUSED, ids=range(len(REFUSED)))
def test_what_a_fork_would_not_copy_is_told(tmp_path: Path, cells: str):
    assert forked(tmp_path / "work", cells)[0] == REFUSED[cells]


ALLOWED = {
    "x = 1": "assert x == 1",
    "f = open('in.txt')\nf.readline()": "assert f.read() == 'line 1\\nline 2\\n'",
    "import os\nfd = os.open('in.txt', os.O_RDONLY)\nos.read(fd, 7)": (
        "assert os.read(fd, 7) == b'line 1\\n'"
    ),
    "import numpy\na = numpy.ones((500, 500))\nb = a @ a": "assert ((a @ a) == b).all()",
    "import subprocess\nsubprocess.run(['true'])": "assert not subprocess.run('true').returncode",
}


@pytest.mark.parametrize("cells", ALLOWED, ids=range(len(ALLOWED)))
def test_what_a_fork_copies_goes_on_in_each_trial(tmp_path: Path, cells: str):
    problem, seconds, statuses, errors = forked(tmp_path / "work", cells, ALLOWED[cells])
    assert (problem, statuses) == ("", [0, 0]), errors
    assert seconds < 2
