"""What a sweep shows of its trials: a line for each, what is going on, and how it ended. Only text:
what happens is told by ``sweep``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..compat.shown_flags import value_within
from ..scalars.words import HELD_OUT, LARGER, SMALLER, TRAINED, words_of
from ..texts import clock, cut, duration, number, printable
from ..texts import width as width_of

MOST_SCALARS = 3
_NARROWEST = 6
_NUMBER = 9  # the width that most numbers have, as 0.0012346
_LEAST_REASON = 26  # columns for why a trial has failed: ``cell [12] (Fit) failed…``
_WIDEST_NUMBER = 12  # numbers up to here are never shortened: what is left of one would be another
_MOST_CHARACTERS = 1000  # of a flag's value that are looked at: a row has no room for more


@dataclass(frozen=True)
class Objective:
    """The scalar by which a trial is the best: its smallest value, or its largest."""

    name: str
    is_largest: bool = False

    def is_better(self, value: float, than: float | None) -> bool:
        if not math.isfinite(value):
            return False
        return than is None or (value > than if self.is_largest else value < than)


@dataclass
class Trial:
    """A trial that has begun. ``flags`` are all of its values, ``run`` is the short ID of its run.
    ``status`` is one of running, completed, failed and stopped."""

    number: int
    run: str
    flags: Mapping[str, Any]
    status: str = "running"
    seconds: float = 0.0
    scalars: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    has_report: bool = False


def varying(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the flags that have not the same value in all trials, sorted."""
    names = sorted({name for flags in trials for name in flags})
    return [name for name in names if any(_differs(trials[0], flags, name) for flags in trials)]


