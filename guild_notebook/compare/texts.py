"""Two texts compared: by the shapes of their lines, which are lines with numbers left out, and then
by the numbers."""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..texts import cut_end
from .alignment import common, unified
from .model import NumberChange, Tolerance

NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?<![\w.])[-+]?(?:nan|inf)(?!\w)",
    re.IGNORECASE,
)

MOST_NUMBERS = 1_000
"""Numbers that are kept of those that differ."""

_STEPS = ("epoch", "step", "iteration", "iter", "fold", "trial", "round", "batch", "generation")
_BLANKS = re.compile(r"[ \t]+")
_BEFORE_VALUE = " \t:=~≈<>([{|,;'\"→/-+"
_DIVIDED = re.compile(r"[,;|\t(\[{\"'»]|  +|\. ")
_LONGEST_NAME = 40
_LONGEST_NUMBER = 40
"""Characters of a number in a summary."""


Masked = Callable[[str], str]


@dataclass
class TextChange:
    """How two texts differ: ``changed`` lines, those ``added`` and ``removed``, of ``total``.
    ``numbers`` are those that differ where that is all, the first MOST_NUMBERS of ``number_count``;
    ``lines`` are a unified difference otherwise."""

    changed: int = 0
    added: int = 0
    removed: int = 0
    total: int = 0
    numbers: list[NumberChange] = field(default_factory=list)
    number_count: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def amount(self) -> float:
        return (self.changed + self.added + self.removed) / (self.total or 1)

    def summary(self, of: str = "") -> str:
        """In a few words; ``of`` is what the lines are of."""
        if self.numbers:
            return summary_of(self.numbers, self.number_count)
        counts = {"changed": self.changed, "added": self.added, "removed": self.removed}
        parts: list[str] = []
        for word, count in counts.items():
            if count and not parts:
                parts.append(f"{count:,} line{'s' * (count != 1)}{of} {word}")
            elif count:
                parts.append(f"{count:,} {word}")
        return ", ".join(parts)


def summary_of(numbers: Sequence[NumberChange], count: int) -> str:
    """``r2 0.3250 → 0.3085``: of a number that differs at several steps the last, of others the
    first two, and how many more there are."""
    last = {number.name.partition(" (")[0]: number for number in numbers}
    shown = list(last.values())[:2]
    more = count - len(shown)
    values = [[cut_end(value, _LONGEST_NUMBER) for value in (n.before, n.after)] for n in shown]
    text = ", ".join(f"{n.name} {' → '.join(pair)}" for n, pair in zip(shown, values))
    return f"{text} and {more:,} more" if more else text


def is_close(before: str, after: str, tolerance: Tolerance) -> bool:
    """Whether two numbers are the same by ``tolerance``. Texts that are none are compared.
    Without a tolerance all digits count, also those that a float has not."""
    if before == after:
        return True
    try:
        a, b = (float(text.replace(",", "")) for text in (before, after))
    except ValueError:
        return False
    if a == b and (math.isinf(a) or tolerance == Tolerance()):
        try:  # floats have few digits
            old, new = (decimal.Decimal(text.replace(",", "")) for text in (before, after))
        except decimal.InvalidOperation:
            return False
        return old == new
    return tolerance.are_same(a, b)


def without_numbers(text: str) -> str:
    """``text`` with a character in place of each number that it has nowhere else."""
    return NUMBER.sub("\0", text.replace("\0", ""))


class _Line(NamedTuple):
    """A line of a text as it is and masked, and the shape of the latter."""

    shown: str
    masked: str
    shape: str


def _lines(text: str, mask: Masked) -> list[_Line]:
    masked = mask(text).split("\n")
    shapes = (_BLANKS.sub(" ", without_numbers(line)).strip() for line in masked)
    lines = [_Line(*each) for each in zip(text.split("\n"), masked, shapes)]
    while lines and not lines[-1].shape:
        lines.pop()
    return lines


def text_change(
    before: str, after: str, masks: tuple[Masked, Masked], tolerance: Tolerance
) -> TextChange | None:
    """How two texts differ, None where a reader would call them the same."""
    if before == after:
        return None
    old, new = (_lines(text, mask) for text, mask in zip((before, after), masks))
    change = TextChange(total=max(len(old), len(new)))
    pairs = list(common([line.shape for line in old], [line.shape for line in new]))
    step = ""
    same: list[tuple[int, int]] = []
    for i, j in pairs:
        numbers, step = _numbers_that_differ(old[i], new[j], j + 1, step, tolerance)
        if numbers:
            change.changed += 1
            change.number_count += len(numbers)
            change.numbers += numbers[: MOST_NUMBERS - len(change.numbers)]
        else:
            same.append((i, j))
    _count_gaps(change, pairs, len(old), len(new))
    if not (change.changed or change.added or change.removed):
        return None
    if change.number_count and len(pairs) == len(old) == len(new):
        return change
    change.numbers, change.number_count = [], 0
    shown = [line.shown for line in old]
    for i, j in same:
        shown[i] = new[j].shown
    change.lines = unified(shown, [line.shown for line in new], 2)
    return change


def _count_gaps(change: TextChange, pairs: Sequence[tuple[int, int]], old: int, new: int) -> None:
    i = j = 0
    for next_i, next_j in [*pairs, (old, new)]:
        gone, come = next_i - i, next_j - j
        change.changed += min(gone, come)
        change.removed += max(0, gone - come)
        change.added += max(0, come - gone)
        i, j = next_i + 1, next_j + 1


def _numbers_that_differ(
    old: _Line, new: _Line, number: int, step: str, tolerance: Tolerance
) -> tuple[list[NumberChange], str]:
    """The numbers that differ in two lines of one shape, and the step of which lines are from here
    on."""
    if old.masked == new.masked and not step and not new.shape.lower().startswith(_STEPS):
        return [], step
    values = [NUMBER.findall(line.masked) for line in (old, new)]
    names = list(_names(new.masked))
    own = next((n for n, name in enumerate(names) if _is_step(name)), None)
    if own is not None and values[0][own] == values[1][own]:
        said = f" ({names[own].split()[-1].lower()} {values[1][own]})"
        step = said if len(set(names)) <= 2 and not any(names[own + 1 :]) else ""
    else:
        said = step if own is None else ""
    found = []
    named = zip(_full_names(names, number), *values)
    for n, (name, before, after) in enumerate(named):
        if not is_close(before, after, tolerance):
            found.append(NumberChange(name + (said if n != own else ""), before, after))
    return found, step


def _is_step(name: str) -> bool:
    return bool(name) and name.split()[-1].lower() in _STEPS


def _full_names(names: Sequence[str], line: int) -> Iterator[str]:
    """What each number of a line is called: one without a name by that before it."""
    base, count = f"line {line}", 0
    for name in names:
        base, count = (name, 1) if name else (base, count + 1)
        yield base if name or len(names) == 1 else f"{base}, number {count}"


def _names(line: str) -> Iterator[str]:
    """What stands before each number of a line, "" where nothing does. In "loss (step 3): 0.5"
    "loss" stands before the second."""
    end = 0
    outer = ""
    for match in NUMBER.finditer(line):
        before = line[max(end, match.start() - 200) : match.start()]
        parts = _DIVIDED.split(before.rstrip(_BEFORE_VALUE))
        name = _name(parts[-1])
        yield outer if before.startswith(")") and not name else name
        outer = _name(parts[-2]) if "(" in before and len(parts) > 1 else ""
        end = match.end()


def _name(words: str) -> str:
    words = words.strip(" \t:=%-./*#)]")
    return words if len(words) <= _LONGEST_NAME else "…" + words[-_LONGEST_NAME:]
