"""Interactive figures in a page that has no network.

Plotly shows a figure in Jupyter as data alone, and so do Vega and Vega-Lite with Altair's renderer
``mimetype``: nbconvert has no form for these. Altair's HTML loads Vega from the network. Where the
libraries are installed that carry the scripts (plotly itself; vl-convert, which Altair saves
figures with), these go into the page, once and only if a figure needs them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import uuid
from collections.abc import Iterable
from typing import Any

from ...files import write_whole

PLOTLY = "application/vnd.plotly.v1+json"

_VEGA = re.compile(r"application/vnd\.(vega|vegalite)\.v\d+(?:\+json|\.json)")
_LITE = re.compile(r"/schema/vega-lite/v(\d+(?:\.\d+)?)")
_LOADED = re.compile(r"""maybeLoadScript\(["'](vega(?:-lite|-embed)?)["'], ["']([^"']*)["']\)""")


def is_vega(mime: str) -> bool:
    return _VEGA.fullmatch(mime) is not None


def is_chart(page: str) -> bool:
    """Whether HTML draws a figure of Vega or Vega-Lite."""
    return "vegaEmbed" in page


def plotly_html(figure: Any, with_library: bool) -> str:
    """HTML that draws a plotly figure, the value of a MIME bundle's ``PLOTLY``; "" where plotly
    is not installed beside this package. The first on a page needs the library too."""
    if not isinstance(figure, dict) or importlib.util.find_spec("plotly") is None:
        return ""
    from plotly import io

    parts = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    html: str = io.to_html(
        parts,
        config=figure.get("config"),
        include_plotlyjs=with_library,
        full_html=False,
        validate=False,
        div_id=f"plotly-{uuid.uuid4().hex}",
        auto_play=False,
    )
    return html


def vega_html(mime: str, spec: Any) -> str:
    """HTML that draws a figure of Vega or Vega-Lite with what ``vega_script`` returns."""
    if not isinstance(spec, dict) or importlib.util.find_spec("vl_convert") is None:
        return ""
    name = f"vega-{uuid.uuid4().hex}"
    mode = "vega-lite" if ".vegalite." in mime else "vega"
    figure = json.dumps(spec).replace("</", "<\\/")
    script = f'vegaEmbed("#{name}", {figure}, {{mode: "{mode}"}});'
    return f'<div id="{name}"></div><script>{script}</script>'


def vega_script(pages: Iterable[str]) -> str:
    """The script that figures of Vega in these pieces of HTML need, Altair's or ``vega_html``'s;
    "" where there are none, or no vl-convert.

    It says that it has been loaded where Altair's HTML looks: ``VEGA_DEBUG`` has the versions, and
    require.js, if something else in the page has it, the module.
    """
    pages = [page for page in pages if is_chart(page)]
    if not pages or importlib.util.find_spec("vl_convert") is None:
        return ""
    versions = {name: version for page in pages for name, version in _LOADED.findall(page)}
    loaded = ", ".join(
        f'{name.replace("-", "")}_version: "{version}"' for name, version in versions.items()
    )
    return (
        f"{_vega_bundle(_lite_release(pages))}\nvar VEGA_DEBUG = {{{loaded}}};\n"
        'if (typeof define === "function" && define.amd) '
        '{ define("vega-embed", [], function () { return window.vegaEmbed; }); }'
    ).replace("</script", "<\\/script")


def _lite_release(pages: list[str]) -> str:
    """The release of Vega-Lite that the figures name, or the newest of the same major version; ""
    for the newest of all, also where vl-convert (before 1.7) does not say which it has."""
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
    """Vega, Vega-Lite and vega-embed as one script. vl-convert makes it in seconds, each time the
    same: it is kept in Guild's cache."""
    from importlib.metadata import version

    import vl_convert
    from guild import var

    name = f"{version('vl-convert-python')}-{release or 'newest'}.js"
    path = os.path.join(var.cache_dir("notebook-vega"), name)
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except (OSError, ValueError):
        javascript_bundle: Any = vl_convert.javascript_bundle  # whose stub lacks its default
        bundle: str = javascript_bundle(vl_version=release or None)
    try:
        write_whole(path, bundle.encode("utf-8"))
    except OSError:
        pass  # made anew next time
    return bundle
