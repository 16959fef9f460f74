"""What is measured: files of a project, and the commands that stand side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environments import GUILD, JUPYTER, OWN, PAPERMILL, PLOOMBER

COMMANDS = {
    OWN: "guild run -y nb.ipynb",
    JUPYTER: "jupyter execute nb.ipynb --output=executed.ipynb",
    PAPERMILL: "papermill nb.ipynb executed.ipynb",
    PLOOMBER: "ploomber-engine nb.ipynb executed.ipynb",
}
"""What a user types, which leaves an executed notebook in each case."""

IMPORTS = "import numpy\nimport pandas\nimport matplotlib.pyplot as plt\n"
LOADING = """import io
rows = numpy.random.default_rng(0).normal(size=(150_000, 4)).tolist()
text = 'a,b,c,d\\n' + '\\n'.join(','.join(map(str, row)) for row in rows)
data = pandas.read_csv(io.StringIO(text)).sort_values('a')
"""
PARAMETERS = "x = 1"
TRAINING = "plt.plot(numpy.arange(10) * x)\nplt.show()\nprint(f'loss: {1 / x}')"
FIGURES = """%matplotlib inline
import matplotlib.pyplot as plt
for i in range(N):
    plt.figure(figsize=(3, 2))
    plt.plot([0, i, 1])
    plt.axis('off')
    plt.show()
"""
JOBS = """from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
x, y = make_classification(random_state=0)
print('accuracy: %.3f' % cross_val_score(LogisticRegression(), x, y, n_jobs=2).mean())
"""

NOTEBOOKS, FLAGS = 30, 20
"""Notebooks of a project, and flags of each."""


@dataclass
class Workload:
    """``make`` writes the files of a size into a folder. ``commands`` are lines of sh, by what the
    table calls them, and ``{size}`` in them is the size. ``environments`` are the environments of
    those that have another name. ``small`` is the size for a warm-up, and with --quick."""

    name: str
    make: Callable[[Path, int], None]
    commands: dict[str, str] = field(default_factory=lambda: COMMANDS)
    size: int = 1
    small: int = 1
    environments: dict[str, str] = field(default_factory=dict)

    def environment_of(self, command: str) -> str:
        return self.environments.get(command, command)


@dataclass
class Target:
    """A measure of this package is at most so many times that of another command of the same
    workload, and ``seconds``, and what this package takes for another workload."""

    workload: str
    measure: str
    times: float
    against: str
    seconds: float = 0.0
    plus: str = ""


def notebook(*cells: str, parameters: int | None = None) -> Callable[[Path, int], None]:
    """A notebook of these cells, in which N is the size."""

    def make(project: Path, size: int) -> None:
        write_notebook(
            project / "nb.ipynb",
            [
                code_cell(cell.replace("N", str(size)), i == parameters)
                for i, cell in enumerate(cells)
            ],
        )

    return make


def many_cells(
    first: list[str], cell: str, count: int | None = None
) -> Callable[[Path, int], None]:
    """As many cells as the size or ``count`` says, after those that come first."""

    def make(project: Path, size: int) -> None:
        sources = [each.replace("N", str(size)) for each in first]
        sources += [cell.replace("N", str(i)) for i in range(size if count is None else count)]
        write_notebook(project / "nb.ipynb", [code_cell(source) for source in sources])

    return make


def script(project: Path, _size: int) -> None:
    (project / "script.py").write_text("x = 1\nprint('loss: %s' % x)\n")


def large_notebook(project: Path, size: int) -> None:
    """A notebook of so many megabytes, which are images that twenty cells have shown before."""
    cells = [code_cell(f"x{i} = {i}") for i in range(20)]
    for cell in cells:
        cell["outputs"] = [image("iVBORw0K" * (size * 1_000_000 // 20 // 8))]
    write_notebook(project / "nb.ipynb", cells)


def many_flags(kind: str) -> Callable[[Path, int], None]:
    """A notebook of so many megabytes and 2,000 cells, most of which declare flags."""
    head = {
        "forms": "#@title Part N\n!echo part\nvalue_N = N "
        '#@param {type:"slider", min:0, max:9999}\n',
        "assignments": "%matplotlib inline\nvalue_N = N\nname_N = 'ü'; rate_N = f(N)\n",
    }
    code = """
def fit_N(model, data, epochs=3):
    for epoch in range(epochs):
        loss = sum(model(x) for x in data) / len(data)  # a mean
        print(f"loss: {loss} (step {epoch})")
    return model

