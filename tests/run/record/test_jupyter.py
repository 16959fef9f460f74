"""Notebook runs beside the rest of Jupyter: in JupyterLab, and with Guild's own interface."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import nbformat
import pytest

from tests.helpers.browser import LIMIT, Browser
from tests.helpers.project import LIMIT as SECONDS
from tests.helpers.project import Project, Run
from tests.helpers.runner import attempt, execute

TRAIN = """
import ipywidgets
from IPython.display import HTML, Image
print("loss: 0.5")
display(HTML("<style>.mine { color: rgb(1, 2, 3) }</style><p class='mine'>of a style</p>"))
"""
SLIDER = "ipywidgets.FloatSlider(description='decay', value=0.25)"


@pytest.fixture(scope="module")
def run(shared: Project) -> Run:
    shared.notebook("train.ipynb", TRAIN, SLIDER, "1 / 0", nbformat_minor=5)
    return attempt(shared, "train.ipynb").run


def test_times_of_cells_are_where_jupyter_keeps_them(run: Run):
    """As JupyterLab's option recordTiming notes them (docs of JupyterLab, "Cell timing")."""
    nb = nbformat.read(run.dir / "train.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(nb)
    for cell in nb.cells:
        names = ("iopub.execute_input", "iopub.status.busy", "shell.execute_reply")
        begin, _, end = (
            datetime.fromisoformat(cell.metadata.execution[name].replace("Z", "+00:00"))
            for name in names
        )
        assert begin <= end and "iopub.status.idle" in cell.metadata.execution


def test_the_executed_notebook_is_trusted_and_the_source_is_not(shared: Project, run: Run):
    def is_trusted(path: Path) -> bool:
        nb = nbformat.read(path, as_version=4)
        return notary.check_signature(nb)

    from nbformat.sign import NotebookNotary

    notary = NotebookNotary(data_dir=str(shared.jupyter))
    assert is_trusted(run.dir / "train.ipynb")
    assert not is_trusted(shared.dir / "train.ipynb")


def test_a_notebook_of_plain_outputs_is_not_signed(shared: Project):
    from nbformat.sign import NotebookNotary

    shared.notebook("plain.ipynb", "print(1)\n2")
    run = execute(shared, "plain.ipynb").run
    notary = NotebookNotary(data_dir=str(shared.jupyter))
    nb = nbformat.read(run.dir / "plain.ipynb", as_version=4)
    assert not notary.check_signature(nb)


def test_a_folder_of_jupyter_that_cannot_be_written_costs_nothing(shared: Project):
    file = shared.file("no-folder", "")
    shared.notebook("html.ipynb", "from IPython.display import HTML\nHTML('<p>1')")
    done = execute(shared, "html.ipynb", JUPYTER_DATA_DIR=str(file))
    assert "Traceback" not in done.stderr and "sign" not in done.stderr


@contextmanager
def lab(folder: Path, env: dict[str, str], log: Path) -> Iterator[str]:
    """JupyterLab of a folder; the URL at which it shows a file is this and the file's name."""
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.port=0", "--IdentityProvider.token=", "--ServerApp.password="),
        "--ServerApp.disable_check_xsrf=True",
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env}, stderr=output, stdout=output
        )
    try:
        deadline = time.monotonic() + SECONDS
        while True:
            found = re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/lab", log.read_text())
            if found:
                url = f"http://127.0.0.1:{found[1]}/lab/tree/"
                try:
                    urllib.request.urlopen(url, timeout=10).close()
                    break
                except OSError:
                    pass
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # how JupyterLab ends is not what is tested
            process.kill()
            process.wait(SECONDS)


@pytest.mark.slow
def test_jupyterlab_shows_outputs_and_widgets_of_a_run(
    shared: Project, run: Run, browser: Browser, tmp_path: Path
):
    pytest.importorskip("jupyterlab", reason="no JupyterLab: pip install jupyterlab")
    env = {"JUPYTER_DATA_DIR": str(shared.jupyter)}
    with lab(run.dir, env, tmp_path / "log") as url, browser.page() as page:
        page.goto(f"{url}train.ipynb", timeout=LIMIT)
        page.locator(".jp-OutputArea .widget-slider").wait_for(state="visible", timeout=LIMIT)
        for text in ("loss: 0.5", "ZeroDivisionError", "decay", "0.25"):
            page.locator(".jp-Notebook", has_text=text).wait_for()
        color = page.locator(".jp-Notebook p.mine").evaluate("p => getComputedStyle(p).color")
        assert color == "rgb(1, 2, 3)"


OUTER = """
from guild import ipy

def train(lr):
    print("in train", lr)
    return lr * 2

run, value = ipy.run(train, lr=lr)
print("value:", value)
print("runs of train:", len(ipy.runs(operations=["train()"])))
"""


def test_a_notebook_starts_runs_of_its_own(shared: Project):
    """Of a function with guild.ipy, and of another notebook with the command."""
    shared.notebook("outer.ipynb", "lr = 0.1", OUTER, "!guild -C $PROJECT_DIR run inner lr=7 -y")
    shared.notebook("inner.ipynb", "lr = 0.3", "print('inner_loss:', lr)")
    shared.guildfile(
        "outer:\n  notebook: outer.ipynb\n  nb-report: none\n  flags-import: all\n"
        "inner:\n  notebook: inner.ipynb\n  flags-import: all\n"
    )
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = shared.run("outer", "lr=0.2", PATH=commands)
    runs = {run.op_name: run for run in done.runs}
    assert set(runs) == {"outer", "train", "inner"}
    assert {name: run.attr("flags")["lr"] for name, run in runs.items()} == {
        "outer": 0.2, "train": 0.2, "inner": 7,
    }  # fmt: skip
    assert all(run.attr("exit_status") == 0 for run in runs.values())
    assert "value: 0.4\nruns of train: 1\n" in runs["outer"].output
    assert "inner_loss: 7" in runs["inner"].output and (runs["inner"].dir / "inner.html").exists()
    assert (runs["train"].dir / ".guild/output").read_bytes() == b"in train 0.2\n"
