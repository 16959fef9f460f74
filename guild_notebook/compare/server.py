"""The pages that compare the runs of a Guild home, served to the browser of the user who asks for
them and to nobody else.

The server listens on loopback, where other users of the machine reach it, and so does any page that
the browser shows. It answers who has its cookie, which it gives for the token in the address that
is printed. A request that names another host, or that a page of another origin sends, is refused.
It answers GET and HEAD, and changes nothing.

A report is a page of a notebook that nobody needs to trust: its scripts run in an origin of their
own (``sandbox``), from which a browser sends no cookie. It is served without one, with the files
that its exporter has made beside it, at an address that is of no use for anything else.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import hmac
import logging
import mimetypes
import secrets
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from tornado import httpserver, netutil, web

from ..errors import UserError, said
from ..options.reports import SANITIZED
from ..run.finished import FinishedRun
from . import model, page, page_data
from .reading import RunCache

HOST = "127.0.0.1"

_HOSTS = (HOST, "localhost")
"""The names that a browser may call this machine by, with any port: one may be forwarded here."""

_COOKIE = "guild-notebook"

_MOST_KEPT = 3
"""Choices of runs whose data is kept."""

_T = TypeVar("_T")

KINDS = ("operation", "sweep", "runs")

_POLICY = "frame-ancestors 'none'"

_APART = f"{_POLICY}; sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox"
"""For pages of notebooks."""

_IMAGE_POLICY = f"{_POLICY}; default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
"""For an SVG that is opened by itself."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{_POLICY}; default-src 'none'",
    "Content-Type": "text/plain; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of an answer, but for a page, which has a policy of its own."""


class Choice(NamedTuple):
    """What a page is of: a ``kind`` of choice (KINDS), and which of them."""

    kind: str
    key: str

    @property
    def path(self) -> str:
        """Where its page is, below that which lists them."""
        return f"{self.kind}/{quote(self.key, safe='')}/"


class Home(Protocol):
    """A Guild home. Its methods are called in one thread."""

    def first(self) -> Choice | None:
        """What is shown first, None for the page that lists what there is."""

    def start_page(self) -> str:
        """The page that lists what there is to choose, with links to the ``path`` of each."""

    def run_dirs(self, choice: Choice) -> Sequence[str]:
        """The directories of the runs that are chosen now, newest first."""


@dataclass(frozen=True)
class _Compared:
    """Runs of a choice, and what there is to send of them: ``data`` and the same as JSON, images by
    their digests."""

    cache: RunCache = field(default_factory=RunCache)
    runs: Sequence[model.Run] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    json: str = ""
    images: Mapping[str, model.Image] = field(default_factory=dict)

    def refreshed(self, run_dirs: Sequence[str]) -> _Compared:
        """The same of the runs that are in these directories now."""
        runs = self.cache.read(run_dirs)
        if list(map(id, runs)) == list(map(id, self.runs)):  # none has been written to
            return self
        data, images = page_data.page_data(runs, live=True, href=_report_href)
        data["tag"] = secrets.token_hex(8)
        return _Compared(self.cache, runs, data, page.inert(data), images)


