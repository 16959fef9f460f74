"""The browser that tests of pages share."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

from tests.helpers.browser import Browser


def test_a_browser_that_has_died_is_started_again(browser: Browser, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("<p>shown</p>")
    with browser.open(page) as visit:
        assert visit.page.inner_text("p") == "shown"
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # the first takes the others along
            if any(part.startswith("--headless") for part in process.cmdline()):
                process.kill()
    with browser.open(page) as visit:
        assert visit.page.inner_text("p") == "shown"
