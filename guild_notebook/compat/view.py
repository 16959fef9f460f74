"""Guild View shows the reports and notebooks of runs as pages, apart from its own data.

Its page has a viewer for images, tables and text, by which a report is its source and a notebook is
JSON (guild/view/dist, guild-files-viewer.vue). What a page of a run does is done in the name of
Guild View's own: it can read all runs and their files (guild/view.py:254).
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from .. import start

PAGES = {".htm": "HTML page", ".html": "HTML page", ".ipynb": "Notebook"}
"""The files that are shown as pages, by the endings of their names, and what they are called."""

_AS_PAGE = "page"  # the query of an address of a file that is wanted as a page
_VIEWER = '"text"===t.selected.viewer?'

_WITH_PAGES = (
    r'"text"===t.selected.viewer&&/\.(html?|ipynb)$/i.test(t.selected.path)?i("iframe",{'
    'key:t.selected.path,attrs:{title:t.selected.path,allow:"clipboard-write *",'
    f'src:t.srcBase+t.selected.path.split("/").map(encodeURIComponent).join("/")+"?{_AS_PAGE}"}},'
    'style:{flex:"1 0 75vh",width:"100%",border:0,background:"#fff"}}):' + _VIEWER
)
"""Vue's function for the viewer of a text, and what is put into the page in its place: a frame for
the files of PAGES."""

_MAKER = "guild_notebook.run.finished"
"""The module that writes the page of a notebook. It is started, since a notebook may take any
memory, and this room uses no other of those that make pages."""

_FOR_OTHERS = "access-control-allow-origin"
_NOT_KEPT = ("Cache-Control", "no-cache")

_SANDBOX = "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox allow-downloads"

Headers = list[tuple[str, str]]


def name_pages(view_impl: Any) -> None:
    """Say what PAGES are in the list of a run's files (guild/commands/view_impl.py:291), and that
    there is a viewer for them. Guild says so of those that it takes for text by their first bytes.
    """
    file_type_info = view_impl._base_file_type_info

    @functools.wraps(file_type_info)
    def with_pages(path: str) -> Any:
        kind = PAGES.get(os.path.splitext(path)[1].lower())
        if kind and os.path.isfile(path):
            return kind, "file-document", kind, "text"
        return file_type_info(path)

    view_impl._base_file_type_info = with_pages


def show_pages(view: Any) -> None:
    """Let Guild View show PAGES as pages, and keep each from all that is not in it: it has an
    origin of its own, and what Guild View sends to any other (``Access-Control-Allow-Origin``) is
    not sent to that. Needless when Guild View has a viewer for pages that does so."""
    view_app = view._view_app

    @functools.wraps(view_app)
    def with_pages(data: Any, tb_servers: Any) -> Any:
        return functools.partial(_answer, view_app(data, tb_servers), view.var.runs_dir())

    view._view_app = with_pages


def _answer(app: Any, runs_dir: str, env: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = env["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    if path.startswith("/assets/js/app."):
        return _with_viewer(app, env, start_response)
    is_file = path.startswith("/files/")
    as_page = is_file and path.lower().endswith(".ipynb") and env.get("QUERY_STRING") == _AS_PAGE

    def start_apart(status: str, headers: Headers, *error: Any) -> Any:
        """Send what keeps pages of runs apart; a notebook of which there is no page as text."""
        values = {name.lower(): value for name, value in headers}
        content_type = values.get("content-type", "")
        if as_page and not page:
            headers = [(n, v) for n, v in headers if n.lower() != "content-type"]
            headers += [("Content-Type", "text/plain; charset=utf-8")]
        elif is_file and ("html" in content_type or "xml" in content_type):
            headers = [*headers, ("Content-Security-Policy", _SANDBOX)]
        if _FOR_OTHERS in values:
            headers = [*headers, ("Vary", "Origin")]
            if env.get("HTTP_ORIGIN") == "null":
                headers = [(n, v) for n, v in headers if n.lower() != _FOR_OTHERS]
        return start_response(status, headers, *error)

    page = _page_of(runs_dir, path[len("/files/") :]) if as_page else b""
    if not page:
        return app(env, start_apart)  # type: ignore[no-any-return]
    start_apart("200 OK", [("Content-Type", "text/html; charset=utf-8"), _NOT_KEPT])
    return [page]


def _with_viewer(app: Any, env: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The script of Guild View's page, with the viewer. It is sent whole, and a browser asks for it
    again, since it has the same name without this package."""
    sent: list[Any] = []
    for name in ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"):
        env.pop(name, None)
    script = b"".join(app(env, lambda *response: sent.extend(response)))
    script = script.replace(_VIEWER.encode(), _WITH_PAGES.encode())
    kept = [header for header in sent[1] if header[0].lower() == "content-type"]
    start_response(sent[0], [*kept, ("Content-Length", str(len(script))), _NOT_KEPT])
    return [script]


def _page_of(runs_dir: str, path: str) -> bytes:
    """The page of a notebook, made by a process of its own; b"" where that has said why there is
    none."""
    runs_dir = os.path.realpath(runs_dir)
    file = os.path.realpath(os.path.join(runs_dir, path.lstrip("/")))  # of a run that it links to
    run, _, name = os.path.relpath(file, runs_dir).partition(os.sep)
    if run in (os.curdir, os.pardir) or not os.path.isfile(file):
        return b""
    done = subprocess.run(
        [sys.executable, *start.arguments(_MAKER), os.path.join(runs_dir, run), name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    return done.stdout if done.returncode == 0 else b""
