"""Module-level assignments of literals: what declares flags where nothing else does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..source import ParsedLine, Source
from . import foreign
from .cells import CodeCell
from .literals import NotLiteralError, is_number, value_of
from .model import Flag, Found, Site, Skipped

_ANNOTATIONS = {
    **{"int": "integer", "float": "number", "bool": "boolean", "str": "string"},
    **{"Int": "integer", "Int64": "integer", "Float64": "number", "Bool": "boolean"},
    **{"String": "string"},  # Julia's
}
_OPTIONAL = re.compile(r"(?:typing\.)?Optional\[(.*)\]|(.*)\|\s*None|None\s*\|(.*)")
# What a logical line must begin like for an assignment to be on it: most lines need no parsing.
_MAY_ASSIGN = re.compile(
    r"(?!(?:if|for|while|def|class|with|import|from|return|print)\b)[^=;#]*[=;]"
)


@dataclass(frozen=True)
class Assignment:
    """One assignment to a name: ``value`` where it is a literal, else ``computed`` is set.

    The value is ``text[start:end]`` of its cell, the statement ``text[begin:stop]``.
    """

    name: str
    value: Any
    computed: bool
    start: int
    end: int
    annotation: str
    begin: int
    stop: int


def find(cells: Iterable[CodeCell]) -> Found:
    """Flags from assignments of literals at the top level of cells, the first of a name;
    assignments that are none are passed over with the reason."""
    found = Found()
    seen: dict[str, int] = {}
    for cell in cells:
        for assignment in assignments(cell):
            reason = _reason_to_skip(assignment, seen)
            if reason:
                found.skipped.append(skipped(cell.index, cell.source, assignment.begin, reason))
                continue
            seen[assignment.name] = cell.index
            found.flags.append(flag(cell, assignment, "assign"))
    return found


def _reason_to_skip(assignment: Assignment, seen: dict[str, int]) -> str:
    if assignment.name in seen:
        return f"{assignment.name} is assigned before, in cell {seen[assignment.name]}"
    return "not a literal" if assignment.computed else ""


def assignments(cell: CodeCell) -> Iterator[Assignment]:
    """The top-level assignments to names of a cell in a language that is known, in order; of
    Python's ``x = y = 1`` the last name, as Guild does."""
    if "=" not in cell.text and "<-" not in cell.text:
        return iter(())  # not worth parsing
    if cell.language in foreign.SYNTAXES:
        return _foreign_assignments(cell)
    return _python_assignments(cell.source) if cell.is_python else iter(())


def _foreign_assignments(cell: CodeCell) -> Iterator[Assignment]:
    for found in foreign.assignments(cell.text, cell.language):
        yield Assignment(
            found.name,
            found.value,
            found.computed,
            found.start,
            found.end,
            found.annotation,
            found.begin,
            found.end,
        )


def _python_assignments(source: Source) -> Iterator[Assignment]:
    for line in source.top_level:
        if not _MAY_ASSIGN.match(source.plain, line.start, line.end):
            continue
        parsed = source.parsed(line)
        for node in parsed.nodes:
            if isinstance(node, ast.Assign):
                target, expression = node.targets[-1], node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                target, expression = node.target, node.value
            else:
                continue
            if isinstance(target, ast.Name):
                yield Assignment(
                    target.id,
                    *literal_or_computed(expression),
                    *parsed.span(expression),
                    annotation_of(parsed, node),
                    *parsed.span(node),
                )


def literal_or_computed(node: ast.expr) -> tuple[Any, bool]:
    """The value of a literal and False, or None and True for any other expression."""
    try:
        return value_of(node), False
    except NotLiteralError:
        return None, True


def annotation_of(parsed: ParsedLine, node: ast.stmt) -> str:
    """The text of an assignment's type annotation, "" where it has none."""
    if not isinstance(node, ast.AnnAssign):
        return ""
    return parsed.source.text[slice(*parsed.span(node.annotation))]


def flag(cell: CodeCell, assignment: Assignment, kind: str, type_comment: str = "") -> Flag:
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
        default_source=cell.text[assignment.start : assignment.end],
        sites=(Site(cell.index, assignment.start, assignment.end),),
        computed=assignment.computed,
        language=cell.language,
    )


def annotated_type(annotation: str) -> str | None:
    """The flag type that a type annotation names, None where it names none that we know."""
    annotation = annotation.strip().strip("'\"")
    optional = _OPTIONAL.fullmatch(annotation)
    if optional:
        annotation = next(part for part in optional.groups() if part is not None)
    return _ANNOTATIONS.get(annotation.strip())


def literal_type(value: Any) -> str | None:
    """The flag type of a literal's value; a number may be any number, as in Guild."""
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return "string" if isinstance(value, str) else None


def skipped(cell: int, source: Source, offset: int, reason: str) -> Skipped:
    """What is passed over at ``offset`` of ``source``, the text of the cell of that index."""
    return Skipped(cell, source.position(offset)[0], source.line_at(offset), reason)
