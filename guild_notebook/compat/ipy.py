"""``guild.ipy`` with pandas 3."""

from __future__ import annotations

from typing import Any


def find_values_by_position(ipy: Any) -> None:
    """Let a row of ``guild.ipy.runs()`` be asked for its first value by ``row[0]``, which guild/
    ipy.py does at lines 172 to 217 and users do.

    pandas 2.1 warns of a position where labels are strings, and pandas 3 raises KeyError. Needless
    when these lines use ``iloc``.
    """
    series = ipy.pd.Series

    def getitem(row: Any, key: Any) -> Any:
        if isinstance(key, int) and key not in row.index:
            return row.iloc[key]
        return series.__getitem__(row, key)

    ipy.RunsSeries.__getitem__ = getitem
