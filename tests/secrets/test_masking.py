"""Secret values are found in whatever text holds them."""

from __future__ import annotations

import base64
import io
import json
import re
import textwrap
import traceback
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from guild_notebook.document.limits import Limits
from guild_notebook.run.execution.cell_outputs import CellOutputs
from guild_notebook.run.secret_values import mask_writes
from guild_notebook.secrets.masking import Masker, lines_of
from tests.helpers.growth import check_growth
from tests.helpers.secret_values import LONG, VALUE, documented_forms, written

MASK = "***"
SHORTEST = 4
"""Characters of the shortest value that is masked."""

SHORTEST_BROKEN = 8
"""Letters and digits of the shortest that is masked where white space breaks it."""

# few letters, so that values overlap themselves, each other and what stands around them
LETTERS = st.text("ab\n\"'<\\", max_size=30)
VALUES = st.lists(st.text("ab\"'<\\\n", min_size=1, max_size=24), min_size=1, max_size=3)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in zip(places, places[1:])]


BREAKS = [
    "\n",
    " ",
    "\r\n\t",
    "\\\n",
    "=\n",
    " │\n│ ",
    "'\n '",
    "\u00a0",
    "\u200b",
    "\x1b[0m\n\x1b[1m",
]


def pieces_left(masked: str, text: str, length: int = 8) -> set[str]:
    """The pieces of ``text`` that are in ``masked`` too, white space apart."""
    text, masked = ("".join(t.split()) for t in (text, masked))
    every = {text[i : i + length] for i in range(max(1, len(text) - length + 1))}
    return {piece for piece in every if piece in masked}


@pytest.mark.parametrize("value", [VALUE, LONG, "correct horse battery staple", "пароль-пароль"])
@pytest.mark.parametrize("form", documented_forms())
def test_a_value_is_masked_in_each_documented_form_wherever_it_is_broken(form: str, value: str):
    masker = Masker([value])
    text = written(form, value)
    masked = masker.text(f"before {text} after")
    assert masked.startswith("before ") and masked.endswith(" after") and MASK in masked
    assert pieces_left(masked, text) == set()
    for mark in BREAKS:
        for width in (1, 7, 19, 76):
            lines = [text[i : i + width] for i in range(0, len(text), width)]
            masked = masker.text(f"before {mark.join(lines)} after")
            assert masked.startswith("before ") and masked.endswith(" after")
            assert pieces_left(masked, text) == set(), (mark, width)
            left = {line for line in lines if len(line) >= SHORTEST_BROKEN and line in masked}
            assert left == set(), (mark, width)


@pytest.mark.parametrize("value", [VALUE, LONG])
@pytest.mark.parametrize("before", ["", "a", "me", "me:", "user", "%", "\\", "&", "<"])
def test_what_is_around_a_value_does_not_hide_it(before: str, value: str):
    masker = Masker([value])
    for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.b32encode, bytes.hex):
        content = (before + value + before).encode()
        text = encode(content) if encode is bytes.hex else encode(content).decode()
        left = masker.text(text).rstrip("=")
        assert MASK in left and len(left) <= len(MASK) + 2 * len(before) * 2 + 4, (encode, left)
    assert masker.text(f"{before}{value}{before}") == f"{before}{MASK}{before}"


def test_colours_and_tags_within_a_value_stay():
    text = f"\x1b[31m{VALUE[:5]}\x1b[0;1m{VALUE[5:]}\x1b[0m"
    assert Masker([VALUE]).text(text) == f"\x1b[31m{MASK}\x1b[0;1m\x1b[0m"
    page = f'<a href="?{VALUE[:2]}{VALUE[2:]}"><b>s3cr\'et</b><i>"/Valü&99$x \\en</i>d</a>'
    assert Masker([VALUE]).text(page) == f'<a href="?{MASK}"><b>{MASK}</b><i></i></a>'


def test_each_long_line_of_a_value_counts_by_itself():
    key = "-----BEGIN KEY-----\nabcdefgh\nxy\n-----END KEY-----\n"
    assert Masker([key]).text(f"[{key}]") == f"[{MASK}\n]"
    assert Masker([key]).text("abcdefgh, xy, -----END KEY-----") == f"{MASK}, xy, {MASK}"
    assert lines_of("a\nbc\n") == []


