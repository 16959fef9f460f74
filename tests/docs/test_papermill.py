"""Each row of the tables in docs/papermill.md is so: what it names is done and does as it says."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import api
from tests.helpers.project import GUILD, LIMIT, Command, Project, Run, new_project
from tests.helpers.reader import rows

SLOW = pytest.mark.slow

PARAMETERS = """\
epochs: int = 3     # passes over the data
name = "first"
fast = False"""

TRAIN = """\
# Train
import sys
print("epochs:", epochs)
print("name is", repr(name))
print("fast is", fast)
print("to stderr", file=sys.stderr)"""

LOOK = """\
# Look
import json, os, time
def saved():
    with open("train.ipynb") as f:
        outputs = [output for cell in json.load(f)["cells"] for output in cell["outputs"]]
    return any("name is" in "".join(output.get("text", [])) for output in outputs)
print("the directory is RUN_DIR:", os.getcwd() == os.environ["RUN_DIR"])
deadline = time.time() + 100
while not saved() and time.time() < deadline:
    time.sleep(0.05)
print("saved before the end:", saved())"""

NAMED = """\
named:
  notebook: train.ipynb
  flags-import: all
  flags:
    epochs: 9
prepared:
  notebook: train.ipynb
  flags-import: all
  nb-exec: no
prepared-by-option:
  notebook: train.ipynb --no-exec
  flags-import: all
another-kernel:
  notebook: train.ipynb
  nb-kernel: python3
without-code:
  notebook: train.ipynb
  nb-report: html-no-input
slow-start:
  notebook: sleep.ipynb
  nb-kernel: never-ready
  nb-startup-timeout: 1
slow-cell:
  notebook: sleep.ipynb
  nb-cell-timeout: 1
slow-cells:
  notebook: sleep.ipynb
  nb-timeout: 1
