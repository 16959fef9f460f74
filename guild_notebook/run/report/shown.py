"""What the author of a notebook shows of each cell, which Jupyter, Jupyter Book, MyST, Colab and
Quarto write down in their own ways.

What is hidden is folded, and a click away. What is removed is not in the report at all: a page is
made of the cells of ``shown_cells``, and of nothing else of the notebook, so that neither contents
nor names nor images can hold it.
"""

from __future__ import annotations

import contextlib
import copy
import operator
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ...document.cells import TITLE, cell_names
from ...document.mime import text_of
from ...document.reader import cells_of, mapping
from ...options.reports import ReportOptions

_WORDS = {"code": "input", "outputs": "output", "all-outputs": "output", "single-output": "output"}
"""Words of other tools than Jupyter Book for the same part of a cell: Quarto's ``hide-code``,
nbconvert's ``remove_all_outputs_tags`` and ``remove_single_output_tags``."""

_HIDE = re.compile(r"(hide|remove)-(.+)")
_COMMENTS = re.compile(r"(?:[ \t]*(?:#|//|--)\|[^\n]*(?:\n|$))+")
"""The lines at the beginning of code in which Quarto and MyST have options."""
_COMMENT = re.compile(r"^[ \t]*(?:#|//|--)\|[ ]?", re.MULTILINE)
_FORM = re.compile(r"""\{[^{}]*["']?display-mode["']?\s*:\s*["']form["'][^{}]*\}""")


@dataclass(frozen=True)
class ShownCell:
    """A cell as a report shows it: the ``index`` is its place in the notebook, ``cell`` is without
    what is removed, and ``name`` is what it is called by what is left of the notebook, which may be
    another name than before (``is_renamed``). ``folds_…`` say what is folded: of a cell of text
    ``folds_cell`` alone. ``hides_outputs`` says whether that of the outputs is the cell's own wish.
    """

    index: int
    cell: Any
    name: str
    is_renamed: bool
    folds_cell: bool
    folds_code: bool
    folds_outputs: bool
    hides_outputs: bool


def shown_cells(nb: Any, options: ReportOptions, failed: Collection[int] = ()) -> list[ShownCell]:
    """The cells of ``nb`` of which something is shown, in order. Cells that ``failed``, by their
    index, are always among them and not folded, and keep their errors; all else that is removed
    stays so. ``nb`` is not changed."""
    kept = []
    for index, cell in enumerate(nb.cells):
        said = _said_of(cell)
        left = _without_removed(cell, said, options, index in failed)
        if text_of(left.source).strip() or left.get("outputs") or index in failed:
            kept.append((index, left, set() if index in failed else said.hidden))
    cells = [cell for _index, cell, _hidden in kept]
    names = cell_names(cells_of({"cells": cells}))
    is_whole = all(map(operator.is_, cells, nb.cells)) and len(cells) == len(nb.cells)
    before = names if is_whole else cell_names(cells_of(nb))
    return [
        ShownCell(
            index,
            cell,
            name,
            name != before[index],
            "cell" in hidden or (cell.cell_type != "code" and "input" in hidden),
            "input" in hidden or (options.code == "folded" and index not in failed),
            "output" in hidden or (options.outputs == "folded" and index not in failed),
            bool(hidden & {"cell", "output"}),
        )
        for (index, cell, hidden), name in zip(kept, names)
    ]


@dataclass
class _Said:
    """The parts of a cell (cell, input, output, stdout, stderr) that are to be hidden, and to be
    removed."""

    hidden: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def add_tags(self, tags: Any) -> None:
        for tag in tags if isinstance(tags, (list, tuple)) else [tags]:
            if match := _HIDE.fullmatch(str(tag).replace("_", "-")):
                parts = self.hidden if match[1] == "hide" else self.removed
                parts.add(_WORDS.get(match[2], match[2]))


def _said_of(cell: Any) -> _Said:
    said = _Said()
    metadata = cell.metadata
    said.add_tags(metadata.get("tags"))
    jupyter = mapping(metadata.get("jupyter"))
    if jupyter.get("source_hidden") is True or metadata.get("hide_input") is True:
        said.hidden.add("input")
    outputs_hidden = jupyter.get("outputs_hidden"), metadata.get("hide_output")
    if True in (*outputs_hidden, metadata.get("collapsed")):
        said.hidden.add("output")
    if cell.cell_type == "code":
        source = text_of(cell.source)
        title = TITLE.search(source) if "@title" in source else None
        if metadata.get("cellView") == "form" or (title and _FORM.search(title[1][:500])):
            said.hidden.add("input")
        _add_comments(said, source)
    return said


def _add_comments(said: _Said, source: str) -> None:
    """Add what the options of Quarto and MyST say that are comments of the code."""
    lines = _COMMENTS.match(source.lstrip("\n")) if "|" in source[:1000] else None
    if not lines:
        return
    import yaml

    options: Any = None
    with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
        options = yaml.safe_load(_COMMENT.sub("", lines[0][:10_000]))
    if not isinstance(options, dict):
        return
    said.add_tags(options.get("tags"))
    for option, part in (("include", "cell"), ("echo", "input"), ("output", "output")):
        if options.get(option) is False:
            said.removed.add(part)
    if options.get("warning") is False:
        said.removed.add("stderr")
    if options.get("code-fold") is True:
        said.hidden.add("input")


def _without_removed(cell: Any, said: _Said, options: ReportOptions, has_failed: bool) -> Any:
    """``cell``, or a copy of it without what is removed."""
    is_code = cell.cell_type == "code"
    source, outputs = cell.source, cell.get("outputs", [])
    if said.removed & {"cell", "input"} or (is_code and options.code == "none"):
        source = ""
    is_removed = bool(said.removed & {"cell", "output"})
    kept = [
        output
        for output in outputs
        if (has_failed and output.output_type == "error")
        or not (is_removed or output.get("name") in said.removed or _is_tagged(output))
    ]
    if source == cell.source and len(kept) == len(outputs):
        return cell
    cell = copy.copy(cell)
    cell.source = source
    if is_code:
        cell.outputs = kept
    return cell


def _is_tagged(output: Any) -> bool:
    """Whether an output has a tag of its own that removes it."""
    tags = (output.get("metadata") or {}).get("tags")
    if not tags:
        return False
    said = _Said()
    said.add_tags(tags)
    return bool(said.removed & {"cell", "output"})
