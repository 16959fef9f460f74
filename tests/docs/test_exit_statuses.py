"""Each row of the table of exit statuses in docs/run-directory.md, caused by real runs.

The runs of a row start together, each as an operation of its own, and Guild lists them once.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import BROKEN_EXPORTER, GUILD, LIMIT, Project, wait_for
from tests.helpers.reader import DOCS
from tests.helpers.slow import but_slow


@dataclass(frozen=True)
class Cause:
    """A cell, the operation's attributes, what is typed, and what is done to the run."""

    cell: str = "x = 1"
    attributes: dict[str, Any] = field(default_factory=dict)
    typed: str = ""
    act: str = ""
    before: str = ""


HANG = "print('waiting', flush=True)\nimport time\ntime.sleep(600)"
BIG = "display({'text/html': 'y' * 900_000}, raw=True)"

CAUSES: dict[str, dict[str, Cause]] = {
    "all cells ran": {"ran": Cause()},
    "a cell raised, timed out, or the kernel died": {
        "raised": Cause("1 / 0"),
        "hung": Cause(HANG, {"nb-cell-timeout": 0.5}),
        "died": Cause("import os\nos._exit(0)"),
    },
    "there is no report of the class": {
        "report": Cause(attributes={"nb-report": "nowhere.Nothing"}),
    },
    "nbconvert could not make a report, and a line says so": {
        "broken": Cause(attributes={"nb-report": "broken.Broken"}),
    },
    "something could not be saved": {"full": Cause(BIG, before="ulimit -f 700; ")},
    "a cell has called `sys.exit(n)`": {
        "exit-0": Cause("import sys\nsys.exit(0)"),
        "exit-3": Cause("import sys\nsys.exit(3)"),
    },
    'a cell has called `sys.exit("text")`': {"exit-text": Cause('import sys\nsys.exit("text")')},
    "Ctrl-C": {"interrupted": Cause(HANG, act="SIGINT")},
    "`guild stop`": {"stopped": Cause(HANG, act="guild stop")},
    "a value, an option, the kernel or the notebook is wrong": {
        "value": Cause(typed="x=many"),
        "kernel": Cause(attributes={"nb-kernel": "nope"}),
        "report-name": Cause(attributes={"nb-report": "nope"}),
        "option": Cause(attributes={"nb-kernal": "python3"}),
        "notebook": Cause("1", {"notebook": "missing.ipynb"}),
    },
}
"""What causes each row, by the row's first column."""


def rows() -> dict[str, list[str]]:
    """The other columns of each row: the status of `guild run`, of the run, and its name."""
    text = (DOCS / "run-directory.md").read_text("utf-8").split("## Exit statuses")[1]
    (table,) = re.findall(r"^\|.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)[:1]
    lines = [map(str.strip, line[1:-1].split("|")) for line in table.splitlines()[2:]]
    return {first: rest for first, *rest in lines}


def test_each_row_has_its_causes():
    assert list(rows()) == list(CAUSES)


@pytest.fixture(scope="module")
def causing(shared: Project) -> Project:
    """A project with an operation for each cause."""
    causes = {name: cause for of_row in CAUSES.values() for name, cause in of_row.items()}
    common = {"flags-import": "all", "nb-report": "none"}
    operations = {
        name: {"notebook": f"{name}.ipynb", **common, **cause.attributes}
        for name, cause in causes.items()
    }
    shared.guildfile(json.dumps(operations))
    shared.file("broken.py", BROKEN_EXPORTER)
    for name, cause in causes.items():
        shared.notebook(f"{name}.ipynb", cause.cell)
    return shared


def ended(causing: Project, causes: dict[str, Cause]) -> dict[str, tuple[int, Any, str]]:
    """Of each operation the exit status of `guild run`, and that and the status of its run."""
    with ThreadPoolExecutor(4) as pool:
        statuses = dict(
            zip(causes, pool.map(lambda name: _run(causing, name, causes[name]), causes))
        )
    listed = json.loads(causing.guild("runs", "--json").stdout)
    runs = {run["opref"].split()[-1]: run for run in listed}
    return {
        name: (status, runs.get(name, {}).get("exit_status"), runs.get(name, {}).get("status", ""))
        for name, status in statuses.items()
    }


def _run(project: Project, name: str, cause: Cause) -> int:
    """The exit status as a shell has it: modulo 256."""
    command = f"{cause.before}exec {' '.join(GUILD)} run -y {name} {cause.typed}"
    log = project.home / f"{name}.log"
    with log.open("w") as out, subprocess.Popen(
        ["bash", "-c", command],
        cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL, stdout=out,
        stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        if cause.act:
            wait_for(lambda: "waiting" in log.read_text())
        if cause.act == "SIGINT":
            os.killpg(process.pid, signal.SIGINT)
        elif cause.act:
            assert project.guild("stop", "-y", "--operation", name).status == 0
        return process.wait(LIMIT) % 256


@pytest.mark.parametrize("row", but_slow(CAUSES, "a cell has called `sys.exit(n)`"))
def test_a_run_ends_as_its_row_says(row: str, causing: Project):
    of_guild, of_run, status = rows()[row]
    seen = ended(causing, CAUSES[row])
    for name in CAUSES[row]:
        n = int(name.split("-")[1]) if of_guild == "n" else 0
        ends = "error" if n else "completed"
        told = {"n": n, "": "", "there is none": None, "`completed` for 0, else `error`": ends}
        wanted = [told.get(text, text.strip("`")) for text in (of_guild, of_run, status)]
        assert [str(w) for w in wanted] == [str(got) for got in seen[name]], name


@pytest.mark.parametrize(
    ("typed", "status"), [("flags ran.ipynb", 0), ("flags none.ipynb", 1), ("flaggs ran.ipynb", 2)]
)
def test_guild_notebook_ends_with_the_status_of_its_page(typed: str, status: int, shared: Project):
    shared.notebook("ran.ipynb", "x = 1")
    program = Path(sys.executable).parent / "guild-notebook"
    done = subprocess.run([program, *typed.split()], cwd=shared.dir, capture_output=True)
    assert done.returncode == status
