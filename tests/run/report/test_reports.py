"""Names of reports: none takes another's place, nor that of a file of somebody else."""

from __future__ import annotations

import pytest

from tests.helpers.project import BROKEN_EXPORTER, Project, Run
from tests.helpers.runner import execute

REPORTS = ["html-no-input", "html", "sanitized", "script", "python", "notebook", "slides"]


@pytest.fixture(scope="module")
def run(shared: Project) -> Run:
    shared.notebook("nb.ipynb", "print('source')\nopen('nb.slides.html', 'w').write('mine')")
    shared.file("nb.py", "copied = 'with the source code'\n")
    shared.guildfile(f"a:\n  notebook: nb.ipynb\n  nb-report: [{', '.join(REPORTS)}]\n")
    return shared.run("a").run


def test_each_report_has_a_file_of_its_own(run: Run):
    plain = (run.dir / "nb.html").read_text("utf-8")
    without = (run.dir / "nb.html-no-input.html").read_text("utf-8")
    sanitized = (run.dir / "nb.sanitized.html").read_text("utf-8")
    assert 'class="source"' in plain and "Sanitized: scripts" not in plain
    assert 'class="source"' not in without and "<pre" in without
    assert 'class="source"' in sanitized and "Sanitized: scripts" in sanitized
    assert (run.dir / "nb.notebook.ipynb").exists()
    for name in ("script", "python"):
        assert "print('source')" in (run.dir / f"nb.{name}.py").read_text("utf-8")


def test_what_is_not_ours_is_not_replaced(run: Run):
    assert (run.dir / "nb.py").read_text("utf-8").startswith("copied")
    assert (run.dir / "nb.slides.html").read_text("utf-8") == "mine"
    assert "reveal" in (run.dir / "nb.slides.slides.html").read_text("utf-8")


@pytest.mark.slow
def test_a_restart_makes_the_same_files(shared: Project, run: Run):
    before = {path.name for path in run.dir.iterdir()}
    assert shared.guild("run", "-y", "--restart", run.id).status == 0
    assert {path.name for path in run.dir.iterdir()} == before


def test_a_report_that_cannot_be_made_leaves_the_others_alone(shared: Project):
    shared.notebook("odd.ipynb", "1 / 0")
    shared.file("broken.py", BROKEN_EXPORTER)
    shared.guildfile("a:\n  notebook: odd.ipynb\n  nb-report: [broken.Broken, sanitized]\n")
    done = shared.guild("run", "-y", "a")
    assert "no report 'broken.Broken', nbconvert failed with ValueError: odd" in done.stderr
    assert "failed with ZeroDivisionError - see odd.sanitized.html" in done.stderr
    sanitized = (done.run.dir / "odd.sanitized.html").read_text("utf-8")
    assert 'href="#guild-failed-cell"' in sanitized and 'id="guild-failed-cell"' in sanitized


def test_an_exporter_may_import_what_the_run_leaves_out_of_its_own_libraries(shared: Project):
    shared.file("fqdn.py", "")
    exporter = "import fqdn\nfrom nbconvert.exporters import MarkdownExporter as Named\n"
    shared.file("with_names.py", exporter)
    shared.notebook("names.ipynb", "print('shown')")
    run = execute(shared, "names.ipynb", "--report", "with_names.Named").run
    assert "shown" in (run.dir / "names.md").read_text("utf-8")
