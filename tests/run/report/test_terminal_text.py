"""Text of a terminal as HTML: its colours, its links, and nothing that a page takes for HTML."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.run.report.terminal_text import terminal_html
from tests.helpers.growth import check_growth
from tests.helpers.shown_text import shown_text

E = "\x1b["


def span(names: str, text: str) -> str:
    return f'<span class="{names}">{text}</span>'


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("plain <text> & more 'x'\n", "plain &lt;text&gt; &amp; more 'x'\n"),
        (f"{E}31mred{E}0m {E}1;44mx{E}m.", f'{span("ansi-red-fg", "red")} '
         f'{span("ansi-blue-bg ansi-bold", "x")}.'),
        (f"{E}1;31mb{E}22mn", span("ansi-red-intense-fg ansi-bold", "b")
         + span("ansi-red-fg", "n")),
        (f"{E}2md{E}22;3mi{E}23;4mu{E}24;9ms{E}29m.", span("ansi-dim", "d")
         + span("ansi-italic", "i")
         + span("ansi-underline", "u") + span("ansi-strike", "s") + "."),
        (f"{E}91mi{E}39m{E}103mj{E}49mk", span("ansi-red-intense-fg", "i")
         + span("ansi-yellow-intense-bg", "j") + "k"),
        (f"{E}7mx{E}31my{E}27mz", span("ansi-default-inverse-fg ansi-default-inverse-bg", "x")
         + span("ansi-default-inverse-fg ansi-red-bg", "y") + span("ansi-red-fg", "z")),
        (f"{E}38;5;208mo{E}48;2;1;2;3mp{E}0m", '<span style="color: light-dark(#a35500, #ff8700)">'
         'o</span><span style="color: rgb(255,135,0); background-color: rgb(1,2,3)">p</span>'),
        (f"{E}38:5:9ma{E}38:2:1:2:3mb{E}38:2::4:5:6mc", span("ansi-red-intense-fg", "a")
         + '<span style="color: light-dark(#010203, #8f9091)">b</span>'
         '<span style="color: light-dark(#040506, #919192)">c</span>'),
        (f"{E}38;5;240mg{E}38;5;300mh", '<span style="color: light-dark(#585858, #8a8a8a)">g</span>'
         '<span style="color: light-dark(#585858, #8a8a8a)">h</span>'),
        (f"{E}4:3mu{E}4:0mn{E}58;5;1mm", span("ansi-underline", "u") + "nm"),
        (f"{E}31ma\nb{E}0m", span("ansi-red-fg", "a") + "\n" + span("ansi-red-fg", "b")),
        (f"{E}31mred{E}0m\r{E}32mg", span("ansi-green-fg", "g") + span("ansi-red-fg", "ed")),
        (f"{E}31;999999999999mx{E}abcy", span("ansi-red-fg", "x") + span("ansi-red-fg", "bcy")),
        ("\r   \r", ""),
        ("\x1b]8;;https://x.org/?a=1&b='2'\x1b\\<l>\x1b]8;;\x1b\\", '<a href="https://x.org/?a=1&amp;'
         'b=&#x27;2&#x27;" rel="noopener noreferrer nofollow">&lt;l&gt;</a>'),
        ("\x1b]8;id=1;http://x.org\x07a\x1b]8;;\x07b", '<a href="http://x.org" '
         'rel="noopener noreferrer nofollow">a</a>b'),
        ("\x1b]8;;javascript:alert(1)\x1b\\l\x1b]8;;\x1b\\", "l"),
        ("\x1b]8;;file:///etc/passwd\x1b\\l\x1b]8;;\x1b\\", "l"),
    ],
)  # fmt: skip
def test_colours_and_links_are_those_of_a_terminal(written: str, made: str):
    assert terminal_html(written) == made


def test_a_sanitized_page_has_the_text_of_links():
    text = "\x1b]8;;https://x.org\x1b\\a link\x1b]8;;\x1b\\"
    assert terminal_html(text, with_links=False) == "a link"


PARTS = ["<b>", "&", '"', "a", "\n", "\r", "\x1b[31m", "\x1b[0m", "\x1b[1m", "\x1b[2K", "\x1b[A"]
PARTS += [
    '\x1b]8;;http://x"><script>\x1b\\',
    "\x1b]8;;\x1b\\",
    "\x1b[48;5;20m",
    "日",
    "\x1b",
    "\x9b",
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=20).map("".join))
def test_the_text_of_the_html_is_what_is_shown_and_each_line_is_whole(text: str):
    made = terminal_html(text)
    for line in made.split("\n"):
        soup = BeautifulSoup(line, "html.parser")
        assert {element.name for element in soup.find_all(True)} <= {"span", "a"}
        assert soup.decode(formatter="minimal").count("<") == line.count("<")
    shown = shown_text(text)
    assert BeautifulSoup(f"<pre>.{made}</pre>", "html.parser").get_text()[1:] == (
        shown if shown.strip() else ""
    )


@pytest.mark.parametrize("kind", ["\x1b[31ma\x1b[0m", "\x1b[31ma\n", "\r\x1b[32m50%", "<\x1b[m"])
def test_time_is_linear_in_the_text(kind: str):
    check_growth(terminal_html, lambda n: kind * n, 1000)


COLOURED = ["a", "b c", "\n", "\t", "é", "<&>", " \n"]
COLOURED += [f"\x1b[{code}m" for code in ("", "0", "1", "22", "31", "38;5;120", "48;2;1;2;3")]
COLOURED += [f"\x1b[{code}m" for code in ("7", "4:3", "999", "38")]


def characters(shown):
    """The characters of HTML that can be seen, each with the attributes of its element."""
    found, attributes = [], ""
    for tag, text in re.findall(r"<(/?span[^>]*)>|([^<]+)", shown):
        attributes = tag[5:].replace("/span", "") if tag else attributes
        found += [(character, attributes) for character in text if character != "\n"]
    return found


@settings(max_examples=300)
@given(st.lists(st.sampled_from(COLOURED), max_size=14).map("".join))
def test_text_that_has_nothing_but_colours_is_shown_as_a_screen_has_it(text):
    moving = f"\x1b[1G{text}"  # a sequence that changes nothing, and is not a colour's
    assert characters(terminal_html(text)) == characters(terminal_html(moving))
