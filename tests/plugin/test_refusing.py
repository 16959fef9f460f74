"""Values that a flag does not take are refused before a run has a directory."""

from __future__ import annotations

import pytest

from tests.helpers.project import Project, code

FORM = code(
    '#@title Settings\n'
    'mode = "fast" #@param ["fast", "slow"]\n'
    'free = "a" #@param ["a", "b"] {allow-input: true}\n'
    'rate = 0.5 #@param {type: "slider", min: 0, max: 1, step: 0.1}\n'
    'count = 3 #@param {type: "integer"}\n'
    'day = "2024-02-29" #@param {type: "date"}\n'
    'on = True #@param {type: "boolean"}\n'
    'code = 1 + 1 #@param {type: "raw"}\n'
    'project = "[your-project]" #@param {type: "string"}\n'
    'print(mode, free, rate, count, day, on, code, project)'
)  # fmt: skip


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    shared.notebook("nb.ipynb", "print('first')", FORM)
    shared.notebook("plain.ipynb", "lr = 0.1\nflag = True\nprint(1 + 2)", "# " + 50 * "a")
    shared.guildfile(
        "a:\n  notebook: plain.ipynb\n  nb-report: none\n  flags:\n    lr: 0.1\n"
        "    unused: 5\n    in-label: 1\n"
        "  label: ${in-label}\n"
        "none:\n  notebook: plain.ipynb\n  flags: {p: {nb-replace: 'nowhere (1)'}}\n"
        "broken:\n  notebook: plain.ipynb\n  flags: {p: {nb-replace: '(1'}}\n"
        "endless:\n  notebook: plain.ipynb\n  flags: {p: {nb-replace: '(a|aa)+c'}}\n"
        "overlap:\n  notebook: plain.ipynb\n  flags:\n    p: {nb-replace: '1 [+] 2'}\n"
        "    q: {nb-replace: '(2)\\)'}\n"
        "nb.ipynb:\n  flags-import: all\n  nb-report: none\n"
        "own:\n  notebook: nb.ipynb\n  flags:\n    mode: {default: fast, choices: [fast, medium]}\n"
        "  flags-import: all\n"
    )
    return shared


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("mode=medium", 'takes one of "fast", "slow", not "medium"'),
        ("rate=2", "takes a number from 0 to 1, not 2"),
        pytest.param(
            f"rate={400 * '9'}",
            f"takes a number from 0 to 1, not {57 * '9'}...",
            marks=pytest.mark.slow,
        ),
        pytest.param("rate=x", 'takes a number from 0 to 1, not "x"', marks=pytest.mark.slow),
        pytest.param("count=2.5", "takes a whole number, not 2.5", marks=pytest.mark.slow),
        pytest.param(
            "day=2023-02-29",
            'takes a date (YYYY-MM-DD), not "2023-02-29"',
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "on=maybe", 'takes yes or no (true, false, 1, 0), not "maybe"', marks=pytest.mark.slow
        ),
        pytest.param("code=1 +", 'takes one Python expression, not "1 +"', marks=pytest.mark.slow),
        ("mode=[fast,medium]", 'takes one of "fast", "slow", not "medium"'),
    ],
)
def test_a_value_is_refused_in_one_line_that_names_flag_cell_and_what_is_allowed(
    made: Project, value: str, said: str
):
    done = made.guild("run", "-y", "nb.ipynb", value)
    name = value.split("=")[0]
    assert done.status == 1
    assert done.stderr.strip().endswith(f"guild: flag {name} in the 2nd cell (Settings) {said}"), (
        done.stderr
    )
    assert done.run_dirs == []


@pytest.mark.parametrize(
    ("operation", "said"),
    [("none", "matches nothing"), ("broken", "'(1'"), ("endless", "second")],
)
def test_a_pattern_that_cannot_be_used_is_refused(made: Project, operation: str, said: str):
    done = made.guild("run", "-y", operation)
    lines = [line for line in done.stderr.splitlines() if "WARNING" not in line]
    assert (done.status, done.run_dirs) == (1, [])
    assert len(lines) == 1 and said in lines[0] and "flag p" in lines[0]


def test_two_flags_that_would_change_the_same_text_are_refused(made: Project):
    done = made.guild("run", "-y", "overlap", "p=7", "q=8", "--stage")
    assert (done.status, done.run_dirs) == (1, [])
    assert "flag p and q would change the same text of the 1st cell " in done.stderr


def test_values_that_are_allowed_reach_the_cell_with_their_types(made: Project):
    values = ["mode=slow", "free=c", "rate=0.25", "count=7", "day=2024-12-31", "on=no"]
    done = made.run("nb.ipynb", *values, "code=max(2, 3)", "project=mine")
    assert "slow c 0.25 7 2024-12-31 False 3 mine\n" in done.stdout
    assert "WARNING" not in done.stderr


def test_what_guild_yml_demands_is_left_to_guild(made: Project):
    done = made.guild("run", "-y", "own", "mode=slow")
    assert done.status == 1 and "medium" in done.stderr


def test_a_fill_me_in_default_is_warned_of_once(made: Project):
    done = made.run("nb.ipynb", NB_NO_EXEC="1")
    assert done.stderr.count("[your-project]") == 1


def test_a_flag_that_nothing_uses_is_warned_of_and_one_that_is_used_is_not(made: Project):
    done = made.run("a", NB_NO_EXEC="1")
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    assert "flag unused changes nothing" in warnings[0]


def test_a_flag_of_a_dependency_is_not_warned_of(project: Project):
    project.notebook("first.ipynb", "open('data.txt', 'w').write('made')")
    project.notebook("second.ipynb", "print(open('data.txt').read())")
    project.guildfile(
        "first:\n  notebook: first.ipynb\n  nb-report: none\n"
        "second:\n  notebook: second.ipynb\n  nb-report: none\n"
        "  requires:\n    - operation: first\n      select: data.txt\n"
    )
    project.run("first")
    done = project.run("second")
    assert "made" in done.stdout and "WARNING" not in done.stderr


def test_help_shows_descriptions_choices_and_bounds(made: Project):
    shown = made.guild("run", "nb.ipynb", "--help-op").stdout
    for text in ("fast", "slow", "0 to 1", "2024-02-29"):
        assert text in shown, shown


@pytest.mark.slow
def test_a_grid_over_a_form_field_runs_its_trials(made: Project):
    done = made.run("nb.ipynb", "mode=[fast,slow]", "count=[1,2]", NB_NO_EXEC="1")
    trials = [run for run in done.runs if not (run.dir / ".guild/proto").exists()]
    assert sorted((run.flags["mode"], run.flags["count"]) for run in trials) == [
        ("fast", 1), ("fast", 2), ("slow", 1), ("slow", 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_random_search_over_a_slider_stays_in_its_range(made: Project):
    done = made.run("nb.ipynb", "rate=uniform[0:1]", "--max-trials", "2", NB_NO_EXEC="1")
    trials = [run for run in done.runs if not (run.dir / ".guild/proto").exists()]
    assert len(trials) == 2
    assert all(0 <= run.flags["rate"] <= 1 for run in trials)
