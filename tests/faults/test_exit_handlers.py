"""What a notebook leaves for its end: handlers run, what they print is kept, the run ends."""

from __future__ import annotations

import importlib.util
import os
import time
from dataclasses import dataclass

import pytest

from tests.helpers.causes import linux, new_mark, nothing_left, states
from tests.helpers.figures import figure
from tests.helpers.project import Project
from tests.helpers.runner import attempt

pytestmark = [linux, pytest.mark.usefixtures("system")]

HANDLER = "import atexit, sys, time\natexit.register(lambda: print('the handler has run'))\n"
LAST = "import time\nprint('last', time.time())"
STUBBORN = (
    "import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)', "
    "{mark!r}], stdout=subprocess.PIPE).stdout.readline()\n"
)


@dataclass
class Leaving:
    """A cell that leaves something; ``seconds`` after the last cell the run has ended."""

    source: str
    seconds: float = 3.0
    module: str = "sys"


KINDS = {
    "a resource tracker": Leaving(
        "from multiprocessing import shared_memory\n"
        "memory = shared_memory.SharedMemory(create=True, size=10)\n"
    ),
    "a pool": Leaving(
        "import multiprocessing\npool = multiprocessing.Pool(2)\nprint(pool.map(abs, [-1]))\n"
    ),
    "a spawned pool": Leaving(
        "import multiprocessing\npool = multiprocessing.get_context('spawn').Pool(2)\n"
        "print(pool.map(abs, [-1]))\n"
    ),
    "a process that is waited for": Leaving(
        "import multiprocessing\n"
        "process = multiprocessing.Process(target=time.sleep, args=(600,))\nprocess.start()\n"
    ),
    "an executor's process": Leaving(
        "import concurrent.futures\nexecutor = concurrent.futures.ProcessPoolExecutor(2)\n"
        "executor.submit(time.sleep, 600)\n"
    ),
    "a subprocess": Leaving("import subprocess\nsubprocess.Popen(['sleep', '600'])\n"),
    "a subprocess that a handler waits for": Leaving(
        "import subprocess\nprocess = subprocess.Popen(['sleep', '600'])\n"
        "atexit.register(process.wait)\n"
    ),
    "a subprocess that ignores SIGTERM": Leaving(STUBBORN),
    "a daemon thread": Leaving(
        "import threading\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    ),
    "a handler of 3 seconds": Leaving("atexit.register(time.sleep, 3)\n", 6.0),
    "much output of a handler": Leaving(
        "atexit.register(lambda: [print(f'{i:09} ' + 89 * 'x') for i in range(100_000)])\n", 6.0
    ),
    "joblib": Leaving(
        "import joblib\n"
        "print(joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-i) for i in range(4)))\n",
        module="joblib",
    ),
    "scikit-learn": Leaving(
        "from sklearn.ensemble import RandomForestClassifier\n"
        "RandomForestClassifier(n_jobs=2).fit([[1], [2]] * 9, [0, 1] * 9)\n",
        module="sklearn",
    ),
}
TOGETHER = (
    "a resource tracker", "a pool", "a subprocess", "a subprocess that ignores SIGTERM",
    "a daemon thread", "a process that is waited for",
)  # fmt: skip


def check(project: Project, source: str, name: str, limit: float) -> None:
    mark = new_mark()
    project.notebook("nb.ipynb", HANDLER + source.replace("{mark!r}", repr(mark)), LAST)
    with nothing_left(mark):
        done = attempt(project, "nb.ipynb")
        ended = time.time()
    assert done.status == 0 and states(done.run) == ["completed"] * 2, done.stderr
    assert "the handler has run\n" in done.stdout and "was killed" not in done.stderr
    if name == "much output of a handler":
        lines = [int(line[:9]) for line in done.stdout.splitlines() if line[:9].isdigit()]
        assert lines == list(range(100_000))
    (last,) = (line for line in done.stdout.splitlines() if line.startswith("last "))
    seconds = ended - float(last.split()[1])
    # Beside other tests a machine may be busy; what is left would be waited for ten minutes.
    assert seconds < (limit + 2 if os.environ.get("FAULTS_FIGURES") else 60)
    figure(f"{name} at the end: the run has ended after", f"{seconds:.1f} s", f"{limit:g}")


def test_exit_handlers_run_whatever_processes_and_threads_are_left(project: Project):
    source = "".join(KINDS[name].source for name in TOGETHER)
    check(project, source, "six kinds together", 5.0)


@pytest.mark.faults
@pytest.mark.parametrize("name", KINDS)
def test_a_run_ends_soon_with_the_output_of_its_exit_handlers(project: Project, name: str):
    leaving = KINDS[name]
    if not importlib.util.find_spec(leaving.module):
        pytest.skip(f"{leaving.module} is not installed")
    check(project, leaving.source, name, leaving.seconds)
