"""``nb-scalars`` names values of the kernel: they are scalars of the run without being printed."""

from __future__ import annotations

import asyncio
import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook.document.cell_limits import CellLimit
from guild_notebook.run.execution import values
from guild_notebook.run.output.scalars import LONGEST_NAME
from guild_notebook.scalars.event_file import scalars_in, values_files
from tests.helpers.project import LIMIT, Project, Run, start, wait_for
from tests.helpers.runner import attempt
from tests.helpers.runner import start as start_runner
from tests.helpers.slow import but_slow
from tests.run.kernel.test_kernels import reason_without_r

CELLS = (
    "lr = 0.1",
    "import numpy as np, pandas as pd\n"
    "hooks = []\nget_ipython().events.register('post_execute', lambda: hooks.append(1))\n"
    "acc = np.float32(lr)\n"
    "history = {'loss': [3, 2.5, lr], 'val': pd.Series([1, 2])}\n"
    "report = {'f1': 0.5, 'macro avg': {'recall': 3}, 'on': True, 'name': 'x'}",
    "# Test score\nacc = 2 * acc\nacc",
    "# The frame\npd.DataFrame([{'size': 1, 'lr': 5, 'worst case': np.float64('nan')}])",
    "history['loss'].append(0.05)\nmany = np.arange(25_001)\nlimit = 10 ** 400\n"
    "flag = np.bool_(True)",
    "class Odd:\n"
    "    def __float__(self):\n"
    "        print('printed')\n        display('shown')\n        return 4.0\n"
    "    @property\n"
    "    def broken(self):\n        raise SystemExit('no')\n"
    "    @property\n"
    "    def unsaid(self):\n"
    "        class Unsaid(Exception):\n            def __str__(self): raise SystemExit\n"
    "        raise Unsaid\n"
    "    @property\n"
    "    def slow(self):\n        import time\n        time.sleep(60)\n"
    "odd = Odd()",
    "print(len(hooks), sorted(Out), get_ipython().execution_count, In[-2].split()[0], end='')",
    "(1.5, None)[1]",
)

VALUES = (
    'acc,score=acc,f1=report["f1"],report,history,history["loss"],many,limit,flag,'
    "np.zeros((2, 2)),missing,odd,odd.broken,odd.unsaid,odd.slow,'a, b',1j,np.array(2j),"
    "[np.complex64(3)]"
)


@pytest.fixture(scope="module")
def run(shared: Project) -> Run:
    shared.notebook("train.ipynb", *CELLS)
    return shared.run("train.ipynb", "nb-report=none", f"nb-scalars=results,{VALUES}").run


def kept(run: Run) -> dict[str, dict[int, float]]:
    """The scalars that the run has kept itself: values by their steps."""
    found: dict[str, dict[int, float]] = {}
    for path in values_files(str(run.dir / ".guild")):
        with open(path, "rb") as file:
            for name, value, step in scalars_in(file):
                found.setdefault(name, {})[step] = pytest.approx(value, nan_ok=True)
    return found


def shown(project: Project, *run: str) -> dict[str, str]:
    """What ``guild runs info`` shows of the scalars of a run: values, and steps but for 0."""
    info = project.guild("runs", "info", *run).stdout.partition("scalars:")[2]
    return {
        name: value + ("" if step == "0" else f" ({step})")
        for name, value, step in re.findall(r"^  (.+): (\S+) \(step (\d+)\)", info, re.MULTILINE)
    }


def test_values_and_results_are_scalars_under_their_names(run: Run):
    found = kept(run)
    many = found.pop("many")
    assert found == {
        "acc": {0: 0.2},
        "score": {0: 0.2},
        "f1": {0: 0.5},
        "report_f1": {0: 0.5},
        "report_macro_avg_recall": {0: 3},
        "history_loss": {0: 3, 1: 2.5, 2: 0.1, 3: 0.05},
        "history_val": {0: 1, 1: 2},
        "limit": {0: math.inf},
        "flag": {0: 1},
        "odd": {0: 4},
        "test_score": {0: 0.2},
        "size": {0: 1},
        "worst_case": {0: math.nan},
    }
    assert list(many)[:2] == [0, 3]
    assert max(many) == 25_000
    assert all(step == value for step, value in many.items())


def test_guild_shows_the_last_value_of_each(shared: Project, run: Run):
    found = shown(shared, run.id)
    assert found["acc"] == "0.200000"
    assert found["history_loss"] == "0.050000 (3)"
    assert found["many"] == "25000.000000 (25000)"
    assert found["worst_case"] == "nan"


