"""What is one cell for a reader, in runs of several versions of a notebook.

Runs of one version have their cells at the same places. Versions are aligned one by one, newest
first, with a list of slots that grows. Two cells are one

(a) by the same id and the same source;
(b) by the same source, in the order of the notebook, or where no other cell has it;
(c) by the same id, where their sources are similar;
(d) where they are much alike between cells that are matched.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from ..document.states import ENDED_BY_RUN, NOT_RUN, RUNNING
from .alignment import common, increasing
from .model import Cell, Run, Section, Slot

LEAST_MATCHED = 0.3
"""Share of the cells that two versions of one notebook have in common at least."""

SIMILAR, ALIKE = 0.3, 0.6
"""How similar two sources are, from 0 to 1: with the same id, and without."""

NO_OUTPUT = "no output"
"""The hole of a cell that ran and has shown nothing."""

NOT_THERE = "not in this notebook"
"""That of a cell that the run's notebook does not have."""

NOT_TO_RUN = "not to run"
"""That of a cell that was left out of a run."""

_SHORT = 300
"""Characters of sources whose similarity is that of their characters: of others that of words."""

_REACH = 3
"""How far apart, within a gap, the places of two cells are that may be alike."""

_WORD = re.compile(r"\w+|[^\w\s]")
_NEVER = datetime.datetime.min.replace(tzinfo=datetime.timezone.utc)


def sections(runs: Iterable[Run]) -> list[Section]:
    """The runs by notebook, newest first, with the cells that they have in common. That of the
    newest run is the first section."""
    newest_first = sorted(runs, key=_started, reverse=True)
    made: list[_Aligned] = []
    # What has no cells yet, or could not be read, is beside others of its operation.
    for version in sorted(_versions(newest_first), key=lambda version: not version.cells):
        best = max(made, key=lambda each: each.share(version), default=None)
        if best is None or best.share(version) < LEAST_MATCHED:
            made.append(best := _Aligned(version.notebook))
        best.add(version)
    found = [aligned.section(newest_first) for aligned in made]
    places = {run.id: place for place, run in enumerate(newest_first)}
    return sorted(found, key=lambda section: places[section.runs[0].id])


def _started(run: Run) -> datetime.datetime:
    started = run.started or _NEVER
    return started if started.tzinfo else started.replace(tzinfo=datetime.timezone.utc)


@dataclass
class _Version:
    """Runs of one source; ``cells`` are those of the run that has most."""

    notebook: str
    runs: list[Run] = field(default_factory=list)

    @property
    def cells(self) -> Sequence[Cell]:
        return max((run.cells for run in self.runs), key=len)


def _versions(runs: Iterable[Run]) -> Iterator[_Version]:
    found: dict[object, _Version] = {}
    for run in runs:
        sources = None if run.source_digest else tuple((c.kind, c.source) for c in run.cells)
        key = run.source_digest or (run.notebook, sources, sources or run.operation)
        found.setdefault(key, _Version(run.notebook)).runs.append(run)
    return iter(found.values())


@dataclass(eq=False)
class _Slot:
    """A slot while versions are added: ``cell`` is that of the last version that has it, ``name``
    that of the first, and ``sources`` are all of its sources."""

    cell: Cell
    name: str
    sources: set[tuple[str, str]] = field(default_factory=set)
    cells: dict[str, int] = field(default_factory=dict)

    def add(self, cell: Cell, runs: Iterable[Run]) -> None:
        self.cell = cell
        self.sources.add(_source(cell))
        self.cells.update({run.id: cell.index for run in runs if cell.index < len(run.cells)})


def _source(cell: Cell) -> tuple[str, str]:
    return cell.kind, cell.source.strip()


