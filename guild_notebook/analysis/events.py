"""What the Python code of a cell does to names, in the order in which it is executed.

Only what is sure counts as executed: code in a branch, in a handler of exceptions or behind a
``return`` in a branch has the level UNSURE. What may bind a name counts as binding it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ..flags.languages.calls import dotted
from ..flags.languages.changes import type_parameters, variables
from . import hidden_names, magics
from .blocks import Block, imported
from .magics import Names

UNSURE, LIKELY, SURE = range(3)
"""Whether code is executed: LIKELY is that in a loop, which may have nothing to run over."""

READ, BIND, DELETE, IMPORT, CALL, UNKNOWN, END = range(7)
"""The kinds of events. UNKNOWN: names may be bound that the code does not name; END: it raises."""


@dataclass(eq=False)
class Function:
    """A function of the notebook, and what it does when it is called."""

    name: str
    block: Block
    node: ast.FunctionDef | ast.Lambda
    local: frozenset[str]

    @cached_property
    def events(self) -> list[Event]:
        own, of_notebook = variables(self.node)
        reader = _Reader(self.block, (self.local | own) - of_notebook)
        if isinstance(self.node, ast.Lambda):
            reader.expression(self.node.body, SURE)
        else:
            reader.block(self.node.body, SURE)
        return reader.events


class Event(NamedTuple):
    """What code of a ``block`` does. ``node`` is where it stands; of an IMPORT ``name`` is the
    module, of an UNKNOWN why, of a CALL the dotted name, which begins with a dot where its first
    part is not of the notebook. The ``value`` of a BIND or a CALL is the function, or the full name
    of what is imported, None where it is neither."""

    block: Block
    kind: int
    name: str
    level: int
    node: ast.AST | None = None
    value: Function | str | None = None


_ENDS = {"exit", "quit", "sys.exit", "os._exit"}
_SUPPRESSING = re.compile(r"suppress|raises|assert", re.I)
_BREAKS = 2
_LEAVES = {"Return": 1, "Break": _BREAKS, "Continue": _BREAKS}
"""Statements by which code leaves a function or a loop."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TRANSPARENT = {
    *("staticmethod", "classmethod", "lru_cache", "cache", "wraps", "jit", "njit", "no_grad"),
    *("inference_mode", "function", "timeit", "contextmanager", "override"),
}
"""Decorators by whose last names it is known that what they make calls the function."""

_CALLING = {"apply", "applymap", "transform", "sorted", "sort", "max", "min", "agg"}
"""Functions that call those that they are given at once, where ``map`` may do it later."""


def with_events(blocks: Iterable[Block]) -> list[Block]:
    """The blocks of a notebook, in order, with what each does."""
    read: list[Block] = []
    for block in blocks:
        if block.magic and (not read or read[-1].cell != block.cell):
            text = block.source.text.lstrip()
            line = text.partition("\n")[0]
            said = line.lstrip("%"), line if block.source.is_python else text
            block.events += _may_bind(block, magics.names_of_magic(*said))
        if block.source.is_python:
            _read(block)
        read.append(block)
    return read


def _read(block: Block) -> None:
    for _, line in block.lines:
        block.events += _may_bind(block, magics.names_of_line(line))
    reader = _Reader(block, frozenset())
    try:
        reader.block(block.nodes, SURE)
        block.events += reader.events
    except RecursionError:
        block.nodes = []
    if not block.nodes:
        block.events += _may_bind(block, magics.names_of_text(block.text))


def _may_bind(block: Block, found: Names) -> Iterator[Event]:
    yield from (Event(block, BIND, word, UNSURE) for word in found.words)
    if found.unknown:
        yield Event(block, UNKNOWN, found.unknown, UNSURE)


