"""The time that a report takes grows as the notebook does, whatever the notebook holds."""

from __future__ import annotations

import base64
import os
import re
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from guild_notebook.run.report.contents import Contents
from guild_notebook.run.report.html_sanitizer import is_visible, sanitize
from guild_notebook.run.report.reports import ReportWriter
from guild_notebook.run.report.terminal_text import terminal_html
from tests.helpers.growth import check_growth

HTML: dict[str, Callable[[int], str]] = {
    "blanks in a style": lambda n: f"<p style='color{' ' * n}'>x</p>",
    "colons in a style": lambda n: f"<p style='color{':' * n}'>x</p>",
    "functions in a style": lambda n: f"<p style='color:{'rgb(1)' * (n // 6)}!('>x</p>",
    "properties in a style": lambda n: f"<p style='{'color:red;' * (n // 10)}'>x</p>",
    "classes": lambda n: f"<p class='{'ansi-x ' * (n // 7)}'>x</p>",
    "tags in a title": lambda n: f"<p title='{'<img ' * (n // 5)}'></p>",
    "nested elements": lambda n: "<div>" * (n // 5),
    "nested elements that are closed": lambda n: "<b>" * (n // 7) + "</b>" * (n // 7),
    "elements without an end": lambda n: "<li><p>" * (n // 7),
    "ends without a beginning": lambda n: "</p></b>" * (n // 8),
    "rows": lambda n: f"<table>{'<tr><td>1</td></tr>' * (n // 19)}</table>",
    "cells outside of a table": lambda n: "<td>1<tr>" * (n // 8),
    "entities": lambda n: "&amp;&#x41;&" * (n // 12),
    "entities without an end": lambda n: "&amp" * (n // 4),
    "opening brackets": lambda n: "<" * n,
    "openings of images": lambda n: "<img " * (n // 5),
    "openings of scripts": lambda n: "<script" * (n // 7),
    "scripts that do not end": lambda n: "<script>" * (n // 8),
    "openings of comments": lambda n: "<!--" * (n // 4),
    "comments that do not end": lambda n: "<!--" * (n // 4) + "<b>",
    "sections that do not end": lambda n: "<![a" * (n // 4) + "<b>",
    "declarations that do not end": lambda n: "<!a" * (n // 3) + "<b>",
    "instructions that do not end": lambda n: "<?a" * (n // 3) + "<b>",
    "images that end in a quote": lambda n: "<img a='" * (n // 8) + "<b>",
    "a vector image": lambda n: f"<svg>{'<path d=x />' * (n // 12)}</svg>",
    "openings of vector images": lambda n: "<svg " * (n // 5),
    "vector images": lambda n: "<svg></svg>" * (n // 11),
    "base64": lambda n: f"<img src='data:image/png;base64,{'A' * n}'>",
    "plain text": lambda n: "word " * (n // 5),
    "blanks before a module": lambda n: f"<script>// from{' ' * n}</script>",
    "relations of a link": lambda n: f"<link {'rel=preconnec' * (n // 13)} rel=preconnect>",
}

MARKDOWN: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "[" * n,
    "openings of links": lambda n: "[a](" * (n // 4),
    "openings of images": lambda n: "![" * (n // 2),
    "stars": lambda n: "*a **a " * (n // 7),
    "stars alone": lambda n: "*" * n,
    "backticks": lambda n: "`a``b" * (n // 5),
    "quotes": lambda n: ">" * n + "a",
    "dollars": lambda n: "$a" * (n // 2),
    "environments": lambda n: "\\begin{a}" * (n // 9),
    "headings": lambda n: "# a\n" * (n // 4),
    "rows": lambda n: "|a|b|\n|-|-|\n" + "|1|2|\n" * (n // 6),
    "references": lambda n: "".join(f"[a{i}]: http://x\n" for i in range(n // 16)),
    "elements": lambda n: "<div>" * (n // 5),
    "openings of elements": lambda n: "<a " * (n // 3),
    "blanks": lambda n: f"a{' ' * n}b",
    "lines": lambda n: "some *text* and `code`\n\n" * (n // 24),
}


def shown(**data: str) -> Any:
    return v4.new_output("display_data", data={k.replace("_", "/"): v for k, v in data.items()})


def code(source: str, *outputs: Any) -> Any:
    return v4.new_code_cell(source, outputs=list(outputs))


def stream(text: str) -> Any:
    return v4.new_output("stream", text=text)


OTHER: dict[str, Callable[[int], list[Any]]] = {
    "a cell of lines": lambda n: [code("x = 1 + 2  # why\n" * (n // 17))],
    "a cell of a line": lambda n: [code(f"x = [{'1, ' * (n // 3)}]")],
    "cells": lambda n: [code("x = 1 + 2  # why\n" * 5) for _ in range(n // 85)],
    "text": lambda n: [code("x", stream("line 1\n" * (n // 7)))],
    "colours": lambda n: [code("x", stream("\x1b[31mred\x1b[0m\n" * (n // 13)))],
    "colours without an end": lambda n: [code("x", stream("\x1b[31mred\n" * (n // 9)))],
    "openings of colours": lambda n: [code("x", stream("\x1b[" * (n // 2)))],
    "numbers of a colour": lambda n: [code("x", stream("\x1b[" + "1;" * (n // 2)))],
    "displays": lambda n: [code("x", *[shown(text_plain="A")] * (n // 200))],
    "an image": lambda n: [code("x", shown(image_png="A" * n))],
    "LaTeX": lambda n: [code("x", shown(text_latex="$a" * (n // 2)))],
    **{
        f"HTML, {name}": lambda n, form=form: [code("x", shown(text_html=form(n)))]
        for name, form in HTML.items()
    },
    **{
        f"Markdown, {name}": lambda n, form=form: [v4.new_markdown_cell(form(n))]
        for name, form in MARKDOWN.items()
    },
}


@pytest.mark.parametrize("form", HTML)
def test_sanitizing_takes_time_linear_in_the_html(form: str):
    check_growth(lambda text: is_visible(sanitize(text)), HTML[form], 10_000)


@pytest.fixture(scope="module", params=["html", "sanitized"])
def report(request: pytest.FixtureRequest) -> Callable[[list[Any]], None]:
    writer = ReportWriter({request.param: {}}, lambda path: None)

    def write(cells: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            writer.write(v4.new_notebook(cells=cells), str(Path(folder, "nb.ipynb")))
        assert not writer.failures

    write.name = request.param  # type: ignore[attr-defined]
    write([])
    return write


@pytest.mark.faults
@pytest.mark.parametrize("form", OTHER)
def test_a_report_takes_time_linear_in_the_notebook(report: Any, form: str):
    check_growth(report, OTHER[form], 20_000, f"report {report.name}, {form}, 20 to 160 KB")


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", ["a cell of lines", "cells", "Markdown, lines"])
def test_a_report_of_14_mb_of_source_takes_seconds(report: Any, form: str):
    check_growth(report, OTHER[form], 1_750_000, f"report {report.name}, {form}, 1.75 to 14 MB")


def test_colours_of_a_long_text_are_those_of_a_short_one():
    line = "\x1b[31;1mred & bold\x1b[0m <plain> \x1b[44mon blue\x1b[m\n"
    once = (
        '<span class="ansi-red-intense-fg ansi-bold">red &amp; bold</span> &lt;plain&gt; '
        '<span class="ansi-blue-bg">on blue</span>\n'
    )
    assert terminal_html(line * 10_000) == once * 10_000
    assert terminal_html("\x1b[31m<" * 6_000) == '<span class="ansi-red-fg">&lt;</span>' * 6_000


def test_markdown_with_a_large_image_in_it_is_rendered(report: Any, tmp_path: Path):
    source = f"# Title\n\n![a figure](data:image/png;base64,{'A' * 200_000})"
    writer = ReportWriter({report.name: {}}, lambda path: None)
    nb = v4.new_notebook(cells=[v4.new_markdown_cell(source)])
    (path,) = writer.write(nb, str(tmp_path / "nb.ipynb"))
    page = Path(path).read_text("utf-8")
    assert 'src="data:image/png;base64,AAAA' in page and "<h1" in page
    assert "too many to be rendered" not in page


@pytest.mark.parametrize("metadata", [None, 5, "x", True, [], [1]])
def test_an_image_whose_metadata_is_anything_is_in_the_report(report: Any, tmp_path, metadata: Any):
    image = shown(image_png="iVBORw0KGgo=")
    image.metadata = {"image/png": metadata}
    writer = ReportWriter({report.name: {}}, lambda path: None)
    nb = v4.new_notebook(cells=[code("x", image)])
    (path,) = writer.write(nb, str(tmp_path / "nb.ipynb"))
    assert "data:image/png;base64,iVBORw0KGgo=" in Path(path).read_text("utf-8")


def test_what_is_too_long_is_shown_as_it_is_written_and_said(report: Any, tmp_path: Path):
    writer = ReportWriter({report.name: {}}, lambda path: None)
    cells = [
        code("a = '<b>&'  # one\n"),
        v4.new_markdown_cell("*short*"),
        v4.new_markdown_cell("*long* " * 10_000 + "<i>"),
        code("b = '<b>&'  # two\n" * 60_000),
    ]
    nb = v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    (path,) = writer.write(nb, str(tmp_path / "nb.ipynb"))
    page = Path(path).read_text("utf-8")
    assert page.count("too many to be rendered") == 2
    assert "70,003 characters of Markdown as they are written" in page
    assert "1,080,000 characters of code as they are written" in page
    assert "<em>short</em>" in page and "<em>long</em>" not in page and "*long* &lt;i&gt;" in page
    assert page.count("# two\n") == 60_000 and '<span class="c1"># one</span>' in page


def test_large_images_are_in_a_report_as_they_are_and_take_little_memory(report: Any, tmp_path):
    """nbconvert copies a page some seven times."""
    contents = [os.urandom(3_000_000) for _ in range(2)]
    png = base64.b64encode(contents[0]).decode()
    jpeg = base64.encodebytes(contents[1]).decode()  # in lines
    outputs = [shown(image_png=png), shown(image_jpeg=jpeg), shown(image_png=png)]
    cells = [code("x", *outputs), code("y", shown(image_png="<b>" * 5_000))]
    writer = ReportWriter({report.name: {}}, lambda path: None)
    writer.write(v4.new_notebook(), str(tmp_path / "empty.ipynb"))
    tracemalloc.start()
    try:
        (path,) = writer.write(v4.new_notebook(cells=cells), str(tmp_path / "nb.ipynb"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = 2 * len(png) + len(jpeg)
    assert peak < 4 * size
    page = Path(path).read_text("utf-8")
    assert "<b><b>" not in page
    found = re.findall(r'<img (?:alt="[^"]*" )?src="data:(image/\w+);base64,([^"]*)"', page)
    assert [kind for kind, _ in found][:3] == ["image/png", "image/jpeg", "image/png"]
    decoded = [base64.b64decode(image) for _, image in found][:3]
    assert decoded == [*contents, contents[0]]


def test_time_of_headings_that_are_the_same_is_linear():
    made = [Contents(()).with_headings(f"<h2>{name}</h2>" * 3) for name in ("a", "b")]
    assert [piece.count("-3") for piece in made] == [1, 1]
    check_growth(
        lambda page: Contents(()).with_headings(page), lambda n: "<h2>Results</h2>" * n, 1_000
    )
