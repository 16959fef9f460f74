"""``%guild`` in JupyterLab, in a real browser."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.browser import LIMIT, Browser
from tests.helpers.project import Project
from tests.run.record.test_jupyter import lab

pytestmark = pytest.mark.slow

CELLS = [
    "rate = 0.25\n%load_ext guild_notebook",
    "%guild run train.ipynb lr=$rate",
    "%guild run train.ipynb lr=[1,2] nb-jobs=2 nb-report=none",
    "%guild compare",
    "%guild report {rate and 3}",
    "%guild report --none",
]

TRAIN = """
from IPython.display import HTML
print("loss:", lr)
HTML("<p class='mine'>of a cell</p>")
"""


@pytest.fixture(scope="module")
def project(shared: Project) -> Project:
    shared.notebook("train.ipynb", "lr = 0.1", TRAIN)
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    shared.file("../kernels/kernels/python3/kernel.json", json.dumps(kernel))
    shared.notebook("lab.ipynb", *CELLS, nbformat_minor=5)
    return shared


def run_until_the_kernel_answers(page: Any, cell: Any) -> None:
    """Execute a cell: what JupyterLab is told while it connects to the kernel may be lost."""
    from playwright.sync_api import Error

    for attempt in range(1, 13):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        try:
            prompt = cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
            prompt.wait_for(timeout=LIMIT // 12)
            return
        except Error:
            if attempt == 12:
                raise


def test_in_jupyterlab_runs_tables_and_reports_are_shown(
    project: Project, browser: Browser, tmp_path: Path
):
    pytest.importorskip("jupyterlab", reason="no JupyterLab: pip install jupyterlab")
    env = {
        **project.environment(),
        "JUPYTER_PATH": str(project.dir.parent / "kernels"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),  # what was open is not opened
    }
    size = {"width": 1200, "height": 1600}
    with (
        lab(project.dir, env, tmp_path / "log") as url,
        browser.page(viewport=size) as page,
    ):
        page.goto(f"{url}lab.ipynb", timeout=LIMIT)
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=LIMIT)
        cells = page.locator(".jp-Notebook .jp-CodeCell")
        run_until_the_kernel_answers(page, cells.first)
        for _ in CELLS[1:]:
            page.keyboard.press("Shift+Enter")  # which goes to the next
        run = cells.nth(1).locator(".jp-OutputArea")
        run.locator("td", has_text="completed").first.wait_for(timeout=LIMIT)
        run.get_by_text("loss: 0.25").first.wait_for()
        trials = cells.nth(2).locator(".jp-OutputArea tbody tr")
        trials.nth(1).wait_for(timeout=LIMIT)
        assert trials.count() == 2
        cells.nth(2).get_by_text("2 trials of train.ipynb · lr · 2 at once").first.wait_for()
        table = cells.nth(3).locator(".jp-OutputArea table")
        table.wait_for(timeout=LIMIT)
        assert table.locator("tbody tr").count() == 3
        assert "loss" in table.locator("thead").inner_text()
        report = cells.nth(4).frame_locator(".jp-OutputArea iframe")
        cells.nth(4).locator(".jp-OutputArea iframe").scroll_into_view_if_needed()
        report.locator("p.mine").wait_for(state="visible", timeout=LIMIT)
        assert "lr" in report.locator("body").inner_text()
        page.screenshot(path=str(tmp_path / "lab.png"))
        wrong = cells.nth(5).locator(".jp-OutputArea")
        wrong.get_by_text("UserError").first.wait_for()
        assert wrong.inner_text().strip() == (
            "UserError: %guild report takes one run - give its ID, or its number in guild runs"
        )
