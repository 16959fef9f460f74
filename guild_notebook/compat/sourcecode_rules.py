"""Guild's warnings of source files that it leaves out, beside the rules of a plugin."""

from __future__ import annotations

from typing import Any

PLUGIN_PREFIX = "//"
"""How a pattern begins whose rule a plugin has added: Guild strips leading slashes
(guild/file_util.py, _strip_leading_path_sep), and one is enough for those of users."""


def warn_beside_rules_of_a_plugin() -> None:
    """Let Guild warn of files beyond the hundredth and of more than 1 MB where a plugin has added
    rules for paths of its own.

    Guild warns where its default rule is the only one (guild/op_util.py:1040,
    _default_rules_in_effect), so that one more rule, which includes the notebook, would silence it.
    Needless when Guild warns wherever the default rule decides.
    """
    from guild import op_util

    handler = op_util.SourceCodeCopyHandler
    if not hasattr(handler, "_ignore_by_guild"):
        handler._ignore_by_guild = handler.ignore
        handler.ignore = _ignore


def _ignore(handler: Any, path: str, rule_results: list[Any]) -> None:
    others = [found for found in rule_results if not _is_added(found[1]) or _has_decided(found[0])]
    handler._ignore_by_guild(path, others)


def _is_added(rule: Any) -> bool:
    return {pattern[:2] for pattern in rule.patterns} == {PLUGIN_PREFIX}


def _has_decided(result: Any) -> bool:
    selected, _failed_test = result
    return selected is not None
