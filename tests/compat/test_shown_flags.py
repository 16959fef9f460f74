"""Which flags labels, confirmations and help show of a notebook, and how they show a value."""

from __future__ import annotations

from typing import Any

import pytest

from guild_notebook.compat.shown_flags import LONGEST, differing, extra, value_text
from tests.helpers.project import Project, code

NUMBERS = " ".join(map(str, range(1200)))


@pytest.mark.parametrize(
    ("value", "is_list", "text"),
    [
        (0.1, False, "0.1"),
        (0.123456, False, "0.123456"),
        (0.30000000000000004, False, "0.3"),
        (0.012345678901, False, "0.0123457"),
        (1e-05, False, "1e-05"),
        (3, False, "3"),
        (True, False, "yes"),
        (None, False, "null"),
        ("adam", False, "adam"),
        ("010", False, "010"),
        ("2021-02-03", False, "2021-02-03"),
        ("a,b", False, "a,b"),
        ("***", False, "***"),
        ("two words", False, "'two words'"),
        ("it's me", False, '"it\'s me"'),
        ("it's", False, '"it\'s"'),
        ("", False, "''"),
        ("a\nb", False, r"'a\nb'"),
        ("[0.1:0.5]", False, "[0.1:0.5]"),
        ("64 32", True, "'64 32'"),
        ("bmi bp", True, "'bmi bp'"),
        ("[0,1] [1,0]", True, "[[0, 1], [1, 0]]"),
        ("'[0, 1]' '[1, 0]'", True, "[[0, 1], [1, 0]]"),
        ("[0,1]", True, "[[0, 1]]"),
        ("'[a b, c]' 2", True, "[[a b, c], 2]"),
        ("'{a: 1}'", True, "[{a: 1}]"),
        ('"[é]" "[ü, 漢]"', True, "[[é], [ü, 漢]]"),
        (["é", "🎉", {"ü": "a  b"}], False, "[é, 🎉, {ü: a  b}]"),
        (["[0,1] [1,0]", "[2]"], True, "[[[0, 1], [1, 0]], [[2]]]"),
        ([0.1, 0.2], False, "[0.1, 0.2]"),
        (["a, b", "1", 1], False, "['a, b', '1', 1]"),
        ({"b": [1, {"c": None}], "a": "x y"}, False, "{b: [1, {c: null}], a: x y}"),
        ("[1,2] " * 5000 + "3", True, "[[1, 2], [1, 2], [1, 2], [1, 2], [1, ..."),
        (["[1,2]"] * 5000, True, "[[[1, 2]], [[1, 2]], [[1, 2]], [[1, 2..."),
        (NUMBERS, True, "'0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15...'"),
        ([*range(1200)], False, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11..."),
        ("x" * 1000, False, "x" * 37 + "..."),
        ("/home/me/projects/of/this/year/data/train.csv", False,
         ".../projects/of/this/year/data/train.csv"),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_few_characters_with_quotes_once(value: Any, is_list: bool, text: str):
    assert value_text(value, is_list) == text
    assert len(text) <= LONGEST + 2


@pytest.mark.parametrize(
    ("default", "same", "others"),
    [
        (0.1, [0.1], [0.10000001, 1, None, "0.1"]),
        (1, [1, 1.0], [2, True, "1"]),
        (True, [True], [1, "yes", None]),
        ("a", ["a"], ["A", None, ""]),
        (None, [None], [0, "", "null"]),
        ({"a": 1, "b": 2}, [{"b": 2, "a": 1}], [{"a": 1}, {"a": 1.0, "b": 2}]),
        (NUMBERS, [NUMBERS], [NUMBERS + " 1", NUMBERS[:200], None]),
        ([*range(300)], [[*range(300)]], [[*range(299)]]),
        (float("nan"), [float("nan")], [0.0]),
        ("sha256:a", ["sha256:a"], []),
    ],
)
def test_a_flag_differs_where_its_value_is_not_the_default_in_type_and_value(
    default: Any, same: list[Any], others: list[Any]
):
    extras = {"x": {"nb-replace": "p", **extra(default, False)}}
    assert [differing({"x": value}, extras) for value in same] == [{}] * len(same)
    assert all("x" in differing({"x": value}, extras) for value in others)
    assert len(str(extras)) < 400


def test_a_flag_that_is_not_of_the_notebook_is_shown_where_it_has_a_value():
    assert differing({"b": 1, "a": "x y", "c": None}, {"c": None}) == {"a": "'x y'", "b": "1"}


CELL = f"""\
lr = 0.1  # step
matrix = [[0, 1], [1, 0]]
names = ["a"]
seed = 7
name: str = "adam"
computed = 2 * 3
fast = True
data = {[*range(1200)]}
"""
SAID = "print('said', lr, matrix, names, seed, name, computed, fast, len(data))"


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    shared.notebook("n.ipynb", code(CELL, tags=["parameters"]), SAID)
    shared.guildfile(
        "train:\n  notebook: n.ipynb\n  flags-import: all\n  nb-report: none\n"
        "  flags:\n    seed: 8\n    fast: {description: Be quick}\n"
        "tagged:\n  notebook: n.ipynb\n  flags-import: all\n"
        "  label: 'with ${lr}: ${default_label}'\n"
    )
    return shared


def test_labels_are_of_what_differs_in_runs_restarts_and_trials(made: Project):
    given = ("matrix=[1,2] [3]", "name=two words", "seed=7", "lr=0.1", "computed=7")
    first = made.run("train", *given).run
    assert first.attr("label") == "computed=7 matrix=[[1, 2], [3]] name='two words'"
    again = ("--restart", first.id)
    made.run(*again, "lr=0.30000000000000004", "name=adam", "computed=null", "seed=null")
    assert first.attr("label") == "lr=0.3 matrix=[[1, 2], [3]] seed=null"
    made.run(*again, "lr=0.1", "matrix=[0,1] [1,0]", "seed=7")
    assert first.attr("label") == ""
    listed = made.guild("runs").stdout.splitlines()
    assert listed[0].split()[-1] == "completed"

    swept = made.run("train", "lr=[0.1,0.2]", "names=a b")
    trials = [run for run in swept.runs if run.op_name == "train"]
    assert sorted(run.attr("label") for run in trials) == [
        "lr=0.1 names='a b' seed=8", "lr=0.2 names='a b' seed=8",
    ]  # fmt: skip


def test_labels_of_trials_have_what_varies_in_the_batch_also_after_a_restart(made: Project):
    made.file("trials.csv", "lr,seed\n0.1,8\n0.1,9\n")
    for command, labels in {
        ("train", "lr=[0.1,0.2]", "seed=7"): ["lr=0.1", "lr=0.2"],
        ("train", "@trials.csv"): ["seed=8", "seed=9"],
        ("train", "fast=[yes,no]", "seed=7", "name=sgd"): [
            "fast=no name=sgd",
            "fast=yes name=sgd",
        ],
        ("train", "lr=[0.1:0.1001]", "seed=7", "-o", "random", "-m", "1"): ["lr=0.1"],
    }.items():
        staged = made.guild("run", "-y", *command, "--stage-trials")
        trials = [run for run in staged.runs if not (run.dir / ".guild/proto").exists()]
        found = sorted(run.attr("label") for run in trials)
        assert [label[: len(expected)] for label, expected in zip(found, labels)] == labels
        assert all(f"({label.replace(' ', ', ')})" in staged.stderr for label in found)
    made.run("--start", trials[0].id)
    assert trials[0].attr("label") == found[0]


def test_the_confirmation_has_what_differs_and_types_in_a_line_each(made: Project):
    asked = made.guild("run", "train", "lr=0.3", "matrix=[1,2] [3]", "names=x y", "computed=9")
    assert asked.run_dirs == []
    assert asked.stderr.splitlines()[:8] == [
        "You are about to run train",
        "  computed: 9",
        "  lr: 0.3 (number, 0.1 in the notebook)",
        "  matrix: [[1, 2], [3]] (list, [[0, 1], [1, 0]] in the notebook)",
        "  names: 'x y' (list, a in the notebook)",
        "  seed: 8 (number, 7 in the notebook)",
        "  3 flags as in the notebook",
        "Continue? (Y/n) ",
    ]


def test_help_and_lists_of_operations_have_types_and_defaults_of_one_line(made: Project):
    help_ = made.guild("run", "train", "--help-op").stdout.splitlines()
    assert [line.strip() for line in help_[help_.index("Flags:") + 1 :]] == [
        "computed  (default is '2 * 3')",
        "data      (default is '0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15...') [list]",
        "fast      Be quick (default is yes) [boolean]",
        "lr        step (default is 0.1) [number]",
        "matrix    (default is [[0, 1], [1, 0]]) [list]",
        "name      (default is adam) [string]",
        "names     (default is a) [list]",
        "seed      (default is 8) [number]",
    ]
    listed = made.guild("operations", "--verbose", "train").stdout
    assert "matrix: (default is [[0, 1], [1, 0]])" in listed and len(listed) < 400


def test_a_label_of_guild_yml_has_any_flag_and_what_differs(made: Project):
    staged = made.guild("run", "-y", "tagged", "names=x y", "--stage")
    assert staged.run.attr("label") == "with 0.1: names='x y'"
