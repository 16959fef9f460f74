"""How long cells took in earlier runs of the same operation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.run.record.earlier_times import earlier_times
from guild_notebook.run.record.run_dir import RunDir

OPERATION = "guildfile:/p/guild.yml 1a2b '' train"


def cell(source: str, seconds: float | None = None, state: str = "completed") -> dict[str, Any]:
    times = {
        "iopub.execute_input": "2026-11-26T10:59:58.750000Z",
        "shell.execute_reply": f"2026-11-26T11:{(seconds or 0) / 60 + 0.0:02.0f}:00.250000Z",
    }
    metadata = {"guild": {"status": state}, "execution": times} if seconds is not None else {}
    return {"cell_type": "code", "source": source, "metadata": metadata}


class Runs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, *cells: Any, opref: str = OPERATION, text: str | None = None) -> str:
        """A run that is newer than those before."""
        self._count += 1
        run_dir = self._folder / f"{self._count:032x}"
        (run_dir / ".guild").mkdir(parents=True)
        (run_dir / ".guild" / "opref").write_text(opref)
        (run_dir / "nb.ipynb").write_text(json.dumps({"cells": cells}) if text is None else text)
        os.utime(run_dir, (self._count, self._count))
        return str(run_dir)

    def times(self, *sources: str, opref: str = OPERATION) -> dict[int, float]:
        record = RunDir(self.add(opref=opref), "nb.ipynb")
        return earlier_times(record, [cell(source) for source in sources])


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_the_time_of_a_cell_is_that_of_the_last_run_that_completed_it(runs: Runs):
    runs.add(cell("a", 60), cell("b", 120))
    runs.add(cell("a", 180), cell("b", 240, "failed"))
    assert runs.times("a", "b") == {0: 181.5, 1: 121.5}


@pytest.mark.parametrize(
    ("earlier", "now", "expected"),
    [
        (["a", "lr = 1"], ["a", "lr = 2"], {0: 61.5, 1: 121.5}),
        (["a", "b"], ["new", "b", "a"], {1: 121.5, 2: 61.5}),
        (["a"], ["other", "b"], {}),
        ([["a\n", "b"]], ["a\nb"], {0: 61.5}),
    ],
)
def test_a_cell_is_found_by_its_source_or_its_place(runs: Runs, earlier, now, expected):
    runs.add(*(cell(source, 60 * number) for number, source in enumerate(earlier, 1)))
    assert runs.times(*now) == expected


def test_only_runs_of_the_same_operation_count_of_any_version_of_the_guild_file(runs: Runs):
    runs.add(cell("a", 60), opref="guildfile:/p/guild.yml 3c4d '' train")
    for other in ("guildfile:/p/guild.yml 1a2b '' test", "guildfile:/q/guild.yml 1a2b '' train"):
        runs.add(cell("a", 120), opref=other)
    assert runs.times("a") == {0: 61.5}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"cells": 5}', '{"cells": [5, {}, {"metadata": []}]}', "[" * 100_000,
     '{"cells": [{"source": "a", "metadata": {"guild": {"status": "completed"}, "execution": '
     '{"iopub.execute_input": "2026-99-99T99:99:99", "shell.execute_reply": 5}}}]}'],
)  # fmt: skip
def test_a_notebook_that_is_broken_says_nothing(runs: Runs, text: str):
    runs.add(cell("a", 60))
    runs.add(text=text)
    assert runs.times("a") == {0: 61.5}


def test_an_operation_that_nobody_knows_has_no_earlier_runs(runs: Runs):
    runs.add(cell("a", 60), opref="'odd")
    assert runs.times("a", opref="'odd") == {}
