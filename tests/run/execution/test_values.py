"""``nb-scalars`` names values of the kernel: they are scalars of the run without being printed."""

from __future__ import annotations

import math
import re

import pytest

from guild_notebook.scalars.event_file import scalars_in, values_files
from tests.helpers.project import Project, Run

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
    "    def slow(self):\n        import time\n        time.sleep(60)\n"
    "odd = Odd()",
    "print(len(hooks), sorted(Out), get_ipython().execution_count, In[-2].split()[0], end='')",
    "(1.5, None)[1]",
)

VALUES = (
    'acc,f1=report["f1"],report,history,history["loss"],many,limit,flag,np.zeros((2, 2)),missing,'
    "odd,odd.broken,odd.slow,'a, b'"
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
        "odd.slow (it takes over 2 s), 'a, b' (it is not a number but of the type str)"
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
