"""``%guild`` in a notebook: in one that itself is a run."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.api.magics import LARGEST_REPORT, Comparison, Report, _Errors
from guild_notebook.api.results import Run as ApiRun
from tests.helpers.project import Project, Run, code

TRAIN = ("lr = 0.1", "# Train\nassert lr > 0, 'too small'\nprint('loss:', lr / 3)")

CELLS = [
    "lr = 0.2\n%load_ext guild_notebook",
    "# One run\nrun = %guild run train.ipynb lr=$lr nb-report=none\n"
    "print(run.status, run.flags, run.scalars)\nrun",
    "# A sweep\n%guild run train.ipynb 'lr=[{lr + 1}, 3]' nb-jobs=2 --maximize loss",
    "# The best\nprint(_.best.flags)",
    "# Compared\n%guild compare -Fo train.ipynb -Fl lr=0.2",
    "# A report\n%guild report {run.id}",
    "# Another command\n%guild runs -n 1",
    "# Help\n%guild",
    "# No run\nfound = %guild run train.ipynb --print-trials lr=[7,8]\nprint(found)",
    "# Table\nfound = %guild compare --table -n 1\nprint(found)",
]

ERRORS = {
    "%guild run train.ipynb lr=-1 nb-report=none": r"RunError: run \w{8} of train\.ipynb: "
    r"cell \[2\] \(Train\) failed with AssertionError: too small",
    "%guild run train.ipynb rate=1": r"RunError: guild run has made no run - it says above why "
    r"\(exit status 1\)",
    "%guild runs rm --none": r"UserError: %guild runs ended with exit status 2 - .* is above",
    "%guild compare --none": r"UserError: %guild compare ended with exit status 2 - .* is above",
    "%guild report 1 2": r"UserError: %guild report takes one run - give its ID, .*",
    "%guild report deadbeef": r"UserError: .*'deadbeef'.*",
    "%guild run 'train.ipynb": r"UserError: %guild run 'train\.ipynb: No closing quotation - .*",
    "%guild runs rm 1": r"UserError: %guild runs ended with exit status 1 - .* -y",
}


@pytest.fixture(scope="module")
def outer(shared: Project) -> Run:
    """A run of a notebook that starts runs with the magic."""
    errors = [{**code(source), "metadata": {"tags": ["raises-exception"]}} for source in ERRORS]
    shared.notebook("train.ipynb", *TRAIN)
    shared.notebook("outer.ipynb", *CELLS, *errors)
    done = shared.run("outer.ipynb", "lr=0.2", "nb-report=none")
    (found,) = [run for run in done.runs if run.op_name == "outer.ipynb"]
    return found


def outputs(run: Run, cell: int) -> list[dict[str, Any]]:
    return list(run.notebook("outer.ipynb")["cells"][cell]["outputs"])


def text(run: Run, cell: int, stream: str = "stdout") -> str:
    return "".join("".join(o["text"]) for o in outputs(run, cell) if o.get("name") == stream)


def value(run: Run, cell: int, kind: str = "text/plain") -> str:
    (found,) = [o for o in outputs(run, cell) if o["output_type"] == "execute_result"]
    return "".join(found["data"][kind])


def test_a_run_is_a_run_of_its_own_and_the_value(outer: Run, shared: Project):
    said = text(outer, 1)
    assert "loss: 0.06" in said and "completed {'lr': 0.2} {'loss': 0.066" in said
    assert re.match(r"<Run \w{8} train\.ipynb completed lr=0\.2 loss=0\.0", value(outer, 1))
    assert "<td>0.2</td>" in value(outer, 1, "text/html")
    assert outer.attr("exit_status") == 0
    assert "[2/2] Train (" in said and text(outer, 1, "stderr") == ""


def test_a_sweep_is_the_list_of_its_trials_with_the_best_by_what_was_maximized(outer: Run):
    assert "2 trials of train.ipynb · lr · 2 at once" in text(outer, 2)
    assert "<td>1.2</td>" in value(outer, 2, "text/html")
    assert text(outer, 3) == "{'lr': 3}\n"


def test_runs_are_compared_in_a_table_of_html_and_of_text(outer: Run):
    header, row = value(outer, 4).splitlines()
    assert header.split() == [
        "run", "operation", "started", "time", "status", "label", "lr", "step", "loss",
    ]  # fmt: skip
    assert re.fullmatch(r"\w{8}  train\.ipynb  .*  completed  lr=0\.2  0\.2  0  +0\.0666667", row)
    assert "<th>loss</th>" in value(outer, 4, "text/html")
    assert "<td>0.0666667</td>" in value(outer, 4, "text/html")


def test_the_report_of_a_run_is_shown_in_a_frame_that_can_reach_nothing(outer: Run):
    shown = value(outer, 5, "text/html")
    (sandbox,) = re.findall(r'^<iframe [^>]*sandbox="([^"]*)"', shown)
    assert "allow-scripts" in sandbox and "allow-same-origin" not in sandbox
    (page,) = re.findall(r'srcdoc="([^"]*)"></iframe>$', shown, re.DOTALL)
    assert unescape(page).lower().startswith("<!doctype html") and "loss: 0.06" in page
    assert re.match(r"the report of \w{8} \(train\.ipynb\): /", value(outer, 5))


def test_other_commands_are_passed_on_and_what_makes_no_run_has_no_value(outer: Run):
    assert re.match(r"\[1:\w{8}\]  train\.ipynb", text(outer, 6))
    assert "%guild report RUN" in text(outer, 7) and "\n    %guild" not in text(outer, 7)
    assert re.search(r"\n1 +7\n2 +8\n(.*\n)?None\n$", text(outer, 8)), text(outer, 8)
    assert re.match(r"run +operation .*\n\w{8}  train\.ipynb .*\n(.*\n)*None\n$", text(outer, 9))


def test_what_goes_wrong_is_one_line_and_the_cell_has_failed(outer: Run):
    for cell, said in enumerate(ERRORS.values(), len(CELLS)):
        (error,) = [o for o in outputs(outer, cell) if o["output_type"] == "error"]
        assert len(error["traceback"]) == 1
        assert re.fullmatch(said, error["traceback"][0]), error["traceback"]
    assert "too small" in text(outer, len(CELLS), "stderr")
    assert "train.ipynb has no flag 'rate'" in text(outer, len(CELLS) + 1, "stderr")
    assert "Try 'guild runs rm --help'" in text(outer, len(CELLS) + 2, "stderr")
    assert "Try 'guild compare --help'" in text(outer, len(CELLS) + 3, "stderr")


def test_of_stderr_what_is_no_error_is_written_to_stdout(capsys: pytest.CaptureFixture[str]):
    errors = _Errors()
    for text in (
        "Resolving file:x\nWARNING: odd\n[1/2] a",
        " (1 s)\n\n[x] b\n",
        "part",
        " [1/2] c\n",
    ):
        errors.write(text)
    errors.write("[2/2] d (1 s)")
    errors.flush()
    assert capsys.readouterr() == (
        "Resolving file:x\n[1/2] a (1 s)\n[2/2] d (1 s)",
        "WARNING: odd\n\n[x] b\npart [1/2] c\n",
    )


def test_a_comparison_is_a_frame_of_pandas_and_ids_stay_texts():
    made = Comparison("run,label,loss\n12345678,a,0.10000000149\n6e892123,b,\n")
    assert repr(made).splitlines() == [
        "run       label  loss", "12345678  a      0.1", "6e892123  b",
    ]  # fmt: skip
    frame = made.to_frame()
    assert list(frame["run"]) == ["12345678", "6e892123"]
    assert frame["loss"].dtype == "float64"
    assert (repr(Comparison("")), Comparison("")._repr_html_()) == ("no runs", "<p>no runs</p>")


def test_a_report_that_is_too_large_for_a_notebook_is_named(tmp_path: Path):
    made = Report(ApiRun(tmp_path / "deadbeef"), "x" * (LARGEST_REPORT + 1))
    assert "<iframe" not in made._repr_html_() and "guild-notebook open" in made._repr_html_()