class Server:
    """Listens on ``port`` of loopback, or where that is 0 on any that is free. ``address`` is what
    to open, with the token. Raises UserError where it cannot listen there."""

    def __init__(self, home: Home, port: int) -> None:
        try:
            self._sockets = netutil.bind_sockets(port, HOST)
        except OSError as e:
            why = "is taken" if e.errno == errno.EADDRINUSE else f"cannot be used: {e.strerror}"
            raise UserError(f"port {port} {why} - give another, or leave --port out") from None
        self.home = home
        self.token, self.secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        # A browser sends a cookie to all ports of a host, and those of another user are among
        # them. This path is a part of no address there.
        self.root = f"/{secrets.token_hex(4)}/"
        self.address = f"http://{HOST}:{self._sockets[0].getsockname()[1]}/?token={self.token}"
        self._reader = ThreadPoolExecutor(1)
        self.kept: dict[Choice, _Compared] = {}
        self.reported: dict[str, FinishedRun] = {}

    def run(self) -> None:
        """Answer until this process is interrupted or told to end."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._until_told())
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread may still read runs

    async def _until_told(self) -> None:
        self.listen()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()

    def listen(self) -> None:
        """Answer as long as the loop runs in which this is called."""
        logging.getLogger("tornado").addHandler(logging.NullHandler())
        logging.getLogger("tornado").propagate = False  # it says what others send here
        choice = f"{self.root}({'|'.join(KINDS)})/([^/]+)/"
        routes: list[Any] = [
            ("/", _Enter),
            ("/favicon.ico", _Icon),
            (self.root, _Start),
            (choice, _Page),
            (f"{choice}data", _Data),
            (f"{choice}image/([0-9a-f]+)", _Image),
            (f"{choice}run/([^/]+)/report", _Report),
            (f"{choice}run/([^/]+)/notebook", _Notebook),
            (f"{self.root}of/([^/]+)/(.+)", _ReportFile),
        ]
        app = web.Application(
            routes,
            default_handler_class=_Handler,
            log_function=lambda _handler: None,
            server=self,
        )
        httpserver.HTTPServer(app, max_body_size=0).add_sockets(self._sockets)

    async def in_home(self, function: Callable[..., _T], *args: Any) -> _T:
        """What a ``function`` returns that reads the home."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, function, *args)

    def compared(self, choice: Choice) -> _Compared:
        """The runs of a choice as they are now. Raises HTTPError where there is none."""
        run_dirs = self.home.run_dirs(choice)
        if not run_dirs:
            raise _Refusal(404, "there is no such run now")
        compared = self.kept.pop(choice, None) or _Compared()
        self.kept[choice] = compared.refreshed(run_dirs)  # the last in the order
        while len(self.kept) > _MOST_KEPT:
            del self.kept[next(iter(self.kept))]
        return self.kept[choice]

    def report_path(self, run: FinishedRun, name: str) -> str:
        """Where a report of a run is served, for whoever knows it: the report itself."""
        key = next((key for key, each in self.reported.items() if each.dir == run.dir), "")
        key = key or secrets.token_urlsafe(24)
        self.reported[key] = run
        return f"{self.root}of/{key}/{quote(name)}"


class _Refusal(web.HTTPError):
    """An answer that is a line of text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.text = text


class _Handler(web.RequestHandler):
    """Answers who may ask; others, and what cannot be answered or is not there, with a line."""

    needs_cookie = True

    @property
    def server(self) -> Server:
        server: Server = self.settings["server"]
        return server

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        host = self.request.headers.get("Host", "")
        origin = self.request.headers.get("Origin", f"http://{host}")
        if _name_of(host) not in _HOSTS or origin != f"http://{host}":
            raise _Refusal(403, "this server answers the browser of its user alone")
        if self.needs_cookie and not _is_same(self.get_cookie(_COOKIE), self.server.secret):
            raise _unknown()
        if self.request.method not in ("GET", "HEAD"):
            raise _Refusal(405, "this server changes nothing")

    async def head(self, *args: str) -> None:
        await self.get(*args)  # tornado leaves out what it writes

    async def get(self, *_args: str) -> None:
        raise _Refusal(404, "there is no such page")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", [None, None])[1]
        text = error.text if isinstance(error, _Refusal) else self._reason
        self.finish(f"{status_code}: {text}\n")

    def log_exception(self, _kind: Any, error: Any, _traceback: Any) -> None:
        if not isinstance(error, web.HTTPError):
            line = f"guild-notebook: {self.request.path} has no answer: {said(error)}"
            print(line, file=sys.stderr)

    def write_page(self, text: str | bytes, policy: str = _POLICY) -> None:
        """Send a page, which has a policy of its own; surrogates in it are not UTF-8."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", policy)
        self.write(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))


class _Enter(_Handler):
    """Gives the cookie to who has the token."""

    needs_cookie = False

    async def get(self, *_args: str) -> None:
        if not _is_same(self.get_query_argument("token", ""), self.server.token):
            raise _unknown()
        first = await self.server.in_home(self.server.home.first)
        cookie: Any = {"path": self.server.root, "httponly": True, "samesite": "Strict"}
        self.set_cookie(_COOKIE, self.server.secret, **cookie)
        # A redirect would be followed in the name of the page that has the link, without a cookie.
        self.set_header("Refresh", f"0; url={self.server.root}{first.path if first else ''}")


