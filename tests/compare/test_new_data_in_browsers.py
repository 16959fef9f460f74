"""A page that is served and has got other data: a run and a cell more, both before all others, so
that each of these has another place. What a user has chosen, opened and focused stays."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.helpers import compare_data
from tests.helpers.both_browsers import Opened, fragment
from tests.helpers.made_up_server import MadeUpServer
from tests.helpers.slow import but_slow

pytestmark = pytest.mark.parametrize(
    "open_page",
    but_slow(["Chromium, served", "Firefox, served"], "Chromium, served"),
    indirect=True,
)


@pytest.fixture(scope="module")
def made() -> Any:
    return {"sweep": compare_data.sweep()}


def later(data: compare_data.Data) -> compare_data.Data:
    """The data after one more run, of a notebook that has one more cell."""
    new = copy.deepcopy(data)
    values = {"activation": "tanh", "hidden_units": 128, "learning_rate": 0.3}
    flags = {**values, "epochs": 10, "seed": 0}
    new["runs"].insert(0, compare_data.run(99, flags, {"accuracy": 0.5, "loss": 0.7}, [*values]))
    for run in new["runs"]:
        run["failed"] = run["failed"] and run["failed"] + 1
    for section in new["sections"]:
        for name in ("runs", "slots"):
            section[name] = [place + 1 for place in section[name]]
    for name in ("runs", "slots"):
        new["sections"][0][name].insert(0, 0)
    for slot, row in zip(new["slots"], new["cells"]):
        if slot["section"] == 0:
            row.insert(0, copy.deepcopy(row[0]))
    new["slots"].insert(0, compare_data.slot("Imports", 0.02, "text", reached=[]))
    new["cells"].insert(0, copy.deepcopy(new["cells"][0]))
    for curve in new["curves"]:
        curve["run"] += 1
    new["flags"] = compare_data.flags_of(new["runs"])
    return {**new, "title": f"digits: {len(new['runs'])} runs"}


TELL_READ = """(() => {
    const ask = fetch;
    window.fetch = async (...how) => {
        const answer = await ask(...how), read = answer.json.bind(answer);
        answer.json = async () => {
            const data = await read();
            setTimeout(() => { window.isRead = true; });
            return data;
        };
        return answer;
    };
})()"""
"""So that ``isRead`` is set once a page has read other data."""


class Live:
    """A page whose data is now the first, now the later."""

    def __init__(self, page: Opened, server: MadeUpServer, made: Any) -> None:
        self.page, self._server, self._next = page, server, 1
        data, self._images = made["sweep"]
        self._data = data, later(data)

    def arrives(self) -> None:
        """Other data comes, and is shown."""
        data, self._next = self._data[self._next], 1 - self._next
        self._server.replace("sweep", data, self._images)
        self.page.evaluate(
            "void document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
        )
        self.page.wait(f"document.querySelector('h1').innerText === {json.dumps(data['title'])}")
        self.page.frame()

    def arrives_again(self) -> None:
        """The same data comes under another tag."""
        self._server.replace("sweep", self._data[1 - self._next], self._images)
        self.page.evaluate(f"{TELL_READ}, void document.dispatchEvent("
                           "new Event('visibilitychange', {bubbles: true}))")  # fmt: skip
        self.page.wait("window.isRead")
        self.page.frame()


@pytest.fixture
def live(open_page: Any, made_up: MadeUpServer, made: Any) -> Any:
    def opens(fragment: str = "") -> Live:
        made_up.replace("sweep", *made["sweep"])
        return Live(open_page(fragment), made_up, made)

    return opens


def shown(page: Opened) -> dict[str, Any]:
    """What is chosen, as the page shows it."""
    names = "[...document.querySelectorAll('.runs tbody th button')].map(e => e.innerText)"
    return {
        "cell": page.text(".cell-title"),
        "current": page.evaluate(
            "document.querySelector('.cells [aria-current] .cell-name').innerText"
        ),
        "run": page.text(".runs tr.is-chosen th button"),
        "base": page.text(".runs tr.is-base th button"),
        "tile": page.evaluate(
            "[...document.querySelectorAll('.tile.is-chosen')].filter(e => e.checkVisibility())"
            ".map(e => e.title)"
        ),
        "filter": page.evaluate("document.querySelector('#filter').value"),
        "rows": page.evaluate(names),
        "sorted": page.evaluate("document.querySelector('[aria-sort]').dataset.key"),
        "columns": page.texts(".runs thead th[data-key]"),
        "view": page.evaluate("document.body.dataset.view"),
    }


def test_what_is_chosen_stays(live: Any):
    columns = json.dumps(["scalar:loss", "flag:activation", "flag:learning_rate"])
    each = live(f"columns={columns}")
    page = each.page
    page.click("#filter")
    page.press(*"hidden_units<100 loss<1")
    page.frame()
    page.click(".runs thead button", "loss")
    page.click('.runs tr[data-run="3"] td')
    page.press("b")
    page.click('.runs tr[data-run="6"] td')
    page.click('[data-slot="3"]')
    address = fragment(page)
    for view in ("1", "2", "3", "1", "2"):
        page.press(view)
        before = shown(page)
        assert (before["cell"], before["run"], before["filter"]) == (
            *("Report", "1679091c", "hidden_units<100 loss<1"),
        )
        each.arrives()
        assert shown(page) == before
    assert fragment(page) == address


FOCUS = """(() => {
    const e = document.activeElement;
    const name = e.labels?.[0]?.textContent ?? e.getAttribute('aria-label') ?? e.textContent;
    return [e.localName, e.id, name.slice(0, 200)];
})()"""
KINDS = """(() => {
    const found = new Map();
    const controls = 'a[href], button, summary, input, select, [tabindex="0"]';
    for (const e of document.querySelectorAll(controls)) {
        if (!e.checkVisibility() || e.disabled) continue;
        const within = e.closest('[class]:is(section, nav, aside, header, div)');
        const parts = [within?.className, e.parentElement.localName, e.localName];
        const kind = [...parts, e.getAttribute('class')].join(' ');
        if (!found.has(kind) || e.tabIndex > found.get(kind).tabIndex) found.set(kind, e);
    }
    [...found.values()].forEach((e, i) => { e.dataset.kind = i; });
    return [...found.keys()];
})()"""


@pytest.mark.parametrize("view", but_slow(["sheet", "one", "two"], "sheet"))
def test_what_has_the_focus_keeps_it(view: str, live: Any):
    each = live(f"view={view}&cell=Training&run=c81e728d")
    page = each.page
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    page.frame()
    lost = []
    kinds = page.evaluate(KINDS)
    for number, kind in enumerate(kinds):
        page.evaluate(KINDS)
        page.evaluate(f"void document.querySelector('[data-kind=\"{number}\"]')?.focus()")
        before = page.evaluate(FOCUS)
        each.arrives()
        after = page.evaluate(FOCUS)
        if after != before:
            lost.append((kind, before, after))
    assert (lost, len(kinds) > 25) == ([], True)


@pytest.mark.parametrize("view", but_slow(["sheet", "one"], "sheet"))
def test_a_tile_keeps_the_focus_where_no_tile_is_new(view: str, live: Any):
    each = live(f"view={view}&cell=Training&run=c81e728d")
    each.page.evaluate("void document.querySelector('.tile.is-base').focus()")
    before = each.page.evaluate(FOCUS)
    each.arrives_again()
    assert each.page.evaluate(FOCUS) == before
    assert before[2] != each.page.evaluate("document.querySelector('.tile.is-chosen').ariaLabel")


def test_folds_stay_as_they_are(live: Any):
    each = live("view=two&cell=Training&run=c81e728d")
    page = each.page
    page.wait("document.querySelector('[data-of=\"1\"] table')")
    for selector, text in (
        ('[data-of="0"] > summary', None),  # is the same, and opened
        ('[data-of="3"] > summary', None),  # differs, and folded
        (".cells .silent summary", None),
        (".chooser summary", "Columns"),
        (".panel summary", "As a table"),
    ):
        page.click(selector, text)
    folds = (
        "[...document.querySelectorAll('details')].filter(e => e.parentElement.checkVisibility())"
        ".map(e => [e.firstChild.innerText, e.open])"
        ".filter(([text]) => !text.startsWith('Imports'))"
    )
    before = page.evaluate(folds)
    assert sum(is_open for _, is_open in before) >= 7
    for _ in range(2):
        each.arrives()
        assert page.evaluate(folds) == before
    page.wait("document.querySelector('[data-of=\"1\"] table')")  # what is in them is there


def test_what_is_typed_goes_on_while_data_comes(live: Any):
    each = live()
    page = each.page
    page.click("#filter")
    page.press(*"hidden")
    each.arrives()
    page.press(*"_units=8")
    page.wait("document.querySelector('.matched').textContent.startsWith('5 of 17')")
    assert page.evaluate("document.querySelector('#filter').value") == "hidden_units=8"
