"""Cells are matched across runs and versions of a notebook; a hole says why it is one."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

import pytest

from guild_notebook.compare.matching import hole, sections
from guild_notebook.compare.model import Cell, Output, Run, Slot

Cells = Sequence["str | tuple[str, str]"]

IMPORTS = "import numpy as np\nimport matplotlib.pyplot as plt"
DATA = "data = np.loadtxt('data.csv')\nprint(data.shape)"
TRAIN = "model = fit(data, lr)\nfor epoch in range(10):\n    model.step()\nprint(model.loss)"
PLOT = "plt.plot(model.losses)\nplt.xlabel('step')\nplt.show()"
REPORT = "report(model)"
LONG = "\n".join(f"result_{n} = compute({n})" for n in range(40))


def run(number: int, cells: Cells, notebook: str = "train.ipynb", **fields: object) -> Run:
    """The ``number``-th run of all; a cell is its source, or its id and source."""
    pairs = [(cell if isinstance(cell, tuple) else ("", cell)) for cell in cells]
    made = [
        Cell(n, "code", f"cell {n}", source.split("\n")[0], source, source, own, state="completed")
        for n, (own, source) in enumerate(pairs)
    ]
    digest = str(hash(tuple(source for _, source in pairs)))
    started = datetime.datetime(2026, 11, 27, 8, tzinfo=datetime.timezone.utc)
    defaults = {
        "started": started + datetime.timedelta(minutes=number),
        "source_digest": digest,
        "status": "completed",
    }
    return Run(
        f"run{number}", f"/runs/{number}", notebook=notebook, cells=made, **{**defaults, **fields}
    )


def matched(*versions: Cells) -> list[tuple[int | None, ...]]:
    """By slot the place of the cell in each version, oldest first, None where it has none."""
    runs = [run(number, cells) for number, cells in enumerate(versions)]
    (section,) = sections(runs)
    return [tuple(slot.cells.get(each.id) for each in runs) for slot in section.slots]


TABLE: dict[str, tuple[list[Cells], list[tuple[int | None, ...]]]] = {
    "one version": ([[IMPORTS, DATA]], [(0,), (1,)]),
    "a line differs": (
        [["lr = 0.1\nepochs = 10", TRAIN, PLOT], ["lr = 0.2\nepochs = 10", TRAIN, PLOT]],
        [(0, 0), (1, 1), (2, 2)],
    ),
    "a cell is added": (
        [[IMPORTS, TRAIN, PLOT], [IMPORTS, DATA, TRAIN, PLOT]],
        [(0, 0), (None, 1), (1, 2), (2, 3)],
    ),
    "a cell is removed": (
        [[IMPORTS, DATA, TRAIN, PLOT], [IMPORTS, TRAIN, PLOT]],
        [(0, 0), (1, None), (2, 1), (3, 2)],
    ),
    "all ids are new": (
        [[("a", IMPORTS), ("b", DATA), ("c", TRAIN)], [("x", IMPORTS), ("y", DATA), ("z", TRAIN)]],
        [(0, 0), (1, 1), (2, 2)],
    ),
    "a cell is edited and has its id": (
        [
            [("a", IMPORTS), ("b", TRAIN), ("c", PLOT)],
            [("a", IMPORTS), ("b", TRAIN.replace("10", "20") + "\nsave()\nlog(2)"), ("c", PLOT)],
        ],
        [(0, 0), (1, 1), (2, 2)],
    ),
    "an id is used again for another cell": (
        [
            [("a", IMPORTS), ("b", DATA), ("c", PLOT)],
            [("a", IMPORTS), ("b", "!pip list"), ("c", PLOT)],
        ],
        [(0, 0), (None, 1), (1, None), (2, 2)],
    ),
    "a cell with an id has moved": (
        [
            [("a", IMPORTS), ("b", DATA), ("c", TRAIN), ("d", PLOT)],
            [("a", IMPORTS), ("c", TRAIN), ("d", PLOT), ("b", DATA)],
        ],
        [(0, 0), (2, 1), (3, 2), (1, 3)],
    ),
    "a cell without an id has moved": (
        [[IMPORTS, DATA, TRAIN, PLOT], [IMPORTS, TRAIN, PLOT, DATA]],
        [(0, 0), (2, 1), (3, 2), (1, 3)],
    ),
    "sources are there twice": (
        [[IMPORTS, PLOT, TRAIN, PLOT], [IMPORTS, PLOT, DATA, TRAIN, PLOT]],
        [(0, 0), (1, 1), (None, 2), (2, 3), (3, 4)],
    ),
    "one of two that are the same is taken out": (
        [[PLOT, TRAIN, PLOT, REPORT], [TRAIN, PLOT, REPORT]],
        [(0, None), (1, 0), (2, 1), (3, 2)],
    ),
    "three versions insert at one place": (
        [
            [IMPORTS, "check(1)\nassert data.ok", PLOT],
            [IMPORTS, DATA, PLOT],
            [IMPORTS, TRAIN, PLOT],
        ],
        [(0, 0, 0), (None, None, 1), (None, 1, None), (1, None, None), (2, 2, 2)],
    ),
    "a cell is changed and changed back": (
        [[IMPORTS, DATA, PLOT], [IMPORTS, "!ls", PLOT], [IMPORTS, DATA, PLOT]],
        [(0, 0, 0), (1, None, 1), (None, 1, None), (2, 2, 2)],
    ),
    "a cell is edited a little each time": (
        [
            [IMPORTS, "alpha = fit(model, data, 1)", PLOT],
            [IMPORTS, "alpha = fit(model, data, 22, beta)", PLOT],
            [IMPORTS, "alpha = fit(model, data, 22, beta, gamma=3)", PLOT],
        ],
        [(0, 0, 0), (1, 1, 1), (2, 2, 2)],
    ),
    "a long cell is edited": (
        [[IMPORTS, LONG, PLOT], [IMPORTS, LONG.replace("result_7", "other"), PLOT]],
        [(0, 0), (1, 1), (2, 2)],
    ),
    "a cell is divided": (
        [[IMPORTS, f"{DATA}\n{TRAIN}", PLOT], [IMPORTS, DATA, TRAIN, PLOT]],
        [(0, 0), (None, 1), (1, 2), (2, 3)],
    ),
    "two cells that are alike change places and one is edited": (
        [[IMPORTS, "show(a, b, c)", "show(a, b, d)", PLOT], [IMPORTS, "show(a, b, d)", PLOT]],
        [(0, 0), (1, None), (2, 1), (3, 2)],
    ),
    "blank lines at the end do not count": (
        [[IMPORTS, DATA], [IMPORTS + "\n", DATA]],
        [(0, 0), (1, 1)],
    ),
    "cells are empty": (
        [["", IMPORTS, ""], ["", IMPORTS, "", DATA]],
        [(0, 0), (1, 1), (2, 2), (None, 3)],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_cells_are_matched_when(name: str):
    versions, expected = TABLE[name]
    assert matched(*versions) == expected


def test_runs_of_one_version_have_their_cells_at_the_same_places():
    runs = [run(n, [IMPORTS, DATA, TRAIN], source_digest="same") for n in range(3)]
    (section,) = sections(runs)
    assert [slot.cells for slot in section.slots] == [
        {"run2": place, "run1": place, "run0": place} for place in range(3)
    ]


def test_a_section_has_its_newest_run_first_and_names_cells_as_that_does():
    old, new = run(1, [("a", "x = fit(1)")]), run(2, [("a", "y = fit(1)")])
    (section,) = sections([old, new])
    assert [each.id for each in section.runs] == ["run2", "run1"]
    assert section.slots == [Slot("y = fit(1)", {"run2": 0, "run1": 0})]


def test_another_notebook_is_another_section():
    runs = [run(0, [IMPORTS, DATA, TRAIN]), run(1, ["a = 1", "b = 2"], "other.ipynb")]
    assert [section.notebook for section in sections(runs)] == ["other.ipynb", "train.ipynb"]


def test_a_notebook_that_was_renamed_is_one_section():
    runs = [run(0, [IMPORTS, DATA, TRAIN, PLOT]), run(1, [IMPORTS, DATA, TRAIN], "new.ipynb")]
    (section,) = sections(runs)
    assert section.notebook == "new.ipynb"
    assert [len(slot.cells) for slot in section.slots] == [2, 2, 2, 1]


def test_a_notebook_that_was_written_anew_under_its_name_is_another_section():
    runs = [run(0, [IMPORTS, DATA, TRAIN]), run(1, ["!ls", "import os", "os.getcwd()"])]
    assert len(sections(runs)) == 2


def test_notebooks_of_one_name_that_share_their_imports_alone_are_two_sections():
    old = [IMPORTS, DATA, TRAIN, PLOT, REPORT]
    new = [IMPORTS, "!ls", "a = {}", "import os", "os.getcwd()"]
    assert len(sections([run(0, old), run(1, new)])) == 2


def test_a_run_without_cells_is_beside_those_of_its_notebook():
    runs = [run(0, [IMPORTS, DATA]), run(1, [], source_digest="")]
    (section,) = sections(runs)
    assert [each.id for each in section.runs] == ["run1", "run0"]
    assert hole(section.runs[0], section.slots[0]) == "not run"


def test_a_run_without_a_notebook_is_beside_those_of_its_operation():
    fields = {"source_digest": "", "operation": "train", "status": "pending"}
    runs = [
        run(0, [IMPORTS, DATA], operation="train"),
        run(1, ["!ls", "ls()"], "other.ipynb", operation="other"),
        run(2, [], "", **fields),
        run(3, [], "", source_digest="", operation="third", status="error", reason="no kernel"),
    ]
    found = sections(runs)
    assert [[each.id for each in section.runs] for section in found] == [
        ["run3"],
        ["run2", "run0"],
        ["run1"],
    ]
    assert hole(runs[2], found[1].slots[0]) == "not run yet"
    assert hole(runs[3], found[1].slots[0]) == "not run: no kernel"


def test_a_run_that_has_fewer_cells_than_others_of_its_version_lacks_the_rest():
    runs = [
        run(0, [IMPORTS, DATA], source_digest="same"),
        run(1, [IMPORTS], source_digest="same"),
    ]
    (section,) = sections(runs)
    assert [sorted(slot.cells) for slot in section.slots] == [["run0", "run1"], ["run0"]]


def test_runs_whose_start_is_not_known_are_last():
    runs = [run(0, [DATA], started=None), run(1, [DATA], started=datetime.datetime(2026, 1, 1))]
    assert [each.id for each in sections(runs)[0].runs] == ["run1", "run0"]


def test_no_runs_have_no_sections():
    assert sections([]) == []


STATES = {
    "failed before": (
        "failed",
        "error",
        ["completed", "failed", "not run"],
        "not run: failed in b",
    ),
    "stopped before": (
        "stopped",
        "terminated",
        ["completed", "stopped", "not run"],
        "not run: stopped in b",
    ),
    "timed out before": (
        "timed out",
        "error",
        ["completed", "timed out", "not run"],
        "not run: timed out in b",
    ),
    "the kernel died before": (
        *("kernel died", "error"),
        *(["completed", "kernel died", "not run"], "not run: kernel died in b"),
    ),
    "it is running": ("running", "running", ["completed", "completed", "running"], "running"),
    "it is not there yet": (
        "running",
        "running",
        ["completed", "running", "not run"],
        "not run yet",
    ),
    "it was killed there": ("failed", "error", ["completed", "completed", "running"], "no output"),
    "it shows nothing": ("completed", "completed", ["completed"] * 3, "no output"),
    "it is not to run": ("completed", "completed", ["completed", "completed", ""], "not to run"),
    "it is not known what ran": ("completed", "", ["", "", ""], "no output"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_hole_is_explained_when(name: str):
    state, status, states, expected = STATES[name]
    failed = 1 if states[1] not in ("completed", "running") else None
    cells = [
        Cell(n, "code", f"cell {n}", "abc"[n], "abc"[n], "", state=each)
        for n, each in enumerate(states)
    ]
    one = Run("r", "/r", state=state, status=status, cells=cells, failed_cell=failed)
    assert hole(one, Slot("c", {"r": 2})) == expected


def test_what_has_an_output_is_not_a_hole_and_what_a_notebook_lacks_is_one():
    cell = Cell(
        0,
        "code",
        "cell 1",
        "a",
        "a",
        "a",
        state="completed",
        outputs=[Output("text", "stdout", "1")],
    )
    one = Run("r", "/r", status="completed", cells=[cell])
    assert hole(one, Slot("a", {"r": 0})) == ""
    assert hole(one, Slot("b", {"other": 0})) == "not in this notebook"


def test_a_run_that_ended_before_its_first_cell_says_why():
    cell = Cell(0, "code", "cell 1", "a", "a", "a", state="not run")
    one = Run("r", "/r", status="error", state="failed", reason="no kernel", cells=[cell])
    assert hole(one, Slot("a", {"r": 0})) == "not run: no kernel"


def _timed(runs: list[Run], limit: float) -> None:
    began = time.process_time()
    sections(runs)
    assert time.process_time() - began < limit


def test_200_runs_of_three_versions_are_matched_at_once():
    versions = [[f"cell({n})" for n in range(30) if n != skipped] for skipped in range(3)]
    _timed([run(n, versions[n % 3]) for n in range(200)], 0.5)


@pytest.mark.parametrize("kind", ["the same", "moved", "all edited", "all others", "all equal"])
def test_two_versions_of_2000_cells_are_matched_in_bounded_time(kind: str):
    old = [f"value_{n} = compute({n}, '{n * 7919 % 1000}')" for n in range(2_000)]
    new = {
        "the same": [*old[:1_000], "extra()", *old[1_000:]],
        "moved": [*old[1_000:], *old[:1_000]],
        "all edited": [f"{source}  # edited {n}" for n, source in enumerate(old)],
        "all others": [f"print({n})" for n in range(2_000)],
        "all equal": ["x = 1"] * 2_000,
    }[kind]
    _timed([run(0, old if kind != "all equal" else ["x = 1"] * 1_999 + ["y"]), run(1, new)], 10)
