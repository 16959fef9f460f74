"""What a run says of cells that were executed once for several runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from guild_notebook.document import states
from guild_notebook.document.measures import Measures, measures_of
from guild_notebook.document.shared_cells import Second, SharedCells

SHARED = SharedCells({0: Measures(2.5), 2: Measures(0.25)}, "4f2e", 1_700_000_000.0)
REPLAYED = {"iopub.status.busy": "2026-11-27T10:00:00.000000Z"}


def notebook() -> Any:
    cells = [{"source": "x", "metadata": {"execution": dict(REPLAYED)}} for _ in range(4)]
    return {"metadata": {}, "cells": cells}


def test_times_are_those_of_the_one_execution_and_only_of_cells_that_have_ended():
    nb = notebook()
    SHARED.put_times(nb, {0: "completed", 2: "completed", 3: "completed"})
    assert [measures_of(cell).seconds for cell in nb["cells"]] == [2.5, None, 0.25, None]
    times = nb["cells"][2]["metadata"]["execution"]
    assert times == {
        "iopub.status.busy": "2023-11-14T22:13:22.500000Z",
        "iopub.execute_input": "2023-11-14T22:13:22.500000Z",
        "shell.execute_reply": "2023-11-14T22:13:22.750000Z",
        "iopub.status.idle": "2023-11-14T22:13:22.750000Z",
    }
    assert nb["cells"][3]["metadata"]["execution"] == REPLAYED
    SHARED.put_times(nb := notebook(), {0: "running", 2: "not run"})
    assert [cell["metadata"]["execution"] for cell in nb["cells"]] == [REPLAYED] * 4


def test_a_shared_cell_is_marked_once_it_has_begun():
    nb = notebook()
    is_shared = lambda: [states.is_shared(cell) for cell in nb["cells"]]  # noqa: E731
    of_cells = {0: "completed", 2: states.NOT_RUN, 3: states.NOT_RUN}
    assert states.put(nb, of_cells, shared=SHARED.measures) == {0, 2, 3}
    assert is_shared() == [True, False, False, False]
    assert states.put(nb, of_cells, shared=SHARED.measures) == set()
    assert states.put(nb, {**of_cells, 2: "completed"}, shared=SHARED.measures) == {2}
    assert is_shared() == [True, False, True, False]


def test_the_attribute_has_microseconds_as_times_of_guild():
    assert SHARED.attribute() == {
        "prefix": "4f2e",
        "began": 1_700_000_000_000_000,
        "seconds": {0: 2.5, 2: 0.25},
    }


def test_cells_that_a_second_process_has_executed_have_its_times():
    processes = replace(SHARED, second=Second("77ab", 1_700_000_100.0, 2))
    processes.put_times(nb := notebook(), {0: "completed", 2: "completed"})
    times = [nb["cells"][index]["metadata"]["execution"] for index in (0, 2)]
    assert [each["iopub.status.busy"] for each in times] == [
        "2023-11-14T22:13:20.000000Z",
        "2023-11-14T22:15:00.000000Z",
    ]
    assert processes.attribute()["second"] == {
        "prefix": "77ab",
        "began": 1_700_000_100_000_000,
        "cell": 2,
    }


def test_cells_of_any_shape_are_not_shared():
    for cell in ({}, {"metadata": None}, {"metadata": {"guild": []}}, {"metadata": {"guild": {}}}):
        assert not states.is_shared(cell)
    assert not states.is_shared({"metadata": {"guild": {"shared": "yes"}}})
