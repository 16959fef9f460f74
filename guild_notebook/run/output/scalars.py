"""The scalars of a run that its output does not have: values that are read from the kernel, what a
cell has taken.

They are in an event file beside that in which Guild keeps the printed ones, and have the same
names there: ``guild compare``, ``guild runs info``, optimizers and TensorBoard find both.

A value is a number, or a list of numbers, which are steps, or a mapping of values by their names.
Of a long list there may be every ``N``th number and the last, at the step ``LAST``: it is
``["steps", N, LAST, …]`` then.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...document.mime import json_of
from ...scalars.event_file import VALUES, ScalarWriter, values_files
from ...scalars.patterns import scalar_name
from ...secrets.masking import MASK, Masker
from .display import SaveErrors

_FOLDER = ".guild"
MOST = 500  # scalars of one value
MOST_STEPS = 10_000  # numbers of a list that are kept: of more, evenly spread ones, and the last
LONGEST_NAME = 200  # characters of a name; what follows is left out
LAST_STEP = 2**63 - 1  # steps have 64 bits
_STEPS = "steps"

_SCRAP, _RECORD = "application/scrapbook.scrap", "application/papermill.record+json"


class Scalars:
    """Keeps scalars of the run in ``run_dir``, in place of those of an earlier start of it. Where
    ``masker`` masks a value or a name there is no scalar. What cells show has some where it
    ``has_scraps``."""

    def __init__(
        self, run_dir: str, save_errors: SaveErrors, masker: Masker, has_scraps: bool = True
    ) -> None:
        self._has_scraps = has_scraps
        self._folder = os.path.join(run_dir, _FOLDER)
        self._save_errors = save_errors
        self._masker = masker
        self._writer = ScalarWriter(self._folder, VALUES)
        self._series: dict[str, dict[int, float]] = {}
        self._is_anew = True
        self._unsaved: list[tuple[str, float, int]] = []

    def add(self, name: str, value: float, step: int = 0) -> None:
        """Add a value; the same one again changes nothing. ``save`` writes it."""
        steps = self._series.setdefault(name, {})
        known = steps.get(step)
        if known is None or _differ(known, value):
            steps[step] = value
            self._unsaved.append((name, value, step))

    def set_steps(self, name: str, values: Mapping[int, float]) -> None:
        """The scalar has these values, by their steps. What it had before is replaced."""
        before = self._series.setdefault(name, {})
        if any(step not in values or _differ(values[step], before[step]) for step in before):
            self._series[name] = dict(values)
            self._is_anew = True
        else:
            for step, value in values.items():
                self.add(name, value, step)

    def add_value(self, name: str, value: Any) -> int:
        """Add what there is of numbers in a value of JSON, of any shape; returns how many scalars
        that is. Those in a mapping have names that begin with ``name``, if there is one."""
        count = 0
        if MASK in self._masker.text(name):
            return 0
        try:
            value = self._masker.data(value)
        except RecursionError:
            return 0  # no numbers are so deep
        for own, found in _numbers(name, value):
            if count == MOST or not own or MASK in self._masker.text(own):
                continue
            count += 1
            if isinstance(found, dict):
                self.set_steps(own, found)
            else:
                self.add(own, found)
        return count

    def add_scraps(self, data: Mapping[str, Any]) -> None:
        """Add what an output has that scrapbook's ``glue`` or papermill's ``record`` has kept."""
        for mime, content in data.items() if self._has_scraps else ():
            if mime.startswith(_SCRAP):
                kept = json_of(content)
                if isinstance(kept, dict) and isinstance(kept.get("name"), str):
                    self.add_value(kept["name"], kept.get("data"))
            elif mime == _RECORD:
                self.add_value("", json_of(content))

    def names(self, texts: Iterable[str]) -> list[str]:
        """A name for each text, by its place where it has none, which no other has: of several that
        are called the same the later ones have a number."""
        names: dict[str, None] = {}
        for place, text in enumerate(map(self._masker.text, texts), 1):
            name = own = scalar_name(text.replace("/", "-")) or str(place)
            count = 1
            while name in names:
                count += 1
                name = f"{own}_{count}"
            names[name] = None
        return [*names]

    def save(self) -> None:
        """Write what has been added. A file that cannot be written is reported."""
        if not (self._unsaved or self._is_anew):
            return
        try:
            self._save_errors.check_run_dir()
            if self._is_anew:
                self._begin()
            for scalar in self._unsaved:
                self._writer.add_scalar(*scalar)
            self._unsaved.clear()
            self._writer.flush()
        except OSError as e:
            self._save_errors.add("scalars", e)

    def _begin(self) -> None:
        """Begin a new file, with all that there is."""
        self._writer.close()
        for path in values_files(self._folder):
            os.unlink(path)
        self._writer = ScalarWriter(self._folder, VALUES)
        self._unsaved = [
            (name, value, step)
            for name, steps in self._series.items()
            for step, value in steps.items()
        ]
        self._is_anew = False


def _differ(one: float, other: float) -> bool:
    return one != other and not (math.isnan(one) and math.isnan(other))


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float | dict[int, float]]]:
    """The scalars in a value, each with its name."""
    left = [(name[:LONGEST_NAME], value)]
    while left:
        text, each = left.pop()
        if isinstance(each, dict):
            entries = [(key, entry) for key, entry in each.items() if MASK not in key]
            left += [(f"{text} {key}"[:LONGEST_NAME], entry) for key, entry in reversed(entries)]
        elif isinstance(each, list):
            every, last, entries = _steps(each)
            numbers = [number for entry in entries if (number := _number(entry)) is not None]
            if numbers and len(numbers) == len(entries):
                steps = [*range(0, every * (len(numbers) - 1), every), last]
                yield scalar_name(text), dict(zip(steps, numbers))
        elif (number := _number(each)) is not None:
            yield scalar_name(text), number


def _steps(values: list[Any]) -> tuple[int, int, list[Any]]:
    """How far the steps of a list are from each other, the last step, and what is kept of it."""
    if values[:1] == [_STEPS] and len(values) > 3:
        every, last, *kept = values[1:]
        are_steps = all(type(n) is int and 0 < n <= LAST_STEP for n in (every, last))
        return (every, last, kept) if are_steps and every * (len(kept) - 2) <= last else (1, 0, [])
    every, last = max(1, math.ceil(len(values) / MOST_STEPS)), len(values) - 1
    return every, last, values[::every] + (values[-1:] if last % every else [])


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
