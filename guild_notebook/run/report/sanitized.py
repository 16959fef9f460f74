"""The report ``sanitized``: an HTML page that is safe to open, whoever wrote the notebook.

Two measures make it safe, and each is enough alone. The content is sanitized: each piece, so that
none can change what follows it, and then the whole body. And the page's Content-Security-Policy
lets a browser run no script and load nothing.

nbconvert's ``sanitize_html`` has neither: its page runs scripts from three sites, it sanitizes
before it renders Markdown, and its parser reads HTML differently from browsers.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from typing import Any

from nbformat import NotebookNode, from_dict

from ...document.mime import text_of
from . import templates
from .bounded import BoundedHTMLExporter, LargeImages
from .highlight import stylesheet
from .html_sanitizer import image_element, is_visible, sanitize, sanitize_page
from .widgets import copy_with_outputs, draw_widgets

IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")

TEXTS = ("text/latex", "text/vnd.mermaid", "application/json", "text/plain")

NOTICE = "Sanitized: scripts, widgets, styles and remote content of the notebook are left out."

STYLE = """
a.anchor-link, .jp-Collapser { display: none; }
.jp-InputArea, .jp-InputArea-editor { overflow: hidden; }
.cm-editor.cm-s-jupyter .highlight pre { padding: var(--jp-code-padding) 4px; margin: 0;
  font: inherit; line-height: inherit; color: inherit; }
.jp-OutputArea-output pre { line-height: inherit; font-family: inherit; }
.jp-RenderedText pre { color: var(--jp-content-font-color1); font-size: var(--jp-code-font-size); }
.jp-RenderedHTMLCommon { contain: paint; }
.guild-note { color: #666; font-size: 85%; margin: 0 0 1em; }
"""

LANGUAGE_NAME = re.compile(r"[\w+#.-]{1,40}")


class SanitizedHTMLExporter(BoundedHTMLExporter):
    """An exporter of the report ``sanitized``."""

    def __init__(self) -> None:
        # Only the cells: the head of the other templates loads scripts.
        super().__init__("{%- extends 'base.html.j2' -%}")

    def rendered(self, source: str, attachments: Any) -> str:
        return sanitize(super().rendered(source, attachments))

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        title = nb.metadata.get("title") or (resources or {}).get("metadata", {}).get("name")
        nb, outputs = copy_with_outputs(nb)
        images = LargeImages(outputs)
        draw_widgets(nb, outputs)
        body, resources = super().from_notebook_node(_allowed_notebook(nb), resources)
        page = self._page(str(title or "Notebook"), sanitize_page(body))
        return images.put_into(page), resources

    def _page(self, title: str, body: str) -> str:
        names = ("static/index.css", "static/theme-light.css")
        files = (templates.source(self.environment, name) for name in names)
        css = "\n".join([stylesheet(), *files, STYLE]).replace("\r", "").replace("</", "<\\/")
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(css)}">\n'
            '<meta http-equiv="x-dns-prefetch-control" content="off">\n'
            '<meta name="referrer" content="no-referrer">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>{css}</style>\n</head>\n"
            '<body class="jp-Notebook" data-jp-theme-light="true" '
            'data-jp-theme-name="JupyterLab Light">\n<main>\n'
            f'<p class="guild-note">{NOTICE}</p>\n{body}\n</main>\n</body>\n</html>\n'
        )


def _policy(css: str) -> str:
    """A Content-Security-Policy that allows the stylesheet ``css``, ``style`` attributes, and
    images and media in data URLs.

    Browsers before 2023 do not know style-src-elem and use style-src, which allows any stylesheet
    in the page; it can load nothing all the same.
    """
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"style-src-elem 'sha256-{digest}'; style-src-attr 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _allowed_notebook(nb: Any) -> NotebookNode:
    """A notebook of what the page shows. Other metadata and the ids of cells are left out, since
    templates write them into attributes, some of them unescaped."""
    language = nb.metadata.get("language_info")
    named = {}
    for key in ("name", "pygments_lexer") if isinstance(language, dict) else ():
        if LANGUAGE_NAME.fullmatch(str(language.get(key, ""))):
            named[key] = language[key]
    metadata = {"language_info": named} if named else {}
    cells = [_cell(cell, str(index)) for index, cell in enumerate(nb.cells)]
    return from_dict({"metadata": metadata, "cells": cells})


def _cell(cell: Any, name: str) -> NotebookNode:
    made = NotebookNode(id=name, cell_type=cell.cell_type, metadata={}, source=cell.source)
    if cell.cell_type == "code":
        count = cell.get("execution_count")
        made["execution_count"] = count if isinstance(count, int) else None
        made["outputs"] = [_output(output) for output in cell.get("outputs", ())]
    elif cell.cell_type == "markdown" and cell.get("attachments"):
        made["attachments"] = cell.attachments
    elif cell.cell_type == "raw":
        kind = cell.metadata.get("raw_mimetype") or cell.metadata.get("format") or ""
        made["metadata"] = {"raw_mimetype": kind if isinstance(kind, str) else ""}
        made["source"] = sanitize(cell.source)
    return made


def _output(output: Any) -> NotebookNode:
    kind = output.output_type
    if kind == "stream":
        name = "stderr" if output.name == "stderr" else "stdout"
        return from_dict({"output_type": "stream", "name": name, "text": text_of(output.text)})
    if kind == "error":
        lines = [str(line) for line in output.get("traceback") or ()]
        name, text = str(output.get("ename")), str(output.get("evalue"))
        return from_dict(
            {"output_type": "error", "ename": name, "evalue": text, "traceback": lines}
        )
    kind = "execute_result" if kind == "execute_result" else "display_data"
    data = _allowed_data(output.get("data") or {}, output.get("metadata") or {})
    return from_dict({"output_type": kind, "metadata": {}, "data": data})


def _allowed_data(data: dict[str, Any], metadata: dict[str, Any]) -> dict[str, str]:
    """One entry of the MIME bundle ``data``: sanitized HTML if it is visible, else Markdown, an
    image or text. Of a plot that a script draws, that is its image or its text."""
    if "text/html" in data:
        sanitized = sanitize(text_of(data["text/html"]))
        if is_visible(sanitized):
            return {"text/html": sanitized}
    if "text/markdown" in data:
        return {"text/markdown": text_of(data["text/markdown"])}
    for mime in IMAGES:
        made = image_element(mime, text_of(data.get(mime, "")), metadata.get(mime))
        if made:
            return {"text/html": made}
    for mime in TEXTS:
        if mime in data:
            value = data[mime]
            is_json = mime == "application/json" and not isinstance(value, str)
            text = json.dumps(value, indent=2, ensure_ascii=False) if is_json else text_of(value)
            return {"text/plain": text}
    return {"text/plain": f"[{', '.join(map(str, data))}: not shown here]" if data else ""}
