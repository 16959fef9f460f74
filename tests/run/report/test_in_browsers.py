"""Reports in real browsers, as their readers have them: without a network, by keyboard, without
scripts, on a phone, read aloud.

One real run has all that a page shows; it fails at its end.
"""

from __future__ import annotations

import base64
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from guild_notebook.run.report.reports import ReportWriter
from tests.helpers.browser import Browser
from tests.helpers.firefox import Firefox
from tests.helpers.project import Project, Run, code, markdown, wait_for
from tests.helpers.silence import Silence
from tests.helpers.slow import but_slow

PROSE = r"""
# Waves $x^2 + \alpha$

Of the form $$\sum_{i=1}^{n} \frac{i}{2}$$ with [a link](https://example.org/page), a picture of the
project ![a red square](red.png) and one from elsewhere ![a blue square](https://example.org/b.png).

## 100% of what is below it

| name | what a rather long heading of a column says |
|---|---|
| a | `code_that_is_one_word = "and cannot be broken into lines, as it has no place for it"` |

- an item of a list
"""

TRAIN = r"""#@title Train the waves
import sys, time
for step in range(steps):
    print(f"loss: {lr / (step + 1):.4f} (step {step})")
    sys.stderr.write(f"\rtraining: {step + 1}/{steps}")
    sys.stderr.flush()
sys.stderr.write("\n")
print("\x1b[31mred\x1b[0m \x1b[1;94mbold blue\x1b[0m \x1b[43mon yellow\x1b[0m")
"""

TABLE = """# A wide table
from IPython.display import HTML
row = "".join(f"<td>{i}.123456</td>" for i in range(40))
head = "".join(f"<th>column {i}</th>" for i in range(40))
HTML(f"<table class='dataframe' border='1'><thead><tr>{head}</tr></thead>"
     f"<tbody><tr>{row}</tr><tr>{row}</tr></tbody></table>")
"""

FIGURE = """# A figure
import base64
from IPython.display import Image
Image(open("red.png", "rb").read())
"""


def png(color: tuple[int, int, int], size: tuple[int, int] = (300, 200)) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "png")
    return file.getvalue()


@dataclass
class Pages:
    """The reports of the run, by name."""

    run: Run

    def __getitem__(self, name: str) -> Path:
        ending = "html" if name == "html" else f"{name}.html"
        return self.run.dir / f"waves.{ending}"


REPORTS = ("html", "html-no-input", "sanitized")


@pytest.fixture(scope="module")
def pages(shared: Project) -> Pages:
    shared.file("red.png", png((200, 30, 30)))
    shared.notebook(
        "waves.ipynb",
        markdown(PROSE),
        code("# Settings\nlr = 0.1\nsteps = 3\nname = 'a'\npassword = ''"),
        code(TRAIN),
        code("# A long text\nfor i in range(500): print('line', i)"),
        code(TABLE),
        code(FIGURE),
        code("from IPython.display import Latex\nLatex(r'$$\\int_0^1 x\\,dx$$')"),
        markdown("## Errors"),
        code("# Allowed to fail\n1 / 0", tags=["raises-exception"]),
        code("# Its code is hidden\nprint('shown without its code')", tags=["hide-input"]),
        code("# Its output is hidden\nprint('what is folded')", tags=["hide-output"]),
        code("# It ends here\nraise RuntimeError('the <end>')"),
        code("# Never run\nprint('never')"),
    )
    shared.guildfile(
        "waves:\n  notebook: waves.ipynb\n  flags-import: all\n"
        f"  nb-report: [{', '.join(REPORTS)}]\n  sourcecode:\n    - include: '*.png'\n"
    )
    done = shared.guild("run", "-y", "waves", "lr=0.25", "-t", "tagged", "--label", "a label")
    assert "failed with RuntimeError" in done.stderr
    return Pages(done.run)


# Without a network


@pytest.mark.parametrize("name", REPORTS)
def test_chromium_asks_nobody_for_anything(
    name: str, pages: Pages, browser: Browser, silence: Silence
):
    silence.asked.clear()
    with browser.open_unanswered(pages[name], silence) as visit:
        assert "loss" in visit.text()
        visit.touch_everything()
        assert (visit.requests, silence.asked, visit.errors) == ([], [], [])


