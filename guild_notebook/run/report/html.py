"""The HTML report: nbconvert's page, changed to need no network wherever that is possible.

nbconvert's page always loads require.js and MathJax and waits for them, which takes minutes where
the network drops connections. Here a page loads only what its outputs use.

Plotly's output in Jupyter is the figure's JSON alone, as is Altair's with its renderer
``mimetype``, and nbconvert has no template for these. Altair's HTML loads Vega from the network.
The scripts are in Python packages: in plotly, and in vl-convert, with which Altair saves figures.
Where these are installed, a script is put into the page once, if a figure needs it.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from ...document.mime import has_image, text_of
from ...files import write_whole
from .bounded import BoundedHTMLExporter, LargeImages
from .closing import parsed, well_formed
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
<div class="guild-widget jp-OutputArea-output" tabindex="0">
{{ super() }}
<div class="guild-snapshot jp-RenderedHTMLCommon">{{ output.metadata.guild_snapshot }}</div>
</div>
{%- endblock -%}
"""

MOST_TAGS = 200_000
"""Tags of a notebook's HTML that are read: BeautifulSoup takes seconds for so many."""

PLOTLY = "application/vnd.plotly.v1+json"

_EMBED = "vegaEmbed"  # in the HTML of a figure of Vega or Vega-Lite
_VEGA = re.compile(r"application/vnd\.(vega|vegalite)\.v\d+(?:\+json|\.json)")
_LITE = re.compile(r"/schema/vega-lite/v(\d+(?:\.\d+)?)")
_LOADED = re.compile(r"""maybeLoadScript\(["'](vega(?:-lite|-embed)?)["'], ["']([^"']*)["']\)""")
_MATH = re.compile(r"\$|\\\(|\\\[|\\begin\{")
_SCRIPT = re.compile(r"<(/?(?:script|style))\b", re.IGNORECASE)
# In scripts that need require.js. Others only test whether it is there.
_REQUIRE = re.compile(r"\brequire(?:js)?\s*(?:\(\s*\[|\.config\b)")


class HTMLReportExporter(BoundedHTMLExporter):
    """An exporter of the reports ``html`` and, without ``with_input``, ``html-no-input``."""

    def __init__(self, with_input: bool = True) -> None:
        super().__init__(TEMPLATE, with_input)
        self._tags = 0

    def rendered(self, source: str, attachments: Any) -> str:
        return self._closed(super().rendered(source, attachments))

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        nb, outputs = copy_with_outputs(nb)
        images = LargeImages(outputs)
        _draw_widgets_and_figures(nb, outputs)
        resources = {**(resources or {}), "guild": _requirements(nb)}
        self._tags = 0
        for output in outputs:
            data = output.get("data") or {}
            metadata = (output.get("metadata") or {}).items()
            output.metadata = {k: v for k, v in metadata if k not in data or isinstance(v, dict)}
            if "text/html" in data:
                output.data = {**data, "text/html": self._closed(text_of(data["text/html"]))}
        page, resources = super().from_notebook_node(nb, resources)
        return images.put_into(page), resources

    def _closed(self, piece: str) -> str:
        """HTML of the notebook in which all elements are closed and images have a text; of many
        megabytes as it is."""
        self._tags += piece.count("<")
        if self._tags > MOST_TAGS:
            return piece
        made = well_formed(piece)
        return parsed(piece) if made is None else made


def _requirements(nb: Any) -> dict[str, Any]:
    """What the template finds in ``resources.guild``: ``script`` is put into the page, ``require``
    is "now" or "later" (after the rest of the page) where the page loads require.js, else "", and
    ``math`` says whether it loads MathJax."""
    pages = list(_values(nb, ("text/html", "application/javascript")))
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    texts += _values(nb, ("text/latex", "text/markdown"))
    html_pages = filter(_may_have_math, _values(nb, ("text/html",)))
    texts += [text for page in html_pages for text in _without_scripts(page)]
    script = _vega_script(pages)
    require = ""
    loading = (page for page in pages if "require" in page and not (script and _EMBED in page))
    if any(map(_REQUIRE.search, loading)):
        require = "now"
    elif any(_values(nb, (VIEW,))):
        require = "later"  # only the widget manager uses it, which is loaded after the page
    return {"script": script, "require": require, "math": any(map(_MATH.search, texts))}


def _may_have_math(text: str) -> bool:
    """Faster than the pattern, which tells it for certain."""
    return "$" in text or "\\" in text


def _without_scripts(page: str) -> Iterator[str]:
    """The parts of HTML that are not in scripts or styles."""
    first, *rest = _SCRIPT.split(page)
    yield first
    opened = ""
    for tag, text in zip(rest[::2], rest[1::2]):
        if not opened and not tag.startswith("/"):
            opened = tag.lower()
        elif tag.lower() == f"/{opened}":
            opened = ""
        if not opened:
            yield text


