"""Executed notebooks in VS Code itself, as it runs in a browser, with what comes with it: what
needs Microsoft's extensions (widgets, kernels) is not in any registry and not tried."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.helpers.browser import LIMIT, Browser
from tests.helpers.project import Project
from tests.helpers.runner import attempt

HERE = Path(__file__).with_name("vscode")

TRAIN = """
import sys
from IPython.display import HTML, Markdown
rate = 0.1  # @param {type:"number"}
print("loss: 0.5")
print("a warning", file=sys.stderr)
display(Markdown("*in a text*"))
display(HTML("<style>.mine { color: rgb(1, 2, 3) }</style><p class='mine'>of a style</p>"))
"""
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="7"><circle id="dot" r="3"/></svg>'
)
FIGURE = f"from IPython.display import SVG\nSVG({PICTURE!r})"
WIDGET = "import ipywidgets\nipywidgets.FloatSlider(description='decay', value=0.25)"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder node_modules with VS Code in it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("no Node.js: install node and npm, with which VS Code is taken from npm")
    folder = tmp_path_factory.mktemp("vscode")
    shutil.copy(HERE / "package.json", folder)
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"npm cannot install VS Code: {done.stderr.strip()[-200:]}")
    return folder / "node_modules"


@contextmanager
def vscode(modules: Path, folder: Path) -> Iterator[str]:
    """VS Code with a folder open; the URL at which it shows a file is this and the file's name."""
    command = ["node", str(HERE / "serve.js"), str(modules), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            for line in process.stdout:
                found = re.match(r"port (\d+)", line)
                if found:
                    break
            assert found, "it did not start"
            yield f"http://localhost:{found[1]}/?payload="
        finally:
            process.terminate()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_vscode_shows_the_outputs_of_a_run(
    shared: Project, browser: Browser, modules: Path, tmp_path: Path
):
    shared.notebook("train.ipynb", TRAIN, FIGURE, WIDGET, "1 / 0", nbformat_minor=5)
    run = attempt(shared, "train.ipynb", flags={"rate": 0.25}).run
    with (
        vscode(modules, run.dir) as url,
        browser.with_profile(tmp_path / "profile") as page,
    ):
        file = "vscode-test-web://mount/train.ipynb"
        page.goto(url + quote(json.dumps([["openFile", file]])), timeout=LIMIT)
        outputs = page.frame_locator("iframe.webview").frame_locator("iframe#active-frame")
        styled = outputs.locator("p.mine")
        styled.wait_for(state="visible", timeout=LIMIT)
        assert styled.evaluate("e => getComputedStyle(e).color") == "rgb(1, 2, 3)"
        for text in ("loss: 0.5", "a warning", "in a text", "FloatSlider(value=0.25"):
            outputs.get_by_text(text).first.wait_for(state="visible", timeout=LIMIT)
        outputs.get_by_text("ZeroDivisionError").first.wait_for(state="visible", timeout=LIMIT)
        outputs.locator("circle#dot").wait_for(state="attached", timeout=LIMIT)
        page.locator(".execution-count-label", has_text="[4]").wait_for(state="attached")
        counts = page.locator(".execution-count-label").all_inner_texts()
        assert counts == ["[1]", "[2]", "[3]", "[4]"]
        page.locator(".notebookOverlay").get_by_text("rate = 0.25").first.wait_for()
