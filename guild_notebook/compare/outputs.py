"""The outputs of a cell of an executed notebook as data: each once, of the best of its kinds.

A cell is any JSON: what is not an output of nbformat 4 is left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..document.bars import is_bar
from ..document.mime import text_of
from ..document.screen import Row, Screen
from .html_tables import Page, page_of
from .model import ERROR, FIGURE, IMAGE, TABLE, TEXT, Image, Output
from .volatile import Mask

MOST_TEXT = 200_000
"""Characters of a text that are kept."""

MOST_HTML = 500_000
"""Characters of HTML that are read."""

IMAGES = ("image/png", "image/svg+xml", "image/jpeg", "image/webp", "image/gif")

_FIGURE = re.compile(
    r"application/(?:vnd\.plotly\.v1|vnd\.vega(?:lite)?\.v\d+|vnd\.bokehjs_exec\.v0"
    r"|vnd\.jupyter\.widget-view|vnd\.holoviews_exec\.v0|geo)(?:\+json|\.json)"
)
_LOADS = ("application/vnd.bokehjs_load.v0+json", "application/vnd.holoviews_load.v0+json")
"""What loads a library for figures, and shows nothing."""

_DRAWS = re.compile(r"Plotly\.newPlot\(|vegaEmbed|Bokeh\.embed|<(?:canvas|iframe|video|audio)\b")
_LOGO = "bk-notebook-logo"
"""In what BokehJS shows while it is loaded."""

_DIAGRAM = "sk-top-container"
"""In scikit-learn's HTML of an estimator, which is better read as text."""

_JSON = re.compile(r"application/(?:.*\+)?json")
_OBJECT = re.compile(
    r"<[\w.]+(?: object)?(?: at 0x[0-9a-fA-F]+)?>|\w*Figure\(.*|alt\.\w+\(.*", re.S
)
"""A text that says only what an object is, where there is another form of it."""

_COLOURS = re.compile(r"\x1b\[[\d;:]*m")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_RANDOM_KEY = re.compile(r"(?:uid|id|root_?ids?|docs?_?id|model_id|elementid|template)", re.I)
_RANDOM_VALUE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|p?\d{4,}|[0-9a-f]{32}")


def cell_outputs(cell: Mapping[str, Any]) -> list[Output]:
    """The outputs of a cell of an executed notebook, in order. What it printed on a stream is one
    text until something is shown between."""
    found: list[Output] = []
    streams: dict[str, list[str]] = {}
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, Mapping):
            continue
        kind = output.get("output_type")
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            streams.setdefault(name, []).append(text_of(output.get("text", "")))
            continue
        made = _error(output) if kind == "error" else _shown_output(output, str(kind))
        if made:
            found += _texts(streams)
            streams = {}
            found.append(made)
    return [*found, *_texts(streams)]


def _texts(streams: Mapping[str, list[str]]) -> Iterator[Output]:
    """How the pieces of two streams are mixed depends on when a kernel has sent them."""
    for name, parts in streams.items():
        text, rest = shown("".join(parts))
        if text.strip():
            yield Output(TEXT, name, text, rest=rest)


def shown(text: str) -> tuple[str, str]:
    """What a terminal would have left of a text, without colours, and a digest of the rest."""
    if _CONTROLS.search(text):
        text = _COLOURS.sub("", text)
        if _CONTROLS.search(text):
            screen = Screen(Row.text)
            screen.feed(text)
            text = screen.text()
    if len(text) <= MOST_TEXT:
        return text, ""
    kept = text[: text.rfind("\n", 0, MOST_TEXT) + 1] or text[:MOST_TEXT]
    rest = Mask()(text[len(kept) :]).encode("utf-8", "replace")
    return kept, hashlib.sha256(rest).hexdigest()


def _error(output: Mapping[str, Any]) -> Output:
    lines = output.get("traceback")
    text, rest = shown("\n".join(map(str, lines)) if isinstance(lines, list) else "")
    name, message = (str(output.get(key) or "") for key in ("ename", "evalue"))
    return Output(ERROR, "display", text, name=name, message=shown(message)[0], rest=rest)


