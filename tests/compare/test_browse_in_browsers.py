"""The page that compares runs from ``guild-notebook browse``, in Chromium and in Firefox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import firefox as firefoxes
from tests.helpers.both_browsers import InChromium, InFirefox, Opened
from tests.helpers.browse import Served, served
from tests.helpers.browser import LIMIT as MILLISECONDS
from tests.helpers.browser import Browser
from tests.helpers.firefox import Firefox
from tests.helpers.project import LIMIT, Project, start, wait_for
from tests.helpers.silence import Silence

IMAGE = """# Picture
import struct, zlib
from IPython.display import Image
rows = b"".join(b"\\0" + bytes([int(lr * 250)] * 240) for _ in range(60))
def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
head = chunk(b"IHDR", struct.pack(">IIBBBBB", 80, 60, 8, 2, 0, 0, 0))
start = b"\\x89PNG\\r\\n\\x1a\\n" + head
Image(start + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))"""

CELLS = (
    "lr = 0.1\npause = ''",
    "# Rate\nprint('rate', lr)",
    IMAGE,
    "# Pause\nimport os, time\nwhile pause and not os.path.exists(pause):\n    time.sleep(0.05)",
    "# After\nprint('after the pause', lr)",
)

HOSTILE = """<!DOCTYPE html><meta charset="utf-8"><title>hostile</title>
<img src="train_3_0.png"><p id="told"></p><script>
const root = location.pathname.split('/').slice(0, 2).join('/');
async function tried(what) {
    try { return String(await what()); } catch (error) { return error.name; }
}
(async () => {
    const told = [];
    for (const path of [root + '/', root + '/runs/chosen/data', 'train_3_0.png'])
        told.push(await tried(async () => (await fetch(path, {credentials: 'include'})).status));
    told.push(await tried(() => document.cookie));
    told.push(await tried(() => localStorage.length));
    told.push(await tried(() => String(opener)));
    told.push(String(location.href.includes('token')));
    document.getElementById('told').textContent = told.join(' ');
})();
</script>"""


@pytest.fixture(scope="module")
def home(shared: Project) -> Project:
    """A project with three runs of one operation. The report of the newest is hostile."""
    shared.notebook("train.ipynb", *CELLS)
    shared.guildfile("train:\n  notebook: train.ipynb\n  flags-import: all\n")
    runs = shared.run("train", "lr=[0.1,0.5,0.9]").runs
    (newest,) = (run for run in runs if run.flags["lr"] == 0.9)
    (newest.dir / "train.html").write_text(HOSTILE)
    return shared


@pytest.fixture(scope="module")
def server(home: Project) -> Iterator[Served]:
    with served(home, "-Fo", "train") as made:
        yield made


@pytest.fixture(scope="module")
def own_firefox(
    server: Served, silence: Silence, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox]:
    profile = tmp_path_factory.mktemp("firefox") / "profile"
    made = Firefox(firefoxes.executable(), profile, silence, f"127.0.0.1:{server.port}")
    yield made
    made.close()


@pytest.fixture(params=["Chromium", "Firefox"])
def opened(request: pytest.FixtureRequest, server: Served, silence: Silence) -> Iterator[Opened]:
    """The page in a browser that can reach the server and nothing else, opened by the address that
    the command has printed."""
    asked: list[str] = []
    if request.param == "Chromium":
        browser: Browser = request.getfixturevalue("browser")
        direct = f"127.0.0.1:{server.port}"
        proxy = {"server": f"http://127.0.0.1:{silence.port}", "bypass": direct}
        with browser.page(viewport={"width": 1400, "height": 900}, proxy=proxy) as page:
            page.context.on("request", lambda request: asked.append(request.url))
            made: Opened = InChromium(page)
            page.goto(server.address, timeout=MILLISECONDS)
            wait_for_page(made, "document.querySelector('.live')")
            yield made
    else:
        firefox: Firefox = request.getfixturevalue("own_firefox")
        firefox.open_url(server.address, 1400, 900)
        made = InFirefox(firefox)
        wait_for_page(made, "document.querySelector('.live')")
        yield made
        asked = firefox.requests
    own = (f"http://127.0.0.1:{server.port}/", "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    # Firefox asks for an icon of each page, and says that the page's policy refuses it.
    assert [error for error in made.errors() if "favicon.ico" not in error] == []


IS_LOADED = "location.href !== 'about:blank' && document.readyState === 'complete'"


def wait_for_page(opened: Opened, expression: str) -> None:
    """Wait until it is true, of a page that is on its way: one that goes evaluates nothing."""

    def is_true() -> bool:
        try:
            return bool(opened.evaluate(f"Boolean({expression})"))
        except Exception:  # the two browsers' own
            return False

    wait_for(is_true)


@contextmanager
def link_opened(page: Opened, selector: str) -> Iterator[Opened]:
    """The page in a new tab that a click on a link opens."""
    if isinstance(page, InChromium):
        with page.page.context.expect_page() as opening:
            page.click(selector)
        made = InChromium(opening.value)
        wait_for_page(made, IS_LOADED)
        yield made
        opening.value.close()
        return
    assert isinstance(page, InFirefox)
    firefox, own = page.firefox, page.firefox.context

    def contexts() -> set[str]:
        tree = firefox.tell("browsingContext.getTree", maxDepth=0)["contexts"]
        return {each["context"] for each in tree}

    before = contexts()
    page.click(selector)
    wait_for(lambda: contexts() - before)
    (firefox.context,) = contexts() - before
    try:
        wait_for_page(page, IS_LOADED)
        yield page
    finally:
        firefox.tell("browsingContext.close", context=firefox.context)
        firefox.context = own


def choose_cell(page: Opened, name: str) -> None:
    names = "[...document.querySelectorAll('nav.cells .cell-name')]"
    found = f"{names}.find(e => e.textContent === {json.dumps(name)})"
    page.evaluate(f"void {found}.closest('button').click()")
    page.wait(f"document.querySelector('.cell-title').textContent === {json.dumps(name)}")


def choose_run(page: Opened, lr: float) -> None:
    rows = "[...document.querySelectorAll('tbody tr[data-run]')]"
    page.evaluate(f"void {rows}.find(e => e.innerText.includes('{lr}')).click()")
    page.wait(f"document.querySelector('tr.is-chosen').innerText.includes('{lr}')")


def test_the_page_is_that_of_a_file_with_its_controls_and_its_images(opened: Opened):
    assert opened.text("h1") == "train: 3 runs"
    assert opened.evaluate("location.search") == ""
    choose_cell(opened, "Picture")
    opened.press("1")
    opened.wait("document.body.dataset.view === 'sheet'")
    sizes = "[...document.images].filter(e => e.checkVisibility()).map(e => e.naturalWidth)"
    opened.wait(f"{sizes}.length >= 3 && {sizes}.every(e => e === 80)")
    sources = opened.evaluate("[...document.images].map(e => new URL(e.src).pathname)")
    assert all("/runs/chosen/image/" in source for source in sources)
    choose_run(opened, 0.5)
    opened.press("2", "ArrowRight")
    opened.wait("document.querySelector('tr.is-chosen').innerText.includes('0.9')")
    choose_cell(opened, "Rate")
    opened.wait("document.querySelector('main').innerText.includes('rate 0.9')")


def test_a_run_that_executes_is_shown_with_its_cell_and_then_with_its_outputs(
    opened: Opened, home: Project, tmp_path: Path
):
    go_on = tmp_path / "go-on"
    choose_cell(opened, "After")
    choose_run(opened, 0.5)
    rows = opened.count("tbody tr[data-run]")
    running = start(home, "run", "-y", "train", "lr=0.3", f"pause={go_on}")
    try:
        opened.wait("document.querySelector('.live li')?.innerText.includes('cell 4 of 5')")
        assert "lr=0.3" in opened.text(".live li")
        opened.wait(f"document.querySelectorAll('tbody tr[data-run]').length === {rows + 1}")
        assert "0.5" in opened.text("tr.is-chosen")  # what was chosen is kept
        assert opened.text(".cell-title") == "After"
        elapsed = opened.text(".live time")
        opened.wait(f"document.querySelector('.live time').textContent !== {elapsed!r}")
        with link_opened(opened, ".live li a") as notebook:
            assert "rate 0.3" in notebook.evaluate("document.body.innerText")
            assert notebook.evaluate("origin") == "null"
        opened.click(".live li button")
        opened.wait("document.querySelector('tr.is-chosen').innerText.includes('0.3')")
        assert "after the pause 0.3" not in opened.text("main")
        go_on.touch()
        opened.wait("document.querySelector('main').innerText.includes('after the pause 0.3')")
        opened.wait("document.querySelector('.live ul').hidden")
        assert "0.3" in opened.text("tr.is-chosen")
    finally:
        go_on.touch()
        running.communicate(timeout=LIMIT)
        for run in home.run_dirs():
            if str(go_on) in (run / ".guild" / "attrs" / "flags").read_text():
                home.guild("runs", "delete", "-y", "-p", run.name)


def test_a_report_opens_and_can_reach_nothing_of_the_page(opened: Opened):
    choose_run(opened, 0.9)
    with link_opened(opened, "main a.report") as report:
        report.wait("document.getElementById('told').textContent")
        refused = "TypeError TypeError TypeError SecurityError SecurityError null false"
        assert report.text("#told") == refused
        assert report.evaluate("origin") == "null"
        report.wait("document.images[0].complete")
        assert report.evaluate("document.images[0].naturalWidth") == 80
    choose_run(opened, 0.5)
    with link_opened(opened, "main a.report") as report:
        assert "rate 0.5" in report.evaluate("document.body.innerText")
    if isinstance(opened, InFirefox):
        opened.firefox.events.clear()  # the console has what the hostile report was refused


def test_the_home_is_a_click_away(opened: Opened):
    opened.evaluate("void document.querySelector('.live a').click()")
    wait_for_page(opened, f"document.title === 'Runs to compare' && {IS_LOADED}")
    assert opened.text("h1") == "Runs to compare"
    opened.evaluate("void document.querySelector('th a').click()")
    wait_for_page(opened, "document.querySelector('.live')")
    assert "/sweep/" in opened.evaluate("location.pathname")


@pytest.mark.parametrize("opened", ["Chromium"], indirect=True)
def test_a_page_that_is_hidden_asks_for_nothing(opened: Opened, server: Served):
    assert isinstance(opened, InChromium)
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.evaluate(
        "(() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); })()"
    )
    asked.clear()
    opened.page.wait_for_timeout(3000)
    assert asked == []
    opened.evaluate(
        "(() => { delete document.hidden;"
        " document.dispatchEvent(new Event('visibilitychange', {bubbles: true})); })()"
    )
    wait_for(lambda: opened.page.wait_for_timeout(50) or asked)
    assert asked == [server.address.partition("/?")[0] + server.page + "data"]


def test_a_page_says_when_its_server_has_ended(home: Project, browser: Browser):
    with browser.page() as page:
        with served(home) as made:
            page.goto(made.address, timeout=MILLISECONDS)
            page.wait_for_selector(".live", timeout=MILLISECONDS)
            made.end()
        page.wait_for_selector(".live-note:not([hidden])", timeout=MILLISECONDS)
        note: Any = page.inner_text(".live-note")
        assert note.startswith("As of ") and note.endswith(": the server does not answer")
        assert "train" in page.inner_text("h1")
