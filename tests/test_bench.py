"""The benchmark measures what it says, and its tables say what was measured."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bench, table
from benchmarks.environments import JUPYTER, OWN, PAPERMILL
from benchmarks.workloads import TARGETS, WORKLOADS, Target, Workload
from tests.helpers.project import CHECKOUT

VENV = Path(sys.prefix)


def samples(wall: list[float], cpu: float = 1, memory: float = 10) -> dict[str, list[float]]:
    return {
        "wall": wall,
        "after": [0.0] * len(wall),
        "cpu": [cpu] * len(wall),
        "memory": [memory] * len(wall),
        "together": [2 * memory] * len(wall),
    }


RESULTS: dict[str, dict[str, Any]] = {
    "2 cells": {
        OWN: samples([9, 1, 2], cpu=3, memory=50),
        JUPYTER: samples([4, 4, 5], cpu=2, memory=100),
        PAPERMILL: {"errors": ["failed:\nSomeError: no | kernel\nHere is the cell:\n---\n"]},
    },
    "script": {OWN: samples([0.5])},
}


def test_a_row_has_medians_and_how_many_times_as_much_this_package_takes():
    assert table.rows("2 cells", RESULTS["2 cells"]) == [
        "| 2 cells | guild-notebook | 2.00 | 1.00–9.00 | 3.00 | 50 | 100 |  |  |  |",
        "|  | jupyter execute | 4.00 | 4.00–5.00 | 2.00 | 100 | 200 | 0.50 | 1.50 | 0.50 |",
        "|  | papermill, failed 1 ×: SomeError: no / kernel |  |  |  |  |  |  |  |  |",
    ]


def test_each_row_has_as_many_cells_as_the_head():
    for row in table.rows("2 cells", RESULTS["2 cells"]):
        assert row.count("|") == table.HEAD.splitlines()[0].count("|")


def test_rows_have_no_ratios_where_this_package_failed():
    commands = {OWN: {"errors": ["a", "b"]}, JUPYTER: {**samples([4]), "errors": ["c"]}}
    assert table.rows("2 cells", commands) == [
        "| 2 cells | guild-notebook, failed 2 ×: b |  |  |  |  |  |  |  |  |",
        "|  | jupyter execute, failed 1 ×: c | 4.00 | 4.00–4.00 | 1.00 | 10 | 20 |  |  |  |",
    ]


@pytest.mark.parametrize(
    ("target", "limit", "held"),
    [
        (Target("2 cells", "wall", 0.5, JUPYTER), 2.0, True),
        (Target("2 cells", "wall", 0.4, JUPYTER), 1.6, False),
        (Target("2 cells", "wall", 0.25, JUPYTER, plus="script"), 1.5, False),
        (Target("2 cells", "wall", 0.25, JUPYTER, seconds=1), 2.0, True),
        (Target("2 cells", "cpu", 1.5, JUPYTER), 3.0, True),
        (Target("2 cells", "memory", 0.4, JUPYTER), 40.0, False),
    ],
)
def test_a_target_is_held_against_the_medians(target: Target, limit: float, held: bool):
    verdict = table.judged(target, RESULTS, OWN)
    assert verdict is not None
    assert (verdict.limit, verdict.held) == (pytest.approx(limit), held)


@pytest.mark.parametrize(
    "target",
    [
        Target("2 cells", "wall", 1.0, PAPERMILL),
        Target("3 cells", "wall", 1.0, JUPYTER),
        Target("2 cells", "wall", 1.0, JUPYTER, plus="another script"),
    ],
)
def test_a_target_is_not_judged_without_what_it_needs(target: Target):
    assert table.judged(target, RESULTS, OWN) is None


def test_the_table_of_targets_says_what_is_missed_and_by_how_much():
    targets = [
        Target("2 cells", "wall", 0.4, JUPYTER),
        Target("2 cells", "memory", 0.5, JUPYTER),
        Target("2 cells", "wall", 0.5, JUPYTER, seconds=0.25, plus="script"),
    ]
    assert table.targets_table(targets, RESULTS, OWN).splitlines()[2:] == [
        "| 2 cells | 0.4 × jupyter execute | 1.60 s | 2.00 s | missed, 1.25 × |",
        "| 2 cells | memory 0.5 × jupyter execute | 50 MB | 50 MB | held |",
        "| 2 cells | 0.5 × jupyter execute + 0.25 s + script | 2.75 s | 2.00 s | held |",
    ]


def test_each_target_is_about_a_workload_and_its_commands():
    commands = {work.name: set(work.commands) for work in WORKLOADS}
    assert len(commands) == len(WORKLOADS)
    for target in TARGETS:
        assert {OWN, target.against} <= commands[target.workload]
        assert target.plus == "" or OWN in commands[target.plus]


def test_a_page_gets_other_tables_between_its_two_lines():
    page = "# Speed\n\n<b>\n\nold\n\n<e>\n\nrest\n"
    assert table.replaced(page, "new", "<b>", "<e>") == "# Speed\n\n<b>\n\nnew\n\n<e>\n\nrest\n"
    with pytest.raises(ValueError, match="<x>"):
        table.replaced(page, "new", "<b>", "<x>")
    assert table.replaced(bench.PAGE.read_text("utf-8"), "", bench.BEGIN, bench.END)


def commands(tmp_path: Path, *lines: str) -> tuple[Workload, dict[str, bench.Command]]:
    work = Workload("any", lambda project, size: None, dict(zip("abcd", lines)))
    return work, bench.commands_of(work, dict.fromkeys("abcd", VENV), {}, tmp_path)


def test_processes_that_outlive_a_command_are_waited_for_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench, "KEPT", tmp_path)
    burn = "import time; x = b'x' * 60_000_000\nwhile time.process_time() < 0.8: pass"
    (tmp_path / "burn.py").write_text(burn)
    _work, made = commands(tmp_path, f"(python {tmp_path}/burn.py &)")
    made["a"].folder.joinpath("project").mkdir(parents=True)
    sample = bench.measured(made["a"], 1)
    assert sample["wall"] < sample["after"]
    assert 0.8 <= sample["cpu"] < 3
    assert 60 < sample["memory"] <= 1.1 * sample["together"] < 150


def test_a_command_that_fails_twice_is_not_run_again_and_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench, "KEPT", tmp_path)
    work, made = commands(tmp_path, "echo no kernel; exit 3", "echo {size} >> sizes")
    args = argparse.Namespace(quick=False, rounds=2)
    found = list(bench.samples(work, made, args, set()))
    assert [called for called, _ in found] == ["a", "a", "b", "b"]
    assert found[0][1] == {"errors": "echo no kernel; exit 3 failed:\nno kernel\n"}
    assert (made["b"].folder / "project/sizes").read_text() == "1\n1\n"


@pytest.mark.slow
def test_the_quick_form_runs_a_workload_with_two_environments(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks.bench", "--quick", "--no-peers", "2 cells"]
    command += ["--this", str(VENV), "--against", f"same={VENV}", "--json", "bench.json"]
    env = {"PYTHONPATH": str(CHECKOUT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads((tmp_path / "bench.json").read_text())
    measured = report["results"]["2 cells"]
    assert list(measured) == [OWN, "same"]
    for sample in measured.values():
        assert {len(values) for values in sample.values()} == {1}
        assert min(sample["wall"] + sample["cpu"]) > 0
    assert "| 2 cells | guild-notebook | " in done.stdout