def test_what_has_no_number_is_said_once_and_in_one_line(run: Run):
    (line,) = [line for line in run.output.splitlines() if "finds no number" in line]
    assert line == (
        "nb-scalars finds no number for np.zeros((2, 2)) (it has the shape (2, 2)), "
        "missing (NameError: name 'missing' is not defined), odd.broken (SystemExit: no), "
        "odd.unsaid (Unsaid), odd.slow (it takes over 2 s), "
        "'a, b' (it is not a number but of the type str), "
        "1j (it is not a number but of the type complex), np.array(2j) (it is complex), "
        "[np.complex64(3)] (it is complex)"
    )
    assert run.output.count("nb-scalars keeps 10,000 of 25,001 values of many") == 1


def test_reading_leaves_no_trace_in_the_notebook(shared: Project, run: Run):
    without = shared.run("train.ipynb", "nb-report=none").run
    assert kept(without) == {}
    of_both = [
        [
            (cell["execution_count"], cell["outputs"])
            for cell in each.notebook("train.ipynb")["cells"]
        ]
        for each in (run, without)
    ]
    assert of_both[0] == of_both[1]
    assert of_both[0][6][1][0]["text"][0].startswith("5 [3, 4]")
    assert "printed" not in run.output


def only_attempt(project: Project, name: str, *options: str) -> Run:
    done = attempt(project, name, *options)
    assert len(done.run_dirs) == 1
    return done.run


@pytest.mark.skipif(bool(reason_without_r()), reason=reason_without_r())
def test_r_has_values_too(project: Project):
    cells = (
        "lr <- 0.1",
        "acc <- 2 * lr\nlosses <- c(3, NA, lr)\n"
        "m <- list(f1 = 0.5, 'macro avg' = list(recall = 3L))\n"
        "l <- list(4, 5)\nmixed <- list(6, list(a = 7))",
        "row <- data.frame(a = 1, b = Inf)\nmany <- 1:25001\nnamed <- c(x = 1, y = 2)\n"
        "loud <- function() { print('loud'); message('m'); warning('w'); 7 }",
        "stop('no luck')",
    )
    spec = {"name": "ir", "language": "R", "display_name": "R"}
    project.notebook("r.ipynb", *cells, metadata={"kernelspec": spec})
    texts = "results,acc,losses,m,row,many,named,loud(),x=m$f1,nope,matrix(1:4, 2),'a',l,mixed"
    run = only_attempt(project, "r.ipynb", "--allow-errors", "--scalars", texts)
    found = kept(run)
    assert max(found.pop("many")) == 25_000
    assert found == {
        "acc": {0: 0.2},
        "losses": {0: 3, 1: math.nan, 2: 0.1},
        "m_f1": {0: 0.5},
        "m_macro_avg_recall": {0: 3},
        "row_a": {0: 1},
        "row_b": {0: math.inf},
        "named_x": {0: 1},
        "named_y": {0: 2},
        "loud": {0: 7},
        "x": {0: 0.5},
        "l": {0: 4, 1: 5},
        "mixed_a": {0: 7},
    }
    nb = run.notebook("r.ipynb")
    assert [len(cell["outputs"]) for cell in nb["cells"]] == [0, 0, 0, 1]
    assert [cell["execution_count"] for cell in nb["cells"]] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "waits", "kernel"),
    [
        pytest.param(
            ("acc <- 1", "acc <- 2", "print('end')"),
            "Sys.sleep(1000)",
            "ir",
            marks=pytest.mark.skipif(bool(reason_without_r()), reason=reason_without_r()),
        ),
        (("import ctypes\nc = ctypes.PyDLL(None)\nacc = 1", "acc = 2"), "c.sleep(13)", "python3"),
    ],
    ids=["R", "code that is not interrupted"],
)
def test_after_an_expression_that_takes_too_long_the_run_goes_on(
    project: Project, cells: tuple[str, ...], waits: str, kernel: str
):
    project.notebook("nb.ipynb", *cells)
    done = attempt(project, "nb.ipynb", "--kernel", kernel, "--scalars", f"{waits},acc")
    assert kept(done.run) == {"acc": {0: 2}}
    (line,) = [line for line in done.stderr.splitlines() if "finds no number" in line]
    assert line == f"nb-scalars finds no number for {waits} (it takes over 2 s)"


class Stuck:
    """A kernel that does not come back."""

    name, python, ends, interrupts = "stuck", "", False, 0

    def __init__(self, language: str, folder: str) -> None:
        self.language, self.folder = language, folder
        self.ended = asyncio.Event()

    async def interrupt(self) -> None:
        self.interrupts += 1

    async def kill(self) -> None:
        self.ends = True
        self.ended.set()


KILLED = "the kernel was killed, since it has not told the values of nb-scalars"


