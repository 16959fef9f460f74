"""The pictures of README.md and docs/ are those that ``make pictures`` takes, of real runs."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.browser import executable
from tests.helpers.reader import DOCS, PAGES, README

FILES = {path.stem for path in (DOCS / "pictures").iterdir()}
SHOWN = [
    (page.name, text, target)
    for page in [README, *PAGES]
    for text, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", page.read_text("utf-8"))
]
"""Each picture that is shown: its page, what stands for it where it cannot be seen, its file."""

SEVERAL_VIEWS = {"tutorial.md", "comparing.md", "failures.md"}
"""Pages about more than one view of a run: on the terminal and in the browser."""


def test_each_picture_is_shown_and_is_one_that_the_script_takes():
    from tools.pictures import PICTURES  # here, as it takes its time

    shown = {re.sub(r"^(docs/)?pictures/|\.png$", "", target) for _page, _text, target in SHOWN}
    assert shown == FILES == set(PICTURES)


def test_each_picture_says_what_it_shows_where_it_cannot_be_seen():
    assert [shown for shown in SHOWN if len(shown[1].split()) < 4] == []


def test_pages_about_views_show_them():
    number = {name: sum(page == name for page, _text, _target in SHOWN) for name in SEVERAL_VIEWS}
    assert min(number.values()) >= 2, number


@pytest.mark.slow
def test_a_picture_of_a_terminal_is_taken_of_a_real_run(tmp_path: Path):
    if not executable():
        pytest.skip("no Chromium: install it (Debian: apt install chromium) or set CHROMIUM")
    from PIL import Image

    from tools.pictures import take

    # In a thread of its own: other tests leave an event loop in this one, which Playwright refuses.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(take, ["run"], tmp_path).result()
    with Image.open(tmp_path / "run.png") as picture:
        assert picture.width > 1000
        assert picture.height > 200
        colours = [colour for _count, colour in picture.convert("RGB").getcolors()]
        assert (255, 255, 255) in colours
        assert any(green > red + 60 and green > blue + 60 for red, green, blue in colours)  # ✓
    assert (tmp_path / "run.png").stat().st_size < 200_000


@pytest.mark.slow
def test_what_a_terminal_shows_is_what_was_typed_and_printed(tmp_path: Path):
    from tools.pictures import Studio

    studio = Studio(tmp_path, None)
    text, drawn = studio.type(
        ["printf '\\033[31mred\\033[0m <b>\\n'", "echo 20%; printf '\\r30%%'"]
    )
    assert text.splitlines()[:2] == ["$ printf '\\033[31mred\\033[0m <b>\\n'", "red <b>"]
    assert text.splitlines()[-2:] == ["20%", "30%"]
    assert '">red</span> &lt;b&gt;' in drawn
