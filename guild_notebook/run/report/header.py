"""The head of a page: what it says of its run. Every text is escaped here."""

from __future__ import annotations

import html

from .facts import RunFacts


def header_html(facts: RunFacts, images_html: str = "") -> str:
    """The head as HTML; ``images_html`` is the strip of images (``Pictures.strip_html``)."""
    title = html.escape(facts.operation or "Run")
    return f'<header class="run-head"><h1>{title}</h1>{images_html}</header>'