class _Aligned:
    """The slots of one notebook."""

    def __init__(self, notebook: str) -> None:
        self.notebook = notebook
        self._runs: set[str] = set()
        self._operations: set[str] = set()
        self._slots: list[_Slot] = []
        self._matched: tuple[_Version | None, dict[int, int]] = None, {}

    def share(self, version: _Version) -> float:
        """The share of cells that a version has in common with this notebook, 1 where it has none
        and is of the same name or operation."""
        is_same_name = version.notebook == self.notebook
        if not version.cells or not self._slots:
            operations = {run.operation for run in version.runs}
            is_same_operation = bool(operations & self._operations) and not version.notebook
            return float(is_same_name or is_same_operation)
        if not is_same_name and not self._has_common(version):
            return 0
        matched = self._match(version)
        code = sum(1 for slot, _ in matched.items() if self._slots[slot].cell.kind == "code")
        counts = [
            sum(1 for cell in cells if cell.kind == "code") or len(cells)
            for cells in (version.cells, [slot.cell for slot in self._slots])
        ]
        return (code or len(matched)) / (min(counts) if is_same_name else max(counts))

    def _has_common(self, version: _Version) -> bool:
        own = {source for slot in self._slots for source in slot.sources}
        return any(_source(cell) in own for cell in version.cells)

    def _match(self, version: _Version) -> dict[int, int]:
        if self._matched[0] is not version:
            self._matched = version, _matched([*self._slots], version.cells)
        return self._matched[1]

    def add(self, version: _Version) -> None:
        self._runs.update(run.id for run in version.runs)
        self._operations.update(run.operation for run in version.runs)
        slots = {index: slot for slot, index in self._match(version).items()}
        # New slots by the place of the one that they are before.
        before: dict[int, list[_Slot]] = {}
        new: list[_Slot] = []
        place = -1  # of the slot before
        for index, cell in enumerate(version.cells):
            if index in slots:
                slot = self._slots[slots[index]]
                here = slots[index] if slots[index] > place else place + 1
                before.setdefault(here, []).extend(new)
                new, place = [], slots[index]
            else:
                slot = _Slot(cell, cell.name)
                new.append(slot)
            slot.add(cell, version.runs)
        before.setdefault(len(self._slots), []).extend(new)
        made = [each for n, slot in enumerate(self._slots) for each in (*before.get(n, ()), slot)]
        self._slots, self._matched = made + before[len(self._slots)], (None, {})

    def section(self, runs: Sequence[Run]) -> Section:
        own = [run for run in runs if run.id in self._runs]
        return Section(self.notebook, own, [Slot(slot.name, slot.cells) for slot in self._slots])


def _matched(slots: Sequence[_Slot], cells: Sequence[Cell]) -> dict[int, int]:
    """By slot the place of the cell that is it."""
    found: dict[int, int] = {}
    taken: set[int] = set()

    def take(pairs: Iterable[tuple[int, int]]) -> None:
        for slot, cell in pairs:
            if slot not in found and cell not in taken:
                found[slot] = cell
                taken.add(cell)

    def left() -> tuple[list[int], list[int]]:
        return (
            [index for index in range(len(slots)) if index not in found],
            [index for index in range(len(cells)) if index not in taken],
        )

    by_id = _ids(slots, cells)
    take((s, c) for s, c in by_id if _source(slots[s].cell) == _source(cells[c]))
    rest, own = left()
    pairs = common([_source(slots[s].cell) for s in rest], [_source(cells[c]) for c in own])
    take((rest[s], own[c]) for s, c in pairs)
    rest, own = left()
    take(_only(slots, cells, rest, own))
    by_id = [(s, c) for s, c in by_id if s not in found and c not in taken]
    take((s, c) for s, c in by_id if _similarity(slots[s].cell, cells[c]) >= SIMILAR)
    take(_alike(slots, cells, found))
    return found