class _Reader:
    """Reads code of a block whose names ``local`` are not those of the notebook."""

    def __init__(self, block: Block, local: frozenset[str]) -> None:
        self.events: list[Event] = []
        self._block = block
        self._local = local
        self._hidden: frozenset[str] = frozenset()  # names of the class in which it is
        self._at: ast.AST | None = None

    def _add(
        self,
        kind: int,
        name: str,
        level: int,
        node: ast.AST | None = None,
        value: Function | str | None = None,
    ) -> None:
        self.events.append(Event(self._block, kind, name, level, self._at or node, value))

    def _may_bind(self, *found: Names) -> None:
        for names in found:
            self.events += _may_bind(self._block, names)

    def block(self, body: Iterable[ast.stmt], level: int) -> int:
        """Reads statements; returns whether they may leave the function or the loop."""
        leaves = 0
        for node in body:
            leaves |= self.statement(node, level)
            if leaves or isinstance(node, ast.Raise):
                level = UNSURE
        return leaves

    def statement(self, node: ast.stmt, level: int) -> int:
        read = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read:
            return read(node, level) or 0
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child, level)
        if isinstance(node, ast.Raise):
            self._add(END, "", level, node)
        return _LEAVES.get(type(node).__name__, 0)

    def _expr(self, node: ast.Expr, level: int) -> None:
        name = getattr(node.value, "id", "")
        if name in magics.BINDING_NO_OTHERS and not self._local:
            # where no variable has that name
            self._may_bind(magics.names_of_line("%" + name))
        else:
            self.expression(node.value, level)

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, level: int) -> None:
        self._called_later(node, level)
        for each in node.decorator_list:
            self.expression(each, level)
        self._bind(node.name, level, node, self._function(node))

    _asyncfunctiondef = _functiondef

    def _called_later(self, node: ast.AST, level: int) -> None:
        assert isinstance(node, (*_FUNCTIONS, ast.Lambda))
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default:
                self.expression(default, level)
        for part in ast.walk(node):
            if isinstance(part, ast.Global):
                self._may_bind(Names(frozenset(part.names)))
            elif isinstance(part, ast.Call) and dotted(part.func) == "exec":
                self._may_bind(Names(unknown="exec()"))

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> Function | None:
        """A function, None where a call of it does not execute its body, or not at once."""
        if isinstance(node, ast.AsyncFunctionDef):
            return None
        if isinstance(node, ast.FunctionDef):
            names = (dotted(getattr(each, "func", each)) for each in node.decorator_list)
            is_called = all(name.split(".")[-1] in _TRANSPARENT for name in names)
            if not is_called or _has_yield(node.body):
                return None
        return Function(getattr(node, "name", ""), self._block, node, self._local)

    def _classdef(self, node: ast.ClassDef, level: int) -> None:
        for each in node.decorator_list:
            self.expression(each, level)
        local, self._local = self._local, self._local | type_parameters(node)
        for each in (*node.bases, *(key.value for key in node.keywords)):
            self.expression(each, level)
        hidden, self._hidden = self._hidden, self._hidden | variables(node)[0]
        self.block(node.body, level)
        self._hidden, self._local = hidden, local
        self._bind(node.name, level, node)

    def _delete(self, node: ast.Delete, level: int) -> None:
        for target in node.targets:
            parts: list[ast.expr] = getattr(target, "elts", [target])
            for each in parts:
                if not isinstance(each, ast.Name):
                    self.expression(each, level)
                elif self._is_of_notebook(each.id):
                    self._add(DELETE, each.id, level, each)

    def _assign(self, node: ast.Assign, level: int) -> None:
        self.expression(node.value, level)
        value = self._function(node.value) if isinstance(node.value, ast.Lambda) else None
        for target in node.targets:
            self._target(target, level, value)

    def _annassign(self, node: ast.AnnAssign, level: int) -> None:
        if node.value:
            self.expression(node.value, level)
            self._target(node.target, level)

    def _augassign(self, node: ast.AugAssign, level: int) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target, level)
        else:
            self.expression(node.target, level)
        self.expression(node.value, level)
        self._target(node.target, level)

    def _target(self, node: ast.expr, level: int, value: Function | None = None) -> None:
        if isinstance(node, ast.Name):
            self._bind(node.id, level, node, value)
        elif isinstance(node, (ast.Tuple, ast.List)):
            for each in node.elts:
                self._target(each, level)
        elif isinstance(node, ast.Starred):
            self._target(node.value, level)
        else:
            self.expression(node, level)
            self._may_bind(hidden_names.of_target(node))

    def _for(self, node: ast.For | ast.AsyncFor, level: int) -> int:
        self.expression(node.iter, level)
        inner = _level_within(node.iter, level)
        self._target(node.target, inner)
        leaves = self.block(node.body, inner)
        return (leaves & ~_BREAKS) | self.block(node.orelse, level if not leaves else UNSURE)

    _asyncfor = _for

    def _while(self, node: ast.While, level: int) -> int:
        self.expression(node.test, level)
        leaves = self.block(node.body, level if _is_true(node.test) else UNSURE)
        return (leaves & ~_BREAKS) | self.block(node.orelse, UNSURE)

    def _if(self, node: ast.If, level: int) -> int:
        self.expression(node.test, level)
        start = len(self.events)
        leaves = self.block(node.body, level if _is_true(node.test) else UNSURE)
        if isinstance(node.test, ast.Constant) and not node.test.value:  # it is switched off
            self.events[start:] = [each for each in self.events[start:] if each.kind != CALL]
        return leaves | self.block(node.orelse, UNSURE)

    def _with(self, node: ast.With | ast.AsyncWith, level: int) -> int:
        inner = level
        for item in node.items:
            self.expression(item.context_expr, level)
            if item.optional_vars:
                self._target(item.optional_vars, level)
            if _SUPPRESSING.search(dotted(getattr(item.context_expr, "func", item.context_expr))):
                inner = UNSURE
        return self.block(node.body, inner)

    _asyncwith = _with

    def _try(self, node: ast.Try, level: int) -> int:
        leaves = self.block(node.body, UNSURE if node.handlers else level)
        for handler in node.handlers:
            if handler.type:
                self.expression(handler.type, UNSURE)
            if handler.name:
                self._bind(handler.name, UNSURE, handler)
            leaves |= self.block(handler.body, UNSURE)
        leaves |= self.block(node.orelse, UNSURE)
        return leaves | self.block(node.finalbody, level if not leaves else UNSURE)

    _trystar = _try

    def _assert(self, node: ast.Assert, level: int) -> None:
        self.expression(node.test, level)
        if node.msg:
            self.expression(node.msg, UNSURE)

    def _import(self, node: ast.Import | ast.ImportFrom, level: int) -> None:
        modules = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        for module in modules:
            if module != "__future__":
                self._add(IMPORT, module, level, node)
        self._may_bind(*hidden_names.of_import(node))
        for name, full in imported(node):
            if name != "*":
                self._bind(name, level, node, full)

    _importfrom = _import

    def _match(self, node: ast.AST, level: int) -> int:
        leaves = 0
        self.expression(node.subject, level)  # type: ignore[attr-defined]
        for case in node.cases:  # type: ignore[attr-defined]
            for part in ast.walk(case.pattern):
                for name in (getattr(part, "name", None), getattr(part, "rest", None)):
                    if isinstance(name, str):
                        self._bind(name, UNSURE, None)
                if isinstance(part, ast.expr):
                    self.expression(part, UNSURE)
            if case.guard:
                self.expression(case.guard, UNSURE)
            leaves |= self.block(case.body, UNSURE)
        return leaves

    def _typealias(self, node: ast.AST, level: int) -> None:
        self._target(node.name, level)  # type: ignore[attr-defined]

    def _bind(
        self, name: str, level: int, node: ast.AST | None, value: Function | str | None = None
    ) -> None:
        if self._is_of_notebook(name):
            self._add(BIND, name, level, node, value)

    def _is_of_notebook(self, name: str) -> bool:
        return name not in self._local and name not in self._hidden

    def _read(self, node: ast.Name, level: int) -> None:
        if self._is_of_notebook(node.id):
            self._add(READ, node.id, level, node)

    def expression(self, node: ast.AST, level: int) -> None:
        read = _EXPRESSIONS.get(type(node))
        if read:
            read(self, node, level)
        elif not isinstance(node, ast.Constant):
            for child in ast.iter_child_nodes(node):
                self.expression(child, level)

    def _name(self, node: ast.Name, level: int) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node, level)
            if node.id == "exec":
                self._may_bind(Names(unknown="exec()"))

    def _attribute(self, node: ast.Attribute, level: int) -> None:
        if not (hidden_names.is_ipython(node.value) and node.attr[:1] == "_"):
            self.expression(node.value, level)
        self._may_bind(hidden_names.of_part(node))

    def _subscript(self, node: ast.Subscript, level: int) -> None:
        self.expression(node.value, level)
        self.expression(node.slice, level)
        self._may_bind(hidden_names.of_part(node))

    def _named(self, node: ast.NamedExpr, level: int) -> None:
        self.expression(node.value, level)
        self._target(node.target, level)

    def _formatted(self, node: ast.JoinedStr, level: int) -> None:
        at = self._at
        if sys.version_info < (3, 12):  # its parts have no places of their own there
            self._at = at or node
        for part in node.values:
            self.expression(part, level)
        self._at = at

    def _branching(self, node: ast.BoolOp | ast.IfExp | ast.Compare, level: int) -> None:
        if isinstance(node, ast.IfExp):
            first, others = [node.test], [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            first, others = node.values[:1], node.values[1:]
        else:
            is_within = isinstance(node.ops[0], (ast.In, ast.NotIn))
            if is_within and hidden_names.is_namespace(node.comparators[0]):
                self._add(BIND, str(getattr(node.left, "value", "")), UNSURE)
                return
            first, others = [node.left, node.comparators[0]], node.comparators[1:]
        for each in first:
            self.expression(each, level)
        for each in others:
            self.expression(each, UNSURE)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, level: int
    ) -> None:
        local = self._local
        inner = level
        for generator in node.generators:
            self.expression(generator.iter, inner)
            inner = _level_within(generator.iter, inner)
            names = (each.id for each in ast.walk(generator.target) if isinstance(each, ast.Name))
            self._local |= frozenset(names)
            for each in generator.ifs:
                self.expression(each, inner)
                inner = UNSURE
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.expression(part, UNSURE if isinstance(node, ast.GeneratorExp) else inner)
        self._local = local

    def _call(self, node: ast.Call, level: int) -> None:
        name = dotted(node.func)
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        self._may_bind(*hidden_names.of_call(node))
        if hidden_names.is_all_in(node):
            return
        self.expression(node.func, level)
        for each in arguments:
            self.expression(each, level)
        if name in _ENDS:
            self._add(END, "", level, node)
        called = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if called in _CALLING:
            for each in arguments:
                if isinstance(each, ast.Lambda):
                    self._add(CALL, "", min(level, LIKELY), node, self._function(each))
                elif isinstance(each, ast.Name) and self._is_of_notebook(each.id):
                    self._add(CALL, each.id, min(level, LIKELY), node)
        root = name.partition(".")[0]
        name = name if self._is_of_notebook(root) else name[len(root) :]
        if name:
            self._add(CALL, name, level, node)


