"""Which lines of a run's output are scalars, for Guild's reader, for the lines of this package that
must not be any, and for ``guild run --test-output-scalars``.

``patterns`` has the patterns of each mode of ``nb-scalars`` and what a name is; ``text`` reads what
people print (``nb-scalars: text``). Uses nothing else: the process of
every script imports it.
"""

from __future__ import annotations

import re
from typing import Any

from .patterns import TEXT, expanded


def compiled(pattern: str) -> Any:
    """A pattern of ``output-scalars`` with ``finditer`` and ``search``: a compiled one, or the
    reader of text. Raises re.error."""
    if pattern.startswith(TEXT):
        from .text import TextPattern  # which few runs need

        return TextPattern(pattern)
    return re.compile(expanded(pattern))
