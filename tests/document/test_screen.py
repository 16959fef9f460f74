"""What a terminal shows of a text in the end: a table, pyte's screen, and how long it takes."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.growth import check_growth
from tests.helpers.shown_text import shown_text

E = "\x1b["


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        ("a\nb", "a\nb"),
        ("a\tb  \n", "a\tb  \n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("\r  0%|   | 0/2\r 50%|#  | 1/2\r100%|###| 2/2\n", "100%|###| 2/2\n"),
        ("epoch 1\rep", "epoch 1"),
        ("long line\rshort\rab", "abortline"),
        ("done\r", "done"),
        ("\r\r\n\r", "\n"),
        ("12%\b\b\b34%", "34%"),
        ("a\b\b\bb", "b"),
        ("a\tb\rcc", "cc      b"),
        ("a\tb\r\tc", "a\tc"),
        (f"gone{E}2Kkept", "    kept"),
        (f"gone\r{E}Kkept", "kept"),
        (f"abcdef{E}3D{E}K", "abc"),
        (f"abcdef{E}3D{E}1K", "    ef"),
        (f"abcdef\r{E}2X", "  cdef"),
        (f"a\nb\nc{E}2A{E}5Gx", "a   x\nb\nc"),
        (f"a\nb\nc{E}2Fx{E}Ey", "x\ny\nc"),
        (f"a\nb\nc{E}A{E}J", "a\nb"),
        (f"a\nb\nc{E}H{E}J", ""),
        (f"a\nb\nc{E}2J{E}Hz", "z"),
        (f"a\nb\nc{E}1Jd", "\n\n d"),
        (f"ab{E}2;3Hc{E}da", "ab a\n  c"),
        (f"ab{E}scd{E}ux", "abxd"),
        ("ab\x1b7cd\x1b8x", "abxd"),
        ("ab\x1bcx", "x"),
        ("a\nb\x1bMc", "ac\nb"),
        (f"{E}?25l{E}1;31mred{E}0m{E}?25h", "red"),
        ("\x1b]0;a title\x07a\x1b]8;;http://x.org\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("\x1bPq#0~\x1b\\a\x1b_x\x1b\\b\x1b(Bc\x07\x00d", "abcd"),
        ("\x1b]0;cut\nb", "\nb"),
        (f"a{E}31", "a"),
        ("日本語\rx", "x 本語"),
        ("日本語\r\x1b[3Gx", "日x 語"),
        ("e\u0301a\rx", "xa"),
        ("ae\u0301\rx", "xe\u0301"),
        ("🙂🙂\r12", "12🙂"),
        ("\r 0%|      | 0/9\r99%|██████| 9/9 [00:01]\n", "99%|██████| 9/9 [00:01]\n"),
        (f"a{E}999999999Bb{E}999999999Ac", "a c" + "\n" * 23 + " b"),
        (f"a{E}999999999D{E}99999999999999999999X", ""),
        ("outer\n\rinner 1\x1b[A\n\rinner 2\x1b[A\rOUTER\n\n", "OUTER\ninner 2\n"),
    ],
)  # fmt: skip
def test_a_text_is_shown_as_a_terminal_leaves_it(written: str, shown: str):
    assert shown_text(written) == shown


def test_rows_that_a_terminal_has_no_more_on_its_screen_stay():
    text = "".join(f"{n}\n" for n in range(5000)) + f"{E}999999Hx"
    lines = shown_text(text).split("\n")
    assert lines[:4000] == [str(n) for n in range(4000)]
    assert len(lines) == 5001 and sum(line.startswith("x") for line in lines) == 1


PARTS = [
    "a",
    "bc",
    "longer text ",
    " ",
    "\n",
    "\n",
    "\r",
    "\r",
    "\b",
    "\b\b",
    "\t",
    "x\n",
    "12%|#  |",
]
PARTS += [f"{E}{n}{kind}" for kind in "ABCDEFG" for n in ("", 2)]
PARTS += [f"{E}{n}{kind}" for kind in "JK" for n in ("", 1, 2)]
PARTS += [
    f"{E}3X",
    f"{E}2;4H",
    f"{E}H",
    f"{E}3d",
    f"{E}31m",
    f"{E}0m",
    f"{E}?25l",
    f"\x1b7{E}Bu\x1b8",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=20).map("".join))
def test_a_screen_is_that_of_pyte(text: str):
    screen = pyte.Screen(200, 24)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    expected, found = (
        "\n".join(line.rstrip() for line in lines).rstrip()
        for lines in (screen.display, shown_text(text).expandtabs().split("\n"))
    )
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*PARTS, "日", "\x1b", "[", "]8;;", "9", "\u0301"])).map("".join))
def test_what_is_shown_of_any_text_is_shown_as_it_is(text: str):
    shown = shown_text(text)
    assert shown_text(shown) == shown and not set(shown) & set("\r\b\x1b")


KINDS = {
    "lines": "a line\n",
    "colours": f"{E}31ma{E}0m\n",
    "a bar": "\r 10%|###       | 1/10",
    "one long line": "x",
    "a long line that is overwritten": ["x" * 10_000, "\ra", f"{E}999999GX"],
    "backspaces": ["x" * 10_000, "\b-\b"],
    "erasing": ["x" * 10_000, f"{E}1K{E}9X"],
    "up and down": ["a\n" * 2000, f"{E}999A{E}K{E}999B"],
    "all erased": ["a\n" * 2000, f"{E}Ha{E}999;1H{E}1J{E}J"],
    "jumps": f"{E}99999999Cx{E}99999999;99999999Hx",
    "open commands": "\x1b]",
    "open sequences": f"{E}3",
    "escapes": "\x1b",
    "wide": "日\r本",
    "tabs": "\t\ra",
}


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_linear_in_the_text(kind: str):
    first, *parts = ["", KINDS[kind]] if isinstance(KINDS[kind], str) else KINDS[kind]
    check_growth(shown_text, lambda n: first + "".join(parts) * n, 1000)


def test_jumps_do_no_harm():
    jumps = f"{E}999999999Cx{E}999999999;999999999Hx\n" * 500
    assert len(shown_text(jumps)) < 100 * len(jumps)
