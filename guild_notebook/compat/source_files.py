"""Guild's copying of source files: names that its list cannot hold, and its warnings."""

from __future__ import annotations

from typing import Any

PLUGIN_PREFIX = "//"
"""How a pattern begins whose rule a plugin has added: Guild strips leading slashes
(guild/file_util.py, _strip_leading_path_sep), and one is enough for those of users."""


def copy_and_warn(op_util: Any) -> None:
    """Leave source files out whose names hold a line break or are not UTF-8, and say so. Let Guild
    warn of files beyond the hundredth and of more than 1 MB where a plugin has added rules.

    Guild writes the path of each file that it copies into ``.guild/manifest``, a line each, as
    UTF-8. At a name that is not UTF-8 the copy ends in UnicodeEncodeError (guild/manifest.py:60),
    and after one with a line break each reader of the file ends in ValueError (:65). It warns where
    its default rule is the only one (guild/op_util.py:1040, _default_rules_in_effect), so that one
    more rule, which includes the notebook, would silence it.

    Needless when the manifest can hold every name, and when Guild warns wherever the default rule
    decides.
    """
    handler = op_util.SourceCodeCopyHandler
    handler.copy = _copy
    handler._ignore_by_guild, handler.ignore = handler.ignore, _ignore


def can_be_listed(path: str) -> bool:
    """Whether Guild's manifest can hold ``path``."""
    return "\n" not in path and not any("\ud800" <= character <= "\udfff" for character in path)


def _copy(handler: Any, path: str, rule_results: list[Any]) -> None:
    from guild import file_util, op_util

    if can_be_listed(path):
        file_util.FileCopyHandler.copy(handler, path, rule_results)
    else:
        op_util.log.warning(
            "source file %s is not copied: its name has a line break or is not UTF-8 - rename it",
            ascii(path),
        )


def _ignore(handler: Any, path: str, rule_results: list[Any]) -> None:
    """Without the rules of a plugin that have not decided. Of a file that Guild ignores whatever
    the rules say, the results are not those of rules (guild/file_util.py, _select_file_to_copy)."""
    others = [found for found in rule_results if not _is_undecided(*found)]
    handler._ignore_by_guild(path, others)


def _is_undecided(result: Any, rule: Any) -> bool:
    patterns = getattr(rule, "patterns", ())
    return {pattern[:2] for pattern in patterns} == {PLUGIN_PREFIX} and result[0] is None
