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
from .widgets import VIEW, WidgetRenderer

PLOTLY = "application/vnd.plotly.v1+json"

_EMBED = "vegaEmbed"  # in the HTML of a figure of Vega or Vega-Lite
_VEGA = re.compile(r"application/vnd\.(vega|vegalite)\.v\d+(?:\+json|\.json)")
_LITE = re.compile(r"/schema/vega-lite/v(\d+(?:\.\d+)?)")
_LOADED = re.compile(r"""maybeLoadScript\(["'](vega(?:-lite|-embed)?)["'], ["']([^"']*)["']\)""")


def draw_widgets_and_figures(nb: Any, outputs: list[Any]) -> str:
    """Put HTML for widgets, and for figures that are JSON, into the ``outputs`` of ``nb``; returns
    the script that these need."""
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
    return _vega_script(list(_values(nb, ("text/html", "application/javascript"))))


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
