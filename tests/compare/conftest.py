"""The page that compares runs in both browsers, from a file and served, for the tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import compare_data
from tests.helpers import firefox as firefoxes
from tests.helpers.both_browsers import Opened, in_chromium, in_firefox
from tests.helpers.firefox import Firefox
from tests.helpers.made_up_server import MadeUpServer
from tests.helpers.silence import Silence
from tests.helpers.slow import but_slow

Made = dict[str, tuple[compare_data.Data, compare_data.Images]]

WAYS = [f"{browser}, {way}" for browser in ("Chromium", "Firefox") for way in ("file", "served")]

BY_THEMSELVES = (".mozilla.com:443", "content-autofill.googleapis.com:443")
"""What browsers ask for by themselves, the latter where a page that is served has a field."""


@pytest.fixture(scope="module")
def files(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the module's ``made``, by their names."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: compare_data.written(folder / f"{name}.html", each) for name, each in made.items()
    }


@pytest.fixture(scope="module")
def made_up(made: Made) -> Iterator[MadeUpServer]:
    """A server of the same pages."""
    server = MadeUpServer(made)
    yield server
    server.close()


@pytest.fixture(scope="module")
def firefox_of_made_up(
    made_up: MadeUpServer, silence: Silence, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firefox]:
    """A Firefox that reaches that server, whose cookie it has."""
    profile = tmp_path_factory.mktemp("firefox") / "profile"
    firefox = Firefox(firefoxes.executable(), profile, silence, made_up.host)
    cookie = {**made_up.cookie, "sameSite": "strict"}
    cookie["value"] = {"type": "string", "value": cookie["value"]}
    firefox.tell("storage.setCookie", cookie=cookie)
    yield firefox
    firefox.close()


@pytest.fixture(params=but_slow(WAYS, "Chromium, served", "Firefox, file"))
def open_page(request: pytest.FixtureRequest, made: Made, silence: Silence) -> Iterator[Any]:
    """``open_page(fragment, name)`` in one of the browsers, from a file or served: a page of the
    module's ``made``, which are data and images by name; the first where no name is given. At its
    end no script has failed, and nothing was asked for but of the server."""
    opened: list[Opened] = []
    contexts: list[Any] = []
    silence.asked.clear()
    kind, way = request.param.split(", ")
    server: MadeUpServer | None = None
    if way == "served":
        server = request.getfixturevalue("made_up")

    def opens(fragment: str = "", name: str = "", width: int = 1400) -> Opened:
        name = name or next(iter(made))
        page = server.url(name) if server else request.getfixturevalue("files")[name].as_uri()
        url = page + f"#{fragment}" * bool(fragment)
        if kind == "Firefox":
            firefox = request.getfixturevalue("firefox_of_made_up" if server else "firefox")
            opened.append(in_firefox(firefox, url, width))
        else:
            browser = request.getfixturevalue("browser")
            contexts.append(in_chromium(browser, silence, url, width, server))
            opened.append(contexts[-1].__enter__())
        return opened[-1]

    yield opens
    # Firefox asks for an icon of each page, and says that the page's policy refuses it.
    errors = [error for each in opened for error in each.errors() if "favicon.ico" not in error]
    for context in contexts:
        context.__exit__(None, None, None)
    asked = [line for line in silence.asked if not line.endswith(BY_THEMSELVES)]
    assert (errors, asked) == ([], [])
