"""Outputs of a notebook as data, and what a reader calls unchanged in their texts."""

from __future__ import annotations

import base64
import datetime
import hashlib
from typing import Any

import pytest

from guild_notebook.compare.html_tables import MOST_CELLS, page_of
from guild_notebook.compare.model import ERROR, FIGURE, IMAGE, TABLE, TEXT, Output, Run, Table
from guild_notebook.compare.outputs import MOST_TEXT, cell_outputs, shown
from guild_notebook.compare.volatile import Mask, is_duration
from tests.helpers.growth import check_growth

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and more").decode()


def stream(text: Any, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Any) -> dict[str, Any]:
    """A display of contents by names of MIME types with ``_`` for ``/``."""
    bundle = {name.replace("_", "/", 1): content for name, content in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def result(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


def outputs(*outputs: Any) -> list[Output]:
    return cell_outputs({"cell_type": "code", "outputs": list(outputs)})


def one(*given: Any) -> Output:
    (output,) = outputs(*given)
    return output


def test_what_is_printed_is_one_text_until_something_is_shown():
    made = outputs(
        stream("a\n"),
        stream(["b\n", "c\n"]),
        stream("careful\n", "stderr"),
        stream("d\n"),
        display(text_plain="shown"),
        stream("e\n"),
    )
    assert made == [
        Output(TEXT, "stdout", "a\nb\nc\nd\n"),
        Output(TEXT, "stderr", "careful\n"),
        Output(TEXT, "display", "shown"),
        Output(TEXT, "stdout", "e\n"),
    ]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("10 %\r50 %\r100 %\n", "100 %\n"),
        ("abc\b\bX\n", "aXc\n"),
        ("a\tb", "a\tb"),
        ("first\n\x1b[1Asecond\n", "second\n"),
        (
            "  5/10 [=====>    ]\r 10/10 [==========] - loss: 0.5\n",
            " 10/10 [==========] - loss: 0.5\n",
        ),
        ("ünïcode ✓", "ünïcode ✓"),
    ],
)
def test_text_is_what_a_terminal_would_have_left(text: str, left: str):
    assert one(stream(text)).text == left


def test_a_progress_bar_is_its_last_state():
    bar = "".join(
        f"\r{n * 10:3}%|{'█' * n:<10}| {n}/10 [00:0{n}<00:00, 9.{n}it/s]" for n in range(10)
    )
    assert (
        one(stream(bar + "\n", "stderr")).text == " 90%|█████████ | 9/10 [00:09<00:00, 9.9it/s]\n"
    )


def test_a_text_without_anything_to_see_is_not_an_output():
    assert outputs(stream(" \n"), stream("\x1b[0m"), display(text_plain="")) == []


def test_a_long_text_is_cut_at_a_line():
    output = one(stream("line\n" * MOST_TEXT))
    assert output.is_cut
    assert output.text == "line\n" * (MOST_TEXT // 5)
    assert one(stream("x" * (MOST_TEXT + 1))).text == "x" * MOST_TEXT
    assert not one(stream("x" * MOST_TEXT)).is_cut


def test_an_error_has_its_name_its_message_and_a_traceback_without_colours():
    error = {
        "output_type": "error",
        "ename": "ValueError",
        "evalue": "bad \x1b[1mvalue\x1b[0m",
        "traceback": ["\x1b[31mValueError\x1b[0m  Traceback", "line 2"],
    }
    expected = Output(ERROR, "display", "ValueError  Traceback\nline 2", name="ValueError")
    assert one(error) == Output(
        expected.kind, expected.source, expected.text, name="ValueError", message="bad value"
    )


def test_of_an_output_in_several_types_the_best_is_taken():
    image = one(display(text_html="<b>x</b>", image_png=PNG, text_plain="<Figure size 1x1>"))
    assert (image.kind, image.text) == (IMAGE, "<Figure size 1x1>")
    table = one(
        result({"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "   0\n0  1"})
    )
    assert (table.kind, table.source, table.text) == (TABLE, "result", "   0\n0  1")
    text = one(display(text_html="<b>bold</b>", text_plain="'bold'"))
    assert (text.kind, text.text) == (TEXT, "'bold'")


def test_an_image_is_known_by_its_content():
    output = one(display(image_png=[PNG[:8] + "\n", PNG[8:] + "\n"]))
    content = base64.b64decode(PNG)
    assert output.image is not None
    assert output.image.digest == hashlib.sha256(content).hexdigest()
    assert (output.image.mime, output.image.data, output.image.size) == (
        "image/png",
        PNG,
        len(content),
    )


def test_an_svg_is_text_in_a_notebook_and_base64_here():
    output = one({"output_type": "display_data", "data": {"image/svg+xml": ["<svg>", "</svg>"]}})
    assert output.image is not None
    assert base64.b64decode(output.image.data) == b"<svg></svg>"


def test_an_image_in_html_is_an_image():
    html = f"<div><img src='data:image/png;base64,{PNG}'></div>"
    assert one(display(text_html=html)).kind == IMAGE


def test_an_image_that_cannot_be_read_is_its_text():
    assert one(display(image_png="no base64!", text_plain="<Figure>")) == Output(
        TEXT, "display", "<Figure>"
    )


def test_html_without_a_better_text_is_its_text():
    html = "<style>b {}</style><h3>Title</h3><p>One &amp; <b>two</b></p><script>1</script>"
    output = one(display(text_html=html, text_plain="<IPython.core.display.HTML object>"))
    assert [line for line in output.text.split("\n") if line] == ["Title", "One & two"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            {"text/markdown": "**x**", "text/plain": "<IPython.core.display.Markdown object>"},
            "**x**",
        ),
        ({"text/latex": "$x$", "text/plain": "x"}, "x"),
        ({"application/json": {"b": 1, "a": [2]}}, '{\n "a": [\n  2\n ],\n "b": 1\n}'),
        ({"text/plain": "Figure of a thing"}, "Figure of a thing"),
        (
            {
                "application/vnd.jupyter.widget-view+json": {"model_id": "abc"},
                "text/plain": "IntSlider(value=7)",
            },
            "IntSlider(value=7)",
        ),
    ],
)
def test_other_types_are_texts(data: dict[str, Any], text: str):
    assert one(result(data)) == Output(TEXT, "result", text)


def test_the_first_state_of_a_bar_that_is_a_widget_is_not_shown():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "abc"}}
    bar = "epochs:   0%|          | 0/5 [00:00<?, ?it/s]"
    assert outputs(result({**widget, "text/plain": bar})) == []


