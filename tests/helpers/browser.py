"""A real browser for tests of HTML reports: Debian's Chromium (or any other), told by Playwright.

``open`` shows a file and keeps account of what it does: what it asks for, which dialogs, windows
and navigations come of it. ``Beacons`` is a web server that only counts who comes.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.silence import Silence

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

FLAGS = (
    "--no-sandbox",  # it refuses to start for root with one; what it opens are our own files
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Limits for a hang, in milliseconds.
LIMIT = 120_000

NOT_REQUESTED = ("data:", "blob:", "about:", "file:")


@dataclass
class Visit:
    """A file that is open, and what it has done so far. ``requests`` are URLs beyond the file's
    own and what is in it; ``left_for`` are the URLs that it wanted to go to, and stayed;
    ``errors`` are those of its scripts."""

    page: Any
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)
    left_for: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def text(self) -> str:
        """All that can be read in the page, folded parts excepted. (A browser leaves out what it
        has not drawn yet, where the page lets it: ``content-visibility``.)"""
        self.page.evaluate(
            """() => {
                const sheet = new CSSStyleSheet();
                sheet.replaceSync('* { content-visibility: visible !important }');
                document.adoptedStyleSheets.push(sheet);
            }"""
        )
        return " ".join(self.page.inner_text("body").split())

    def settle(self) -> None:
        """Wait for what the page still does: loads, timers of up to half a second."""
        self.page.wait_for_timeout(500)

    def touch_everything(self) -> None:
        """Do to every element what a user may do to it, links out of the page excepted."""
        self.page.evaluate(
            """async () => {
                const leads_away = (link) => {
                    const to = link && link.getAttribute('href').trim();
                    if (!to || to.startsWith('#')) return false;
                    try { return /^(https?|mailto|file):/.test(new URL(to, document.baseURI)); }
                    catch { return false; }
                };
                const events = ['mouseover', 'mouseenter', 'mousemove', 'pointerover', 'wheel',
                    'focus', 'focusin', 'keydown', 'toggle', 'dragstart', 'copy', 'paste',
                    'beforeinput', 'input', 'change', 'scroll', 'contextmenu', 'dblclick'];
                for (const e of document.querySelectorAll('*')) {
                    for (const name of events)
                        e.dispatchEvent(new Event(name, {bubbles: true, cancelable: true}));
                    if (leads_away(e.closest('[href]'))) continue;
                    e.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
                    // Where a link leads is done later, unless another is clicked before.
                    if (e.closest('[href], form, button'))
                        await new Promise(done => setTimeout(done, 5));
                }
            }"""
        )
        self.settle()


class Browser:
    """A browser that is started when it is first asked for, and again where it has died: on a
    machine that lacks memory it is the first to be killed."""

    def __init__(self, playwright: Any, path: str) -> None:
        self._type = playwright.chromium
        self._path = path
        self._browser: Any = None

    def _new_context(self, **options: Any) -> Any:
        from playwright.sync_api import Error

        if self._browser:
            try:
                return _patient(self._browser.new_context(**options))
            except Error:  # it has died
                pass
        self._browser = self._type.launch(
            executable_path=self._path, headless=True, args=list(FLAGS), timeout=LIMIT
        )
        return _patient(self._browser.new_context(**options))

    def close(self) -> None:
        if self._browser:
            self._browser.close()

    @contextmanager
    def page(self, **options: Any) -> Iterator[Any]:
        """A page of Playwright's in a profile of its own, with nothing open; the options are those
        of Playwright's ``new_context``."""
        context = self._new_context(**options)
        try:
            yield context.new_page()
        finally:
            context.close()

    @contextmanager
    def with_profile(self, folder: Path) -> Iterator[Any]:
        """A page in a profile that lets parts of a page from other hosts store things, which
        profiles without a folder do not; it is high enough for what is drawn only in view."""
        preferences = folder / "Default" / "Preferences"
        preferences.parent.mkdir(parents=True)
        preferences.write_text('{"profile": {"cookie_controls_mode": 0}}')
        context = _patient(
            self._type.launch_persistent_context(
                folder,
                executable_path=self._path,
                headless=True,
                args=list(FLAGS),
                timeout=LIMIT,
                viewport={"width": 1200, "height": 2000},
            )
        )
        try:
            yield context.new_page()
        finally:
            context.close()

    @contextmanager
    def open(
        self, path: Path, allowed: str = "http://127.0.0.1", **options: Any
    ) -> Iterator[Visit]:
        """Open a file in a profile of its own; only addresses that begin with ``allowed`` can be
        reached, the others are requests all the same. The options are those of ``page``."""
        with self.page(**options) as page:
            visit = _noted(page)
            page.context.route("**/*", lambda route: self._answer(route, visit, allowed))
            page.goto(path.resolve().as_uri(), timeout=LIMIT, wait_until="load")
            visit.settle()
            yield visit

    @contextmanager
    def open_unanswered(self, path: Path, silence: Silence, **options: Any) -> Iterator[Visit]:
        """Open a file where the network answers nobody, and wait until it is loaded."""
        with self.page(proxy={"server": f"http://127.0.0.1:{silence.port}"}, **options) as page:
            visit = _noted(page)
            page.goto(path.resolve().as_uri(), timeout=LIMIT, wait_until="load")
            yield visit

    @staticmethod
    def _answer(route: Any, visit: Visit, allowed: str) -> None:
        request = route.request
        goes = request.is_navigation_request() and _frame(request) == visit.page.main_frame
        if goes and not request.url.startswith(NOT_REQUESTED):
            visit.left_for.append(request.url)
            route.fulfill(status=204)  # with which a browser stays where it is
        elif request.url.startswith((allowed, *NOT_REQUESTED)):
            route.continue_()
        else:
            route.abort()


def _patient(context: Any) -> Any:
    """A context whose pages wait for as long as a busy machine may take."""
    context.set_default_timeout(LIMIT)
    return context


def _noted(page: Any) -> Visit:
    """A visit of what is opened in ``page`` from now on."""
    visit, context = Visit(page), page.context
    context.on("request", lambda r: _note(visit.requests, r.url))
    context.on("page", lambda p: visit.windows.append(p.url) if p != page else None)
    page.on("pageerror", lambda error: visit.errors.append(str(error)))
    page.on("dialog", lambda d: (visit.dialogs.append(d.message), d.dismiss()))
    return visit


def _frame(request: Any) -> Any:
    from playwright.sync_api import Error

    try:
        return request.frame
    except Error:  # that of a new window is not there yet
        return None


def _note(urls: list[str], url: str) -> None:
    if not url.startswith(NOT_REQUESTED):
        urls.append(url)


def executable() -> str | None:
    """The browser: what CHROMIUM names, or the first that is found."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = executable()
    if not path:
        pytest.skip("no Chromium: install it (Debian: apt install chromium) or set CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with api.sync_playwright() as playwright:
        made = Browser(playwright, path)
        yield made
        made.close()


class Beacons:
    """A web server on loopback; ``seen`` are the paths that anybody has asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        handler = type("Handler", (_Handler,), {"seen": self.seen})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def forget(self) -> None:
        """Take what is still on its way of a page that is closed, and forget all."""
        seen = -1
        while len(self.seen) > seen:
            seen = len(self.seen)
            time.sleep(1)
        self.seen.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  # what http.server calls

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def beacons() -> Iterator[Beacons]:
    server = Beacons()
    yield server
    server.close()