@pytest.mark.parametrize("name", REPORTS)
def test_firefox_asks_nobody_for_anything(
    name: str, pages: Pages, firefox: Firefox, silence: Silence
):
    firefox.open(pages[name])
    silence.asked.clear()
    assert "loss" in firefox.evaluate("document.body.innerText")
    images = firefox.evaluate(
        "Promise.all([...document.images].map(i => i.decode())).then(() => document.images.length)"
    )
    assert images >= 0
    assert (firefox.requests, silence.asked, firefox.errors) == ([], [], [])


HOST = "http://elsewhere.example"
SECURE = "https://elsewhere.example"

LOADS: dict[str, dict[str, Any]] = {
    "a script": {"text/html": f"<script src='{HOST}/a.js'></script><p>beside it</p>"},
    "a module": {"text/html": f"<script type=module>import '{HOST}/a.mjs'</script>"},
    "an import": {"text/html": f"<script>import('{HOST}/a.mjs').catch(() => 0)</script>"},
    "a stylesheet": {"text/html": f"<link rel=stylesheet href='{HOST}/a.css'><p>beside it</p>"},
    "an import of styles": {"text/html": f"<style>@import '{HOST}/a.css';</style>"},
    "a font": {
        "text/html": f"<style>@font-face {{ font-family: f; src: url({HOST}/f.woff2) }}"
        ".f { font-family: f }</style><p class=f>in it</p>"
    },
    "an image": {"text/html": f"<img src='{HOST}/a.png'>"},
    "a background": {"text/html": f"<div style='background: url({HOST}/a.png)'>on it</div>"},
    "a frame": {"text/html": f"<iframe src='{HOST}/a.html'></iframe>"},
    "a frame with a page": {
        "text/html": f"<iframe srcdoc=\"<script src='{HOST}/a.js'></script>\"></iframe>"
    },
    "a frame of data": {
        "text/html": "<iframe src='data:text/html;base64,"
        + base64.b64encode(f"<script src='{HOST}/a.js'></script>".encode()).decode()
        + "'></iframe>"
    },
    "a fetch": {"text/html": f"<script>fetch('{HOST}/a').catch(() => 0)</script>"},
    "a socket": {"text/html": "<script>try { new WebSocket('ws://elsewhere.example') }"
                              " catch {}</script>"},
    "a beacon": {"text/html": f"<script>navigator.sendBeacon('{HOST}/a', '1')</script>"},
    "a worker": {
        "text/html": f"<script>new Worker(URL.createObjectURL(new Blob(["
        f"\"importScripts('{HOST}/a.js')\"])))</script>"
    },
    "a video": {"text/html": f"<video src='{HOST}/a.mp4' autoplay></video>"},
    "an object": {"text/html": f"<object data='{HOST}/a.svg'></object><embed src='{HOST}/a.pdf'>"},
    "hints": {
        "text/html": f"<link rel=preconnect href='{SECURE}'><link rel=prefetch href='{HOST}/a'>"
        f"<link href='{SECURE}' rel='dns-prefetch preconnect'>"
        f"<link rel=icon href='{HOST}/a.ico'>"
    },
    "speculation": {
        "text/html": '<script type="speculationrules">{"prefetch": [{"source": "list", '
        f'"urls": ["{SECURE}/a", "http://localhost:9/a"]}}]}}</script>'
    },
    "JavaScript": {"application/javascript": f"fetch('{HOST}/a').catch(() => 0)"},
    "require.js": {
        "text/html": f"<script src='{HOST}/require.js'></script><script>if (window.require) "
        "require(['plotly'], () => 0)</script>"
    },
    "an image of Markdown": {"text/markdown": f"![elsewhere]({HOST}/a.png)"},
    "a vector image": {
        "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{HOST}/a.png'/>"
        f"<style>@import '{HOST}/a.css';</style></svg>"
    },
    "a widget": {
        "application/vnd.jupyter.widget-view+json": {"model_id": "x", "version_major": 2},
        "text/plain": "a widget",
    },
    "TeX": {"text/latex": "$x^2$"},
}  # fmt: skip
"""Outputs that want something from elsewhere, each in its way."""


