"""Which cells of a notebook a flag reaches: by the names that they read, and what these were made
of.

What cannot be seen is taken to be so. A call may change all that it is given, and what modules and
other programs keep for themselves (random states, settings, files), on which later calls depend.
Functions of which that is known not to be so are in PURE.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..document.cells import Cell
from ..document.reader import Notebook
from ..flags import languages
from ..flags.discover import Discovered
from ..flags.sources.assignments import INJECTED_TAG, PARAMETERS_TAG
from .effects import ALL, BARE, SHELL, Effects, variable
from .statements import Statement, statements

PURE = re.compile(
    r"(?:math|cmath|operator|itertools|functools|collections|string|fractions|decimal|typing|enum"
    r"|dataclasses|numbers|copy|textwrap|html|statistics)\.[\w.]+"
    r"|re\.\w+|json\.(?:dumps|loads)|pathlib\.(?:Pure)?(?:Posix|Windows)?Path"
    r"|datetime\.(?:date|datetime|time|timedelta|timezone)"
    r"|os\.path\.(?:join|basename|dirname|splitext|split|normpath)"
    r"|numpy\.(?!random\b|set|load|save|from|genfromtxt|memmap|errstate|printoptions|test\b)[\w.]+"
    r"|pandas\.(?:DataFrame|Series|Index|MultiIndex|Categorical|Timestamp|Timedelta|concat|merge"
    r"|to_datetime|to_numeric|to_timedelta|date_range|cut|qcut|isna|notna|crosstab|melt|pivot_table"
    r"|get_dummies)"
)
"""Functions of modules, by their full names, whose results depend on their arguments alone, and
which change nothing."""

_BUILTINS = re.compile(
    "abs|all|any|ascii|bin|bool|bytearray|bytes|callable|chr|classmethod|complex|dict|dir|display"
    "|divmod|enumerate|filter|float|format|frozenset|getattr|hasattr|hash|hex|id|int|isinstance"
    "|issubclass|len|list|map|max|min|object|oct|ord|pow|print|property|range|repr|reversed|round"
    r"|set|slice|sorted|staticmethod|str|sum|super|tuple|type|vars|zip|[A-Z]\w*(?:Error|Exception)"
)
"""Functions of Python, and IPython's ``display``, that change nothing which a cell could see."""

MOST_STEPS = 50_000
"""Functions that are looked at in all: cells beyond are not known."""

_EARLIER = re.compile(r"_+|_i+|_[io]?h|_i?\d+")
"""Names by which IPython has results and code of earlier cells."""

_EARLIER_CODE = re.compile(r"_i+|_ih|_i\d+")
"""Those of their code alone."""

_UNNAMED = re.compile("[^A-Z0-9_]")
"""What the variable of a flag in the environment does not have of the flag's name."""

_NOTHING: frozenset[str] = frozenset()
_NOBODY: frozenset[int] = frozenset()
_STATE = ""
"""Stands among names for what modules and other programs keep for themselves."""


def reached(
    notebook: Notebook, flags: Discovered, others: Iterable[str] = ()
) -> dict[int, frozenset[str] | None]:
    """By the index of each code cell the names of the flags that may reach it, None where that is
    not known: in other languages than Python, and from the first cell on that cannot be read.
    ``others`` are flags that a run has beside those of its notebook, in its environment alone."""
    sites: dict[int, list[tuple[int, str]]] = {}
    for name, flag in flags.flags.items():
        for site in flag.sites:
            sites.setdefault(site.cell, []).append((site.start, name))
    return _reached(notebook, sites, frozenset({*flags.flags, *others}))


def dependencies(notebook: Notebook, indexes: Iterable[int]) -> dict[int, frozenset[int] | None]:
    """By the index of each code cell those of the earlier cells with the ``indexes`` on which it
    may depend, None where that is not known, as of ``reached``."""
    sites = {index: [(-1, str(index))] for index in indexes}  # each is in all of its cell
    found = _reached(notebook, sites, frozenset(map(str, sites)))
    return {
        index: None if names is None else frozenset(map(int, names)) - {index}
        for index, names in found.items()
    }


def changing(cells: Iterable[Cell], expressions: Iterable[str]) -> dict[int, frozenset[str] | None]:
    """By the index of each code cell of Python those of the ``expressions`` whose values it may
    change, None where that is not known."""
    asked = {text: statements(text) for text in expressions}
    read = {cell.index: (cell, statements(cell.source)) for cell in cells if cell.is_code}
    each = [statement for _, found in read.values() for statement in found]
    flow = Flow(frozenset(map(str, read)), each)
    changed: dict[int, frozenset[str] | None] = {}
    for index, (cell, found) in read.items():
        is_known = flow.cell(cell, found, [(-1, str(index))]) is not None
        changed[index] = None
        if is_known:
            changed[index] = frozenset(
                text
                for text, parts in asked.items()
                if any(str(index) in flow.made_of(part.effects) for part in parts)
            )
    return changed


