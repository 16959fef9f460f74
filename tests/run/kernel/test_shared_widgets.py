"""What shared cells show in widgets is in the executed notebook as in a run in a kernel of its own
(nb-fork)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.helpers.project import Project, Run

pytest.importorskip("ipywidgets")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")

CELLS = [
    "from ipywidgets import Output, interactive",
    "out = Output()\nwith out:\n    print('in the widget')\nprint('below')\nout",
    "interactive(lambda x: print('of x:', x), x=5)",
    "n = 1\nprint(n)",
    "with out:\n    print('of the trial', n)",
]


def shown(run: Run) -> Any:
    """What each cell shows, without ids, and what the Output widgets hold."""
    data = run.notebook("widgets.ipynb")
    cells = [
        [output.get("text") or sorted(output["data"]) for output in cell["outputs"]]
        for cell in data["cells"]
    ]
    states = data["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    held = [each["state"].get("outputs") for each in states.values()]
    texts = sorted(str([output["text"] for output in outputs]) for outputs in held if outputs)
    return cells, texts


def test_outputs_are_in_the_widgets_that_have_captured_them(shared: Project):
    shared.notebook("widgets.ipynb", *CELLS)
    forked = shared.run("widgets.ipynb", "n=[3,4]", "nb-fork=yes").runs
    assert [len(run.attr("shared_cells")["seconds"]) for run in forked] == [3, 3]
    fresh = shared.run("widgets.ipynb", "n=[3,4]").runs
    by_n = {run.flags["n"]: shown(run) for run in fresh}
    assert {run.flags["n"]: shown(run) for run in forked} == by_n
    assert by_n[3][1] == ["['in the widget\\nof the trial 3\\n']", "['of x: 5\\n']"]
