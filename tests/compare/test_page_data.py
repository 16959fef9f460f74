"""The data of the page that compares runs."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.compare import differences, images, page_data, thumbnails
from guild_notebook.compare.model import Cell, Image, Output, Run, Scalar, Table
from guild_notebook.compare.page import page

START = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Guild home whose cache nobody else has."""
    from guild import config

    monkeypatch.setattr(config, "_guild_home", str(tmp_path / "home"))


def cell(index: int, name: str, *outputs: Output, **fields: Any) -> Cell:
    known = {"state": "completed", "number": index + 1, "seconds": 0.5, **fields}
    source = known.pop("source", f"# {name}")
    return Cell(index, "code", f"cell [{index + 1}] ({name})", name, source, source, **known,
                outputs=outputs)  # fmt: skip


def text(content: str) -> Output:
    return Output("text", "stdout", content)


def run(number: int, *cells: Cell, **fields: Any) -> Run:
    known: dict[str, Any] = {
        **{"operation": "train", "status": "completed", "state": "completed"},
        **{"started": START + datetime.timedelta(seconds=number), "seconds": 2.0},
        **{"notebook": "train.ipynb", "source_digest": "one", "cells": cells, **fields},
    }
    return Run(f"{number:032x}"[::-1], f"/runs/{number}", **known)


def data_of(*runs: Run, **options: Any) -> dict[str, Any]:
    data, _ = page_data.page_data(runs, **options)
    return json.loads(json.dumps(data, allow_nan=False))


def flags_of(name: str, values: Sequence[Any], **others: Sequence[Any]) -> dict[str, Any]:
    """What the data says of a flag that has these values in as many runs."""
    columns = {name: values, **others}
    runs = [
        run(i, flags={n: column[i] for n, column in columns.items() if column[i] is not ...})
        for i in range(len(values))
    ]
    return next(flag for flag in data_of(*runs)["flags"] if flag["name"] == name)


FLAGS = {
    "numbers of a grid": ([1, 2, 2, 1], {"kind": "number", "values": [1, 2]}),
    "numbers over decades": ([0.001, 0.1, 1.0], {"log": True, "continuous": False}),
    "a number that is the same": ([3, 3], {"varies": False, "values": [3], "log": False}),
    "numbers that JSON lacks": (
        [math.nan, 1.0, math.inf],
        {"kind": "number", "values": ["nan", 1.0, "inf"]},
    ),
    "a number that JavaScript has not": ([2**53 + 1, 1], {"values": [1, "9007199254740993"]}),
    "truths": ([True, False], {"kind": "bool", "values": [False, True]}),
    "texts": (["b", "a"], {"kind": "text", "values": ["a", "b"]}),
    "a number and a text": ([1, "a"], {"kind": "other", "values": [1, "a"]}),
    "a truth and the same number": ([True, 1], {"kind": "other", "varies": True}),
    "lists": ([[1, 2], [3]], {"kind": "text", "values": ["[1, 2]", "[3]"]}),
    "null": ([None, 1], {"kind": "other", "values": [1, None]}),
    "a flag that one run lacks": ([1, ...], {"varies": True, "values": [1]}),
}


@pytest.mark.parametrize(("values", "expected"), FLAGS.values(), ids=FLAGS)
def test_a_flag_says_of_what_kind_it_is(values: list[Any], expected: dict[str, Any]):
    flag = flags_of("flag", values)
    assert {key: flag[key] for key in expected} == expected


def test_flags_are_continuous_where_most_of_their_values_are_distinct():
    drawn = [0.1, 0.25, 0.31, 0.47, 0.52, 0.88]
    assert flags_of("lr", drawn, decay=drawn[::-1])["continuous"]
    assert not flags_of("lr", drawn)["continuous"]  # a sweep of one flag
    assert flags_of("lr", [n / 7 for n in range(20)])["continuous"]
    assert not flags_of("depth", [1, 2, 3, 1, 2, 3], lr=drawn)["continuous"]
    assert not flags_of("lr", drawn[:2], decay=drawn[2:4])["continuous"]


