"""Which files Guild takes for text is what its own function says, which asks chardet of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from guild import util
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.helpers.project import Project

guilds_is_text_file = util.is_text_file.__wrapped__

TEXTS = [
    *(b"import os\n", b"- train:\n    notebook: train.ipynb\n", b'{"cells": []}', b"a\tb\r\n\f"),
    *("caffè ".encode(), "caffè ".encode("latin-1"), "привет мир ".encode()),
    *(
        "привет мир ".encode("koi8-r"),
        "日本語テキスト".encode("shift_jis"),
        "中文字符".encode("gb18030"),
    ),
    *("日本語".encode(), "text".encode("utf-16"), "text".encode("utf-32-le"), b"\xef\xbb\xbftext"),
    *(b"~{VPND~}", b"+AGEAYg-", b"\x1b$B%F\x1b(B", b"<?xml version='1.0' encoding='utf-16'?>"),
]
FORMATS = [
    *(b"%PDF-1.4", b"BM", b"MZ", b"GIF89a", b"RIFF....WAVE", b"FORM....AIFF", b"8BPS", b"ID3"),
    *(b"PK\x03\x04", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\x89PNG\r\n\x1a\n", b"\x7fELF"),
    *(b"qoif", b"MThd", b"OggS", b"fLaC", b"BZh", b"ARROW1", b"PAR1", b"dex\n", b"wOFF", b"OTTO"),
]
ODD = [b"\0", b"\xff", b"\xfe", b"\x01", b"\v", b"\b", b"\x7f", b"\x15\x05", b"\x80", b"ustar "]


def guilds_answer(path: str) -> bool:
    """What Guild's function says, which an encoding of None ends: such a file is binary."""
    try:
        return bool(guilds_is_text_file(path))
    except TypeError:
        return False


def samples() -> st.SearchStrategy[bytes]:
    """Text of many encodings, formats, what is rare in text, and any bytes."""
    fragment = st.sampled_from(TEXTS + FORMATS + ODD)
    many = st.tuples(fragment, st.sampled_from([1, 1, 1, 3, 40, 200])).map(lambda f: f[0] * f[1])
    mixed = st.lists(many, max_size=5).map(b"".join)
    started = st.tuples(st.sampled_from(FORMATS), mixed).map(b"".join)
    return mixed | started | st.binary(max_size=1100)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "file"


@settings(max_examples=300, deadline=None)
@example(b"")
@example(b"x" * 257 + b"ustar \n")
@example(b"\xe9" * 30 + b"x" * 70)
@example(b"\xe9" * 31 + b"x" * 69)
@given(samples())
def test_any_file_is_text_where_it_is_to_guilds_own_function(file: Path, sample: bytes):
    file.write_bytes(sample)
    assert util.is_text_file(str(file)) is guilds_answer(str(file))


@pytest.mark.parametrize("begin", FORMATS)
def test_a_file_that_begins_as_a_format_is_what_guilds_own_function_says(file: Path, begin: bytes):
    file.write_bytes(begin + b" and what is plain text\n" * 9)
    assert util.is_text_file(str(file)) is guilds_answer(str(file))


@pytest.mark.parametrize(
    ("name", "ignores_extension", "content", "expected"),
    [
        ("a.PY", False, b"\0\xff", True),
        ("a.pkl", False, b"text", False),
        ("a.pkl", True, b"text", True),
        ("a.py", True, b"\0\x01\xff" * 9, False),
        ("a", False, b"", True),
    ],
)
def test_an_extension_says_what_a_file_is(
    tmp_path: Path, name: str, ignores_extension: bool, content: bytes, expected: Any
):
    (tmp_path / name).write_bytes(content)
    assert util.is_text_file(str(tmp_path / name), ignores_extension) is expected


def test_what_is_not_a_file_is_no_text(tmp_path: Path):
    assert util.is_text_file(str(tmp_path)) is False
    with pytest.raises(OSError, match="does not exist"):
        util.is_text_file(str(tmp_path / "none"))


def test_a_run_imports_chardet_for_no_usual_project(project: Project):
    project.file("train.sh", "echo caffè")
    project.file("data.json", '{"caffè": 1}')
    project.file("train.ipynb", "{}")
    project.guildfile("train:\n  exec: sh train.sh\n  sourcecode: ['*']\n")
    done = project.run("train", PYTHONPROFILEIMPORTTIME="1")
    assert {path.name for path in done.run.dir.iterdir()} >= {"train.sh", "data.json"}
    assert "chardet" not in done.stderr
