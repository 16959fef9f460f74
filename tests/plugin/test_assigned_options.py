"""Options of a notebook operation that are assigned on the command line, among the flags."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import options
from guild_notebook.errors import OptionError
from guild_notebook.options.readers import Option
from tests.helpers.forked_guild import ForkedGuild
from tests.helpers.project import Project, Run, code

REPORTS = {
    "[html,none]": {"html": {}},
    "[]": {},
    "{html: {code: no}}": {"html": {"code": "none"}},
    "[pdf, html: {contents: yes}]": {"pdf": {}, "html": {"contents": True}},
}
"""What is set by a text of the command line."""

NOT_EXECUTED = "nothing is executed (no-exec)"


@pytest.fixture(scope="module")
def guild(shared: Project) -> Iterator[ForkedGuild]:
    shared.notebook("train.ipynb", "lr = 0.1\nsteps = 3", "print(f'loss: {lr * steps}')")
    shared.guildfile(
        "fit:\n  notebook: train.ipynb --report sanitized\n  flags-import: all\n"
        "  nb-images: no\n  nb-cell-timeout: 60\n"
        "named:\n  notebook: train.ipynb\n  flags: {k: python3}\n  nb-kernel: ${k}\n"
        "both:\n  steps: [fit lr=0.5 nb-exec=no]\n"
    )
    made = ForkedGuild(shared)
    yield made
    made.close()


def trials(runs: list[Run]) -> list[Run]:
    return [run for run in runs if not (run.dir / ".guild" / "proto").exists()]


def arguments(guild: ForkedGuild, *command: str) -> list[str]:
    """The arguments of the run of ``guild run COMMAND``, behind the notebook."""
    done = guild("run", "-y", *command, "--print-cmd")
    assert (done.status, done.stderr) == (0, ""), done.stderr
    return done.stdout.split("guild_notebook.run ")[1].split()[1:]


@pytest.mark.parametrize("operation", ["train.ipynb", "fit"])
def test_an_option_holds_for_the_run_and_is_not_a_flag(
    shared: Project, guild: ForkedGuild, operation: str
):
    run = guild("run", "-y", operation, "nb-exec=no", "lr=0.25", "nb-report=none").run
    assert NOT_EXECUTED in run.output
    assert run.flags == {"lr": 0.25, "steps": 3}
    assert run.attr("user_flags") == {"lr": 0.25}
    assert "nb-" not in run.attr("label") and "lr=0.25" in run.attr("label")
    compared = guild("compare", "--table", run.id)
    assert "lr" in compared.stdout and "nb-" not in compared.stdout


def test_it_wins_over_guild_yml_and_over_what_stands_behind_the_notebooks_name(
    guild: ForkedGuild,
):
    of_guildfile = ["--cell-timeout=60.0", "--report=sanitized", "--images=no"]
    assert arguments(guild, "fit") == of_guildfile
    assigned = ["nb-report=none", "nb-cell-timeout=5"]
    assert arguments(guild, "fit", "lr=1", *assigned) == [*of_guildfile, *assigned]
    read = options.from_arguments([*of_guildfile, *assigned], "")
    assert read == {"cell-timeout": 5.0, "report": {}, "images": False}
    assert arguments(guild, "named", "nb-kernel=python3") == [
        "--kernel=python3",
        "nb-kernel=python3",
    ]


@pytest.mark.parametrize(
    ("typed", "assigned"),
    [
        ("nb-report=[html,sanitized]", "nb-report=html,sanitized"),
        ("nb-report=html,sanitized", "nb-report=html,sanitized"),
        ("nb-report=no", "nb-report=no"),
        ("nb-skip-tags=[a]", "nb-skip-tags=a"),
        ("nb-output-limit=500KB", "nb-output-limit=500KB"),
        ("nb-startup-timeout=1e2", "nb-startup-timeout=1e2"),
    ],
)
def test_a_value_is_read_as_it_was_typed(guild: ForkedGuild, typed: str, assigned: str):
    assert arguments(guild, "train.ipynb", typed) == [assigned]


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("nb-kernel", 3.1, "3.10"),
        ("nb-kernel", False, "no"),
        ("nb-images", True, "yes"),
        ("nb-timeout", 5, "5"),
        ("nb-report", ["html", "none"], "[html,none]"),
        ("nb-report", [], "[]"),
        ("nb-report", {"html": {"code": "none"}}, "{html: {code: no}}"),
        ("nb-report", ["pdf", {"html": {"contents": True}}], "[pdf, html: {contents: yes}]"),
    ],
)
def test_an_assignment_survives_the_way_through_the_runs_command(
    attribute: str, value: Any, text: str
):
    argument = options.assignment(attribute, value, text, "operation 'a'")
    assert options.assignments(["--report=x", argument]) == {attribute: argument}
    (setting,) = options.from_arguments([argument], "").values()
    if isinstance(value, (list, dict)):
        assert setting == REPORTS[text]
    elif attribute == "nb-kernel":
        assert setting == text
    else:
        assert setting == value


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.name)
def test_no_option_takes_a_value_for_each_of_several_trials(option: Option):
    if option.is_list:
        return
    with pytest.raises(OptionError, match="one value for all trials"):
        options.assignment(option.attribute, ["a", "b"], "[a,b]", "operation 'a'")


def test_a_run_that_is_started_again_or_taken_for_another_keeps_its_options(guild: ForkedGuild):
    run = guild("run", "-y", "fit", "nb-exec=no", "nb-report=none", "--stage").run
    assert not (run.dir / ".guild" / "output").exists()
    guild("run", "-y", "--start", run.id)
    assert run.output.count(NOT_EXECUTED) == 1
    assert guild("run", "-y", "--restart", run.id, "lr=0.5").status == 0
    assert run.flags == {"lr": 0.5, "steps": 3}
    assert run.output.count(NOT_EXECUTED) == 2 or NOT_EXECUTED in run.output
    again = guild("run", "-y", "--proto", run.id, "lr=0.75", "nb-report=html").run
    assert NOT_EXECUTED in again.output
    assert again.flags == {"lr": 0.75, "steps": 3}
    recorded = again.attr("op")["op-cmd"]["cmd-args"]
    assert recorded[-2:] == ["nb-exec=no", "nb-report=html"]


def test_options_hold_for_each_trial_and_for_the_steps_of_a_pipeline(guild: ForkedGuild):
    done = guild("run", "-y", "train.ipynb", "lr=[1,2]", "nb-exec=no", "nb-report=none")
    made = trials(done.runs)
    assert sorted(run.flags["lr"] for run in made) == [1, 2]
    assert all(NOT_EXECUTED in run.output for run in made)
    assert all("nb-" not in run.attr("label") for run in made)
    done = guild("run", "-y", "both")
    assert done.status == 0 and NOT_EXECUTED in done.stderr


@pytest.mark.slow
def test_options_hold_in_a_queue(guild: ForkedGuild):
    run = guild("run", "-y", "train.ipynb", "nb-exec=no", "nb-report=none", "--stage").run
    guild("run", "-y", "queue", "run-once=yes")
    assert NOT_EXECUTED in run.output


def test_options_are_named_in_help_and_completed(shared: Project, guild: ForkedGuild):
    shown = "".join(guild("run", "fit", "--help-op").stdout.split())
    named = shown.split("nb-NAME=VALUE:")[1].split("Use")[0]
    assert named.split(",") == [option.name for option in options.OPTIONS]

    def completed(words: str) -> list[str]:
        env = {**shared.environment(), "_GUILD_COMPLETE": "bash_complete"}
        env.update(COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))
        program = Path(sys.executable).with_name("guild")
        done = subprocess.run([program], cwd=shared.dir, env=env, capture_output=True, text=True)
        return [line.rpartition(",")[2] for line in done.stdout.splitlines()]

    assert {"nb-kernel=", "nb-report="} <= {*completed("guild run fit nb-")}
    assert any("sanitized" in each for each in completed("guild run fit nb-report="))


def test_a_scalar_that_no_earlier_run_has_is_not_searched_for(guild: ForkedGuild):
    """Scalars are known once there is a run that has some."""
    search = ["run", "-y", "train.ipynb", "lr=[0.1:1]", "-o", "gp", "-m", "1", "--stage"]
    assert guild(*search, "--minimize", "los").status == 0
    guild("run", "-y", "train.ipynb", "nb-report=none")
    (line,) = guild(*search, "--minimize", "los").stderr.splitlines()
    assert line == (
        "guild: --minimize los: no earlier run of train.ipynb has the scalar 'los' - did you mean "
        "'loss'?"
    )
    (line,) = guild(*search, "--maximize", "last Loss").stderr.splitlines()
    assert line.endswith("--maximize last Loss: no earlier run of train.ipynb has the scalar "
                         "'Loss' - did you mean 'loss'?")  # fmt: skip
    (line,) = guild(*search, "--maximize", "accuracy").stderr.splitlines()
    assert line == (
        "WARNING: train.ipynb: --maximize accuracy: no earlier run of train.ipynb has the "
        "scalar 'accuracy' - they have: loss"
    )
    for objective in (["--minimize", "loss"], ["--maximize", "loss step"], ["--minimize", "steps"]):
        assert guild(*search, *objective).stderr == ""


def test_options_of_reports_hold_for_each_trial_and_for_a_run_that_is_repeated(
    shared: Project, guild: ForkedGuild
):
    given = "nb-report={html: {code: none, outputs: folded}, sanitized: {contents: no}}"
    done = guild("run", "-y", "train.ipynb", "lr=[1,2]", given)
    made = trials(done.runs)

    def pages(run: Run) -> tuple[str, str]:
        names = "train.html", "train.sanitized.html"
        first, second = ((run.dir / name).read_text("utf-8") for name in names)
        return first, second

    def check(run: Run) -> None:
        plain, sanitized = pages(run)
        folded = '<details class="outputs folded">'
        assert folded in plain and 'class="source"' not in plain and folded not in sanitized
        assert 'class="source"' in sanitized and '<nav class="contents"' not in sanitized

    assert len(made) == 2
    for run in made:
        check(run)
    before = pages(made[0])
    assert guild("run", "-y", "--restart", made[0].id, "lr=3").status == 0
    check(made[0])
    assert pages(made[0]) != before
    recorded = made[0].attr("op")["op-cmd"]["cmd-args"][-1]
    assert recorded == (
        'nb-report={"html":{"code":"none","outputs":"folded"},"sanitized":{"contents":false}}'
    )


def test_options_of_a_step_are_kept_beside_its_flags_and_what_is_not_used_is_said(project: Project):
    said = "import os\nprint('cwd:', os.path.basename(os.getcwd()), x, y)"
    project.notebook("nb/train.ipynb", "x = 1\ny = 2", said)
    project.guildfile(
        "train:\n  notebook: nb/train.ipynb\n  flags-import: all\n  nb-report: none\n"
        "all:\n  steps:\n    - run: train nb-cwd=notebook y=3\n      flags: {x: 5}\n"
    )
    done = project.run("all")
    assert "cwd: nb 5 2\n" in done.stdout
    assert (
        "step 'train nb-cwd=notebook y=3': 'flags' takes the place of what 'run' assigns: y=3 is "
        "not used"
    ) in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tag", ['it\'s $HOME "x"', "a b", "ends\\", "größe;rm -rf", "#1 & *"])
def test_a_queue_keeps_options_with_any_characters(project: Project, tag: str):
    cells = code("print('ran all')", tags=["other"]), code("print('left out')", tags=[tag])
    project.notebook("train.ipynb", "x = 1", *cells)
    project.guildfile("train:\n  notebook: train.ipynb\n  flags-import: all\n  nb-report: none\n")
    staged = project.run("train", f"nb-skip-tags={tag}", "--stage").run
    done = project.run("queue", "run-once=yes")
    assert "ran all" in done.stdout and "left out" not in done.stdout
    assert staged.attr("cmd")[-1] == f"nb-skip-tags={tag}"
