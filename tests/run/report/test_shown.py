"""What the author of a notebook shows of each cell: what is hidden folds, and what is removed is
nowhere in a page."""

from __future__ import annotations

import itertools
import re
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from guild_notebook.options.reports import OWN_REPORTS, ReportOptions
from guild_notebook.run.report.facts import CellError, RunFacts
from guild_notebook.run.report.page import page_html
from guild_notebook.run.report.shown import shown_cells

PNG = "iVBORw0KGgoAAAANSUhEUg=="

FORM = '#@title A form {display-mode: "form"}\nCODE'


def cell(source: str = "CODE = 1", outputs: Any = (), **metadata: Any) -> dict[str, Any]:
    made = {"cell_type": "code", "source": source, "execution_count": 3, "metadata": metadata}
    return {**made, "outputs": [*outputs] or [stream("stdout", "PRINTED"), error()]}


def stream(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def error() -> dict[str, Any]:
    lines = ["RAISED"]
    return {"output_type": "error", "ename": "E", "evalue": "", "traceback": lines}


def text(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": metadata}


def notebook(*cells: dict[str, Any]) -> Any:
    return nbformat.from_dict({"cells": [*cells], "metadata": {}})


def page(
    *cells: dict[str, Any], kind: str = "html", failed: int | None = None, **options: Any
) -> str:
    where = "cell [3] (CODE = 1)"
    error = None if failed is None else CellError(failed, where, f"{where} failed with E")
    reason = error.text if error else ""
    facts = RunFacts(operation="fit", run_id="ab" * 16, reason=reason, failed=error)
    shown = ReportOptions.of(kind, options)
    return page_html(notebook(*cells), facts, shown, title="nb", kind=kind)


def form_of(page: str) -> str:
    """Of the one cell of a page: whether it, its code and its outputs are open or folded, "-" for
    what is not there."""
    main = BeautifulSoup(page, "html.parser").main
    section = main.find("section", class_="cell")
    if section is None:
        return "- - -"

    def form(found: Any) -> str:
        if found is None:
            return "-"
        own = (found, *found.find_parents("details", class_="outputs"))
        is_folded = any(each.name == "details" and "open" not in each.attrs for each in own)
        return "folded" if is_folded else "open"

    folded = section.find("details", class_="folded", recursive=False)
    is_folded = folded is not None and "outputs" not in folded["class"]
    parts = section.find("details", class_="source"), section.find(class_="outputs")
    return f"{'folded' if is_folded else 'open'} {form(parts[0])} {form(parts[1])}"


SHOWN = [
    (cell(), "open open open"),
    *(
        (cell(tags=[tag]), form)
        for tags, form in (
            ("hide-input hide_input hide-code", "open folded open"),
            ("hide-output hide_output hide-outputs", "open open folded"),
            ("hide-cell hide_cell", "folded open open"),
            ("remove-input remove_input remove-code", "open - open"),
            ("remove-output remove_output remove_outputs remove_all_outputs", "open open -"),
            ("remove-cell remove_cell", "- - -"),
            ("hide hidden input remove remove-it parameters slide-type", "open open open"),
        )
        for tag in tags.split()
    ),
    (cell(tags=["hide-input", "hide-output"]), "open folded folded"),
    (cell(tags=["hide-cell", "remove-input"]), "folded - open"),
    (cell(tags=["remove-input", "remove-output"]), "- - -"),
    (cell(tags=["hide-input", "remove_input"]), "open - open"),
    (cell(tags="hide-input"), "open folded open"),
    (cell(tags=[["hide-input"], 3, None]), "open open open"),
    (cell(tags={"hide-input": True}), "open open open"),
    (cell(jupyter={"source_hidden": True}), "open folded open"),
    (cell(jupyter={"outputs_hidden": True}), "open open folded"),
    (cell(jupyter={"source_hidden": False, "outputs_hidden": "yes"}), "open open open"),
    (cell(jupyter="odd"), "open open open"),
    (cell(collapsed=True), "open open folded"),
    (cell(collapsed=False, scrolled=True), "open open open"),
    (cell(hide_input=True), "open folded open"),
    (cell(hide_output=True), "open open folded"),
    (cell(cellView="form"), "open folded open"),
    (cell(cellView="both"), "open open open"),
    (cell(slideshow={"slide_type": "skip"}), "open open open"),
    (cell(FORM), "open folded open"),
    (cell("#@title A form { run: \"auto\", display-mode: 'form' }\nCODE"), "open folded open"),
    (cell('x\n# @title A form {vertical-output: true, display-mode:"form"}'), "open folded open"),
    (cell('#@title A form {display-mode: "both"}\nCODE'), "open open open"),
    (cell('#@title About display-mode: "form"\nCODE'), "open open open"),
    (cell('x = "{display-mode: \\"form\\"}"'), "open open open"),
    (cell("#| echo: false\nCODE"), "open - open"),
    (cell("#| echo: FALSE\nCODE"), "open - open"),
    (cell("#| echo: true\nCODE"), "open open open"),
    (cell("#| echo: fenced\nCODE"), "open open open"),
    (cell("#| output: false\nCODE"), "open open -"),
    (cell("#| output: asis\nCODE"), "open open open"),
    (cell("#| include: false\nCODE"), "- - -"),
    (cell("\n#|label: fig\n#| code-fold: true\nCODE"), "open folded open"),
    (cell("#| code-fold: show\nCODE"), "open open open"),
    (cell("#| tags: [hide-input, hide-output]\nCODE"), "open folded folded"),
    (cell("#| tags:\n#|   - remove-input\nCODE"), "open - open"),
    (cell("//| echo: false\nCODE"), "open - open"),
    (cell("--| echo: false\nCODE"), "open - open"),
    (cell("CODE\n#| echo: false"), "open open open"),
    (cell("# | echo: false\nCODE"), "open open open"),
    (cell("#| echo: [false\nCODE"), "open open open"),
    (cell("#| false\nCODE"), "open open open"),
    (cell("#| hide\nCODE"), "open open open"),
    (text("# Heading\ntext", tags=["hide-cell"]), "folded - -"),
    (text("text", tags=["hide-input"]), "folded - -"),
    (text("text", jupyter={"source_hidden": True}), "folded - -"),
    (text("text", tags=["hide-output"]), "open - -"),
    (text("text", tags=["remove-cell"]), "- - -"),
    (text("text", tags=["remove-input"]), "- - -"),
    (text("#| echo: false"), "open - -"),
]


@pytest.mark.parametrize(("node", "form"), SHOWN, ids=[str(number) for number in range(len(SHOWN))])
@pytest.mark.parametrize("kind", ["html", "sanitized"])
def test_each_way_of_saying_it_hides_or_removes_its_part(
    node: dict[str, Any], form: str, kind: str
):
    assert form_of(page(node, kind=kind)) == form


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({"code": "folded"}, "open folded open"),
        ({"code": "none"}, "open - open"),
        ({"outputs": "folded"}, "open open folded"),
        ({"code": "folded", "outputs": "folded"}, "open folded folded"),
    ],
)
def test_options_of_the_report_hold_for_all_cells(options: dict[str, Any], form: str):
    assert form_of(page(cell(), **options)) == form
    assert form_of(page(text("text"), **options)) == "open - -"
    removed = page(cell(tags=["remove-cell"]), **options)
    assert form_of(removed) == "- - -"


