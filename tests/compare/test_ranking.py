"""Cells are ranked by how much their outputs differ over many runs."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from typing import Any

import pytest

from guild_notebook.compare import images
from guild_notebook.compare.matching import sections
from guild_notebook.compare.model import (
    ERROR,
    IMAGE,
    TABLE,
    TEXT,
    Cell,
    Image,
    Output,
    Run,
    Table,
)
from guild_notebook.compare.outputs import image_of
from guild_notebook.compare.ranking import LEAST, Reached, SlotChange, slot_changes
from guild_notebook.compare.volatile import Mask


def text(shown: str) -> Output:
    return Output(TEXT, "stdout", shown)


def run(number: int, *cells: Sequence[Output], states: Sequence[str] = (), **fields: Any) -> Run:
    made = [
        Cell(n, "code", f"cell {n}", f"c{n}", f"cell({n})", "", "", n, state, outputs=outputs)
        for n, (outputs, state) in enumerate(zip(cells, states or ["completed"] * len(cells)))
    ]
    defaults = {"source_digest": "one", "status": "completed", "flags": {"lr": number}}
    return Run(f"run{number}", f"/runs/{number}", cells=made, **{**defaults, **fields})


def changes(runs: Sequence[Run], reached: Reached | None = None) -> list[SlotChange]:
    (section,) = sections(runs)
    masks = {run.id: Mask(run) for run in section.runs}
    return list(slot_changes(section, masks, lambda run: reached or {}))


def amount(*outputs: Sequence[Output]) -> tuple[float, str]:
    (change,) = changes([run(n, each) for n, each in enumerate(outputs)])
    return round(change.amount, 3), change.kind


def png(grey: int, box: int = 0, size: int = 64) -> Output:
    pillow = pytest.importorskip("PIL.Image")
    made = pillow.new("L", (size, size), grey)
    made.paste(255 - grey, (0, 0, box, size))
    file = io.BytesIO()
    made.save(file, "PNG")
    return shown(base64.b64encode(file.getvalue()).decode())


def shown(content: str) -> Output:
    image = image_of("image/png", content)
    assert image
    return Output(IMAGE, "display", "<Figure>", image=image)


def test_of_texts_it_is_the_share_of_lines_that_vary():
    assert amount([text("a\nb\nc\nloss 1")], [text("a\nb\nc\nloss 2")]) == (0.25, "text")
    assert amount([text("a\nb")], [text("a\nb")]) == (0.0, "text")
    assert amount([text("a\nb")], [text("a")], [text("a\nc")]) == (0.5, "text")


def test_a_cell_that_has_not_ended_has_the_kind_of_what_it_has_put_out():
    (change,) = changes([run(1, [text("begun")], states=["running"])])
    assert (change.amount, change.kind) == (0.0, "text")


def test_what_a_reader_calls_unchanged_does_not_count():
    assert amount([text("Wall time: 3 s")], [text("Wall time: 50 ms")]) == (0.0, "text")


def test_of_tables_it_is_the_share_of_cells_that_vary():
    def table(value: str) -> Output:
        return Output(TABLE, "result", "", Table(["a", "b"], [["1", "2"], ["3", value]]))

    assert amount([table("4")], [table("4")], [table("5")]) == (0.25, "table")


def test_of_images_it_is_the_share_of_pixels_that_vary():
    assert amount([png(0)], [png(0, 16)]) == (0.25, "image")
    assert amount([png(0)], [png(0, 32)], [png(0)], [png(0)]) == (0.5, "image")
    assert amount([png(0)], [png(0)]) == (0.0, "image")
    assert amount([png(100)], [png(103)]) == (LEAST, "image")


def test_one_image_of_many_that_differs_counts_little_but_counts():
    assert amount([png(0)], *[[png(20)]] * 200) == (LEAST, "image")


def test_the_share_of_pixels_is_that_of_those_which_deviate():
    assert amount([png(0)], [png(0, 16)], [png(90, 3)]) != (0.0, "image")
    assert amount([png(0)], [png(0, 16)]) == (0.25, "image")


def test_without_pillow_it_is_how_many_images_there_are(monkeypatch: pytest.MonkeyPatch):
    outputs = [[png(0)], [png(1)], [png(0)], [png(0)], [png(0)]]
    monkeypatch.setattr(images, "pillow", lambda: None)
    monkeypatch.setattr(images, "_FOUND", {})
    assert amount(*outputs) == (0.25, "image")


def test_the_output_that_differs_most_counts():
    assert amount([text("a\nb\nx 1"), png(0)], [text("a\nb\nx 2"), png(0, 32)]) == (0.5, "image")


def test_a_cell_without_outputs_has_none():
    assert amount([], []) == (0.0, "none")


def test_an_output_that_some_runs_lack_differs():
    extra = [text("a"), text("b")]
    assert amount([text("a")], [text("a")], extra, [text("a")]) == (0.5, "text")
    assert amount([text("a"), png(0)], [text("a")], [text("a")], [text("a")]) == (0.5, "image")


def test_a_cell_that_failed_in_half_of_the_runs_differs_by_all():
    error = Output(ERROR, "display", "", name="E", message="x")
    runs = [
        run(n, [error] if n % 2 else [], states=["failed" if n % 2 else "completed"])
        for n in range(4)
    ]
    assert [(c.amount, c.kind) for c in changes(runs)] == [(1.0, "error")]


def test_cells_that_did_not_run_do_not_count():
    runs = [run(0, [text("a")]), run(1, [], states=["not run"]), run(2, [text("a")])]
    assert [(c.amount, c.kind) for c in changes(runs)] == [(0.0, "text")]


def test_what_differs_with_equal_values_of_the_flags_that_reach_it_is_unexplained():
    runs = [
        run(0, [text("one")], [text("1")], flags={"lr": 1, "n": 1}),
        run(1, [text("two")], [text("2")], flags={"lr": 1, "n": 2}),
    ]
    reached = {0: frozenset({"lr"}), 1: frozenset({"lr", "n"})}
    assert [(c.reached, c.is_unexplained) for c in changes(runs, reached)] == [
        (frozenset({"lr"}), True),
        (frozenset({"lr", "n"}), False),
    ]


def test_where_it_is_not_known_which_flags_reach_a_cell_all_do():
    def unexplained(n: int) -> list[bool]:
        runs = [run(0, [text("a")], flags={"n": 1}), run(1, [text("b")], flags={"n": n})]
        return [change.is_unexplained for change in changes(runs, {0: None})]

    assert unexplained(1) == [True]
    assert unexplained(2) == [False]


def test_versions_explain_what_differs_between_them():
    runs = [
        run(0, [text("a")], flags={"n": 1}),
        run(1, [text("b")], flags={"n": 1}, source_digest="two"),
    ]
    assert [(c.amount, c.is_unexplained) for c in changes(runs)] == [(1.0, False)]


def test_a_run_that_failed_is_not_held_against_the_others():
    runs = [
        run(0, [text("a")], flags={"n": 1}),
        run(1, [], flags={"n": 1}, states=["failed"]),
    ]
    assert [change.is_unexplained for change in changes(runs)] == [False]


def _of_200_runs() -> list[Run]:
    pillow = pytest.importorskip("PIL.Image")
    distinct: list[Image] = []
    for n in range(40):
        made = pillow.new("RGB", (640, 480), (n * 5, n, 99))
        made.paste((200, n, 3), (n, n, 300, 200))
        file = io.BytesIO()
        made.save(file, "PNG")
        image = image_of("image/png", base64.b64encode(file.getvalue()).decode())
        assert image
        distinct.append(image)
    return [
        run(n, *([Output(IMAGE, "display", image=distinct[(5 * n + k) % 40])] for k in range(5)))
        for n in range(200)
    ]


def test_200_runs_of_5_images_are_ranked_fast():
    runs = _of_200_runs()
    began = time.process_time()
    found = changes(runs)
    assert time.process_time() - began < 3
    assert all(change.amount > 0.1 for change in found)
