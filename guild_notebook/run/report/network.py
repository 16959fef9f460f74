"""What an output would load from other hosts, which the page does not let it."""

from __future__ import annotations

import html
import re

_HOST = r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)"

_LOADS = re.compile(
    r"(?:<(?:script|iframe|img|source|video|audio|embed)\b[^<>]*?\bsrc\s*=\s*[\"']?"
    r"|<link\b[^<>]*?\bhref\s*=\s*[\"']?"
    r"|(?:@import\s*|\burl\(\s*)[\"']?"
    rf"|\b(?:import|from|fetch)\s*(?:\(\s*)?[\"'`]){_HOST}"
    rf"|[\"'`]{_HOST}/[^\"'`\s<>]*\.m?js[\"'`?]",
    re.IGNORECASE,
)

_WITH_HINT = re.compile(r"<(?:link|script)\b[^<>]*", re.IGNORECASE)
_HINT = re.compile(r"\b(?:preconnect|dns-prefetch|speculationrules)\b", re.IGNORECASE)

_META = re.compile(r"<meta(?=[\s/])", re.IGNORECASE)


def hosts_of(piece: str) -> list[str]:
    """The hosts from which a piece of HTML or a script of the notebook loads scripts, styles,
    images or frames, each once; those of a page within a frame too."""
    if "//" not in piece:
        return []
    pieces = [piece, html.unescape(piece)] if "srcdoc" in piece else [piece]
    found = (match for text in pieces for match in _LOADS.finditer(text))
    return list(dict.fromkeys((match[1] or match[2]).lower() for match in found))


def without_hints(piece: str) -> str:
    """A piece of HTML in which nothing tells a browser what to load ahead, which a page's policy
    does not stop: connections to hosts, and pages that may be opened next, or at once."""
    if "http-equiv" in piece.lower():
        piece = _META.sub("<param", piece)  # empty as well, and browsers do nothing with it
    if not _HINT.search(piece):
        return piece
    return _WITH_HINT.sub(lambda tag: _HINT.sub("not-loaded", tag[0]), piece)


def notice_html(hosts: list[str]) -> str:
    """A line at the place of an output that loads from ``hosts``, "" for none."""
    if not hosts:
        return ""
    named = ", ".join(hosts[:5]) + (f" and {len(hosts) - 5} more" if len(hosts) > 5 else "")
    return f'<p class="notice">{html.escape(_loads_note(named))}</p>\n'


def _loads_note(named: str) -> str:
    return (
        f"this output loads from {named}, which a page does only with the option "
        "nb-report: {html: {network: yes}}"
    )
