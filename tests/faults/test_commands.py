"""Commands of IPython (``!name``) in cells: those that fail, and variables in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.causes import states
from tests.helpers.project import Command, Project, code
from tests.helpers.runner import attempt, execute

FAILING = {
    "!echo said; exit 3": 3,
    "x = !echo said; exit 3": 3,
    "!!echo said; exit 3": 3,
    "%sx echo said; exit 3": 3,
    "%system echo said; exit 3": 3,
    "%%sx\necho said; exit 3": 3,
    "def f():\n    x = !echo said; exit 3\nf()": 3,
    "!true\n!echo said; exit 3\n!echo never": 3,
    "!echo said; no-such-command-at-all": 127,
    "%alias failing sh -c 'echo said; exit 3'\n%failing": 3,
    "for i in range(3):\n    !echo said; exit $i": 1,
}

FINE = (
    "!false || true",
    "x = !echo said; true\nprint(x, type(x).__name__)",
    "!echo one | cat",
    "x = !echo a; echo b 1>&2\nprint(x.s)",
)


def cells(done: Command) -> list[Any]:
    return list(done.run.notebook("nb.ipynb")["cells"])


def text_of(cell: Any) -> str:
    return "".join(str(text) for output in cell["outputs"] for text in output.get("text", ()))


@pytest.fixture(scope="module")
def failing(shared: Project) -> Command:
    marked = [code(source, tags=["raises-exception"]) for source in [*FAILING, *FINE]]
    shared.notebook("nb.ipynb", *marked)
    return execute(shared, "nb.ipynb", "--fail-on-command", "yes")


@pytest.mark.parametrize("at", range(len(FAILING)))
def test_a_command_that_fails_is_an_error_of_its_cell(at: int, failing: Command):
    (_, status), cell = [*FAILING.items()][at], cells(failing)[at]
    (error,) = [output for output in cell["outputs"] if output["output_type"] == "error"]
    assert error["ename"] == "CalledProcessError"
    assert error["evalue"].startswith("Command '")
    assert error["evalue"].endswith(f"' returned non-zero exit status {status}.")
    assert "said" in text_of(cell) and "never" not in text_of(cell)


@pytest.mark.parametrize("at", range(len(FINE)))
def test_one_that_does_not_fail_is_as_it_was(at: int, failing: Command):
    cell = cells(failing)[len(FAILING) + at]
    assert all(output["output_type"] != "error" for output in cell["outputs"])
    expected = ["", "['said'] SList\n", "one", "a b\n"][at]
    assert expected in text_of(cell)


def test_the_run_ends_with_the_cell_and_names_it(project: Project):
    project.notebook("nb.ipynb", "# Get\n!exit 4", "print('never')")
    done = attempt(project, "nb.ipynb", "--fail-on-command")
    assert done.status == 1 and states(done.run) == ["failed", "not run"]
    assert "cell [1] (Get) failed with CalledProcessError" in done.stderr
    assert "Command 'exit 4' returned non-zero exit status 4." in done.stderr


def test_without_the_option_a_command_that_fails_changes_nothing(project: Project):
    project.notebook("nb.ipynb", *FAILING, "print('went on')")
    done = execute(project, "nb.ipynb")
    assert "went on" in done.stdout and "CalledProcessError" not in done.stderr
    assert set(states(done.run)) == {"completed"}


@pytest.mark.parametrize("option", [[], ["--fail-on-command", "yes"]], ids=["off", "on"])
def test_commands_get_variables_as_in_jupyter(option: list[str], project: Project):
    project.notebook(
        "nb.ipynb",
        "command = cmd = shell = 'own'\n!echo 1 $command {cmd} {shell} {1 + 1} $$IN_SHELL",
        "def f(local):\n    get_ipython().system('echo 2 $local')\n    x = !echo 3 {local}\n"
        "    print(x[0])\nf('of-function')",
    )
    done = execute(project, "nb.ipynb", *option, IN_SHELL="variable")
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert printed == ["1 own own own 2 variable", "2 of-function", "3 of-function"]


@pytest.mark.slow
def test_shared_cells_of_a_sweep_fail_with_their_commands(project: Project):
    project.notebook("nb.ipynb", "!exit 5", "lr = 0.1")
    project.guildfile("fit: {notebook: nb.ipynb, flags-import: all, nb-report: none}\n")
    options = ["nb-fork=yes", "nb-fail-on-command=yes"]
    done = project.guild("run", "-y", "fit", "lr=[1,2]", *options)
    trials = [run for run in done.runs if run.flags]
    assert len(trials) == 2
    for run in trials:
        assert "returned non-zero exit status 5" in run.output and states(run)[0] == "failed"