def _ids(slots: Sequence[_Slot], cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """The slots and cells of the same id, which no other has."""
    counts = Counter(slot.cell.id for slot in slots), Counter(cell.id for cell in cells)
    places = {slot.cell.id: index for index, slot in enumerate(slots)}
    return [
        (places[cell.id], index)
        for index, cell in enumerate(cells)
        if cell.id and counts[0][cell.id] == counts[1][cell.id] == 1
    ]


def _only(
    slots: Sequence[_Slot], cells: Sequence[Cell], rest: Sequence[int], own: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """What has moved, or has a source that it had before: the slots and cells of a source that no
    other of those that are left has."""
    having: dict[tuple[str, str], list[int]] = {}
    for s in rest:
        for source in slots[s].sources:
            having.setdefault(source, []).append(s)
    counts = Counter(_source(cells[c]) for c in own)
    for c in own:
        source = _source(cells[c])
        if source[1] and counts[source] == 1 and len(having.get(source, ())) == 1:
            yield having[source][0], c


def _alike(
    slots: Sequence[_Slot], cells: Sequence[Cell], found: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Slots and cells that are alike, in order, in each gap between those that are matched."""
    anchors = increasing(sorted(found.items()))
    taken = set(found.values())
    start_slot = start_cell = 0
    for end_slot, end_cell in [*anchors, (len(slots), len(cells))]:
        rest = [s for s in range(start_slot, end_slot) if s not in found]
        own = [c for c in range(start_cell, end_cell) if c not in taken]
        if rest and own:
            yield from _alike_in_gap(slots, cells, rest, own)
        start_slot, start_cell = end_slot + 1, end_cell + 1


def _alike_in_gap(
    slots: Sequence[_Slot], cells: Sequence[Cell], rest: Sequence[int], own: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """The pairs whose similarities add up to most, in order."""
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    reach = max(_REACH, abs(len(rest) - len(own)) + _REACH if len(rest) * len(own) < 2_500 else 0)

    def at(i: int, j: int) -> float:
        return best[i, j][0] if (i, j) in best else 0.0

    for i in range(len(rest) - 1, -1, -1):
        for j in range(min(len(own) - 1, i + reach), max(-1, i - reach - 1), -1):
            choices: list[tuple[float, tuple[int, int] | None]] = [
                (at(i + 1, j), (1, 0)),
                (at(i, j + 1), (0, 1)),
            ]
            alike = _similarity(slots[rest[i]].cell, cells[own[j]], ALIKE)
            if alike >= ALIKE:
                choices.append((alike + at(i + 1, j + 1), None))
            best[i, j] = max(choices, key=lambda choice: choice[0])
    i = j = 0
    while (i, j) in best:
        step = best[i, j][1]
        if step is None:
            yield rest[i], own[j]
        i, j = i + (step or (1, 1))[0], j + (step or (1, 1))[1]


def _similarity(slot: Cell, cell: Cell, least: float = 0.0) -> float:
    """How similar two sources are, from 0 to 1, 0 where that is certainly less than ``least``."""
    a, b = slot.source.strip(), cell.source.strip()
    if slot.kind != cell.kind or not a or not b:
        return float(slot.kind == cell.kind and a == b)
    if 2 * min(len(a), len(b)) < least * (len(a) + len(b)):
        return 0.0
    if max(len(a), len(b)) <= _SHORT:
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        return matcher.ratio() if matcher.quick_ratio() >= least else 0.0
    words = Counter(_WORD.findall(a)), Counter(_WORD.findall(b))
    shared, *each = (sum(counts.values()) for counts in (words[0] & words[1], *words))
    return 2 * shared / (sum(each) or 1)


def hole(run: Run, slot: Slot) -> str:
    """Why a run has no output in a slot, in a few words; "" where it has one."""
    cell = slot.cell(run)
    if cell is None:
        if run.cells:
            return NOT_THERE
        return "not run yet" if run.is_going_on else _not_run(run)
    if cell.outputs:
        return ""
    if cell.state == RUNNING and run.is_going_on:
        return "running"
    if cell.state == NOT_RUN:
        return "not run yet" if run.is_going_on else _not_run(run)
    if not cell.state and cell.kind == "code" and cell.source.strip() and _has_states(run):
        return NOT_TO_RUN
    return NO_OUTPUT


def _has_states(run: Run) -> bool:
    """Whether it is known of the cells whether they ran, as far as the first ones say."""
    return any(cell.state for cell in run.cells[:200])


def _not_run(run: Run) -> str:
    if run.failed_cell is not None and run.failed_cell < len(run.cells):
        failed = run.cells[run.failed_cell]
        word = run.state if run.state in ("stopped", *ENDED_BY_RUN) else "failed"
        return f"not run: {word} in {failed.name or failed.label}"
    return f"not run: {run.reason}" if run.reason else "not run"