def _shown_output(output: Mapping[str, Any], kind: str) -> Output | None:
    data = output.get("data")
    if not isinstance(data, Mapping) or not data or any(mime in data for mime in _LOADS):
        return None
    source = "result" if kind in ("execute_result", "pyout") else "display"
    plain, rest = shown(text_of(data.get("text/plain", "")))
    for mime in IMAGES:
        if mime in data and (image := image_of(mime, text_of(data[mime]))):
            return Output(IMAGE, source, plain, image=image, rest=rest)
    for mime, content in data.items():
        if _FIGURE.fullmatch(mime):
            # The state of a widget lies elsewhere in a notebook: there is the text beside it, which
            # of a progress bar is its first state.
            is_widget = isinstance(content, Mapping) and "model_id" in content
            if is_widget:
                return None if is_bar(plain) else _of_text(TEXT, source, plain)
            return _of_text(FIGURE, source, _canonical(content))
    if html := text_of(data.get("text/html", "")):
        return _of_html(html, source, plain, rest)
    if not plain or _OBJECT.fullmatch(plain):
        return _of_other(data, source) or _of_text(TEXT, source, plain)
    return Output(TEXT, source, plain, rest=rest)


def _of_other(data: Mapping[str, Any], source: str) -> Output | None:
    for mime, content in data.items():
        if mime in ("text/markdown", "text/latex"):
            return _of_text(TEXT, source, text_of(content))
        if _JSON.fullmatch(mime):
            return _of_text(TEXT, source, _canonical(content, indent=1))
        if mime == "application/javascript":
            return _of_text(FIGURE, source, text_of(content))
    return None


def _of_text(kind: str, source: str, text: str) -> Output | None:
    text, rest = shown(text)
    return Output(kind, source, text, rest=rest) if text.strip() else None


def _of_html(html: str, source: str, plain: str, rest: str) -> Output | None:
    if _LOGO in html:
        return None
    if _DRAWS.search(html):
        return _of_text(FIGURE, source, html)
    page = page_of(html[:MOST_HTML])
    rest = rest or "not compared" * (len(html) > MOST_HTML)
    if len(page.tables) == 1 and _DIAGRAM not in html:
        return Output(TABLE, source, plain, table=page.tables[0], rest=rest)
    if not page.text.strip() and (image := _image_in(page)):
        return Output(IMAGE, source, plain, image=image, rest=rest)
    if not plain or _OBJECT.fullmatch(plain):
        return _of_text(TEXT, source, page.text)
    return Output(TEXT, source, plain, rest=rest)


def _image_in(page: Page) -> Image | None:
    for address in page.images:
        mime, _, data = address.removeprefix("data:").partition(";base64,")
        if mime in IMAGES and (image := _of_base64(mime, data)):
            return image
    return None


def image_of(mime: str, content: str) -> Image | None:
    """The image of an entry of a MIME bundle, None where it cannot be read: nbformat has SVG as
    text, others as base64."""
    if mime == "image/svg+xml" and "<" in content:
        content = base64.b64encode(content.encode("utf-8", "replace")).decode("ascii")
    return _of_base64(mime, content)


def _of_base64(mime: str, content: str) -> Image | None:
    data = "".join(content.split())
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Image(hashlib.sha256(raw).hexdigest(), mime, data, len(raw)) if raw else None


def _canonical(content: Any, indent: int | None = None) -> str:
    """JSON in which the ids that a library makes for each figure are left out."""
    try:
        return json.dumps(
            _without_ids(content, 0), sort_keys=True, ensure_ascii=False, indent=indent
        )
    except (TypeError, ValueError, RecursionError):
        return str(content)


def _without_ids(content: Any, depth: int) -> Any:
    if depth > 200:
        return "…"
    if isinstance(content, Mapping):
        items: Iterable[tuple[Any, Any]] = content.items()
        return {
            _without_id(key): _without_ids(value, depth + 1)
            for key, value in items
            if not (_RANDOM_KEY.fullmatch(str(key)) and _is_random(value))
        }
    if isinstance(content, list):
        return [_without_ids(value, depth + 1) for value in content]
    return _without_id(content)


def _is_random(value: Any) -> bool:
    return isinstance(value, str) and bool(_RANDOM_VALUE.fullmatch(value))


def _without_id(value: Any) -> Any:
    return "id" if _is_random(value) and not str(value).isdecimal() else value
