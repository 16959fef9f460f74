"""Whether a run came out as the one that it reproduces, by what both hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from guild_notebook.compare import verdict
from guild_notebook.compare.model import TEXT, Cell, Output, Run, Scalar, Tolerance

COMPLETED = "completed"


def run(folder: Path, name: str, cells: Sequence[tuple[str, str]], **fields: str) -> Run:
    """A run whose cells have these states and print these texts."""
    made = [
        Cell(
            index,
            "code",
            f"cell [{index + 1}]",
            f"c{index}",
            f"s{index}",
            f"s{index}",
            state=state,
            outputs=[Output(TEXT, "stdout", text)] if text else [],
        )
        for index, (state, text) in enumerate(cells)
    ]
    state = {"state": COMPLETED, **fields}
    return Run(name, str(folder / name), cells=made, source_digest="1", notebook="a.ipynb", **state)


@pytest.mark.parametrize(
    ("before", "after", "found", "result"),
    [
        ([(COMPLETED, "1")], [(COMPLETED, "1")], ["same"], "same"),
        ([(COMPLETED, "1")], [(COMPLETED, "2")], ["differs"], "differs"),
        ([(COMPLETED, "1")], [("failed", "1")], ["differs"], "differs"),
        ([("failed", "1")], [("failed", "1")], ["same"], "same"),
        ([("timed out", "")], [("timed out", "")], ["same"], "same"),
        ([("stopped", "1")], [(COMPLETED, "2")], ["not compared"], "same"),
        ([("running", "1")], [(COMPLETED, "2")], ["not compared"], "same"),
        ([(COMPLETED, "1"), (COMPLETED, "2")], [(COMPLETED, "1"), ("", "")],
         ["same", "not compared"], "same"),
        ([(COMPLETED, "1"), ("", "")], [(COMPLETED, "1"), (COMPLETED, "2")],
         ["same", "not compared"], "same"),
        ([("failed", ""), ("not run", "")], [("failed", ""), ("not run", "")],
         ["same", "not compared"], "same"),
        ([(COMPLETED, ""), (COMPLETED, "2")], [("failed", ""), ("not run", "")],
         ["differs", "differs"], "differs"),
        ([("", ""), (COMPLETED, "")], [("", ""), (COMPLETED, "")], ["same"], "same"),
    ],
)  # fmt: skip
def test_each_cell_came_out(
    tmp_path: Path,
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
    found: list[str],
    result: str,
) -> None:
    made = verdict.of(run(tmp_path, "a", before), run(tmp_path, "b", after), Tolerance())
    assert [cell.result for cell in made.cells] == found
    assert made.result == result


def test_cells_that_were_not_reached_follow_from_the_one_that_failed(tmp_path: Path) -> None:
    before = run(tmp_path, "a", [(COMPLETED, "1"), (COMPLETED, "2")])
    after = run(tmp_path, "b", [("failed", ""), ("not run", "")], state="failed")
    made = verdict.of(before, after, Tolerance())
    assert [cell.follows for cell in made.cells] == [False, True]
    assert [cell.index for cell in made.not_deterministic] == [0]


@pytest.mark.parametrize(("values", "result"), [((1.0, 1.0), "same"), ((1.0, 2.0), "differs")])
def test_a_scalar_counts_where_all_cells_are_compared(
    tmp_path: Path, values: tuple[float, float], result: str
) -> None:
    made = [
        Run(
            name,
            str(tmp_path / name),
            scalars={"loss": Scalar("loss", value, 1)},
            cells=run(tmp_path, name, [(COMPLETED, "1")]).cells,
            state=COMPLETED,
        )
        for name, value in zip("ab", values)
    ]
    found = verdict.of(made[0], made[1], Tolerance())
    assert found.result == result
    assert verdict.explanation(found) == ""
