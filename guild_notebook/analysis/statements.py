"""The statements of a cell of Python, and what each does to the names of a notebook."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..flags.languages.source import Source
from . import magics
from .blocks import Block, of_cell
from .effects import BARE, FUNCTIONS, Effects, effects_of, of_line, of_program, together
from .magics import program


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a cell, ``start`` to ``end`` in characters of it, and what it
    does. ``is_certain``: when it has been executed, all that it binds has the new value.
    ``only_defines``: it calls none of the functions that it defines. ``sets_from``, where all
    that it does is to give names numbers, texts, lists and such, are names in these, else None;
    ``makes``: there are some among them that can be changed in place."""

    start: int
    end: int
    effects: Effects
    is_certain: bool = False
    only_defines: bool = False
    sets_from: frozenset[str] | None = None
    makes: bool = False


_BINDING = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Delete)
_CERTAIN = (*_BINDING, *FUNCTIONS, ast.ClassDef)
_MADE = (ast.List, ast.Dict, ast.Set)
_PLAIN = (
    *(ast.Constant, ast.UnaryOp, ast.BinOp, ast.Name, ast.JoinedStr, ast.FormattedValue),
    *(ast.Tuple, *_MADE, ast.expr_context, ast.operator, ast.unaryop),
)


def statements(text: str) -> list[Statement]:
    """The statements of a cell of Python whose source is ``text``, in order."""
    source = Source(text)
    first_line = text[: len(text) - len(text.lstrip())] + text.lstrip().partition("\n")[0]
    if not source.is_python:
        return [Statement(0, len(text), _of_cell_magic(source.magic, first_line, text))]
    found: list[Statement] = []
    for block in of_cell(0, text):
        found += _of_block(block)
    if not found and not _is_blank(source.plain):
        return [Statement(0, len(text), Effects(unreadable="it is not readable as Python"))]
    words = set(magics.WORD.findall(first_line)) - {source.magic} if source.magic else set()
    if words:  # as that in which %%capture puts all that the cell shows
        effects = replace(of_program(first_line), binds=words, calls=set(), starts="")
        effects.reads |= together(each.effects for each in found).reads
        found.append(Statement(len(text), len(text), effects))
    return found


def _of_block(block: Block) -> Iterator[Statement]:
    start, end, nodes = block.start, block.start + len(block.text), block.nodes
    of_ipython = [of_line(line) for _, line in block.lines]
    if not nodes:
        if block.lines or not _is_blank(block.text):
            yield Statement(start, end, Effects(unreadable="it is not readable as Python"))
        return
    for node in nodes:
        first, last = (start, end) if len(nodes) == 1 else block.span(node)
        is_certain = isinstance(node, _CERTAIN)
        if isinstance(node, ast.Expr) and getattr(node.value, "id", "") == BARE[1:]:
            of_ipython.append(Effects(calls={BARE}))
        effects = together([effects_of(node), *of_ipython])
        sets_from = _sets_from(node) if block.is_plain else None
        makes = sets_from is not None and any(isinstance(part, _MADE) for part in ast.walk(node))
        yield Statement(first, last, effects, is_certain, _only_defines(node), sets_from, makes)


def _only_defines(node: ast.stmt) -> bool:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return not node.decorator_list
    return isinstance(node, ast.Assign) and isinstance(node.value, (ast.Lambda, ast.GeneratorExp))


def _sets_from(node: ast.stmt) -> frozenset[str] | None:
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [each for target in targets for each in getattr(target, "elts", [target])]
    parts = list(ast.walk(node.value))
    if not all(isinstance(name, ast.Name) for name in names) or not all(
        isinstance(part, _PLAIN) for part in parts
    ):
        return None
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))


def _of_cell_magic(magic: str, first_line: str, text: str) -> Effects:
    if magic in magics.SHOWING:
        return Effects()
    if magic in magics.PROGRAMS:
        words = set(magics.WORD.findall(first_line)) - {magic}
        starts = program(text.partition("%%" + magic)[2].partition("\n")[2])
        starts = starts if magic in ("bash", "sh", "!") else f"%%{magic}"
        return replace(of_program(text), reads=words, changes=words, starts=starts)
    return Effects(unreadable=f"it has the magic %%{magic}")


def _is_blank(code: str) -> bool:
    lines = map(str.strip, code.splitlines())
    return all(not line or line.startswith(("#", "%%")) for line in lines)
