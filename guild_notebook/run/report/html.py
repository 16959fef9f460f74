"""The HTML report: nbconvert's page, changed to need no network wherever that is possible.

nbconvert's page always loads require.js and MathJax and waits for them, which takes minutes where
the network drops connections. Here a page loads only what its outputs use.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from nbconvert.exporters import HTMLExporter

from ...document.mime import has_image, text_of
from . import figures
from .widgets import VIEW, WidgetRenderer, copy_with_outputs

TEMPLATE = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js_requirejs -%}
{%- if resources.guild.require -%}
{%- set how = 'defer' if resources.guild.require == 'later' else '' -%}
<script {{ how }} src="{{ resources.require_js_url }}"></script>
{%- endif -%}
{%- if resources.guild.script %}<script>{{ resources.guild.script }}</script>{% endif %}
{%- endblock -%}
{%- block html_head_js_mathjax -%}
{%- if resources.guild.math %}{{ super() | replace('<script src', '<script defer src') }}{% endif %}
{%- endblock -%}
{%- block html_head_css -%}
{{ super() }}
<style>
.guild-widget > .jupyter-widgets:has(.widget-subarea) + .guild-snapshot { display: none; }
.guild-widget > .jupyter-widgets:not(:has(.widget-subarea)) { display: none; }
</style>
{%- endblock -%}
{%- block data_widget_view scoped -%}
<div class="guild-widget jp-OutputArea-output">
{{ super() }}
<div class="guild-snapshot jp-RenderedHTMLCommon">{{ output.metadata.guild_snapshot }}</div>
</div>
{%- endblock -%}
"""

_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\{")
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
# In scripts that need require.js. Others only test whether it is there.
_REQUIRE = re.compile(r"\brequire(?:js)?\s*(?:\(\s*\[|\.config\b)")


class HTMLReportExporter(HTMLExporter):  # type: ignore[misc]  # nbconvert carries no types
    """An nbconvert exporter of the reports ``html`` and ``html-no-input``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.raw_template = TEMPLATE

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        nb = _with_widgets_and_figures(nb)
        resources = {**(resources or {}), "guild": _requirements(nb)}
        page: tuple[str, dict[str, Any]] = super().from_notebook_node(nb, resources, **options)
        return page


def _requirements(nb: Any) -> dict[str, Any]:
    """What the template finds in ``resources.guild``: ``script`` is put into the page, ``require``
    is "now" or "later" (after the rest of the page) where the page loads require.js, else "", and
    ``math`` says whether it loads MathJax."""
    pages = list(_values(nb, ("text/html", "application/javascript")))
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    texts += _values(nb, ("text/latex", "text/markdown"))
    texts += [_SCRIPT.sub("", page) for page in _values(nb, ("text/html",))]
    script = figures.vega_script(pages)
    require = ""
    if any(_REQUIRE.search(page) for page in pages if not (script and figures.is_chart(page))):
        require = "now"
    elif any(_values(nb, (VIEW,))):
        require = "later"  # only the widget manager uses it, which is loaded after the page
    return {
        "script": script,
        "require": require,
        "math": any(_MATH.search(text) for text in texts),
    }


def _with_widgets_and_figures(nb: Any) -> Any:
    """A copy of ``nb`` with HTML for widgets and for figures that are JSON data."""
    renderer = WidgetRenderer(nb)
    plotly = False
    nb, outputs = copy_with_outputs(nb)
    for output in outputs:
        data = output.get("data") or {}
        if VIEW in data:
            text = html.escape(text_of(data.get("text/plain", "")))
            drawn = renderer.widget_html(data) or f"<pre>{text}</pre>"
            output.metadata = {**(output.get("metadata") or {}), "guild_snapshot": drawn}
            continue
        mime = next((m for m in data if m == figures.PLOTLY or figures.is_vega(m)), None)
        if mime is None or "text/html" in data:
            continue
        if mime == figures.PLOTLY:
            made = figures.plotly_html(data[mime], with_library=not plotly)
            plotly = plotly or bool(made)
        else:
            made = figures.vega_html(mime, data[mime])
        output.data = {**data, **({"text/html": made} if made else _without_library(mime, data))}
    return nb


def _without_library(mime: str, data: dict[str, Any]) -> dict[str, Any]:
    """An entry that replaces a figure whose library is not installed; none if it has an image."""
    if has_image(data):
        return {}
    name, library = ("plotly",) * 2 if mime == figures.PLOTLY else ("Vega", "vl-convert-python")
    return _text(
        f"a figure of {name}: install {library} beside guild-notebook to see it in reports"
    )


def _text(text: str) -> dict[str, Any]:
    return {"text/plain": text}


def _values(nb: Any, mimes: tuple[str, ...]) -> Iterator[str]:
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data") or {}
            for mime in mimes:
                if mime in data:
                    yield text_of(data[mime])
