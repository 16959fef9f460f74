"""The pieces of a report: what is nbconvert's and Jupyter's is as theirs, made in another way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbconvert
import pytest
from bs4 import BeautifulSoup, NavigableString
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.filters import Highlight2HTML
from nbconvert.filters import ansi2html as nbconvert_ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from nbformat import v4
from packaging.version import Version

from guild_notebook.run.report.closing import NO_TEXT, parsed, well_formed
from guild_notebook.run.report.highlight import Highlighter
from guild_notebook.run.report.markdown import MarkdownRenderer
from guild_notebook.run.report.page import page_html
from guild_notebook.run.report.terminal_text import terminal_html
from tests.helpers.project import LIMIT

EXAMPLES = settings(max_examples=60, deadline=None)

PNG = "iVBORw0KGgo="

of_now = pytest.mark.skipif(
    Version(nbconvert.__version__) < Version("7.14"),
    reason="those before join streams, and set no attributes for who has no mouse or does not see",
)


def tree(node: Any) -> list[Any]:
    """Elements with their attributes, and texts."""
    found: list[Any] = []
    for child in node.children:
        if isinstance(child, NavigableString):
            found.append((type(child).__name__, " ".join(str(child).split())))
        else:
            attributes = {
                name: " ".join(value if isinstance(value, list) else [value])
                for name, value in child.attrs.items()
            }
            found.append((child.name, attributes, tree(child)))
    return [part for part in found if part[1] != "" or len(part) == 3]


def tree_of(page: str) -> list[Any]:
    # Each release of nbconvert loads another one of mermaid.
    page = re.sub(r"""https://[^"']*/mermaid[^"']*""", "MERMAID", page)
    # The name of an element for a script is new in each page.
    page = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", page)
    return tree(BeautifulSoup(page, "html.parser"))


STYLES = ["0", "", "1", "4", "7", "22", "24", "27", "31", "39", "49", "97", "104", "1;44", "0;32"]
# Not text of a colour beside the 16: ours is made readable (test_terminal_text.py).
STYLES += ["38;5;9", "48;5;20", "48;5;240", "48;2;4;5;6"]
STYLED = ["a", "x y", "&", "-", *(f"\x1b[{style}m" for style in STYLES)]


@EXAMPLES
@given(st.lists(st.sampled_from(STYLED), max_size=30).map("".join))
def test_colours_are_those_of_nbconvert(text: str):
    pages = str(nbconvert_ansi2html(text)), terminal_html(text)
    expected, found = map(tree_of, pages)
    assert found == expected or not text.strip()


PARTS = [
    "$",
    "$$",
    "\\\\(",
    "\\\\)",
    "\\\\[",
    "\\\\]",
    "\\begin{a}",
    "\\end{a}",
    "*",
    "_",
    "`",
    "\n",
]
PARTS += ["\n\n", "# ", "- ", "> ", "a", "b c", "[x](y)", "![x](y)", "<b>", "</b>", "<img src=x>"]
PARTS += [
    "|a|b|\n|-|-|\n|1|2|\n",
    "```\n",
    "```python\n",
    "    ",
    "1. ",
    "~~",
    "http://x.y",
    "&",
    "<",
]


@EXAMPLES
@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join))
def test_markdown_is_rendered_as_nbconvert_does(text: str):
    expected = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(text)
    made = MarkdownRenderer().html(text).replace("<span>$</span>", "$")
    assert tree_of(made) == tree_of(expected)


def test_a_dollar_that_begins_no_formula_of_markdown_begins_none_in_the_page():
    made = MarkdownRenderer().html("\\$5 and \\$6, $x$ and 7$")
    assert made == "<p><span>$</span>5 and <span>$</span>6, $x$ and 7<span>$</span></p>\n"


def test_a_diagram_of_mermaid_is_its_source():
    made = MarkdownRenderer().html("```mermaid\ngraph TD; A-->B\n```\n")
    assert "graph TD; A--&gt;B" in made and "<pre" in made and "script" not in made


LINES = [
    "x = 1",
    "%time x",
    "!ls",
    "x?",
    "a % b",
    "a %b",
    "a != b",
    "# 100%",
    "'?'",
    "%%bash",
    "  ",
]
LINES += [
    "f'{a!r}'",
    "def f():",
    "    return 1",
    "%%time",
    "?x",
    "!!ls",
    "'''",
    "größe = 2",
    "%R x",
]


@of_now
@EXAMPLES
@given(st.lists(st.sampled_from(LINES), max_size=8).map("\n".join))
def test_code_is_highlighted_as_nbconvert_does(source: str):
    nb = v4.new_notebook(cells=[v4.new_code_cell(source)])
    cell = HighlightMagicsPreprocessor(enabled=True).preprocess_cell(nb.cells[0], {}, 0)[0]
    expected = Highlight2HTML(pygments_lexer="ipython3")(source, metadata=cell.metadata)
    expected = expected.replace('class=" highlight hl-ipython3"', 'class="highlight"')
    assert Highlighter("ipython3").html(source, {}) == expected


