"""Two tables compared, cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .alignment import common
from .model import NumberChange, Table, Tolerance
from .texts import MOST_NUMBERS, NUMBER, Masked, is_close, summary_of, without_numbers
from .volatile import is_duration


@dataclass
class TableChange:
    """How two tables differ: ``changed`` of ``total`` cells, and the rows and columns of one only.
    ``numbers`` are cells that differ, by row and column, the first MOST_NUMBERS of them;
    ``are_numbers`` says whether all are numbers."""

    changed: int = 0
    total: int = 0
    rows_added: int = 0
    rows_removed: int = 0
    columns_added: list[str] = field(default_factory=list)
    columns_removed: list[str] = field(default_factory=list)
    numbers: list[NumberChange] = field(default_factory=list)
    are_numbers: bool = True

    @property
    def amount(self) -> float:
        return min(1.0, self.changed / (self.total or 1))

    @property
    def has_others(self) -> bool:
        """Whether one of the tables has rows or columns that the other has not."""
        added, removed = self.columns_added, self.columns_removed
        return bool(self.rows_added or self.rows_removed or added or removed)

    def summary(self) -> str:
        parts = []
        inner = len(self.numbers)
        if inner and inner <= 2 and self.are_numbers:
            parts.append(summary_of(self.numbers, inner))
        elif inner:
            more = "+" * (inner == MOST_NUMBERS)
            parts.append(f"{inner:,}{more} cell{'s' * (inner > 1)} of the table changed")
        for count, word in ((self.rows_added, "added"), (self.rows_removed, "removed")):
            if count:
                parts.append(f"{count:,} row{'s' * (count > 1)} {word}")
        for columns, word in ((self.columns_added, "added"), (self.columns_removed, "removed")):
            if len(columns) == 1 and columns[0]:
                parts.append(f"column {columns[0]} {word}")
            elif columns:
                parts.append(f"{len(columns):,} columns {word}")
        return ", ".join(parts)


def table_change(
    before: Table, after: Table, masks: tuple[Masked, Masked], tolerance: Tolerance
) -> TableChange | None:
    """How two tables differ, None where a reader would call them the same."""
    if before == after:
        return None
    columns = list(common(before.columns, after.columns))
    index_columns = min(before.index_columns, after.index_columns)
    keys = [[*_row_keys(t, index_columns, mask)] for t, mask in zip((before, after), masks)]
    rows = list(common(*keys))
    change = TableChange(
        total=max(len(table.rows) * len(table.columns) for table in (before, after)),
        rows_added=len(after.rows) - len(rows),
        rows_removed=len(before.rows) - len(rows),
        columns_added=_without(after.columns, [j for _, j in columns]),
        columns_removed=_without(before.columns, [i for i, _ in columns]),
    )
    inner = [(i, j) for i, j in columns if not is_duration(after.columns[j])]
    for r, s in rows:
        for i, j in inner:
            pair = before.rows[r][i], after.rows[s][j]
            if pair[0] != pair[1] and not _is_same(pair, masks, tolerance):
                change.changed += 1
                change.are_numbers = change.are_numbers and all(map(NUMBER.fullmatch, pair))
                if len(change.numbers) < MOST_NUMBERS:
                    name = f"row {_row_name(after, s, index_columns)}, {_column(after, j)}"
                    change.numbers.append(NumberChange(name, *pair))
    change.changed += (change.rows_added + change.rows_removed) * max(1, len(after.columns))
    change.changed += len(change.columns_added + change.columns_removed) * max(1, len(rows))
    return change if change.changed else None


def table_lines(table: Table) -> Iterator[str]:
    """A table as lines of text: its columns, and its rows."""
    yield " | ".join(table.columns)
    yield from (" | ".join(row) for row in table.rows)


def without_durations(table: Table) -> Table:
    """The table with nothing in the columns that are times which the run has taken."""
    timed = {place for place, column in enumerate(table.columns) if is_duration(column)}
    if not timed:
        return table
    rows = [["" if place in timed else e for place, e in enumerate(row)] for row in table.rows]
    return replace(table, rows=rows)


def _without(columns: Sequence[str], kept: Sequence[int]) -> list[str]:
    left = set(kept)
    return [column for index, column in enumerate(columns) if index not in left]


def _row_keys(table: Table, index_columns: int, mask: Masked) -> Iterator[tuple[object, ...]]:
    """What tells rows apart: their index, and the how manieth of that it is."""
    seen: Counter[tuple[str, ...]] = Counter()
    for row in table.rows:
        key = tuple(map(mask, row[:index_columns]))
        seen[key] += 1
        yield (*key, seen[key])


def _is_same(pair: tuple[str, str], masks: tuple[Masked, Masked], tolerance: Tolerance) -> bool:
    if all(map(NUMBER.fullmatch, pair)):
        return is_close(*pair, tolerance)
    old, new = (mask(text) for mask, text in zip(masks, pair))
    return old == new or (
        without_numbers(old) == without_numbers(new)
        and all(is_close(a, b, tolerance) for a, b in zip(*map(NUMBER.findall, (old, new))))
    )


def _row_name(table: Table, row: int, index_columns: int) -> str:
    names = [text for text in table.rows[row][:index_columns] if text]
    return " ".join(names) or str(row + 1)


def _column(table: Table, index: int) -> str:
    return table.columns[index] or f"column {index + 1}"
