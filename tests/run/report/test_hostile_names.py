"""What a page says of its run and lists of its cells is text, whatever that text is: operations,
flags, labels, names of scalars, cells and headings, files and kernels.

These are not outputs: nothing of them may run in any report, the ordinary one included. Each page
is opened without its policy, so that only the page itself is tried.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import from_dict, v4

from guild_notebook.options.reports import ReportOptions
from guild_notebook.run.report.facts import CellError, FlagValue, RunFacts, Scalar
from guild_notebook.run.report.page import page_html
from tests.helpers import payloads
from tests.helpers.browser import Beacons, Browser
from tests.helpers.slow import but_slow

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

FORMS = (
    "<script>@J</script>",
    '"><img src=x:x onerror="@J">',
    "'><img src=x:x onerror='@J'>",
    '" onmouseover="@J" onfocus="@J" autofocus x="',
    "' onmouseover='@J' onfocus='@J' autofocus x='",
    "</script><script>@J</script>",
    "</style><script>@J</script>",
    "</title><script>@J</script>",
    "</summary></details></a></nav></header></main><script>@J</script>",
    "</text></svg><script>@J</script>",
    "</math><script>@J</script>",
    "--><script>@J</script>",
    "]]><script>@J</script>",
    "&lt;script&gt;@J&lt;/script&gt;",
    "&quot;&gt;&lt;img src=x:x onerror=@J&gt;",
    "`${@J}`",
    "url(@B)",
    "![i](@B)",
    "<a href='javascript:@J'>l</a>",
    r"$\href{javascript:@J}{x}$",
    "\x1b]8;;javascript:@J\x1b\\l\x1b]8;;\x1b\\",
)
"""Ways out of wherever a text is put: text, attributes, scripts, styles, drawings."""

ALONE = "javascript:@J"
"""What runs where a whole text becomes an address."""

FACTS = RunFacts(
    operation="operation",
    run_id="id",
    label="label",
    tags=("tag",),
    comments=("comment",),
    state="failed",
    reason="reason",
    failed=CellError(0, "the cell that failed", "how it failed"),
    errors=(CellError(1, "a cell with an error", "its error"),),
    started=datetime.datetime(2026, 11, 27, tzinfo=datetime.timezone.utc),
    seconds=1.5,
    user="user",
    host="host",
    kernel="kernel",
    commit="commit",
    is_modified=True,
    flags=(FlagValue("flag", "value", "default", True), FlagValue("plain", "value")),
    scalars=(Scalar("scalar", 0.5, 1, 0.5, 1.0, 2, 0, ((0, 1.0), (1, 0.5))),),
    more_scalars=1,
    has_last_values_only=True,
    batch="batch",
    varied=("flag",),
    command="command",
    proto_command="command of the same code",
    variables=("VARIABLE",),
    shared=1,
    shared_seconds=0.5,
)

KINDS = [
    ("html", ReportOptions()),
    ("html", ReportOptions(code="folded", outputs="folded")),
    ("html-no-input", ReportOptions(code="none")),
    ("sanitized", ReportOptions()),
    ("sanitized", ReportOptions(code="folded", outputs="folded")),
]


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same with each text changed; what a form of data is made of stays."""
    if isinstance(value, str):
        return change(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        made = {field.name: mapped(getattr(value, field.name), change) for field in fields}
        return type(value)(**made)
    if isinstance(value, (tuple, list)):
        return type(value)(mapped(part, change) for part in value)
    if isinstance(value, dict):
        return type(value)({key: mapped(part, change) for key, part in value.items()})
    return value


def test_each_fact_is_one_of_those_that_are_tried():
    empty = [field.name for field in dataclasses.fields(FACTS) if not getattr(FACTS, field.name)]
    assert empty == []


def notebook(text: str) -> Any:
    """Cells whose names and places in the page are ``text``; as Markdown and code it is plain."""
    line = text.replace("\n", " ")
    shown = v4.new_output("stream", text="an output")
    cells = [
        v4.new_code_cell(f"# {line}\nfailing", outputs=[shown]),
        v4.new_code_cell(f"#@title {line}\nfailing too", outputs=[shown]),
        v4.new_code_cell(f"x = {text!r}", outputs=[shown]),
        v4.new_markdown_cell(f"# {escaped(line)}\n\n## `` {line} ``"),
    ]
    odd = {"guild": {"status": text, "memory": text, "name": text}, "tags": [text], "name": text}
    odd["execution"] = dict.fromkeys(("iopub.execute_input", "shell.execute_reply"), text)
    for cell in cells:
        cell.metadata.update(odd)
    metadata = {
        "title": text,
        "kernelspec": {"name": text, "display_name": text, "language": text},
        "language_info": {"name": text, "pygments_lexer": text, "version": text},
        "authors": [{"name": text}],
    }
    return from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def escaped(text: str) -> str:
    """Markdown that shows a text as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))


def made_of(beacons: Beacons) -> Iterator[Callable[[str], str]]:
    """The changes of a text into a payload: one that has all forms in it, and one for addresses."""
    together = "".join(FORMS)
    for number, form in enumerate((together, ALONE), 1):
        payload = payloads.made(form, number, beacons.url)
        yield lambda text, payload=payload: f"{'' if payload[:4] == 'java' else text}{payload}"


@pytest.mark.parametrize(
    "page", but_slow(KINDS, KINDS[0], KINDS[-1]), ids=lambda page: f"{page[0]} {page[1].code}"
)
def test_no_name_of_a_run_or_a_notebook_runs_or_asks_for_anything(
    page: tuple[str, ReportOptions], browser: Browser, beacons: Beacons, tmp_path: Path
):
    kind, options = page
    for number, change in enumerate(made_of(beacons), 1):
        facts = mapped(FACTS, change)
        payload = change("")
        made = page_html(notebook(payload), facts, options, title=payload, kind=kind)
        made, count = POLICY.subn("", made)
        assert count == 1
        path = tmp_path / f"{number}.html"
        path.write_text(made, "utf-8")
        with browser.open(path) as visit:
            visit.touch_everything()
            assert visit.page.evaluate("() => window.pwned || {}") == {}
            assert (visit.requests, visit.dialogs, visit.windows, visit.left_for) == ([],) * 4
            assert beacons.seen == []
            head = visit.page.locator("main header").inner_text()
            told = " ".join(head.split())
            assert " ".join(facts.operation.split()) in told
            scripts = visit.page.locator("script").count()
            assert scripts == 1, "a text has become a script"
