"""What differs between two runs: flags, scalars, and the outputs of their cells."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from ..document.measures import is_measure
from ..texts import cut_end
from . import matching
from .alignment import common, unified
from .images import content_key, image_change
from .model import (
    ERROR,
    FIGURE,
    IMAGE,
    TABLE,
    CellDifference,
    Output,
    OutputDifference,
    Run,
    RunDifference,
    Slot,
    Tolerance,
)
from .outputs import MOST_TEXT
from .table_changes import table_change, table_lines, without_durations
from .texts import Masked, text_change
from .volatile import Mask, is_duration

EXACT = Tolerance()

_NAMES = {IMAGE: "plot", TABLE: "table", FIGURE: "figure"}
LEAST = 0.001
"""The amount of a change that no pixel or line shows."""

_LONGEST = 80
"""Characters of a message in a summary."""


def between(before: Run, after: Run, tolerance: Tolerance = EXACT) -> RunDifference:
    """What differs between two runs, whatever notebooks they are of. Scalars that are times a run
    has taken, or what a cell took, are not among those that differ."""
    masks = Mask(before), Mask(after)
    slots = [slot for section in matching.sections([after, before]) for slot in section.slots]
    return RunDifference(
        before,
        after,
        [name for name in _names(before.flags, after.flags) if _flag_differs(name, before, after)],
        [
            name
            for name in _names(before.scalars, after.scalars)
            if not (is_duration(name) or is_measure(name))
            and _scalar_differs(name, before, after, tolerance)
        ],
        [_cell_difference(slot, (before, after), tolerance, masks) for slot in slots],
    )


def _names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return list({**before, **after})


def _flag_differs(name: str, before: Run, after: Run) -> bool:
    if (name in before.flags) != (name in after.flags):
        return True
    a, b = before.flags[name], after.flags[name]
    is_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return not is_nan and (a != b or isinstance(a, bool) != isinstance(b, bool))


def _scalar_differs(name: str, before: Run, after: Run, tolerance: Tolerance) -> bool:
    if (name in before.scalars) != (name in after.scalars):
        return True
    return not tolerance.are_same(before.scalars[name].value, after.scalars[name].value)


def _cell_difference(
    slot: Slot, runs: tuple[Run, Run], tolerance: Tolerance, masks: tuple[Mask, Mask]
) -> CellDifference:
    cells = [slot.cell(run) for run in runs]
    holes = [_reason(run, slot) for run in runs]
    old, new = cells
    if old and new:
        is_source_changed = old.source.strip() != new.source.strip()
        is_state_changed = not any(holes) and old.state != new.state
    else:
        is_source_changed, is_state_changed = True, False
    is_code = any(cell is not None and cell.kind == "code" for cell in cells)
    hole = ""
    if is_code and bool(holes[0]) != bool(holes[1]):
        old, new = (None if own else cell for own, cell in zip(holes, cells))
        hole = holes[0] or holes[1]
    outputs: list[OutputDifference] = []
    if is_code and not any(holes) and old and new:
        outputs = output_differences(old.outputs, new.outputs, tolerance, masks)
    return CellDifference(slot.name, old, new, is_source_changed, is_state_changed, hole, outputs)


def _reason(run: Run, slot: Slot) -> str:
    """Why a cell did not run, or is not there; "" where it ran."""
    hole = matching.hole(run, slot)
    return "" if hole == matching.NO_OUTPUT else hole


def output_differences(
    before: Sequence[Output],
    after: Sequence[Output],
    tolerance: Tolerance = EXACT,
    masks: tuple[Masked, Masked] = (Mask(), Mask()),
) -> list[OutputDifference]:
    """The outputs of a cell that differ between two runs, paired by kind and place among those of
    the kind. ``masks`` mask what a reader would call unchanged in either run."""
    found = []
    for old, new in _paired(before, after, masks):
        if old and new:
            difference = _difference(old, new, tolerance, masks)
        else:
            difference = _one_sided(old, new)
        if difference:
            found.append(difference)
    return found


def _paired(
    before: Sequence[Output], after: Sequence[Output], masks: tuple[Masked, Masked]
) -> Iterator[tuple[Output | None, Output | None]]:
    """The outputs of both by kind. Where there are more of a kind in one, those that are equal are
    pairs, and others in between."""
    for kind in dict.fromkeys(map(output_key, [*after, *before])):
        old, new = ([each for each in side if output_key(each) == kind] for side in (before, after))
        pairs: list[tuple[int, int]] = []
        if len(old) != len(new):
            keys = [[fingerprint(o, mask) for o in side] for side, mask in zip((old, new), masks)]
            pairs = list(common(*keys))
        i = j = 0
        for next_i, next_j in [*pairs, (len(old), len(new))]:
            for n in range(max(next_i - i, next_j - j)):
                a, b = i + n, j + n
                yield old[a] if a < next_i else None, new[b] if b < next_j else None
            i, j = next_i + 1, next_j + 1


def output_key(output: Output) -> tuple[str, str]:
    """What pairs outputs: what is shown as a result or by ``display`` is alike."""
    return output.kind, output.source if output.source in ("stdout", "stderr") else ""


def fingerprint(output: Output, mask: Masked) -> Hashable:
    """What is equal for outputs that are the same but for what ``mask`` masks."""
    if output.image:
        return IMAGE, content_key(output.image)
    if output.table:
        return TABLE, mask("\n".join(table_lines(without_durations(output.table))))
    return output.kind, output.name, mask(output.message), _text(output, mask), output.rest


def _text(output: Output, mask: Masked) -> str:
    return _traceback(output, mask) if output.kind == ERROR else mask(output.text)


def _one_sided(old: Output | None, new: Output | None) -> OutputDifference:
    output, word = (new, "added") if new else (old, "removed")
    assert output
    what = _NAMES.get(output.kind, "")
    lines: list[str] = []
    if output.kind == ERROR:
        what = _short(f"{output.name}: {output.message}")
    elif not what:
        shown = output.text.rstrip("\n").split("\n")
        sign = "+" if new else "-"
        lines = [f"@@ {word} @@", *(sign + line for line in shown)]
        what = f"{len(shown):,} line{'s' * (len(shown) > 1)}{_of(output)}"
    return OutputDifference(output.kind, old, new, 1.0, f"{what} {word}", lines=lines)


def _of(output: Output) -> str:
    return " of stderr" if output.source == "stderr" else ""


def _difference(
    old: Output, new: Output, tolerance: Tolerance, masks: tuple[Masked, Masked]
) -> OutputDifference | None:
    found = _difference_of_kept(old, new, tolerance, masks)
    if found or old.image or old.rest == new.rest:
        return found
    said = f"{_NAMES.get(new.kind, 'text')}{_of(new)} changed beyond {MOST_TEXT:,} characters"
    return OutputDifference(new.kind, old, new, LEAST, said)


def _difference_of_kept(
    old: Output, new: Output, tolerance: Tolerance, masks: tuple[Masked, Masked]
) -> OutputDifference | None:
    if old.image and new.image:
        changed = image_change(old.image, new.image)
        if not changed:
            return None
        amount, words = changed
        return OutputDifference(IMAGE, old, new, amount, f"plot changed{words and f' ({words})'}")
    if old.kind == ERROR:
        return _error_difference(old, new, masks)
    if old.kind == FIGURE:
        is_same = _text(old, masks[0]) == _text(new, masks[1])
        return None if is_same else OutputDifference(FIGURE, old, new, 1.0, "figure changed")
    if old.table and new.table:
        found = table_change(old.table, new.table, masks, tolerance)
        if not found:
            return None
        is_all = found.are_numbers and not found.has_others
        lines = _unified(*("\n".join(table_lines(table)) for table in (old.table, new.table)))
        return OutputDifference(
            TABLE,
            old,
            new,
            found.amount,
            found.summary(),
            found.numbers if is_all else (),
            () if is_all else lines,
        )
    text = text_change(old.text, new.text, masks, tolerance)
    if not text:
        return None
    return OutputDifference(
        new.kind, old, new, text.amount, text.summary(_of(new)), text.numbers, text.lines
    )


_PLACE = re.compile(
    r"^(?:(?:Cell |File |Input )[^\n]*|[ \t]{0,8}(?:-{1,8}>)?[ \t]{0,8}\d+\b ?)", re.MULTILINE
)


def _traceback(output: Output, mask: Masked) -> str:
    """A traceback without what a reader would call unchanged, and without the places of its lines,
    which move when cells are edited."""
    return mask(_PLACE.sub("", output.text))


def _error_difference(
    old: Output, new: Output, masks: tuple[Masked, Masked]
) -> OutputDifference | None:
    said = [(each.name, mask(each.message)) for each, mask in zip((old, new), masks)]
    if said[0] != said[1]:
        shown = [_short(f"{each.name}: {each.message}") for each in (old, new)]
        summary, amount = f"{shown[0]} → {shown[1]}", 1.0
    elif _traceback(old, masks[0]) != _traceback(new, masks[1]):
        summary, amount = f"traceback of {old.name} changed", 0.5
    else:
        return None
    lines = _unified(old.text, new.text)
    return OutputDifference(ERROR, old, new, amount, summary, lines=lines)


def _unified(before: str, after: str) -> list[str]:
    """A unified difference without its head."""
    return unified(before.split("\n"), after.split("\n"), 2)


def _short(text: str) -> str:
    return cut_end(" ".join(text.split()), _LONGEST)
