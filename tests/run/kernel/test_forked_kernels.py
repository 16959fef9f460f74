"""A kernel that was forked after the shared cells of a sweep is a kernel as any other (nb-fork)."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from tests.helpers.project import Project, Run, code
from tests.helpers.slow import but_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")

SHARED = {
    "a logger, an exit handler and an object that is finalized": (
        "import atexit, asyncio, logging, os, subprocess, sys, threading, time, warnings\n"
        "from IPython.display import HTML, clear_output, display\n"
        "logging.basicConfig(level='INFO')\nlog = logging.getLogger('a')\nlog.info('shared')\n"
        "class Kept:\n"
        "    def __del__(self, make=os.mkdir): make('finalized')\n"
        "kept = Kept()\n"
        "atexit.register(print, 'at the end')"
    ),
    "a display that is updated": "shown = display(HTML('first'), display_id='one')\n'result'",
    "an await": "await asyncio.sleep(0.01)\n'awaited'",
    "what is captured": "%%capture captured\nprint('captured')",
    "both streams and descriptors": (
        "print('err', file=sys.stderr); print('out'); os.write(1, b'written\\n')\n"
        "subprocess.run(['echo', 'program']); warnings.warn('careful')\n"
        "time.sleep(1)  # what goes by descriptors comes on its own way"
    ),
    "an error that is allowed": "raise ValueError('expected')",
    "an output that is cleared": "for n in (0, 1):\n    clear_output(wait=True); print('step', n)",
    "a figure": (
        "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2, 3])\n"
        "plt.close(figure)\nfigure"
    ),
    "methods of streams": (
        "stdout = sys.stdout\nwrite = stdout.write\n"
        "class Upper:\n"
        "    def write(self, text): return write(text.upper())\n    def flush(self): pass\n"
        "upper = Upper()"
    ),
    "a command": "!echo command",
    "what is of a context or of the process": (
        "import argparse, decimal, gc, signal, weakref\ndecimal.getcontext().prec = 7\n"
        "gc.disable()\nclass Cycle: pass\ncycle = Cycle()\ncycle.own = cycle\n"
        "reference = weakref.ref(cycle)\nsys.path.append(os.getcwd() + '/modules')\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGCHLD])\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('-f')\n"
        "print(parser.prog, parser.parse_known_args()[1])"
    ),
    "a later cell of it": "print(decimal.Decimal(1) / 3)",
    "all that is logged": "logging.basicConfig(level='DEBUG', force=True)\nlog.debug('all')",
    "a stream of its own": (
        "class Counted:\n"
        "    seen = []\n"
        "    def write(self, text): self.seen += [text]; return write(f'{len(self.seen)} {text}')\n"
        "    def flush(self): pass\n"
        "sys.stdout = Counted()\nprint('counted')"
    ),
    "a later cell of the stream": "print('still counted')",
}
OWN = {
    "the flag": "lr = 0.1",
    "the stream of before": "print('counted', lr); sys.stdout = stdout; print('no more')",
    "history and results": "print(In[3], repr(_), Out[3], len(In), get_ipython().execution_count)",
    "kept streams": "write('kept\\n'); print('upper', file=upper); print('own', file=stdout)",
    "a logger of before": "log.warning('lr %s', lr)",
    "an update of the display": "shown.update(HTML(f'second {lr}')); captured.show()",
    "an await again": "await asyncio.sleep(0.01)\n'awaited again'",
    "a thread": "t = threading.Thread(target=print, args=['thread']); t.start(); t.join()",
    "a program": "echoed = subprocess.run(['echo', 'own program'], check=True)",
    "its folder and variables": (
        "print(os.getcwd() == os.environ['RUN_DIR'], os.environ['FLAG_LR'] == str(lr))\n"
        "print(os.getcwd() in sys.path, os.environ['RUN_ID'] == os.path.basename(os.getcwd()))"
    ),
    "the figure of before": "axes.plot([3, 2, 1]); figure",
    "a process pool": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(2) as pool:\n    print(list(pool.map(abs, [-1, -2])))"
    ),
    "a context": "print(decimal.Decimal(1) / 3, signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    "garbage": (
        "print(gc.isenabled(), sum(type(item) is Cycle for item in gc.get_objects()))\n"
        "del cycle\ngc.collect()\nprint(reference())"
    ),
    "the path of modules": "print(sys.path[-1] == os.getcwd() + '/modules')",
    "arguments": "print(os.path.exists(parser.parse_known_args()[0].f))",
    "an event loop": "asyncio.get_event_loop() is asyncio.get_running_loop()",
    "an error": "1 / 0",
}
KINDS = {**SHARED, **OWN}
FAIL = ("an error that is allowed", "an error")


def executed(run: Run) -> dict[str, Any]:
    """What each cell has shown, but for what is of the process."""
    cells = run.notebook("kinds.ipynb")["cells"]
    found = {}
    for kind, cell in zip(KINDS, cells):
        if kind == "both streams and descriptors":  # which comes first is a question of time
            cell["outputs"].sort(key=lambda output: output["name"])
        text = json.dumps([cell["execution_count"], cell["outputs"]])
        found[kind] = json.loads(re.sub(r"ipykernel_\d+", "", text))
    return found


@pytest.fixture(scope="module")
def trials(shared: Project) -> dict[str, dict[float, Run]]:
    """The runs with and without forks, by the value of the flag."""
    cells = [code(text, tags=["raises-exception"] * (kind in FAIL)) for kind, text in KINDS.items()]
    shared.notebook("kinds.ipynb", *cells)
    shared.without_reports("kinds.ipynb")
    found = {}
    for option in ("yes", "no"):
        runs = shared.run("kinds.ipynb", "lr=[0.1,0.2]", f"nb-fork={option}").runs
        found[option] = {run.flags["lr"]: run for run in runs}
    return found


@pytest.mark.parametrize("lr", [0.1, 0.2])
def test_each_kind_of_cell_shows_what_it_shows_in_a_fresh_kernel(
    trials: dict[str, dict[float, Run]], lr: float
):
    forked, fresh = trials["yes"][lr], trials["no"][lr]
    assert [*forked.attr("shared_cells")["seconds"]] == [*range(len(SHARED))]
    assert fresh.attr("shared_cells") is None
    assert executed(forked) == executed(fresh)


def test_a_trial_shows_what_is_its_own(trials: dict[str, dict[float, Run]]):
    run = trials["yes"][0.2]
    shown = executed(run)
    assert shown["its folder and variables"][1][0]["text"] == ["True True\n", "True True\n"]
    assert shown["a logger of before"][1][0]["text"] == ["WARNING:a:lr 0.2\n"]
    assert shown["a display that is updated"][1][0]["data"]["text/html"] == ["second 0.2"]
    assert shown["an error"][1][0]["ename"] == "ZeroDivisionError"
    assert "at the end\n" in run.output
    assert (run.dir / "finalized").is_dir()


ENDS = {
    "lr and os._exit(3)": "the kernel died in cell [3] (lr and os._exit(3)): exit status 3",
    "lr and os.kill(os.getpid(), 9)": "signal SIGKILL",
    "lr and ctypes.string_at(0)": "signal SIGSEGV",
    "lr and os.kill(os.getppid(), 9); time.sleep(30)": "its supervisor ended (signal SIGKILL)",
    "lr and sys.exit(4)": " s) exit",
    "exit() if lr else 0": " s) exit",
    "lr and input('name?')": "a run has no keyboard to answer input() ('name?')",
    "time.sleep(60 * lr)": "was interrupted: over 5 s (nb-cell-timeout)",
}
"""Cells by which a trial ends, and what it says then."""


@pytest.mark.parametrize("source", ENDS)
def test_a_trial_ends_as_any_run_and_the_next_one_is_forked(project: Project, source: str):
    project.notebook("end.ipynb", "import ctypes, os, sys, time", "lr = 1", source)
    project.without_reports("end.ipynb")
    limit = ["nb-cell-timeout=5"] if "60 * lr" in source else []
    done = project.guild("run", "-y", "end.ipynb", "lr=[1,2]", "nb-fork=yes", *limit)
    trials = [run for run in done.runs if run.attr("flags")]
    assert len(trials) == 2
    for run in trials:
        assert ENDS[source] in run.output
        assert [*run.attr("shared_cells")["seconds"]] == [0]


@pytest.mark.slow
def test_the_start_of_the_kernel_takes_no_time_of_a_shared_cell(project: Project):
    folder = project.dir / "ipython/profile_default/startup"
    folder.mkdir(parents=True)
    (folder / "late.py").write_text("import time; time.sleep(5)")
    project.env["IPYTHONDIR"] = str(project.dir / "ipython")
    project.notebook("late.ipynb", "import os", "lr = 1", "print(lr)")
    project.without_reports("late.ipynb")
    done = project.run("late.ipynb", "lr=[1,2]", "nb-fork=yes", "nb-cell-timeout=4")
    assert [[*run.attr("shared_cells")["seconds"]] for run in done.trials] == [[0]] * 2


LIMITS = {
    "cell-timeout=1": (
        "was interrupted: over 1 s (nb-cell-timeout)",
        "longer than nb-cell-timeout",
    ),
    "memory-limit=250MB": (
        "of memory, over 250 MB (nb-memory-limit)",
        "over 250 MB (nb-memory-limit)",
    ),
}


@pytest.mark.parametrize("limit", but_slow(LIMITS, "memory-limit=250MB"))
def test_a_shared_cell_that_takes_too_much_ends_each_trial(project: Project, limit: str):
    size = 400_000_000 * ("memory" in limit)
    cell = f"import time\nkept = b'x' * {size}\ntime.sleep(30)"
    project.notebook("long.ipynb", cell, "lr = 1", "lr")
    project.without_reports("long.ipynb")
    done = project.guild("run", "-y", "long.ipynb", "lr=[1,2]", "nb-fork=yes", f"nb-{limit}")
    trials = [run for run in done.runs if run.attr("flags")]
    assert [run.attr("shared_cells") for run in trials] == [None, None]
    for run in trials:
        assert LIMITS[limit][0] in run.output
    said = "".join(run.output for run in trials)
    (line,) = re.findall("the trials run in fresh kernels: a shared cell takes (.*)", said)
    assert line.endswith(LIMITS[limit][1])
