"""Which outputs load from other hosts, and what a page says of it."""

from __future__ import annotations

import html

import pytest

from guild_notebook.run.report.network import hosts_of, notice_html
from tests.helpers.growth import check_growth

FOLIUM = (
    '<div style="width:100%;"><iframe srcdoc="'
    + html.escape(
        '<!DOCTYPE html><script src="https://cdn.jsdelivr.net/npm/leaflet@1.9.3/leaflet.js"></script>'
        '<link rel="stylesheet" href="https://netdna.bootstrapcdn.com/bootstrap.min.css"/>'
        "<style>@import url(https://fonts.example.com/a);</style>"
    )
    + '" style="position:absolute"></iframe></div>'
)
ITABLES = """<script type="module">
import {DataTable} from 'https://www.unpkg.com/dt_for_itables@2.0/dt_bundle.js';
</script>"""


@pytest.mark.parametrize(
    ("piece", "hosts"),
    [
        ("", []),
        ("<p>see https://example.org/a.html</p>", []),
        ('<a href="https://example.org">a link</a>', []),
        ('<img src="data:image/png;base64,AAAA//AA">', []),
        ("<script>x = 'http://www.w3.org/2000/svg'</script>", []),
        ("<svg xmlns='http://www.w3.org/2000/svg' a=\"http://www.w3.org/1999\"/>", []),
        ("<script src=https://cdn.example.com/a.js></script>", ["cdn.example.com"]),
        ("<SCRIPT async\nSRC='//CDN.example.com/a'></SCRIPT>", ["cdn.example.com"]),
        ('<link rel="stylesheet" href="https://a.example/x.css">', ["a.example"]),
        ('<iframe width=5 src="https://www.youtube.com/embed/x"></iframe>', ["www.youtube.com"]),
        ('<img alt="" src="http://img.example/x.png">', ["img.example"]),
        ("<style>@import 'https://f.example/a.css'; b {background: url(//g.example/b)}</style>",
         ["f.example", "g.example"]),
        (ITABLES, ["www.unpkg.com"]),
        ('require.config({paths: {d3: "https://d3.example/d3.v7.min.js"}})', ["d3.example"]),
        ('const m = await import("https://esm.example/lit")', ["esm.example"]),
        (FOLIUM, ["cdn.jsdelivr.net", "netdna.bootstrapcdn.com", "fonts.example.com"]),
    ],
)  # fmt: skip
def test_hosts_from_which_an_output_loads_are_found(piece: str, hosts: list[str]):
    assert sorted(hosts_of(piece)) == sorted(hosts)


def test_the_notice_names_the_hosts_and_the_option():
    made = notice_html([f"h{n}.example" for n in range(7)])
    assert "from h0.example, h1.example" in made and "h4.example and 2 more, which" in made
    assert "nb-report: {html: {network: yes}}" in made and notice_html([]) == ""


@pytest.mark.parametrize("kind", ["<script ", "<img src='", "//a.b", "'//a.b/", "url(", "import "])
def test_time_is_linear(kind: str):
    check_growth(hosts_of, lambda n: kind * n + "//", 2000)
