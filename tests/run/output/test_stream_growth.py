"""Text of any form and any size, in pieces of any size: linear time, memory that does not grow."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.run.output.pipe import OutputPipe
from guild_notebook.run.output.stream import Stream
from tests.helpers.growth import check_growth

FORMS: dict[str, Callable[[int], str]] = {
    "a progress line": lambda n: "\r" + "x" * n,
    "states of a progress line": lambda n: "".join(f"\r{i % 100}%" for i in range(n // 4)),
    "states of many characters": lambda n: ("\r" + "x" * 3000) * (n // 3000),
    "a progress line of blanks": lambda n: "\r" + " " * n,
    "carriage returns": lambda n: "\r" * n,
    "carriage returns before text": lambda n: "\r" * n + "x",
    "carriage returns before line feeds": lambda n: "\r\r\n" * (n // 3),
    "text and carriage returns": lambda n: "x\r" * (n // 2),
    "backspaces": lambda n: "\b" * n,
    "characters taken back": lambda n: "a\b" * (n // 2),
    "a long line with characters taken back": lambda n: "\r" + "x" * (n // 2) + "a\b" * (n // 4),
    "a long line taken back": lambda n: "\r" + "x" * (n // 2) + "\b" * (n // 2),
    "an unfinished OSC": lambda n: "\x1b]" + "x" * n,
    "an unfinished CSI": lambda n: "\x1b[" + "1;" * (n // 2),
    "an unfinished escape with blanks": lambda n: "\x1b" + " " * n,
    "openings of OSC": lambda n: "\x1b]" * (n // 2),
    "openings of CSI": lambda n: "\x1b[" * (n // 2),
    "escapes": lambda n: "\x1b" * n,
    "colours": lambda n: "\x1b[31mred\x1b[0m " * (n // 13),
    "lines of colour": lambda n: "\x1b[31mred\x1b[0m\n" * (n // 13),
    "a word": lambda n: "x" * n,
    "a line of words": lambda n: "word " * (n // 5),
    "a line of long words": lambda n: ("y" * 999 + " ") * (n // 1000),
    "blanks": lambda n: " " * n,
    "line feeds": lambda n: "\n" * n,
    "lines": lambda n: "loss: 0.5\n" * (n // 10),
    "NUL characters": lambda n: "\0" * n,
    "lone surrogates": lambda n: "\ud800" * n,
    "a mixture": lambda n: "\r\x1b[3mab\b\r\n\x1b]0;t\x07\t\x1b[" * (n // 20),
}


def pieces(text: str, size: int) -> list[str]:
    return [text[i : i + size] for i in range(0, len(text), size)]


def write(texts: Iterable[str]) -> str:
    with tempfile.TemporaryFile() as f:
        stream = Stream(OutputPipe(f.fileno()), clock=lambda: 0.0)
        for text in texts:
            stream.write(text)
        stream.end_line()
        f.seek(0)
        return f.read().decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("size", [50, 10**9], ids=["pieces", "one piece"])
@pytest.mark.parametrize("form", FORMS)
def test_time_grows_as_the_text_does(form: str, size: int):
    check_growth(write, lambda n: pieces(FORMS[form](n), size), 30_000)


@pytest.mark.faults
@pytest.mark.parametrize("size", [50, 10**9], ids=["pieces", "one piece"])
@pytest.mark.parametrize("form", FORMS)
def test_time_grows_as_the_text_does_for_megabytes(form: str, size: int):
    name = f"stream, {form}, 0.5 to 4 MB, in {'one piece' if size > 50 else 'pieces of 50'}"
    check_growth(write, lambda n: pieces(FORMS[form](n), size), 500_000, name)


HEAVY = [pytest.param(form, marks=pytest.mark.faults) for form in FORMS]


@pytest.mark.parametrize("form", ["a progress line", "a word", "an unfinished OSC", *HEAVY])
def test_memory_does_not_grow_with_the_text(form: str):
    texts = pieces(FORMS[form](2_000_000), 1000)
    tracemalloc.start()
    try:
        with tempfile.TemporaryFile() as f:
            stream = Stream(OutputPipe(f.fileno()), clock=lambda: 0.0)
            for text in texts:
                stream.write(text)
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000


@pytest.mark.parametrize("form", ["a progress line", "an unfinished CSI", "a line of words"])
def test_nothing_that_is_not_a_state_of_a_bar_is_lost(form: str):
    text = FORMS[form](200_000)
    shown = write(pieces(text, 999)).replace("\\\n ", "")
    assert shown == text.replace("\r", "").replace("\x1b", "") + "\n"


# Not of carriage returns and backspaces: what is out is not taken back.
ALPHABET = ["\n", "\x1b", "[", "3", "m", ";", " ", "\t", "x", "ab" * 700, "\x07", "\\", "\0"]


@given(st.lists(st.sampled_from(ALPHABET), max_size=60), st.integers(1, 40))
def test_pieces_are_shown_as_the_whole(parts: list[str], size: int):
    text = "".join(parts)
    assert write(pieces(text, size)) == write([text])