class _Icon(_Handler):
    """The icon that browsers ask for, which there is not; a refusal stands in their console."""

    needs_cookie = False

    async def get(self, *_args: str) -> None:
        self.set_status(204)


class _Start(_Handler):
    """The page that lists what there is to choose."""

    async def get(self, *_args: str) -> None:
        self.write_page(await self.server.in_home(self.server.home.start_page))


class _OfChoice(_Handler):
    """Answers about the runs of a choice."""

    async def compared(self, kind: str, key: str) -> _Compared:
        return await self.server.in_home(self.server.compared, Choice(kind, key))

    async def kept(self, kind: str, key: str) -> _Compared:
        """As ``compared``, or as it was when it was last asked for."""
        return self.server.kept.get(Choice(kind, key)) or await self.compared(kind, key)

    async def run_of(self, kind: str, key: str, run_id: str) -> FinishedRun:
        for run in (await self.kept(kind, key)).runs:
            if run.id == run_id:
                return FinishedRun(run.dir)
        raise _Refusal(404, "there is no such run here")


class _Page(_OfChoice):
    """The page that compares them."""

    async def get(self, *args: str) -> None:
        compared = await self.compared(*args)
        self.write_page("".join(page.page(compared.data, {}, live=True)))


class _Data(_OfChoice):
    """The data of that page, 304 where the browser has it."""

    async def get(self, *args: str) -> None:
        compared = await self.compared(*args)
        self.set_header("Etag", f'"{compared.data["tag"]}"')
        if self.check_etag_header():
            self.set_status(304)
            return
        self.set_header("Content-Type", "application/json")
        self.write(compared.json)

    def compute_etag(self) -> None:
        """That of the data is there already."""


class _Image(_OfChoice):
    async def get(self, *args: str) -> None:
        kind, key, digest = args
        image = (await self.kept(kind, key)).images.get(digest)
        if not image:
            raise _Refusal(404, "there is no such image here")
        self.set_header("Content-Type", image.mime)  # one of outputs.IMAGES
        self.set_header("Content-Security-Policy", _IMAGE_POLICY)
        self.set_header("Cache-Control", "private, max-age=86400, immutable")
        self.write(base64.b64decode(image.data))


class _Report(_OfChoice):
    """Sends to the report of a run, or where it has none to a page of its notebook."""

    async def get(self, *args: str) -> None:
        run = await self.run_of(*args)
        made = run.reports()
        self.redirect(self.server.report_path(run, made[0]) if made else "notebook")


class _ReportFile(_Handler):
    """A report, and the images and other files that it was made of."""

    needs_cookie = False

    async def get(self, *args: str) -> None:
        key, name = args
        run = self.server.reported.get(key)
        if not run or ".guild" in name.split("/") or name not in run.report_files():
            raise _Refusal(404, "there is no such file of a report")
        try:
            content = run.read(name)
        except OSError as e:
            raise _Refusal(404, f"this file cannot be read: {e.strerror}") from None
        self.write_page(content, _APART)
        self.clear_header("Cross-Origin-Resource-Policy")  # a report has no origin that is ours
        if not name.endswith(".html"):
            kind = mimetypes.guess_type(name)[0]
            self.set_header("Content-Type", kind or "application/octet-stream")


class _Notebook(_OfChoice):
    """A page of the executed notebook as it is now, which runs no scripts of it."""

    async def get(self, *args: str) -> None:
        run = await self.run_of(*args)
        name = run.executed_notebook()
        if not name:
            raise _Refusal(404, "this run has no executed notebook yet")
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(None, run.page, name, SANITIZED)
        except Exception as e:  # of what a notebook may hold
            raise _Refusal(404, f"there is no page of this notebook: {said(e)}") from None
        self.write_page(made, _APART)


def _unknown() -> _Refusal:
    return _Refusal(403, "open the address that guild-notebook browse has printed")


def _report_href(run: model.Run) -> str:
    return f"run/{quote(run.id, safe='')}/report" if run.report or run.notebook else ""


def _name_of(host: str) -> str:
    """The name in a ``Host`` header, which may hold anything."""
    with contextlib.suppress(ValueError):
        return urlsplit(f"//{host}").hostname or ""
    return ""


def _is_same(given: str | None, secret: str) -> bool:
    return hmac.compare_digest((given or "").encode("utf-8", "replace"), secret.encode())