@pytest.mark.parametrize("limit", [None, CellLimit(0.05, "nb-timeout")], ids=["", "limited"])
@pytest.mark.parametrize(("language", "is_interrupted"), [("python", False), ("r", True)])
def test_a_kernel_that_does_not_come_back_is_killed(
    language: str,
    is_interrupted: bool,
    limit: CellLimit | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(values, "REPLY_SECONDS", 0.01)
    monkeypatch.setattr(values, "STUCK_SECONDS", 600 if limit else 0.05)
    lines: list[str] = []

    async def read() -> Stuck:
        kernel, never = Stuck(language, str(tmp_path)), asyncio.Event()
        kc: Any = SimpleNamespace(
            execute_silently=str,
            wakeups=SimpleNamespace(start=never.clear, stop=never.clear),
            shell_channel=SimpleNamespace(
                answer=lambda _request, seconds, _ended: asyncio.sleep(seconds, None)
            ),
        )
        client: Any = SimpleNamespace(kc=kc, is_asked=str, scalars=None)
        status_lines: Any = SimpleNamespace(write=lambda line, _of: lines.append(line))
        stop: Any = SimpleNamespace(requested=never)
        how: Any = client, kernel, stop, status_lines, [("", "x")], False, {}, [], [], -1
        reader = values.Values(*how)
        reader.limits = [(time.monotonic() + limit.seconds, limit)] if limit else []
        await reader.prepare()
        await reader.finish()
        assert reader.ended_by == limit
        return kernel

    with ThreadPoolExecutor(1) as thread:  # this one may have the event loop of a browser
        kernel = thread.submit(asyncio.run, read()).result()
    assert kernel.ends
    assert (kernel.interrupts > 0) == is_interrupted
    assert (KILLED in lines) == (limit is None)
    assert "the kernel does not tell the values of nb-scalars yet: the run waits" in lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "cells", "said"),
    [
        (("--timeout", "3"), ("acc = 1", "acc = 2"), "3 s (nb-timeout)"),
        (("--cell-timeout", "4", "--timeout", "600"), ("acc = 1",), "4 s (nb-cell-timeout)"),
    ],
    ids=["of the notebook", "of the cell"],
)
def test_reading_that_is_stuck_ends_by_a_time_limit(
    project: Project, given: tuple[str, ...], cells: tuple[str, ...], said: str
):
    project.notebook("nb.ipynb", "import ctypes\nc = ctypes.PyDLL(None)", *cells)
    done = attempt(project, "nb.ipynb", *given, "--scalars", "stuck=c.sleep(acc * 500)")
    assert done.status == 1
    assert f"{KILLED}: over {said}" in done.stderr
    assert done.stderr.count(KILLED) == 1


def test_values_before_an_error_are_kept_and_nothing_is_said_of_later_ones(project: Project):
    project.notebook("nb.ipynb", "x = 1", "x = 2\n1 / 0", "y = 1")
    run = only_attempt(project, "nb.ipynb", "--scalars", "x,y")
    assert kept(run) == {"x": {0: 2}}
    path = run.dir / "nb.ipynb"
    assert path.exists()
    assert "finds no number" not in (run.dir / "nb.ipynb").read_text()


def test_of_a_list_that_grows_it_is_said_once_that_it_is_too_long(project: Project):
    project.notebook("nb.ipynb", "x = [1] * 10_001", "x.append(2)", "x.append(3)")
    done = attempt(project, "nb.ipynb", "--scalars", "x")
    assert kept(done.run)["x"][10_002] == 3
    assert f"{done.stdout}{done.stderr}".count("nb-scalars keeps") == 1


def test_what_is_not_an_expression_ends_a_run_before_its_first_cell(project: Project):
    project.notebook("nb.ipynb", "open('begun', 'w')")
    done = attempt(project, "nb.ipynb", "--scalars", "x y")
    assert done.stderr.endswith(
        "guild-notebook: nb-scalars: 'x y' is not an expression of Python (invalid syntax) - name "
        "a variable, as acc, or write it as NAME=EXPRESSION\n"
    )
    assert done.status == 1
    assert not (done.run.dir / "begun").exists()


def test_no_secret_value_is_a_scalar(project: Project):
    project.notebook("nb.ipynb", "token = ''", "x = float(token)\nd = {token: 1, 'a': x, 'b': 2}")
    project.guildfile(
        "nb:\n  notebook: nb.ipynb\n  flags-import: all\n  nb-report: none\n"
        "  nb-scalars: [x, d, 'y=x + 1', {z: 'int(token)'}]\n"
        "  flags: {token: {nb-secret: yes}}\n"
    )
    run = project.run("nb", "token=8877665").run
    assert kept(run) == {"d_b": {0: 2}, "y": {0: 8877666}}


SWEPT = (
    "lr = 0.1",
    "# Shared\nbase = 5\nimport time\ntime.sleep(0.3)\nbase",
    "# Train\nacc = 1 - (lr - 0.3) ** 2\nhistory = [acc * k for k in range(3)]",
    "# Best\n{'best': max(history), 'lr': lr}",
)


