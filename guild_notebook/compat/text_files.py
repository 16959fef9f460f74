"""Guild's test of whether a file is text, on current releases of chardet, and mostly without it."""

from __future__ import annotations

import functools
import os
from typing import Any


def ask_chardet_where_it_matters(util: Any) -> None:
    """Answer as Guild does (guild/util.py:736), but import chardet, which takes as long as Guild's
    own start does without it, only for files of which it decides what they are. Needless when Guild
    looks at the name and the bytes first.

    And let Guild copy source code beside a file that holds bytes of no encoding: for such a file
    current releases of chardet return None as the encoding, with full confidence, and Guild decodes
    with whatever has that confidence (:771). Without this, ``guild run`` ends in TypeError in any
    project with such a file whose name does not tell its type. Needless when Guild checks that
    there is an encoding.
    """
    is_text_file = util.is_text_file

    @functools.wraps(is_text_file)
    def is_text(path: Any, ignore_ext: bool = False) -> bool:
        if os.path.isfile(path):
            extension = os.path.splitext(path)[1].lower()
            if not ignore_ext and extension in util._text_ext:
                return True
            if not ignore_ext and extension in util._binary_ext:
                return False
            if _is_plain(path):
                return True
        try:
            return bool(is_text_file(path, ignore_ext))
        except TypeError:
            return False

    util.is_text_file = is_text


_ASCII = b"\t\n\f\r" + bytes(range(32, 127))
_HIGH = bytes(range(128, 255))  # 255 is in few texts

_FORMATS = (
    *(b"8BPS", b"ARROW1", b"BM", b"BZh", b"FORM", b"GIF8", b"ID3", b"MThd", b"MZ", b"OTTO"),
    *(b"OggS", b"PAR1", b"RIFF", b"dex\n", b"fLaC", b"qoif", b"wOF2", b"wOFF", b"%PDF"),
)
"""The beginnings of binary formats that are ASCII (chardet/pipeline/magic.py), to which chardet
gives no encoding; another is at 257."""


def _is_plain(path: str) -> bool:
    """Whether Guild takes a file for text whatever chardet may find: where at most 30 % is not
    ASCII, it is binary for a byte 0 or 255, or because chardet says so."""
    try:
        with open(path, "rb") as f:
            sample = f.read(1024)  # as much as Guild looks at
    except OSError:
        return False
    others = sample.translate(None, _ASCII)
    return (
        len(others) <= 0.3 * len(sample)
        and not others.translate(None, _HIGH)
        and sample[:1] < b"\x80"
        and not sample.startswith(_FORMATS)
        and sample[257:262] != b"ustar"
    )
