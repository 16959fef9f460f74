"""Cells whose numbers say that their author ran them in another order than they stand in, where a
run from top to bottom gives them other values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from ..document.reader import Notebook
from .blocks import Block
from .events import BIND, READ, SURE, UNSURE, Event
from .findings import WARNING, Finding


@dataclass
class _Cell:
    """``reads`` are the names that a cell takes from others, each where it does so first; ``binds``
    are those that it surely gives a value, each with the code that does it last."""

    index: int
    number: int
    reads: dict[str, Event] = field(default_factory=dict)
    binds: dict[str, Event] = field(default_factory=dict)


def findings(notebook: Notebook, blocks: Iterable[Block]) -> Iterator[Finding]:
    """What there is to say of cells in another order. ``blocks`` are those of the cells that run,
    with their events. Nothing where their numbers are not of one session of the kernel."""
    cells = [
        _cell(index, number, of_cell)
        for index, of_cell in groupby(blocks, lambda block: block.cell)
        if (number := notebook.cells[index].number)
    ]
    numbers = [cell.number for cell in cells]
    if len(set(numbers)) < len(numbers) or numbers == sorted(numbers):
        return
    binding: dict[str, list[_Cell]] = {}
    for cell in cells:
        for name in cell.binds:
            binding.setdefault(name, []).append(cell)
    for cell in cells:
        said: dict[int, list[str]] = {}
        for name in cell.reads:
            earlier = [each for each in binding.get(name, ()) if each.number < cell.number]
            above = [each for each in binding.get(name, ()) if each.index < cell.index]
            seen = max(earlier, key=lambda each: each.number, default=None)
            if not seen or not above or seen.index < cell.index:
                continue  # a name that no cell above binds is an undefined one
            if above[-1].number > cell.number:
                continue  # it has run again, and of what it did before nothing is known
            if _value(seen.binds[name]) != _value(above[-1].binds[name]):
                said.setdefault(seen.index, []).append(name)
        for later, names in said.items():
            event = cell.reads[names[0]]
            label = notebook.labels[later]
            text = (
                f"its author ran this cell after {label}, which stands below and binds "
                f"{', '.join(names)}: a run from top to bottom gives it another value - put the "
                "cells into the order in which they are meant to run"
            )
            yield event.block.finding(event.node, "run-out-of-order", WARNING, text)


def _cell(index: int, number: int, blocks: Iterable[Block]) -> _Cell:
    cell = _Cell(index, number)
    bound: set[str] = set()
    for event in (event for block in blocks for event in block.events):
        if event.kind == BIND:
            bound.add(event.name)
            if event.level == SURE:
                cell.binds[event.name] = event
        elif event.kind == READ and event.level > UNSURE and event.name not in bound:
            cell.reads.setdefault(event.name, event)
    return cell


def _value(event: Event) -> str:
    """The code that makes a value: where it is the same, so is the value."""
    if isinstance(event.node, (ast.Import, ast.ImportFrom)):
        return "import"
    if re.search(r"\b(?:[Ss]ymbols?|var|dynamicsymbols)\(", event.block.text):
        return "symbol"  # of SymPy: the same name is the same symbol
    return "\n".join(map(ast.dump, event.block.nodes)) or event.block.text.strip()
