"""Where the trials of a sweep begin to differ: how many of a notebook's first cells do the same in
each of them, and may be executed once for all."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ..document.cells import Cell
from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import MOST_NAMED, Discovered
from .effects import ANY, WRITES, Effects
from .reach import Does, Flow
from .statements import Statement, statements

_OWN = re.compile(
    r"tempfile\.\w+|uuid\.uuid\d|secrets\.\w+|psutil\.Process|os\.(?:getpid|getppid|urandom|getcwdb?)"
    r"|os\.path\.(?:abspath|realpath)|.*\.(?:cwd|resolve|absolute)"
)
"""What each run has for itself: names that nobody else has, processes, folders."""

_CLOCK = re.compile(
    r"time\.(?:time|perf_counter|monotonic|process_time|thread_time)(?:_ns)?|time\.(?:strftime|ctime)"
    r"|time\.(?:local|gm|asc)time|timeit\.default_timer"
    r"|(?:datetime\.)?(?:datetime|date)\.(?:now|today|utcnow)|pandas\.Timestamp\.(?:now|today)"
)
"""The time. What a function asks of it itself is not counted: most show how long they took."""

_WRITING = re.compile(
    r"os\.(?:makedirs|mkdir|rename|replace|remove|unlink|symlink|link)|shutil\.(?!which|disk)\w+"
    r"|numpy\.save\w*|pickle\.dump|joblib\.dump|torch\.save|urllib\.request\.urlretrieve"
    r"|(?:wget|gdown)\.download|.*\.(?:extractall|savefig|write_text|write_bytes|mkdir|touch)"
    r"|.*\.to_(?:csv|parquet|pickle|excel|hdf|feather)|cv2\.imwrite|.*\.imsave"
)
"""What writes files, mostly into the folder of the run."""

_STARTING = re.compile(
    r"threading\.(?:Thread|Timer)|multiprocessing\.(?!cpu_count)\w+(?:\.\w+)*|os\.fork\w*"
    r"|subprocess\.(?:run|call|check_call|check_output|getoutput|getstatusoutput|Popen)"
    r"|os\.(?:system|popen|spawn\w*|posix_spawn\w*)|(?:ray|h2o|wandb)\.init|dask\.distributed\.Client"
    r"|.*\.getOrCreate"
)
"""What starts threads or other processes."""

_IS_OWN = "has for itself"
_KINDS = {
    "write files": _WRITING,
    "change the working directory": re.compile(r"os\.f?chdir"),
    "start threads or processes": _STARTING,
    _IS_OWN: _OWN,
}
"""Kinds of calls. No cell with one of those before the last is shared."""


_statements = lru_cache(2_500)(statements)  # asked of each flag alone


@dataclass(frozen=True)
class ForkPoint:
    """The first ``cells`` of those that run are shared. ``index`` is that of the first one that is
    not, None where all are, and ``why`` says why it is not: a clause that begins with "it", ""
    where all are.

    ``settings`` are names that shared cells set to values that differ, by the index of the cell. No
    other statement of a shared cell reads or changes them, and the assignments to them need nothing
    else: when a trial has executed those of its own notebook after all shared cells, in order, it
    is where a fresh run is.

    ``flags`` are those that the first cell depends on which is neither shared nor such a one; where
    ``depends``, that is why it is not. Where the first cell that is not shared only ``sets`` names
    to such values, ``why`` is that of the one after."""

    cells: int
    index: int | None
    why: str
    settings: Mapping[int, frozenset[str]] = field(default_factory=dict)
    flags: frozenset[str] = field(default=frozenset(), compare=False)
    depends: bool = field(default=False, compare=False)
    sets: frozenset[str] = field(default=frozenset(), compare=False)


def fork_point(
    notebook: Notebook,
    found: Discovered,
    varying: Collection[str],
    indexes: Sequence[int],
    with_settings: bool = True,
) -> ForkPoint:
    """Where trials differ whose flags ``varying`` have different values.

    ``found`` are the flags of ``notebook``, ``indexes`` the cells that run, in order. Names that
    are not flags of the notebook are in the environment of a trial alone. Cells up to the first one
    that may depend on any of these are shared: what cannot be read may. So are, ``with_settings``,
    those that set a flag which no cell before the fork reads: for flags whose values are all
    constants (``is_constant``).
    """
    if (language := languages.name_of(notebook)) != "python":
        return ForkPoint(0, next(iter(indexes), None), f"it is {language}, which is not read")
    read = [_statements(notebook.cells[index].source) for index in indexes]
    sites: dict[int, list[tuple[int, str]]] = {}
    for name in found.flags.keys() & set(varying):
        for site in found.flags[name].sites:
            sites.setdefault(site.cell, []).append((site.start, name))
    shared = _Shared(frozenset(varying), read, with_settings)
    for number, index in enumerate(indexes):
        if why := shared.why_not(number, notebook.cells[index], sites.get(index, ())):
            return shared.point(indexes, number, why)
    return ForkPoint(len(indexes), None, "", shared.settings)


def second_point(
    notebook: Notebook,
    found: Discovered,
    trials: int,
    counts: Mapping[str, int],
    indexes: Sequence[int],
    with_settings: bool,
    first: ForkPoint,
) -> tuple[ForkPoint, frozenset[str]] | None:
    """A point after the ``first`` up to which trials do the same that have the same values of some
    flags, which are told as well; None where each of them has few trials, or there is none.
    ``trials`` is how many there are, ``counts`` has how many values each varying flag has."""
    same, point = frozenset[str](), first
    best, most = None, 0
    while point.flags and not counts.keys() <= (same := same | point.flags):
        each = math.prod(counts.get(name, trials) for name in same)
        if each * 2 > trials:
            break
        point = fork_point(notebook, found, counts.keys() - same, indexes, with_settings)
        saved = (trials - each) * (point.cells - first.cells)
        if saved > most:
            best, most = (point, same), saved
    return best


def is_constant(text: str) -> bool:
    """Whether the source text of a value means the same wherever it is executed."""
    found = statements(f"value = {text}")
    return len(found) == 1 and found[0].sets_from == frozenset()


class _Span(NamedTuple):
    """The cell ``start`` gives ``name`` what each run has for itself, by ``call``, and that of
    ``end`` reads it."""

    start: int
    end: int
    name: str
    call: str


class _Shared:
    """Goes through the cells that run, each of which is given by its number among these, until one
    is not shared."""

    def __init__(
        self, flags: frozenset[str], read: Sequence[Sequence[Statement]], with_settings: bool
    ) -> None:
        self.settings: dict[int, frozenset[str]] = {}
        self._flags: frozenset[str] = frozenset()  # on which the cell depends that is not shared
        self._read = read
        self._with_settings = with_settings
        self._flow = Flow(flags, [each for cell in read for each in cell], has_results=True)
        self._only_set: set[int] = set()
        self._differing: set[str] = set()
        self._constant: set[str] = set()  # names that have the same value wherever they are read
        self._used: set[str] = set()  # those of them that a value that differs is made of
        self._kinds: dict[str, tuple[str, str]] = {}  # of calls, with the full name of one
        self._own: dict[str, tuple[int, str]] = {}
        self._spans: list[_Span] = []

    def why_not(self, number: int, cell: Cell, sites: Iterable[tuple[int, str]]) -> str:
        """Why a cell is not shared, "" where it is."""
        flags = self._flow.cell(cell, self._read[number], sites)
        if self._flow.why:
            return self._flow.why
        if flags and not self._with_settings:
            return self._dependence(flags)
        set_here: set[str] = set()
        bound_here: set[str] = set()
        for statement, does in zip(self._read[number], self._flow.done):
            if does.flags:
                of = statement.sets_from
                known = self._differing, self._constant
                is_set = of is not None and all(any(n in each for each in known) for n in of)
                if not is_set or not bound_here.isdisjoint(statement.effects.binds):
                    return self._dependence(does.flags)
                set_here |= statement.effects.binds
                self._differing |= set_here
                self._used |= self._constant.intersection(of or ())
            elif why := self._why_not(does, statement.effects.binds):
                return why
            else:
                bound_here |= statement.effects.binds
            self._take_constants(statement, does)
            self._follow(number, statement, does)
        if flags and not set_here:  # a flag in a comment
            return self._dependence(flags)
        if set_here:
            self.settings[cell.index] = frozenset(set_here)
            if all(statement.sets_from is not None for statement in self._read[number]):
                self._only_set.add(number)
        return ""

    def _dependence(self, flags: Iterable[str]) -> str:
        self._flags = frozenset(flags)
        return f"it depends on {_listed(flags)}"

    def _take_constants(self, statement: Statement, does: Does) -> None:
        binds, of = statement.effects.binds, statement.sets_from
        self._constant -= binds | does.changes
        if of is not None and of <= self._constant and not statement.makes and not does.flags:
            self._constant |= binds

    def _why_not(self, does: Does, binds: set[str]) -> str:
        """The same of a statement that no flag reaches."""
        if set_again := (self._differing | self._used) & (binds | does.changes):
            return f"it sets {_listed(set_again)} again"
        if named := self._differing & does.texts:
            return f"it may read {_listed(named)}, which it has in a text"
        if does.starts:
            return f"it runs {does.starts}"
        if WRITES in does.calls:
            return "it may write files (open)"
        refused = [call for call in does.calls if self._kind(call)[0] not in ("", _IS_OWN)]
        if refused:
            kind, full = self._kind(min(refused))
            return f"it may {kind} ({full.removeprefix(f'{ANY}.')})"
        return ""

    def _kind(self, call: str) -> tuple[str, str]:
        if call not in self._kinds:
            names = [*self._flow.full_names(call)]
            found = ((k, n) for n in names for k, calls in _KINDS.items() if calls.fullmatch(n))
            self._kinds[call] = next(found, ("", ""))
        return self._kinds[call]

    def _follow(self, number: int, statement: Statement, does: Does) -> None:
        """Notes which names have what each run has for itself, and where they are read."""
        effects = statement.effects
        reads = self._own.keys() & does.reads
        self._note(number, reads)
        # Those in functions are read when one is called, wherever that is.
        self._note(len(self._read) - 1, _read_in(effects.functions))
        calls = [call for call in does.calls if self._kind(call)[0] == _IS_OWN]
        if statement.is_certain:  # a loop shows how long each pass took
            calls += [call for call in effects.calls if self._is_clock(call)]
        calls += [self._own[name][1] for name in reads]
        if calls:
            self._own.update(dict.fromkeys(effects.binds | effects.changes, (number, min(calls))))
            # What is kept in a module is read by whoever imports it.
            self._note(len(self._read) - 1, effects.changes.intersection(self._flow.imported))
        else:
            self._bind(statement)

    def _bind(self, statement: Statement) -> None:
        """What it binds has no longer what each run has for itself."""
        for name in statement.effects.binds if statement.is_certain else ():
            self._own.pop(name, None)

    def _is_clock(self, call: str) -> bool:
        return any(map(_CLOCK.fullmatch, self._flow.full_names(call)))

    def _note(self, number: int, names: Collection[str]) -> None:
        """That a cell reads ``names``."""
        for name in self._own.keys() & names:
            start, call = self._own[name]
            if start < number:
                self._spans.append(_Span(start, number, name, call))

    def point(self, indexes: Sequence[int], number: int, why: str) -> ForkPoint:
        """The last point up to ``number`` after which nothing is read that is of the shared cells'
        own run: their time, or a folder that other runs would write to as well."""
        for later in range(number, len(self._read)):
            for statement in self._read[later]:
                effects = statement.effects
                self._note(later, effects.reads | _read_in(effects.functions))
                self._bind(statement)
        steps = [0] * (len(self._read) + 2)
        for span in self._spans:
            steps[span.start + 1] += 1
            steps[span.end + 1] -= 1
        within = list(accumulate(steps))
        first, depends = number, bool(self._flags)
        while within[first]:
            first -= 1
        if first < number:
            depends = False
            span = min(span for span in self._spans if span.start == first)
            call = span.call.removeprefix(f"{ANY}.")
            why = f"it sets {span.name} to what each run has for itself ({call})"
        does, sets = why.removeprefix("it "), frozenset[str]()
        while first - 1 in self._only_set:  # of which nothing would be shared
            first -= 1
            sets = self.settings[indexes[first]]
            why = f"it sets {_listed(sets)}, and what follows {does}"
        shared = set(indexes[:first])
        settings = {index: names for index, names in self.settings.items() if index in shared}
        return ForkPoint(first, indexes[first], why, settings, self._flags, depends, sets)


def _read_in(functions: Iterable[Effects]) -> set[str]:
    """The names that functions read, and those within them."""
    return set().union(*(each.reads | _read_in(each.functions) for each in functions))


def _listed(names: Iterable[str]) -> str:
    each = sorted(names)
    if len(each) > MOST_NAMED + 1:
        each = [*each[:MOST_NAMED], f"{len(each) - MOST_NAMED} more"]
    return " and ".join(filter(None, [", ".join(each[:-1]), each[-1]]))