def test_json_is_masked_in_keys_numbers_and_at_every_level():
    masker = Masker(["secret", "123456"])
    data = {"secret": [1, 123456, 0.5, {"a": "a secret"}], "b": True, "c": None, "d": 123456.5}
    assert masker.data(data) == {
        MASK: [1, MASK, 0.5, {"a": f"a {MASK}"}], "b": True, "c": None, "d": MASK,
    }  # fmt: skip


def test_a_bundle_is_masked_whatever_its_type():
    text = f"secret-1 {VALUE}"
    bundle = {
        "image/png": base64.encodebytes(b"\x89PNG tEXt" + b"secret-1" + b"IDAT").decode(),
        "image/jpeg": base64.b64encode(b"\xff\xd8" + 500 * b"pixels").decode(),
        "image/svg+xml": "<text>sec</text><text>ret-1</text>",
        "application/x.of+secret-1": [1, {"secret-1": "sec", "b": ["secr", "et-1"]}],
        text: text,
    }
    masked = Masker(["secret-1", VALUE]).data(bundle)
    assert masked == {
        "image/png": MASK,
        "image/jpeg": bundle["image/jpeg"],
        "image/svg+xml": f"<text>{MASK}</text><text></text>",
        f"application/x.of+{MASK}": [1, {MASK: "sec", "b": [MASK, ""]}],
        f"{MASK} {MASK}": f"{MASK} {MASK}",
    }
    assert Masker(["secret"]).data({"secret": 1, "asecret": 2, "a***": 3}) == {
        MASK: 1, f"a{MASK}": 2, f"a{MASK}*": 3,
    }  # fmt: skip


def test_the_texts_of_one_stream_are_masked_as_one():
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "a sec"},
        {"output_type": "stream", "name": "stderr", "text": "other sec"},
        {"output_type": "display_data", "data": {"text/plain": "secret"}},
        {"output_type": "stream", "name": "stdout", "text": "ret b"},
        {"output_type": "stream", "name": "stderr", "text": "and more"},
    ]
    masked = Masker(["secret"]).data({"outputs": outputs})["outputs"]
    assert [o.get("text") or o["data"] for o in masked] == [
        f"a {MASK}", "other sec", {"text/plain": MASK}, " b", "and more",
    ]  # fmt: skip


def test_what_is_too_short_is_left_alone():
    assert not Masker(["abc", "1", "", "\n\n"])
    assert Masker(["abc"]).text("abc") == "abc"


class InPieces:
    """Text that comes in pieces, as a stream of a run masks it."""

    def __init__(self, masker: Masker) -> None:
        self.masker = masker
        self.held = ""

    def write(self, text: str) -> str:
        shown, self.held = self.masker.masked_and_held(self.held + text)
        return shown

    def rest(self) -> str:
        return self.masker.masked_and_held(self.held, None)[0]


@given(VALUES, LETTERS, st.lists(st.integers(0, 100), max_size=8))
@settings(max_examples=600, deadline=None)
def test_no_value_is_left_in_a_text_in_pieces(values: list[str], text: str, cuts: list[int]):
    stream = InPieces(Masker(values))
    text = text + values[0] + text[::-1] + values[-1]
    shown = "".join(stream.write(piece) for piece in pieces(text, cuts)) + stream.rest()
    for value in values:
        for line in lines_of(value):
            assert line not in shown or line in MASK


ANY_VALUES = st.text(min_size=8, max_size=60).filter(
    lambda value: sum(map(str.isalnum, value)) >= 12 and len(value.splitlines()) == 1
)


