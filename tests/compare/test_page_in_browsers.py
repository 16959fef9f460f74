"""The page that compares runs in Chromium and in Firefox, from a file and served: each of its
controls, by mouse and by keyboard; it asks nobody else for anything, and executes nothing of a run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import compare_data, payloads
from tests.helpers.both_browsers import InChromium, Opened, fragment, in_chromium, in_firefox
from tests.helpers.browser import Beacons, Browser
from tests.helpers.firefox import Firefox
from tests.helpers.silence import Silence
from tests.helpers.slow import but_slow

CHOSEN = "document.querySelector('.tile.is-chosen').title"
FIRST, BASE = (
    "activation=relu hidden_units=8 learning_rate=0.01",
    "activation=relu hidden_units=8 learning_rate=0.1",
)
FAILED = "activation=relu hidden_units=8 learning_rate=1.0"
IMAGE = (
    "(async () => { const i = document.querySelector('.one-outputs img'); await i.decode();"
    " return [i.naturalWidth, i.naturalHeight, i.src.slice(0, 5) === 'data:']; })()"
)


@pytest.fixture(scope="module")
def made() -> Any:
    return {
        **{"sweep": compare_data.sweep(), "random": compare_data.random_search()},
        **{"alike": alike(), "names": of_all_objects()},
    }


def of_all_objects() -> tuple[compare_data.Data, compare_data.Images]:
    """Two runs, of which only the first has a flag and a scalar that are called as what every
    object of JavaScript has."""
    made = compare_data.Builder()
    made.source("x")
    cells = {"n": 1, "state": "completed", "seconds": 1.0, "memory": None, "source": 0}
    row: list[Any] = [{**cells, "outputs": [made.text(text)]} for text in ("one", "two")]
    runs = [
        compare_data.run(0, {"lr": 1, "constructor": 7}, {"toString": 0.5}, ["lr"]),
        compare_data.run(1, {"lr": 2}, {}, ["lr"]),
    ]
    return made.data(runs, [compare_data.slot("Text", 0.5, "text")], [row], []), made.images


def alike() -> tuple[compare_data.Data, compare_data.Images]:
    """Two runs, whose outputs are stored twice each: see ``same`` of page_data.py."""
    made = compare_data.Builder()
    made.source("x")
    rows: list[list[Any]] = []
    for first, second in (
        ({"text": "took 1.5 s", "same": 0}, {"text": "took 2.5 s", "same": 0}),
        ({"text": "took 1.5 s: 7", "same": 1}, {"text": "took 1.5 s: 8", "same": 2}),
        ({"text": "as of 2026-11-01"}, {"text": "as of 2026-11-01", "same": 3}),
        ({"text": "long", "cut": 9}, {"text": "long", "cut": 9, "same": 4}),
        ({"kind": "figure", "text": "x"}, {"kind": "figure", "text": "x", "same": 5}),
    ):
        row = []
        for each in (first, second):
            made.outputs.append({"kind": "text", "from": "stdout", "cut": 0, **each})
            cell = {"n": 1, "state": "completed", "seconds": 1.0, "memory": None, "source": 0}
            row.append({**cell, "outputs": [len(made.outputs) - 1]})
        rows.append(row)
    names = ("Time", "Number", "Date", "Long", "Figure")
    slots = [compare_data.slot(name, 0.1, "text") for name in names]
    runs = [compare_data.run(number, {"lr": number}, {}, ["lr"]) for number in range(2)]
    return made.data(runs, slots, rows, []), made.images


# What the page opens on


def test_it_opens_on_the_plot_that_changed_most(open_page: Any):
    page = open_page()
    assert page.text(".cell-title") == "Mistakes"
    assert page.text(".head h1") == "digits: 16 runs"
    assert page.texts(".counts span") == ["◆ 1 failed", "◌ 1 running", "4 flags vary"]
    assert page.evaluate(IMAGE) == [320, 220, False]
    assert page.evaluate(CHOSEN) == FIRST
    assert page.texts(".sliders .same") == ["in all runs: epochs=10 seed=0"]
    caption = page.text("figcaption")
    assert "● completed" in caption and "accuracy 0.835" in caption and "hidden_units 8" in caption


def test_cells_are_listed_by_change_with_what_is_to_be_known_of_them(open_page: Any):
    page = open_page()
    assert [text.split(" ")[0] for text in page.texts(".cells li button")] == [
        *("Mistakes", "Training", "Report", "Learning", "Stamp", "Data", "Chart", "Columns")
    ]
    assert page.texts(".cells .silent summary") == ["1 without output"]
    assert "◆1" in page.text('[data-slot="1"]') and "same" in page.text('[data-slot="0"]')
    page.click(".cells summary")
    page.click('[data-slot="6"]')
    assert page.text(".one .hole") == "no output"
    page.click('[data-slot="5"]')
    assert "it is not deterministic" in page.text(".unexplained")
    assert fragment(page)["cell"] == "Stamp"


@pytest.mark.parametrize("view", ["one", "sheet", "two"])
def test_what_every_object_has_is_not_a_flag_or_a_scalar(open_page: Any, view: str):
    other = compare_data.run(1, {}, {}, [])["short"]
    page = open_page(f"view={view}&run={other}", "names")
    assert "native" not in page.text("#page") and "function" not in page.text("#page")
    assert "constructor" in page.text("#page")


# Moving through runs


def test_a_slider_shows_the_run_with_that_value(open_page: Any):
    page = open_page()
    before = page.evaluate("document.querySelector('.one-outputs img').src")
    page.focus(".slider input")
    page.press("ArrowRight")
    assert page.evaluate(CHOSEN) == "activation=relu hidden_units=32 learning_rate=0.01"
    assert page.text(".slider output") == "32"
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "32"
    assert page.evaluate(IMAGE) == [320, 220, False]
    assert page.evaluate("document.querySelector('.one-outputs img').src") != before
    page.press("End")
    assert page.evaluate(CHOSEN) == "activation=relu hidden_units=128 learning_rate=0.01"


def test_a_value_that_no_run_has_with_the_others_says_which_flags_moved(open_page: Any):
    page = open_page()
    page.focus("#flag-4")  # learning_rate
    page.press("End")  # only the run that failed has it
    assert page.evaluate(CHOSEN) == FAILED
    page.focus("#flag-3")  # hidden_units
    page.press("ArrowRight")
    assert page.evaluate(CHOSEN) == "activation=relu hidden_units=32 learning_rate=0.1"
    assert page.text(".said").startswith("also moved: learning_rate 1 → 0.1 · ")


def test_a_text_is_chosen_among_its_values(open_page: Any):
    page = open_page()
    page.click(".choice label", "tanh")
    assert page.evaluate(CHOSEN) == "activation=tanh hidden_units=8 learning_rate=0.01"
    page.focus('.choice input[value="tanh"]')
    page.press("ArrowLeft")
    assert page.evaluate(CHOSEN) == FIRST


def test_a_continuous_flag_steps_through_all_runs(open_page: Any):
    page = open_page(name="random")
    assert page.evaluate("[...document.querySelectorAll('.slider input')].map(e => e.max)") == [
        *("38", "39")  # two runs have the same decay
    ]
    page.focus(".slider input")
    page.press("Home")
    assert page.text(".slider output") == "0.0021"  # the lowest of all decays
    page.press("ArrowRight")
    assert page.text(".slider output") == "0.0215"
    assert page.text(".said").startswith("also moved: lr ")
    assert len(page.texts(".slider output")[1]) <= len("0.000123456")  # six digits
    assert page.count(".grid") == 0 and page.count(".off-grid .tile") == 40


def test_arrow_keys_go_to_the_neighbour_in_the_grid_and_off_it(open_page: Any):
    page = open_page()
    page.press("ArrowRight")
    assert page.evaluate(CHOSEN) == "activation=relu hidden_units=32 learning_rate=0.01"
    page.press("ArrowDown")
    assert page.evaluate(CHOSEN) == "activation=relu hidden_units=32 learning_rate=0.1"
    page.press("ArrowLeft", "ArrowLeft")
    assert page.evaluate(CHOSEN) == BASE
    page.press("ArrowDown", "ArrowDown", "ArrowDown")
    assert page.evaluate(CHOSEN) == FAILED
    page.press("ArrowUp", "ArrowUp")
    assert page.evaluate(CHOSEN) == "activation=tanh hidden_units=128 learning_rate=0.01"


def test_a_failed_run_says_why_a_cell_has_nothing_and_leads_to_the_cell(open_page: Any):
    page = open_page()
    page.click(".off-grid .tile")
    hole = page.text(".one .hole")
    assert hole.startswith("not run: failed in Training FloatingPointError: the loss is not finite")
    page.click(".hole button", "Show Training")
    assert page.text(".cell-title") == "Training"
    assert page.text(".one .error-line") == (
        "FloatingPointError: the loss is not finite: it diverged"
    )
    assert "◆ failed" in page.text("figcaption")


# The views


def test_the_sheet_is_laid_out_by_the_values_of_flags(open_page: Any):
    page = open_page("view=sheet")
    assert page.texts(".grid thead th") == [f"hidden_units {n}" for n in (8, 32, 128)]
    assert page.texts(".grid tbody th") == [
        f"activation {a} learning_rate {r}"
        for a, r in itertools.product(("relu", "tanh"), (0.01, 0.1))
    ]
    assert page.count(".grid .tile") == 12 and page.count(".off-grid .tile") == 2
    page.wait("[...document.querySelectorAll('.grid img')].every(i => i.naturalWidth === 320)")
    page.choose("#across", "activation")
    assert page.texts(".grid thead th") == ["activation relu", "activation tanh"]
    page.click(".grid tbody tr:nth-child(2) td:nth-child(3) .tile")
    assert page.evaluate(CHOSEN) == "activation=tanh hidden_units=8 learning_rate=0.1"
    width = page.evaluate("document.querySelector('.tile').offsetWidth")
    page.focus("#size")
    page.press("End")
    assert page.evaluate("document.querySelector('.tile').offsetWidth") > width + 200
    assert not page.evaluate("document.querySelector('.one').checkVisibility()")
    assert fragment(page) | {"run": ""} == {
        **{"view": "sheet", "across": "activation", "size": "480"},
        **{"cell": "Mistakes", "run": "", "base": "c4ca4238"},
    }


def test_tiles_of_text_show_the_lines_that_differ(open_page: Any):
    page = open_page("view=sheet&cell=Training")
    assert page.text(".grid .tile").startswith("epoch 1: loss 1.1550 epoch 2: loss 1.1452")
    assert page.text(".off-grid .tile").startswith("FloatingPointError the loss is not finite")


def test_two_runs_show_what_differs_and_fold_what_is_the_same(open_page: Any):
    page = open_page("view=two")
    assert page.texts(".two-values tbody tr") == [
        *("learning_rate 0.1 0.01 −0.09", "accuracy 0.8 0.835 +0.035", "loss 0.4 0.365 −0.035"),
        "time 21 s 20 s",
    ]
    assert "flags activation=relu epochs=10 hidden_units=8 seed=0" in page.text(
        ".two-values .muted"
    )
    opened = "[...document.querySelectorAll('.two-cells details[data-of]')].map(e => e.open)"
    assert page.evaluate(opened) == [False, True, True, True, True, True, False, False]
    page.wait("document.querySelector('[data-of=\"1\"] table')")
    assert page.text('[data-of="1"] summary') == (
        "Training numbers differ in 11 lines, text only in the baseline"
    )
    assert page.texts('[data-of="1"] tr:last-child mark') == ["0.8000", "0.8350"]
    assert page.evaluate("document.querySelector('[data-of=\"1\"] .right mark').title") == "+0.0502"
    assert "ConvergenceWarning" in page.text('[data-of="1"] .stderr')
    assert page.text('[data-of="5"] .note') == "1 line changed, 1 removed"
    page.click('.two-cells [data-of="0"] > summary')
    page.wait("document.querySelector('[data-of=\"0\"] pre')")
    page.evaluate("document.querySelector('[data-of=\"3\"]').scrollIntoView()")
    page.wait("document.querySelector('[data-of=\"3\"] table')")
    assert page.texts('[data-of="3"] tbody tr') == [
        *("0 0.835 +0.035 0.815 +0.035 37", "1 0.825 +0.035 0.835 +0.035 43"),
        "all 0.835 +0.035 0.835 +0.035 360",
    ]


def test_two_outputs_that_a_reader_calls_the_same_are_folded(open_page: Any):
    page = open_page("view=two", "alike")
    assert page.texts(".two-cells details > summary") == [
        *("Time same", "Number numbers differ in 1 line", "Date same"),
        *("Long changed in what is left out here", "Figure figure changed"),
    ]


def test_two_runs_are_chosen_and_swapped(open_page: Any):
    page = open_page("view=two")
    page.choose("#two-run", "◆ " + FAILED)
    assert page.texts(".two-values tbody tr")[0] == "learning_rate 0.1 1 +0.9"
    assert page.text('[data-of="2"] .note') == "chosen: not run: failed in Training"
    page.click(".two-runs button")
    assert page.texts(".two-values tbody tr")[0] == "learning_rate 1 0.1 −0.9"
    assert page.text('[data-of="2"] .note') == "baseline: not run: failed in Training"
    page.choose("#two-base", "● aab32389")
    assert "runs of two notebooks" in page.text(".two-cells")


def test_code_that_differs_is_shown(open_page: Any):
    page = open_page("view=two&run=d3d94468&cell=Training")
    page.wait("document.querySelector('[data-of=\"1\"] .code')")
    page.click('[data-of="1"] .code summary')
    assert page.texts('[data-of="1"] .code td') == ["model.fit(X, y)", "model.fit(X, y, verbose=1)"]


def test_images_are_compared_in_four_ways(open_page: Any):
    page = open_page("view=two")
    page.evaluate("document.querySelector('[data-of=\"2\"]').scrollIntoView()")
    page.wait("document.querySelectorAll('[data-of=\"2\"] .sides img').length === 2")
    page.evaluate("scrollTo(0, 0)")
    page.click(".segments button", "Swipe")
    page.wait("document.querySelector('[data-of=\"2\"] .stack img')")
    seen = "Math.round(document.querySelector('[data-of=\"2\"]').getBoundingClientRect().top)"
    assert 0 <= page.evaluate(seen) < 200  # the chosen cell, of which the buttons are far above
    clip = "getComputedStyle(document.querySelector('[data-of=\"2\"] .stack img')).clipPath"
    assert page.evaluate(clip) == "inset(0px 50% 0px 0px)"
    page.focus('[data-of="2"] input[type=range]')
    page.press("End")
    assert page.evaluate(clip) == "inset(0px 0% 0px 0px)"
    page.click(".segments button", "Blink")
    shown = (
        "[...document.querySelectorAll('[data-of=\"2\"] .stack img')]"
        ".map(i => getComputedStyle(i).visibility)"
    )
    page.wait("document.querySelector('[data-of=\"2\"] .blinker')")
    assert page.evaluate(shown) == ["hidden", "visible"]
    page.evaluate("document.activeElement.blur()")
    page.press("Space")
    assert page.evaluate(shown) == ["visible", "hidden"]
    page.click('[data-of="2"] .blinker')
    assert page.evaluate(shown) == ["hidden", "visible"]
    page.click(".segments button", "Difference")
    page.wait("document.querySelector('[data-of=\"2\"] canvas ~ p').textContent !== '…'")
    said = page.text('[data-of="2"] canvas ~ p')
    assert said.endswith("% of the pixels differ") and 0.5 < float(said.split()[0]) < 20
    pixel = page.evaluate(
        "[...document.querySelector('[data-of=\"2\"] canvas').getContext('2d')"
        ".getImageData(5, 5, 1, 1).data]"
    )
    assert pixel == [255, 255, 255, 255]  # both are white there


def test_the_baseline_blinks_in_place_of_the_chosen_run(open_page: Any):
    page = open_page()
    source = "document.querySelector('.one-outputs img').src"
    chosen = page.evaluate(source)
    page.press("Space")
    assert page.evaluate(source) != chosen
    assert "baseline" in page.text("figcaption")
    page.press("Space")
    assert page.evaluate(source) == chosen
    page.click(".main-tools button", "Blink")
    assert page.evaluate(source) != chosen
    page.press("ArrowRight")
    assert "baseline" not in page.text("figcaption")
    page.press("b")
    assert fragment(page)["base"] == fragment(page)["run"]
    page.press("ArrowLeft")
    page.click(".main-tools button", "Set baseline")
    assert fragment(page)["base"] == "cfcd2084"


# Keys, the address, the filter, help


def test_keys_change_cell_and_view_and_find_the_filter(open_page: Any):
    page = open_page()
    page.press("j")
    assert page.text(".cell-title") == "Training"
    page.press("j", "j", "k")
    assert page.text(".cell-title") == "Report"
    page.press("1")
    assert page.evaluate("document.body.dataset.view") == "sheet"
    page.press("3")
    assert page.evaluate("document.body.dataset.view") == "two"
    page.press("2")
    assert page.evaluate("document.body.dataset.view") == "one"
    page.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.press("j", "1")  # text, not keys
    assert page.text(".cell-title") == "Report"


def test_help_opens_and_closes_and_turns_the_keys_off(open_page: Any):
    page = open_page()
    page.press("?")
    assert "take the chosen run as the baseline" in page.text("dialog")
    page.press("j")
    assert page.text(".cell-title") == "Mistakes"
    page.press("Escape")
    assert page.texts("dialog") == []
    page.click(".tools button", "Help")
    page.click("dialog input")
    page.click("dialog button", "Close")
    page.press("j")
    assert page.text(".cell-title") == "Mistakes"
    page.click(".tools button", "Help")
    page.click("dialog input")
    page.click("dialog button", "Close")
    page.press("j")
    assert page.text(".cell-title") == "Training"


def test_the_address_holds_what_is_chosen(open_page: Any):
    page = open_page()
    page.press("ArrowRight", "j", "3")
    held = fragment(page)
    assert held == {
        **{"view": "two", "cell": "Training", "run": "c81e728d", "base": "c4ca4238"},
    }
    again = open_page("&".join(f"{key}={value}" for key, value in held.items()))
    assert again.text(".cell-title") == "Training"
    assert again.evaluate("document.body.dataset.view") == "two"
    assert again.evaluate("document.querySelector('#two-run').selectedOptions[0].text") == (
        "● activation=relu hidden_units=32 learning_rate=0.01"
    )
    again.evaluate("void (location.hash = '#cell=Report&view=one')")
    again.wait("document.querySelector('.cell-title').textContent === 'Report'")


@pytest.mark.parametrize(
    "odd", ["cell=%00&run=zzz&view=x", "size=[]&sort=7&columns=3&curves=[]", "a%", "sort={&size=x"]
)
def test_an_address_that_makes_no_sense_opens_the_page(odd: str, open_page: Any):
    page = open_page(odd)
    assert page.text(".cell-title") == "Mistakes"


def test_a_filter_leaves_the_runs_that_pass(open_page: Any):
    page = open_page()
    page.click("#filter")
    page.press(*"learning_rate=0.1")
    page.wait("document.querySelector('.matched').textContent.startsWith('7 of 16')")
    page.wait("document.querySelectorAll('.sheet .tile').length === 7")
    assert page.evaluate("document.querySelectorAll('.slider').length") == 1
    page.evaluate("document.querySelector('#filter').blur()")
    assert fragment(page)["filter"] == "learning_rate=0.1"


def test_a_run_of_the_other_notebook_is_shown_by_a_cell_of_that(open_page: Any):
    page = open_page()
    page.click('[data-slot="8"]')
    assert page.text(".one-outputs") == "14 columns"
    page.press("ArrowRight")
    assert page.text(".one-outputs") == "15 columns"


def test_light_and_dark_are_switched(open_page: Any):
    page = open_page()
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    label = page.evaluate("document.querySelector('.tools button:nth-child(2)').ariaLabel")
    page.click(".tools button", label)
    assert {before, page.evaluate(ground)} == {"rgb(255, 255, 255)", "rgb(21, 23, 28)"}
    page.click(".tools button", {"Dark mode": "Light mode", "Light mode": "Dark mode"}[label])
    assert page.evaluate(ground) == before
    page.evaluate("localStorage.clear()")


def test_the_print_button_prints(open_page: Any):
    page = open_page()
    page.evaluate("void (window.print = () => { window.printed = true; })")
    page.click(".tools button", "Print")
    assert page.evaluate("window.printed")


# Many images


@pytest.mark.parametrize("open_page", ["Chromium, file", "Firefox, file"], indirect=True)
def test_another_cell_gives_back_what_the_images_of_the_last_one_took(open_page: Any):
    page = open_page("view=sheet")
    page.wait("document.querySelector('.tile img').src.startsWith('blob:')")
    page.evaluate(
        "void (() => { const revoke = URL.revokeObjectURL; window.revoked = [];"
        " URL.revokeObjectURL = (url) => { revoked.push(url); revoke.call(URL, url); }; })()"
    )
    shown = page.evaluate("[...document.querySelectorAll('.tile img')].map(i => i.src)")
    page.press("j")
    assert set(page.evaluate("revoked")) >= set(shown) - {""}
    assert page.count("img") == 0


# Everybody


LOOKS = [*itertools.product(("sheet", "one", "two"), ("light", "dark"), (1400, 360))]
IN_MAKE_TEST = (("sheet", "dark", 360), ("one", "light", 1400), ("two", "dark", 1400))


@pytest.mark.parametrize(
    ("view", "scheme", "width"),
    [each for each in LOOKS if each in IN_MAKE_TEST]
    + [pytest.param(*each, marks=pytest.mark.slow) for each in LOOKS if each not in IN_MAKE_TEST],
)
def test_axe_finds_nothing_serious(
    view: str, scheme: str, width: int, files: dict[str, Path], browser: Browser, silence: Silence
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    url = f"{files['sweep'].as_uri()}#view={view}&cell=Stamp"
    with in_chromium(browser, silence, url, width, color_scheme=scheme) as page:
        page.press("ArrowRight")
        found = axe.Axe().run(page.page).response["violations"]
    wrong = [
        (rule["id"], node["html"][:200], node["failureSummary"][:300])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert wrong == []


@pytest.mark.parametrize("width", but_slow([360, 700, 1000, 1400], 360))
@pytest.mark.parametrize("view", ["sheet", "one", "two"])
def test_no_width_makes_the_page_scroll_sideways(width: int, view: str, open_page: Any):
    page = open_page(f"view={view}&cell=Training", width=width)
    scrolls = "(e => e.scrollWidth - e.clientWidth)(document.scrollingElement)"
    assert page.evaluate(scrolls) == 0


def test_a_phone_has_what_is_moved_above_what_it_moves(open_page: Any):
    page = open_page(width=360)
    tops = page.evaluate(
        "['.head', '.cells', '.sliders', '.one', '.sheet', '.panels'].map(s =>"
        " document.querySelector(s).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert page.evaluate("(e => e.scrollWidth > e.clientWidth)(document.querySelector('.grid'))")


def test_wide_windows_have_the_table_beside_the_output(open_page: Any):
    page = open_page(width=1300)
    assert page.evaluate(
        "document.querySelector('.panels').getBoundingClientRect().left"
        " >= document.querySelector('.middle').getBoundingClientRect().right"
    )
    page.resize(1290, 800)
    assert page.evaluate(
        "document.querySelector('.panels').getBoundingClientRect().top"
        " >= document.querySelector('.middle').getBoundingClientRect().bottom"
    )


def test_all_that_can_be_operated_is_reached_by_the_tab_key(
    files: dict[str, Path], browser: Browser, silence: Silence
):
    """Of the tiles the chosen one, from which arrows go to the others; of a choice the chosen."""
    with in_chromium(browser, silence, files["sweep"].as_uri()) as page:
        for _ in range(200):
            page.page.keyboard.press("Tab")
            page.evaluate("void (document.activeElement.dataset.reached = 'yes')")
            if page.evaluate("document.activeElement === document.body"):
                break
        left_out = page.evaluate(
            """[...document.querySelectorAll('a[href], button, summary, input, select')]
            .filter(e => e.checkVisibility() && !e.dataset.reached && !e.matches('.tile')
                && !(e.type === 'radio' && !e.checked) && !e.closest('.panels'))
            .map(e => e.localName + ' ' + e.className + e.textContent.slice(0, 40))"""
        )
        assert left_out == []
        assert page.count(".tile[data-reached]") == 1


def test_what_is_chosen_is_said_aloud(open_page: Any):
    page = open_page()
    page.press("ArrowRight")
    said = "document.querySelector('[role=status].said').textContent"
    assert page.evaluate(said) == (
        "activation=relu hidden_units=32 learning_rate=0.01 · accuracy 0.915, loss 0.285"
    )
    page.press("j")
    assert page.evaluate(said) == "Cell Training"


def test_paper_has_the_chosen_cell_alone(
    files: dict[str, Path], browser: Browser, silence: Silence
):
    with in_chromium(browser, silence, files["sweep"].as_uri(), color_scheme="dark") as page:
        page.page.emulate_media(media="print", color_scheme="dark")
        text = page.page.inner_text("body")
        assert "Mistakes" in text and "accuracy" in text
        assert "Training" not in text and "Copy" not in text
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"


# Hostile texts


def _with_texts(value: Any, texts: Iterator[str], key: str = "") -> Any:
    """``value`` with ``texts`` in place of its own, but for what the page chooses by."""
    kept = ("kind", "from", "digest", "mime", "thumb", "id", "short", "state", "status")
    if isinstance(value, dict):
        return {name: _with_texts(each, texts, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_texts(each, texts, key) for each in value]
    return next(texts) if isinstance(value, str) and key not in kept else value


def hostile(url: str) -> tuple[compare_data.Data, compare_data.Images]:
    """A page in which each text of a run is an attempt to run a script or to call home."""
    data, images = compare_data.sweep()
    attempts = {**payloads.HTML, **payloads.ALONE}
    numbered = itertools.cycle(
        payloads.made(text, number, url) for number, text in enumerate(attempts.values())
    )

    def spoilt(value: Any, key: str = "") -> Any:
        return _with_texts(value, numbered, key)

    names = {flag["name"]: next(numbered) for flag in data["flags"]}
    scalars = {scalar["name"]: next(numbered) for scalar in data["scalars"]}
    for run in data["runs"]:
        run["flags"] = {names[name]: spoilt(value) for name, value in run["flags"].items()}
        run["scalars"] = {scalars[name]: value for name, value in run["scalars"].items()}
    for flag in data["flags"]:
        flag["name"] = names[flag["name"]]
        flag["values"] = spoilt(flag["values"])
    for scalar in data["scalars"]:
        scalar["name"] = scalars[scalar["name"]]
    for name in ("title", "version", "sections", "slots", "sources", "outputs", "cells"):
        data[name] = spoilt(data[name])
    for run in data["runs"]:
        for name in ("operation", "label", "reason", "name", "report", "error"):
            run[name] = spoilt(run[name], "x")
    for image in data["images"]:
        image["mime"] = "text/html"
        image["thumb"] = f"{url}/thumb" if image is data["images"][0] else ""
    return data, images


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_hostile_texts_are_texts(
    kind: str, request: pytest.FixtureRequest, beacons: Beacons, tmp_path: Path
):
    path = compare_data.written(tmp_path / "page.html", hostile(beacons.url))
    beacons.seen.clear()

    def look(page: Opened) -> None:
        for key in ("1", "2", "3"):
            page.press(key)
            for _ in range(8):
                page.press("j", "ArrowRight")
        page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
        page.evaluate("new Promise(done => setTimeout(done, 500))")
        assert page.evaluate("window.pwned === undefined")
        assert page.count("iframe, object, embed, form, link, base, body script ~ svg script") == 0
        assert page.text(".cell-title") != ""

    if kind == "firefox":
        firefox: Firefox = request.getfixturevalue("firefox")
        page = in_firefox(firefox, path.as_uri())
        look(page)
        assert (firefox.dialogs, firefox.requests) == ([], [])
    else:
        browser: Browser = request.getfixturevalue("browser")
        with browser.open(path, allowed=beacons.url) as visit:
            look(InChromium(visit.page))
            visit.settle()
            assert (visit.dialogs, visit.windows, visit.left_for) == ([], [], [])
            assert [url for url in visit.requests if url.startswith("http")] == []
    assert beacons.seen == []