TAGS = ["<p>", "</p>", "<b>", "</b>", "<div class=x id='y'>", "</div>", "<br>", "<br/>", "<img>"]
TAGS += ["<img src=a alt='b'>", "<svg>", "</svg>", "<path/>", "<script>", "</script>", "<!-- c -->"]
TAGS += [
    "text",
    " ",
    "&amp;",
    "<",
    ">",
    "<style>",
    "</style>",
    "<a href='<b>'>",
    "</a>",
    "<P>",
    "'",
]
TAGS += ["<textarea>", "</textarea>", "<!--", "-->", "<td>", "<template>", "<p/>", "</br>", "<x =>"]


@EXAMPLES
@given(st.lists(st.sampled_from(TAGS), max_size=12).map("".join))
def test_what_is_taken_for_well_formed_is_what_a_parser_makes_of_it(piece: str):
    made = well_formed(piece)
    if made is not None:
        assert tree_of(made) == tree_of(parsed(piece))
        assert tree_of(f"{made}<u>") == [*tree_of(made), ("u", {}, [])]  # nothing is open


@pytest.mark.parametrize(
    ("piece", "made"),
    [
        ("", ""),
        ("a > b", "a > b"),
        ("<p class='a'>x</p>", "<p class='a'>x</p>"),
        ("<IMG src=x><br/>", f'<IMG alt="{NO_TEXT}" src=x><br/>'),
        ("<img alt><img title='alt'>", f"<img alt><img alt=\"{NO_TEXT}\" title='alt'>"),
        ("<script>a</p></script>", "<script>a</p></script>"),
        ("<svg><path d='M0'/></svg>", "<svg><path d='M0'/></svg>"),
        ("<p>", None),
        ("</p>", None),
        ("<b><i></b></i>", None),
        ("<p/>", None),
        ("a < b", None),
        ("<script><!--</script>", None),
        ("<textarea><p></textarea>", None),
        ("<style>a", None),
        ("<a href='x>", None),
        ("<!-- -- -->", None),
        ("<p\x0bx></p>", None),
        ("<template></template>", None),
    ],
)
def test_only_what_all_parsers_read_alike_is_well_formed(piece: str, made: str | None):
    assert well_formed(piece) == made


PROGRAM = """
import sys
from nbformat import NotebookNode, from_dict
from guild_notebook.run.report import reports
nb = from_dict({"metadata": {}, "cells": [
    {"cell_type": "markdown", "metadata": {}, "source": "# A $x$\\n![](attachment:x)"},
    {"cell_type": "code", "metadata": {}, "source": "x = 1", "execution_count": 1, "outputs": [
        {"output_type": "stream", "name": "stdout", "text": "\\x1b[31mred"},
        {"output_type": "display_data", "metadata": {}, "data": {
            "text/html": "<table><tr><td>1</td></tr></table><img src=x>", "image/png": "AAAA"}},
    ]}]})
names = dict.fromkeys(sys.argv[1].split(","), {})
reports.ReportWriter(names, lambda path: None, nb).write(nb, sys.argv[2])
heavy = {"nbconvert", "bs4", "bleach", "soupsieve", "IPython", "tornado", "jinja2"}
print(*sorted(heavy.intersection(sys.modules)))
"""


def write_reports(names: str, folder: Path, home: Path) -> str:
    """Write the reports ``names``; returns the heavy packages that this has imported."""
    env = {**os.environ, "GUILD_HOME": str(home)}
    command = [sys.executable, "-c", PROGRAM, names, str(folder / "nb.ipynb")]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert not done.stderr
    return done.stdout.strip()


def test_an_attachment_is_shown_whose_data_are_lines():
    attachments = {"a": {"image/png": [PNG[:4], PNG[4:]]}}
    made = MarkdownRenderer().html("![](attachment:a)", attachments)
    assert f'src="data:image/png;base64,{PNG}"' in made


def test_reports_import_no_parser_of_html_nor_all_of_nbconvert(tmp_path: Path):
    assert write_reports("html,html-no-input,sanitized", tmp_path, tmp_path / "home") == ""
    assert len(list(tmp_path.glob("nb*.html"))) == 3


def test_a_progress_bar_is_one_line_of_the_report():
    states = "".join(f"\rtraining: {n}/500" for n in range(501)) + "\n"
    cell = v4.new_code_cell("train()")
    cell.outputs = [v4.new_output("stream", name="stderr", text=states)]
    page = page_html(v4.new_notebook(cells=[cell]), title="nb", kind="html")
    assert re.findall(r"training: \d+/500", page) == ["training: 500/500"]
