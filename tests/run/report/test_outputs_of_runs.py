"""What a run saves and shows of bars, formulas and images: one run for all."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import Project, Run, markdown
from tests.helpers.runner import execute

PNG = b"\x89PNG\r\n\x1a\n"

BARS = """
import sys
from tqdm import tqdm
for n in tqdm(range(3), desc="outer"):
    for _ in tqdm(range(4), desc="inner", leave=False):
        pass
    print("loss", n)
"""
LOST = "print('Loading the data', end='\\r', flush=True)\nprint('Done')"
SHOWN = """
import sys
from IPython.display import HTML, Latex, display
display(Latex(r"$\\frac{1}{2}$"), HTML("<b>a map</b><script src='https://cdn.example/a.js'></script>"))
print("a warning", file=sys.stderr)
"""
TEXT = (
    "$\\newcommand{\\R}{\\mathbb{R}}$\n![of the project](figs/my%20fig.png) "
    "costs \\$5 and \\$6\n\n$x \\in \\R$"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    base = tmp_path_factory.mktemp("outputs")
    project, whole = (Project(base / name, base / "home") for name in ("copied", "whole"))
    for each in (project, whole):
        each.notebook("nb.ipynb", markdown(TEXT), BARS, LOST, SHOWN)
    whole.file("figs/my fig.png", PNG)  # which the run has no copy of
    reports = "--report", "html,sanitized"
    return execute(project, "nb.ipynb", *reports, PROJECT_DIR=str(whole.dir)).run


def page(run: Run, name: str = "nb.html") -> str:
    return re.sub(
        r"<script>.*?</script>", "", Path(run.dir, name).read_text("utf-8"), flags=re.DOTALL
    )


def outputs(run: Run, number: int) -> list[tuple[str, str]]:
    nodes: list[dict[str, Any]] = run.notebook("nb.ipynb")["cells"][number]["outputs"]
    return [(node["name"], "".join(node["text"])) for node in nodes]


def test_the_notebook_has_the_last_state_of_bars_after_what_was_printed(run: Run):
    (name, printed), (bars, state) = outputs(run, 1)
    assert (name, printed) == ("stdout", "loss 0\nloss 1\nloss 2\n")
    assert bars == "stderr" and state.count("%") == 1 and "3/3" in state
    assert "\r" not in state and "\x1b" not in state and "inner" not in state


def test_the_notebook_keeps_what_a_person_would_miss(run: Run):
    assert outputs(run, 2)[0] == ("stdout", "Loading the data\rDoneing the data\n")
    assert "Doneing the data" in page(run)


def test_a_bar_on_stderr_is_not_marked_and_a_warning_is(run: Run):
    made = page(run)
    assert re.search(r'<pre class="stdout[^>]*>outer: 100%', made)
    assert re.search(r'<pre class="stderr[^>]*>a warning', made)


@pytest.mark.parametrize("name", ["nb.html", "nb.sanitized.html"])
def test_formulas_and_images_of_the_project_are_in_each_page(run: Run, name: str):
    made = page(run, name)
    assert "<mfrac>" in made and "<mi>ℝ</mi>" in made and "\\newcommand" not in made
    assert base64.b64encode(PNG).decode() in made
    assert "$5 and $6" in re.sub(r"</?span>", "", made)


def test_what_loads_from_other_hosts_is_said_at_its_place(run: Run):
    said = "this output loads from cdn.example, which a page does only with the option"
    assert page(run).count(said) == 1 and said not in page(run, "nb.sanitized.html")
