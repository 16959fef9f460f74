"""A run that fails says where, and keeps what it has."""

from __future__ import annotations

import json
import re

import pytest

from guild_notebook.document import reader, states
from guild_notebook.errors import NotebookError
from tests.helpers.project import Command, Project, code, markdown, notebook
from tests.helpers.runner import attempt, execute

CELLS = [
    code("from IPython.display import SVG, display\n"
         "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))\nprint('loss: 0.5')"),
    code("#@title Divide\ndef inner(x):\n    return 1 / x\ninner(0)"),
    code("print('never')"),
]  # fmt: skip


@pytest.fixture(scope="module")
def failed(shared: Project) -> Command:
    shared.notebook("nb.ipynb", *CELLS)
    return shared.guild("run", "-y", "nb.ipynb")


def test_the_status_is_error(shared: Project, failed: Command):
    assert failed.status == 1
    assert failed.run.attr("exit_status") == 1
    assert "error" in shared.guild("runs").stdout


def test_the_traceback_is_on_stderr_without_colour_codes(failed: Command):
    assert "ZeroDivisionError: division by zero" in failed.stderr
    assert "return 1 / x" in failed.stderr
    assert "\x1b" not in failed.stderr
    assert "Traceback (most recent call last)" in failed.stderr
    assert "guild_notebook" not in failed.stderr


def test_the_last_lines_name_the_cell(failed: Command):
    last = failed.stderr.strip().splitlines()[-1]
    assert "cell [2] (Divide) failed with ZeroDivisionError" in last
    assert "nb.html" in last


def test_cells_before_keep_their_outputs_and_cells_after_have_none(failed: Command):
    first, second, third = failed.run.notebook("nb.ipynb")["cells"]
    assert "loss: 0.5" in json.dumps(first["outputs"])
    assert [o["output_type"] for o in second["outputs"]] == ["error"]
    assert (third["outputs"], third["execution_count"]) == ([], None)


def test_images_and_scalars_before_it_are_kept(shared: Project, failed: Command):
    assert (failed.run.dir / "nb_1_0.svg").exists()
    assert "loss: 0.5" in shared.guild("runs", "info", failed.run.id).stdout


def test_the_failing_cell_is_easy_to_find(failed: Command):
    report = (failed.run.dir / "nb.html").read_text("utf-8")
    links = report.count('href="#guild-failed-cell"')
    assert links == 2  # at the top, and in the contents
    assert report.count('id="guild-failed-cell"') == 1
    metadata = failed.run.notebook("nb.ipynb")["metadata"]
    assert metadata["guild"] == {"status": "error", "failed_cell": 1}


@pytest.mark.slow
def test_a_restart_after_the_failure_was_mended_completes(shared: Project):
    shared.notebook("mend.ipynb", "divisor = 0", "print(1 / divisor)")
    failed = shared.guild("run", "-y", "mend.ipynb")
    assert failed.status == 1
    shared.run("--restart", failed.run.id, "divisor=2")
    assert failed.run.attr("exit_status") == 0
    assert "ZeroDivisionError" not in json.dumps(failed.run.notebook("mend.ipynb"))
    assert "ZeroDivisionError" not in (failed.run.dir / "mend.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("source", "status", "said"),
    [
        pytest.param("import sys\nprint('before')\nsys.exit(3)", 3, "", marks=pytest.mark.slow),
        pytest.param("import sys\nprint('before')\nsys.exit()", 0, "", marks=pytest.mark.slow),
        ("print('before')\nraise SystemExit('out of data')", 1, "out of data"),
        pytest.param("print('before')\nexit()", 0, "", marks=pytest.mark.slow),
    ],
)
def test_a_cell_may_end_the_run_with_a_status(project: Project, source, status, said):
    project.notebook("nb.ipynb", source, "print('never')")
    done = attempt(project, "nb.ipynb", "--report", "html")
    assert done.status == status
    assert "before" in done.stdout and "never" not in done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.run.dir / "nb.html").exists()


def test_errors_may_be_allowed_and_traceback_colours_kept(project: Project):
    expected = code("raise LookupError", tags=["raises-exception"])
    project.notebook("nb.ipynb", "# <One>\n1 / 0", "print('after')", expected, "none", "x = 5")
    options = ("--allow-errors", "yes", "--color", "yes", "--report", "html")
    done = execute(project, "nb.ipynb", *options)
    assert "after" in done.stdout
    assert "\x1b[" in done.stderr and "ZeroDivisionError" in done.stderr
    lines = [re.sub(r"\d\.\d s", "S", line) for line in done.stderr.splitlines()]
    assert [line for line in lines if line.startswith("[")] == [
        "[1/5] <One> (S) failed", "[2/5] print('after') (S)", "[3/5] raise LookupError (S)",
        "[4/5] none (S) failed", "[5/5] x = 5 (S)",
    ]  # fmt: skip
    first, second = "failed with ZeroDivisionError", "cell [4] (none) failed with NameError"
    assert lines[-1] == f"guild-notebook: cell [1] (<One>) {first}, {second} - see nb.html"
    notebook = done.run.notebook("nb.ipynb")
    assert notebook["metadata"]["guild"] == {"status": "completed"}
    states = [cell["metadata"]["guild"]["status"] for cell in notebook["cells"]]
    assert states == ["failed", "completed", "completed", "failed", "completed"]
    report = (done.run.dir / "nb.html").read_text("utf-8")
    assert (
        f'<a href="#guild-failed-cell-0">cell [1] (&lt;One&gt;) {first}</a>, and the run' in report
    )
    assert f'<a href="#guild-failed-cell-3">{second}</a>, and the run went on.' in report
    assert 'id="guild-failed-cell-0"' in report and 'id="guild-failed-cell-3"' in report