"""

TRIED: dict[str, tuple[str, ...]] = {}
"""By the first name of a row, what its test does of what the row names."""


def row(name: str, *names: str) -> Callable:
    """Marks the test of a row; ``names`` are what the row has in backquotes, in its order."""
    TRIED[name] = names
    return lambda function: function


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("papermill"))
    parameters = {"cell_type": "code", "source": PARAMETERS, "outputs": []}
    tagged = {**parameters, "metadata": {"tags": ["parameters"]}, "execution_count": None}
    made.notebook("train.ipynb", tagged, TRAIN, LOOK)
    made.notebook("sleep.ipynb", "import time\ntime.sleep(60)")
    spec = {"argv": ["sleep", "60"], "display_name": "Sleep", "language": "python"}
    folder = made.jupyter / "kernels" / "never-ready"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    made.file("params.yml", "epochs: 7\nname: third\n")
    made.guildfile(NAMED)
    return made


@pytest.fixture(scope="module")
def ran(project: Project) -> tuple[Command, bool]:
    """A run with three values, and whether its output was there before it ended."""
    before = project.run_dirs()
    typed = ["run", "train.ipynb", "epochs=5", "name=010", "fast=yes", "-y"]
    errors = project.dir / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*GUILD, *typed],
            cwd=project.dir,
            env=project.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        first = process.stdout.readline()
        was_live = process.poll() is None and not process.stdout.closed
        rest, _ = process.communicate(timeout=LIMIT)
    made = sorted(project.run_dirs() - before)
    return Command(first + rest, errors.read_text(), process.returncode, made), was_live


@pytest.fixture(scope="module")
def run(ran: tuple[Command, bool]) -> Run:
    assert ran[0].status == 0, ran[0].stderr
    return ran[0].run


def outputs(run: Run) -> list[dict]:
    cells = run.notebook("train.ipynb")["cells"]
    return [output for cell in cells for output in cell["outputs"]]


def guild_notebook(project: Project, *args: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", *args],
        cwd=project.dir,
        env=project.environment(),
        capture_output=True,
        text=True,
    )


def is_refused(project: Project, *args: str) -> bool:
    """Whether ``guild run ARGS`` ends in error before there is a run."""
    done = project.guild("run", *args, "-y")
    return done.status != 0 and not done.run_dirs and "Traceback" not in done.stderr


def test_each_row_has_a_test_of_all_that_it_names():
    told = {
        re.findall("`([^`]+)`", first)[0]: tuple(re.findall("`([^`]+)`", second))
        for first, second in rows("papermill.md", "## Every option")
    }
    assert told == TRIED


@row("NOTEBOOK_PATH", "guild run")
@SLOW
def test_the_path_or_the_name_of_an_operation_no_url_and_no_stdin(project: Project):
    assert project.run("named", "--print-cmd").stdout.count("train.ipynb") >= 1
    assert is_refused(project, "https://example.com/train.ipynb")
    assert is_refused(project, "s3://bucket/train.ipynb")
    assert is_refused(project, "-")


@row("OUTPUT_PATH", "guild export", "guild run --run-dir DIRECTORY")
@SLOW
def test_the_executed_notebook_lies_in_the_run_or_where_that_is_told_to_be(
    project: Project, run: Run, tmp_path: Path
):
    assert outputs(run)
    assert project.guild("export", str(tmp_path / "there"), run.id, "-y").status == 0
    assert outputs(Run(tmp_path / "there" / run.id)) == outputs(run)
    done = project.guild("run", "train.ipynb", "--run-dir", str(tmp_path / "out"), "-y")
    assert done.status == 0, done.stderr
    assert outputs(Run(tmp_path / "out"))


@row("--help-notebook", "guild run NOTEBOOK --help-op", "guild-notebook flags NOTEBOOK")
@SLOW
def test_the_parameters_are_listed_by_two_commands(project: Project):
    shown = project.guild("run", "train.ipynb", "--help-op").stdout
    assert re.search(r"epochs +passes over the data.*\b3\b", shown)
    assert re.search(
        r"^epochs +integer +3 +passes over the data",
        guild_notebook(project, "flags", "train.ipynb").stdout,
        re.M,
    )


@row("--parameters", "NAME=VALUE")
def test_a_value_is_given_by_name(run: Run):
    assert run.sources("train.ipynb")[0].startswith("epochs: int = 5     # passes")


@row("--parameters_raw", "NAME=VALUE", "name=010")
def test_a_value_of_text_stays_text(run: Run):
    assert "name is '010'\n" in run.output


@row("--parameters_file", "@FILE", "flags")
@SLOW
def test_values_come_from_a_file_or_from_guild_yml(project: Project):
    done = project.run("train.ipynb", "@params.yml", "--stage")
    assert (done.run.flags["epochs"], done.run.flags["name"]) == (7, "third")
    assert project.run("named", "--stage").run.flags["epochs"] == 9


@row("--parameters_yaml", "NAME=VALUE")
def test_each_value_is_read_as_yaml(run: Run):
    assert run.flags["fast"] is True
    assert "fast is True\n" in run.output


@row("--parameters_base64")
@SLOW
def test_a_value_needs_no_base64(project: Project):
    odd = "two words: \"#\" and '$HOME' \\n"
    assert project.run("train.ipynb", f"name={odd}", "--stage").run.flags["name"] == odd
    assert is_refused(project, "train.ipynb", "--parameters_base64", "e30=")


@row("--inject-input-path", ".guild/sourcecode/NOTEBOOK")
def test_a_run_knows_its_source(project: Project, run: Run):
    assert run.source("train.ipynb") == (project.dir / "train.ipynb").read_bytes()


@row("--inject-output-path", "RUN_DIR")
def test_cells_know_their_run(run: Run):
    assert "the directory is RUN_DIR: True\n" in run.output


@row("--inject-paths")
def test_both_paths_are_there(run: Run):
    assert (run.dir / ".guild" / "sourcecode" / "train.ipynb").exists()


@row("--engine")
@SLOW
def test_there_are_no_engines(project: Project):
    assert is_refused(project, "train.ipynb", "--engine", "other")


@row("--request-save-on-cell-execute")
def test_the_notebook_is_saved_while_it_executes(run: Run):
    assert "saved before the end: True\n" in run.output


@row("--autosave-cell-every")
def test_an_output_is_saved_before_its_cell_ends(run: Run):
    assert "saved before the end: True\n" in run.output


@row("--prepare-only", "nb-exec: no", "--no-exec", "guild-notebook preview")
@SLOW
def test_a_notebook_can_be_prepared_only(project: Project):
    for name in ("prepared", "prepared-by-option"):
        run = project.run(name, "epochs=4").run
        assert run.sources("train.ipynb")[0].startswith("epochs: int = 4 ")
        assert outputs(run) == []
    before = sorted(project.dir.rglob("*"))
    done = guild_notebook(project, "preview", "train.ipynb", "epochs=4")
    assert "+epochs: int = 4" in done.stdout
    assert sorted(project.dir.rglob("*")) == before


@row("--kernel", "nb-kernel")
@SLOW
def test_the_kernel_is_chosen(project: Project):
    command = project.run("another-kernel", "--print-cmd").stdout
    assert "python3" in command
    assert is_refused(project, "train.ipynb", "nb-kernel=nope")


@row("--language")
@SLOW
def test_the_language_is_that_of_the_kernel(project: Project, run: Run):
    assert run.notebook("train.ipynb")["metadata"]["language_info"]["name"] == "python"
    assert is_refused(project, "train.ipynb", "--language", "R")


@row("--cwd", "nb-cwd")
@SLOW
def test_the_working_directory_is_chosen(project: Project):
    command = ("where.ipynb", "nb-report=none")
    project.notebook("where.ipynb", "import os\nprint(os.path.realpath(os.getcwd()))")
    in_project = project.run(*command, "nb-cwd=project").stdout
    assert in_project.strip() == str(project.dir.resolve())
    done = project.run(*command, "nb-cwd=run")
    assert done.stdout.strip() == str(done.run.dir.resolve())


@row("--progress-bar")
def test_a_line_for_each_cell_is_on_stderr(ran: tuple[Command, bool]):
    line = r"^\[\d.*\] Train \("
    assert re.search(line, ran[0].stderr, re.M)
    assert not re.search(line, ran[0].stdout, re.M)


@row("--log-output", "guild cat --output")
def test_output_appears_while_cells_run_and_is_kept(
    project: Project, ran: tuple[Command, bool], run: Run
):
    assert ran[1]
    assert ran[0].stdout.startswith("epochs: 5\n")
    assert "epochs: 5\n" in project.guild("cat", "--output", run.id).stdout


@row("--stdout-file", "guild cat --output", "> FILE")
def test_what_cells_print_is_on_stdout(ran: tuple[Command, bool]):
    assert "epochs: 5\n" in ran[0].stdout
    assert "to stderr" not in ran[0].stdout


@row("--stderr-file", "2> FILE")
def test_what_cells_print_to_stderr_is_there(ran: tuple[Command, bool]):
    assert "to stderr\n" in ran[0].stderr
    assert "epochs: 5" not in ran[0].stderr


@row("--log-level", "guild --debug run …")
@SLOW
def test_guild_has_a_log(project: Project):
    assert "DEBUG: [guild]" in project.guild("--debug", "run", "named", "--print-cmd").stderr


@row("--start-timeout", "nb-startup-timeout")
@SLOW
def test_a_kernel_has_a_time_to_start(project: Project):
    done = project.guild("run", "slow-start", "-y")
    assert done.status == 1
    assert "nb-startup-timeout" in done.stderr


@row("--execution-timeout", "nb-cell-timeout", "nb-timeout")
@SLOW
@pytest.mark.parametrize(("name", "option"), [("slow-cell", "nb-cell"), ("slow-cells", "nb")])
def test_a_cell_and_all_cells_have_a_time(project: Project, name: str, option: str):
    done = project.guild("run", name, "-y")
    assert done.status == 1
    assert f"over 1 s ({option}-timeout)" in done.stderr


@row("--report-mode", "nb-report: html-no-input")
@SLOW
def test_a_report_without_code_leaves_the_code_in_the_notebook(project: Project):
    run = project.run("without-code").run
    page = (run.dir / "train.html").read_text("utf-8")
    assert "name is" in page
    assert "passes over the data" not in page
    assert run.sources("train.ipynb")[0] == PARAMETERS


@row("--version", "guild-notebook --version")
@SLOW
def test_the_version_is_told(project: Project):
    assert guild_notebook(project, "--version").stdout.startswith("guild-notebook ")


@row("--help", "guild run --help")
@SLOW
def test_the_help_of_runs(project: Project):
    shown = project.guild("run", "--help").stdout
    assert "Usage: " in shown
    assert "--restart" in shown


@SLOW
def test_papermill_does_the_same_with_this_notebook(project: Project, run: Run, tmp_path: Path):
    """So that the table compares like with like."""
    out = tmp_path / "out.ipynb"
    cells = json.loads((project.dir / "train.ipynb").read_text())["cells"][:2]
    source = tmp_path / "train.ipynb"
    source.write_text(json.dumps({**run.notebook("train.ipynb"), "cells": cells}))
    values = ["-p", "epochs", "5", "-r", "name", "010", "-y", "fast: yes"]
    command = [sys.executable, "-m", "papermill", str(source), str(out), *values]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    printed = json.loads(out.read_text())["cells"][-1]["outputs"][0]["text"]
    assert "".join(printed) == "epochs: 5\nname is '010'\nfast is True\n"


ARGUMENTS: dict[str, tuple[str, ...]] = {}
"""By the first name of a row of the table of arguments, what its test does of what it names."""

TYPED = (
    *("input_path", "output_path", "parameters", "engine_name", "request_save_on_cell_execute"),
    *("prepare_only", "kernel_name", "language", "progress_bar", "log_output", "stdout_file"),
    *("stderr_file", "start_timeout", "report_mode", "cwd"),
)
"""The arguments of ``papermill.execute_notebook``, and those of its engine."""
OF_ENGINE = ("execution_timeout", "autosave_cell_every")


def argument(name: str, *names: str) -> Callable:
    """As ``row``, for the table of arguments."""
    ARGUMENTS[name] = names
    return lambda function: function


@pytest.fixture(scope="module")
def in_python(project: Project) -> Iterator[pytest.MonkeyPatch]:
    """This process in the project, with its Guild home."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in project.environment().items():
            patched.setenv(name, value)
        patched.chdir(project.dir)
        yield patched


