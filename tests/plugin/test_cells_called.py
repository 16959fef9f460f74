"""A cell is called in one way by the command line tool, before a run, in it, and in its report."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.project import Project, code, markdown

CELLS = [
    markdown("# A notebook\n\n## **1.** [Settings](#s) <a id='s'></a>"),
    code('units = 4  #@param {type: "slider", min: 1, max: 8}', execution_count=17),
    markdown("Text without a heading"),
    code("%%time\nprint('two', units)"),
    code("%matplotlib inline", tags=["skip-execution"]),
    code("# ## Train the `model`\ndef f():\n    # plt.legend()\n    return 1 / 0"),
    code("#@title Divide {display-mode: 'form'}\nf()"),
    code("# x = 5\nlayers = [1]  #@param {type: 'raw'}"),
]


def test_a_cell_has_jupyters_number_or_its_position_and_one_name_everywhere(project: Project):
    path = project.notebook("n.ipynb", *CELLS)
    listed = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "flags", str(path)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    settings, layers = "cell [17] (1. Settings)", "the 8th cell (1. Settings: layers = [1])"
    assert [line.split("  ")[-1].strip() for line in listed.splitlines()[1:3]] == [settings, layers]

    for value, cell, said in (
        ("units=9", settings, "a number from 1 to 8, not 9"),
        ("layers=[", layers, 'one Python expression, not "["'),
    ):
        refused = project.guild("run", "-y", "n.ipynb", value)
        flag = value.partition("=")[0]
        assert refused.stderr == f"guild: flag {flag} in {cell} takes {said}\n"
        assert refused.run_dirs == []

    done = project.guild("run", "-y", "n.ipynb", "units=5")
    lines = done.stderr.splitlines()
    assert [line.partition(" (")[0] for line in lines if line.startswith("[")] == [
        "[1/5] 1. Settings",
        "[2/5] 1. Settings: print('two', units)",
        "[3/5] Train the model",
        "[4/5] Divide",
    ]
    last = next(line for line in lines if line.startswith("guild-notebook: "))
    assert last.startswith("guild-notebook: cell [4] (Divide) failed with ZeroDivisionError")
    cells = done.run.notebook("n.ipynb")["cells"]
    assert [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"] == [
        1, 2, None, 3, 4, None,
    ]  # fmt: skip
    report = (done.run.dir / "n.html").read_text("utf-8")
    link = '<a href="#guild-failed-cell">cell [4] (Divide)</a>'
    assert f"{link} failed with ZeroDivisionError" in report