@pytest.fixture(scope="module")
def loading(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of a notebook that has each of them."""
    cells = [
        v4.new_code_cell(f"# {name}", outputs=[v4.new_output("display_data", data=data)])
        for name, data in LOADS.items()
    ]
    cells.append(v4.new_markdown_cell(f"![remote]({HOST}/c.png) <img src='{HOST}/d.png'> the end"))
    nb = v4.new_notebook(cells=cells)
    writer = ReportWriter({name: {} for name in REPORTS}, lambda _path: None)
    written = writer.write(nb, str(tmp_path_factory.mktemp("loading") / "nb.ipynb"))
    return dict(zip(REPORTS, map(Path, written)))


@pytest.mark.parametrize("name", REPORTS)
def test_outputs_that_want_a_network_ask_nobody_in_chromium(
    name: str, loading: dict[str, Path], browser: Browser, silence: Silence
):
    silence.asked.clear()
    with browser.open_unanswered(loading[name], silence) as visit:
        visit.settle()
        assert silence.asked == []
        assert "the end" in visit.text()


@pytest.mark.parametrize("name", REPORTS)
def test_outputs_that_want_a_network_ask_nobody_in_firefox(
    name: str, loading: dict[str, Path], firefox: Firefox, silence: Silence
):
    firefox.open(loading[name])
    silence.asked.clear()
    firefox.evaluate("new Promise(done => setTimeout(done, 500))")
    assert silence.asked == []
    assert "the end" in firefox.evaluate("document.body.innerText")


def test_where_the_network_is_allowed_outputs_do_ask(
    browser: Browser, silence: Silence, tmp_path: Path
):
    """And where it is not, the page names the host and the option. Otherwise the tests above would
    pass with a page that shows no outputs at all."""
    nb = v4.new_notebook(cells=[
        v4.new_code_cell("x", outputs=[v4.new_output("display_data", data=LOADS["a script"])])
    ])  # fmt: skip
    writer = ReportWriter({"html": {"network": True}}, lambda _path: None)
    (path,) = writer.write(nb, str(tmp_path / "nb.ipynb"))
    silence.asked.clear()
    with browser.page(proxy={"server": f"http://127.0.0.1:{silence.port}"}) as page:
        page.goto(Path(path).as_uri(), wait_until="commit")
        wait_for(lambda: silence.asked)
    assert silence.asked == [f"GET {HOST}/a.js"]


def test_an_output_that_wants_a_network_says_which_host_and_how_to_allow_it(
    loading: dict[str, Path], browser: Browser
):
    with browser.open(loading["html"]) as visit:
        text = visit.text()
    assert text.count("elsewhere.example") > 10
    assert "nb-report: {html: {network: yes}}" in text


# Read by everybody


VIEWS = [*itertools.product(REPORTS, ("light", "dark"), (1280, 390))]
SEEN_IN_MAKE_TEST = (("html", "light", 1280), ("html", "dark", 390), ("sanitized", "dark", 1280))


@pytest.mark.parametrize(
    "view", but_slow(VIEWS, *SEEN_IN_MAKE_TEST), ids="{0[0]} {0[1]} {0[2]}".format
)
def test_axe_finds_nothing_serious(view: tuple[str, str, int], pages: Pages, browser: Browser):
    name, scheme, width = view
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with browser.open(pages[name], **options) as visit:
        found = axe.Axe().run(visit.page).response["violations"]
    wrong = [
        (rule["id"], rule["impact"], node["html"][:200], node["failureSummary"][:300])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert wrong == []


LEFT_OUT = """() => [...document.querySelectorAll(
        'a[href], button, summary, input, select, [tabindex="0"]')]
    .filter(e => e.checkVisibility() && !e.dataset.reached)
    .map(e => e.localName + ' ' + e.textContent.trim().slice(0, 40))"""

FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"
DRAWN = f"() => {FRAME}.then(() => {FRAME})"

FOCUSED = """() => {
    const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    e.dataset.reached = 'yes';
    return {
        name: e.localName + ' ' + e.textContent.trim().slice(0, 40),
        is_marked: style.outlineStyle !== 'none' || style.boxShadow !== 'none',
        is_seen: box.bottom > 0 && box.top < innerHeight,
    };
}"""


def test_all_that_can_be_operated_is_reached_by_the_tab_key(pages: Pages, browser: Browser):
    with browser.open(pages["html"]) as visit:
        page = visit.page
        reached = []
        for _ in range(300):
            page.keyboard.press("Tab")
            page.evaluate(DRAWN)  # buttons come where the reader is
            if page.evaluate("() => document.activeElement === document.body"):
                break
            reached.append(page.evaluate(FOCUSED))
        assert len(reached) > 30
        assert page.evaluate(LEFT_OUT) == []
        assert [each["name"] for each in reached if not each["is_marked"]] == []
        assert [each["name"] for each in reached if not each["is_seen"]] == []


def test_each_fold_opens_and_closes_by_keyboard(pages: Pages, browser: Browser):
    with browser.open(pages["html"]) as visit:
        page = visit.page
        number = page.locator("summary").count()
        assert number > 10
        opened = """index => {
            const e = document.querySelectorAll('summary')[index];
            e.focus();
            return e.parentElement.open;
        }"""
        for index in range(number):
            if not page.locator("summary").nth(index).is_visible():
                continue
            before = page.evaluate(opened, index)
            page.keyboard.press("Enter")
            assert page.evaluate(opened, index) is not before
            page.keyboard.press("Space")
            assert page.evaluate(opened, index) is before


def test_each_line_of_the_contents_leads_to_its_place(pages: Pages, browser: Browser):
    with browser.open(pages["html"]) as visit:
        page = visit.page
        links = page.locator("nav a[href^='#']")
        texts = links.all_inner_texts()
        for wanted in ("100% of what is below it", "Errors", "Train the waves", "A wide table"):
            assert wanted in texts
        assert "It ends here failed" in [" ".join(text.split()) for text in texts]
        for index in range(len(texts)):
            links.nth(index).focus()
            page.keyboard.press("Enter")
            page.wait_for_function(
                """link => {
                    const to = document.getElementById(link.getAttribute('href').slice(1));
                    const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
                    const top = to.getBoundingClientRect().top;
                    return end ? top >= 0 && top < innerHeight : top >= -1 && top < 200;
                }""",
                arg=links.nth(index).element_handle(),
            )


def test_the_page_is_whole_without_scripts(pages: Pages, browser: Browser):
    texts = []
    for with_scripts in (True, False):
        with browser.open(pages["html"], java_script_enabled=with_scripts) as visit:
            page = visit.page
            page.evaluate("() => document.querySelectorAll('button').forEach(e => e.remove())")
            texts.append(visit.text())
            if not with_scripts:
                for fold in page.locator("main details").all():
                    summary = fold.locator("summary").first
                    if not summary.is_visible():
                        continue
                    is_open = fold.evaluate("e => e.open")
                    summary.click()
                    assert fold.evaluate("e => e.open") is not is_open
                    summary.click()
                assert page.locator("button").count() == 0
                assert page.locator("main math").count() == 3
    assert texts[0] == texts[1]
    for part in ("the <end>", "line 499", "lr", "0.25", "training: 3/3", "Train the waves"):
        assert part in texts[1]


@pytest.mark.parametrize("name", REPORTS)
def test_a_phone_scrolls_only_up_and_down(name: str, pages: Pages, browser: Browser):
    with browser.open(pages[name], viewport={"width": 360, "height": 740}) as visit:
        wide = visit.page.evaluate(
            """() => {
                if (document.scrollingElement.scrollWidth <= innerWidth) return [];
                return [...document.body.querySelectorAll('*')]
                    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
                    .map(e => e.localName + '.' + e.className).slice(0, 9);
            }"""
        )
        assert wide == []
        table = visit.page.locator("table.dataframe")
        scrolls = (
            "e => [...function*() { for (; e; e = e.parentElement) yield e; }()].some("
            "e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === 'auto')"
        )
        assert table.evaluate(scrolls)


def test_each_image_is_once_in_a_page(pages: Pages):
    for name in REPORTS:
        text = pages[name].read_text("utf-8")
        data = re.findall(r"data:image/[\w+]+;base64,([\w+/=]{200,})", text)
        assert len(data) >= 1 and len(data) == len(set(data)), name
