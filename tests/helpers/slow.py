"""Which rows of a table of real runs are in ``make test``; all others are in ``make slow``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def but_slow(values: Iterable[Any], *quick: Any) -> list[Any]:
    """The values of one parameter, all but the ``quick`` ones marked as slow."""
    found = [v if v in quick else pytest.param(v, marks=pytest.mark.slow) for v in values]
    assert sum(v in quick for v in found) == len(quick), (quick, found)
    return found
