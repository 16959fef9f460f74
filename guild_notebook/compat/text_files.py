"""Guild's test of whether a file is text, on current releases of chardet."""

from __future__ import annotations

import functools
from typing import Any


def treat_undecodable_files_as_binary(util: Any) -> None:
    """Let Guild copy source code beside a file that holds bytes of no encoding.

    For such a file current releases of chardet return None as the encoding, with full confidence,
    and Guild decodes with whatever has that confidence (guild/util.py:771). Without this, ``guild
    run`` ends in TypeError in any project with such a file whose name does not tell its type.

    Needless when Guild checks that there is an encoding.
    """
    is_text_file = util.is_text_file
    if hasattr(is_text_file, "__wrapped__"):
        return

    @functools.wraps(is_text_file)
    def is_text(*args: Any, **options: Any) -> bool:
        try:
            return bool(is_text_file(*args, **options))
        except TypeError:
            return False

    util.is_text_file = is_text
