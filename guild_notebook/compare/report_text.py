"""What a terminal shows of the difference of two runs: a line that says it, the two runs, then what
differs in each cell.

Texts of runs are shown without what would move the cursor of a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..run.run_facts import value_text
from ..texts import cut, duration, number, printable, width
from . import model
from .matching import NOT_THERE
from .model import CellDifference, OutputDifference, Run, RunDifference
from .sources import CellSources

MOST_NAMED = 6
"""Cells, flags and scalars that a line names."""

MOST_NUMBERS = 20
"""Numbers of an output, and flags and scalars of a run, that are shown."""

MOST_LINES = 60
"""Lines that are shown of the difference of a text."""

LONGEST_LINE = 500
"""Characters of such a line, which may have any number."""

LONGEST_VALUE = 40
"""Columns of a flag's value, and of a name."""

LONGEST_REASON = 60
"""Columns of why a cell has not run, in the first line."""

NONE = "(none)"
"""In place of a value that a run does not have."""

_COLOURS = {"-": 31, "+": 32, "@": 36, "": 1}
"""Of lines by their first character, and of headings (ECMA-48, SGR)."""


@dataclass(frozen=True)
class Shown:
    """What is shown: ``sources`` of cells beside their results, whether in colours, and a line that
    says how the environments of the runs differ."""

    sources: Sequence[CellSources] | None = None
    colours: bool = False
    environment: str = ""


_DEFAULT = Shown()


def lines(difference: RunDifference, shown: Shown = _DEFAULT) -> Iterator[str]:
    """The lines, none of which has an end."""
    yield headline(difference)
    yield ""
    yield shown_line(f"--- {_run_text(difference.before)}", shown)
    yield shown_line(f"+++ {_run_text(difference.after)}", shown)
    if shown.environment:
        yield printable(f"environment: {shown.environment}")
    flags = flag_rows(difference)
    tables = {
        "flags": (flags, flags),
        "scalars": (scalar_rows(difference), _headline_scalars(difference)),
    }
    for title, (rows, in_headline) in tables.items():
        if len(in_headline) < len(rows) or _is_cut(in_headline):
            yield ""
            yield _heading(title, shown)
            yield from _table(rows)
    for cells in _changed(difference):
        yield ""
        yield _heading(_joined(list(map(_cell_title, cells))), shown)
        yield from _cell_lines(cells[0], shown)
    for rest in (_rest(difference, shown), _source_lines(shown)):
        block = [*rest]
        yield from ["", *block] if block else []


def headline(difference: RunDifference) -> str:
    """The difference in one line: ``flags max_depth 2 → 3 · cell Training: r2 0.3250 → 0.3085``."""
    parts = []
    if rows := flag_rows(difference):
        parts.append(f"flags {_few(rows)}")
    if rows := _headline_scalars(difference):
        parts.append(f"scalars {_few(rows)}")
    changed = _changed(difference)
    named = [f"{_joined(list(map(_name, c)))}: {summary(c[0])}" for c in changed[:MOST_NAMED]]
    if named:
        parts += [f"cell{'s' * (len(changed[0]) > 1)} {named[0]}", *named[1:]]
    if more := sum(map(len, changed[MOST_NAMED:])):
        parts.append(f"{more} more cell{'s' * (more > 1)}")
    if difference.is_same:
        parts.append("the results are the same")
    return printable(" · ".join(parts))


def _headline_scalars(difference: RunDifference) -> list[tuple[str, str, str]]:
    """The rows of scalars that no cell shows."""
    in_cells = {
        change.name.partition(" (")[0]  # without its step
        for cell in difference.cells
        for output in cell.outputs
        for change in output.numbers
    }
    return [row for row in scalar_rows(difference) if row[0] not in in_cells]


def _is_cut(rows: Sequence[tuple[str, str, str]]) -> bool:
    """Whether a line does not have all of the rows."""
    return len(rows) > MOST_NAMED or any(width(text) > LONGEST_VALUE for r in rows for text in r)


def _changed(difference: RunDifference) -> list[list[CellDifference]]:
    """The cells that differ, those that have not run for one reason together."""
    groups: dict[object, list[CellDifference]] = {}
    for index, cell in enumerate(difference.cells):
        if not cell.is_same:
            key = (cell.hole, cell.before is None) if cell.hole else index
            groups.setdefault(key, []).append(cell)
    return list(groups.values())


def _joined(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def flag_rows(difference: RunDifference) -> list[tuple[str, str, str]]:
    """Of each flag that differs its name, and its value before and after."""
    before, after = difference.before, difference.after
    return [(n, _flag_text(before, n), _flag_text(after, n)) for n in difference.flags]


def scalar_rows(difference: RunDifference) -> list[tuple[str, str, str]]:
    """The same of scalars."""
    before, after = difference.before, difference.after
    return [(n, _scalar_text(before, n), _scalar_text(after, n)) for n in difference.scalars]


def _flag_text(run: Run, name: str) -> str:
    return value_text(run.flags[name]) or "''" if name in run.flags else NONE


def _scalar_text(run: Run, name: str) -> str:
    return number(run.scalars[name].value, 6) if name in run.scalars else NONE


def _few(rows: Sequence[tuple[str, str, str]]) -> str:
    return _joined([f"{name} {_value(old)} → {_value(new)}" for name, old, new in rows])


def _value(text: str) -> str:
    return cut(printable(text), LONGEST_VALUE)


def _name(cell: CellDifference) -> str:
    return cut(printable(cell.name), LONGEST_VALUE)


def summary(cell: CellDifference) -> str:
    """How a cell differs, in a few words."""
    if cell.hole == NOT_THERE:
        return f"only in the {'first' if cell.before else 'second'} run"
    if cell.hole:
        return cut(cell.hole, LONGEST_REASON)
    parts = [f"{_state(cell.before)} → {_state(cell.after)}"] if cell.is_state_changed else []
    parts += [output.summary for output in cell.outputs[:2]]
    more = len(cell.outputs) - 2
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "")