def test_the_report_without_code_is_the_one_without():
    assert form_of(page(cell(), kind="html-no-input")) == "open - open"
    assert form_of(page(cell("CODE", outputs=[stream("stdout", "")]), kind="html-no-input")) == (
        "- - -"
    )


def test_outputs_that_have_tags_of_their_own_are_removed_alone():
    shown = {"output_type": "display_data", "data": {"text/plain": "SEEN"}, "metadata": {}}
    tagged = [
        {**shown, "data": {"text/plain": f"UNSEEN {tag}"}, "metadata": {"tags": [tag]}}
        for tag in ("remove_output", "remove-output", "remove_single_output", "remove-cell")
    ]
    made = page(cell(outputs=[*tagged, shown]))
    assert "SEEN" in made and "UNSEEN" not in made


@pytest.mark.parametrize(
    ("node", "left"),
    [
        (cell(tags=["remove-stdout"]), ["RAISED"]),
        (cell(tags=["remove_stderr"]), ["PRINTED", "RAISED"]),
        (cell(tags=["remove-stderr"], outputs=[stream("stderr", "PRINTED")]), []),
        (cell("#| warning: false\nx", outputs=[stream("stderr", "PRINTED")]), []),
    ],
)
def test_one_of_two_streams_is_removed(node: dict[str, Any], left: list[str]):
    assert re.findall("PRINTED|RAISED", page(node)) == left


