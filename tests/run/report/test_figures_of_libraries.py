"""Figures of Plotly, Vega and Bokeh are drawn by the libraries that are installed: what becomes of
their outputs. ``test_rich_outputs`` looks at them in a browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.run.report.figures import PLOTLY, Figures

FIGURE = {"data": [{"y": [1, 2], "name": "</script><!--"}], "layout": {"title": "t"}}
VEGA = "application/vnd.vegalite.v5+json"
SPEC = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "mark": "bar"}
CDN = (
    '<script charset="utf-8" src="https://cdn.plot.ly/plotly-3.0.0.min.js" integrity="x"></script>'
)
MATHJAX = (
    '<script src="https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.5/MathJax.js?a"></script>'
)
CONNECTED = f'<div>{MATHJAX}{CDN}<div id="a"></div><script>Plotly.newPlot("a", [])</script></div>'
REQUIRES = '<div id="a"></div><script>require(["plotly"], (Plotly) => Plotly.newPlot("a"))</script>'
LOADS_BOKEH = (
    'const js_urls = ["https://cdn.bokeh.org/bokeh/release/bokeh-3.9.2.min.js", '
    '"https://cdn.bokeh.org/bokeh/release/bokeh-gl-3.9.2.min.js", '
    '"https://cdn.bokeh.org/bokeh/release/bokeh-mathjax-3.9.2.min.js"]; load(js_urls);'
)
DRAWS_BOKEH = "root.Bokeh.embed.embed_items_notebook(docs_json, render_items);"


def bokeh(script: str, kind: str = "exec") -> dict[str, Any]:
    return {"application/javascript": script, f"application/vnd.bokehjs_{kind}.v0+json": ""}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernel's packages; this process has none."""
    monkeypatch.setattr(sys, "path", [])
    files = {"plotly/package_data/plotly.min.js": "plotly('</script>')"}
    for name in ("bokeh", "bokeh-gl", "bokeh-mathjax"):
        files[f"bokeh/server/static/js/{name}.min.js"] = f'{name}("3.9.2")'
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return [str(tmp_path / "none"), str(tmp_path)]


def test_data_of_plotly_win_over_html_that_wants_a_network(packages: list[str]):
    figures = Figures(packages)
    for n in (1, 2):
        data = figures.drawn({PLOTLY: FIGURE, "text/html": CONNECTED, "text/plain": "Figure({})"})
        assert f'Plotly.newPlot("plotly-{n}", ' in data["text/html"]
        assert "https:" not in data["text/html"] and "</script><" not in data["text/html"]
    assert figures.script() == "plotly('<\\/script>')"


@pytest.mark.parametrize("page", [CONNECTED, REQUIRES])
def test_html_of_plotly_finds_the_library_in_the_page(packages: list[str], page: str):
    figures = Figures(packages)
    data = figures.drawn({"text/html": page})
    assert "Plotly.newPlot" in data["text/html"] and "https:" not in data["text/html"]
    script = figures.script()
    assert script.startswith("plotly(") and ("window.require" in script) == (page == REQUIRES)


def test_what_loads_plotly_for_later_figures_is_left_out(packages: list[str]):
    setup = '<script>window.PlotlyConfig = {};</script><script>import "https://cdn.plot.ly/a.js"</script>'
    assert Figures(packages).drawn({"text/html": setup}) == {}
    assert Figures([]).drawn({"text/html": setup}) == {"text/html": setup}


def test_frames_and_settings_of_a_figure_are_kept(packages: list[str]):
    figure = {**FIGURE, "frames": [{"name": "f"}], "config": {"displayModeBar": False}}
    page = Figures(packages).drawn({PLOTLY: figure})["text/html"]
    assert '{"responsive": true, "displayModeBar": false}' in page
    assert '.then(() => Plotly.addFrames("plotly-1", [{"name": "f"}]))' in page


def test_bokeh_is_in_the_page_in_place_of_what_it_loads(packages: list[str]):
    figures = Figures(packages)
    assert figures.drawn(bokeh(LOADS_BOKEH, "load"))["application/javascript"] == (
        "const js_urls = []; load(js_urls);"
    )
    assert figures.drawn(bokeh(DRAWS_BOKEH)) == bokeh(DRAWS_BOKEH)
    assert figures.script() == 'bokeh("3.9.2")\n;\nbokeh-gl("3.9.2")'


def test_bokeh_typesets_where_a_figure_has_a_formula(packages: list[str]):
    figures = Figures(packages)
    figures.drawn(bokeh(f'"$$x$$"; {DRAWS_BOKEH}'))
    figures.drawn(bokeh(LOADS_BOKEH, "load"))
    assert figures.script().startswith('bokeh("3.9.2")') and "bokeh-mathjax(" in figures.script()


IMAGE = {"image/png": "AAAA"}


@pytest.mark.parametrize(
    ("data", "library"),
    [
        ({PLOTLY: FIGURE}, "plotly"),
        ({PLOTLY: FIGURE, "text/html": CONNECTED}, "plotly"),
        ({"text/html": CONNECTED, "text/plain": "Figure({'data': []})"}, "plotly"),
        ({VEGA: SPEC, "text/plain": "<VegaLite 5 object>"}, "vl-convert-python"),
        ({"text/html": "<script>vegaEmbed(x)</script>"}, "vl-convert-python"),
        (bokeh(LOADS_BOKEH, "load"), "bokeh==3.9.2"),
        (bokeh(LOADS_BOKEH.replace("3.9.2", "2.4.3"), "load"), "bokeh==2.4.3"),
    ],
)
def test_without_its_library_a_figure_is_its_image_or_a_line(
    data: dict[str, Any], library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    figures = Figures([str(tmp_path)])
    shown = figures.drawn(data)
    assert "text/html" not in shown and "application/javascript" not in shown
    assert shown["text/plain"].endswith(
        f": install {library} beside guild-notebook to see it in reports"
    )
    assert "\n" not in shown["text/plain"] and figures.script() == ""
    assert figures.drawn({**data, **IMAGE}).get("text/plain") == data.get("text/plain")
    assert figures.drawn({**data, **IMAGE})["image/png"] == "AAAA"


def test_another_release_of_bokeh_does_not_draw(packages: list[str]):
    shown = Figures(packages).drawn(bokeh(LOADS_BOKEH.replace("3.9.2", "3.8.0"), "load"))
    assert "install bokeh==3.8.0 beside" in shown["text/plain"]


def test_html_that_is_whole_stays_where_there_is_no_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [])
    whole = {
        PLOTLY: FIGURE,
        "text/html": "<script>the library</script><script>Plotly.newPlot()</script>",
    }
    assert Figures([]).drawn(whole) == whole


def test_with_a_network_html_stays_where_there_is_no_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [])
    data = {"text/html": CONNECTED}
    assert Figures([], network=True).drawn(data) == data


def test_other_outputs_stay(packages: list[str]):
    figures = Figures(packages)
    for data in ({"text/html": "<b>x</b>"}, {"application/javascript": "1"}, {"text/plain": "x"}):
        assert figures.drawn(data) == data
    assert figures.script() == ""


def test_a_figure_of_vega_is_drawn_by_one_bundle():
    pytest.importorskip("vl_convert")
    figures = Figures([])
    for n in (1, 2):
        page = figures.drawn({VEGA: SPEC, "text/html": "<script src='https://x'></script>"})[
            "text/html"
        ]
        assert page.endswith(
            f'vegaEmbed("#vega-{n}", {json.dumps(SPEC)}, {{mode: "vega-lite"}});</script>'
        )