def test_runs_are_named_by_the_flags_that_vary_and_by_their_id_where_those_say_nothing():
    runs = [
        run(1, flags={"lr": 0.1, "seed": 0, "deep": True}),
        run(2, flags={"lr": 0.2, "seed": 0, "deep": False}),
        run(3, flags={"lr": 0.2, "seed": 0, "deep": False}),
        run(4, flags={"seed": 0}),
    ]
    names = {each["id"]: each["name"] for each in data_of(*runs)["runs"]}
    assert [names[each.id] for each in runs] == [
        "lr=0.1 deep=yes",
        f"lr=0.2 deep=no {runs[1].short_id}",
        f"lr=0.2 deep=no {runs[2].short_id}",
        runs[3].short_id,
    ]
    drawn = run(1, flags={"lr": 0.752121096800779}), run(2, flags={"lr": 3e-05})
    assert {each["name"] for each in data_of(*drawn)["runs"]} == {"lr=0.75212", "lr=3e-05"}
    long = run(1, flags={"text": "x" * 1000}), run(2, flags={"text": "y"})
    assert max(len(each["name"]) for each in data_of(*long)["runs"]) < 60


def test_runs_are_there_newest_first_with_how_they_ended():
    failing = Output("error", "display", "Traceback", name="ValueError", message="it diverged")
    failed = run(
        *(2, cell(0, "Data", text("a")), cell(1, "Training", failing, state="failed")),
        *(cell(2, "Plot", state="not run", number=None, seconds=None),),
        **{"status": "error", "state": "failed", "failed_cell": 1, "reason": "why"},
    )
    done = run(
        1, cell(0, "Data", text("a")), cell(1, "Training", text("b")), cell(2, "Plot", text("c"))
    )
    waiting = cell(1, "Training", state="running"), cell(2, "Plot", state="not run")
    going = run(3, cell(0, "Data", text("a")), *waiting, status="running", state="running")
    data = data_of(done, going, failed)
    assert [each["id"] for each in data["runs"]] == [going.id, failed.id, done.id]
    assert [slot["name"] for slot in data["slots"]] == ["Data", "Training", "Plot"]
    assert [slot["failed"] for slot in data["slots"]] == [0, 1, 0]
    shown = data["runs"][1]
    assert (shown["state"], shown["reason"], shown["failed"]) == ("failed", "why", 1)
    assert shown["error"] == {"name": "ValueError", "message": "it diverged"}
    assert data["runs"][0]["progress"] == {"cell": 2, "of": 3}
    assert data["runs"][1]["progress"] is data["runs"][2]["error"] is None
    assert data["runs"][2]["started"] == "2026-11-01T00:00:01Z"
    holes = [each.get("hole", "") for each in data["cells"][2]]
    assert holes == ["not run yet", "not run: failed in Training", ""]
    assert data["title"] == "train: 3 runs"


def test_what_repeats_is_stored_once():
    shared = text("the same")
    runs = [run(n, cell(0, "A", shared), cell(1, "B", text(str(n)))) for n in range(4)]
    data = data_of(*runs)
    assert len(data["outputs"]) == 5 and len(data["sources"]) == 2
    assert [each["outputs"] for each in data["cells"][0]] == [[0]] * 4
    assert data["slots"][1]["change"] > data["slots"][0]["change"] == 0


def test_outputs_that_a_reader_would_call_the_same_say_so():
    runs = [
        run(n, cell(0, "A", text(f"fit in {n} s"), text(f"fit in {n} s, loss {n}"), text("end")))
        for n in range(1, 3)
    ]
    data = data_of(*runs)
    new, old = ([data["outputs"][i] for i in each["outputs"]] for each in data["cells"][0])
    assert [a["same"] == b["same"] for a, b in zip(old, new)] == [True, False, True]
    assert old[1]["plain"] == "fit in «time», loss 1" and "plain" not in old[2]


def figure(content: str) -> Output:
    return Output("figure", "display", content)


def table(*rows: list[str]) -> Output:
    return Output("table", "result", "", table=Table(["", "score", "time (s)"], list(rows), 1))


def error(line: int, message: str) -> Output:
    text = f"Cell In[{line}], line {line}\n----> {line} fail()\nValueError: {message}"
    return Output("error", "", text, name="ValueError", message=message)


DAY = START + datetime.timedelta(days=5)

ALIKE = {  # of two runs, the second of which began on another day
    "a text whose time differs": (text("took 1.5 s"), text("took 2.5 s"), True),
    "a text whose number differs": (text("loss 1.5"), text("loss 2.5"), False),
    "the day of each run": (text("ran on 2026-11-01"), text("ran on 2026-11-06"), True),
    "a day of one of them": (text("as of 2026-11-01"), text("as of 2026-11-02"), False),
    "ids of objects": (text("<A at 0x7f1234567890>"), text("<A at 0x7f1234567899>"), True),
    "the run's own id": (text(f"in {1:032x}"[::-1]), text(f"in {2:032x}"[::-1]), True),
    "a table whose times differ": (table(["a", "1", "3.5"]), table(["a", "1", "4.5"]), True),
    "a table whose scores differ": (table(["a", "1", "3.5"]), table(["a", "2", "3.5"]), False),
    "an error at another line": (error(2, "odd"), error(3, "odd"), True),
    "another error": (error(2, "odd"), error(2, "even"), False),
    "figures that differ": (figure('{"x": 1}'), figure('{"x": 2}'), False),
    "figures but for an id": (
        figure("2f1e8a5c-1111-4222-8333-444455556666"),
        figure("2f1e8a5c-1111-4222-8333-444455557777"),
        True,
    ),
    "texts that differ after the cut": (text("x" * 50_000 + "a"), text("x" * 50_000 + "b"), False),
}


