"""What is left of HTML that nobody has vouched for; test_sanitized.py shows it to a browser."""

from __future__ import annotations

import time

import pytest

from guild_notebook.run.report.html_sanitizer import image_data, is_visible, sanitize
from tests.helpers import payloads

DEEPEST = 200
"""Elements within elements."""

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
    assert sanitize(given) == left


@pytest.mark.parametrize("text", [*payloads.HTML.values(), *payloads.ALONE.values()])
def test_sanitizing_what_is_sanitized_changes_nothing(text: str):
    made = sanitize(payloads.made(text, 1, "http://127.0.0.1:1"))
    assert sanitize(made) == made


@pytest.mark.parametrize(
    "part",
    [
        *("<div>", "<b></p>", "<svg>", '<svg "', "<math><mi>", "<a b='"),
        # End tags that end nothing.
        *("<div></div-x>", "<div><!--</div>-->", "<div a='</div>'>", '<div></x a="</div>">'),
        *("<div><?</div>", "<div><style></div></style>", "<div><table><td></div></table>"),
        # Elements whose end may be left out, within each other.
        *("<li><dd>", "<rt>"),
    ],
)
def test_nothing_takes_long(part: str):
    before = time.monotonic()
    sanitize(part * 150_000)
    assert time.monotonic() - before < 60  # html5ever alone takes minutes


def test_what_lies_too_deep_is_shown_as_source():
    assert sanitize("<div>" * DEEPEST + "a").startswith("<div><div>")
    assert sanitize("<div>" * (DEEPEST + 1) + "a").startswith("<pre>&lt;div&gt;")
    assert sanitize("<p>a" * 1000).startswith("<p>a</p>")
    assert sanitize("<div><b>a</b></div>" * 5000).startswith("<div><b>a</b></div><div>")
    assert sanitize("<i><b>a</i></b>" * 300).startswith("<i><b>a</b></i>")


def test_a_drawing_of_any_number_of_shapes_is_an_image():
    assert sanitize(f"<svg>{'<path/>' * 1000}</svg>").startswith("<img ")


def test_a_place_for_a_script_shows_nothing():
    assert not is_visible(sanitize('<div id="plot">&nbsp;</div><script>draw()</script>'))
    assert not is_visible(sanitize('<img src="https://example.org/a.png">'))
    assert is_visible(sanitize("<p>a</p>"))
    assert is_visible(sanitize('<img src="data:image/png;base64,AA==">'))


def test_images_are_what_they_say_or_none():
    assert image_data("image/png", "AAAA\n") == "AAAA"
    assert image_data("image/png", "A") is None
    assert image_data("image/png", "") is None
    svg = sanitize('<svg id="a"><svg></svg><path/></svg> and <svg xmlns="b"/>')
    assert svg.count("<img") == 1 and svg.endswith(" and ")