def _reached(
    notebook: Notebook, sites: Mapping[int, Iterable[tuple[int, str]]], names: frozenset[str]
) -> dict[int, frozenset[str] | None]:
    """By the index of each code cell those of the ``names`` that may reach it. ``sites`` are where
    they stand, by the index of the cell."""
    cells = [
        cell
        for cell in notebook.cells
        if cell.is_code and INJECTED_TAG not in cell.tags and "skip-execution" not in cell.tags
    ]
    if languages.name_of(notebook) != "python":
        return {cell.index: None for cell in cells}
    read = {cell.index: statements(cell.source) for cell in cells}
    flow = Flow(names, [each for found in read.values() for each in found])
    return {
        cell.index: flow.cell(cell, read[cell.index], sites.get(cell.index, ())) for cell in cells
    }


@dataclass(eq=False)
class _Group:
    """Names whose values may be parts of each other, and what has changed any of these."""

    flags: frozenset[str] = _NOTHING
    functions: frozenset[int] = frozenset()
    names: set[str] = field(default_factory=set)


@dataclass(eq=False)
class _Value:
    """What the value of a name was made of: flags, and the numbers of functions in it."""

    flags: frozenset[str]
    functions: frozenset[int]
    group: _Group


@dataclass
class Does(Effects):
    """What a statement does with the functions that it may call, which are ``called`` by their
    numbers; ``flags`` are those that reach it."""

    called: set[int] = field(default_factory=set)
    is_pure: bool = True
    flags: frozenset[str] = _NOTHING