history_N = [fit_N(m, data) for m in models]
plt.plot(history_N, label="run N")
"""

    def make(project: Path, size: int) -> None:
        cells = []
        for i in range(2000):
            cells.append(code_cell((head[kind] + code).replace("N", str(i))))
            cells[-1]["outputs"] = [image("x" * (size * 1_000_000 // 2000 - 1200))]
        write_notebook(project / "nb.ipynb", cells)

    return make


def project_of_notebooks(project: Path, size: int) -> None:
    """Three projects: ``notebooks`` has so many operations that are notebooks, ``scripts`` as many
    that are scripts and declare the same flags, ``script`` has none of them."""
    operation = "op:\n  exec: 'true'\n  default: yes\n"
    for name in ("notebooks", "scripts", "script"):
        (project / name).mkdir()
        (project / name / "guild.yml").write_text(operation)
    names = [f"flag_{i}" for i in range(FLAGS)]
    source = "\n".join(f"{name} = 1" for name in names)
    declared = "".join(f"    {name}: 1\n" for name in names)
    with (project / "notebooks/guild.yml").open("a") as f:
        for i in range(size):
            write_notebook(project / f"notebooks/n{i}.ipynb", [code_cell(source)])
            f.write(f"op{i}:\n  notebook: n{i}.ipynb\n  flags-import: all\n")
    with (project / "scripts/guild.yml").open("a") as f:
        f.writelines(f"op{i}:\n  exec: 'true'\n  flags:\n{declared}" for i in range(size))


def in_projects(name: str, line: str) -> Workload:
    commands = {
        OWN: f"cd notebooks; {line}",
        ONE_SCRIPT: f"cd script; {line}",
        GUILD_SCRIPTS: f"cd scripts; {line}",
    }
    environments = {ONE_SCRIPT: OWN, GUILD_SCRIPTS: GUILD}
    return Workload(name, project_of_notebooks, commands, NOTEBOOKS, NOTEBOOKS, environments)


def code_cell(source: str, parameters: bool = False) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": ["parameters"]} if parameters else {},
        "outputs": [],
        "source": source,
    }


def image(data: str) -> dict[str, object]:
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": data}}


def write_notebook(path: Path, cells: list[dict[str, object]]) -> None:
    for i, cell in enumerate(cells):
        cell["id"] = f"c{i}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content))


ONE_SCRIPT = "guild-notebook, one script"
GUILD_SCRIPTS = "Guild alone, 30 scripts"
IN_A_ROW = "guild-notebook, in a row"
NOT_SHARED, ONE_TRIAL = "guild-notebook, without nb-fork", "guild-notebook, one trial"
TWO_AT_ONCE = "guild-notebook, nb-jobs=2"
LOAD = "json.load"

TRIALS = "$(seq {size})"


def at_once(line: str) -> str:
    return (
        f'runs=; for i in {TRIALS}; do {line} & runs="$runs $!"; done; '
        "for run in $runs; do wait $run || exit 1; done"
    )


def in_a_row(line: str) -> str:
    return f"for i in {TRIALS}; do {line} || exit 1; done"


# What the same number of processes costs on this machine whoever starts them: those of papermill
# have nothing in common but the processors.
SIDE_BY_SIDE = {
    OWN: at_once(COMMANDS[OWN]),
    IN_A_ROW: in_a_row(COMMANDS[OWN]),
    f"{PAPERMILL}, at once": at_once("papermill nb.ipynb executed-$i.ipynb"),
    f"{PAPERMILL}, in a row": in_a_row("papermill nb.ipynb executed-$i.ipynb"),
}
# `jupyter execute` sets no parameters.
SWEEP = {
    OWN: "guild run -y nb.ipynb x=[$(seq -s , {size})]",
    PAPERMILL: in_a_row(f"{COMMANDS[PAPERMILL]} -p x $i"),
    PLOOMBER: in_a_row(f"{COMMANDS[PLOOMBER]} -p x $i"),
}
EIGHT_TRIALS = {OWN: SWEEP[OWN], TWO_AT_ONCE: f"{SWEEP[OWN]} nb-jobs=2", **SWEEP}
# Imports and loading take about 3 s, which trials have in common.
FORKED_SWEEP = {
    OWN: f"{SWEEP[OWN]} nb-fork=yes",
    NOT_SHARED: SWEEP[OWN],
    ONE_TRIAL: f"{COMMANDS[OWN]} x=1",
    PAPERMILL: SWEEP[PAPERMILL],
}
# Loading takes about 2 s, which trials of the same part have in common. Guild orders trials by the
# names of flags: those of one part follow each other.
PARTS = "guild run -y nb.ipynb part=[1,2,3] x=[$(seq -s , {size})]"
OF_PART = in_a_row(f"{COMMANDS[PAPERMILL]} -p part $part -p x $i")
FORKED_PARTS = {
    OWN: f"{PARTS} nb-fork=yes",
    NOT_SHARED: PARTS,
    PAPERMILL: f"for part in 1 2 3; do {OF_PART}; done",
}
FLAGS_OF = {
    OWN: "guild-notebook flags nb.ipynb --json",
    LOAD: "python -c \"import json; json.load(open('nb.ipynb', encoding='utf-8'))\"",
}
COMPLETE = "_GUILD_COMPLETE=bash_complete COMP_WORDS='guild run {}' COMP_CWORD={} guild"

WORKLOADS = [
    Workload("script of two lines", script,
             {OWN: "guild run -y script.py", GUILD: "guild run -y script.py"}),
    Workload("2 cells", notebook("x = 1", "print('loss: %s' % x)")),
    Workload("500 cells", many_cells([], "print(N)"), size=500, small=20),
    Workload("100,000 lines", notebook("for i in range(N):\n    print(i)"),
             size=100_000, small=2_000),
    Workload("20,000 flushed lines", notebook("for i in range(N):\n    print(i, flush=True)"),
             size=20_000, small=500),
    Workload("30 MB, then 200 cells",
             many_cells(["for i in range(N):\n    print(f'{i:099}')"], "print(N)", 200),
             size=300_000, small=6_000),
    Workload("200 figures", notebook(FIGURES), size=200, small=5),
    Workload("50 MB notebook", large_notebook, size=50, small=2),
    Workload("imports in the first cell",
             notebook(IMPORTS + "import sklearn.ensemble", "print(1)")),
    Workload("n_jobs=2", notebook(JOBS)),
    Workload("sweep of 8 trials", notebook(IMPORTS, PARAMETERS, TRAINING, parameters=1),
             EIGHT_TRIALS, size=8, small=2, environments={TWO_AT_ONCE: OWN}),
    Workload("sweep of 20 trials that share cells",
             notebook(IMPORTS + "import sklearn.ensemble", LOADING, PARAMETERS,
                      "print(f'loss: {data.size / x}')", parameters=2),
             FORKED_SWEEP, size=20, small=2, environments={NOT_SHARED: OWN, ONE_TRIAL: OWN}),
    Workload("sweep of 3 by 5 trials that part at two points",
             notebook(IMPORTS, f"part = 1\n{PARAMETERS}",
                      LOADING.replace("rng(0)", "rng(part)").replace("150_000", "600_000"),
                      "print(f'loss: {data.size / x}')", parameters=1),
             FORKED_PARTS, size=5, small=2, environments={NOT_SHARED: OWN}),
    Workload("8 runs at once", notebook("x = 1", "print('loss: %s' % x)"), SIDE_BY_SIDE,
             size=8, small=2, environments={
                 IN_A_ROW: OWN, **{name: PAPERMILL for name in SIDE_BY_SIDE if PAPERMILL in name}
             }),
    in_projects("guild operations", "guild operations"),
    in_projects("guild help", "guild help"),
    in_projects("guild run --help-op", "guild run op --help-op"),
    in_projects("completion of an operation", COMPLETE.format("o", 2)),
    in_projects("completion of a flag", COMPLETE.format("op ", 3)),
    Workload("flags, 50 MB of forms", many_flags("forms"), FLAGS_OF,
             size=50, small=3, environments={LOAD: OWN}),
    Workload("flags, 50 MB of assignments", many_flags("assignments"), FLAGS_OF,
             size=50, small=3, environments={LOAD: OWN}),
]  # fmt: skip

TARGETS = [
    Target("script of two lines", "wall", 0.7, GUILD),
    Target("2 cells", "wall", 1.0, PAPERMILL),
    Target("2 cells", "cpu", 1.3, PAPERMILL),
    Target("500 cells", "wall", 1.15, JUPYTER),
    Target("500 cells", "wall", 0.1, PAPERMILL),
    Target("100,000 lines", "wall", 0.9, JUPYTER),
    Target("20,000 flushed lines", "wall", 0.9, JUPYTER),
    Target("30 MB, then 200 cells", "wall", 1.0, JUPYTER),
    Target("30 MB, then 200 cells", "memory", 0.5, JUPYTER),
    Target("n_jobs=2", "wall", 1.0, JUPYTER, plus="script of two lines"),
    Target("sweep of 8 trials", "wall", 0.6, PAPERMILL),
    Target("sweep of 20 trials that share cells", "wall", 0.25, PAPERMILL),
    Target("sweep of 20 trials that share cells", "wall", 0.3, NOT_SHARED),
    # Half a second for each trial after the first.
    Target("sweep of 20 trials that share cells", "wall", 1.0, ONE_TRIAL, seconds=9.5),
    Target("8 runs at once", "cpu", 1.05, IN_A_ROW),
    Target("guild operations", "wall", 1.3, ONE_SCRIPT),
    Target("guild help", "wall", 1.3, ONE_SCRIPT),
    Target("guild run --help-op", "wall", 1.3, ONE_SCRIPT),
    Target("completion of an operation", "wall", 1.3, ONE_SCRIPT),
    Target("flags, 50 MB of forms", "wall", 1.5, LOAD, seconds=0.3),
    Target("flags, 50 MB of assignments", "wall", 1.5, LOAD, seconds=0.3),
]
