"""A report is nbconvert's page: the same elements, attributes and texts, made in another way."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbconvert
import pytest
from bs4 import BeautifulSoup, NavigableString
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters import ansi2html as nbconvert_ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from nbformat import from_dict, v4
from packaging.version import Version

from guild_notebook.run.report import templates
from guild_notebook.run.report.ansi import ansi2html, without_overwritten
from guild_notebook.run.report.closing import parsed, well_formed
from guild_notebook.run.report.highlight import Highlighter
from guild_notebook.run.report.html import TEMPLATE, HTMLReportExporter
from guild_notebook.run.report.markdown import MarkdownRenderer
from tests.helpers.project import LIMIT

EXAMPLES = settings(max_examples=60, deadline=None)

PNG = "iVBORw0KGgo="

MARKDOWN = [
    "# Title *with* `code`\n#no blank\n## <b>raw</b>\n### a <br> b\n#### ä & ö\nSetext\n---\n",
    "$x_1$ and $$y\n\n*y*$$ and \\\\(a*b*c\\\\) and \\\\[d\\\\] and 5$ or \\$6$",
    "\\begin{align*}\na &< b\n\n\\end{align*} and \\begin{a}x\\end{b}",
    "> $$quoted\n> *x*$$\n\n- list $a_b_c$\n  - $$deeper$$\n    1. one\n\n- [x] done\n- [ ] not\n",
    "|a|b|\n|-|:-:|\n|1|*2*|\n\nterm\n: what it is\n\n~~gone~~ http://x.org/?a=1&b=2 <http://y.org>\n",
    "```python\nx = '<&>'  # why\n```\n\n```\nplain <b>\n```\n\n~~~none a b\nx\n~~~\n\n    code\n",
    "```mermaid\ngraph TD; A-->B\n```\n",
    "![text *x*](a.png 'title \"q\"') ![](b.png) ![f](attachment:f.png) ![v](attachment:v.svg)",
    "[link](http://x 'a title') [ref][1] [no](javascript:alert(1))\n\n[1]: http://z\n",
    "<div class=x>\n*raw*\n</div>\n\ninline <img src='x.png'> and <span title=\"a>b\">s</span>\n",
    "<p>not closed <b>at all\n\nnext </i> paragraph\n\n<!-- a comment --> &nbsp; &amp; & < >",
    "hard  \nbreak\\\nand *emphasis* __strong__ ***both***\n\n***\n\n1) a\n2) b\n\n`` a ` b ``",
]

CODE = [
    "",
    "x = 1",
    "def f(a: int = 0x1F) -> str:\n    '''doc %s'''\n    return f'{a!r:>{10}}' % a  # why\n",
    "%matplotlib inline\n!ls -l {x}\n?help\nx?\nprint(1 %2)\n%time f()",
    "%%bash\necho $HOME | grep x",
    "%%R -i x\nplot(x)",
    "%%html\n<b>x</b>",
    "%%time\nx = 1",
    "a != b\nc = d % e\n'100%'",
    "größe = 'ß' + \"\\N{SNOWMAN}\"\n@decorator\nclass A(B): pass\n<>&\"'",
    "syntax error here ( [ 'x\n\n\n",
]

TEXTS = [
    "plain <text> & more\nsecond 'line' \"x\"\n",
    "\x1b[31mred\x1b[0m \x1b[1;44mon blue\x1b[m \x1b[38;5;208mx\x1b[48;2;1;2;3my\x1b[7mz\x1b[m",
    "\x1b[2K\x1b[1Aup \x1b[4munder\x1b[24m \x1b[91mintense\x1b[39;49m",
]

BUNDLES: list[dict[str, Any]] = [
    {"text/plain": "only text"},
    {"text/html": "<table><tr><td>1<td>2</table><p>open <b>bold", "text/plain": "x"},
    {"text/html": "<div><style scoped>.a > b {}</style><table border='1'><tbody><tr><td>&lt;1</td>"
                  "</tr></tbody></table></div><img src=x.png><br><svg><path d='M0'/></svg>"},
    {"text/html": "<script>if (a < b && c > d) { x('</' + 'p>') }</script><iframe></iframe>"},
    {"text/markdown": "*emphasis* and $x$\n\n# Heading", "text/plain": "x"},
    {"text/latex": "$$a < b$$", "text/plain": "x"},
    {"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><text>ä</text></svg>"},
    {"image/png": PNG, "text/plain": "<Figure size 640x480>"},
    {"image/jpeg": "/9j/4AAQ", "image/png": PNG},
    {"text/vnd.mermaid": "graph TD; A-->B"},
    {"application/javascript": "element.append('x');", "text/plain": "x"},
    {"application/json": {"a": 1}, "text/plain": "json"},
    {"application/pdf": "JVBE", "image/gif": "R0lGODdh"},
    {"application/x-odd": "x"},
]  # fmt: skip

of_now = pytest.mark.skipif(
    Version(nbconvert.__version__) < Version("7.14"),
    reason="those before join streams, and set no attributes for who has no mouse or does not see",
)

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def notebook(language: str = "python") -> Any:
    """A notebook of all kinds of cells and outputs."""
    cells = []
    for number, text in enumerate(MARKDOWN):
        cells.append(v4.new_markdown_cell(text, metadata={"tags": [f"tag{number}", "<&>"]}))
    attached = {"f.png": {"image/png": PNG}, "v.svg": {"image/png": PNG, "image/svg+xml": "PHN2"}}
    cells[7]["attachments"] = from_dict(attached)
    for number, source in enumerate(CODE):
        count = number or None
        outputs = [v4.new_output("stream", name=name, text=source) for name in ("stdout", "stderr")]
        cells.append(v4.new_code_cell(source, outputs=outputs, execution_count=count))
    streams = [v4.new_output("stream", name="stdout", text=text) for text in TEXTS]
    error = {"ename": "ValueError", "evalue": "<odd>", "traceback": [TEXTS[1], "ValueError: <odd>"]}
    streams.append(v4.new_output("error", **error))
    cells.append(v4.new_code_cell("streams", outputs=streams, metadata={"tags": ["a"]}))
    for number, data in enumerate(BUNDLES):
        size = {"width": 20, "height": 10, "needs_background": "light"}
        metadata = [{}, {"image/png": size}, {"width": 5, "unconfined": True}][number % 3]
        shown = v4.new_output("display_data", data=data, metadata=metadata)
        result = v4.new_output("execute_result", data=data, execution_count=number)
        cells.append(v4.new_code_cell("x", outputs=[shown, result], execution_count=number))
    drawn = {"guild_snapshot": "<pre>a widget</pre>"}  # where a widget has nothing to draw
    widgets = [
        {VIEW: {"model_id": name}, "text/plain": "a widget"} for name in ("known", "unknown")
    ]
    shown = [v4.new_output("display_data", data=data, metadata=drawn) for data in widgets]
    cells.append(v4.new_code_cell("widgets", outputs=shown))
    raw = {"raw_mimetype": "text/html"}
    cells.append(v4.new_raw_cell("<b onclick='x()'>raw</b><script>1</script>", metadata=raw))
    cells.append(v4.new_raw_cell("*not shown*", metadata={"raw_mimetype": "text/latex"}))
    hidden = {"transient": {"remove_source": True}}
    cells.append(v4.new_code_cell("hidden = 1", metadata=hidden))
    info = {"name": language}
    if language == "python":
        info["pygments_lexer"] = "ipython3"
    states = {"known": {"model_name": "OddModel", "state": {"a": "</script>"}}}
    metadata = {
        "language_info": info,
        "title": "A <b> & 'c'",
        "widgets": {STATE: {"state": states}},
    }
    return v4.new_notebook(cells=cells, metadata=metadata)


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


def of_nbconvert(nb: Any, with_input: bool = True) -> str:
    exporter = HTMLExporter(raw_template=TEMPLATE)
    if not with_input:
        exporter.exclude_input = True
        exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    resources = {"metadata": {"name": "nb"}, "guild": {"math": True, "require": "later"}}
    page: str = exporter.from_notebook_node(nb, resources)[0]
    return page


def of_guild(nb: Any, with_input: bool = True) -> str:
    return HTMLReportExporter(with_input).from_notebook_node(nb, {"metadata": {"name": "nb"}})[0]


@of_now
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("language", "with_input"),
    [("python", True), ("python", False), ("R", True), ("nolanguage", True)],
)
def test_a_report_is_the_page_of_nbconvert(language: str, with_input: bool):
    nb = notebook(language)
    expected, found = (tree_of(make(nb, with_input)) for make in (of_nbconvert, of_guild))
    assert first_difference(expected, found) is None


def first_difference(a: Any, b: Any) -> Any:
    """The innermost pair that differs first, None where all is equal."""
    if a == b:
        return None
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return next(filter(None, map(first_difference, a, b)), None)
    return a, b


TEXT_PARTS = ["\x1b[", "m", ";", "0", "1", "31", "38;5;", "38;2;1;2;", "200", "48;5;20", "7", "97"]
TEXT_PARTS += ["104", "K", "a", "<", "&", "\n", "\x1b", "21", "39", "4", "x y", "-", "300"]


@EXAMPLES
@given(st.lists(st.sampled_from(TEXT_PARTS), max_size=30).map("".join))
def test_colours_are_those_of_nbconvert(text: str):
    # It reads a sequence in HTML, so "<" in one ends it elsewhere.
    text = re.sub(r"[<&]", "b", text)
    expected, found = (tree_of(made) for made in (str(nbconvert_ansi2html(text)), ansi2html(text)))
    assert found == expected


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
    assert tree_of(MarkdownRenderer().html(text)) == tree_of(expected)


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
        ("<IMG src=x><br/>", f'<IMG alt="{templates.NO_TEXT}" src=x><br/>'),
        ("<img alt><img title='alt'>", f"<img alt><img alt=\"{templates.NO_TEXT}\" title='alt'>"),
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
reports.ReportWriter(tuple(sys.argv[1].split(",")), lambda path: None, nb).write(nb, sys.argv[2])
heavy = {"nbconvert", "bs4", "bleach", "soupsieve", "IPython", "tornado"}
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


def test_compiled_templates_are_in_a_folder_that_only_the_user_can_enter(tmp_path: Path):
    home = tmp_path / "home"
    write_reports("html", tmp_path, home)
    [folder] = (home / "cache").glob("notebook-templates-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {path: path.read_bytes() for path in folder.iterdir()}
    assert len(files) > 5
    page = (tmp_path / "nb.html").read_text("utf-8")
    damaged = ("", "wrong code", "\0" * 500)
    for number, (path, content) in enumerate(files.items()):
        path.write_bytes(content[:40] + damaged[number % 3].encode())
    folder.chmod(0o755)  # others may have put code there: neither read nor replaced
    changed = {path: path.read_bytes() for path in folder.iterdir()}
    write_reports("html", tmp_path, home)
    assert tree_of((tmp_path / "nb.html").read_text("utf-8")) == tree_of(page)
    assert {path: path.read_bytes() for path in folder.iterdir()} == changed
    folder.chmod(0o700)
    write_reports("html", tmp_path, home)
    assert tree_of((tmp_path / "nb.html").read_text("utf-8")) == tree_of(page)
    assert {path: path.read_bytes() for path in folder.iterdir()} == files


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\nb", "a\nb"),
        ("\r  0%|   | 0/2\r 50%|#  | 1/2\r100%|###| 2/2\n", "100%|###| 2/2\n"),
        ("epoch 1\rep", "epoch 1"),
        ("long line\rshort\rab", "abortline"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("done\r", "done"),
        ("\r\r\n\r", "\n"),
        ("\x1b[32m 50%\x1b[0m\r\x1b[32m100%\x1b[0m", "\x1b[32m100%\x1b[0m"),
    ],
)
def test_what_a_carriage_return_overwrites_is_not_shown(written: str, shown: str):
    assert without_overwritten(written) == shown


def test_a_progress_bar_is_one_line_of_the_report():
    states = "".join(f"\rtraining: {n}/500" for n in range(501)) + "\n"
    cell = v4.new_code_cell("train()")
    cell.outputs = [v4.new_output("stream", name="stderr", text=states)]
    page, _ = HTMLReportExporter().from_notebook_node(v4.new_notebook(cells=[cell]))
    assert re.findall(r"training: \d+/500", page) == ["training: 500/500"]
