"""``run`` makes the run that ``guild run`` makes, prints what it prints, and says what it is."""

from __future__ import annotations

import io
import math
import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.api import Run, RunError, Runs, UserError, run, runs, sweep
from guild_notebook.api.results import END_SECONDS
from tests.helpers.project import GUILD, Project, markdown


class Made:
    """A run and what was printed meanwhile."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            self.run = run(*args, **kwargs)
        self.out, self.err = out.getvalue(), err.getvalue()


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError


ITSELF: list[Any] = []
ITSELF.append(ITSELF)


@pytest.fixture(scope="module")
def made(project: Project) -> Made:
    return Made("train.ipynb", lr=0.5, label="first", tags=["a", "b"], comment="why")


def test_a_run_says_what_it_is(made: Made, project: Project):
    found = made.run
    assert found.status == "completed"
    assert found.operation == "train.ipynb"
    assert found.flags == {"lr": 0.5, "layers": [1, 2], "name": "a", "fails": False}
    assert found.scalars == {"loss": 0.5}
    assert found.steps("loss") == [(0, 1.5), (1, 1.0), (2, 0.5)]
    assert (found.label, list(found.tags)) == ("first", ["a", "b"])
    assert found.error is None
    assert found.dir.parent == (project.home / "runs").resolve()
    assert found.short_id == found.id[:8] == found.dir.name[:8]
    assert 0 < found.seconds < 120
    assert repr(found).startswith(f"<Run {found.short_id} train.ipynb completed lr=0.5 ")


def test_outputs_images_notebook_and_report_are_those_of_the_run(made: Made):
    kinds = [(each.kind, each.source) for each in made.run.outputs("Training")]
    assert sorted(kinds) == [
        ("image", "display"),
        ("text", "result"),
        ("text", "stderr"),
        ("text", "stdout"),
    ]
    assert made.run.outputs("Training") == made.run.outputs(1) == made.run.outputs(-1)
    assert made.run.outputs(-1)[-1].text == "([1, 2], 'a')"
    (image,) = made.run.images
    assert image.content.startswith(b"\x89PNG")
    assert image._repr_mimebundle_() == {"image/png": image.data}
    shown = [set(each._repr_mimebundle_()) for each in made.run.outputs(1) if each.image]
    assert shown == [{"image/png", "text/plain"}]
    assert made.run.notebook == made.run.dir / "train.ipynb"
    assert made.run.notebook.read().cells[0].source.startswith("lr = 0.5\n")
    assert made.run.report == made.run.dir / "train.html"
    assert [cell.name for cell in made.run.cells] == ["lr = 0.1", "Training"]


def test_a_cell_is_named_by_its_heading_which_has_no_outputs(project: Project):
    project.notebook("headed.ipynb", markdown("# Fit"), "print('fitted')")
    made = run("headed.ipynb", nb_report="none", quiet=True)
    assert [each.text.strip() for each in made.outputs("Fit")] == ["fitted"]


def test_what_the_run_does_not_have_is_said(made: Made):
    short = made.run.short_id
    for call, said in {
        lambda: made.run.steps("los"): f"run {short} has no scalar 'los' - did you mean 'loss'?",
        lambda: made.run.outputs("Trainin"): f"run {short} has no cell 'Trainin' - did you mean "
        "'Training'?",
        lambda: made.run.outputs(2): f"run {short} has 2 cells, which count from 0 - there is no "
        "cell 2",
    }.items():
        with pytest.raises(UserError) as raised:
            call()
        assert str(raised.value) == said


def test_jupyter_shows_a_table_of_it(project: Project, made: Made):
    shown = made.run._repr_html_()
    for row in ("<th>status</th><td>completed", "<th>lr</th><td>0.5<", "<th>loss</th><td>0.5<"):
        assert row in shown
    hostile = run("loop", label="<script>alert(1)</script>", quiet=True)
    assert "<script" not in hostile._repr_html_()
    assert "&lt;script&gt;" in hostile._repr_html_()
    assert "&lt;script&gt;" in Runs([hostile, made.run])._repr_html_()
    assert "<script" not in Runs([hostile, made.run])._repr_html_()


def test_what_the_command_prints_is_printed(project: Project, made: Made):
    command = project.run("train.ipynb", "lr=0.5")
    assert made.out == command.stdout
    assert without_times(made.err) == without_times(command.stderr)


def without_times(text: str) -> list[str]:
    return [line.partition(" (")[0] for line in text.splitlines()]


def test_nothing_is_printed_where_it_is_quiet(project: Project):
    made = Made("loop", quiet=True)
    assert (made.out, made.err) == ("", "")
    assert made.run.outputs("Loop")[0].text == "step: 0\ncount: 1\nstep: 1\ncount: 2\n"


def test_guild_knows_the_run_as_any_other(project: Project, made: Made):
    assert made.run.id in project.guild("runs", "info", made.run.short_id).stdout


VALUES = [
    *(
        0,
        -7,
        10**30,
        0.1,
        1e-05,
        1e22,
        math.inf,
        -math.inf,
        True,
        False,
        "",
        "a",
        "yes",
        "1",
        "1e5",
    ),
    *("null", "two words", "a=b", "line\nline", "'\"\\", "[0", "-x", "@x", "ü\U0001f600", "a, b"),
    *([1, 2], [], [[1, 2], [3]], ["a", "1", "x y"], [0.5, "b", None, True], {"a": [1, None]}, {}),
    *((1, 2), Path("data/x.csv"), None),
]


def test_values_of_python_are_those_that_the_cell_has(project: Project):
    names = [f"value_{index}" for index in range(len(VALUES))]
    project.notebook(
        "values.ipynb",
        "\n".join(f"{name} = {default!r}" for name, default in zip(names, map(default_of, VALUES))),
        f"print(repr([{', '.join(names)}]))",
    )
    found = run("values.ipynb", nb_report="none", quiet=True, **dict(zip(names, VALUES)))
    plain = [str(v) if isinstance(v, Path) else v for v in VALUES]
    assert found.outputs(1)[0].text == f"{plain!r}\n"


def default_of(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ["z"]
    others = {int: 5, float: 0.25, str: "z", list: [7], tuple: (7,), dict: {"z": 7}}
    return others.get(type(value), "z")


def test_none_is_null_of_the_command_line_and_the_text_null_is_text(project: Project):
    project.notebook("text.ipynb", "name = 'a'", "print(repr(name))")
    quiet: Any = {"nb_report": "none", "quiet": True}
    trials = sweep("text.ipynb", name=[None, "null"], **quiet)
    typed = [
        project.run("text.ipynb", each, "nb-report=none") for each in ("name=null", "name='null'")
    ]
    made = [run("text.ipynb", name=None, **quiet), run("text.ipynb", name="null", **quiet)]
    of_command = [runs(done.run.id)[0] for done in typed]
    for pair in (trials, made, of_command):
        assert [each.flags["name"] for each in pair] == [None, "null"]
        assert [each.outputs(1)[0].text for each in pair] == ["None\n", "'null'\n"]


def test_numbers_of_numpy_are_numbers(project: Project):
    numpy = pytest.importorskip("numpy")
    values = {"lr": numpy.float64(0.25), "layers": numpy.arange(3)}
    found = run("train", **values, nb_report="none", quiet=True)
    assert found.flags["lr"] == 0.25
    assert found.flags["layers"] == [0, 1, 2]


def test_flags_of_a_run_make_the_same_run_again(made: Made):
    again = run("train.ipynb", **{**made.run.flags, "layers": [3]}, nb_report="none", quiet=True)
    assert again.flags == {**made.run.flags, "layers": [3]}
    assert again.scalars == made.run.scalars


def test_options_are_given_by_name_or_in_a_mapping(project: Project):
    assert run("train.ipynb", nb_report="none", nb_images=False, quiet=True).report is None
    options = {"report": {"html": {"code": "none"}}, "nb-images": "no", "timeout": None}
    found = run("train.ipynb", options=options, quiet=True)
    page = found.report.read_text("utf-8")
    assert "to stderr" in page
    assert "b64decode" not in page


def test_a_cell_that_fails_raises_an_error_that_has_the_run(project: Project):
    with pytest.raises(RunError) as raised:
        Made("train.ipynb", fails=True, nb_report="none")
    found = raised.value.run
    assert raised.value.status == 1
    assert str(raised.value) == (
        f"run {found.short_id} of train.ipynb: cell [2] (Training) failed with ZeroDivisionError: "
        "division by zero"
    )
    assert (found.status, found.flags["fails"]) == ("error", True)
    assert (found.error.cell, found.error.index) == ("Training", 1)
    assert found.error.name == "ZeroDivisionError"
    assert found.error.message == "division by zero"
    assert "1 / 0" in found.error.traceback
    assert found.scalars["loss"] == 0.1


def test_a_run_that_failed_is_returned_where_it_is_not_to_be_checked(project: Project):
    found = run("train", fails=True, nb_report="none", quiet=True, check=False)
    assert found.status == "error"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"lrr": 1}, "guild: train.ipynb has no flag 'lrr' - did you mean 'lr'?"),
        ({"nb_reprot": "none"}, "did you mean 'nb-report'?"),
        ({"fails": "perhaps"}, "takes yes or no"),
    ],
    ids=["flag", "option", "value"],
)
@pytest.mark.parametrize("quiet", [True, False])
def test_what_guild_refuses_is_an_error_without_a_run(
    arguments: dict[str, Any], said: str, quiet: bool, project: Project
):
    before = project.run_dirs()
    with pytest.raises(RunError) as raised:
        Made("train.ipynb", **arguments, quiet=quiet)
    assert said in str(raised.value)
    assert str(raised.value).startswith("there is no run of train.ipynb: ")
    assert raised.value.run is None
    assert project.run_dirs() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"lr": "[0.1:1]"}, "flag lr: [0.1:1] is a search space - give one value, or use sweep()"),
        (
            {"lr": 1j},
            "flag lr: Guild does not take complex 1j - give a number, a text, or a list or "
            "mapping of them",
        ),
        (
            {"lr": [1j]},
            "flag lr: Guild does not take list [1j] - give a number, a text, or a list or "
            "mapping of them",
        ),
        ({"lr": 1, "flags": {"lr": 2}}, "flag lr is given twice, by its name and in flags"),
        ({"flags": {"a=b": 2}}, "'a=b' is not the name of a flag - it has no ="),
        (
            {"nb_kernel": "a\0b"},
            "no command can be given 'nb-kernel=a\\x00b' - leave out what is not a character",
        ),
        (
            {"label": "\ud800"},
            "no command can be given '--label=\\ud800' - leave out what is not a character",
        ),
        (
            {"lr": {"a": len}},
            "flag lr: Guild does not take dict {'a': <built-in function len>} - give",
        ),
        ({"lr": "a\0b"}, "flag lr: Guild does not take str 'a\\x00b' - give"),
        ({"lr": {"a": ["\ud800"]}}, "flag lr: Guild does not take dict {'a': ['\\ud800']} - give"),
        ({"lr": ITSELF}, "flag lr: Guild does not take list [[[[[[[...]]]]]]] - give a number"),
        ({"lr": Odd()}, "flag lr: Guild does not take Odd <Odd instance at 0x"),
        ({"flags": ["lr"]}, "flags is ['lr'], of the type list - give a mapping, as {'lr': 0.1}"),
        ({"options": 5}, "options is 5, of the type int - give a mapping, as {'report': 'none'}"),
        ({"tags": 5}, "tags is 5, of the type int - give a text or a list of texts"),
        ({"project": b"x"}, "project is b'x', of the type bytes - give the path of a folder"),
        ({"project": "nowhere"}, "project 'nowhere' is not a folder - give that of guild.yml"),
    ],
)
def test_what_no_command_can_be_given_is_an_error(
    arguments: dict[str, Any], said: str, project: Project
):
    before = project.run_dirs()
    with pytest.raises(UserError) as raised:
        run("train.ipynb", **arguments)
    assert str(raised.value).startswith(said)
    assert project.run_dirs() == before


@pytest.mark.parametrize("given", [5, None, ["train.ipynb"], b"train.ipynb"])
def test_what_is_not_the_name_of_a_notebook_is_an_error(given: Any):
    with pytest.raises(UserError) as raised:
        run(given)
    assert str(raised.value) == (
        f"notebook is {given!r}, of the type {type(given).__name__} - give a path, or the name of "
        "an operation, as text"
    )


def test_a_name_that_is_a_parameter_and_a_flag_is_asked_about(project: Project):
    project.notebook("labels.ipynb", "label = 'x'", "label")
    with pytest.raises(UserError) as raised:
        run("labels.ipynb", label="y")
    assert str(raised.value) == (
        "label is a parameter, and a flag of labels.ipynb - set the flag by flags={'label': VALUE}"
    )
    found = run("labels.ipynb", label="y", flags={"label": "z"}, nb_report="none", quiet=True)
    assert (found.label, found.flags) == ("y", {"label": "z"})


def test_runs_are_chosen_as_guilds_commands_choose_them(made: Made):
    last = run("loop", quiet=True, label="the last one", tags=["chosen"])
    assert runs(1) == runs("1") == runs(last.id[:6]) == runs(tag="chosen") == [last]
    assert runs(label="the last") == runs(operation="loop", label="last", status="completed")
    assert made.run in runs()
    assert made.run not in runs(operation=["loop"])
    assert made.run in runs(filter="lr > 0.4")
    assert made.run not in runs(filter="lr < 0.4")
    assert len(runs("1:3")) == 3
    with pytest.raises(UserError, match="syntax error in filter"):
        runs(filter="lr >")
    with pytest.raises(UserError, match="could not find a run matching 'xyz'"):
        runs("xyz")


def test_a_part_of_a_list_of_runs_is_one_and_runs_can_be_sent_to_processes(made: Made):
    found = runs()[:2]
    assert isinstance(found, Runs)
    assert pickle.loads(pickle.dumps(made.run)) == made.run
    assert pickle.loads(pickle.dumps(RunError("x", made.run))).run == made.run


def test_a_run_that_goes_on_is_followed_and_stopped(project: Project):
    command = [*GUILD, "run", "loop", "n=600", "-y"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.stdout.readline() != "step: 3\n":
            assert process.poll() is None
        (found,) = runs(status="running")
        assert found.status == "running"
        assert (found.error, found.seconds) == (None, None)
        with pytest.raises(TimeoutError):
            found.wait(timeout=0.1)
        assert found.stop() is found
        assert found.status == "terminated"
        assert found.error.reason == "cell [2] (Loop) was stopped"
        assert found.error.cell == "Loop"
        process.communicate()


def ended_process(run_dir: Path) -> Path:
    """Make a run whose process has ended, of which Guild has not said how; returns its lock."""
    (run_dir / ".guild" / "attrs").mkdir(parents=True)
    lock = run_dir / ".guild" / "LOCK"
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        lock.write_text(str(process.pid))
    return lock


def test_a_run_is_waited_for_until_guild_has_said_how_it_has_ended(tmp_path: Path):
    lock = ended_process(tmp_path)

    def say() -> None:
        (tmp_path / ".guild" / "attrs" / "exit_status").write_text("0")
        lock.unlink()

    found, timer = Run(tmp_path), threading.Timer(0.3, say)
    assert found.status == "error"
    timer.start()
    assert found.wait().status == "completed"
    timer.join()


def test_what_guild_never_says_is_waited_for_briefly(tmp_path: Path):
    ended_process(tmp_path)
    assert Run(tmp_path).wait().status == "error"
    began = time.monotonic()
    assert Run(tmp_path).wait(timeout=0).status == "error"
    assert time.monotonic() - began < END_SECONDS


def test_a_label_that_somebody_has_changed_is_there_after_a_refresh(project: Project):
    found = run("loop", n=1, quiet=True)
    assert found.label != "other"
    project.guild("label", "--set", "other", found.id, "-y")
    assert found.refresh().label == "other"


def test_of_a_directory_that_is_not_a_run_that_is_said(tmp_path: Path):
    found = Run(tmp_path)
    assert (found.flags, found.scalars, list(found.cells), found.report) == ({}, {}, [], None)
    assert found.notebook is None
    assert found.error.reason == "cannot be read: it is not a run's directory"
    assert "cannot be read" in found._repr_html_()


def test_a_project_elsewhere_is_named(project: Project, tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    found = run("loop", n=1, project=project.dir, quiet=True)
    assert found.outputs("Loop")[0].text == "step: 0\ncount: 1\n"
    assert os.listdir(tmp_path) == []
    absolute = run(project.dir / "loop.ipynb", n=1, nb_report="none", quiet=True)
    assert absolute.status == "completed"