@pytest.fixture(scope="module")
def called(in_python: pytest.MonkeyPatch) -> tuple[api.Run, str, str]:
    """A run from Python, and what it has printed to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        made = api.run("train.ipynb", epochs=5, flags={"name": "010", "fast": True})
    return made, out.getvalue(), err.getvalue()


def test_each_argument_of_execute_notebook_has_a_row_and_a_test():
    import papermill

    parameters = inspect.signature(papermill.execute_notebook).parameters
    assert tuple(name for name in parameters if name != "engine_kwargs") == TYPED
    told = {
        re.findall("`([^`]+)`", first)[0]: tuple(re.findall("`([^`]+)`", second))
        for after in ("## In Python", "What a `PapermillExecutionError` has")
        for first, second in rows("papermill.md", after)
    }
    attributes = ("cell_index", "exec_count", "source", "ename", "evalue", "traceback")
    assert tuple(told) == (*TYPED, *OF_ENGINE, *attributes)
    assert told == ARGUMENTS


@argument("input_path")
@argument("output_path", "Run.notebook", "shutil.copy")
@argument("parameters", "flags={…}")
@argument("request_save_on_cell_execute")
@argument("autosave_cell_every")
def test_python_takes_a_path_and_values(called: tuple[api.Run, str, str], tmp_path: Path):
    made, out, _ = called
    assert dict(made.flags) == {"epochs": 5, "name": "010", "fast": True}
    shutil.copy(made.notebook, tmp_path / "out.ipynb")
    assert outputs_of(tmp_path / "out.ipynb") == outputs_of(made.notebook)
    assert "saved before the end: True\n" in out
    assert api.run("named", nb_exec=False, quiet=True).flags["epochs"] == 9


def outputs_of(path: Path) -> list[Any]:
    return [cell.get("outputs") for cell in json.loads(path.read_text("utf-8"))["cells"]]


@argument("progress_bar", "sys.stderr", "quiet=True")
@argument("log_output", "sys.stdout", "quiet=True")
@argument("stdout_file", "contextlib.redirect_stdout(FILE)")
@argument("stderr_file", "contextlib.redirect_stderr(FILE)")
def test_python_gets_what_cells_print_and_a_line_for_each(called: tuple[api.Run, str, str]):
    _, out, err = called
    assert out.startswith("epochs: 5\nname is '010'\n")
    assert "to stderr\n" in err
    assert re.search(r"^\[\d.*\] Train \(", err, re.M)
    with contextlib.redirect_stdout(io.StringIO()) as nothing:
        api.run("named", nb_exec=False, quiet=True)
    assert nothing.getvalue() == ""


@argument("prepare_only", "nb_exec=False")
@argument("report_mode", 'nb_report="html-no-input"')
@SLOW
def test_python_prepares_and_reports_without_code(in_python: pytest.MonkeyPatch):
    prepared = api.run("train.ipynb", epochs=4, nb_exec=False, quiet=True)
    assert outputs_of(prepared.notebook) == [[], [], []]
    made = api.run("train.ipynb", nb_report="html-no-input", quiet=True)
    assert "passes over the data" not in made.report.read_text("utf-8")
    assert made.notebook.read().cells[0].source == PARAMETERS


@argument("kernel_name", "nb_kernel=NAME")
@argument("start_timeout", "nb_startup_timeout=SECONDS")
@argument("execution_timeout", "nb_cell_timeout=SECONDS", "nb_timeout=SECONDS")
@SLOW
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nb_kernel": "never-ready", "nb_startup_timeout": 1}, "nb-startup-timeout"),
        ({"nb_kernel": "nope"}, "kernel 'nope'"),
        ({"nb_cell_timeout": 1}, "over 1 s (nb-cell-timeout)"),
        ({"nb_timeout": 1}, "over 1 s (nb-timeout)"),
    ],
    ids=["start", "kernel", "cell", "cells"],
)
def test_python_chooses_a_kernel_and_times(
    in_python: pytest.MonkeyPatch, options: dict[str, Any], said: str
):
    err = io.StringIO()
    with pytest.raises(api.RunError), contextlib.redirect_stderr(err):
        api.run("sleep.ipynb", **options)
    assert said in err.getvalue()


@argument("cwd", 'nb_cwd="project"', 'nb_cwd="notebook"')
@SLOW
def test_python_chooses_the_working_directory(project: Project, in_python: pytest.MonkeyPatch):
    project.notebook("below/cwd.ipynb", "import os\nprint(os.path.realpath(os.getcwd()))")
    for option, folder in (("project", project.dir / "below"), ("notebook", None)):
        made = api.run("below/cwd.ipynb", nb_cwd=option, nb_report="none", quiet=True)
        expected = (folder or made.dir / "below").resolve()
        assert made.outputs(0)[0].text == f"{expected}\n"


@argument("engine_name")
@argument("language")
def test_python_has_no_engines_and_no_languages(in_python: pytest.MonkeyPatch):
    for name in ("engine_name", "language"):
        with pytest.raises(api.RunError, match=f"has no flag '{name}'"):
            api.run("train.ipynb", **{name: "other"}, quiet=True)


@argument("cell_index", "RunError.run.error.index")
@argument("exec_count", "RunError.run.cells[INDEX].number")
@argument("source", "RunError.run.cells[INDEX].executed")
@argument("ename", "RunError.run.error.name")
@argument("evalue", "RunError.run.error.message")
@argument("traceback", "RunError.run.error.traceback")
@SLOW
def test_python_tells_of_an_error_what_papermill_does(
    project: Project, in_python: pytest.MonkeyPatch, tmp_path: Path
):
    import papermill

    project.notebook("fails.ipynb", "x = 1", "# Fails\nraise ValueError('odd')")
    with pytest.raises(papermill.PapermillExecutionError) as theirs:
        papermill.execute_notebook("fails.ipynb", str(tmp_path / "out.ipynb"), progress_bar=False)
    with pytest.raises(api.RunError) as raised:
        api.run("fails.ipynb", nb_report="none", quiet=True)
    run = raised.value.run
    error, cell = run.error, run.cells[run.error.index]
    told = (error.index, cell.number, cell.executed, error.name, error.message)
    of = theirs.value
    assert told == (of.cell_index, of.exec_count, of.source, of.ename, of.evalue)
    assert "raise ValueError('odd')" in error.traceback
