"""What is left of HTML that nobody has vouched for; test_sanitized.py shows it to a browser."""

from __future__ import annotations

import time

import pytest

from guild_notebook.run.report.html_sanitizer import DEEPEST, clean, image, shows_something
from tests.helpers import payloads

RULES = [
    ("<b>a</b>", "<b>a</b>"),
    ("a<script>b</script>c", "ac"),
    ("<b onclick=x title=t>a</b>", '<b title="t">a</b>'),
    ('<p style="color:red;position:fixed">a</p>', '<p style="color:red">a</p>'),
    ("<p style='width:x(\");position:fixed;(\");color:red'>a</p>", '<p style="color:red">a</p>'),
    ('<p style="color:url(x)">a</p>', "<p>a</p>"),
    ('<p style="color : rgb(1, 2, 3) ;">a</p>', '<p style="color:rgb(1, 2, 3)">a</p>'),
    ('<p class="dataframe jp-Dialog">a</p>', '<p class="dataframe">a</p>'),
    ("<div>a", "<div>a</div>"),
    ("a</div></main></body><!-- b", "a"),
    ('<a href="relative.html">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
    ('<img src="//host/a.png" alt="a">', '<img alt="a">'),
    ('<img src="a.png" alt="a">', '<img alt="a">'),
    ('<img src="data:text/html,a">', "<img>"),
    ('<font color="red">a</font>', '<font color="red">a</font>'),
    ("<p>a<p>b", "<p>a</p><p>b</p>"),
]


@pytest.mark.parametrize(("given", "left"), RULES)
def test_what_is_harmless_stays_and_all_is_closed(given: str, left: str):
    assert clean(given) == left


@pytest.mark.parametrize("text", [*payloads.HTML.values(), *payloads.ALONE.values()])
def test_cleaning_what_is_clean_changes_nothing(text: str):
    made = clean(payloads.made(text, 1, "http://127.0.0.1:1"))
    assert clean(made) == made


@pytest.mark.parametrize("part", ["<div>", "<b></p>", "<svg>", '<svg "', "<math><mi>", "<a b='"])
def test_nothing_takes_long(part: str):
    before = time.monotonic()
    clean(part * 150_000)
    assert time.monotonic() - before < 60  # html5ever alone takes minutes


def test_what_lies_too_deep_is_shown_as_source():
    assert clean("<div>" * DEEPEST + "a").startswith("<div><div>")
    assert clean("<div>" * (DEEPEST + 1) + "a").startswith("<pre>&lt;div&gt;")
    assert clean("<p>a" * 1000).startswith("<p>a</p>")


def test_a_place_for_a_script_shows_nothing():
    assert not shows_something(clean('<div id="plot">&nbsp;</div><script>draw()</script>'))
    assert not shows_something(clean('<img src="https://example.org/a.png">'))
    assert shows_something(clean("<p>a</p>"))
    assert shows_something(clean('<img src="data:image/png;base64,AA==">'))


def test_images_are_what_they_say_or_none():
    assert image("image/png", "AAAA\n", 3, 2) == (
        '<img alt="" src="data:image/png;base64,AAAA" width="3" height="2">'
    )
    assert image("image/png", "A") is None
    assert "width" not in str(image("image/png", "AAAA", '1" onerror="x', True))
    svg = clean('<svg id="a"><svg></svg><path/></svg> and <svg xmlns="b"/>')
    assert svg.count("<img") == 1 and svg.endswith(" and ")
