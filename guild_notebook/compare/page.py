"""The page that compares runs: one HTML file that needs no other and asks the network for nothing.

Its data is that of page_data.py, and its script and styles are the files of ``assets/``, in one
piece each, which a Content-Security-Policy names by their digests: a browser runs no other script,
and nothing of a run is HTML in it. The page comes first, then the images, each an inert element
that the script reads when the image is to be seen: so a page of 100 MB is there at once.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import model

_SCRIPTS = (
    *("state.js", "places.js", "originals.js", "outputs.js", "flags.js", "fields.js", "filter.js"),
    *("filter_box.js", "field_chooser.js", "table.js", "coordinates.js", "curves.js"),
    *("failures.js", "times.js", "header.js", "cells_list.js", "sliders.js", "sheet.js", "one.js"),
    *("differences.js", "two_images.js", "two.js", "keys.js", "live.js", "main.js"),
)
"""The files of the script in their order: names are shared, and the last one starts the page."""

_STYLES = ("compare.css", "panels.css", "live.css")

GENERATOR = '<meta name="generator" content="guild-notebook compare">'
"""What says in the head of a page that it may be written anew."""

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta http-equiv="x-dns-prefetch-control" content="off">
<meta name="referrer" content="no-referrer">
{generator}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="page"><noscript><p>This page needs JavaScript. It loads nothing from elsewhere.</p>
</noscript></div>
"""


def page(
    data: Mapping[str, Any], images: Mapping[str, model.Image], *, live: bool = False
) -> Iterator[str]:
    """The page of ``data`` (page_data.py), in pieces.

    ``images`` are the originals by their digests; a page that is ``live`` has none of them and asks
    the server that it comes from for ``image/DIGEST``."""
    script, style = _script(), _style()
    yield _HEAD.format(
        policy=_policy(script, style, live),
        generator=GENERATOR,
        title=html.escape(_utf8(data["title"])),
        style=style,
    )
    yield f'<script type="application/json" id="data">{inert(data)}</script>\n'
    yield f"<script>{script}</script>\n"
    if not live:
        for image in _as_shown(data, images):
            yield f'<script type="text/plain" id="o{image.digest}">{image.data}</script>\n'
    yield "</body>\n</html>\n"


def _as_shown(data: Mapping[str, Any], images: Mapping[str, model.Image]) -> Iterator[model.Image]:
    """The images of the cells whose outputs differ most first, which is what the page opens on."""
    left = dict(images)
    slots = range(len(data["slots"]))
    for slot in sorted(slots, key=lambda slot: -float(data["slots"][slot]["change"])):
        for cell in data["cells"][slot]:
            for index in (cell or {}).get("outputs", ()):
                output = data["outputs"][index]
                if output["kind"] == model.IMAGE:
                    image = left.pop(data["images"][output["image"]]["digest"], None)
                    if image:
                        yield image
    yield from left.values()


def inert(data: Mapping[str, Any]) -> str:
    """JSON that ends no element and begins no comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _utf8(text).replace("<", "\\u003c")


def _utf8(text: str) -> str:
    """``text`` with ? for surrogates that stand alone, as texts of broken files have them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _policy(script: str, style: str, live: bool) -> str:
    own = " 'self'" if live else ""
    connect = "connect-src 'self'; " if live else ""
    return (
        f"default-src 'none'; img-src blob: data:{own}; {connect}script-src {_hash(script)}; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@functools.cache
def _script() -> str:
    return f'(() => {{\n"use strict";\n{_joined(_SCRIPTS)}}})();\n'


@functools.cache
def _style() -> str:
    report = Path(__file__).parents[1] / "run" / "report"
    return (report / "colours.css").read_text("utf-8") + _joined(_STYLES)


def _joined(names: tuple[str, ...]) -> str:
    folder = Path(__file__).parent / "assets"
    return "\n".join((folder / name).read_text("utf-8") for name in names)
