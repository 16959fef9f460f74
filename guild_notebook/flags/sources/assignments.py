"""The code cells of a notebook and the assignments at their top level, which declare flags where
nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cached_property, lru_cache, partial
from typing import Any

from ...document.cells import FOR_TOOLS, Cell
from ...document.reader import Notebook
from .. import languages
from ..languages import calls
from ..languages.language import Change, NameAssignment, NotAFlag
from ..languages.source import Source
from ..languages.values import is_number, same
from ..model import Flag, Found, Site, Skipped
from . import working_values

INJECTED_TAG = "injected-parameters"
PARAMETERS_TAG = "parameters"
_COMMENT_BEHIND = re.compile(r"[ \t;)]*#[^\r\n]*")
_TYPE_COMMENT = re.compile(
    r"(?<![ \t;)])[ \t;)]*#[^\S\r\n]*type:(?![^\S\r\n]*ignore\b)[^\S\r\n]*([^\s#]*)"
)
_OPTIONAL = re.compile(
    r"(?:\w+\.)?(?:Optional\[(.*)\]|Union\[(.*),\s*None\]|Union\[None\s*,(.*)\])"
    r"|(.*)\|\s*None|None\s*\|(.*)"
)


class CodeCell:
    """A code cell; ``language`` is the name of its language, as ``languages.name_of`` has it, and
    ``label`` what messages call the cell."""

    def __init__(self, cell: Cell, language: str, label: str) -> None:
        self.index = cell.index
        self.text = cell.source
        self.tags = cell.tags
        self.language = language
        self.label = label

    @cached_property
    def assignments(self) -> list[NameAssignment | NotAFlag]:
        """The assignments at the top level of the cell, in order; it is parsed once at most."""
        return list(languages.named(self.language).assignments(self.text))

    @cached_property
    def may_change(self) -> list[str]:
        """The names that the cell may change, each as often as it may at most."""
        return languages.named(self.language).may_change(self.text)

    def changes(self, names: AbstractSet[str]) -> list[Change]:
        """What the cell does to the notebook's variables called ``names``."""
        if names.isdisjoint(self.may_change):
            return []
        return list(languages.named(self.language).changes(self.text, names))

    @cached_property
    def _source(self) -> Source:
        return Source(self.text)

    def skipped(self, offset: int, reason: str, name: str = "") -> Skipped:
        """What is passed over at ``offset`` of the text, and why: an assignment to ``name``."""
        line = self._source.position(offset)[0]
        return Skipped(self.index, line, self._source.excerpt(offset), reason, name)


@lru_cache(maxsize=1)
def code_cells(notebook: Notebook) -> list[CodeCell]:
    """The code cells that a run executes: all but those that papermill injected. What was parsed of
    a notebook is kept until another one is asked for."""
    language = languages.name_of(notebook)
    return [
        CodeCell(cell, language, notebook.labels[cell.index])
        for cell in notebook.cells
        if cell.is_code and INJECTED_TAG not in cell.tags
    ]


def find(cells: Iterable[CodeCell]) -> Found:
    """Flags from the top-level assignments of literals, of each name the first; other assignments
    are passed over, and so are those to names that are not meant as parameters. Expressions and
    these are flags where guild.yml names them."""
    cells = list(cells)
    values, again = _first_values(cells)
    changes = ((cell.label, change) for cell in cells for change in cell.changes(again))
    working = working_values.reasons(changes, values)
    found = Found()
    seen: dict[str, str] = {}
    for cell in cells:
        for assignment in cell.assignments:
            if isinstance(assignment, NotAFlag):
                found.skipped.append(cell.skipped(assignment.start, assignment.reason))
                continue
            name = assignment.name
            make = partial(flag, cell, assignment, "assign")
            if name in seen:
                reason = f"{name} is assigned before, in {seen[name]}"
            elif assignment.computed:
                reason = "not a literal"
                found.where_named.setdefault(name, make)
            else:
                seen[name] = cell.label
                source = cell.text[assignment.value_start : assignment.value_end]
                reason = working.get(name) or working_values.data_reason(assignment.value, source)
                if not reason:
                    found.flags.append(make())
                    continue
                found.where_named[name] = make
            found.skipped.append(cell.skipped(assignment.start, reason, name))
    return found


def _first_values(cells: Iterable[CodeCell]) -> tuple[dict[str, Any], set[str]]:
    """The values of the first literals that are assigned to names, and those of the names that may
    be changed after that: most are not."""
    values: dict[str, Any] = {}
    often: dict[str, int] = {}
    for cell in cells:
        for name in cell.may_change:
            often[name] = often.get(name, 0) + 1
        found_there = set(cell.may_change)
        for assignment in cell.assignments:
            if isinstance(assignment, NameAssignment) and not assignment.computed:
                name = assignment.name
                values.setdefault(name, assignment.value)
                if name not in found_there:
                    often[name] = often.get(name, 0) + 1
    return values, {name for name in values if often[name] > 1}


def flag(cell: CodeCell, assignment: NameAssignment, kind: str) -> Flag:
    """The flag that ``assignment`` declares, described by the comment behind it."""
    source = cell.text[assignment.value_start : assignment.value_end]
    comment = _COMMENT_BEHIND.match(cell.text, assignment.end)
    text = comment.group() if comment else ""
    type_comment = _TYPE_COMMENT.match(text)
    text = _TYPE_COMMENT.sub("#", text, count=1)
    declared, call = annotated(assignment.annotation)
    if declared is None and type_comment:
        declared, call = annotated(type_comment.group(1))
    if call and cell.language != "python":
        declared, call = None, ""
    if assignment.computed:
        made = calls.kind_made(source) if cell.language == "python" else None
        is_text = languages.named(cell.language).is_text(source)
        type_ = declared or (made.name if made else "string" if is_text else None)
    elif calls.kind_of(assignment.value) or (call and assignment.value is not None):
        type_, call = literal_type(assignment.value), ""
    else:
        type_ = declared or literal_type(assignment.value)
    return Flag(
        name=assignment.name,
        kind=kind,
        type=type_,
        default=assignment.value,
        default_source=source,
        sites=(Site(cell.index, assignment.value_start, assignment.value_end),),
        computed=assignment.computed,
        description=comment_text(text),
        language=cell.language,
        call=call,
        where=cell.label,
    )


def comment_text(comment: str) -> str:
    """The words of ``comment``, without the ``#`` before them and what is for linters or forms."""
    return FOR_TOOLS.sub("", comment).lstrip("# \t;):=").rstrip("# \t=")


def annotated(annotation: str) -> tuple[str | None, str]:
    """The flag type that a type annotation stands for, None where it stands for none of them, and
    a call of the type that it names, "" where it is none of ``calls``."""
    annotation = annotation.strip().strip("'\"")
    optional = _OPTIONAL.fullmatch(annotation)
    if optional:
        annotation = next(part for part in optional.groups() if part is not None)
    name = annotation.strip().strip("'\"")
    if kind := calls.kind_named(name):
        return kind.name, f"{name}(..., ...)"
    return languages.TYPE_NAMES.get(name), ""


def literal_type(value: Any) -> str | None:
    """The flag type of a literal's value; a number may be any number, as in Guild."""
    if kind := calls.kind_of(value):
        return kind.name
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return "string" if isinstance(value, str) else None


def have_same_default(a: Flag, b: Flag) -> bool:
    """Whether the source holds the same for both: a value, or the text of an expression."""
    if a.computed or b.computed:
        return a.computed and b.computed and a.default_source == b.default_source
    return same(a.default, b.default)
