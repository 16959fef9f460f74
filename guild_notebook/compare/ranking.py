"""By how much the outputs of each cell differ over many runs."""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from .differences import LEAST, fingerprint, output_key
from .images import DEVIATION, SIDE, content_key, grey
from .matching import NO_OUTPUT, hole
from .model import ERROR, IMAGE, Cell, Image, Output, Run, Section, Slot, Table
from .volatile import Mask

Reached = Mapping[int, Optional[frozenset[str]]]
"""By the index of a cell the flags that reach it, None where that is not known."""

_ENDED = ("completed", "failed", "exit", "")
"""States of cells whose outputs are complete."""


@dataclass(frozen=True)
class SlotChange:
    """By how much a slot differs over the runs of its section: ``amount`` from 0 to 1, and the
    ``kind`` of the output that differs most, "none" where there are no outputs. ``reached`` are the
    flags that reach it, None where that is not known. ``is_unexplained``: it differs between runs
    of one version of the notebook that have the same values of these flags. ``plots`` is the amount
    by which its images differ."""

    amount: float
    kind: str
    reached: frozenset[str] | None
    is_unexplained: bool
    plots: float


def slot_changes(
    section: Section, masks: Mapping[str, Mask], reached: Callable[[Run], Reached]
) -> Iterator[SlotChange]:
    """How each slot of a section differs over its runs. ``masks`` are those of the runs, by their
    ids: what has been masked for a slot is known to them as long as the next is not asked for.
    ``reached`` is asked for one run of each version of the notebook: that of reach.py."""
    by_version: dict[str, list[Run]] = {}
    for run in section.runs:
        by_version.setdefault(run.source_digest or run.id, []).append(run)
    versions = [(runs, reached(runs[0])) for runs in by_version.values()]
    for slot in section.slots:
        cells = [(run, cell) for run in section.runs if (cell := _cell(run, slot))]
        amount, kind, plots = _change(cells, masks)
        if kind == "none":  # it may have put out something where it has not ended
            outputs = (cell.outputs for run in section.runs if (cell := slot.cell(run)))
            kind = next((output.kind for each in outputs for output in each), kind)
        flags = _flags(slot, versions)
        is_unexplained = bool(amount) and any(
            _is_unexplained(slot, runs, found, masks) for runs, found in versions
        )
        yield SlotChange(amount, kind, flags, is_unexplained, plots)


def _cell(run: Run, slot: Slot) -> Cell | None:
    """The cell of a run whose outputs are all there."""
    cell = slot.cell(run)
    if cell is None or cell.kind != "code" or cell.state not in _ENDED:
        return None
    return cell if hole(run, slot) in ("", NO_OUTPUT) else None


def _flags(slot: Slot, versions: Iterable[tuple[Sequence[Run], Reached]]) -> frozenset[str] | None:
    """The flags that reach a slot in the newest version that has it."""
    for runs, found in versions:
        if runs[0].id in slot.cells:
            return found.get(slot.cells[runs[0].id])
    return None


def _is_unexplained(
    slot: Slot, runs: Sequence[Run], found: Reached, masks: Mapping[str, Mask]
) -> bool:
    if len(runs) < 2 or runs[0].id not in slot.cells:
        return False
    flags = found.get(slot.cells[runs[0].id])
    outputs: dict[Hashable, set[Hashable]] = {}
    for run in runs:
        cell = _cell(run, slot)
        if cell and cell.state != "failed":
            names = run.flags if flags is None else flags
            values = tuple(sorted((name, repr(run.flags.get(name))) for name in names))
            mask = masks[run.id]
            prints = frozenset(Counter(fingerprint(o, mask) for o in cell.outputs).items())
            outputs.setdefault(values, set()).add(prints)
    return any(len(prints) > 1 for prints in outputs.values())


def _change(
    cells: Sequence[tuple[Run, Cell]], masks: Mapping[str, Mask]
) -> tuple[float, str, float]:
    """By how much the outputs of a slot differ, the kind of that which differs most, and by how
    much its images do."""
    groups: dict[Hashable, list[tuple[Mask, Output]]] = {}
    completed = sum(cell.state != "failed" for _, cell in cells)
    for run, cell in cells:
        counts: Counter[Hashable] = Counter()
        for output in cell.outputs:
            key = output_key(output)
            groups.setdefault((key, counts[key]), []).append((masks[run.id], output))
            counts[key] += 1
    best, plots = (0.0, ""), 0.0
    for outputs in groups.values():
        kind = outputs[0][1].kind
        amount = _amount(kind, outputs)
        if kind == ERROR:
            amount = max(amount, _divided(len(outputs), len(cells)))
        elif len(outputs) < completed:
            amount = max(amount, _divided(len(outputs), completed))
        if kind == IMAGE:
            plots = max(plots, amount)
        if not best[1] or amount > best[0]:
            best = amount, kind
    return best[0], best[1] or "none", plots


def _divided(some: int, of: int) -> float:
    """How evenly runs are divided into two: 1 for halves, 0 where all are in one part."""
    return 2 * min(some, of - some) / of


def _amount(kind: str, outputs: Sequence[tuple[Mask, Output]]) -> float:
    if kind == IMAGE:
        return _images([output.image for _, output in outputs if output.image])
    if len({_raw(output) for _, output in outputs}) == 1:
        return 0.0
    parts = {fingerprint(output, mask): (mask, output) for mask, output in outputs}
    if len(parts) == 1:
        return 0.0
    counts = [Counter(_parts(output, mask)) for mask, output in parts.values()]
    common = functools.reduce(lambda a, b: a & b, counts)
    most = max(sum(each.values()) for each in counts)
    return max(1 - sum(common.values()) / (most or 1), LEAST)


def _raw(output: Output) -> Hashable:
    table = output.table
    if table is None:
        return output.text, output.name, output.message, output.rest
    return tuple(table.columns), tuple(map(tuple, table.rows)), output.rest


def _parts(output: Output, mask: Mask) -> Iterator[Hashable]:
    """What an output is counted in: the cells of a table by their places, or lines."""
    if output.table:
        yield from _cells(output.table)
    else:
        text = f"{output.name}: {output.message}" if output.kind == ERROR else output.text
        yield from (line.strip() for line in mask(text).split("\n") if line.strip())


def _cells(table: Table) -> Iterator[Hashable]:
    for number, row in enumerate(table.rows):
        yield from ((number, name, text) for name, text in zip(table.columns, row))


def _images(images: Sequence[Image]) -> float:
    """The share of pixels that differ over the runs, or without pixels how many images there are.
    Each image counts as often as it is there."""
    counts = Counter(map(content_key, images))
    if len(counts) == 1:
        return 0.0
    by_key = {content_key(image): image for image in images}
    greys = {key: pixels for key, image in by_key.items() if (pixels := grey(image))}
    if len(greys) < len(counts):
        return max((len(counts) - 1) / (len(images) - 1), LEAST)
    share = _share_that_varies([(greys[key], count) for key, count in counts.items()])
    return max(share, LEAST)


def _share_that_varies(greys: Sequence[tuple[bytes, int]]) -> float:
    """The share of pixels whose standard deviation is above DEVIATION."""
    counts = [count for _, count in greys]
    total, least = sum(counts), DEVIATION * 255
    number = 0
    for values in zip(*(pixels for pixels, _ in greys)):
        if max(values) - min(values) > 2 * least:  # or it cannot deviate so much
            mean = sum(map(operator.mul, counts, values)) / total
            number += sum(c * (v - mean) ** 2 for c, v in zip(counts, values)) > least**2 * total
    return number / SIDE**2
