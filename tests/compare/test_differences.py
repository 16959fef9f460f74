"""What differs between two runs, and what is the same for a reader."""

from __future__ import annotations

import base64
import datetime
import io
import zlib
from typing import Any

import pytest

from guild_notebook.compare import images
from guild_notebook.compare.differences import between, output_differences
from guild_notebook.compare.model import (
    ERROR,
    FIGURE,
    IMAGE,
    TABLE,
    TEXT,
    Cell,
    Image,
    NumberChange,
    Output,
    OutputDifference,
    Run,
    Scalar,
    Table,
    Tolerance,
)
from guild_notebook.compare.outputs import MOST_TEXT, cell_outputs, image_of
from tests.helpers.growth import check_growth

EXACT = Tolerance()


def text(shown: str, source: str = "stdout") -> Output:
    return Output(TEXT, source, shown)


def difference(before: str, after: str, tolerance: Tolerance = EXACT) -> OutputDifference | None:
    found = output_differences([text(before)], [text(after)], tolerance)
    return found[0] if found else None


def summary(before: str, after: str, tolerance: Tolerance = EXACT) -> str:
    found = difference(before, after, tolerance)
    return found.summary if found else ""


# Texts

SUMMARIES = [
    ("r2 0.3250", "r2 0.3085", "r2 0.3250 → 0.3085"),
    ("r2: 0.3250, mae=3.1", "r2: 0.3085, mae=3.2", "r2 0.3250 → 0.3085, mae 3.1 → 3.2"),
    ("Mean squared error: 0.5", "Mean squared error: 0.6", "Mean squared error 0.5 → 0.6"),
    ("accuracy = 97.5 %", "accuracy = 98 %", "accuracy 97.5 → 98"),
    ("loss -0.5", "loss 0.5", "loss -0.5 → 0.5"),
    ("loss 1e-3", "loss nan", "loss 1e-3 → nan"),
    ("total 1,234", "total 1,235", "total 1,234 → 1,235"),
    ("loss (step 3) = 0.5", "loss (step 3) = 0.6", "loss (step 3) 0.5 → 0.6"),
    ("step 3 loss 0.5", "step 3 loss 0.6", "loss (step 3) 0.5 → 0.6"),
    ("stopped at epoch 3", "stopped at epoch 4", "stopped at epoch 3 → 4"),
    (
        "epoch 1 loss 5\nepoch 2 loss 4",
        "epoch 1 loss 6\nepoch 2 loss 3",
        "loss (epoch 2) 4 → 3 and 1 more",
    ),
    ("a 1\nb 1\nc 1\nd 1", "a 2\nb 2\nc 2\nd 2", "a 1 → 2, b 1 → 2 and 2 more"),
    ("[0.1 0.2]", "[0.1 0.3]", "line 1, number 2 0.2 → 0.3"),
    ("count  10  12.5", "count  10  12.6", "count, number 2 12.5 → 12.6"),
    ("5", "6", "line 1 5 → 6"),
    ("a\nb\nc", "a\nB\nc", "1 line changed"),
    ("a\nb", "a\nb\nc\nd", "2 lines added"),
    ("a\nb\nc", "b\nc", "1 line removed"),
    ("a\nb", "A\nB\nc", "2 lines changed, 1 added"),
    ("version 1.2.3", "version 1.2.4", "1 line changed"),
    ("r2 0.5\nfast", "r2 0.6\nslow", "2 lines changed"),
    ("step #", "step 5", "1 line changed"),
    ("a #", "a 5", "1 line changed"),
    ("# 5", "5 #", "1 line changed"),
    ("n 12345678901234567", "n 12345678901234568", "n 12345678901234567 → 12345678901234568"),
    ("x 1e400", "x 1e500", "x 1e400 → 1e500"),
    ("x 1" + 60 * "0", "x 2" + 60 * "0", f"x 1{38 * '0'}… → 2{38 * '0'}…"),
    ("x 1e9999999999999999999", "x 2", "x 1e9999999999999999999 → 2"),
    ("", "x", ""),
]


@pytest.mark.parametrize("number", range(len(SUMMARIES) - 1))
def test_the_difference_of_two_texts_in_words(number: int):
    before, after, expected = SUMMARIES[number]
    assert summary(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("r2 0.5", "r2 0.5"),
        ("r2   0.5", "r2 0.50 "),
        ("Wall time: 3 s\nr2 0.5", "Wall time: 44 ms\nr2 0.5"),
        ("nan", "nan"),
        ("x nan", "x nan"),
        ("x 1.50e3", "x 1,500"),
        ("x 1e9999999999999999", "x 10e9999999999999998"),
        ("a\n\n", "a"),
    ],
)
def test_a_reader_calls_two_texts_the_same(before: str, after: str):
    assert difference(before, after) is None