MARKS = {
    "cell": "MARK_HEADING MARK_TEXT MARK_ATTACHED MARK_TITLE MARK_CODE MARK_OUTPUT MARK_HTML "
    "MARK_COLUMN MARK_JSON MARK_LABEL",
    "input": "MARK_TITLE MARK_CODE",
    "output": "MARK_OUTPUT MARK_HTML MARK_COLUMN MARK_JSON MARK_LABEL",
}
"""What is to be removed from ``marked``, by the part that is."""


def marked(tag: str) -> list[dict[str, Any]]:
    """A notebook that holds each of MARKS, in cells with a tag, in all that a page is made of."""
    attached = {"a.png": {"image/png": "MARKxATTACHED"}}
    table = "<table><tr><th>MARK_COLUMN</th></tr></table><h2 id='x'>MARK_HTML</h2>"
    figure = {"data": [{"type": "bar", "y": [1]}], "layout": {"title": {"text": "MARK_JSON"}}}
    outputs = [
        stream("stdout", "MARK_OUTPUT"),
        {"output_type": "display_data", "data": {"text/html": table}},
        {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "MARK_OUTPUT"}},
        {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": figure}},
        {"output_type": "display_data", "data": {"text/latex": "MARK_LABEL"}},
    ]
    outputs = [{"metadata": {}, **output} for output in outputs]
    attachment = text("# MARK_HEADING\n\nMARK_TEXT ![MARK_ATTACHED](attachment:a.png)", tags=[tag])
    return [
        text("# SEEN"),
        {**attachment, "attachments": attached},
        cell("MARK_CODE = 1", outputs, tags=[tag]),
        cell("#@title MARK_TITLE\nMARK_CODE", outputs, tags=[tag]),
        cell("# MARK_TITLE\nMARK_CODE", [stream("stdout", "")], tags=[tag]),
        cell("SEEN_TOO"),
    ]


@pytest.mark.parametrize("kind", OWN_REPORTS)
@pytest.mark.parametrize("part", MARKS)
def test_what_is_removed_is_nowhere_in_the_file(part: str, kind: str):
    before = page(*marked("nothing"), kind=kind)
    made = page(*marked(f"remove-{part}"), kind=kind)
    marks = MARKS[part].split()
    # The marks are ones that a page would show: only where it cannot are they not looked for.
    of_code = ("MARK_TITLE", "MARK_CODE") if kind == "html-no-input" else ()
    not_shown = {"sanitized": ("MARK_JSON",)}.get(kind, ())
    assert [
        mark for mark in marks if mark not in (*of_code, *not_shown) and mark not in before
    ] == []
    assert [mark for mark in marks if mark in made] == []
    assert "MARKxATTACHED" in before and (part == "output") == ("MARKxATTACHED" in made)
    assert "SEEN" in made and (PNG in before) and (part == "input") == (PNG in made)


@pytest.mark.parametrize("kind", OWN_REPORTS)
@pytest.mark.parametrize(
    "tags",
    [*itertools.combinations(("remove-cell", "remove-output", "hide-cell", "hide-output"), 2)],
)
def test_a_cell_that_failed_is_there_with_its_error(tags: tuple[str, ...], kind: str):
    made = page(text("before"), cell(tags=[*tags]), kind=kind, failed=1)
    section = BeautifulSoup(made, "html.parser").find(id="guild-failed-cell")
    assert section.name == "section" and "RAISED" in section.text
    assert section.find_parent("details") is None and not section.find_all("details", open=False)
    is_removed = {"remove-cell", "remove-output"}.intersection(tags)
    assert ("PRINTED" in made) == (not is_removed)


