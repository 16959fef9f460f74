"""The cells of a page: what stands at each, what folds, and that nothing of it is lost."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import from_dict, v4

from guild_notebook.options.reports import ReportOptions
from guild_notebook.run.report.facts import CellError, RunFacts
from guild_notebook.run.report.page import page_html
from tests.helpers.browser import Browser

KINDS = ("html", "html-no-input", "sanitized")

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


def soup(*cells: Any, kind: str = "html", facts: RunFacts | None = None, **options: Any) -> Any:
    nb = v4.new_notebook(cells=list(cells), metadata={"language_info": {"name": "python"}})
    shown = ReportOptions.of(kind, options) if options else None
    return BeautifulSoup(page_html(nb, facts, shown, title="nb", kind=kind), "html.parser")


def code(source: str, *outputs: Any, count: int | None = 1, **metadata: Any) -> Any:
    return v4.new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def stream(text: str, name: str = "stdout") -> Any:
    return v4.new_output("stream", name=name, text=text)


def shown(metadata: Any = None, **data: Any) -> Any:
    named = {name.replace("_", "/", 1): content for name, content in data.items()}
    return v4.new_output("display_data", data=named, metadata=metadata or {})


def text(element: Any) -> str:
    return " ".join(element.get_text(" ").split())


def times(end: str) -> dict[str, str]:
    return {
        "iopub.execute_input": "2026-11-27T01:00:00.000000Z",
        "shell.execute_reply": f"2026-11-27T{end}.000000Z",
    }


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (code("# Fit\nfit()", execution=times("01:00:02")), "[1] Fit 2.0 s"),
        (code("fit()", execution=times("01:02:05"), count=7), "[7] fit() 2 min 05 s"),
        (code("fit()", execution=times("04:05:00")), "[1] fit() 3 h 05 min"),
        (code("x", execution=times("01:00:02"), guild={"shared": True}), "[1] x 2.0 s · shared"),
        (code("x", execution=times("01:00:02"), guild={"shared": "odd"}), "[1] x 2.0 s"),
        (code("fit()", count=None, guild={"status": "not run"}), "[ ] fit() not run"),
        (code("fit()", guild={"status": "timed out"}), "[1] fit() timed out"),
        (code("fit()", guild={"status": "completed"}), "[1] fit()"),
        (code("fit()", guild={"peak_memory": {"kernel": 362_388_480}}), "[1] fit() 346 MB"),
        (code("fit()", guild={"peak_memory": {"kernel": 1_342_177_280}}), "[1] fit() 1.2 GB"),
        (code("fit()", guild={"peak_memory": {"kernel": "odd"}}), "[1] fit()"),
        (code("fit()", execution={"iopub.execute_input": "5"}, guild=["odd"]), "[1] fit()"),
        (code("f('<b>&')"), "[1] f('<b>&')"),
    ],
)
def test_a_cell_says_its_number_its_name_its_time_and_how_it_ended(cell: Any, said: str):
    assert text(soup(cell).select_one(".source > summary")) == said


def test_cells_that_failed_are_linked_at_the_top_and_marked_in_the_contents():
    late = {"status": "timed out"}
    cells = [code("# Load\nx"), code("# Fit\n1 / 0", count=2, guild=late), code("y", count=3)]
    facts = RunFacts(
        failed=CellError(1, "cell [2] (Fit)", ""), errors=[CellError(2, "", "cell [3] failed")]
    )
    for kind in KINDS:
        page = soup(*cells, kind=kind, facts=facts)
        assert page.select_one("#guild-failed-cell")["class"] == ["cell", "code", "failed"]
        assert page.select_one("#guild-failed-cell-2")
        links = [(link["href"], text(link)) for link in page.select("main p.failures a")]
        assert links == [
            ("#guild-failed-cell-2", "cell [3] failed"),
            # The code that names it is not shown.
            ("#guild-failed-cell", "cell [2]" + " (Fit)" * (kind != "html-no-input")),
        ]
        marked = [text(link) for link in page.select(".contents .failed a")]
        assert [line.split()[-2:] for line in marked] == [["timed", "out"], ["y", "failed"]] or (
            kind == "html-no-input" and [line.split()[-1] for line in marked] == ["out", "failed"]
        )


def test_the_contents_are_headings_and_cells_with_a_name_of_their_own_in_order():
    page = soup(
        v4.new_markdown_cell("# Data\n\ntext\n\n## Data"),
        code("plain()"),
        code("# Load it\nload()"),
        code("#@title Form & more {run: 'auto'}\nx = 1"),
        v4.new_markdown_cell("# Data\n\n<h2>by <i>hand</i></h2>\n\nmain\n===="),
    )
    entries = [
        (line["class"][1], link["href"], text(link))
        for line in page.select(".contents li")
        for link in line.select("a")
    ]
    assert entries == [
        ("depth0", "#Data", "Data"),
        ("depth1", "#Data-2", "Data"),
        ("depth1", "#cell-3", "Load it"),
        ("depth1", "#cell-4", "Form & more"),
        ("depth0", "#Data-3", "Data"),
        ("depth1", "#by-hand", "by hand"),
        ("depth0", "#main-2", "main"),
    ]
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert all(link["href"][1:] in ids for link in page.select(".contents a, .anchor-link"))


def test_a_page_without_headings_or_names_has_no_contents_and_so_one_that_is_told():
    assert not soup(code("x")).select(".contents")
    assert not soup(v4.new_markdown_cell("# A"), contents=False).select(".contents")


@pytest.mark.parametrize("kind", KINDS)
def test_html_no_input_alone_leaves_out_code_and_its_numbers(kind: str):
    page = soup(code("secret_code()", stream("printed")), kind=kind)
    has_code = kind != "html-no-input"
    assert ("secret_code()" in text(page.main)) == has_code
    assert ("[1]" in text(page.main)) == has_code
    assert "printed" in text(page.main)


LINE = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, max_size=8), st.integers(1, 400), st.integers(0, 3))
def test_text_is_in_the_page_once_and_whole_however_long(lines: list[str], times: int, long: int):
    """Blank lines at its end are not."""
    lines = [*lines * times, *["<&>" * 3_000] * long]
    page = soup(code("x", stream("\n".join(lines))))
    found = "".join(
        part.get_text().removeprefix("\n") + ("" if "cut" in part["class"] else "\n")
        if part.get_text().startswith("\n")
        else part.get_text() + ("" if "cut" in part["class"] else "\n")
        for part in page.select(".output pre")
    )
    assert found.rstrip("\n") == "\n".join(lines).rstrip("\n")


@pytest.mark.parametrize(
    ("printed", "summary"),
    [
        ("line\n" * 59, None),
        ("line\n" * 60, "10 more lines"),
        ("line\n" * 1_000, "950 more lines"),
        ("x" * 30_000, "24,000 more characters"),
        ("\x1b[31mred\x1b[0m\n" * 100, "50 more lines"),
        ("".join(f"\r{n}" for n in range(1000)) + "\n", None),
    ],
)
def test_long_text_folds_but_for_its_beginning_and_its_end(printed: str, summary: str | None):
    page = soup(code("x", stream(printed)))
    assert [text(element) for element in page.select("details.more > summary")] == (
        [summary] if summary else []
    )
    assert not page.select("details.more[open]")


def test_what_is_folded_is_what_the_author_says():
    cells = [
        code("open()", stream("one")),
        code("folded()", stream("two"), tags=["hide-input"]),
        code("out()", stream("three"), tags=["hide-output"]),
        code("all()", stream("four"), tags=["hide-cell"]),
    ]
    page = soup(*cells)
    states = [details.has_attr("open") for details in page.select("main details.source")]
    assert states == [True, False, True, True]
    assert [text(d) for d in page.select("details.outputs")] == ["Outputs three"]
    folded = page.select_one("section > details.folded:not(.outputs)")
    assert "all()" in text(folded) and "four" in text(folded)
    page = soup(*cells, code="folded", outputs="folded")
    assert not page.select("main details[open]")


STYLED = "<style>.a td { background-color: #123 }</style><table class='a'><tr><td>1</table>"


@pytest.mark.parametrize(
    ("html", "own", "scrolls"),
    [
        ("<table><tr><td>1</table>", False, True),
        (STYLED, True, True),
        ("<p style='color: red'>x</p>", True, False),
        ("<svg width='5'></svg>", True, False),
        ("<p>x</p>", False, False),
        ("<style scoped>.dataframe tbody tr th { vertical-align: top; }</style><p>x", False, False),
    ],
)
def test_html_has_a_light_ground_if_it_has_colours_and_tables_scroll(
    html: str, own: bool, scrolls: bool
):
    output = soup(code("x", shown(text_html=html))).select_one(".output")
    assert ("own-colours" in output["class"]) == own
    assert (output.get("role"), output.get("tabindex")) == (
        ("region", "0") if scrolls else (None, None)
    )
    assert bool(output.get("aria-label")) == scrolls


BUNDLES = [
    ({"text/html": "<b>rich</b>", "image/png": PNG, "text/plain": "plain"}, "b"),
    ({"text/markdown": "*made*", "text/plain": "plain"}, "em"),
    ({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>"}, ".image"),
    ({"image/webp": "UklGRg=="}, ".image"),
    ({"image/gif": "R0lGODdh", "text/plain": "plain"}, ".image"),
    ({"image/png": "not base64", "text/plain": "plain"}, "pre"),
    ({"application/json": {"a": [1]}, "text/plain": "<object>"}, "pre"),
    ({"text/vnd.mermaid": "graph TD; A-->B"}, "pre"),
    ({"application/pdf": "JVBE"}, "pre"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("data", "selector"), BUNDLES)
def test_each_output_is_shown_in_its_richest_form(data: dict, selector: str, kind: str):
    output = v4.new_output("display_data", data=data)
    page = soup(code("x", output), kind=kind)
    assert page.select_one(f".outputs {selector}"), page.main
    assert "plain" not in text(page.select_one(".outputs")) or selector == "pre"


def test_an_output_that_nothing_can_show_is_named():
    output = v4.new_output("display_data", data={"application/pdf": "JVBE", "a/b": "x"})
    page = soup(code("x", output))
    assert text(page.select_one(".outputs")) == "[application/pdf, a/b: not shown here]"


def test_json_is_shown_as_it_is_written():
    page = soup(code("x", shown(application_json={"ä": [1, None]})))
    assert json.loads(page.select_one(".outputs pre").get_text()) == {"ä": [1, None]}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"metadata": {}, "source": "<i>as it is</i>"}, ("pre", "<i>as it is</i>")),
        ({"metadata": {"raw_mimetype": "text/html"}, "source": "<i>made</i>"}, ("i", "made")),
        ({"metadata": {"format": "text/html"}, "source": "<i>made</i>"}, ("i", "made")),
        ({"metadata": {"raw_mimetype": "text/latex"}, "source": "\\x"}, None),
    ],
)
def test_raw_cells_are_shown_if_they_are_for_pages(raw: dict, found: tuple[str, str] | None):
    page = soup(v4.new_raw_cell(**raw))
    element = page.select_one(f"main {found[0]}") if found else None
    assert (element and (element.name, element.get_text())) == found
    assert bool(page.select("main section")) == bool(found)


SCRIPTS = [
    (shown(text_html="<b>no script</b>"), False),
    (stream("<script>as text</script> onclick=x javascript:"), False),
    (shown(text_html="<script>go()</script>"), True),
    (shown(text_html="<b onclick='go()'>b</b>"), True),
    (shown(text_html="<iframe srcdoc='x'></iframe>"), True),
    (shown(application_javascript="go()"), True),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("output", "has_scripts"), SCRIPTS)
def test_only_a_page_whose_notebook_has_scripts_lets_others_run_than_its_own(
    output: Any, has_scripts: bool, kind: str
):
    page = soup(code("x", output), kind=kind)
    policy = page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
    digest = base64.b64encode(hashlib.sha256(page.head.script.string.encode()).digest()).decode()
    runs = has_scripts and kind != "sanitized"
    assert ("'unsafe-inline'" in parts["script-src"]) == runs
    assert (f"'sha256-{digest}'" == parts["script-src"]) == (not runs)
    assert parts["default-src"] == "'none'" and "http" not in policy
    assert parts["form-action"] == parts["base-uri"] == "'none'"


def test_a_sanitized_page_never_asks_the_network():
    output = shown(text_html="<script src='https://example.org/x.js'></script><p>x")
    page = soup(code("x", output), kind="sanitized", network=True)
    assert "http" not in page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("metadata", "is_on_dark"),
    [
        ({}, False),
        ({"needs_background": "light"}, False),
        ({"needs_background": "dark"}, True),  # as matplotlib says of light text on nothing
        ({"needs_background": "dark", "image/png": {"width": 5, "height": 5}}, True),
        ({"image/png": {"needs_background": "dark"}}, True),
    ],
)
def test_an_image_stands_on_the_ground_that_it_needs(metadata: Any, is_on_dark: bool, kind: str):
    page = soup(code("plot()", shown(metadata, image_png=PNG)), kind=kind)
    assert ("dark" in page.select_one(".output.image")["class"]) == is_on_dark


PAIR = re.compile(r"light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[position : position + 2], 16) / 255 for position in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722)))


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_all_text_has_enough_contrast_in_light_and_dark():
    css = soup(code("x")).head.style.string
    named = {name: pair for name, *pair in re.findall(rf"--([\w-]+): {PAIR.pattern}", css)}
    grounds = [named[name] for name in ("ground", "raised", "bad-ground")]
    rules = re.findall(rf"(?<![\w-])color: {PAIR.pattern}", css)
    colours = [*rules, *(named[name] for name in ("text", "muted", "accent", "bad"))]
    assert len(colours) >= 20
    poor = [
        (mode, colour[mode], ground[mode])
        for colour in colours
        for ground in grounds
        for mode in (0, 1)
        if contrast(colour[mode], ground[mode]) < 4.5
    ]
    assert poor == []
    backs = re.findall(rf"-bg[^{{}}]*\{{ background: {PAIR.pattern}", css)
    assert len(backs) >= 9
    assert [b for b in backs for m in (0, 1) if contrast(b[m], named["text"][m]) < 4.5] == []


COLOURS = [(255, 135, 0), (0, 135, 0), (255, 255, 255), (0, 0, 0), (0, 0, 255), (215, 95, 95)]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_of_a_terminal_can_be_read_on_light_and_dark(colour: tuple[int, int, int]):
    red, green, blue = colour
    page = soup(code("x", stream(f"\x1b[38;2;{red};{green};{blue}mtext\x1b[0m")), kind="sanitized")
    [pair] = PAIR.findall(page.select_one(".output span")["style"])
    css = page.head.style.string
    named = {name: two for name, *two in re.findall(rf"--([\w-]+): {PAIR.pattern}", css)}
    for mode in (0, 1):
        for ground in ("ground", "raised", "bad-ground"):
            assert contrast(pair[mode], named[ground][mode]) >= 4.5, (pair, ground, mode)


def test_a_list_of_tasks_has_signs_and_no_form():
    page = soup(v4.new_markdown_cell("- [x] done\n- [ ] open\n\n  text"), kind="sanitized")
    assert [text(line) for line in page.select("main li")] == ["☑ done", "☐ open text"]
    assert not page.select("input")


def table(rows: int) -> str:
    return f"<table>{'<tr><td>1</td></tr>' * rows}</table>"


@pytest.mark.parametrize(
    ("tables", "folded"),
    [
        ([table(1_000)] * 5, 0),
        ([table(30_000)], 1),
        ([table(10_000)] * 15 + [table(1)], 5),
        ([f"<script>draw()</script>{table(30_000)}"], 0),
    ],
)
def test_large_html_folds_and_so_does_what_comes_after_much(tables: list[str], folded: int):
    nb = v4.new_notebook(cells=[code("x", *(shown(text_html=each) for each in tables))])
    page = page_html(nb, title="nb", kind="html")
    assert page.count("<summary>A large output") == folded


@pytest.mark.parametrize(("count", "folded"), [(500, []), (501, ["381 more outputs"])])
def test_of_very_many_outputs_of_a_cell_those_in_the_middle_are_folded(count, folded):
    page = soup(code("show()", *(shown(text_plain=f"x{n}") for n in range(count))))
    summaries = page.select(".outputs details > summary")
    assert [text(summary) for summary in summaries] == folded
    every = [text(output) for output in page.select(".output")]
    assert every == [f"x{n}" for n in range(count)]
    inside = [text(output) for output in page.select("details.more .output")]
    assert inside == ([f"x{n}" for n in range(100, 481)] if folded else [])


def test_a_sanitized_output_has_no_id_to_which_links_of_the_page_lead():
    taken = ("main", "cell-2", "guild-failed-cell", "guild-failed-cell-1", "guild-image-1")
    output = shown(text_html="".join(f"<p id='{name}'>x</p>" for name in (*taken, "own")))
    facts = RunFacts(failed=CellError(1, "cell 2", "boom"))
    page = soup(code("1", output), code("2"), kind="sanitized", facts=facts)
    assert [tag["id"] for tag in page.select(".outputs [id]")] == ["own"]
    assert [tag.name for tag in page.select("#main, #guild-failed-cell")] == ["main", "section"]


@pytest.mark.parametrize(
    "tag", ["<META http-equiv=refresh", "<p>a</p><meta\n  http-equiv='Refresh'"]
)
def test_no_output_leads_away_from_the_page_by_itself(tag: str):
    piece = f"{tag} content='0;url=https://example.org'><b>text</b>"
    page = soup(v4.new_markdown_cell(piece), code("1", shown(text_html=piece)))
    assert len(page.select("main b")) == 2 and not page.select("main meta")


@pytest.mark.parametrize(
    ("output", "metadata"),
    [
        ({"output_type": "stream", "text": "text"}, {}),
        ({"output_type": "stream", "name": None, "text": ["te", "xt"]}, {"tags": 5}),
        (
            {"output_type": "stream", "text": "text"},
            {"guild": {"peak_memory": {"kernel": 10**400}}},
        ),
        (
            {"output_type": "display_data", "data": {"text/html": ["text"]}},
            {"execution": {"iopub.execute_input": 5, "shell.execute_reply": "x"}, "jupyter": None},
        ),
        (
            {
                "output_type": "display_data",
                "metadata": None,
                "data": {
                    "application/vnd.plotly.v1+json": {"config": [1], "frames": 3},
                    "text/plain": "text",
                },
            },
            {"guild": "x", "execution": "x"},
        ),
    ],
)
def test_a_page_is_made_of_a_notebook_whose_parts_have_other_types(output: Any, metadata: Any):
    cell = {"cell_type": "code", "source": "1", "outputs": [output], "metadata": metadata}
    nb = from_dict({"metadata": {}, "cells": [cell], "nbformat": 4, "nbformat_minor": 5})
    for kind in KINDS:
        made = page_html(nb, title="nb", kind=kind)
        assert "text" in made.partition("<main")[2] or "plotly-1" in made


@pytest.mark.parametrize(
    "open_tag", ["<plaintext>", "<PLAINTEXT class=x>", "<textarea>", "<!-- ", "<div><b>"]
)
def test_no_output_takes_in_what_follows(browser: Browser, tmp_path: Path, open_tag: str):
    path = tmp_path / "nb.html"
    nb = v4.new_notebook(cells=[code("1", shown(text_html=f"{open_tag}open")), code("2")])
    path.write_text(page_html(nb, title="nb", kind="html"), "utf-8")
    with browser.page() as page:
        page.goto(path.as_uri())
        assert page.locator("main > section").count() == 2