FIGURES = {
    "Plotly": {"application/vnd.plotly.v1+json": {"data": [{"y": [1, 2], "uid": "1" * 32}]}},
    "Vega": {"application/vnd.vegalite.v5+json": {"mark": "point"}, "text/plain": "alt.Chart(...)"},
    "Plotly in HTML": {"text/html": "<div id='x'></div><script>Plotly.newPlot('x')</script>"},
    "a script": {"application/javascript": "draw()"},
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_a_script_is(name: str):
    assert (
        one(display(**{k.replace("/", "_", 1): v for k, v in FIGURES[name].items()})).kind == FIGURE
    )


def test_a_figure_with_an_image_beside_it_is_the_image():
    data = {"application/vnd.plotly.v1+json": {"data": []}, "image/png": PNG}
    assert one(result(data)).kind == IMAGE


def test_figures_that_differ_in_random_ids_alone_have_one_text():
    def figure(uid: str, y: int) -> str:
        trace = {"y": [y], "uid": uid, "name": "a"}
        return one(result({"application/vnd.plotly.v1+json": {"data": [trace]}})).text

    assert figure("0a" * 16, 1) == figure("1b" * 16, 1)
    assert figure("0a" * 16, 1) != figure("0a" * 16, 2)


def test_large_figures_differ_wherever_they_do():
    def figure(last: int) -> Output:
        data = {"data": [{"y": [*range(MOST_TEXT // 4), last]}]}
        return one(result({"application/vnd.plotly.v1+json": data}))

    assert figure(1).is_cut
    assert figure(1) == figure(1) != figure(2)


def test_what_loads_a_library_is_not_an_output():
    loading = {"application/vnd.bokehjs_load.v0+json": "", "application/javascript": "load()"}
    logo = '<div><a href="#" class="bk-notebook-logo"></a>Loading BokehJS ...</div>'
    assert outputs(result(loading), result({"text/html": logo})) == []


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"outputs": None},
        {"outputs": {"a": 1}},
        {"outputs": [None, 1, "x", [], {}, {"output_type": 5}]},
        {"outputs": [{"output_type": "display_data", "data": [1]}]},
        {"outputs": [{"output_type": "display_data", "data": {"image/png": {"a": 1}}}]},
        {"outputs": [{"output_type": "stream", "text": None, "name": 3}]},
    ],
)
def test_what_is_not_an_output_is_left_out_or_its_text(cell: dict[str, Any]):
    assert [output.kind for output in cell_outputs(cell)] in ([], [TEXT])


def test_json_that_is_nested_very_deep_is_a_text():
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    assert one(result({"application/json": nested})).kind == TEXT


# Tables


def table(html: str) -> Table:
    (found,) = page_of(html).tables
    return found


def test_a_table_of_pandas_has_its_index_columns():
    pd = pytest.importorskip("pandas")
    index = pd.MultiIndex.from_product([["k", "l"], ["p", "q"]], names=["K", "L"])
    frame = pd.DataFrame(
        {("a", "x"): [1, 2, 3, 4], ("a", "y"): [0.5, None, 2, 3], ("b", ""): list("uvwx")},
        index=index,
    )
    assert table(frame._repr_html_()) == Table(
        ["K", "L", "a / x", "a / y", "b"],
        [
            ["k", "p", "1", "0.5", "u"],
            ["k", "q", "2", "NaN", "v"],
            ["l", "p", "3", "2.0", "w"],
            ["l", "q", "4", "3.0", "x"],
        ],
        2,
    )


def test_a_table_of_pandas_is_that_of_its_style():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("jinja2")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    plain, styled = table(frame._repr_html_()), table(frame.style.to_html())
    assert plain == styled == Table(["", "a", "b"], [["0", "1", "x"], ["1", "2", "y"]], 1)


def test_a_table_of_polars_names_types_below_its_columns():
    html = (
        '<div><style>.dataframe {}</style><small>shape: (1, 2)</small><table border="1" class='
        '"dataframe"><thead><tr><th>a</th><th>b</th></tr><tr><td>i64</td><td>str</td></tr></thead>'
        "<tbody><tr><td>1</td><td>&quot;x&quot;</td></tr></tbody></table></div>"
    )
    assert table(html) == Table(["a / i64", "b / str"], [["1", '"x"']])


@pytest.mark.parametrize(
    ("html", "columns", "rows"),
    [
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", ["a", "b"], [["1", "2"]]),
        ("<table><tr><td>1<td>2</table>", ["", ""], [["1", "2"]]),
        ("<table><tr><td rowspan=2>1<td>2<tr><td>3</table>", ["", ""], [["1", "2"], ["1", "3"]]),
        ("<table><tr><td colspan=2>1<tr><td>2<td>3</table>", ["", ""], [["1", "1"], ["2", "3"]]),
        ("<table><tr><td>1<td>2<tr><td>3</table>", ["", ""], [["1", "2"], ["3", ""]]),
        ("<table><tr><td>a<table><tr><td>b</table>c</table>", [""], [["a bc"]]),
        ("<table><tr><td> a <br> b </table>", [""], [["a b"]]),
        ("<table><tr><td>1", [""], [["1"]]),
    ],
)
def test_a_table_of_others_is_read(html: str, columns: list[str], rows: list[list[str]]):
    assert table(html) == Table(columns, rows)


def test_a_span_of_all_does_not_make_a_table_large():
    html = "<table>" + "<tr><td colspan=999999 rowspan=999999>x" * 200 + "</table>"
    found = table(html)
    assert found.is_cut
    assert sum(map(len, found.rows)) <= MOST_CELLS


def test_a_long_text_that_spans_all_does_not_make_a_table_large():
    rows = "<tr><td>1</tr>" + "<tr><td colspan=500 rowspan=500>" + "x" * 100_000 + "</tr>" * 100
    found = table(f"<table>{rows}")
    assert found.is_cut
    assert found.rows == [["1"]]


def test_html_with_several_tables_is_a_text():
    html = "<table><tr><td>1</table><table><tr><td>2</table>"
    assert one(result({"text/html": html, "text/plain": "1 and 2"})) == Output(
        TEXT, "result", "1 and 2"
    )


@pytest.mark.parametrize("part", ["<!", "<!-- ", "<a b='", "</", "<![x[", "<script>", "&"])
def test_html_that_is_not_closed_is_read_in_linear_time(part: str):
    check_growth(page_of, lambda n: "<table><tr><td>1</table>" + part * n, 5_000)


@pytest.mark.parametrize("part", ["<![x[ y ]]>", "<![if !mso]>", "<!ELEMENT x>", "<?x?>"])
def test_declarations_in_html_are_not_seen(part: str):
    page = page_of(f"{part}<table><tr><td>1</table>a &lt; b")
    assert (page.text, page.tables) == ("a < b", [Table([""], [["1"]])])


def test_tables_are_read_in_linear_time():
    check_growth(page_of, lambda n: "<table><tr>" + "<td rowspan=3>1</td></tr><tr>" * n, 300)


def test_long_texts_are_read_in_linear_time():
    check_growth(shown, lambda n: "\x1b[1mx\r" * n + "\x1b[" * n, 2_000)


# What a reader calls unchanged

NOON = datetime.datetime(2026, 11, 27, 12, 0, tzinfo=datetime.timezone.utc)
RUN = Run("5f" * 16, "/home/guild/runs/" + "5f" * 16, started=NOON, seconds=60)

SAME = [
    ("<a.B object at 0x7f12ab34cd90>", "<a.B object at 0x10e3a4c50>"),
    (
        "[<matplotlib.lines.Line2D at 0x7f12ab34cd90>]",
        "[<matplotlib.lines.Line2D at 0x7f12ab34ee90>]",
    ),
    ("Wall time: 3.2 s", "Wall time: 812 ms"),
    (
        "CPU times: user 1.2 s, sys: 20 ms, total: 1.22 s",
        "CPU times: user 2 s, sys: 1 ms, total: 2 s",
    ),
    ("3.2 µs ± 12 ns per loop (mean)", "4 µs ± 1.2 µs per loop (mean)"),
    ("100%|███| 10/10 [00:01<00:00,  9.50it/s]", "100%|███| 10/10 [00:20<00:00,  1.50s/it]"),
    ("5/5 ━━━━ 1s 12ms/step - loss: 0.5", "5/5 ━━━━ 0s 8ms/step - loss: 0.5"),
    ("9/10 [00:01<00:00, 9.50 url/s]", "9/10 [00:02<00:01, 4.1 url/s]"),
    ("time: 3.2 loss: 0.5, took 5", "time: 4 loss: 0.5, took 7.1"),
    ("Trained in 3.2 s", "Trained in 3.45 s"),
    ("--- 3.21 seconds ---", "--- 11.4 seconds ---"),
    ("Elapsed: 3.21", "Elapsed: 3.4"),
    ("training time (s): 3.2", "training time (s): 4"),
    ("{'fit_time': 0.31, 'score': 0.5}", "{'fit_time': 0.4, 'score': 0.5}"),
    ("ETA: 0:00:10", "ETA: 0:01:12"),
    ("downloaded at 12.5 MB/s", "downloaded at 9.1 MB/s"),
    ("at 08:00:12", "at 17:31:09"),
    ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174fff"),
    ("/tmp/tmpab12cd_9/x.csv", "/tmp/tmpzz12cd_8/x.csv"),
    ("/tmp/ipykernel_21/345.py:3: UserWarning: x", "/tmp/ipykernel_99/177.py:3: UserWarning: x"),
    ("http://127.0.0.1:8050/", "http://127.0.0.1:43211/"),
    (f"saved to {RUN.dir}/model", f"saved to {RUN.dir}/model"),
    ("2026-11-27 12:00:12,123 INFO x", "2026-11-27 12:00:14,001 INFO x"),
    ("Date: Fri, 27 Nov 2026", "Date: Sat, 28 Nov 2026"),
    ("Fri Nov 27 08:00:11 2026", "Fri Nov 27 09:12:11 2026"),
    ("out_20261127_120012.csv", "out_20261127_120114.csv"),
    ("27/11/2026", "28/11/2026"),
    ("1795780800.53", "1795780850.1"),
]


@pytest.mark.parametrize("number", range(len(SAME)))
def test_a_reader_calls_unchanged(number: int):
    before, after = SAME[number]
    assert Mask(RUN)(before) == Mask(RUN)(after)
    assert "«" in Mask(RUN)(before)


@pytest.mark.parametrize(
    "text",
    [
        "r2 0.3250",
        "period: 3.2 s",
        "2020-01-01 10:20:30  5.0",
        "version 1.2.3",
        "x = 0xff",
        "shape (1797, 64)",
        "eta 0.1",
        "num_steps: 5",
        "md5 9e107d9d372bb6826bd81d3542a419d6",
        "3:45",
        "7 times 6",
        "1234567890123",
        "time step 5",
        "wind 12.5 m/s, 3 km/s, 0.2 mol/s",
        "a period of 3.2 seconds",
        "1.2 nats/step",
        "it took 134 iterations",
        "times: 5",
        "pid: 0.3",
        "27 samples",
    ],
)
def test_a_reader_calls_changed_what_differs_in(text: str):
    assert Mask(RUN)(text) == text


def test_of_no_run_dates_are_data():
    assert Mask()("on 2026-11-27") == "on 2026-11-27"


def test_the_run_itself_is_masked_wherever_it_is_named():
    assert Mask(RUN)(f"{RUN.dir}/x of {RUN.id}") == "«run»/x of «run»"


def test_masked_text_has_the_same_lines():
    text = "\n".join(before for before, _ in SAME)
    assert Mask(RUN)(text).count("\n") == text.count("\n")


def test_a_run_that_is_a_year_long_or_of_the_last_day_has_days():
    far = Run("r" * 9, "/r", started=datetime.datetime.max, seconds=1e9)
    assert Mask(far)("9999-12-31") == "9999-12-31"
    long = Run("r" * 9, "/r", started=NOON, seconds=40 * 86_400)
    assert Mask(long)("2026-12-30") == "«date»"


def test_scalars_that_are_times_are_known_by_their_names():
    assert [
        name for name in ("fit_time", "elapsed", "loss", "runtime_s", "step") if is_duration(name)
    ] == [
        "fit_time",
        "elapsed",
        "runtime_s",
    ]
