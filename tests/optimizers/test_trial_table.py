"""The lines of a sweep: which flags and scalars they have, what is best, what time is left."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.optimizers.trial_table import (
    Objective,
    Trial,
    TrialTable,
    chosen_scalars,
    likely_objective,
    short_time,
    varying,
)
from guild_notebook.texts import width as width_of
from tests.helpers.growth import check_growth


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        ([{"lr": 0.1, "n": 3}, {"lr": 0.2, "n": 3}], ["lr"]),
        ([{"b": 1, "a": 1}, {"b": 2, "a": 1}, {"b": 1, "a": 2}], ["a", "b"]),
        ([{"x": 1}, {"x": True}], ["x"]),
        ([{"x": 1}, {"x": 1.0}], ["x"]),
        ([{"x": 1}, {}], ["x"]),
        ([{"x": [1]}, {"x": [1]}], []),
        ([{"x": 1}], []),
        ([{}], []),
    ],
)
def test_a_flag_varies_whose_value_is_not_the_same_in_all_trials(trials, names):
    assert varying(trials) == names


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["loss", "accuracy"], Objective("loss")),
        (["accuracy", "val_loss", "loss"], Objective("val_loss")),
        (["train/loss", "test/loss"], Objective("test/loss")),
        (["valLoss", "loss"], Objective("valLoss")),
        (["rmse", "r2"], Objective("rmse")),
        (["count", "test_accuracy"], Objective("test_accuracy", is_largest=True)),
        (["f1", "val_f1"], Objective("val_f1", is_largest=True)),
        (["train_accuracy", "accuracy"], Objective("accuracy", is_largest=True)),
        (["train_loss", "val_acc"], Objective("val_acc", is_largest=True)),
        (["trainLoss", "train_acc"], Objective("trainLoss")),
        (["glossary", "accurate", "scores"], None),
        ([], None),
    ],
)
def test_what_trials_are_compared_by_is_a_loss_or_else_a_score_of_held_out_data_first(names, found):
    assert likely_objective(names) == found


@pytest.mark.parametrize(
    ("objective", "preferred", "shown"),
    [
        (None, [], ["a", "b", "c"]),
        (Objective("d"), [], ["d", "a", "b"]),
        (Objective("none"), ["e", "loss as l", "a"], ["e", "a", "b"]),
    ],
)
def test_scalars_are_the_objective_then_what_guild_yml_compares_then_the_first(
    objective, preferred, shown
):
    names = ["sys/cpu", "a", "b", "c", "d", "e"]
    assert chosen_scalars(names, objective, preferred) == shown


def trial(number: int, flags: dict[str, Any], loss: float | None = None, **more: Any) -> Trial:
    scalars = {} if loss is None else {"loss": loss}
    settled = {"status": "completed", "seconds": 10.0, "scalars": scalars, **more}
    return Trial(number, f"{number}" * 8, flags, **settled)


def shown(table: TrialTable, trials: list[Trial], width: int) -> list[str]:
    lines = []
    for each in trials:
        table.add(each)
        lines += table.rows(each, width)
    return lines


def test_a_table_has_a_line_for_each_trial():
    flags = [{"lr": lr, "opt": opt} for lr in (0.1, 0.00123456) for opt in ("sgd", "adam")]
    table = TrialTable(4, {"lr": [0.1, 0.00123456], "opt": ["sgd", "adam"]})
    lines = shown(
        table,
        [
            trial(1, flags[0], 0.5, seconds=62),
            trial(2, flags[1], status="failed", reason="[2] Fit: ValueError", seconds=0.25),
            trial(3, flags[2], 0.123456789, seconds=30),
            trial(4, flags[3], 2.0, seconds=31),
        ],
        80,
    )
    assert lines == [
        "trial  run       lr         opt      time  loss       best            left",
        "  1/4  11111111  0.1        sgd      1:02  0.5        0.5 *           3:06",
        "  2/4  22222222  0.1        adam    0.2 s  [2] Fit: ValueError",
        "  3/4  33333333  0.0012346  sgd      30 s  0.12346    0.12346 *       46 s",
        "  4/4  44444444  0.0012346  adam     31 s  2          0.12346",
    ]


AT_80 = """\
trial  path    batch…  lr       layers     time  loss       best            left
 1/12  …b.csv  64      0.12346  [8]        10 s  0.5        0.5 *           1:50
 2/12  …a.csv  32      0.24691  [64, …     10 s  0.25       0.25 *          1:40
"""

AT_150 = """\
trial  run       path                               batch_size  lr         layers       time  \
loss       val_accuracy  n          best            left
 1/12  11111111  data/first experiment/train-b.csv  64          0.12346    [8]          10 s  \
0.5        0.5           3          0.5 *           1:50
 2/12  22222222  data/first experiment/train-a.csv  32          0.24691    [64, 32]     10 s  \
0.25       0.5           3          0.25 *          1:40
"""


@pytest.mark.parametrize(("width", "lines"), [(80, AT_80), (150, AT_150)])
def test_what_is_too_wide_for_a_terminal_is_shortened_numbers_never(width, lines):
    paths = [f"data/first experiment/train-{name}.csv" for name in "ab"]
    layers = [[64, 32], [8]]
    values = {"path": paths, "batch_size": [32, 64], "lr": None, "layers": layers}
    trials = []
    for number in (1, 2):
        flags = {"path": paths[number % 2], "batch_size": [32, 64][number % 2]}
        flags |= {"lr": 0.123456789 * number, "layers": layers[number % 2]}
        scalars = {"loss": 0.5 / number, "val_accuracy": 0.5, "n": 3.0}
        trials.append(trial(number, flags, scalars=scalars))
    assert shown(TrialTable(12, values), trials, width) == lines.splitlines()


def test_where_the_run_is_left_out_flags_have_its_room():
    flags = {"activation": "relu", "hidden_units": 8, "learning_rate": 0.001}
    table = TrialTable(18, {name: [value] for name, value in flags.items()})
    assert shown(table, [trial(1, flags, 1.9483)], 80) == [
        "trial  activati…  hidden_u…  learning…     time  loss       best            left",
        " 1/18  relu       8          0.001         10 s  1.9483     1.9483 *        2:50",
    ]


def test_why_a_trial_has_failed_has_room_beside_flags_with_long_names():
    flags = {"a_flag_of_many_words": 1, "another_flag_with_many_words": "a value that is long"}
    table = TrialTable(2, {name: [value] for name, value in flags.items()})
    failed = trial(1, flags, status="failed", reason="cell [12] (Fit) failed with ValueError")
    assert "cell [12] (Fit) failed" in shown(table, [failed], 80)[-1]


def test_the_titles_come_again_where_a_terminal_has_another_width_or_a_scalar_is_new():
    table = TrialTable(9, {"lr": [0.1, 0.2]})
    first, second, third = (trial(n, {"lr": 0.1}, 0.5) for n in (1, 2, 3))
    third.scalars = {"loss": 0.5, "accuracy": 1.0}
    table.add(first)
    assert len(table.rows(first, 80)) == 2
    table.add(second)
    assert len(table.rows(second, 80)) == 1
    assert len(table.rows(second, 50)) == 2
    table.add(third)
    assert len(table.rows(third, 80)) == 2


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.1, 0.25], ["0.1", "0.25"]),
        ([0.1234567, 0.1234568], ["0.1234567", "0.1234568"]),
        ([1, 1.0, True, None, "1"], ["1", "1", "yes", "null", "'1'"]),
        ([[0, 1], {"a": 1}], ["[0, 1]", "{a: 1}"]),
        (["été", "漢字", "🎉"], ["été", "漢字", "🎉"]),
        ([["é"], {"ü": 1}], ["[é]", "{ü: 1}"]),
        (["a\nb", "\x1b[31m"], None),
    ],
)
def test_values_that_differ_look_different(values, texts):
    table = TrialTable(len(values), {"x": values})
    begun = [table.begun(trial(1, {"x": value})).split("x=")[1] for value in values]
    assert all(map(str.isprintable, begun))
    if texts:
        assert begun == texts
    else:
        assert len(set(begun)) == len(values)


@pytest.mark.parametrize(
    ("ended", "lines"),
    [
        (
            [("completed", 0.5), ("completed", 0.25), ("failed", None), ("completed", 0.3)],
            [
                "4 trials in 1:02: 3 completed, 1 failed (33333333: guild cat --output 33333333)",
                "best: trial 2/4 · x=2 · loss 0.25 (smallest) · guild runs info 22222222",
            ],
        ),
        (
            [("stopped", None)],
            [
                "1 of 4 trials in 1:02: 1 stopped · 3 not started: guild runs --pending",
                "best: none, no trial completed",
            ],
        ),
        (
            [("completed", None), ("completed", None)],
            [
                "2 of 4 trials in 1:02: 2 completed · 2 not started: guild runs --pending",
                "best: none, the trials have no scalars",
            ],
        ),
        (
            [("completed", float("nan"))] * 4,
            [
                "4 trials in 1:02: 4 completed",
                "best: none, no trial has a value of loss",
            ],
        ),
    ],
)
def test_a_sweep_ends_with_what_became_of_its_trials_and_the_best_run(ended, lines):
    table = TrialTable(4, {"x": [1, 2, 3, 4]})
    for number, (status, loss) in enumerate(ended, 1):
        table.add(trial(number, {"x": number}, loss, status=status))
    assert table.ended(62, 4 - len(ended)) == lines


def test_the_best_is_the_smallest_or_the_largest_as_it_was_asked_for():
    values = [0.5, 0.7, 0.6, float("inf")]
    for is_largest, best in ((True, "2" * 8), (False, "1" * 8)):
        table = TrialTable(4, {"x": None}, Objective("loss", is_largest))
        for number, value in enumerate(values, 1):
            table.add(trial(number, {"x": number}, value))
        assert table.best and table.best.run == best
        assert ("largest" if is_largest else "smallest") in table.ended(1)[1]


def test_the_best_run_is_opened_where_it_has_a_report():
    table = TrialTable(1, {"x": None})
    table.add(trial(1, {"x": 1}, 0.5, has_report=True))
    last = "best: trial 1/1 · x=1 · loss 0.5 (smallest) · guild-notebook open 11111111"
    assert table.ended(1)[1] == last


def test_where_nobody_can_know_what_is_better_the_end_says_how_to_tell():
    table = TrialTable(1, {"x": None})
    table.add(trial(1, {"x": 1}, scalars={"a": 1.0, "b": 2.0}))
    assert table.best is None
    assert table.ended(1)[1] == "best: not known - say --minimize or --maximize with one of a, b"


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        ([("completed", 10.0)], 90.0),
        ([("completed", 10.0), ("completed", 20.0)], 120.0),
        ([("failed", 1.0), ("completed", 20.0)], 160.0),
        ([("failed", 1.0), ("stopped", 20.0)], None),
        ([], None),
    ],
)
def test_the_time_left_is_that_of_completed_trials_for_each_that_is_to_come(seconds, left):
    table = TrialTable(10, {})
    for number, (status, taken) in enumerate(seconds, 1):
        table.add(trial(number, {}, 0.5, status=status, seconds=taken))
    assert table.seconds_left() == left


def test_the_time_left_is_not_that_of_the_trial_that_waited_for_shared_cells():
    table = TrialTable(10, {}, shares_cells=True)
    for number, (taken, left) in enumerate([(10.0, 90.0), (1.0, 8.0), (3.0, 14.0)], 1):
        table.add(trial(number, {}, 0.5, seconds=taken))
        assert table.seconds_left() == left


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (9.6, "10 s"), (59.6, "1:00"), (61.2, "1:01"), (3599.7, "1:00:00")],
)
def test_a_time_is_short(seconds, text):
    assert short_time(seconds) == text


@given(
    st.integers(20, 200),
    st.lists(st.text(max_size=60), min_size=1, max_size=4, unique=True),
    st.lists(
        st.one_of(st.text(max_size=60), st.floats(), st.integers(), st.none()),
        min_size=1,
        max_size=6,
    ),
)
def test_columns_are_aligned_and_no_line_is_wider_than_the_terminal(width, names, values):
    table = TrialTable(99, dict.fromkeys(names))
    draw = random.Random(0)
    for number, value in enumerate(values, 1):
        flags = {name: draw.choice(values) for name in names}
        each = trial(number, flags, draw.random(), reason="x" * 300, status="failed")
        if value is None or number % 2:
            each.status = "completed"
        table.add(each)
        lines = table.rows(each, width)
        assert all(width_of(line) <= width and line.isprintable() for line in lines)
        assert lines[-1][:7] == f"{number:>2}/99  "


def test_a_long_value_of_a_flag_takes_no_time_of_its_length():
    def rows_of(text: str) -> None:
        table = TrialTable(2, {"text": [f"a{text}", f"b{text}"]})
        begun = trial(1, {"text": f"a{text}"}, 0.5)
        table.add(begun)
        assert all(len(line) <= 80 for line in table.rows(begun, 80))
        assert len(table.begun(begun)) < 60

    check_growth(rows_of, lambda size: "x" * size, 1_000)


def test_a_row_takes_the_same_time_after_many_trials():
    def rows_of(count: int) -> None:
        table = TrialTable(count, {"x": None})
        for number in range(1, count + 1):
            begun = trial(number, {"x": 1}, 0.5, seconds=1.0)
            table.add(begun)
            table.rows(begun, 80)

    check_growth(rows_of, lambda count: count, 100)