def _draw_widgets_and_figures(nb: Any, outputs: list[Any]) -> None:
    """Put HTML for widgets, and for figures that are JSON, into the ``outputs`` of ``nb``."""
    renderer = WidgetRenderer(nb)
    plotly = False
    for output in outputs:
        data = output.get("data") or {}
        if VIEW in data:
            text = html.escape(text_of(data.get("text/plain", "")))
            drawn = renderer.widget_html(data) or f"<pre>{text}</pre>"
            output.metadata = {**(output.get("metadata") or {}), "guild_snapshot": drawn}
            continue
        mime = next((m for m in data if m == PLOTLY or _VEGA.fullmatch(m)), None)
        if mime is None or "text/html" in data:
            continue
        if mime == PLOTLY:
            made = _plotly_html(data[mime], with_library=not plotly)
            plotly = plotly or bool(made)
        else:
            made = _vega_html(mime, data[mime])
        output.data = {**data, **({"text/html": made} if made else _without_library(mime, data))}


def _without_library(mime: str, data: dict[str, Any]) -> dict[str, Any]:
    """An entry that replaces a figure whose library is not installed; none if it has an image."""
    if has_image(data):
        return {}
    name, library = ("plotly",) * 2 if mime == PLOTLY else ("Vega", "vl-convert-python")
    text = f"a figure of {name}: install {library} beside guild-notebook to see it in reports"
    return {"text/plain": text}


def _values(nb: Any, mimes: tuple[str, ...]) -> Iterator[str]:
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data") or {}
            for mime in mimes:
                if mime in data:
                    yield text_of(data[mime])


def _plotly_html(figure: Any, with_library: bool) -> str:
    """HTML that draws ``figure``, an entry of the type PLOTLY; "" where plotly is not installed.
    The first one of a page must have the library in it."""
    if not isinstance(figure, dict) or importlib.util.find_spec("plotly") is None:
        return ""
    from plotly import io

    parts = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    made: str = io.to_html(
        parts,
        config=figure.get("config"),
        include_plotlyjs=with_library,
        full_html=False,
        validate=False,
        div_id=f"plotly-{uuid.uuid4().hex}",
        auto_play=False,
    )
    return made


def _vega_html(mime: str, spec: Any) -> str:
    """HTML that draws ``spec``, an entry of a type of _VEGA, in a page that has the script of
    ``_vega_script``; "" where vl-convert is not installed."""
    if not isinstance(spec, dict) or importlib.util.find_spec("vl_convert") is None:
        return ""
    name = f"vega-{uuid.uuid4().hex}"
    mode = "vega-lite" if ".vegalite." in mime else "vega"
    figure = json.dumps(spec).replace("</", "<\\/")
    script = f'vegaEmbed("#{name}", {figure}, {{mode: "{mode}"}});'
    return f'<div id="{name}"></div><script>{script}</script>'


def _vega_script(pages: Iterable[str]) -> str:
    """The script that the figures of Vega in ``pages`` need, pieces of HTML of Altair or of
    ``_vega_html``; "" where there are no figures or vl-convert is not installed.

    Altair's HTML does not load Vega again, since it finds the versions in ``VEGA_DEBUG``, and the
    module in require.js if another output of the page has loaded that.
    """
    pages = [page for page in pages if _EMBED in page]
    if not pages or importlib.util.find_spec("vl_convert") is None:
        return ""
    versions = {name: version for page in pages for name, version in _LOADED.findall(page)}
    loaded = ", ".join(
        f'{name.replace("-", "")}_version: "{version}"' for name, version in versions.items()
    )
    return (
        f"{_vega_bundle(_vega_lite_release(pages))}\nvar VEGA_DEBUG = {{{loaded}}};\n"
        'if (typeof define === "function" && define.amd) '
        '{ define("vega-embed", [], function () { return window.vegaEmbed; }); }'
    ).replace("</script", "<\\/script")


def _vega_lite_release(pages: list[str]) -> str:
    """The release of Vega-Lite that the figures name, or the newest that vl-convert has of its
    major version; "" for the newest of all, and with vl-convert before 1.7, which has no list."""
    import vl_convert

    releases: list[str] = getattr(vl_convert, "get_vegalite_versions", list)()
    releases = sorted(releases, key=lambda release: [*map(int, release.split("."))])
    for wanted in (name for page in pages for name in _LITE.findall(page)):
        for version in (wanted, wanted.split(".")[0]):
            fitting = [r for r in releases if f"{r}.".startswith(f"{version}.")]
            if fitting:
                return fitting[-1]
    return ""


def _vega_bundle(release: str) -> str:
    """Vega, Vega-Lite and vega-embed as one script, in Guild's cache: making it takes seconds."""
    from importlib.metadata import version

    import vl_convert
    from guild import var

    name = f"{version('vl-convert-python')}-{release or 'newest'}.js"
    path = os.path.join(var.cache_dir("notebook-vega"), name)
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except (OSError, ValueError):
        javascript_bundle: Any = vl_convert.javascript_bundle  # its stub lacks the default value
        bundle: str = javascript_bundle(vl_version=release or None)
    with contextlib.suppress(OSError):
        write_whole(path, bundle.encode("utf-8"))
    return bundle