@given(
    ANY_VALUES | st.text("abcDEF0123-_.+/=%&<'\"\\", min_size=20, max_size=60),
    st.sampled_from(documented_forms()),
    st.sampled_from(["", *BREAKS]),
    st.integers(1, 80),
    st.lists(st.integers(0, 300), max_size=6),
)
@example("0:0000000000000::::", "urllib.parse.quote(value)", "\\\n", 6, [157])
@settings(max_examples=300, deadline=None)
def test_nothing_of_any_value_is_left_in_any_form_broken_anywhere_and_in_pieces(
    value: str, form: str, mark: str, width: int, cuts: list[int]
):
    value = value.strip()
    shown, needed = (value[:16], 16) if form == "value[:16]" else (value, SHORTEST_BROKEN)
    assume(sum(map(str.isalnum, shown)) >= needed)
    text = written(form, value)
    broken = mark.join(text[i : i + width] for i in range(0, len(text), width))
    parts = pieces(f"from {broken} to", cuts)
    masker = Masker([value])
    stream = InPieces(masker)
    streamed = "".join(map(stream.write, parts)) + stream.rest()
    for masked in (masker.text("".join(parts)), "".join(masker.texts(parts)), streamed):
        kept = masked.replace("from", "", 1).replace(MASK, "").replace(mark, "")
        kept = unquote(kept)  # %3A is a colon, and no digit and letter of the value
        assert len(re.sub(r"\x1b\[\d*m|[\W_]", "", kept)) <= 2 + 8, masked


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
    stream = InPieces(masker)
    shown = "".join(stream.write(piece) for piece in pieces(text, cuts)) + stream.rest()
    assert value not in shown
    assert value not in re.sub(r"\x1b\[[0-9]*[a-z]", "", shown)


def test_what_is_held_back_is_never_more_than_the_beginning_of_a_value():
    stream = InPieces(Masker(["secret"]))
    assert [stream.write(text) for text in ("a se", "cr", "et b s", "\n")] == [
        "a ", "", f"{MASK} b ", "s\n",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [20, 76])
def test_what_a_cell_leaves_out_cuts_no_value(width: int):
    lines = textwrap.wrap(base64.b64encode(LONG.encode()).decode(), width)
    text = "\n".join([*lines, ""])
    masker = Masker([LONG])
    for limit in range(1000, 1000 + len(text)):
        outputs = CellOutputs(Limits(limit, masker=masker))
        for _ in range(20):
            outputs.add_text("stdout", text)
        kept = json.dumps(masker.data(outputs.nodes()))
        left = {piece for i in range(len(text) - 16) if (piece := text[i : i + 16]) in kept}
        assert "left out" in kept and left == set()


def test_what_python_itself_writes_to_stderr_is_masked():
    file = io.TextIOWrapper(io.BytesIO(), write_through=True)
    mask_writes(file, Masker([VALUE]))
    try:
        raise ValueError(f"refused: {VALUE}")
    except ValueError:
        traceback.print_exc(file=file)
    file.seek(0)
    assert file.read().endswith(f"ValueError: refused: {MASK}\n")


@pytest.mark.parametrize(
    "text",
    [
        "loss: 0.123 (step 4) value-7 and more of it\n",
        f"with a value: {VALUE} and {LONG}\n",
        f"wrapped:\n{base64.encodebytes(LONG.encode()).decode()}",
        "\x1b[31m\u2502 \x1b[0m<td style='x'>&amp;%41\\u00e9\\\\",
        "\\", "<", "&#", "%", "\x1b[", "\x1b]", "=C3", LONG[:15], "s", "s \n", "\u2502",
    ],
)  # fmt: skip
def test_masking_takes_linear_time(text: str):
    masker = Masker([VALUE, LONG, *(f"value-{number}-of-many" for number in range(5))])

    def mask(whole: str) -> None:
        masker.text(whole)
        masker.masked_and_held(whole)

    check_growth(mask, lambda size: (text * (size // len(text) + 1))[:size], 20_000)


@pytest.mark.parametrize("length", [SHORTEST, 10_000])
def test_a_value_of_any_length_is_held_over_any_split(length: int):
    value = ("0123456789abcdef" * (length // 16 + 1))[:length]
    stream = InPieces(Masker([value]))
    parts = pieces(f"<{value}>", list(range(0, length, 97)))
    assert "".join(map(stream.write, parts)) + stream.rest() == f"<{MASK}>"