@pytest.mark.parametrize("fork", but_slow(["no", "yes"], "yes"))
def test_trials_are_compared_by_values_also_where_they_share_cells(project: Project, fork: str):
    project.notebook("nb.ipynb", *SWEPT)
    done = project.guild(
        *("run", "nb.ipynb", "lr=[0.1,0.3,0.5]", "--maximize", "acc", "nb-report=none", "-y"),
        *("nb-scalars=results,acc,base,last=history[-1]", f"nb-fork={fork}"),
    )
    assert "best: trial 2/3 · lr=0.3 · acc 1 (largest)" in done.stdout
    assert "no scalars - " not in done.stdout + done.stderr
    trials = {run.flags["lr"]: kept(run) for run in done.runs if "lr" in run.flags}
    assert trials == {
        lr: {
            **{"acc": {0: acc}, "base": {0: 5}, "shared": {0: 5}},
            **{"last": {0: 2 * acc}, "best": {0: 2 * acc}},
        }
        for lr, acc in ((0.1, 0.96), (0.3, 1.0), (0.5, 0.96))
    }


@pytest.mark.slow
def test_a_start_of_the_run_has_its_own_values(project: Project):
    project.notebook("nb.ipynb", "lr = 0.1", "x = lr\n{'low': x} if lr < 1 else {'high': x}")
    run = project.run("nb.ipynb", "nb-report=none", "nb-scalars=x,results").run
    assert kept(run) == {"x": {0: 0.1}, "low": {0: 0.1}}
    project.guild("run", "--restart", run.id, "lr=2", "-y")
    assert kept(run) == {"x": {0: 2}, "high": {0: 2}}
    assert shown(project, run.id) == {"x": "2.000000", "high": "2.000000"}


SCRAPS = """
def show(mime, content):
    display({mime: content}, raw=True)

def glue(name, data):  # as scrapbook's
    content = {'name': name, 'data': data, 'encoder': 'json', 'version': 1}
    show('application/scrapbook.scrap.json+json', content)

glue('loss', [3, 2.5, 0.25])
glue('scores', {'f1': 0.5, 'macro avg': {'recall': 3}, 'on': True, 'text': 'x'})
glue('odd', ['steps', 1, 2])
glue('odder', ['steps', 0, -1, 5])
show('application/papermill.record+json', {'kept': 7, 'listed': [1, 'x']})
show('application/scrapbook.scrap.json+json', ['no', 'scrap'])
glue('oddest', ['steps'])
glue('beyond', ['steps', 10 ** 30, 10 ** 30, 1, 2])
glue('back', ['steps', 2 ** 62, 5, 1, 2, 3, 4])
glue('n' * 1_000_000, 8)
glue('w' * 100_000, {str(i): i for i in range(20_000)})
glue('many', list(range(25_001)))
"""


def test_what_scrapbook_and_papermill_have_kept_are_scalars(project: Project):
    project.notebook("nb.ipynb", SCRAPS)
    expected = {
        "loss": {0: 3, 1: 2.5, 2: 0.25},
        "scores_f1": {0: 0.5},
        "scores_macro_avg_recall": {0: 3},
        "kept": {0: 7},
        "n" * LONGEST_NAME: {0: 8},
        "w" * LONGEST_NAME: {0: 499},
        "many": {step: step for step in [*range(0, 25_001, 3), 25_000]},
    }
    assert kept(only_attempt(project, "nb.ipynb")) == expected
    assert kept(only_attempt(project, "nb.ipynb", "--scalars", "text")) == expected
    assert kept(only_attempt(project, "nb.ipynb", "--scalars", "none")) == {}


@pytest.mark.slow
def test_a_run_that_goes_on_has_the_values_that_have_been_read(project: Project):
    project.notebook("nb.ipynb", "x = [1]", "x.append(2)", "import time\ntime.sleep(60)")
    with start(project, "run", "nb.ipynb", "nb-scalars=x", "-y") as process:
        try:
            wait_for(lambda: "2.000000 (1)" in shown(project).values())
        finally:
            process.terminate()
    assert shown(project) == {"x": "2.000000 (1)"}


@pytest.mark.slow
def test_a_run_that_is_stopped_while_values_are_read_runs_no_further_cell(project: Project):
    cells = (
        "class Slow:\n    def __float__(self):\n        open('reading', 'w')\n"
        "        time.sleep(60)\nimport time\nx = Slow()",
        "open('next', 'w')",
    )
    project.notebook("nb.ipynb", *cells)
    process, run = start_runner(project, "nb.ipynb", "--scalars", "x", "--report", "none")
    wait_for((run.dir / "reading").exists)
    process.terminate()
    process.wait(LIMIT)
    assert not (run.dir / "next").exists()
    assert "guild-notebook: stopped by SIGTERM" in run.output
