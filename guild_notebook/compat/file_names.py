"""File names that Guild's list of a run's files cannot hold."""

from __future__ import annotations

from typing import Any


def leave_out_files_that_cannot_be_listed() -> None:
    """Leave source files out whose names hold a line break or are not UTF-8, and say so.

    Guild writes the path of each file that it copies into ``.guild/manifest``, a line each, as
    UTF-8. At a name that is not UTF-8 the copy ends in UnicodeEncodeError (guild/manifest.py:60),
    and after one with a line break each reader of the file ends in ValueError (:65).

    Needless when the manifest can hold every name.
    """
    from guild import op_util

    op_util.SourceCodeCopyHandler.copy = _copy


def _copy(handler: Any, path: str, rule_results: list[Any]) -> None:
    from guild import file_util, op_util

    if can_be_listed(path):
        file_util.FileCopyHandler.copy(handler, path, rule_results)
    else:
        op_util.log.warning(
            "source file %s is not copied: its name has a line break or is not UTF-8 - rename it",
            ascii(path),
        )


def can_be_listed(path: str) -> bool:
    """Whether Guild's manifest can hold ``path``."""
    return "\n" not in path and not any("\ud800" <= character <= "\udfff" for character in path)
