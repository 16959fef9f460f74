"""The difference of two runs as data for JSON, which docs/diff.md describes. Names of entries
stay what they are; more may be added."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from . import model
from .environment import Change, EnvironmentDifference
from .sources import CellSources

SCHEMA = 1

_ENTRIES: dict[type, str] = {
    model.Run: "id dir operation notebook label tags status state reason started seconds flags "
    "scalars source_digest report",
    model.Scalar: "value step",
    model.CellDifference: "name same=is_same source_changed=is_source_changed "
    "state_changed=is_state_changed hole before after outputs",
    model.Cell: "index kind label number state seconds cpu_seconds peak_memory gpu_memory",
    model.OutputDifference: "kind amount summary numbers lines before after",
    model.NumberChange: "name before after",
    model.Output: "source text cut=is_cut name message table image",
    model.Table: "columns index_columns rows cut=is_cut",
    model.Image: "digest mime bytes=size",
    model.Tolerance: "relative absolute",
    Change: "subject name before after may_be_cause=is_cause",
    EnvironmentDifference: "changes unknown",
    CellSources: "name kept executed",
}
"""The entries of what there is, and behind = the attribute that has one where that is another."""


def data(
    difference: model.RunDifference,
    tolerance: model.Tolerance,
    sources: Sequence[CellSources] | None = None,
    environment: EnvironmentDifference | None = None,
) -> dict[str, Any]:
    """The whole difference."""
    before, after = difference.before, difference.after
    made: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "same": difference.is_same,
            "tolerance": tolerance,
            "before": before,
            "after": after,
            "flags": [
                {"name": name, "before": before.flags.get(name), "after": after.flags.get(name)}
                for name in difference.flags
            ],
            "scalars": [
                {"name": name, "before": before.scalars.get(name), "after": after.scalars.get(name)}
                for name in difference.scalars
            ],
            "environment": environment,
            "cells": difference.cells,
            "sources": sources,
        }
    )
    return made


def plain(value: Any) -> Any:
    """The same in what JSON has: numbers that it lacks are the texts ``nan``, ``inf`` and
    ``-inf``."""
    if entries := _ENTRIES.get(type(value)):
        names = (entry.partition("=") for entry in entries.split())
        return {name: plain(getattr(value, other or name)) for name, _, other in names}
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
