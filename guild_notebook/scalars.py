"""Output scalar patterns: Guild's defaults, and the values that these lose.

Guild's default patterns (guild/summary.py, DEFAULT_OUTPUT_SCALARS) take digits, ``.``, ``e`` and
``-`` as a value, so ``1e+5``, ``nan`` and ``inf`` go unseen, and the first of them looks at every
character of a line for a start, which takes minutes on a line of 100,000 characters without a
blank. These match the same lines beside those values, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

VALUE = r"(?:[0-9.eE+\-]+|[+\-]?(?:nan|NaN|NAN|inf|Inf|INF|infinity|Infinity))"


def default_patterns(flag_names: Iterable[str]) -> list[str]:
    """What takes the place of Guild's defaults for an operation with these flags.

    Guild ignores scalars that are named like a flag, but only with its own patterns
    (guild/commands/run_impl.py, _output_scalars_summary), so these patterns exclude them.
    """
    names = "|".join(re.escape(name) for name in sorted(flag_names))
    no_flag = rf"(?!(?:{names}):\s)" if names else ""
    return [
        rf"(?<![^ \t])\key: +{VALUE}\s+\((?:step\s+)?(?P<step>\step)\)$",
        rf"^{no_flag}(\key):\s+({VALUE})(?:\s+\(.*\))?$",
    ]


ALIASES = ((r"\key", "[^ \t]+"), (r"\value", r"[0-9\.e\-]+"), (r"\step", r"[0-9]+"))
"""As guild/summary.py ALIASES, which takes long to import."""

_GUILDS = (
    r"\key: +\value\s+\((?:step\s+)?(?P<step>\step)\)$",
    r"^(\key):\s+(\value)(?:\s+\(.*\))?$",
)
"""DEFAULT_OUTPUT_SCALARS there."""

_NO_FLAG = re.compile(r"\A\^\(\?!\(\?:(?:\\.|[^\\()\[\]])*\):\\s\)", re.DOTALL)

_KEY_AND_VALUE = re.compile(rb":[\t\x0b-\r\x1c- \x80-\xff]+[-+.0-9eEnNiI]")
"""What each line holds that one of the default patterns matches. White space is of these bytes, and
so is what Guild drops as it is not UTF-8."""


def expanded(pattern: str) -> str:
    """A pattern of ``output-scalars`` as Guild compiles it."""
    for alias, expression in ALIASES:
        pattern = pattern.replace(alias, expression)
    return pattern


def possible_scalar(patterns: Iterable[re.Pattern[str]]) -> re.Pattern[bytes] | None:
    """What is found in each line, in bytes, in which a scalar is that one of the compiled
    ``patterns`` matches; None where one of them is none of the defaults here or of Guild, and so
    may match any line."""
    known = {*map(expanded, (*_GUILDS, *default_patterns(())))}
    texts = {_NO_FLAG.sub("^", pattern.pattern) for pattern in patterns}
    return _KEY_AND_VALUE if texts and texts <= known else None