class Flow:
    """Goes through the statements of a notebook in order. ``why`` is why a cell that it went
    through may do what its flags do not say, "" where none does: a clause. ``done`` is what the
    statements of the last cell did, as far as it went. With ``has_results`` what earlier cells have
    shown is not a reason: none of the flags reaches any of these cells."""

    def __init__(
        self, all_flags: frozenset[str], read: Iterable[Statement], has_results: bool = False
    ) -> None:
        self._all_flags = all_flags
        self._unknown_names = _EARLIER_CODE if has_results else _EARLIER
        self._values: dict[str, _Value] = {}
        self._functions: list[Effects] = []
        self._steps = 0
        self._is_known = True
        self.why = ""
        self.done: list[Does] = []
        self._imports: dict[str, set[str]] = {}
        defined: set[str] = set()
        assigned: set[str] = set()
        for statement in read:
            effects = statement.effects
            named = defined if statement.only_defines else assigned
            named |= effects.binds - effects.imports.keys()
            assigned.update(*(function.changes for function in effects.functions))
            for name, module in effects.imports.items():
                self._imports.setdefault(name, set()).add(module)
        self._bound = defined | assigned
        self._defined = defined - assigned - self._imports.keys()
        for name in all_flags:
            made = _UNNAMED.sub("_", name.upper())
            for known in (f"FLAG_{made}", made, name):
                group = _Group(names={variable(known)})
                self._values[variable(known)] = _Value(frozenset({name}), _NOBODY, group)

    def cell(
        self, cell: Cell, read: Iterable[Statement], sites: Iterable[tuple[int, str]]
    ) -> frozenset[str] | None:
        """The flags that reach a cell; ``sites`` are where the values of flags stand in it."""
        is_certain = not set(cell.tags) - {PARAMETERS_TAG}
        found = frozenset(name for _, name in sites)
        inside: set[tuple[int, str]] = set()
        each = list(read)
        self.done = []
        for statement in each:
            inside |= {site for site in sites if statement.start <= site[0] < statement.end}
        everywhere = frozenset(name for start, name in sites if (start, name) not in inside)
        for statement in each:
            own = {name for start, name in inside if statement.start <= start < statement.end}
            if unreadable := self._unreadable(statement.effects):
                self._is_known = False
                self.why = self.why or f"it cannot be read ({unreadable})"
            if self._is_known:
                found |= self._execute(statement, everywhere | own, is_certain)
            if not self._is_known:
                return None
        return found if self._is_known else None

    def made_of(self, effects: Effects) -> frozenset[str]:
        """The flags that reach an expression which is evaluated now, and changes nothing."""
        does = self._does(effects, ())
        if self._unreadable(effects) or does.uses_variables:
            return self._all_flags
        found = _NOTHING
        for name in does.reads if does.is_pure else (*does.reads, _STATE):
            if value := self._values.get(name):
                found |= value.flags | value.group.flags
        return found

    def _unreadable(self, effects: Effects) -> str:
        earlier = set(filter(self._unknown_names.fullmatch, effects.reads)) - self._bound
        return effects.unreadable or (f"it uses {min(earlier)}" if earlier else "")

    def _execute(
        self, statement: Statement, flags: frozenset[str], is_certain: bool
    ) -> frozenset[str]:
        """The flags that reach a statement, of which ``flags`` stand in it."""
        effects = statement.effects
        own = tuple(self._numbered(effects.functions))
        does = self._does(effects, own if not statement.only_defines else ())
        self.done.append(does)
        is_pure = does.is_pure and does.changes.isdisjoint(self._imports)
        for name in does.reads if is_pure else (*does.reads, _STATE):
            if value := self._values.get(name):
                flags |= value.flags | value.group.flags
        if does.uses_variables:
            flags = self._all_flags
            self.why = self.why or "it may read the run's variables"
        does.flags = flags
        functions = frozenset({*does.called, *own})
        # What a call is given it may change, or keep in something else that it is given.
        given = {name for name in does.reads if self._is_variable(name)}
        changed = does.changes if is_pure else does.changes | given | {_STATE}
        for name in changed:
            group = self._value(name).group
            group.flags |= flags
            group.functions |= functions
        for name in effects.binds:
            self._bind(name, flags, functions, is_certain and statement.is_certain)
        variables = {name for name in effects.binds if self._is_variable(name)}
        self._join((given | variables | does.changes) if variables or changed else ())
        return flags

    def _is_variable(self, name: str) -> bool:
        return name not in self._imports and name not in self._defined and name in self._values

    def _numbered(self, functions: Iterable[Effects]) -> Iterator[int]:
        """The numbers of functions, and of those within them."""
        for function in functions:
            self._functions.append(function)
            yield len(self._functions) - 1
            yield from self._numbered(function.functions)

    def _does(self, effects: Effects, own: Iterable[int]) -> Does:
        does = Does(is_pure=self._are_pure(effects.calls))
        does.add(effects)
        if BARE in effects.calls and BARE[1:] not in self._bound:
            does.uses_variables = True
        left = {*own, *self._carried(does.reads)}
        while left and self._is_known:
            if not does.is_pure:
                left |= self._carried([_STATE]) - does.called
            number = left.pop()
            does.called.add(number)
            function = self._functions[number]
            does.add(function)
            does.is_pure = does.is_pure and self._are_pure(function.calls)
            left |= self._carried(function.reads) - does.called
            self._steps += 1
            if self._steps > MOST_STEPS:
                self._is_known = False
                self.why = self.why or "it cannot be read (too many functions call each other)"
        return does

    def _carried(self, names: Iterable[str]) -> set[int]:
        values = [value for name in names if (value := self._values.get(name))]
        return set().union(*(value.functions | value.group.functions for value in values))

    def _are_pure(self, calls: Iterable[str]) -> bool:
        return all(map(self._is_pure, calls))

    @property
    def imported(self) -> Collection[str]:
        """The names that are imported."""
        return self._imports.keys()

    def full_names(self, call: str) -> Iterator[str]:
        """What a call may be, as the modules name it whose names have been imported."""
        root, dot, rest = call.partition(".")
        yield from (module + dot + rest for module in self._imports.get(root, (root,)))

    def _is_pure(self, call: str) -> bool:
        root, dot, rest = call.partition(".")
        if call == SHELL:
            return False
        if modules := self._imports.get(root):
            is_other = root in self._bound
            return not is_other and all(PURE.fullmatch(m + dot + rest) for m in modules)
        if call in self._defined:
            return True  # what it does is among its functions
        return (
            bool(_BUILTINS.fullmatch(call)) and call not in self._bound and ALL not in self._imports
        )

    def _value(self, name: str) -> _Value:
        if name not in self._values:
            self._values[name] = _Value(_NOTHING, frozenset(), _Group(names={name}))
        return self._values[name]

    def _bind(
        self, name: str, flags: frozenset[str], functions: frozenset[int], is_certain: bool
    ) -> None:
        value = self._value(name)
        if is_certain:
            value.group.names.discard(name)
            self._values[name] = _Value(flags, functions, _Group(names={name}))
        else:
            value.flags |= flags
            value.functions |= functions

    def _join(self, names: Iterable[str]) -> None:
        """The values of ``names`` may be parts of each other from here on."""
        groups = {id(group): group for name in names if (group := self._value(name).group)}
        if len(groups) < 2:
            return
        largest = max(groups.values(), key=lambda group: len(group.names))
        for group in groups.values():
            if group is not largest:
                largest.flags |= group.flags
                largest.functions |= group.functions
                largest.names |= group.names
                for name in group.names:
                    self._values[name].group = largest
