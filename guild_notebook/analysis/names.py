"""Names that a cell uses before any cell has bound them, and what a run imports: the events of a
notebook in the order in which a run executes them, functions where they are called."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..document.reader import Notebook
from . import events
from .blocks import Block
from .events import SURE, UNSURE, Event, Function
from .findings import ERROR, NOTE, WARNING, Finding

MOST_STEPS = 200_000
"""Events that are looked at within functions: calls beyond are not followed."""

_DEEPEST = 20
"""Functions that call each other are followed so far."""

_OF_IPYTHON = re.compile(r"_{1,3}|_i{1,3}|_[iod]?h|_i?\d+|__\w+__|_exit_code")
_KNOWN = frozenset(
    {*dir(builtins), "get_ipython", "display", "exit", "quit", "open", "In", "Out", "copyright"}
    | {"credits", "license", "ExceptionGroup", "BaseExceptionGroup", "aiter", "anext"}
    | {"EncodingWarning", "PythonFinalizationError", "input", "reveal_type"}
)
_USUAL = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "sns": "import seaborn as sns",
    "tf": "import tensorflow as tf",
    **{each: f"import {each}" for each in ("os", "sys", "re", "json", "time", "math", "random")},
}


class Called(NamedTuple):
    """A call of the code that a run executes. ``name`` is as the code has it, ``full`` as the
    modules name it that are imported, "" where it is bound in another way. It is made by the
    ``block``, at its node ``at``, and within the function ``within`` of the notebook, if that is
    called there. ``is_sure``: whatever happens."""

    name: str
    full: str
    node: ast.AST | None
    block: Block
    at: ast.AST | None
    within: str
    is_sure: bool


@dataclass
class Names:
    """What is known of the names of a notebook: ``findings``, and ``imports`` that are executed and
    ``calls`` in their order. ``unknown`` is from which cell on there may be names that no cell
    binds, and why."""

    findings: list[Finding] = field(default_factory=list)
    imports: list[Event] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)
    unknown: tuple[int, str] | None = None


def names(notebook: Notebook, blocks: Sequence[Block], startup: str) -> Names:
    """Goes through the blocks of a notebook, with their events. ``startup`` is code that the kernel
    executes before."""
    return _Execution(notebook, startup, blocks).names


class _Execution:
    """Goes through a notebook as a run does, and gathers the ``names``."""

    def __init__(self, notebook: Notebook, startup: str, blocks: Sequence[Block]) -> None:
        self.names = Names()
        self._notebook = notebook
        self._bound: set[str] = set(re.findall(r"[^\W\d]\w*", startup))
        self._deleted: dict[str, int] = {}
        self._values: dict[str, Function | str | None] = {}
        self._steps = 0
        self._does: dict[int, Callable[[Event, int], None]] = {
            events.READ: self._read,
            events.BIND: self._bind,
            events.DELETE: self._delete,
            events.IMPORT: self._import,
            events.CALL: self._call,
            events.UNKNOWN: self._forget,
            events.END: self._end,
        }
        self._has_ended = False
        self._calls: list[Function] = []
        self._binders: dict[str, list[int]] = {}
        self._bound_elsewhere: set[str] = set()  # in functions, or by magics
        for event in (event for block in blocks for event in block.events):
            if event.kind == events.BIND and event.node:
                self._binders.setdefault(event.name, []).append(event.block.cell)
            elif event.kind == events.BIND:
                self._bound_elsewhere.add(event.name)
        for block in blocks:
            self._cell = block.cell
            self._execute(block.events, UNSURE if block.may_raise else SURE)

    def _execute(self, each: Iterable[Event], most: int) -> None:
        """Takes events that have at ``most`` this level. Of a function that may not be called at
        all only the calls count."""
        for event in each:
            if not self._has_ended and (most or event.kind == events.CALL or not self._calls):
                self._does[event.kind](event, min(event.level, most))

    def _read(self, event: Event, level: int) -> None:
        if level and not self._is_bound(event.name):
            self._add(event, level)

    def _import(self, event: Event, level: int) -> None:
        if level > UNSURE:
            self.names.imports.append(event)

    def _forget(self, event: Event, _level: int) -> None:
        self.names.unknown = self.names.unknown or (self._cell, event.name)

    def _end(self, _event: Event, level: int) -> None:
        self._has_ended = level == SURE

    def _is_bound(self, name: str) -> bool:
        if name == "__file__":
            return name in self._bound
        return (
            name in self._bound
            or self.names.unknown is not None
            or name in _KNOWN
            or bool(_OF_IPYTHON.fullmatch(name))
        )

    def _bind(self, event: Event, level: int) -> None:
        self._bound.add(event.name)
        self._deleted.pop(event.name, None)
        is_known = level == SURE or isinstance(event.value, str)
        self._values[event.name] = event.value if is_known else None

    def _delete(self, event: Event, level: int) -> None:
        if level and not self._is_bound(event.name):
            self._add(event, level)
        elif level == SURE and not self._calls and event.name not in self._bound_elsewhere:
            self._bound.discard(event.name)
            self._values.pop(event.name, None)
            self._deleted[event.name] = self._cell

    def _call(self, event: Event, level: int) -> None:
        if not self._calls:
            self._caller = event
        root, dot, rest = event.name.partition(".")
        value = event.value or self._values.get(root)
        if isinstance(value, Function) and not rest:
            if value in self._calls or len(self._calls) >= _DEEPEST or self._steps > MOST_STEPS:
                return
            self._steps += len(value.events)
            self._calls.append(value)
            self._execute(value.events, level)
            self._calls.pop()
            return
        full = value + dot + rest if isinstance(value, str) else ""
        full = full or (event.name if root not in self._bound else "")
        caller = self._caller
        made_at = caller.block, caller.node, caller.name if self._calls else ""
        self.names.calls.append(Called(event.name, full, event.node, *made_at, level == SURE))

    def _add(self, event: Event, level: int) -> None:
        """Says of a name that it is not bound, once."""
        name = event.name
        self._bound.add(name)
        within = ""
        if self._calls:
            called = self._calls[-1].name
            within = f" in {called}(), which is called here," if called else " in a function here"
            event = self._caller
        rule, why = self._why(name, self._cell)
        text = f"'{name}' is used{within} {why}"
        found_level = ERROR if level == SURE else WARNING
        self.names.findings.append(event.block.finding(event.node, rule, found_level, text))

    def _why(self, name: str, cell: int) -> tuple[str, str]:
        """The rule that a cell breaks with ``name``, and how."""
        labels, undefined = self._notebook.labels, "undefined-name"
        if name == "__file__":
            return undefined, "and a notebook has none - take os.getcwd(), or a path as a flag"
        if name in self._deleted:
            deleted = labels[self._deleted[name]]
            return undefined, f"after {deleted} has deleted it - bind it again before"
        later = next((each for each in self._binders.get(name, ()) if each >= cell), None)
        if later == cell:
            return undefined, "before its own cell binds it - bind it before"
        if later is None:
            usual = _USUAL.get(name)
            advice = f"add {usual}" if usual else "bind or import it before"
            return undefined, f"and no cell binds it - {advice}"
        counts = self._notebook.cells[later].number, self._notebook.cells[cell].number
        if counts[0] and counts[1] and counts[0] < counts[1]:
            said = f"before {labels[later]} binds it, which its author ran first"
            return "run-out-of-order", f"{said} - move that cell up"
        return undefined, f"before {labels[later]} binds it - move that cell up"


def findings(found: Names) -> Iterator[Finding]:
    """What there is to say of names: what is used before it is bound, and from where on that is not
    known."""
    yield from found.findings
    if found.unknown:
        cell, why = found.unknown
        text = f"names are not checked from here on, since {why} may bind any"
        yield Finding(cell, 1, 1, "not-read", NOTE, text)
