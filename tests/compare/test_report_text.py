"""What a terminal shows of the difference of two runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from guild_notebook.compare import report_text
from guild_notebook.compare.model import (
    IMAGE,
    TABLE,
    TEXT,
    Cell,
    CellDifference,
    NumberChange,
    Output,
    OutputDifference,
    Run,
    RunDifference,
    Scalar,
)
from guild_notebook.compare.report_text import Shown
from guild_notebook.compare.sources import CellSources
from guild_notebook.texts import width

STARTED = datetime.datetime(2026, 11, 27, 8, 0, 5).astimezone()


def run(name: str = "a", flags: Mapping[str, Any] = {}, **fields: Any) -> Run:
    scalars = {n: Scalar(n, v, 0) for n, v in fields.pop("scalars", {}).items()}
    fields = {"operation": "train", "state": "completed", "seconds": 3.0, **fields}
    return Run(name * 32, f"/home/runs/{name * 32}", flags=flags, scalars=scalars, **fields)


def cell(number: int | None = 1, **fields: Any) -> Cell:
    return Cell(0, "code", "", "", "", "", number=number, state="completed", **fields)


FIRST = cell()


def changed(
    name: str, *outputs: OutputDifference, before: Any = FIRST, after: Any = FIRST, **fields: Any
) -> CellDifference:
    return CellDifference(name, before, after, outputs=outputs, **fields)


def output(summary: str, kind: str = TEXT, source: str = "stdout", **fields: Any) -> Any:
    one = Output(kind, source)
    fields = {"before": one, "after": one, "amount": 0.5, **fields}
    return OutputDifference(kind, summary=summary, **fields)


R2 = output("r2 0.3250 → 0.3085", numbers=[NumberChange("r2", "0.3250", "0.3085")])
PLOT = output("plot changed (12 % of pixels)", IMAGE, "display")


A, B, SHOWN = run("a"), run("b"), Shown()


def difference(
    *cells: CellDifference, before: Run = A, after: Run = B, **fields: Any
) -> RunDifference:
    return RunDifference(before, after, cells=cells, **fields)


def headline(*cells: CellDifference, **fields: Any) -> str:
    return report_text.headline(difference(*cells, **fields))


def below(made: RunDifference, shown: Shown = SHOWN) -> list[str]:
    """The lines behind those of the runs."""
    return [*report_text.lines(made, shown)][4:]


def test_the_first_line_names_the_flags_and_the_cells_that_differ():
    assert (
        headline(
            changed("Data"),
            changed("Training", R2),
            changed("Learning curves", PLOT),
            before=run(flags={"max_depth": 2, "seed": 0}),
            after=run(flags={"max_depth": 3, "seed": 0}),
            flags=["max_depth"],
        )
        == "flags max_depth 2 → 3 · cell Training: r2 0.3250 → 0.3085 · "
        "Learning curves: plot changed (12 % of pixels)"
    )


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"lr": 0.1}, {"lr": 0.25}, "lr 0.1 → 0.25"),
        ({"on": True}, {"on": False}, "on yes → no"),
        ({"name": None}, {"name": "adam"}, "name null → adam"),
        ({}, {"lr": 0.1}, "lr (none) → 0.1"),
        ({"xs": [1, 2]}, {"xs": {"a": 1}}, 'xs [1, 2] → {"a": 1}'),
        ({"name": "x" * 99}, {"name": "é"}, f"name {'x' * 39}… → é"),
        ({"name": "a\x1b[31mb"}, {"name": "a\nb"}, "name a?[31mb → a?b"),
        ({"name": "値" * 99}, {"name": ""}, f"name {'値' * 19}… → ''"),
    ],
    ids=["number", "boolean", "null", "missing", "values", "long", "escapes", "wide"],
)
def test_values_of_flags(before: dict[str, Any], after: dict[str, Any], text: str):
    names = [*before] or [*after]
    assert headline(before=run(flags=before), after=run(flags=after), flags=names) == (
        f"flags {text} · the results are the same"
    )


def test_the_first_line_says_which_run_has_a_cell_alone():
    of_one = {"hole": "not in this notebook"}
    made = changed("Fit", after=None, **of_one), changed("Plot", before=None, **of_one)
    assert headline(*made) == "cell Fit: only in the first run · Plot: only in the second run"


def test_scalars_are_named_where_no_cell_shows_them():
    runs = {
        "before": run(scalars={"loss": 0.5, "r2": 0.325}),
        "after": run(scalars={"loss": float("nan"), "r2": 0.3085}),
    }
    made = difference(changed("Training", R2), scalars=["loss", "r2"], **runs)
    assert report_text.headline(made) == (
        "scalars loss 0.5 → nan · cell Training: r2 0.3250 → 0.3085"
    )
    assert below(made)[:4] == ["", "scalars", "  loss  0.5   → nan", "  r2    0.325 → 0.3085"]


@pytest.mark.parametrize("count", [1, 6, 7])
def test_scalars_that_the_first_line_has_are_not_listed_again(count: int):
    names = [f"s{number}" for number in range(count)]
    runs = {
        "before": run(scalars=dict.fromkeys(names, 1.0)),
        "after": run(scalars=dict.fromkeys(names, 2.0)),
    }
    alone = changed("Fit", after=None, hole="not in this notebook")
    made = difference(alone, scalars=names, **runs)
    assert report_text.headline(made).startswith("scalars s0 1 → 2")
    assert ("scalars" in below(made)) == (count > 6)


def test_scalars_with_steps_are_those_of_the_cell():
    loss = output("loss (step 3) 2 → 1", numbers=[NumberChange("loss (step 3)", "2", "1")])
    runs = {"before": run(scalars={"loss": 2.0}), "after": run(scalars={"loss": 1.0})}
    assert headline(changed("Fit", loss), scalars=["loss"], **runs) == (
        "cell Fit: loss (step 3) 2 → 1"
    )


def test_flags_have_lines_of_their_own_where_the_first_line_has_no_room():
    few, many = {"a": 1}, {f"flag{n}": n for n in range(8)}
    assert below(difference(before=run(flags=few), flags=["a"])) == []
    made = difference(before=run(flags=many), after=run(flags={}), flags=[*many])
    assert report_text.headline(made).startswith("flags flag0 0 → (none), flag1 1 → (none), ")
    assert " flag5 5 → (none) and 2 more · the results" in report_text.headline(made)
    assert below(made)[1:3] == ["flags", "  flag0  0 → (none)"] and len(below(made)) == 10


def test_cells_that_have_not_run_for_one_reason_are_together():
    hole = {"after": None, "hole": "not run: failed in Fit"}
    cells = [changed(f"C{n}", before=cell(n), **hole) for n in range(3)]
    late = changed("Late", before=None, hole="not run: failed in Fit")
    made = difference(changed("Fit", R2), *cells, late)
    assert report_text.headline(made) == (
        "cell Fit: r2 0.3250 → 0.3085 · C0, C1, C2: not run: failed in Fit · "
        "Late: not run: failed in Fit"
    )
    assert below(made)[3:] == [
        "",
        "[0] C0, [1] C1, [2] C2",
        "  + not run: failed in Fit",
        "",
        "[1] Late",
        "  - not run: failed in Fit",
    ]
    assert headline(*cells) == "cells C0, C1, C2: not run: failed in Fit"


def test_runs_that_are_the_same():
    made = difference(changed("Data"), changed("Training"))
    assert [*report_text.lines(made)] == [
        "the results are the same",
        "",
        "--- aaaaaaaa  train  completed in 3 s",
        "+++ bbbbbbbb  train  completed in 3 s",
    ]


def test_the_two_runs_with_label_start_and_how_they_ended():
    before = run("a", label="the best", started=STARTED)
    after = run("b", state="failed", seconds=200.0, reason="cell [2] (Fit) failed with ValueError")
    shown = Shown(environment="numpy 1.26.4 → 2.0.1, 2 more packages")
    lines = [*report_text.lines(difference(before=before, after=after), shown)]
    assert lines[2:] == [
        "--- aaaaaaaa  train  the best  2026-11-27 08:00:05  completed in 3 s",
        "+++ bbbbbbbb  train  failed after 3 min 20 s  cell [2] (Fit) failed with ValueError",
        "environment: numpy 1.26.4 → 2.0.1, 2 more packages",
    ]


@pytest.mark.parametrize(
    ("made", "lines"),
    [
        (changed("Training", R2), ["[1] Training", "  stdout: r2 0.3250 → 0.3085"]),
        (
            changed("Curves", PLOT, before=cell(1), after=cell(2)),
            ["[1 → 2] Curves", "  plot changed (12 % of pixels)"],
        ),
        (
            changed(
                "Table",
                output(
                    "2 of 9 cells differ",
                    TABLE,
                    "result",
                    numbers=[
                        NumberChange("row 3, price", "10", "11"),
                        NumberChange("row 10, n", "7", "123"),
                    ],
                ),
            ),
            [
                "[1] Table",
                "  2 of 9 cells differ",
                "    row 3, price  10 → 11",
                "    row 10, n     7  → 123",
            ],
        ),
        (
            changed("Log", output("1 line changed", lines=["@@ -1 +1 @@", "-a\tb", "+a\x1b[2Jc"])),
            [
                "[1] Log",
                "  stdout: 1 line changed",
                "    @@ -1 +1 @@",
                "    -a  b",
                "    +a?[2Jc",
            ],
        ),
        (
            changed("Report", after=None, hole="not run: failed in Training"),
            ["[1] Report", "  + not run: failed in Training"],
        ),
        (
            changed("Report", before=None, hole="not in this notebook"),
            ["[1] Report", "  - not in this notebook"],
        ),
        (
            changed(
                "Fit",
                after=Cell(0, "code", "", "", "", "", state="error"),
                before=cell(None),
                is_state_changed=True,
            ),
            ["Fit", "  completed → error"],
        ),
        (changed("Plot", output("new", IMAGE, before=None)), ["[1] Plot", "  + new"]),
        (changed("Plot", output("gone", IMAGE, after=None)), ["[1] Plot", "  - gone"]),
        (
            changed("値\u202e" * 40, R2),
            [f"[1] {'値?' * 13}…", "  stdout: r2 0.3250 → 0.3085"],
        ),
    ],
    ids=[
        *("number", "image", "table", "text", "not run", "not in it", "state", "new", "gone"),
        "wide name",
    ],
)
def test_the_block_of_a_cell(made: CellDifference, lines: list[str]):
    assert below(difference(made)) == ["", *lines]


def test_the_columns_of_wide_characters_are_counted():
    numbers = [NumberChange("精度", "1", "2"), NumberChange("loss", "10", "3")]
    rows = below(difference(changed("A", output("2 numbers", numbers=numbers))))[3:]
    assert rows == ["    精度  1  → 2", "    loss  10 → 3"]
    assert len({width(row.partition("→")[0]) for row in rows}) == 1


def test_what_is_long_is_cut_and_that_is_said():
    texts = [f"+{n}" for n in range(100)]
    numbers = [NumberChange(f"n{n}", "1", "2") for n in range(25)]
    made = difference(
        changed("A", output("100 lines", lines=[*texts, "+" + "x" * 600])),
        changed("B", output("1 line", lines=["+" + "x" * 599])),
        changed("C", output("25 numbers", numbers=numbers)),
        *(changed(f"D{n}", R2) for n in range(7)),
    )
    lines = below(made)
    assert "    … 41 more lines, which --json has" in lines
    assert f"    +{'x' * 499}… (100 more)" in lines
    assert "    … 5 more, which --json has" in lines
    assert report_text.headline(made).endswith(" · D2: r2 0.3250 → 0.3085 · 4 more cells")


def test_cells_that_are_the_same_are_counted_and_sources_named():
    same = changed("Data", is_source_changed=True)
    others = changed("Text", before=None), changed("Never", before=None, after=None)
    assert below(difference(same, changed("Training", R2), changed("End"), *others))[3:] == [
        "",
        "2 other cells are the same",
        "the source differs in Data: --source shows it",
    ]


def test_sources():
    sources = [CellSources("Data", ["-a", "+b"]), CellSources("Fit", [], ["-lr = 1", "+lr = 2"])]
    assert below(difference(), Shown(sources)) == [
        "",
        "source of Data",
        "    -a",
        "    +b",
        "source of Fit",
        "  as executed, with the values of flags",
        "    -lr = 1",
        "    +lr = 2",
    ]
    assert below(difference(), Shown([])) == ["", "the sources are the same"]


def test_colours_are_those_of_diff():
    made = difference(changed("A", output("1 line", lines=["@@ -1 +1 @@", "-a", "+b", " c"])))
    lines = [*report_text.lines(made, Shown(colours=True))]
    assert lines[2].startswith("\x1b[31m--- ") and lines[3].startswith("\x1b[32m+++ ")
    assert lines[5] == "\x1b[1m[1] A\x1b[0m"
    assert lines[7:] == [
        "    \x1b[36m@@ -1 +1 @@\x1b[0m",
        "    \x1b[31m-a\x1b[0m",
        "    \x1b[32m+b\x1b[0m",
        "     c",
    ]


HOSTILE = "a\x1b]0;title\x07\r\x9b31m\u202eb\ud800\n"


def test_no_text_of_a_run_reaches_the_terminal_as_it_is():
    odd: Sequence[str] = [f"+{HOSTILE}"]
    numbers = [NumberChange(HOSTILE, HOSTILE, HOSTILE), NumberChange("n", HOSTILE, "2")]
    hostile = run(flags={HOSTILE: HOSTILE}, label=HOSTILE, reason=HOSTILE, operation=HOSTILE)
    made = difference(
        changed(HOSTILE, output(HOSTILE, numbers=numbers, lines=odd, source=HOSTILE)),
        changed(HOSTILE, after=None, hole=HOSTILE, is_source_changed=True),
        before=hostile,
        after=run(scalars={HOSTILE: 1.0}),
        flags=[HOSTILE],
        scalars=[HOSTILE],
    )
    shown = Shown([CellSources(HOSTILE, odd, odd)], environment=HOSTILE)
    for line in (*report_text.lines(made), *report_text.lines(made, shown)):
        assert line.isprintable(), line
