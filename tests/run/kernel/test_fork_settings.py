"""Cells that set flags are executed once for all trials as well, but for the values (nb-fork)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.helpers.project import Project, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")

SETTINGS = "%matplotlib inline\nlr, n = 0.1, 2\nrates = [lr, lr * 2]\nprint('set')"
MADE = "double = [half * 2]\nprint('made')"
SHOWN = "print(lr, n, rates, half, double)"
HISTORY = "print(In[:3])\nprint(repr(_iii), repr(_i1), repr(_i2), sorted(Out), _)"

ARGUMENTS = ["settings.ipynb", "lr=[0.3,0.4]", "n=3", "half=[1,0.5]"]


def executed(run: Run) -> list[dict[str, Any]]:
    """The cells with their sources and what they have shown."""
    cells = run.notebook("settings.ipynb")["cells"]
    names = ("source", "outputs", "execution_count")
    return [{name: cell[name] for name in names} for cell in cells]


@pytest.fixture(scope="module")
def forked(shared: Project) -> list[Run]:
    shared.notebook("settings.ipynb", SETTINGS, "half = 0.5\n'loaded'", MADE, SHOWN, HISTORY)
    return shared.run(*ARGUMENTS, "nb-fork=yes").runs


def test_trials_have_them_executed_by_one_process(forked: list[Run]):
    shared = [run.attr("shared_cells") for run in forked]
    assert [list(each["seconds"]) for each in shared] == [[0, 1, 2]] * 4
    assert len({each["prefix"] for each in shared}) == 1


def test_trials_are_what_fresh_runs_are(shared: Project, forked: list[Run]):
    fresh = shared.run(*ARGUMENTS).runs
    by_flags = {str(run.flags): executed(run) for run in fresh}
    assert len(by_flags) == 4
    assert {str(run.flags): executed(run) for run in forked} == by_flags


def test_a_flag_may_have_a_name_that_no_variable_has(shared: Project):
    shared.notebook("umlaut.ipynb", "n = 1", "größe = 1", "print(größe + n)")
    done = shared.run("umlaut.ipynb", "größe=[1,2]", "nb-fork=yes")
    assert len({run.attr("shared_cells")["prefix"] for run in done.runs}) == 1


def test_a_value_that_is_not_a_constant_is_not_set_later(shared: Project):
    """It may depend on what comes between."""
    form = 'rate = 1  #@param {type:"raw"}'
    shared.notebook("raw.ipynb", "n = 1", form, "n = 5", "print('rate:', rate)")
    done = shared.run("raw.ipynb", "rate=[n + 1,n + 2]", "nb-fork=yes")
    assert [list(run.attr("shared_cells")["seconds"]) for run in done.runs] == [[0], [0]]
    assert sorted(run.output.split("rate: ")[1][0] for run in done.runs) == ["2", "3"]


def test_what_finds_a_value_in_a_way_that_is_not_seen_is_not_shared(shared: Project):
    """It would find the value of the notebook."""
    found = "import builtins\nprint('found', vars(builtins)['ev' + 'al']('lr'))"
    shared.notebook("unseen.ipynb", "n = 3\nn + 1", f"lr = 0.1\n{found}", "print(lr)")
    done = shared.run("unseen.ipynb", "lr=[0.3,0.4]", "nb-fork=yes")
    assert [list(run.attr("shared_cells")["seconds"]) for run in done.runs] == [[0], [0]]
    assert sorted(run.output.split("found ")[1][:3] for run in done.runs) == ["0.3", "0.4"]
