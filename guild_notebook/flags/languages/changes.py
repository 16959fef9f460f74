"""What the Python code of a cell does to the variables of a notebook.

Only the statements that may change one of the names in question are parsed: most of a notebook is
not. Functions, classes and comprehensions have variables of their own.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Union

from .calls import dotted
from .language import ADDS, ASSIGNS, COUNTS, GROWS, IMPROVES, LOOPS, REPEATS, SCALES, Change
from .scanner import NEWLINE, Line
from .source import ParsedLine, Source, statements_of

_GROWING = {"add", "append", "appendleft", "extend", "extendleft", "insert", "setdefault", "update"}
"""Methods that put something into what they are called of."""

_JOINING = {"append", "cat", "concat", "concatenate", "hstack", "stack", "vstack"}
"""Functions that return an argument with something put in."""

_BEST = {"max", "maximum", "min", "minimum"}  # functions that return one of their arguments

# Where the names stand that a text assigns: most names in it stand elsewhere.
_ASSIGNED = re.compile(
    r"(?:^|[;:=])[ \t]*([(\[][^=#'\"\r\n]{0,200}(?==)|[^\s=(#'\"][^=(#'\"\r\n]{0,200}(?==)"
    r"|[^\W\d]\w*(?=[ \t]*\[))",
    re.MULTILINE,
)
_BOUND = re.compile(r"(?:for|as|def|class|import)[ \t(]+([^:#]{1,200})")
_GROWN = re.compile(rf"\.(?:{'|'.join(sorted(_GROWING))})\b")
_WORD = re.compile(r"[^\W\d]\w*")
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b")
_TIMED = re.compile(r"([ \t]*)%time[ \t]+(?![\s-])")
_FROM_IPYTHON = re.compile(r"([^=]*=)[ \t]*[%!]")
_INDENT = re.compile(r"[ \t\f]*")

_Node = Union[ast.stmt, ast.expr]

_NOTHING: frozenset[str] = frozenset()
_BY_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)
_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator)
_HAVE_STATEMENTS = (ast.stmt, ast.ExceptHandler, getattr(ast, "match_case", ast.ExceptHandler))


@dataclass(frozen=True)
class _Place:
    """Where a node stands.

    ``own`` are the names that are variables of a function, class or comprehension there, and
    ``inherited`` those that are so in functions there too. ``tested`` are the names in conditions
    of ``if`` around it, and ``compared`` those in such that compare which is more; ``awaited`` are
    the names in conditions of ``while``. ``in_loop``: a loop of the notebook is around it.
    """

    own: frozenset[str] = _NOTHING
    inherited: frozenset[str] = _NOTHING
    tested: frozenset[str] = _NOTHING
    compared: frozenset[str] = _NOTHING
    awaited: frozenset[str] = _NOTHING
    in_loop: bool = False


def changes(text: str, names: AbstractSet[str]) -> Iterator[Change]:
    """As ``Language.changes``."""
    source = Source(text)
    if not source.is_python:
        return
    for start, end, indent in blocks(source):
        code = source.plain[start:end]
        if names.isdisjoint(may_change(code)):
            continue
        parsed = parsed_block(source, start, end, indent)
        in_calls = bool(_GROWN.search(code)) or ":=" in code
        for node, kind, changed in _changes(parsed.nodes, in_calls):
            if changed in names:
                yield Change(changed, kind, *parsed.span(node))


def may_change(text: str) -> list[str]:
    """As ``Language.may_change``."""
    if not (_GROWN.search(text) or ":=" in text):
        text = " ".join([*_ASSIGNED.findall(text), *_BOUND.findall(text)])
    return _WORD.findall(text)


def blocks(source: Source) -> Iterator[tuple[int, int, str]]:
    """Where each statement at the top level begins and ends, with all that is in it, and its
    indentation: IPython takes that of the first from all lines that have it."""
    lines, plain = source.top_level, source.plain
    base = lines[0].indent if lines else 0
    starts: list[int] = []
    is_decorated = False
    for line in lines:
        if not is_decorated and not (starts and _CLAUSE.match(plain, line.start)):
            starts.append(line.start)
        is_decorated = plain.startswith("@", line.start)
    for start, end in source.scan.ipython:
        indent = _INDENT.match(plain, start, end)
        if indent and indent.end() - start <= base:
            starts.append(indent.end())
    starts.sort()
    for start, end in zip_longest(starts, starts[1:], fillvalue=len(plain)):
        before = plain[max(start - base, 0) : start]
        yield start, end, before[len(before.rstrip(" \t")) :]


def parsed_block(source: Source, start: int, end: int, indent: str) -> ParsedLine:
    """The syntax trees of a block, in which each line of IPython is what it leaves to Python."""
    spans = source.scan.ipython
    parts = [f"if 1:\n{indent}" if indent else ""]
    pos = start
    for index in range(bisect_right(spans, (start - len(indent), -1)), len(spans)):
        first, last = max(spans[index][0], start), spans[index][1]
        if first >= end:
            break
        parts += [source.plain[pos:first], _without_ipython(source.plain[first:last])]
        pos = last
    code = "".join([*parts, source.plain[pos:end]])
    line = Line(start, end, len(indent))
    return ParsedLine(source, line, statements_of(code), bool(indent), len(indent))


def _without_ipython(line: str) -> str:
    if timed := _TIMED.match(line):
        return timed[1] + line[timed.end() :]
    assigned = _FROM_IPYTHON.match(line)
    python = f"{assigned[1]} 0" if assigned else f"{line[: len(line) - len(line.lstrip())]}pass"
    return python + "\n" * len(NEWLINE.findall(line))


def _changes(nodes: Iterable[ast.AST], in_calls: bool) -> Iterator[tuple[_Node, str, str]]:
    """Each change by ``nodes``, where it stands, its kind and its name: those by calls and ``:=``
    only where ``in_calls`` says that there are such."""
    stack = [(node, _Place()) for node in reversed(list(nodes))]
    while stack:
        node, place = stack.pop()
        for where, kind, name in _changed_by(node, place):
            if name not in place.own:
                yield where, kind, name
        inside = _place_in(node, place)
        parts = [
            (part, inside)
            for part in ast.iter_child_nodes(node)
            if isinstance(part, _HAVE_STATEMENTS) or (in_calls and not isinstance(part, _LEAVES))
        ]
        stack += reversed(parts)


def _changed_by(node: ast.AST, place: _Place) -> Iterator[tuple[_Node, str, str]]:
    if isinstance(node, ast.AugAssign):
        is_name = isinstance(node.target, ast.Name)
        yield node, _kind_of_sum(node.op, node.value) if is_name else GROWS, _root(node.target)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GROWING:
            yield node, GROWS, _root(node.func.value)
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        pairs = [_pairs(target, node.value) for target in targets] if node.value else []
        for each, value in chain.from_iterable(pairs):
            yield from ((node, *change) for change in _assigned(each, value, place))
    else:
        yield from _bound_by(node)


def _bound_by(node: ast.AST) -> Iterator[tuple[_Node, str, str]]:
    """The changes by statements of other kinds, which bind names."""
    if isinstance(node, _LOOPS):
        yield from ((node.target, LOOPS, name) for name in _bound(node.target))
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
        yield from ((target, ASSIGNS, name) for target in targets for name in _bound(target))
    elif isinstance(node, ast.Try):
        for handler in node.handlers:
            if handler.type and handler.name:
                yield handler.type, ASSIGNS, handler.name
    elif isinstance(node, ast.stmt):
        yield from ((node, ASSIGNS, name) for name in _defined(node))


def _assigned(target: ast.expr, value: ast.expr, place: _Place) -> Iterator[tuple[str, str]]:
    names = _names(value)
    for each in _targets(target):
        name = _root(each)
        if isinstance(each, ast.Subscript):
            yield GROWS, name
        elif name in names:
            kind = _kind_of_own(value, name)
            if place.in_loop and kind in (IMPROVES, ""):
                kind = GROWS if kind else IMPROVES
            yield from [(kind, name)] if kind else ()
        elif name in place.compared and not isinstance(value, ast.Constant):
            yield GROWS if place.in_loop else IMPROVES, name
        elif name in place.awaited:
            yield LOOPS, name
        elif name not in place.tested:
            yield REPEATS if place.in_loop else ASSIGNS, name


def _kind_of_sum(op: ast.operator, added: ast.expr) -> str:
    if not isinstance(op, (ast.Add, ast.Sub, ast.BitOr)):
        return SCALES
    is_whole = isinstance(added, ast.Constant) and type(added.value) is int
    return COUNTS if is_whole else ADDS


def _kind_of_own(value: ast.expr, name: str) -> str:
    """The kind of an assignment to ``name`` of ``value``, in which it stands; "" where that is
    made of it in another way: ``path = Path(path)``."""
    if isinstance(value, ast.BinOp):
        own, other = value.left, value.right
        if not (isinstance(own, ast.Name) and own.id == name):
            own, other = other, own
        is_own = isinstance(own, ast.Name) and own.id == name
        kind = _kind_of_sum(value.op, other if is_own else value)
        return kind if is_own or (kind == ADDS and name in _summands(value)) else ""
    parts: list[ast.expr] = []
    called = dotted(value.func).split(".")[-1] if isinstance(value, ast.Call) else ""
    if isinstance(value, ast.Call) and called in {*_JOINING, *_BEST}:
        lists = (arg for arg in value.args if isinstance(arg, (ast.List, ast.Tuple)))
        parts = [*value.args, *(part for each in lists for part in each.elts)]
    elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        parts = [part.value for part in value.elts if isinstance(part, ast.Starred)]
    elif isinstance(value, ast.Dict):
        parts = [part for key, part in zip(value.keys, value.values) if key is None]
    is_kept = any(isinstance(part, ast.Name) and part.id == name for part in parts)
    return "" if not is_kept else IMPROVES if called in _BEST else GROWS


def _summands(value: ast.expr) -> set[str]:
    """The names that are added up in ``value``."""
    found = set()
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Add, ast.Sub, ast.BitOr)):
            parts += [part.left, part.right]
        elif isinstance(part, ast.Name):
            found.add(part.id)
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target and what is assigned to it, where that can be told apart."""
    if (
        isinstance(target, (ast.Tuple, ast.List))
        and isinstance(value, (ast.Tuple, ast.List))
        and len(target.elts) == len(value.elts)
    ):
        for pair in zip(target.elts, value.elts):
            yield from _pairs(*pair)
    else:
        yield target, value


