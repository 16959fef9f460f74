"""The code that a run of a notebook executes, statement by statement, as Python's syntax trees and
lines of IPython."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..document.reader import Notebook
from ..flags import languages
from ..flags.languages.changes import blocks, parsed_block
from ..flags.languages.source import ParsedLine, Source
from .findings import Finding


@dataclass(eq=False)
class Block:
    """A statement at the top level of the cell with the index ``cell``. ``lines`` are those of
    IPython in it, by where they start in the cell; ``magic`` is the name of the cell's magic.
    ``nodes`` are empty where it is not Python, and then ``text`` is what it is. Where
    ``may_raise`` its errors are expected (the tag raises-exception). ``events`` are what it does to
    names, each an Event, where that has been read (events.py)."""

    cell: int
    source: Source
    start: int
    text: str
    magic: str = ""
    nodes: list[ast.stmt] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    may_raise: bool = False
    is_indented: bool = False
    parsed: ParsedLine | None = None
    events: list[Any] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but Python is in it, and around it."""
        return not (self.lines or self.is_indented or self.magic)

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        """Where a node begins and ends, in characters of the cell."""
        return self.parsed.span(node) if self.parsed else (self.start, self.start)

    def finding(self, at: ast.AST | int | None, rule: str, level: str, text: str) -> Finding:
        """What a rule has found at a node, or at an offset in the cell; else where it starts."""
        if not isinstance(at, int):
            at = self.span(at)[0] if isinstance(at, (ast.stmt, ast.expr)) else self.start
        line, column = self.source.position(at)
        return Finding(self.cell, line, column + 1, rule, level, text)


def read(notebook: Notebook, indexes: Iterable[int], sources: Mapping[int, str]) -> list[Block]:
    """The statements of the cells with the ``indexes`` of a notebook of Python, none of others.
    ``sources`` are those that differ from the notebook's, by the index."""
    if languages.name_of(notebook) != "python":
        return []
    found: list[Block] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in cells
        for index in indexes:
            cell = notebook.cells[index]
            text = sources.get(index, cell.source)
            for block in of_cell(index, text):
                block.may_raise = "raises-exception" in cell.tags
                found.append(block)
    return found


def of_cell(cell: int, text: str) -> Iterator[Block]:
    """The statements of the cell with the index ``cell`` of Python, or all of it as one where it
    is of another language."""
    source = Source(text)
    if not source.is_python:
        yield Block(cell, source, len(text) - len(text.lstrip()), text, source.magic)
        return
    for start, end, indent in blocks(source):
        block = Block(cell, source, start, source.plain[start:end], source.magic)
        for first, last in source.scan.ipython:
            if start <= last and first < end:
                block.lines.append((first, source.plain[first:last].strip()))
        block.parsed = parsed_block(source, start, end, indent)
        block.nodes = block.parsed.nodes
        block.is_indented = bool(indent)
        if indent and len(block.nodes) == 1 and isinstance(block.nodes[0], ast.If):
            block.nodes = block.nodes[0].body  # which parsed_block has put around it
        yield block


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that an import binds, and the full name of what each is then: a module, or what is
    in one; ``*`` and ``module.*`` for all names of a module."""
    of = "" if isinstance(node, ast.Import) else f"{'.' * node.level}{node.module or ''}."
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        yield name, of + (alias.name if alias.asname or of else name)