def _differs(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    pair = [(type(flags.get(name)), flags.get(name)) for flags in (one, other)]
    return pair[0] != pair[1]


def likely_objective(names: Iterable[str]) -> Objective | None:
    """The scalar by which trials are compared where nobody has named one: a loss or an error, or
    else what is better when it is larger, of held-out data first, and of the data that a model was
    trained with only where there is no other; None where there is neither."""
    found = []
    for position, name in enumerate(names):
        words = set(words_of(name))
        kind = 0 if words & SMALLER else 1 if words & LARGER else 2
        if kind < 2:
            is_trained = bool(words & TRAINED)
            found.append((is_trained, kind, not words & HELD_OUT, position, name))
    if not found:
        return None
    _, kind, _, _, name = min(found)
    return Objective(name, is_largest=kind == 1)


def chosen_scalars(
    names: Iterable[str], objective: Objective | None, preferred: Sequence[str] = ()
) -> list[str]:
    """The scalars that have a column: the objective, what guild.yml compares, then the others in
    the order in which they were recorded. Guild's own of the system, and what cells take
    (nb-cell-scalars), are none of the notebook's."""
    names = list(names)
    first = [objective.name] if objective else []
    ranked = [
        *first,
        *preferred,
        *(name for name in names if not name.startswith(("sys/", "cell/"))),
    ]
    return [name for name in dict.fromkeys(ranked) if name in names][:MOST_SCALARS]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def short_time(seconds: float) -> str:
    """``0.4 s``, ``42 s``, ``1:42`` (minutes), ``2:01:42``."""
    return duration(seconds) if seconds < 59.5 else clock(round(seconds))


@dataclass
class _Column:
    title: str
    width: int
    text: Callable[[Trial], str]
    least: int = 0
    prefix: str = ""
    is_right: bool = False

    def cell(self, text: str) -> str:
        text = cut(text, self.width, self.prefix)
        padding = " " * (self.width - width_of(text))
        return padding + text if self.is_right else text + padding


class TrialTable:
    """The lines of a sweep of ``total`` trials. ``values`` are those of the flags that vary, as far
    as they are known beforehand, None for one that is drawn; ``preferred`` are scalars that are to
    be shown. With ``shares_cells`` the first trial waits for those that all share (nb-fork);
    ``jobs`` trials run at once."""

    def __init__(
        self,
        total: int,
        values: Mapping[str, Sequence[Any] | None],
        objective: Objective | None = None,
        preferred: Sequence[str] = (),
        shares_cells: bool = False,
        jobs: int = 1,
    ) -> None:
        self.total = total
        self._jobs = jobs
        self.objective = objective
        self.best: Trial | None = None
        self._preferred = preferred
        self._runs: dict[str, list[str]] = {}  # those that have ended, by their statuses
        self._shares_cells = shares_cells
        self._seconds: list[float] = []  # of those that have completed
        self._scalar_widths: dict[str, int] = {}
        self._digits = {name: _digits(known or ()) for name, known in values.items()}
        self._widths = {name: max(_NUMBER, width_of(name)) for name in values}
        self._number_widths: dict[str, int] = {}
        self._prefixes: dict[str, str] = {}
        for name, known in values.items():
            if known is not None:
                self._widths[name] = width_of(name)
            for value in known or ():
                self._widen(name, value)
        self._header = ""

    def _widen(self, name: str, value: Any) -> None:
        text = _flag_text(value, self._digits[name])
        both = [self._prefixes.get(name, text), text]
        self._prefixes[name] = os.path.commonprefix(both)  # noqa: RUF071  # of any texts
        width = width_of(text)
        self._widths[name] = max(self._widths[name], width)
        if is_number(value) and width <= _WIDEST_NUMBER:
            self._number_widths[name] = max(self._number_widths.get(name, 0), width)

    def _text(self, name: str, trial: Trial) -> str:
        return _flag_text(trial.flags.get(name), self._digits[name])

    def add(self, trial: Trial) -> None:
        """Count a trial that has ended."""
        self._runs.setdefault(trial.status, []).append(trial.run)
        if trial.status != "completed":
            return
        self._seconds.append(trial.seconds)
        self.compare(trial)

    def compare(self, trial: Trial) -> None:
        """Take a trial that has completed for the best, if it is: also one of an earlier start of
        the batch, which has the number 0."""
        for name, last in trial.scalars.items():
            width = max(_NUMBER, len(number(last)))
            self._scalar_widths[name] = max(self._scalar_widths.get(name, 0), width)
        if not self.objective:
            self.objective = likely_objective(self._scalar_widths)
        value = trial.scalars.get(self.objective.name) if self.objective else None
        if value is not None and self.objective:
            best = self.best.scalars[self.objective.name] if self.best else None
            if best is not None and self.best and not self.best.number:
                # Of the same, one of this start is taken. Guild has kept 32 bits of the other.
                best = None if math.isclose(value, best, rel_tol=1e-6) else best
            if self.objective.is_better(value, best):
                self.best = trial

    def seconds_left(self) -> float | None:
        """What the trials that have not ended will take, if they take as long as those that have
        completed; None while none has."""
        taken = self._seconds[1:] if self._shares_cells else []
        taken = taken or self._seconds
        left = self.total - self._ended()
        return sum(taken) / len(taken) * left / min(self._jobs, left or 1) if taken else None

    def _ended(self) -> int:
        return sum(map(len, self._runs.values()))

    def rows(self, trial: Trial, width: int) -> list[str]:
        """The line of the trial that was added last, in a table of ``width`` columns, after the
        line of titles where that is new or has changed."""
        for name in self._widths:
            self._widen(name, trial.flags.get(name))
        to_time, further = self._columns(width)
        header = _line(column.cell(column.title) for column in to_time + further)
        header = cut(header, width)
        is_new, self._header = header != self._header, header
        row = [column.cell(column.text(trial)) for column in to_time]
        if trial.status == "completed":
            row += [column.cell(column.text(trial)) for column in further]
        else:
            row.append(printable(trial.reason) or trial.status)
        line = cut(_line(row), width)
        return [header, line] if is_new else [line]

    def _columns(self, width: int) -> tuple[list[_Column], list[_Column]]:
        """The columns up to that of the time, and the further ones. Where they are too wide,
        further scalars are left out first, then texts are shortened, then the run and flags are
        left out."""
        position = max(len("trial"), 2 * len(str(self.total)) + 1)
        begin = [
            _Column("trial", position, lambda t: f"{t.number}/{self.total}", is_right=True),
            _Column("run", 8, lambda trial: trial.run),
        ]
        flags = [self._flag_column(name, width) for name, width in self._widths.items()]
        time = _Column("time", 7, lambda trial: short_time(trial.seconds), is_right=True)
        names = chosen_scalars(self._scalar_widths, self.objective, self._preferred)
        scalars = [self._scalar_column(name) for name in names]
        end = [_Column("left", 7, self._left_text, is_right=True)]
        if self.best:
            end.insert(0, _Column("best", scalars[0].least + 2, self._best_text))

        reason = _LEAST_REASON + 2 if "failed" in self._runs else 0

        def excess() -> int:
            further = sum(column.width + 2 for column in [*scalars, *end])
            needed = sum(column.width + 2 for column in [*begin, *flags, time])
            return needed + max(further, reason) - 2 - width

        while excess() > 0:
            shrinkable = [c for c in [*flags, *scalars] if c.width > max(c.least, _NARROWEST)]
            if len(scalars) > 1:
                scalars.pop()
            elif shrinkable:
                max(shrinkable, key=lambda column: column.width).width -= 1
            elif len(begin) > 1:
                begin.pop()
            elif flags:
                flags.pop()
            else:
                break
        wanted = [*zip(flags, self._widths.values())]
        while excess() < 0 and (narrow := [c for c, width in wanted if c.width < width]):
            min(narrow, key=lambda column: column.width).width += 1  # what the run has left free
        return [*begin, *flags, time], [*scalars, *end]

    def _flag_column(self, name: str, width: int) -> _Column:
        least, prefix = self._number_widths.get(name, 0), self._prefixes.get(name, "")
        return _Column(printable(name), width, lambda t: self._text(name, t), least, prefix)

    def _scalar_column(self, name: str) -> _Column:
        def text(trial: Trial) -> str:
            return number(trial.scalars[name]) if name in trial.scalars else ""

        title, least = printable(name), self._scalar_widths[name]
        return _Column(title, max(width_of(title), least), text, least)

    def _left_text(self, _trial: Trial) -> str:
        left = self.seconds_left()
        return short_time(left) if left else ""

    def _best_text(self, trial: Trial | None = None) -> str:
        if not (self.best and self.objective):
            return ""
        text = number(self.best.scalars[self.objective.name])
        return f"{text} *" if trial is self.best else text

    def sentence(self, trial: Trial) -> str:
        """The same as a row by itself, for who sees no table."""
        names = chosen_scalars(trial.scalars, self.objective, self._preferred)
        preposition = "in" if trial.status == "completed" else "after"
        ended = f"{trial.status} {preposition} {short_time(trial.seconds)}"
        parts = [self.begun(trial), ended]
        parts += [f"{name} {number(trial.scalars[name])}" for name in names]
        parts += [trial.reason] if trial.reason else []
        parts += self.prospect()
        return " · ".join(parts)

    def begun(self, trial: Trial) -> str:
        """Which trial it is: ``trial 2/8 · lr=0.1 depth=4``."""
        assigned = " ".join(
            f"{name}={cut(self._text(name, trial), 20, self._prefixes.get(name, ''))}"
            for name in self._widths
        )
        position = f"trial {trial.number}/{self.total}" if trial.number else "an earlier trial"
        return f"{position} · {assigned}" if assigned else position

    def running(self, trials: Sequence[Trial]) -> str:
        """Which run: ``trial 2/8 · lr=0.1 depth=4``, ``trials 2, 3/8``."""
        if len(trials) == 1:
            return self.begun(trials[0])
        return f"trials {', '.join(str(trial.number) for trial in trials)}/{self.total}"

    def prospect(self, elapsed: float = 0.0) -> list[str]:
        """The best so far, and the time left where a trial runs for ``elapsed`` seconds."""
        left = self.seconds_left()
        parts = [f"best {self._best_text()}"] if self.best else []
        return [*parts, f"{short_time(max(left - elapsed, 0.0))} left"] if left else parts

    def ended(self, seconds: float, pending: int = 0) -> list[str]:
        """How the sweep ended: how many trials did, and which is the best. ``pending`` trials have
        runs that were not started."""
        return [self._counts_line(seconds, pending), self._best_line()]

    def _counts_line(self, seconds: float, pending: int) -> str:
        statuses = ("completed", "failed", "stopped")
        counts = ", ".join(part for status in statuses for part in self._count(status))
        line = f"{self._count_of_all()} in {short_time(seconds)}: {counts}"
        return f"{line} · {pending} not started: guild runs --pending" if pending else line

    def _count_of_all(self) -> str:
        count, total = self._ended(), trials_text(self.total)
        return f"{count} of {total}" if count < self.total else total

    def _count(self, status: str) -> list[str]:
        runs = self._runs.get(status)
        if not runs:
            return []
        if status != "failed":
            return [f"{len(runs)} {status}"]
        named = " ".join(runs[:3]) + (" …" if len(runs) > 3 else "")
        return [f"{len(runs)} failed ({named}: guild cat --output {runs[0]})"]

    def _best_line(self) -> str:
        if self.best and self.objective:
            scalar = f"{self.objective.name} {number(self.best.scalars[self.objective.name])}"
            which = ("smallest", "largest")[self.objective.is_largest]
            command = ("guild runs info", "guild-notebook open")[self.best.has_report]
            return f"best: {self.begun(self.best)} · {scalar} ({which}) · {command} {self.best.run}"
        names = list(self._scalar_widths)
        if "completed" not in self._runs:
            return "best: none, no trial completed"
        if not names:
            return "best: none, the trials have no scalars"
        if self.objective:
            return f"best: none, no trial has a value of {self.objective.name}"
        return f"best: not known - say --minimize or --maximize with one of {', '.join(names[:5])}"


def _digits(values: Sequence[Any]) -> int:
    """The significant digits with which different numbers look different."""
    for digits in range(5, 17):
        if len({number(value, digits) for value in values}) == len(set(map(str, values))):
            return digits
    return 17


def _flag_text(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return number(value, digits)
    return printable(value_within(value, _MOST_CHARACTERS)[:_MOST_CHARACTERS])


def trials_text(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def _line(cells: Iterable[str]) -> str:
    return "  ".join(cells).rstrip()
