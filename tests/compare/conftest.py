"""The page that compares runs in both browsers, for the tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.both_browsers import Opened, in_chromium, in_firefox
from tests.helpers.silence import Silence


@pytest.fixture(params=["chromium", "firefox"])
def open_page(
    request: pytest.FixtureRequest, files: dict[str, Path], silence: Silence
) -> Iterator[Any]:
    """``open_page(fragment, name)`` in one of the browsers: a page of the module's ``files``, which
    are paths by name; the first where no name is given. At its end no script has failed, and
    nothing was asked for."""
    opened: list[Opened] = []
    contexts: list[Any] = []
    silence.asked.clear()

    def opens(fragment: str = "", name: str = "", width: int = 1400) -> Opened:
        path = files[name or next(iter(files))]
        if request.param == "firefox":
            firefox = request.getfixturevalue("firefox")
            opened.append(in_firefox(firefox, path, fragment, width))
        else:
            url = path.as_uri() + f"#{fragment}"
            browser = request.getfixturevalue("browser")
            contexts.append(in_chromium(browser, silence, url, width))
            opened.append(contexts[-1].__enter__())
        return opened[-1]

    yield opens
    errors = [error for each in opened for error in each.errors()]
    for context in contexts:
        context.__exit__(None, None, None)
    # What Firefox asks for by itself is not of the page.
    asked = [line for line in silence.asked if not line.endswith(".mozilla.com:443")]
    assert (errors, asked) == ([], [])