def test_numbers_are_the_same_within_the_tolerance():
    assert summary("x 1.0", "x 1.01", Tolerance(relative=0.02)) == ""
    assert summary("x 1.0", "x 1.01", Tolerance(absolute=0.02)) == ""
    assert summary("x 1.0", "x 1.01", Tolerance(0.001, 0.001)) == "x 1.0 → 1.01"
    assert summary("a 1.0\nb 2", "a 1.01\nb 3", Tolerance(0.02)) == "b 2 → 3"
    assert summary("x inf", "x 1e300", Tolerance(0.5)) == "x inf → 1e300"
    assert summary("x nan", "x 1.0", Tolerance(0.5)) == "x nan → 1.0"
    assert summary("n 12345678901234567890", "n 12345678901234567891", Tolerance()) != ""


def test_numbers_are_named_by_what_stands_before_them_and_their_step():
    before = "Epoch 1/2\n5/5 ━━ 1s 12ms/step - loss: 0.5\nEpoch 2/2\n5/5 ━━ 0s 9ms/step - loss: 0.4"
    after = "Epoch 1/2\n5/5 ━━ 0s 13ms/step - loss: 0.6\nEpoch 2/2\n5/5 ━━ 0s 7ms/step - loss: 0.3"
    found = difference(before, after)
    assert found is not None
    assert found.numbers == [
        NumberChange("loss (epoch 1)", "0.5", "0.6"),
        NumberChange("loss (epoch 2)", "0.4", "0.3"),
    ]
    assert found.lines == []
    assert found.amount == 0.5


def test_lines_are_a_unified_difference_where_more_than_numbers_differ():
    before = "start\nWall time: 3 s\nfit A\nr2 0.5\nend"
    found = difference(before, "start\nWall time: 5 s\nfit B\nr2 0.6\nend")
    assert found is not None
    assert found.numbers == []
    assert found.lines == [
        "@@ -1,5 +1,5 @@",
        " start",
        " Wall time: 5 s",
        "-fit A",
        "-r2 0.5",
        "+fit B",
        "+r2 0.6",
        " end",
    ]
    assert found.amount == 0.4


def test_a_log_that_ended_earlier_has_lines_removed():
    log = [f"epoch {n} loss {1 / n:.4f}" for n in range(1, 101)]
    assert summary("\n".join(log), "\n".join(log[:80])) == "20 lines removed"


def test_an_extra_warning_does_not_shift_what_comes_after():
    before = [text("a 1\n"), Output(IMAGE, "display", image=png(1)), text("r2 0.5", "result")]
    after = [text("careful", "stderr"), *before[:2], text("r2 0.6", "result")]
    assert [each.summary for each in output_differences(before, after)] == [
        "1 line of stderr added",
        "r2 0.5 → 0.6",
    ]


def test_an_output_that_is_inserted_is_the_one_that_was_added():
    shown = [text(f"value {n} is here", "display") for n in "abc"]
    found = output_differences([shown[0], shown[2]], shown)
    assert [(each.before, each.after, each.summary) for each in found] == [
        (None, shown[1], "1 line added")
    ]
    (found,) = output_differences(shown, shown[:2])
    assert (found.after, found.summary, found.amount) == (None, "1 line removed", 1.0)
    assert found.lines == ["@@ removed @@", "-value c is here"]


# Tables