@pytest.mark.parametrize(("one", "other", "is_same"), ALIKE.values(), ids=ALIKE)
def test_outputs_are_the_same_where_those_of_two_runs_compared_are(
    one: Output, other: Output, is_same: bool
):
    cells = [cell(0, "Data", each) for each in (one, other)]
    before, after = run(1, cells[0]), run(2, cells[1], started=DAY)
    data = data_of(before, after)
    first, second = (data["outputs"][each["outputs"][0]]["same"] for each in data["cells"][0])
    assert (first == second) is is_same
    (slot,) = differences.between(before, after).cells
    assert bool(slot.outputs) is not is_same


def test_long_texts_and_tables_are_cut_and_say_how_much():
    table = Table(["n"], [[str(n)] for n in range(1000)], 1)
    long = "a" * 30_000 + "b"
    cells = cell(0, "Text", text(long)), cell(1, "Table", Output("table", "result", table=table))
    first, second = data_of(run(1, *cells))["outputs"]
    assert first["cut"] == 10_001 and len(first["text"]) < 20_100
    assert first["text"].startswith("aaa") and first["text"].endswith("ab")
    assert "[10,001 characters are left out here: the report has them]" in first["text"]
    (cut,) = data_of(run(1, cell(0, "Text", dataclasses.replace(text("a"), rest="more"))))[
        "outputs"
    ]
    assert cut["text"] == "a\n[more is left out here: the report has it]"
    assert (second["cut"], len(second["rows"]), second["index"]) == (800, 200, 1)
    wide = Table([str(n) for n in range(5000)], [["x"] * 5000] * 100)
    (wide_data,) = data_of(run(1, cell(0, "A", Output("table", "result", table=wide))))["outputs"]
    assert sum(map(len, wide_data["rows"])) <= page_data.MOST_CELLS


