"""The difference of two runs as data for JSON, which docs/comparing.md describes. Names of entries
stay what they are; more may be added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .environment import EnvironmentDifference
from .model import Cell, CellDifference, Output, OutputDifference, Run, RunDifference, Tolerance
from .sources import CellSources

SCHEMA = 1


def data(
    difference: RunDifference,
    tolerance: Tolerance,
    sources: Sequence[CellSources] | None = None,
    environment: EnvironmentDifference | None = None,
) -> dict[str, Any]:
    """The whole difference. Numbers that JSON lacks are the texts ``nan``, ``inf`` and ``-inf``."""
    before, after = difference.before, difference.after
    made = {
        "schema": SCHEMA,
        "same": difference.is_same,
        "tolerance": {"relative": tolerance.relative, "absolute": tolerance.absolute},
        "before": _run(before),
        "after": _run(after),
        "flags": [
            {"name": name, "before": before.flags.get(name), "after": after.flags.get(name)}
            for name in difference.flags
        ],
        "scalars": [
            {"name": name, "before": _scalar(before, name), "after": _scalar(after, name)}
            for name in difference.scalars
        ],
        "environment": None
        if environment is None
        else {
            "changes": [
                {"subject": c.subject, "name": c.name, "before": c.before, "after": c.after}
                for c in environment.changes
            ],
            "unknown": [*environment.unknown],
        },
        "cells": [_cell_difference(cell) for cell in difference.cells],
        "sources": None
        if sources is None
        else [
            {"name": cell.name, "kept": [*cell.kept], "executed": [*cell.executed]}
            for cell in sources
        ],
    }
    strict: dict[str, Any] = _strict(made)
    return strict


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "dir": run.dir,
        "operation": run.operation,
        "notebook": run.notebook,
        "label": run.label,
        "tags": [*run.tags],
        "status": run.status,
        "state": run.state,
        "reason": run.reason,
        "started": run.started.isoformat() if run.started else None,
        "seconds": run.seconds,
        "flags": dict(run.flags),
        "scalars": {name: _scalar(run, name) for name in run.scalars},
        "source_digest": run.source_digest,
        "report": run.report,
    }


def _scalar(run: Run, name: str) -> dict[str, Any] | None:
    scalar = run.scalars.get(name)
    return {"value": scalar.value, "step": scalar.step} if scalar else None


def _cell_difference(cell: CellDifference) -> dict[str, Any]:
    return {
        "name": cell.name,
        "same": cell.is_same,
        "source_changed": cell.is_source_changed,
        "state_changed": cell.is_state_changed,
        "hole": cell.hole,
        "before": _cell(cell.before),
        "after": _cell(cell.after),
        "outputs": [_output_difference(output) for output in cell.outputs],
    }


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {
        "index": cell.index,
        "kind": cell.kind,
        "label": cell.label,
        "number": cell.number,
        "state": cell.state,
        "seconds": cell.seconds,
        "peak_memory": cell.peak_memory,
    }


def _output_difference(output: OutputDifference) -> dict[str, Any]:
    return {
        "kind": output.kind,
        "amount": output.amount,
        "summary": output.summary,
        "numbers": [
            {"name": change.name, "before": change.before, "after": change.after}
            for change in output.numbers
        ],
        "lines": [*output.lines],
        "before": _output(output.before),
        "after": _output(output.after),
    }


def _output(output: Output | None) -> dict[str, Any] | None:
    """An output, of an image its digest in place of the content."""
    if output is None:
        return None
    table, image = output.table, output.image
    return {
        "source": output.source,
        "text": output.text,
        "cut": output.is_cut,
        "name": output.name,
        "message": output.message,
        "table": table
        and {
            "columns": [*table.columns],
            "index_columns": table.index_columns,
            "rows": [[*row] for row in table.rows],
            "cut": table.is_cut,
        },
        "image": image and {"digest": image.digest, "mime": image.mime, "bytes": image.size},
    }


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _strict(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value
