"""The report ``sanitized`` in a real browser, full of attempts to get out of it.

The same attempts must fire in the ordinary report, or the check would be worth nothing: what has
them fire, one after another, is slow.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from guild_notebook.options.reports import ReportOptions
from guild_notebook.run.report.page import page_html
from guild_notebook.run.report.reports import ReportWriter
from tests.helpers import payloads
from tests.helpers.browser import Beacons, Browser, Visit
from tests.helpers.project import PYTHON, Project, Run, code, markdown
from tests.helpers.slow import but_slow

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

GOOD = '''
import base64, io, json
import pandas as pd
from IPython.display import HTML, JSON, SVG, Image, Latex, Markdown, display
from PIL import Image as Picture

def picture(kind):
    f = io.BytesIO()
    Picture.new("RGB", (3, 2)).save(f, kind)
    return f.getvalue()

print("good stream", "\\x1b[31mgood colour\\x1b[0m")
display(pd.DataFrame({"good column": [1.5, 2.5]}))
display(HTML("<h3>good HTML</h3><p style='color: rgb(1, 2, 3); position: fixed'>good style</p>"))
display(Markdown("good *Markdown* with [a link](https://example.org/)"))
display(Latex("$\\\\text{goodLaTeX}$"), JSON({"good JSON": [1]}))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' width='5' height='4'><text>s</text></svg>"))
display(HTML("<b>good drawing</b><svg width='7' height='6'><rect width='7' height='6'/></svg>"))
for kind in ("png", "jpeg", "gif"):
    display(Image(picture(kind), format=kind))
display(Image(picture("png"), format="png", width=40))
place = "<div id=plot></div><script>1</script>"
display({"text/plain": "good fallback", "text/html": place}, raw=True)
raise ValueError("good \\x1b[32mtraceback <b>of text</b>")
'''  # fmt: skip

TERMINAL_LINK = "\x1b]8;;javascript:1\x1b\\link\x1b]8;;\x1b\\"

TEXTS = (
    *("good stream", "good colour", "good column", "2.5", "good HTML", "good style"),
    *("good Markdown", "a link", "goodLaTeX", '"good JSON"', "good drawing", "good fallback"),
    *("good traceback <b>of text</b>", "good heading", "good raw cell"),
)


RAW = {"cell_type": "raw", "metadata": {}}


@dataclass
class Hostile:
    """A finished run with both reports, and the names of its payloads by number."""

    run: Run
    names: dict[int, str]

    @property
    def html(self) -> Path:
        return self.run.dir / "nb.html"

    @property
    def sanitized(self) -> Path:
        return self.run.dir / "nb.sanitized.html"


@pytest.fixture(scope="module")
def hostile(shared: Project, beacons: Beacons) -> Hostile:
    """One real run of a notebook full of payloads, with the good ones last."""
    names: dict[int, str] = {}

    def made(payload: Any, name: str) -> Any:
        names[len(names) + 1] = name
        text = payload if isinstance(payload, str) else json.dumps(payload)
        number = len(names)
        if isinstance(payload, str):
            return payloads.made(text, number, beacons.url)
        return _mapped(payload, lambda part: payloads.made(part, number, beacons.url))

    outputs: list[dict[str, Any]] = []
    cells = []
    for name, text in payloads.HTML.items():
        outputs.append({"data": {"text/html": made(text, name)}})
    for name, bundle in payloads.BUNDLES.items():
        outputs.append({"data": made(bundle, name)})
    for name, metadata in payloads.OUTPUT_METADATA.items():
        outputs.append({"data": {"image/png": "AA"}, "metadata": made(metadata, name)})
    for name, text in payloads.HTML.items():
        cells.append(markdown(made(text, f"{name} in Markdown")))
    attachments = made(payloads.ATTACHMENTS, "attachments")
    for name, text in payloads.MARKDOWN.items():
        cell = markdown(made(text, f"Markdown {name}"))
        cells.append({**cell, "attachments": attachments})
    every = json.dumps(outputs)
    shared.file("outputs.json", every)
    printed = "".join(made(text, f"{name} printed") for name, text in payloads.CLASSIC.items())
    raw = made("<script>@J</script>", "raw cell")
    name = made("<img/src=x:x/onerror=@J>", "name of a scalar")
    model = {"model_name": made("</script><script>@J</script>", "widget state")}
    image = '<img src="x:x" onerror="@J">'
    shared.notebook(
        "nb.ipynb",
        code(
            f"import json\nfor o in json.load(open({str(shared.dir / 'outputs.json')!r})):\n"
            "    display(o['data'], metadata=o.get('metadata'), raw=True)",
            tags=['"><script>x</script>', made('"><img src="@B">', "tag")],
            id="a",
        ),
        code(f"print({printed!r})\nprint({TERMINAL_LINK!r})\nprint({name!r} + ': 0.5')", id="b"),
        code("# " + made(image, "name of a cell") + "\nnote = ''", id="n"),
        code(
            f"raise ValueError('\\x1b[31m' + {made(image, 'traceback')!r})",
            tags=["raises-exception"],
            id="c",
        ),
        code(
            f"raise type({made(image, 'name of an error')!r}, (Exception,), {{}})()",
            tags=["raises-exception"],
            id="d",
        ),
        *({**cell, "id": f"m{index}"} for index, cell in enumerate(cells)),
        {**RAW, "metadata": {"raw_mimetype": "text/html"}, "source": raw, "id": "r"},
        {**RAW, "source": made(image, "raw cell of no type"), "id": "q"},
        {**RAW, "source": "<p>good raw cell</p>", "id": "p"},
        markdown("# good heading") | {"id": "h"},
        code(GOOD, tags=["raises-exception"], id="g"),
        metadata={
            "title": made("</title><script>@J</script>", "title"),
            "kernelspec": {**PYTHON["kernelspec"], "display_name": made(image, "kernel")},
            "widgets": {"application/vnd.jupyter.widget-state+json": {
                "state": {"x": model},
                "version_major": 2, "version_minor": 0,
            }},
        },
        nbformat_minor=5,
    )  # fmt: skip
    shared.guildfile(
        "a:\n  notebook: nb.ipynb\n  flags-import: [note]\n  nb-report: [html, sanitized]\n"
    )
    told = {name: made(f'">{image}', name) for name in ("flag", "label", "tag", "comment")}
    command = ["a", f"note={told['flag']}", "--label", told["label"], "--tag", told["tag"]]
    return Hostile(shared.run(*command, "--comment", told["comment"]).run, names)


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(part, change) for key, part in value.items()}
    return [_mapped(part, change) for part in value] if isinstance(value, list) else value


def fired(visit: Visit, beacons: Beacons) -> set[int]:
    """The numbers of the payloads that have run code or called home since the last time."""
    inside = visit.page.evaluate("() => Object.keys(window.pwned || {})")
    urls = [url[len(beacons.url) :] for url in visit.left_for if url.startswith(beacons.url)]
    called = [re.match(r"/(\d+)", path) for path in beacons.seen + urls]
    beacons.seen.clear()
    return {int(n) for n in [*inside, *visit.dialogs]} | {int(m[1]) for m in called if m}


def is_quiet(visit: Visit, beacons: Beacons) -> bool:
    assert fired(visit, beacons) == set()
    assert (visit.requests, visit.dialogs, visit.windows, visit.left_for) == ([], [], [], [])
    return True


def without_policy(page: Path, tmp_path: Path) -> Path:
    return with_policy("", page, tmp_path)


def with_policy(policy: str, page: Path, tmp_path: Path) -> Path:
    """A copy of a page with another policy, or none."""
    text, count = POLICY.subn(lambda _match: policy, page.read_text("utf-8"), count=1)
    assert count == 1
    path = tmp_path / "open.html"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.slow
def test_attempts_fire_in_the_ordinary_report(
    hostile: Hostile, browser: Browser, beacons: Beacons, tmp_path: Path
):
    with browser.open(without_policy(hostile.html, tmp_path)) as visit:
        visit.touch_everything()
        numbers: set[int] = set()
        for _ in range(60):  # seconds that a busy machine may take until all have come
            numbers |= fired(visit, beacons)
            names = {hostile.names[number] for number in numbers}
            if set(payloads.CLASSIC) <= names and len(numbers) >= 150:
                break
            visit.page.wait_for_timeout(1000)
        visit.settle()
        numbers |= fired(visit, beacons)
    beacons.forget()
    names = {hostile.names[number] for number in numbers}
    print(f"\n{len(numbers)} of {len(hostile.names)} attempts fire in the ordinary report")
    assert set(payloads.CLASSIC) - names == set()
    assert len(numbers) >= 150
    # What the page itself says of the run and of its cells is not an output.
    of_run = {"flag", "label", "tag", "comment", "name of a scalar", "name of a cell", "title"}
    assert names & {*of_run, "kernel", "traceback", "name of an error"} == set()


@pytest.mark.slow
def test_in_the_ordinary_report_scripts_run_and_nobody_is_asked(
    hostile: Hostile, browser: Browser, beacons: Beacons
):
    with browser.open(hostile.html) as visit:
        visit.settle()
        visit.page.wait_for_function("Object.keys(window.pwned || {}).length > 20")
    assert beacons.seen == []
    beacons.forget()


def test_none_fires_in_the_sanitized_report_and_nothing_is_asked_for(
    hostile: Hostile, browser: Browser, beacons: Beacons
):
    with browser.open(hostile.sanitized) as visit:
        visit.touch_everything()
        assert is_quiet(visit, beacons)


def test_none_fires_where_the_browser_knows_no_policy(
    hostile: Hostile, browser: Browser, beacons: Beacons, tmp_path: Path
):
    with browser.open(without_policy(hostile.sanitized, tmp_path)) as visit:
        visit.touch_everything()
        assert is_quiet(visit, beacons)


VARIANTS = [
    {"code": "folded", "outputs": "folded"},
    {"code": "none"},
    {"contents": False, "header": False},
]


@pytest.mark.parametrize("options", but_slow(VARIANTS, VARIANTS[0]), ids=lambda o: "-".join(o))
def test_none_fires_in_another_form_of_the_page(
    hostile: Hostile, browser: Browser, beacons: Beacons, tmp_path: Path, options: dict[str, Any]
):
    nb = nbformat.read(hostile.run.dir / "nb.ipynb", as_version=4)
    path = tmp_path / "nb.html"
    page = page_html(nb, None, ReportOptions(**options), title="nb.ipynb", kind="sanitized")
    path.write_text(page, "utf-8")
    with browser.open(without_policy(path, tmp_path)) as visit:
        visit.touch_everything()
        assert is_quiet(visit, beacons)


def test_the_policy_alone_lets_none_fire(
    hostile: Hostile, browser: Browser, beacons: Beacons, tmp_path: Path
):
    policy = POLICY.search(hostile.sanitized.read_text("utf-8"))
    assert policy
    with browser.open(with_policy(policy[0], hostile.html, tmp_path)) as visit:
        visit.touch_everything()
        assert {hostile.names[number] for number in fired(visit, beacons)} == set()


ELEMENTS = """() => [...document.querySelectorAll('*')].map(e => ({
    name: e.localName,
    kind: e.namespaceURI.split('/').pop(),
    in_body: document.body.contains(e),
    in_cell: !!e.closest('section.cell'),
    text: e.localName === 'script' ? e.textContent : '',
    attributes: Object.fromEntries([...e.attributes].map(a => [a.name, a.value.slice(0, 60)])),
}))"""

HARMFUL = {
    *("script", "style", "link", "meta", "base", "iframe", "frame", "object", "embed", "form"),
    *("input", "button", "template", "textarea", "select", "noscript", "title", "area", "marquee"),
}
LOADING = {"action", "formaction", "srcset", "srcdoc", "poster", "background", "ping"}


def test_no_element_or_attribute_that_does_anything_is_left(hostile: Hostile, browser: Browser):
    with browser.open(hostile.sanitized, java_script_enabled=False) as visit:
        found = visit.page.evaluate(ELEMENTS)
    (script,) = (e for e in found if e["name"] == "script")
    digest = base64.b64encode(hashlib.sha256(script["text"].encode()).digest()).decode()
    policy = POLICY.search(hostile.sanitized.read_text("utf-8"))
    assert policy and re.findall(r"script-src ([^;\"]*)", policy[0]) == [f"'sha256-{digest}'"]
    assert script["attributes"] == {}
    assert {e["name"] for e in found if e["in_body"]} & HARMFUL == set()
    # Of drawings there are none in the cells but images that the page itself shows again.
    drawn = {e["name"] for e in found if e["in_cell"] and e["kind"] == "svg"}
    assert drawn <= {"svg", "image", "use"}
    assert {e["kind"] for e in found} <= {"xhtml", "svg", "MathML"}
    pairs = {(name, value) for e in found for name, value in e["attributes"].items()}
    names = {name for name, _value in pairs}
    assert [name for name in names if name.startswith("on") or ":" in name] == []
    assert names & LOADING == set()
    links = [e for e in found if "href" in e["attributes"]]
    assert {e["name"] for e in links} <= {"a", "image", "use"}
    for e in links:
        allowed = {"a": r"https?://|mailto:|#", "image": "data:image/", "use": "#"}[e["name"]]
        assert re.match(allowed, e["attributes"]["href"])
    sources = [value for name, value in pairs if name == "src"]
    assert [value for value in sources if not re.match(r"data:(image|audio|video)/", value)] == []
    styles = [
        e["attributes"]["style"] for e in found if e["in_cell"] and "style" in e["attributes"]
    ]
    assert not re.search(r"position|background:|background-image|--|content|animation", str(styles))


def test_what_the_notebook_has_to_show_is_seen(hostile: Hostile, browser: Browser):
    with browser.open(hostile.sanitized) as visit:
        page, text = visit.page, visit.text()
        assert [missing for missing in TEXTS if missing not in text] == []
        nb = hostile.run.notebook("nb.ipynb")
        assert page.title() == f"{nb['metadata']['title']} – {hostile.run.id[:8]}"
        images = page.evaluate(
            """() => [...document.querySelectorAll('.cell:last-of-type :is(img, svg)')].map(e => {
                const use = e.querySelector('use');
                const shown = use ? document.querySelector(use.getAttribute('href')) : e;
                const image = shown.querySelector('image') || shown;
                const data = image.getAttribute('href') || image.getAttribute('src') || '';
                const {width, height} = e.getBoundingClientRect();
                return [data.slice(0, 15), Math.round(width), Math.round(height)];
            })"""
        )
        assert images == [
            ["data:image/svg+", 5, 4],
            ["data:image/svg+", 7, 6],
            ["data:image/png;", 3, 2],
            ["data:image/jpeg", 3, 2],
            ["data:image/gif;", 3, 2],
            ["data:image/png;", 40, 27],
        ]
        style = "(e) => { const s = getComputedStyle(e); return [s.color, s.position]; }"
        assert page.eval_on_selector("p >> text=/^good style$/", style) == [
            "rgb(1, 2, 3)",
            "static",
        ]
        colour = "(e) => getComputedStyle(e).color"
        assert page.eval_on_selector(
            "span >> text=/^good colour$/", colour
        ) != page.eval_on_selector("pre >> text=/^good stream/", colour)
        table = page.eval_on_selector(
            "table.dataframe >> nth=-1",
            """(e) => {
                const s = getComputedStyle(e), td = getComputedStyle(e.querySelector('td')),
                    rows = [...e.querySelectorAll('tbody tr')];
                return [s.borderCollapse, td.textAlign, td.padding !== '1px',
                    new Set(rows.map(r => getComputedStyle(r).backgroundColor)).size];
            }""",
        )
        assert table == ["collapse", "right", True, 2]


@pytest.fixture(scope="module")
def alone(beacons: Beacons) -> list[list[Any]]:
    """Cells of each payload that takes the page away or swallows what comes after it."""
    cells = []
    for number, text in enumerate(payloads.ALONE.values(), 1):
        made = payloads.made(text, number, beacons.url)
        html = nbformat.v4.new_output("display_data", {"text/html": made})
        source = nbformat.v4.new_code_cell(f"'source {number}'", outputs=[html])
        end = nbformat.v4.new_markdown_cell(f"end {number}")
        cells.append([nbformat.v4.new_markdown_cell(made), source, end])
    return cells


@pytest.mark.slow
def test_payloads_take_the_ordinary_page_away(
    alone: list[list[Any]], browser: Browser, beacons: Beacons, tmp_path: Path
):
    reports = ReportWriter({"html": {}}, lambda path: None)
    fires = []
    for number, (name, cells) in enumerate(zip(payloads.ALONE, alone), 1):
        nb = nbformat.v4.new_notebook(cells=cells)
        [path] = reports.write(nb, str(tmp_path / f"{number}.ipynb"))
        with browser.open(without_policy(Path(path), tmp_path)) as visit:
            fires += [name] if number in fired(visit, beacons) else []
    assert len(fires) >= 8, fires


@pytest.mark.parametrize("has_policy", but_slow([True, False], False))
def test_payloads_take_nothing_of_the_sanitized_page_away(
    alone: list[list[Any]], browser: Browser, beacons: Beacons, tmp_path: Path, has_policy: bool
):
    nb = nbformat.v4.new_notebook(cells=[cell for cells in alone for cell in cells])
    reports = ReportWriter({"sanitized": {}}, lambda path: None)
    [written] = map(Path, reports.write(nb, str(tmp_path / "nb.ipynb")))
    path = written if has_policy else without_policy(written, tmp_path)
    with browser.open(path) as visit:
        for number, name in enumerate(payloads.ALONE, 1):
            for text in (f"'source {number}'", f"end {number}"):
                assert is_on_top(visit, text), f"{name}: {text} is not to be seen"
        visit.touch_everything()
        assert is_quiet(visit, beacons)


def is_on_top(visit: Visit, text: str) -> bool:
    """Whether a text is what a user sees, and clicks on, where it stands."""
    return visit.page.evaluate(
        """(text) => {
            const e = [...document.querySelectorAll('pre, p')].find(
                e => e.innerText.trim() === text);
            if (!e) return false;
            e.scrollIntoView();
            const {x, y, height} = e.getBoundingClientRect();
            const top = document.elementFromPoint(x + 9, y + height / 2);
            return top !== null && (e.contains(top) || top.contains(e));
        }""",
        text,
    )