def test_texts_are_cut_further_where_a_page_has_very_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page_data, "MOST_TEXT", 300_000)
    many = [run(n, cell(0, "Text", text(f"{n}" + "c" * 19_000))) for n in range(50)]
    outputs = data_of(*many)["outputs"]
    assert {len(output["text"]) // 1000 for output in outputs} == {5}
    assert {output["cut"] // 1000 for output in outputs} == {14}


def test_numbers_that_json_lacks_are_texts_and_curves_are_thinned():
    points = [(step, math.nan if step == 1 else 1.0 / (step + 1)) for step in range(5000)]
    scalars = {
        "loss": Scalar("loss", math.inf, 4999, points),
        "once": Scalar("once", 0.5, 0, [(0, 0.5)]),
    }
    runs = [run(n, scalars=scalars) for n in range(400)] + [run(400, scalars={})]
    data = data_of(*runs)
    assert data["runs"][1]["scalars"] == {"loss": "inf", "once": 0.5}
    assert {each["name"]: each["varies"] for each in data["scalars"]} == {
        **{"loss": True, "once": True},
    }
    assert len(data["curves"]) == 400
    curve = data["curves"][0]["points"]
    assert len(curve) == 750 and curve[0] == [0, 1.0] and curve[-1][0] == 4999
    (small,) = data_of(run(1, scalars={"a": Scalar("a", 1.0, 1, [(0, math.nan), (1, 1.0)])}))[
        "curves"
    ]
    assert small == {"scalar": "a", "run": 0, "points": [[0, "nan"], [1, 1.0]]}


def test_hostile_texts_are_inert_in_the_page():
    evil = "</script><script>alert(1)</script><!--\ud800\x00"
    cells = [cell(0, evil, text(evil), source=evil)]
    hostile = run(
        *(1, *cells),
        **{"flags": {evil: evil}, "label": evil, "operation": evil, "tags": [evil]},
        scalars={evil: Scalar(evil, 1.0, 0)},
    )
    made = page_data.page_data([hostile, run(2, *cells, flags={evil: "other"})])
    made_page = "".join(page(*made))
    made_page.encode("utf-8")
    assert "alert(1)</script><!--" not in made_page
    island = made_page.split('id="data">')[1].split("</script>")[0]
    assert json.loads(island)["runs"][1]["label"].startswith("</script><script>alert(1)")


def picture(seed: int, size: tuple[int, int] = (500, 400), mime: str = "png") -> Image:
    """An image of noise: of 60 kB as a PNG."""
    import random

    import PIL.Image

    made = PIL.Image.frombytes("L", (250, 200), random.Random(seed).randbytes(50_000))
    file = io.BytesIO()
    made.resize(size, PIL.Image.Resampling.NEAREST).save(file, mime)
    content = file.getvalue()
    data = base64.b64encode(content).decode()
    return Image(hashlib.sha256(content).hexdigest(), f"image/{mime}", data, len(content))


def shown(image: Image) -> Output:
    return Output("image", "display", "<Figure>", image=image)


def test_large_images_have_thumbnails_that_are_kept(tmp_path: Path):
    import PIL.Image

    large, small = picture(1), picture(2, (20, 10))
    runs = [run(n, cell(0, "Plot", shown(large), shown(small))) for n in range(3)]
    data, originals = page_data.page_data(runs)
    assert list(originals) == [large.digest, small.digest]
    first, second = data["images"]
    assert (first["width"], first["height"], first["bytes"]) == (500, 400, large.size)
    assert (second["width"], second["height"], second["thumb"]) == (20, 10, "")
    head, _, thumb = first["thumb"].partition(",")
    content = base64.b64decode(thumb)
    assert head == "data:image/webp;base64" and len(content) < large.size
    assert PIL.Image.open(io.BytesIO(content)).size == (320, 256)
    kept = [path for path in (tmp_path / "home").rglob("*") if large.digest in path.name]
    assert len(kept) == 1
    kept[0].write_bytes(bytes(images.SIDE**2) + b"kept")
    (again, _) = page_data.page_data(runs)[0]["images"]
    assert again["thumb"] == "data:image/webp;base64," + base64.b64encode(b"kept").decode()
    assert data_of(*runs, live=True)["images"][0]["thumb"] == ""


def test_an_image_is_shown_whatever_it_is():
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'>" + b" " * 20_000 + b"</svg>"
    odd = {
        "image/svg+xml": svg,
        "image/png": b"\x89PNG\r\n\x1a\n" + b"\0" * 20_000,
        "image/jpeg": b"odd" * 10_000,
        "image/gif": b"",
    }
    found = [
        Image(hashlib.sha256(c).hexdigest(), mime, base64.b64encode(c).decode(), len(c))
        for mime, c in odd.items()
    ]
    data = data_of(run(1, *(cell(i, "Plot", shown(image)) for i, image in enumerate(found))))
    assert [each["mime"] for each in data["images"]] == list(odd)
    assert {each["thumb"] for each in data["images"]} == {""}
    assert {thumbnails.size(picture(1, (50, 40), mime)) for mime in ("png", "gif", "jpeg")} == {
        (50, 40)
    }


def test_without_pillow_there_are_originals_alone(monkeypatch: pytest.MonkeyPatch):
    image = picture(1)
    monkeypatch.setattr(images, "pillow", lambda: None)
    (made,) = data_of(run(1, cell(0, "Plot", shown(image))))["images"]
    assert (made["thumb"], made["width"], made["height"]) == ("", 500, 400)


def test_the_address_of_a_report_is_what_the_caller_says():
    made = run(1, report="train.html")
    data = data_of(made, href=lambda each: f"{each.dir}/{each.report}")
    assert data["runs"][0]["report"] == "/runs/1/train.html"


def test_runs_of_two_notebooks_are_two_sections():
    other = dataclasses.replace(
        run(5, cell(0, "Report", text("r"), source="report()")),
        notebook="report.ipynb",
        source_digest="two",
    )
    data = data_of(run(1, cell(0, "Data", text("a"))), other)
    assert [each["notebook"] for each in data["sections"]] == ["report.ipynb", "train.ipynb"]
    assert [each["section"] for each in data["runs"]] == [0, 1]
    assert [(slot["name"], slot["section"]) for slot in data["slots"]] == [
        *(("Report", 0), ("Data", 1)),
    ]


def test_a_run_that_has_not_begun_is_among_those_of_its_operation():
    staged = run(5, notebook="", source_digest="", status="staged", state="staged")
    data = data_of(run(1, cell(0, "Data", text("a"))), staged, href=lambda each: each.notebook)
    assert [each["runs"] for each in data["sections"]] == [[0, 1]]
    assert data["cells"][0][0] == {"hole": "not run yet"}
    assert [each["report"] for each in data["runs"]] == ["", "train.ipynb"]