_EXPRESSIONS: dict[type[ast.AST], Callable[[_Reader, Any, int], None]] = {
    ast.Name: _Reader._name,
    ast.Attribute: _Reader._attribute,
    ast.Call: _Reader._call,
    ast.Lambda: _Reader._called_later,
    ast.NamedExpr: _Reader._named,
    ast.JoinedStr: _Reader._formatted,
    ast.Subscript: _Reader._subscript,
    **dict.fromkeys((ast.BoolOp, ast.IfExp, ast.Compare), _Reader._branching),
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp), _Reader._comprehension),
    ast.GeneratorExp: _Reader._comprehension,
}


def _is_true(node: ast.expr) -> bool:
    """Whether a condition always holds: ``True``, ``__name__ == "__main__"``."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    return (
        isinstance(node, ast.Compare)
        and dotted(node.left) == "__name__"
        and len(node.ops) == 1
        and isinstance(node.ops[0], ast.Eq)
        and getattr(node.comparators[0], "value", "") == "__main__"
    )


def _level_within(node: ast.expr, level: int) -> int:
    """The level in a loop over something: its own over a list that is written out or a range of a
    number, UNSURE where that is empty."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        if any(not isinstance(each, ast.Starred) for each in node.elts):
            return level
        return min(level, LIKELY) if node.elts else UNSURE
    if isinstance(node, ast.Call) and dotted(node.func) == "range" and len(node.args) == 1:
        number = getattr(node.args[0], "value", None)
        if type(number) is int:
            return level if number > 0 else UNSURE
    is_empty = (isinstance(node, ast.Dict) and not node.keys) or getattr(node, "value", "-") == ""
    return UNSURE if is_empty else min(level, LIKELY)


def _has_yield(body: Iterable[ast.AST]) -> bool:
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            stack += ast.iter_child_nodes(node)
    return False
