"""One page in a real browser: its theme, its folds, its copies, a phone, paper and the keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from guild_notebook.run.report.page import page_html
from tests.helpers.browser import LIMIT, Browser

ROW = "".join(f"<td>value {n}</td>" for n in range(40))


def notebook() -> Any:
    def code(source: str, *outputs: Any, **metadata: Any) -> Any:
        return v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)

    def stream(text: str) -> Any:
        return v4.new_output("stream", text=text)

    table = f"<table><thead><tr>{ROW}</tr></thead><tbody><tr>{ROW}</tr></tbody></table>"
    styled = "<p id='styled' style='color: #222222'>dark</p>"
    fixed = "<p id='fixed' style='position: fixed; inset: 0; margin: 0; z-index: 9'>over all</p>"
    data = [{"text/html": table}, {"text/html": styled}, {"text/html": fixed}]
    cells = [
        v4.new_markdown_cell(f"# Title\n\n`{'long_word' * 30}`\n\n|a|\n|-|\n|{'wide ' * 200}|\n"),
        code("x = 1\ny = 2", stream("".join(f"line {n}\n" for n in range(500)))),
        code(f"# Wide\nz = '{'z' * 400}'", stream("w" * 300)),
        code("folded()", tags=["hide-input"]),
        code("show()", *(v4.new_output("display_data", data=each) for each in data)),
        *(v4.new_markdown_cell(f"## Part {n}\n\n{'text ' * 300}") for n in range(20)),
    ]
    return v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "nb.html"
    path.write_text(page_html(notebook(), title="nb", kind="html"), "utf-8")
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, file: Path) -> Iterator[Any]:
    with browser.page(viewport={"width": 1280, "height": 800}) as page:
        page.goto(file.as_uri(), timeout=LIMIT)
        yield page


@pytest.fixture
def page(opened: Any, file: Path) -> Any:
    opened.emulate_media(media="screen", color_scheme="light")
    opened.set_viewport_size({"width": 1280, "height": 800})
    opened.evaluate("localStorage.clear()")
    opened.goto("about:blank")
    opened.goto(file.as_uri(), timeout=LIMIT)
    return opened


def ground(page: Any, selector: str = "body") -> str:
    return page.locator(selector).evaluate("e => getComputedStyle(e).backgroundColor")


LIGHT, DARK = "rgb(255, 255, 255)", "rgb(21, 23, 28)"


def test_the_theme_is_the_system_s_until_the_reader_switches_it(page: Any):
    assert ground(page) == LIGHT
    page.emulate_media(color_scheme="dark")
    assert ground(page) == DARK
    page.get_by_role("button", name="Light").click()
    assert ground(page) == LIGHT
    page.reload()
    assert ground(page) == LIGHT
    page.get_by_role("button", name="Dark").click()
    assert ground(page) == DARK


def test_what_has_colours_of_its_own_is_on_a_light_ground_in_the_dark(page: Any):
    page.emulate_media(color_scheme="dark")
    assert ground(page, ".output:has(> #styled)") == LIGHT
    colour = page.locator(".output td").first.evaluate("e => getComputedStyle(e).color")
    assert colour == "rgb(221, 225, 231)"  # of the page


def test_an_output_that_would_lie_over_the_page_stays_within_itself(page: Any):
    box, output = (page.locator(e).bounding_box() for e in ("#fixed", ".output:has(> #fixed)"))
    assert box["y"] >= output["y"] and box["width"] <= output["width"] < 1000
    page.get_by_role("button", name="Dark").click()  # it can be reached


LARGE = "<table>" + ("<tr>" + "<td>value</td>" * 9 + "</tr>") * 6_000 + "</table>"


@pytest.fixture(scope="module", params=["html", "sanitized"])
def large_file(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a large table, and with a text of many colours that has the same words."""
    path = tmp_path_factory.mktemp("large") / "nb.html"
    text = "".join(f"\x1b[31mred {n}\x1b[0m " * 9 + "\n" for n in range(900))
    outputs = [
        v4.new_output("display_data", data={"text/html": LARGE}),
        v4.new_output("stream", text=text),
        *[v4.new_output("display_data", data={"text/html": "<i>one</i> <b>two</b>"})] * 2_000,
    ]
    nb = v4.new_notebook(cells=[v4.new_code_cell("show()", outputs=outputs)])
    path.write_text(page_html(nb, title="nb", kind=request.param), "utf-8")
    return path


COUNTS = "names => names.map(name => document.querySelectorAll(`main ${name}`).length)"


@pytest.mark.slow
def test_what_is_folded_and_large_is_made_when_it_is_opened(browser: Browser, large_file: Path):
    names = ["td", ".stdout span", ".output b"]
    with browser.page() as page:
        page.goto(large_file.as_uri(), timeout=LIMIT)
        assert page.evaluate(COUNTS, names) == [0, 144, 118]
        for summary in page.locator("main summary").all()[1:]:
            summary.click()
        made = f"names => String(({COUNTS})(names)) === '54000,8100,2000'"
        page.wait_for_function(made, arg=names)
        page.reload()
        page.get_by_role("button", name="Open all").click()
        page.wait_for_function(made, arg=names)