def test_a_text_that_differs_behind_what_is_kept_of_it_is_not_the_same():
    def printed(last: str) -> list[Output]:
        lines = ["a line\n"] * (MOST_TEXT // 4) + [last]
        return cell_outputs({"outputs": [{"output_type": "stream", "text": lines}]})

    assert output_differences(printed("r2 0.5"), printed("r2 0.5")) == []
    assert output_differences(printed("Wall time: 3 s"), printed("Wall time: 4 s")) == []
    (found,) = output_differences(printed("r2 0.5"), printed("r2 0.6"))
    assert found.summary == "text changed beyond 200,000 characters"


def table(rows: list[list[str]], columns: list[str], index: int = 0) -> Output:
    return Output(TABLE, "result", "", Table(columns, rows, index))


def table_difference(before: Output, after: Output, tolerance: Tolerance = EXACT) -> Any:
    found = output_differences([before], [after], tolerance)
    return found[0] if found else None


PRICES = [["0", "apple", "1.5"], ["1", "pear", "2.5"], ["2", "plum", "3.5"]]
COLUMNS = ["", "fruit", "price"]


def changed(row: int, column: int, value: str) -> list[list[str]]:
    rows = [list(each) for each in PRICES]
    rows[row][column] = value
    return rows


def test_a_cell_of_a_table_is_named_by_its_row_and_column():
    found = table_difference(table(PRICES, COLUMNS, 1), table(changed(2, 2, "4"), COLUMNS, 1))
    assert found.summary == "row 2, price 3.5 → 4"
    assert found.numbers == [NumberChange("row 2, price", "3.5", "4")]
    assert found.lines == ()
    assert found.amount == pytest.approx(1 / 9)


def test_without_an_index_a_row_is_named_by_its_place():
    rows = [row[1:] for row in PRICES]
    other = [row[1:] for row in changed(2, 2, "4")]
    found = table_difference(table(rows, COLUMNS[1:]), table(other, COLUMNS[1:]))
    assert found.summary == "row 3, price 3.5 → 4"


def test_numbers_in_a_table_are_the_same_within_the_tolerance():
    pair = table(PRICES, COLUMNS, 1), table(changed(2, 2, "3.5001"), COLUMNS, 1)
    assert table_difference(*pair, Tolerance(0.001)) is None
    assert table_difference(*pair).summary == "row 2, price 3.5 → 3.5001"


def test_a_sign_in_a_table_is_not_a_number():
    pair = table(changed(1, 1, "pear #"), COLUMNS, 1), table(changed(1, 1, "pear 5"), COLUMNS, 1)
    assert table_difference(*pair).summary == "1 cell of the table changed"


def test_a_text_in_a_table_is_in_a_unified_difference():
    found = table_difference(table(PRICES, COLUMNS, 1), table(changed(1, 1, "fig"), COLUMNS, 1))
    assert found.summary == "1 cell of the table changed"
    assert "-1 | pear | 2.5" in found.lines
    assert "+1 | fig | 2.5" in found.lines


def test_rows_and_columns_that_one_table_has_alone_are_counted():
    before, after = table(PRICES, COLUMNS, 1), table(PRICES[:2], COLUMNS, 1)
    assert table_difference(before, after).summary == "1 row removed"
    assert table_difference(after, before).summary == "1 row added"
    narrow = table([row[:2] for row in PRICES], COLUMNS[:2], 1)
    assert table_difference(before, narrow).summary == "column price removed"
    more = [["0", "a", "1"], *PRICES[1:], ["3", "fig", "1"]]
    found = table_difference(before, table(more, COLUMNS, 1))
    assert found.summary == "2 cells of the table changed, 1 row added"


def test_a_row_that_is_inserted_is_known_by_its_index():
    rows = [["a", "1"], ["b", "2"], ["c", "3"]]
    before = table([rows[0], rows[2]], ["", "n"], 1)
    assert table_difference(before, table(rows, ["", "n"], 1)).summary == "1 row added"


def test_rows_of_an_index_that_only_one_table_has_twice_stay_the_same():
    before = table([["a", "1"], ["b", "2"]], ["", "n"], 1)
    after = table([["a", "1"], ["b", "2"], ["b", "2"]], ["", "n"], 1)
    assert table_difference(before, after).summary == "1 row added"


def test_columns_of_times_are_not_compared():
    before, after = (table([["0.5", seconds]], ["score", "fit_time"]) for seconds in ("1.5", "1.7"))
    assert table_difference(before, after) is None


# Images


def png(grey: int, size: tuple[int, int] = (64, 64), box: int = 0, **options: Any) -> Image:
    """An image of one grey, with a white square in its corner."""
    pillow = pytest.importorskip("PIL.Image")
    made = pillow.new("RGB", size, (grey, grey, grey))
    made.paste((255, 255, 255), (0, 0, box, box))
    file = io.BytesIO()
    made.save(file, "PNG", **options)
    image = image_of("image/png", base64.b64encode(file.getvalue()).decode())
    assert image
    return image


def shown(image: Image) -> Output:
    return Output(IMAGE, "display", "<Figure>", image=image)


def image_difference(before: Image, after: Image) -> OutputDifference | None:
    found = output_differences([shown(before)], [shown(after)])
    return found[0] if found else None


def test_the_share_of_pixels_that_changed_is_said():
    found = image_difference(png(0, box=0), png(0, box=22))
    assert found is not None
    assert found.summary == "plot changed (12 % of pixels)"
    assert found.amount == pytest.approx(0.118, abs=0.01)


def test_a_change_that_is_hardly_seen_is_one():
    found = image_difference(png(100), png(101))
    assert found is not None
    assert found.summary == "plot changed (under 1 % of pixels)"


def test_images_of_another_size_are_compared():
    found = image_difference(png(0), png(0, (128, 64)))
    assert found is not None
    assert image_difference(png(0), png(255, (128, 64))).summary == "plot changed (100 % of pixels)"  # type: ignore[union-attr]


def test_the_same_pixels_in_other_bytes_are_the_same():
    pytest.importorskip("PIL.PngImagePlugin")
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Creation Time", "2026-11-27T12:00:00")
    plain, dated, packed = (
        png(9, box=9),
        png(9, box=9, pnginfo=info),
        png(9, box=9, compress_level=1),
    )
    assert len({plain.digest, dated.digest, packed.digest}) == 3
    assert image_difference(plain, dated) is None
    assert image_difference(plain, packed) is None


@pytest.fixture
def without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "pillow", lambda: None)
    monkeypatch.setattr(images, "_FOUND", {})


