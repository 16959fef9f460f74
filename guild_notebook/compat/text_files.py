"""Guild's test of whether a file is text, on current releases of chardet."""

from __future__ import annotations

import functools
from typing import Any


def take_binary_files_for_binary() -> None:
    """Let Guild copy source code beside a file that holds bytes of no encoding.

    Current releases of chardet are sure that such a file has no encoding, and Guild decodes with
    what they are sure of (guild/util.py:771): `guild run` ends in TypeError in any project with
    such a file whose name does not say what it is.

    Needless when Guild asks whether there is an encoding.
    """
    from guild import util

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