def test_an_error_that_ends_a_run_comes_after_those_that_were_allowed(project: Project):
    cells = [f"# C{n}\nno_{n}" for n in range(1, 6)]
    project.notebook("nb.ipynb", *cells, "import os\nos._exit(7)")
    done = attempt(project, "nb.ipynb", "--allow-errors", "yes", "--report", "html")
    failed = ", ".join(f"cell [{n}] (C{n}) failed with NameError" for n in (1, 2, 3))
    last = done.stderr.splitlines()[-1]
    died = ", the kernel died in cell [6]"
    assert done.status == 1
    assert last.startswith(f"guild-notebook: {failed}, 2 more cells failed{died}"), last
    report = (done.run.dir / "nb.html").read_text("utf-8")
    link = '<a href="#guild-failed-cell">cell [6] (import os)</a>'
    assert f"the kernel died in {link}" in report
    assert report.count("and the run went on.") == 5


def test_cells_with_a_tag_may_be_skipped(project: Project):
    project.notebook("nb.ipynb", code("print('slow')", tags=["slow"]), "print('quick')")
    done = execute(project, "nb.ipynb", "--skip-tags", "slow")
    assert "quick" in done.stdout and "slow" not in done.stdout


NAMED = (
    markdown("# Data"),
    "x = 1\nprint('data')",
    code("print('skipped')", tags=["skip-execution"]),
    "# Train\nprint('train')",
    "# Test\nprint('test')",
    "# test\nprint('again')",
    "# Test\nprint('third')",
)


@pytest.mark.parametrize(
    ("said", "last"),
    [
        ("Data", "data"),
        ("Train", "train"),
        ("TRAIN", "train"),
        ("2", "train"),
        ("[2]", "train"),
        ("cell [2] (Train)", "train"),
        ("4th", "train"),
        ("the 5th cell", "test"),
        ("test", "again"),
        ("3rd", "data"),  # the skipped one
    ],
)
def test_a_cell_after_which_none_runs_is_called_as_messages_call_it(said: str, last: str):
    cells = reader.cells_of(notebook(*NAMED))
    indexes = states.indexes_to_run(cells, [], said)
    assert last in cells[indexes[-1]].source


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Tran", "no cell that runs is called 'Tran' - did you mean 'Train'?"),
        ("0", "no cell that runs is called '0' - the last is cell [5] (Test)"),
        ("99", "no cell that runs is called '99' - the last is cell [5] (Test)"),
        ("8th", "no cell that runs is called '8th' - the last is cell [5] (Test)"),
        ("Test", "2 cells are called 'Test', the 5th, 7th - say which: 5th"),
    ],
)
def test_a_cell_that_is_not_there_or_has_a_name_of_several_is_an_error(said: str, message: str):
    with pytest.raises(NotebookError) as raised:
        states.indexes_to_run(reader.cells_of(notebook(*NAMED)), [], said)
    assert str(raised.value) == message


def test_cells_after_that_of_nb_until_are_not_run(project: Project):
    project.notebook("nb.ipynb", *NAMED)
    done = execute(project, "nb.ipynb", "--until", "Train", "--report", "html")
    assert done.stdout.split() == ["data", "train"]
    assert done.stderr.splitlines()[-1] == (
        "the cells after cell [2] (Train) are not run (nb-until)"
    )
    assert "up to cell [2] (nb-until)" in (done.run.dir / "nb.html").read_text("utf-8")
    made = done.run.notebook("nb.ipynb")
    assert made["metadata"]["guild"] == {"status": "completed", "last_cell": 3}
    assert ["guild" in cell["metadata"] for cell in made["cells"]] == [
        *(False, True, False, True, False, False, False)
    ]


def test_a_syntax_error_is_an_error_of_its_cell(project: Project):
    project.notebook("nb.ipynb", "x = 1", "y = )")
    done = attempt(project, "nb.ipynb")
    assert done.status == 1
    assert "SyntaxError" in done.stderr and "cell [2]" in done.stderr


@pytest.mark.slow
def test_a_kernel_that_dies_ends_the_run(project: Project):
    project.notebook("nb.ipynb", "print('before')", "import os\nos._exit(7)", "print('never')")
    done = attempt(project, "nb.ipynb", "--report", "html")
    assert done.status == 1
    assert "kernel died in cell [2]" in done.stderr
    assert "before" in json.dumps(done.run.notebook("nb.ipynb"))
    assert (done.run.dir / "nb.html").exists()