@pytest.mark.usefixtures("without_pillow")
def test_without_pillow_images_are_compared_by_what_they_hold_beside_metadata(
    monkeypatch: pytest.MonkeyPatch,
):
    def made(grey: int, date: bytes) -> Image:
        def chunk(kind: bytes, data: bytes) -> bytes:
            crc = zlib.crc32(kind + data).to_bytes(4, "big")
            return len(data).to_bytes(4, "big") + kind + data + crc

        parts = (b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0"), (b"tEXt", b"Date\0" + date)
        data = zlib.compress(bytes([0, grey]))
        raw = b"".join(
            [b"\x89PNG\r\n\x1a\n", *(chunk(*p) for p in (*parts, (b"IDAT", data), (b"IEND", b"")))]
        )
        image = image_of("image/png", base64.b64encode(raw).decode())
        assert image
        return image

    assert image_difference(made(1, b"now"), made(1, b"then")) is None
    found = image_difference(made(1, b"now"), made(2, b"now"))
    assert found is not None
    assert (found.summary, found.amount) == ("plot changed", 1.0)


def svg(source: str) -> Image:
    image = image_of("image/svg+xml", source)
    assert image
    return image


def test_svgs_that_differ_in_random_ids_and_dates_are_the_same():
    def made(id_: str, date: str, y: int) -> Image:
        return svg(
            f"<svg><metadata><dc:date>{date}</dc:date></metadata>\n<defs>\n"
            f'<clipPath id="p{id_}"/></defs>\n<g clip-path="url(#p{id_})"><use href="#m{id_}"/>\n'
            f'<path d="M 0 {y}"/></g></svg>'
        )

    before = made("0123456789", "2026-11-27", 1)
    assert image_difference(before, made("abcdef0123", "2026-11-28", 1)) is None
    found = image_difference(before, made("abcdef0123", "2026-11-28", 2))
    assert found is not None
    assert found.summary == "plot changed"
    assert found.amount == 1


def test_plots_of_matplotlib_drawn_twice_are_the_same():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    def drawn(kind: str, last: int) -> Image:
        figure, axes = plt.subplots()
        axes.plot([1, 2, last])
        axes.imshow([[1, 2], [3, 4]])
        axes.fill_between([0, 1], [1, 2], hatch="/")
        file = io.BytesIO()
        figure.savefig(file, format=kind)
        plt.close(figure)
        content = file.getvalue()
        plain = content.decode() if kind == "svg" else base64.b64encode(content).decode()
        image = image_of({"svg": "image/svg+xml", "png": "image/png"}[kind], plain)
        assert image
        return image

    one, two, other = drawn("svg", 3), drawn("svg", 3), drawn("svg", 4)
    assert one.digest != two.digest
    assert image_difference(one, two) is None
    assert image_difference(one, other) is not None
    assert image_difference(drawn("png", 3), drawn("png", 3)) is None
    assert image_difference(drawn("png", 3), drawn("png", 4)) is not None


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", b"no image at all", b"GIF89a\xff\xff\xff\xff"]
)
def test_images_that_are_broken_differ_by_their_content(content: bytes):
    before, after = (
        image_of("image/png", base64.b64encode(content + end).decode()) for end in (b"1", b"2")
    )
    assert before
    assert after
    found = image_difference(before, after)
    assert found is not None
    assert (found.summary, found.amount) == ("plot changed", 1.0)


