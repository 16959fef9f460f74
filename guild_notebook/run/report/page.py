"""The page of an executed notebook: one HTML file that needs no other and asks the network for
nothing.

Three reports are this page: ``html``, ``html-no-input`` without code, and ``sanitized``, in which
what is from the notebook is sanitized, piece by piece and then as a whole. Two measures make that
one safe, and each is enough alone: the other is the page's Content-Security-Policy, with which a
browser runs no script but ours and loads nothing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...document.cells import cell_label
from ...options.reports import SANITIZED, ReportOptions
from .cells import CellRenderer
from .facts import CellError, RunFacts
from .header import failures, header_html
from .html_sanitizer import sanitize_page
from .local_images import Sources
from .shown import ShownCell

NOTICE = "Sanitized: scripts, widgets, styles and remote content of the notebook are left out."


def page_html(
    nb: Any,
    facts: RunFacts | None = None,
    options: ReportOptions | None = None,
    sources: Sources | None = None,
    *,
    title: str,
    kind: str,
) -> str:
    """The page of ``nb``, of a run if there are ``facts``. ``sources`` is where it finds what it
    takes in, ``title`` stands in for one of the notebook's own, and ``kind`` is a name of
    OWN_REPORTS."""
    facts = facts or RunFacts()
    options = options or ReportOptions.of(kind, {})
    title = str(nb.metadata.get("title") or title)
    if facts.run_id:  # windows and bookmarks of many runs
        title += f" – {facts.run_id[:8]}"
    cells = CellRenderer(
        nb, options, sources or Sources(), facts.anchors, is_sanitized=kind == SANITIZED
    )
    facts = _without_removed(facts, cells.shown)
    body = cells.html()
    if kind == SANITIZED:
        body = sanitize_page(body)
    notice = f'<p class="notice">{NOTICE}</p>' if kind == SANITIZED else ""
    named = html.escape(title)
    policy = _policy(kind, cells.runs_scripts, options.network)
    contents = cells.contents.html() if options.contents else ""
    attributes = ' class="with-contents"' * bool(contents)
    has_header = options.header and facts.run_id
    strip = cells.pictures.strip_html() if has_header else ""
    failed = "<br>".join(failures(facts))
    failed = f'<p class="failures">{failed}</p>\n' if failed else ""
    return cells.completed(
        "".join(
            [
                f'<!DOCTYPE html>\n<html lang="en"{attributes}>\n<head>\n<meta charset="utf-8">\n',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
                '<meta http-equiv="x-dns-prefetch-control" content="off">\n'
                '<meta name="referrer" content="no-referrer">\n'
                '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
                f"<title>{named}</title>\n<style>{_style()}</style>\n"
                f"<script>{_asset('report.js')}</script>\n</head>\n"
                '<body>\n<a class="skip-link" href="#main">Skip to the notebook</a>\n'
                '<div class="page">\n<header class="side">',
                contents,
                '</header>\n<main id="main" tabindex="-1">\n',
                header_html(facts, strip) if has_header else failed,
                f"{notice}{body}</main>\n</div>\n</body>\n</html>\n",
            ]
        )
    )


def _without_removed(facts: RunFacts, cells: Sequence[ShownCell]) -> RunFacts:
    """``facts`` in which cells are called by what is left of the notebook: the code or the heading
    that gave one its name may be removed."""
    labels = {
        each.index: cell_label(each.index + 1, each.name, each.cell.get("execution_count"))
        for each in cells
        if each.is_renamed
    }

    def renamed(error: CellError) -> CellError:
        label = labels.get(error.index, error.where)
        return replace(error, where=label, text=error.text.replace(error.where or label, label))

    failed = facts.failed and renamed(facts.failed)
    reason = facts.reason
    if facts.failed and failed and facts.failed.where:
        reason = reason.replace(facts.failed.where, failed.where)
    return replace(facts, failed=failed, errors=[*map(renamed, facts.errors)], reason=reason)


@functools.cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _style() -> str:
    return _asset("colours.css") + _asset("report.css")


def _policy(kind: str, runs_scripts: bool, network: bool) -> str:
    """A Content-Security-Policy: nothing is loaded, and no script runs but ours. Where the notebook
    has scripts, and is not sanitized, these run, and load from the ``network`` if that is so.

    Browsers before 2023 do not know style-src-elem and use style-src, which allows any stylesheet
    in the page; it can load nothing all the same.
    """
    if network and kind != SANITIZED:
        sources = "https: http: wss: ws: data: blob: 'unsafe-inline' 'unsafe-eval'"
        return f"default-src {sources}; base-uri 'none'; form-action 'none'"
    common = (
        "default-src 'none'; img-src data: blob:; media-src data: blob:; font-src data:; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    )
    if runs_scripts and kind != SANITIZED:
        return (
            f"{common}script-src 'unsafe-inline' 'unsafe-eval' data: blob:; worker-src blob:; "
            "connect-src data: blob:; frame-src data: blob:"
        )
    if kind == SANITIZED:
        common += f"style-src-elem {_hash(_style())}; style-src-attr 'unsafe-inline'; "
    return f"{common}script-src {_hash(_asset('report.js'))}"


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