@pytest.mark.slow
def test_what_is_folded_and_large_is_there_without_scripts(browser: Browser, large_file: Path):
    with browser.page(java_script_enabled=False) as page:
        page.goto(large_file.as_uri(), timeout=LIMIT)
        assert page.locator("main td").count() == 54_000
        assert page.locator("main .stdout span").count() == 8_100


def test_code_folds_and_opens_alone_and_all_at_once(page: Any):
    states = "all => all.map(e => e.open)"
    sources = page.locator("details.source")
    assert sources.evaluate_all(states) == [True, True, False, True]
    page.locator("details.source > summary").first.click()
    assert sources.evaluate_all(states) == [False, True, False, True]
    page.get_by_role("button", name="Open all").click()
    assert page.locator("main details").evaluate_all(states) == [True] * 5
    page.get_by_role("button", name="Fold all").click()
    assert sources.evaluate_all(states) == [False] * 4


def test_code_and_text_are_copied_as_they_are(page: Any):
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.evaluate(  # what is said is gone after two seconds
        """() => {
            const status = document.querySelector('[role=status]');
            window.said = [];
            new MutationObserver(() => said.push(status.innerText)).observe(
                status, {childList: true, subtree: true});
        }"""
    )
    page.locator(".source").first.hover()
    page.locator(".source .copy").first.click()
    assert page.evaluate("window.copied") == "x = 1\ny = 2"
    page.wait_for_function("said.includes('Copied')")
    page.evaluate("said.length = 0")
    page.locator(".output .copy").first.click()
    assert page.evaluate("window.copied") == "\n".join(f"line {n}" for n in range(500))
    page.wait_for_function("said.includes('Copied')")


def test_a_link_to_what_is_folded_opens_it(page: Any):
    page.evaluate("document.querySelector('details.more').id = 'more'; location.hash = '#more'")
    page.locator("#more[open]").wait_for(timeout=LIMIT)


def test_the_contents_say_where_the_reader_is(page: Any):
    page.locator("#Part-7").scroll_into_view_if_needed()
    page.locator(".contents a", has_text="Part 7").click()
    page.locator(".contents [aria-current]:text-is('Part 7')").wait_for(timeout=LIMIT)
    box = page.locator(".contents").bounding_box()
    assert 0 <= box["y"] < 100  # it has not scrolled away


def test_a_phone_scrolls_a_table_and_not_the_page(page: Any):
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("innerWidth === 360")
    page.locator("details.more > summary").click()
    page.wait_for_function("document.querySelector('details.more pre')?.checkVisibility()")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    contents = page.locator(".contents ul")
    assert not contents.is_visible()
    page.locator(".contents summary").click()
    contents.wait_for(state="visible")
    page.locator(".contents a", has_text="Part 3").click()
    contents.wait_for(state="hidden")
    table = page.locator(".output[role=region]")
    table.scroll_into_view_if_needed()
    # It is laid out when it comes into view.
    page.wait_for_function("e => e.scrollWidth > e.clientWidth", arg=table.element_handle())


def test_the_keyboard_reaches_the_notebook_and_scrolls_tables_and_lines(page: Any):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the notebook"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    for selector in (
        ".output[role=region]",
        ".source pre >> nth=1",
        ".output pre.stdout >> nth=-1",
    ):
        part = page.locator(selector)
        part.focus()
        page.keyboard.press("ArrowRight")
        has_scrolled = "e => e.scrollLeft > 0 && document.activeElement === e"
        page.wait_for_function(has_scrolled, arg=part.element_handle())


def test_on_paper_all_is_open_and_nothing_is_cut(page: Any):
    page.emulate_media(media="print", color_scheme="dark")
    assert ground(page) == LIGHT
    assert not page.locator(".side").is_visible() and not page.locator(".copy").first.is_visible()
    for text in ("line 250", "folded()"):
        part = page.locator("pre", has_text=text).first
        assert part.evaluate("e => e.getBoundingClientRect().height > 10"), text
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    cut = page.locator("pre").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert cut == 0


def test_without_its_script_a_page_shows_the_same(browser: Browser, file: Path):
    with browser.page(java_script_enabled=False, color_scheme="dark") as page:
        page.goto(file.as_uri(), timeout=LIMIT)
        assert page.locator(".contents a").count() == 22
        assert page.locator(".contents a").first.is_visible()
        assert page.locator("button").count() == 0
        page.locator("details.more > summary").click()
        assert page.locator("pre", has_text="line 250").is_visible()
        page.locator(".contents a", has_text="Part 9").click()
        page.wait_for_url("**#Part-9")