def test_an_animation_that_breaks_off_after_its_first_image_differs():
    pillow = pytest.importorskip("PIL.Image")
    contents = []
    for count in (2, 3):
        frames = [pillow.new("L", (20, 20), 50 + number) for number in range(count)]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        whole = file.getvalue()
        contents.append(whole[: whole.rindex(b",") + 6] + b"," * count)
    made = [image_of("image/gif", base64.b64encode(content).decode()) for content in contents]
    assert made[0] and made[1] and images.image_change(made[0], made[1])


def test_an_image_of_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    found = image_difference(png(41), png(42))
    assert found is not None
    assert found.summary == "plot changed"


# Errors and figures


def error(name: str, message: str, traceback: str = "") -> Output:
    return Output(ERROR, "display", traceback, name=name, message=message)


def error_summary(before: Output, after: Output) -> str:
    return "; ".join(each.summary for each in output_differences([before], [after]))


def test_errors_are_compared_by_name_message_and_traceback():
    one = error("ValueError", "bad 1")
    assert (
        error_summary(one, error("ValueError", "bad 2")) == "ValueError: bad 1 → ValueError: bad 2"
    )
    assert error_summary(one, error("KeyError", "x")) == "ValueError: bad 1 → KeyError: x"
    assert (
        error_summary(error("E", "x", "in f"), error("E", "x", "in g")) == "traceback of E changed"
    )
    assert [each.summary for each in output_differences([], [one])] == ["ValueError: bad 1 added"]


def test_a_traceback_is_the_same_at_other_lines_and_addresses():
    def traceback(cell: int, line: int, address: str) -> str:
        return (
            "-------\nValueError        Traceback (most recent call last)\n"
            f"Cell In[{cell}], line {line}\n      {line - 1} x = 1\n----> {line} f(x)\n\n"
            f"File /home/a{cell}/m.py:{line}, in f(x)\n     {line} raise ValueError(x)\n"
            f"ValueError: <object at 0x{address}>"
        )

    before = error("ValueError", "<object at 0x7f1234567890>", traceback(3, 7, "7f1234567890"))
    after = error("ValueError", "<object at 0x7f9999999999>", traceback(5, 12, "7f9999999999"))
    assert error_summary(before, after) == ""


def test_figures_are_compared_by_their_texts():
    before, after = (Output(FIGURE, "display", f'{{"y": [{n}]}}') for n in (1, 2))
    (found,) = output_differences([before], [after])
    assert (found.summary, found.kind, found.amount) == ("figure changed", FIGURE, 1.0)
    assert output_differences([before], [before]) == []


# Runs


def cell(
    index: int, source: str, *outputs: Output, state: str = "completed", kind: str = "code"
) -> Cell:
    return Cell(
        index, kind, f"cell [{index}]", source, source, source, state=state, outputs=outputs
    )


def run(name: str, *cells: Cell, **fields: Any) -> Run:
    started = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.timezone.utc)
    return Run(
        name, f"/runs/{name}", cells=cells, **{"status": "completed", "started": started, **fields}
    )


def test_flags_and_scalars_that_differ_are_named():
    def scalars(**values: float) -> dict[str, Scalar]:
        return {name: Scalar(name, value, 0) for name, value in values.items()}

    nan = float("nan")
    before = run(
        "a",
        flags={"lr": 0.1, "same": 1, "old": 2, "on": True, "nan": nan},
        scalars=scalars(loss=1.0, r2=0.5, bad=nan, fit_time=3.0, gone=1.0),
    )
    after = run(
        "b",
        flags={"lr": 0.2, "same": 1, "new": 2, "on": 1, "nan": nan},
        scalars=scalars(loss=1.001, r2=0.5, bad=nan, fit_time=4.0, come=1.0),
    )
    found = between(before, after)
    assert found.flags == ["lr", "old", "on", "new"]
    assert found.scalars == ["loss", "gone", "come"]
    assert between(before, after, Tolerance(0.01)).scalars == ["gone", "come"]
    assert not found.is_same


def test_a_run_is_the_same_as_itself():
    one = run("a", cell(0, "x", text("1")), flags={"x": 1})
    found = between(one, one)
    assert found.is_same
    assert (found.flags, found.scalars, [each.is_same for each in found.cells]) == ([], [], [True])


