"""Which lines of a run's output are scalars, for Guild's reader, for the lines of this package that
must not be any, and for ``guild run --test-output-scalars``.

``patterns`` has the patterns of each mode of ``nb-scalars`` and what a name is; ``text`` reads what
people print (``nb-scalars: text``). Uses nothing else: the process of
every script imports it.
"""

from __future__ import annotations

import re
from typing import Any

from .patterns import TEXT, default_patterns, expanded


def compiled(pattern: str) -> Any:
    """A pattern of ``output-scalars`` with ``finditer`` and ``search``: a compiled one, or the
    reader of text. Raises re.error."""
    if pattern.startswith(TEXT):
        from .text import TextPattern  # which few runs need

        return TextPattern(pattern)
    return re.compile(expanded(pattern))


def compiled_patterns(config: Any) -> list[tuple[str | None, Any]]:
    """The compiled patterns of an ``output-scalars`` setting (a string, a mapping, or a list of
    them; none for the defaults, false for ``off``), each with its name there. Those that cannot be
    compiled, of which Guild says so itself, are left out."""
    config = default_patterns(()) if config is None else config or []
    patterns: list[tuple[str | None, Any]] = []
    for item in config if isinstance(config, list) else [config]:
        named = {None: item} if not isinstance(item, dict) else {str(k): item[k] for k in item}
        for key, pattern in named.items():
            try:
                patterns.append((key, compiled(pattern)))
            except (re.error, TypeError, AttributeError):
                pass
    return patterns
