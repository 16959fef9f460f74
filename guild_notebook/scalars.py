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