def test_cells_of_both_runs_are_there_in_order():
    before = run("a", cell(0, "load(1)"), cell(1, "fit(data)", text("r2 0.5")), cell(2, "plot()"))
    after = run(
        "b",
        cell(0, "load(1)"),
        cell(1, "fit(data)", text("r2 0.6")),
        cell(2, "report(model, data)"),
    )
    found = between(before, after).cells
    assert [(each.name, bool(each.before), bool(each.after), each.hole) for each in found] == [
        ("load(1)", True, True, ""),
        ("fit(data)", True, True, ""),
        ("report(model, data)", False, True, "not in this notebook"),
        ("plot()", True, False, "not in this notebook"),
    ]
    assert [each.summary for each in found[1].outputs] == ["r2 0.5 → 0.6"]


def test_a_source_that_was_edited_is_not_a_difference_of_what_came_out():
    found = between(
        run("a", cell(0, "x = fit(1)", text("1"))), run("b", cell(0, "x = fit(2)", text("1")))
    )
    assert [(each.is_source_changed, each.is_same) for each in found.cells] == [(True, True)]
    assert found.is_same


def test_text_that_one_notebook_has_alone_is_a_change_of_source():
    note = cell(1, "# Note", kind="markdown", state="")
    found = between(run("a", cell(0, "x = 1")), run("b", cell(0, "x = 1"), note))
    assert [(each.is_source_changed, each.is_same) for each in found.cells] == [
        (False, True),
        (True, True),
    ]


def test_what_did_not_run_is_a_hole_that_says_why():
    failed = run(
        *(
            "a",
            cell(0, "fit()", error("E", "x"), state="failed"),
            cell(1, "plot()", state="not run"),
        ),
        state="failed",
        status="error",
        failed_cell=0,
    )
    fine = run("b", cell(0, "fit()"), cell(1, "plot()", Output(IMAGE, "display", image=png(1))))
    first, second = between(failed, fine).cells
    assert first.is_state_changed
    assert [each.summary for each in first.outputs] == ["E: x removed"]
    assert (second.before, second.hole) == (None, "not run: failed in fit()")
    assert second.after is fine.cells[1]
    assert second.outputs == []
    assert not second.is_same


def test_what_was_not_to_run_is_a_hole():
    one = run("a", cell(0, "fit()"), cell(1, "plot()", text("1")))
    two = run("b", cell(0, "fit()"), cell(1, "plot()", state=""))
    second = between(one, two).cells[1]
    assert (second.before, second.after, second.hole) == (one.cells[1], None, "not to run")


def test_what_did_not_run_in_either_run_is_the_same():
    runs = [
        run(n, cell(0, "fit()", state="failed"), cell(1, "plot()", state="not run"), failed_cell=0)
        for n in "ab"
    ]
    assert [each.is_same for each in between(*runs).cells] == [True, True]


def test_the_runs_own_dates_and_folders_are_masked():
    now = datetime.datetime(2026, 11, 27, 12, tzinfo=datetime.timezone.utc)
    later = now + datetime.timedelta(days=9)
    one = run("aaaaaaaaaa", cell(0, "x", text("2026-11-27 in /runs/aaaaaaaaaa")), started=now)
    two = run("bbbbbbbbbb", cell(0, "x", text("2026-12-06 in /runs/bbbbbbbbbb")), started=later)
    assert between(one, two).is_same


def test_runs_of_other_notebooks_have_all_cells_of_both():
    one = run("a", cell(0, "import os"), notebook="a.ipynb")
    two = run("b", cell(0, "!ls"), notebook="b.ipynb")
    assert {each.hole for each in between(one, two).cells} == {"not in this notebook"}


@pytest.mark.parametrize(
    "kind", ["numbers", "numbers of a line", "words", "both shifted", "all of one shape"]
)
def test_texts_are_compared_in_linear_time(kind: str):
    def made(n: int) -> tuple[str, str]:
        if kind == "numbers":
            return tuple("\n".join(f"step {i} loss {i * k}" for i in range(n)) for k in (1, 2))  # type: ignore[return-value]
        if kind == "words":
            return tuple("\n".join(f"{word} {word * (i % 7)}" for i in range(n)) for word in "ab")  # type: ignore[return-value]
        if kind == "numbers of a line":
            return "1 " * n, "2 " * n
        lines = [f"{'x' if kind != 'both shifted' else chr(97 + i % 26)} {i}" for i in range(n)]
        return "\n".join(["first", *lines]), "\n".join([*lines, "last"])

    least = 3_000 if kind == "numbers of a line" else 200
    check_growth(lambda pair: difference(*pair), made, least)
