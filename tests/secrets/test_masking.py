"""Secret values are found in whatever text holds them."""

from __future__ import annotations

import base64
import html
import json
import re
import time
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.run.kernel.messages import MessageMasker
from guild_notebook.secrets.masking import MaskedStream, Masker, lines_of

MASK = "***"
SHORTEST = 4
"""Characters of the shortest value that is masked."""

VALUE = "s3cr'et\"/Valü&99$x \\end"
ENCODED = VALUE.encode()

# few letters, so that values overlap themselves, each other and what stands around them
LETTERS = st.text("ab\n\"'<\\", max_size=30)
VALUES = st.lists(st.text("ab\"'<\\\n", min_size=1, max_size=24), min_size=1, max_size=3)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in zip(places, places[1:])]


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        repr(VALUE),
        ascii(VALUE),
        json.dumps(VALUE),
        json.dumps({VALUE: [VALUE]}, ensure_ascii=False),
        urllib.parse.quote(VALUE),
        urllib.parse.quote_plus(VALUE),
        f"https://host/?{urllib.parse.urlencode({'t': VALUE})}",
        html.escape(VALUE),
        html.escape(VALUE, quote=False),
        base64.b64encode(ENCODED).decode(),
        base64.b64encode(b"u:" + ENCODED + b"\n").decode(),
        base64.b64encode(b"me:" + ENCODED).decode(),
        base64.urlsafe_b64encode(b"x" + ENCODED).decode(),
        ENCODED.hex(),
        ENCODED.hex().upper(),
        f"\x1b[31m{VALUE[:5]}\x1b[0;1m{VALUE[5:]}\x1b[0m",
        f"cut {VALUE[:15]}...",
    ],
)
def test_a_value_is_masked_in_each_form_in_which_programs_print_it(text: str):
    masked = Masker([VALUE]).text(f"before {text} after")
    assert masked.startswith("before ") and masked.endswith(" after") and MASK in masked
    for part in ("s3cr", "Val", "99", ENCODED.hex()[4:16], base64.b64encode(ENCODED).decode()[4:9]):
        assert part.lower() not in masked.lower(), masked


def test_tags_do_not_hide_a_value_and_stay():
    page = f'<a href="?{VALUE[:2]}{VALUE[2:]}"><b>s3cr\'et</b><i>"/Valü&99$x \\en</i>d</a>'
    masked = Masker([VALUE]).markup(page)
    assert masked == f'<a href="?{MASK}"><b>{MASK}</b><i></i></a>'


def test_each_long_line_of_a_value_counts_by_itself():
    key = "-----BEGIN KEY-----\nabcdefgh\nxy\n-----END KEY-----\n"
    assert Masker([key]).text(f"[{key}]") == f"[{MASK}\n{MASK}\nxy\n{MASK}\n]"
    assert lines_of("a\nbc\n") == []


def test_json_is_masked_in_keys_numbers_and_at_every_level():
    masker = Masker(["secret", "123456"])
    data = {"secret": [1, 123456, 0.5, {"a": "a secret"}], "b": True, "c": None, "d": 123456.5}
    assert masker.data(data) == {
        MASK: [1, MASK, 0.5, {"a": f"a {MASK}"}], "b": True, "c": None, "d": MASK,
    }  # fmt: skip


def test_images_stay_as_they_are_and_drawings_do_not():
    bundle = {"image/png": "secret", "image/svg+xml": "<text>secret</text>", "text/plain": "secret"}
    assert Masker(["secret"]).bundle(bundle) == {
        "image/png": "secret", "image/svg+xml": f"<text>{MASK}</text>", "text/plain": MASK,
    }  # fmt: skip


def test_what_is_too_short_is_left_alone():
    assert not Masker(["abc", "1", "", "\n\n"])
    assert Masker(["abc"]).text("abc") == "abc"


@given(VALUES, LETTERS, st.lists(st.integers(0, 100), max_size=8))
@settings(max_examples=600, deadline=None)
def test_a_text_in_pieces_is_masked_as_the_whole(values: list[str], text: str, cuts: list[int]):
    masker = Masker(values)
    text = text + values[0] + text[::-1] + values[-1]
    stream = MaskedStream(masker)
    shown = "".join(stream.write(piece) for piece in pieces(text, cuts)) + stream.rest()
    assert shown == masker.text(text)


@given(VALUES, LETTERS)
@settings(max_examples=300, deadline=None)
def test_no_value_is_left_in_a_masked_text(values: list[str], text: str):
    masked = Masker(values).text(text + values[0] + text)
    for value in values:
        for line in lines_of(value):
            assert line not in masked or line in MASK


@given(st.text("abc\x1b[3m", max_size=40), st.lists(st.integers(0, 100), max_size=8))
@settings(max_examples=300, deadline=None)
def test_colours_do_not_hide_a_value_however_it_is_split(text: str, cuts: list[int]):
    value = "abcabca"
    masker = Masker([value])
    text = text + "abc\x1b[31mabc\x1b[0ma" + text
    stream = MaskedStream(masker)
    shown = "".join(stream.write(piece) for piece in pieces(text, cuts)) + stream.rest()
    assert value not in shown
    assert value not in re.sub(r"\x1b\[[0-9]*[a-z]", "", shown)


def test_what_is_held_back_is_never_more_than_the_beginning_of_a_value():
    stream = MaskedStream(Masker(["secret"]))
    assert [stream.write(text) for text in ("a se", "cr", "et b s", "\n")] == [
        "a ", "", f"{MASK} b ", "s\n",
    ]  # fmt: skip


def message(kind: str, request: str = "1", **content: object) -> dict:
    return {"msg_type": kind, "parent_header": {"msg_id": request}, "content": content}


def test_text_of_a_cell_is_held_over_another_stream_and_not_over_a_display():
    messages = MessageMasker(Masker(["secret"]))
    sent = [
        message("stream", name="stdout", text="a sec"),
        message("stream", name="stderr", text="other\n"),
        message("stream", request="2", name="stdout", text="another cell's\n"),
        message("update_display_data", data={"text/plain": "secret"}, metadata={}),
        message("stream", name="stdout", text="ret s"),
        message("display_data", data={"text/plain": "secret"}, metadata={"secret": 1}),
        message("stream", name="stdout", text="e"),
        message("status", execution_state="idle"),
    ]
    shown = [m["content"] for one in sent for m in messages.masked(one)]
    assert [c.get("text") or c.get("data") for c in shown] == [
        "a ", "other\n", "another cell's\n", {"text/plain": MASK}, f"{MASK} ", "s",
        {"text/plain": MASK}, "e", None,
    ]  # fmt: skip
    assert messages.rest() == []


def test_masking_takes_linear_time():
    masker = Masker([f"value-{number}-of-many" for number in range(5)])
    text = "loss: 0.123 (step 4) value-7 and more of it\n" * 20_000

    def seconds(text: str) -> float:
        started = time.process_time()
        masker.text(text)
        return time.process_time() - started

    once = min(seconds(text) for _ in range(3))
    assert min(seconds(text * 10) for _ in range(2)) < 40 * once
    value = text.replace("value-7", "value-3-of-many")
    assert seconds(value) < 60  # a limit for a hang: every line holds a value


@pytest.mark.parametrize("length", [SHORTEST, 10_000])
def test_a_value_of_any_length_is_held_over_any_split(length: int):
    value = ("0123456789abcdef" * (length // 16 + 1))[:length]
    stream = MaskedStream(Masker([value]))
    parts = pieces(f"<{value}>", list(range(0, length, 97)))
    assert "".join(map(stream.write, parts)) + stream.rest() == f"<{MASK}>"