def _state(cell: model.Cell | None) -> str:
    return (cell.state if cell else "") or "not run"


def _run_text(run: Run) -> str:
    started = run.started.astimezone().strftime("%Y-%m-%d %H:%M:%S") if run.started else ""
    state = run.state or run.status
    if run.seconds is not None:
        state += f" {'in' if state == 'completed' else 'after'} {duration(run.seconds)}"
    name = run.operation or run.notebook
    parts = [os.path.basename(run.dir)[:8], name, run.label, started, state, run.reason]
    return cut("  ".join(filter(None, map(printable, parts))), LONGEST_LINE)


def _cell_title(cell: CellDifference) -> str:
    """A cell by its name, with the number that Jupyter shows, in both runs where that differs."""
    numbers = [each.number for each in (cell.before, cell.after) if each]
    texts = dict.fromkeys("" if number is None else str(number) for number in numbers)
    shown = " → ".join(text or "-" for text in texts)
    return f"[{shown}] {_name(cell)}" if any(texts) else _name(cell)


def _cell_lines(cell: CellDifference, shown: Shown) -> Iterator[str]:
    if cell.hole:
        sign = "-" if cell.before is None else "+"
        yield shown_line(f"{sign} {cell.hole}", shown, 2)
    if cell.is_state_changed and not cell.hole:
        yield printable(f"  {_state(cell.before)} → {_state(cell.after)}")
    for output in cell.outputs:
        yield from _output_lines(output, shown)


def _output_lines(output: OutputDifference, shown: Shown) -> Iterator[str]:
    one = output.after or output.before
    sign = "+ " if output.before is None else "- " if output.after is None else ""
    where = f"{one.source}: " if one and output.kind == model.TEXT else ""
    yield shown_line(f"{sign}{where}{output.summary}", shown, 2)
    rows = [(change.name, change.before, change.after) for change in output.numbers]
    if len(rows) > 1 or (rows and rows[0][1] not in output.summary):
        yield from _table(rows, 4)
    yield from _text_lines(output.lines, shown)


def _text_lines(texts: Sequence[str], shown: Shown) -> Iterator[str]:
    for text in texts[:MOST_LINES]:
        yield shown_line(text, shown, 4)
    if len(texts) > MOST_LINES:
        yield f"    … {len(texts) - MOST_LINES} more lines, which --json has"


def _table(rows: Sequence[tuple[str, str, str]], indent: int = 2) -> Iterator[str]:
    """Rows of a name and two values in columns."""
    cells = [tuple(map(_value, row)) for row in rows[:MOST_NUMBERS]]
    widths = [max(width(row[column]) for row in cells) for column in (0, 1)]
    for row in cells:
        name, before = (text + " " * (w - width(text)) for text, w in zip(row, widths))
        yield f"{' ' * indent}{name}  {before} → {row[2]}"
    if len(rows) > MOST_NUMBERS:
        yield f"{' ' * indent}… {len(rows) - MOST_NUMBERS} more, which --json has"


def _rest(difference: RunDifference, shown: Shown) -> Iterator[str]:
    """What is said of the cells that are the same, and of sources that are not shown."""
    cells = difference.cells
    same = sum(bool(cell.is_same and cell.before and cell.after) for cell in cells)
    if 0 < same < len(cells):
        yield f"{same} other {'cells are' if same > 1 else 'cell is'} the same"
    changed = [_name(cell) for cell in cells if cell.is_source_changed]
    if shown.sources is None and changed:
        yield f"the source differs in {_joined(changed)}: --source shows it"
    if shown.sources is not None and not shown.sources:
        yield "the sources are the same"


def _source_lines(shown: Shown) -> Iterator[str]:
    for cell in shown.sources or ():
        yield _heading(f"source of {cut(cell.name, LONGEST_VALUE)}", shown)
        yield from _text_lines(cell.kept, shown)
        if cell.executed:
            yield "  as executed, with the values of flags"
            yield from _text_lines(cell.executed, shown)


def _heading(text: str, shown: Shown) -> str:
    return _coloured(printable(text), "", shown)


def shown_line(text: str, shown: Shown, indent: int = 0) -> str:
    """A line in the colour of its first character."""
    first = text[:1]
    more = len(text) - LONGEST_LINE
    line = printable(text[:LONGEST_LINE].expandtabs(4)) + (f"… ({more} more)" if more > 0 else "")
    return " " * indent + (_coloured(line, first, shown) if first in "-+@" and first else line)


def _coloured(line: str, kind: str, shown: Shown) -> str:
    return f"\x1b[{_COLOURS[kind]}m{line}\x1b[0m" if shown.colours else line