@pytest.mark.parametrize("kind", OWN_REPORTS)
def test_a_cell_that_failed_and_has_no_code_is_not_called_by_it(kind: str):
    made = page(cell(tags=["remove-input"]), kind=kind, failed=0)
    assert "CODE" not in made
    links = BeautifulSoup(made, "html.parser").main.find_all("a", href="#guild-failed-cell")
    assert links and all("cell [3]" in link.text for link in links)
    assert "cell [3] (CODE = 1)" in page(cell(), failed=0)


@pytest.mark.parametrize("kind", OWN_REPORTS)
def test_a_cell_that_failed_is_not_called_by_a_heading_that_is_removed(kind: str):
    nodes = text("# HEADING", tags=["remove-cell"]), cell("x = 1")
    error = CellError(1, "cell [3] (HEADING)", "cell [3] (HEADING) failed with E")
    facts = RunFacts(run_id="ab" * 16, reason=error.text, failed=error)
    assert "HEADING" not in page_html(notebook(*nodes), facts, title="nb", kind=kind)
    kept = text("# HEADING"), nodes[1]
    assert "HEADING" in page_html(notebook(*kept), facts, title="nb", kind=kind)


@pytest.mark.parametrize("options", [{"code": "folded"}, {"outputs": "folded"}])
def test_options_of_the_report_fold_nothing_of_a_cell_that_failed(options: dict[str, Any]):
    assert form_of(page(cell(), failed=0, **options)) == "open open open"


def test_a_removed_cell_leaves_no_place():
    removed = [cell(tags=["remove-cell"]), text("x", tags=["remove-cell"]), cell("", [{**error()}])]
    made = page(text("a"), *removed[:2], text("b"))
    sections = BeautifulSoup(made, "html.parser").main.find_all("section")
    assert [section.text.strip() for section in sections] == ["a", "b"]
    assert [section["id"] for section in sections] == ["cell-1", "cell-4"]
    assert removed[2]["outputs"]


def test_the_notebook_is_not_changed():
    nb = notebook(cell(tags=["remove-cell"]), cell(tags=["remove-input", "remove-output"]), cell())
    before = nbformat.from_dict(nb)
    shown_cells(nb, ReportOptions(code="none"), (1,))
    assert nb == before


def test_a_page_may_be_without_contents_and_head():
    nodes = text("# Heading"), cell("# Named\nx", [])
    assert "<nav" in page(*nodes) and "run-head" in page(*nodes)
    assert "<nav" not in page(*nodes, contents=False)
    assert 'class="run-head"' not in page(*nodes, header=False)
    without = page(*nodes, header=False, failed=1)
    assert BeautifulSoup(without, "html.parser").main.find("a", href="#guild-failed-cell")


IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize(
    ("tags", "options", "is_in_strip"),
    [
        ([], {}, True),
        ([], {"outputs": "folded"}, True),
        (["hide-input"], {}, True),
        (["hide-output"], {}, False),
        (["hide-cell"], {"outputs": "folded"}, False),
        (["remove-output"], {}, False),
    ],
)
def test_the_heads_strip_of_images_has_those_that_are_not_hidden(
    tags: list[str], options: dict[str, Any], is_in_strip: bool
):
    output = {"output_type": "display_data", "data": {"image/png": IMAGE}, "metadata": {}}
    made = page(cell("x", [output], tags=tags), **options)
    assert ("run-images" in BeautifulSoup(made, "html.parser").main.decode()) == is_in_strip
    assert made.count(IMAGE) == (tags != ["remove-output"])


def test_a_page_may_ask_the_network_where_its_author_says_so():
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<b>x</b>"}}
    (alone,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(cell("x", [html])))
    (asking,) = re.findall(
        r'Content-Security-Policy" content="([^"]*)"', page(cell("x", [html]), network=True)
    )
    assert "http" not in alone and "default-src 'none'" in alone
    assert "https:" in asking and "'none'" not in asking.split(";")[0]
