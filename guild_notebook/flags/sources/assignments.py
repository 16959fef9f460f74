"""Assignments at the top level of cells: they declare flags where nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .. import languages
from ..languages.cells import CodeCell
from ..languages.language import NameAssignment, NotAFlag
from ..languages.source import Source
from ..languages.values import is_number
from ..model import Flag, Found, Site, Skipped

_OPTIONAL = re.compile(r"(?:typing\.)?Optional\[(.*)\]|(.*)\|\s*None|None\s*\|(.*)")


def find(cells: Iterable[CodeCell]) -> Found:
    """Flags from the top-level assignments of literals, of each name the first; other assignments
    are passed over."""
    found = Found()
    seen: dict[str, int] = {}
    for cell in cells:
        for assignment in cell.assignments:
            if isinstance(assignment, NotAFlag):
                reason = assignment.reason
            else:
                reason = _reason_to_skip(assignment, seen)
            if reason:
                found.skipped.append(skipped(cell.index, cell.source, assignment.start, reason))
            elif isinstance(assignment, NameAssignment):
                seen[assignment.name] = cell.index
                found.flags.append(flag(cell, assignment, "assign"))
    return found


def _reason_to_skip(assignment: NameAssignment, seen: dict[str, int]) -> str:
    if assignment.name in seen:
        return f"{assignment.name} is assigned before, in cell {seen[assignment.name]}"
    return "not a literal" if assignment.computed else ""


def flag(cell: CodeCell, assignment: NameAssignment, kind: str, type_comment: str = "") -> Flag:
    """The flag that ``assignment`` declares."""
    return Flag(
        name=assignment.name,
        kind=kind,
        type=(
            annotated_type(assignment.annotation)
            or annotated_type(type_comment)
            or literal_type(assignment.value)
        ),
        default=assignment.value,
        default_source=cell.text[assignment.value_start : assignment.value_end],
        sites=(Site(cell.index, assignment.value_start, assignment.value_end),),
        computed=assignment.computed,
        language=cell.language,
    )


def annotated_type(annotation: str) -> str | None:
    """The flag type that a type annotation stands for, None where it stands for none of them."""
    annotation = annotation.strip().strip("'\"")
    optional = _OPTIONAL.fullmatch(annotation)
    if optional:
        annotation = next(part for part in optional.groups() if part is not None)
    return languages.TYPE_NAMES.get(annotation.strip())


def literal_type(value: Any) -> str | None:
    """The flag type of a literal's value; a number may be any number, as in Guild."""
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return "string" if isinstance(value, str) else None


def skipped(cell: int, source: Source, offset: int, reason: str) -> Skipped:
    """What is passed over at ``offset`` of ``source``, which is the cell at index ``cell``."""
    return Skipped(cell, source.position(offset)[0], source.line_at(offset), reason)
