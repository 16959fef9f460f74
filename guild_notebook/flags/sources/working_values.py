"""Which plain assignments are not meant as parameters: names whose values the notebook makes itself
as it runs, and data.

A name that is counted or grown, or that a loop runs over, is passed over whatever its first value:
what a run makes of it is not what was set. But the beginning is a parameter of a value that changes
by a factor or a fraction, which is a schedule (``lr *= 0.9``, ``epsilon -= 0.01``), and of a text
that goes on (``prompt += answer``). Of 3,157 plain assignments in 796 public notebooks some 370 are
passed over for this, and 220 that are data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..languages.language import ADDS, COUNTS, GROWS, IMPROVES, LOOPS, REPEATS, SCALES, Change
from ..languages.scanner import NEWLINE
from ..languages.values import is_number

LONGEST_DEFAULT = 200
"""Characters of a text, list, set or mapping that is a flag without being named: a longer one, or
one of several lines, is data. A text that is only written on several lines is one of one line."""


def reasons(changes: Iterable[tuple[str, Change]], values: Mapping[str, Any]) -> dict[str, str]:
    """Why names are not flags, by name. ``changes`` are those by each cell, with its label, of the
    names in ``values``, which are what each name has at first."""
    found: dict[str, str] = {}
    for cell, change in changes:
        name = change.name
        if name not in found and _is_working(values[name], change.kind):
            found[name] = _reason(name, values[name], change.kind, cell)
    return found


def _is_working(value: Any, kind: str) -> bool:
    if kind == ADDS:
        goes_on = isinstance(value, str) and value
        return not goes_on and (_is_beginning(value) or not isinstance(value, float))
    if kind == SCALES:
        return type(value) is int and value in (0, 1)  # a product, which begins there
    if kind in (IMPROVES, REPEATS):
        return _is_beginning(value)
    return kind in (GROWS, COUNTS, LOOPS)


def _is_beginning(value: Any) -> bool:
    """Whether a value is what variables have before they have one: nothing, none, not yet."""
    if isinstance(value, float):
        return value == 0 or not math.isfinite(value)
    return not value or value is True or (is_number(value) and value in (-1, 1))


def _reason(name: str, value: Any, kind: str, cell: str) -> str:
    if kind in (LOOPS, REPEATS):
        reason = f"a loop sets {name}, in {cell}"
    elif is_number(value) and kind not in (GROWS, IMPROVES):
        reason = f"the notebook counts with {name}, in {cell}"
    elif is_number(value):
        reason = f"the notebook replaces {name} by what it finds, in {cell}"
    else:
        reason = f"the notebook adds to {name}, in {cell}"
    return reason


def data_reason(value: Any, source: str) -> str:
    """Why a literal, whose text is ``source``, is data; "" where it may be a parameter."""
    reason = ""
    if isinstance(value, (str, bytes, list, tuple, set, frozenset, dict)):
        lines = len(NEWLINE.findall(source)) + 1
        if lines > 1 and not (isinstance(value, str) and len(NEWLINE.split(value)) == 1):
            reason = f"data: {lines} lines"
        elif len(source) > LONGEST_DEFAULT:
            reason = f"data: {len(source):,} characters"
    return reason
