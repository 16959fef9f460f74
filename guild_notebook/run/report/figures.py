"""Figures of Plotly, Vega and Bokeh, drawn without a network.

Their outputs are a figure's data as JSON, or HTML and scripts that load the library from a CDN. The
libraries are in Python packages: plotly, bokeh, and vl-convert, with which Altair saves figures.
They are looked for in the kernel's environment, whose releases have made the figures, then in this
one. A page has each that it needs once. Without it there is an image of the output, or a line.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...document.mime import has_image, text_of
from ...files import write_whole

PLOTLY = "application/vnd.plotly.v1+json"
BOKEH = re.compile(r"application/vnd\.bokehjs_(?:exec|load)\.v0\+json")
SCRIPT = "application/javascript"
HTML = "text/html"

_VEGA = re.compile(r"application/vnd\.(vega|vegalite)\.v\d+(?:\+json|\.json)")

_PLOTLY_FILE = "plotly/package_data/plotly.min.js"
_PLOTLY_LOADED = re.compile(
    r"<script\b[^<>]*\bsrc=[\"']https?://(?:cdn\.plot\.ly/plotly|[^\"'<>]*/mathjax/)[^<>]*>\s*</script>"
)
_REQUIRES_PLOTLY = re.compile(r"\brequire\(\s*\[\s*[\"']plotly[\"']")
_REQUIRE = """
if (typeof require === "undefined") {
  window.require = window.requirejs = (names, use) =>
    use && use(...names.map((name) => (name === "plotly" ? window.Plotly : undefined)));
  require.config = require.undef = () => {};
}
"""
"""In place of require.js, by which Plotly before 6 finds its library."""

_BOKEH_URLS = re.compile(r"\bjs_urls\s*=\s*(\[[^\[\]]*\bbokeh[^\[\]]*\])")
_BOKEH_URL = re.compile(r"/(bokeh(?:-[a-z]+)?)-(\d+\.\d+\.\d[\w.]{0,40}?)(?:\.min)?\.js\b")
_BOKEH_DRAWS = re.compile(r"\bBokeh\.embed\.embed_items")
_BOKEH_TEX = re.compile(r"\$\$|TeX|MathML")

_EMBED = "vegaEmbed"  # in the HTML of a figure of Vega or Vega-Lite
_LITE = re.compile(r"/schema/vega-lite/v(\d+(?:\.\d+)?)")
_LOADED = re.compile(r"""maybeLoadScript\(["'](vega(?:-lite|-embed)?)["'], ["']([^"']*)["']\)""")


class Figures:
    """The figures of a page. ``packages`` are folders with the packages of the kernel; with
    ``network`` what loads its library stays where that is not installed."""

    def __init__(self, packages: Sequence[str] = (), *, network: bool = False) -> None:
        self._folders = [*packages, *sys.path]
        self._network = network
        self._files: dict[str, None] = {}
        self._requires = False
        self._drawn = 0
        self._vega: list[str] = []

    def script(self) -> str:
        """The libraries that the figures drawn so far need: one script, before all of them."""
        # What extends BokehJS comes after it.
        paths = sorted(self._files, key=lambda path: os.path.basename(path).startswith("bokeh-"))
        parts = [Path(path).read_text("utf-8") for path in paths]
        parts += [_REQUIRE] * self._requires
        parts += [_vega_script(self._vega)] if self._vega else []
        return "\n;\n".join(parts).replace("</script", "<\\/script")

    def drawn(self, data: dict[str, Any]) -> dict[str, Any]:
        """The MIME bundle ``data`` of an output, of a figure with what draws it."""
        for mime in data:
            if mime == PLOTLY:
                return self._plotly(data)
            if _VEGA.fullmatch(mime):
                return self._vega_figure(mime, data)
        pieces = [text_of(data[mime]) for mime in (HTML, SCRIPT) if mime in data]
        if any(map(_uses_plotly, pieces)):
            return self._plotly(data)
        if any("PlotlyConfig" in piece for piece in pieces) and self._file(_PLOTLY_FILE):
            return {}  # it loads the library for figures that follow
        if any(_EMBED in piece for piece in pieces):
            return self._vega_page(data, pieces)
        if SCRIPT in data and any(map(BOKEH.fullmatch, data)):
            return self._bokeh(data, pieces[-1])
        return data

    def _file(self, name: str) -> str:
        paths = (os.path.join(folder, name) for folder in self._folders)
        return next(filter(os.path.isfile, paths), "")

    def _plotly(self, data: dict[str, Any]) -> dict[str, Any]:
        path = self._file(_PLOTLY_FILE)
        page = text_of(data.get(HTML, ""))
        figure = data.get(PLOTLY)
        if not path:
            is_whole = HTML in data and not _uses_plotly(page)
            return data if is_whole else self._without(data, "a figure of Plotly", "plotly")
        self._files[path] = None
        if isinstance(figure, dict):
            name = self._name("plotly")
            own = figure.get("config")
            config = {"responsive": True, **(own if isinstance(own, dict) else {})}
            given = figure.get("data") or [], figure.get("layout") or {}, config
            arguments = ", ".join(map(_literal, given))
            frames = figure.get("frames")
            added = f'.then(() => Plotly.addFrames("{name}", {_literal(frames)}))' * bool(frames)
            script = f'Plotly.newPlot("{name}", {arguments}){added};'
            page = f'<div id="{name}" class="plotly-graph-div"></div><script>{script}</script>'
        self._requires = self._requires or bool(_REQUIRES_PLOTLY.search(page))
        return {**_without_script(data), HTML: _PLOTLY_LOADED.sub("", page)}

    def _vega_figure(self, mime: str, data: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(data[mime], dict) or not _has_vega():
            page = text_of(data.get(HTML, ""))
            is_whole = HTML in data and _EMBED not in page
            return (
                data if is_whole else self._without(data, "a figure of Vega", "vl-convert-python")
            )
        name = self._name("vega")
        mode = "vega-lite" if ".vegalite." in mime else "vega"
        script = f'vegaEmbed("#{name}", {_literal(data[mime])}, {{mode: "{mode}"}});'
        page = f'<div id="{name}"></div><script>{script}</script>'
        self._vega.append(page)
        return {**_without_script(data), HTML: page}

    def _vega_page(self, data: dict[str, Any], pieces: list[str]) -> dict[str, Any]:
        if not _has_vega() and not self._network:
            return self._without(data, "a figure of Vega", "vl-convert-python")
        if _has_vega():
            self._vega += pieces
        return data

    def _bokeh(self, data: dict[str, Any], script: str) -> dict[str, Any]:
        """Of a script that loads BokehJS, and of one that draws a figure with it."""
        has_tex = _BOKEH_DRAWS.search(script) and _BOKEH_TEX.search(script)
        if has_tex and (path := self._file("bokeh/server/static/js/bokeh-mathjax.min.js")):
            self._files[path] = None
        urls = _BOKEH_URLS.search(script)
        if urls is None:
            return data
        names = _BOKEH_URL.findall(urls[1])
        paths = {name: self._file(f"bokeh/server/static/js/{name}.min.js") for name, _ in names}
        release = names[0][1] if names else ""
        if (
            not names
            or not all(map(os.path.isfile, paths.values()))
            or not _is_release(paths[names[0][0]], release)
        ):
            return self._without(data, "a figure of Bokeh", f"bokeh=={release}")
        for name, path in paths.items():
            if name != "bokeh-mathjax":  # half of all, for texts with formulas
                self._files[path] = None
        return {**data, SCRIPT: script.replace(urls[1], "[]")}

    def _without(self, data: dict[str, Any], what: str, library: str) -> dict[str, Any]:
        """The bundle of a figure whose library is not installed: its image, or a line."""
        if self._network and (HTML in data or SCRIPT in data):
            return data
        data = {mime: value for mime, value in data.items() if mime not in (HTML, SCRIPT)}
        if has_image(data):
            return data
        text = _without_library(what, library)
        shown = text_of(data.get("text/plain", ""))
        named = "" if shown.startswith(("Figure(", "alt.", "<")) else shown
        return {**data, "text/plain": f"{named}\n{text}".strip()}

    def _name(self, kind: str) -> str:
        self._drawn += 1
        return f"{kind}-{self._drawn}"


def _uses_plotly(page: str) -> bool:
    """Whether HTML draws a figure with a library that it loads, or has been loaded before."""
    return "Plotly.newPlot(" in page and bool(
        _PLOTLY_LOADED.search(page) or _REQUIRES_PLOTLY.search(page)
    )


def _is_release(path: str, release: str) -> bool:
    """Whether a file of BokehJS is of a ``release``: others do not read its figures."""
    with open(path, encoding="utf-8") as f:
        return f'"{release}"' in f.read()


def _without_library(what: str, library: str) -> str:
    return f"{what}: install {library} beside guild-notebook to see it in reports"


def _without_script(data: dict[str, Any]) -> dict[str, Any]:
    return {mime: value for mime, value in data.items() if mime != SCRIPT}


def _literal(value: Any) -> str:
    """JSON within a script of a page."""
    return json.dumps(value).replace("<", "\\u003c")


def _has_vega() -> bool:
    return importlib.util.find_spec("vl_convert") is not None


def _vega_script(pages: Iterable[str]) -> str:
    """The script that the figures of Vega in ``pages`` need, pieces of HTML.

    Altair's HTML does not load Vega again, since it finds the versions in ``VEGA_DEBUG``, and the
    module in require.js if another output of the page has loaded that.
    """
    pages = list(pages)
    versions = {name: version for page in pages for name, version in _LOADED.findall(page)}
    loaded = ", ".join(
        f'{name.replace("-", "")}_version: "{version}"' for name, version in versions.items()
    )
    return (
        f"{_vega_bundle(_vega_lite_release(pages))}\nvar VEGA_DEBUG = {{{loaded}}};\n"
        'if (typeof define === "function" && define.amd) '
        '{ define("vega-embed", [], function () { return window.vegaEmbed; }); }'
    )


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