def _root(target: ast.expr) -> str:
    """The variable that ``target`` is, or is an item of at any depth; "" for anything else."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _targets(target: ast.expr) -> Iterator[ast.expr]:
    """What an assignment to ``target`` assigns to, within tuples and lists."""
    targets = [target]
    while targets:
        target = targets.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            targets += target.elts
        elif isinstance(target, ast.Starred):
            targets.append(target.value)
        else:
            yield target


def _bound(target: ast.expr) -> Iterator[str]:
    """The names that an assignment to ``target`` binds."""
    return (each.id for each in _targets(target) if isinstance(each, ast.Name))


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _defined(node: ast.AST) -> Iterator[str]:
    """The name of a function or class, or those that are imported."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def _place_in(node: ast.AST, place: _Place) -> _Place:
    """The place of what is in ``node``."""
    if isinstance(node, _FUNCTIONS):
        own, of_notebook = variables(node)
        own = (place.inherited | own) - of_notebook
        return _Place(own, own)
    if isinstance(node, ast.ClassDef):
        own, of_notebook = variables(node)
        return replace(place, own=(place.own | own) - of_notebook)
    if isinstance(node, _COMPREHENSIONS):
        own = frozenset(name for each in node.generators for name in _bound(each.target))
        return replace(place, own=place.own | own, inherited=place.inherited | own)
    if isinstance(node, _LOOPS):
        return replace(place, in_loop=True)
    if isinstance(node, ast.While):
        return replace(place, in_loop=True, awaited=place.awaited | _names(node.test))
    if isinstance(node, ast.If):
        compares = (each for each in ast.walk(node.test) if isinstance(each, ast.Compare))
        by_order = (each for each in compares if isinstance(each.ops[0], _BY_ORDER))
        compared = place.compared.union(*map(_names, by_order))
        return replace(place, tested=place.tested | _names(node.test), compared=compared)
    return place


def type_parameters(node: ast.AST) -> frozenset[str]:
    """The names that a function or class has between brackets: ``def f[T](x: T)``."""
    return frozenset(each.name for each in getattr(node, "type_params", ()))


def variables(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef,
) -> tuple[frozenset[str], frozenset[str]]:
    """The names that are variables of a function or class, and those that it says are global."""
    own: set[str] = set()
    of_notebook: set[str] = set()
    stack: list[ast.AST] = []
    if not isinstance(node, ast.ClassDef):
        args = node.args
        each = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        own.update(arg.arg for arg in each if arg)
        own.update(type_parameters(node))
    if not isinstance(node, ast.Lambda):
        stack += node.body
    while stack:
        part = stack.pop()
        own.update(_defined(part))
        if isinstance(part, ast.Global):
            of_notebook.update(part.names)
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            own.add(part.id)
        elif isinstance(part, ast.ExceptHandler) and part.name:
            own.add(part.name)
        if not isinstance(part, _SCOPES):
            stack += ast.iter_child_nodes(part)
    return frozenset(own - of_notebook), frozenset(of_notebook)
