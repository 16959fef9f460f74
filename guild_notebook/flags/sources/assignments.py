"""Module-level assignments of literals: what declares flags where nothing else does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..languages import foreign
from ..languages.cells import CodeCell
from ..languages.literals import NotLiteralError, is_number, value_of
from ..languages.source import ParsedLine, Source
from ..model import Flag, Found, Site, Skipped

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
_LOOKS_ASSIGNED = re.compile(r"[\w.]+[ \t]*(?::[^=]*)?=(?!=)")
_FROM_IPYTHON = re.compile(r"[^=%!]*=[ \t]*[%!]")


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


@dataclass(frozen=True)
class NoFlag:
    """An assignment at ``begin`` of its cell that can be no flag, and why."""

    begin: int
    reason: str


def find(cells: Iterable[CodeCell]) -> Found:
    """Flags from assignments of literals at the top level of cells, the first of a name;
    assignments that are none are passed over with the reason."""
    found = Found()
    seen: dict[str, int] = {}
    for cell in cells:
        for assignment in assignments(cell):
            if isinstance(assignment, NoFlag):
                reason = assignment.reason
            else:
                reason = _reason_to_skip(assignment, seen)
            if reason:
                found.skipped.append(skipped(cell.index, cell.source, assignment.begin, reason))
            elif isinstance(assignment, Assignment):
                seen[assignment.name] = cell.index
                found.flags.append(flag(cell, assignment, "assign"))
    return found


def _reason_to_skip(assignment: Assignment, seen: dict[str, int]) -> str:
    if assignment.name in seen:
        return f"{assignment.name} is assigned before, in cell {seen[assignment.name]}"
    return "not a literal" if assignment.computed else ""


def assignments(cell: CodeCell) -> Iterator[Assignment | NoFlag]:
    """The top-level assignments of a cell in a language that is known, in order; of Python's
    ``x = y = 1`` the last name, as Guild does."""
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


def _python_assignments(source: Source) -> Iterator[Assignment | NoFlag]:
    for start, end in source.scan.ipython:
        if _FROM_IPYTHON.match(source.plain, start, end):
            yield NoFlag(start, "a line of IPython")
    plain = source.plain
    lines = [line for line in source.top_level if _MAY_ASSIGN.match(plain, line.start, line.end)]
    source.parse_together(lines)
    for line in lines:
        parsed = source.parsed(line)
        if not parsed.nodes and _LOOKS_ASSIGNED.match(plain, line.start, line.end):
            yield NoFlag(line.start, "not readable as Python")
        for node in parsed.nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                yield _assignment(parsed, node)


def _assignment(
    parsed: ParsedLine, node: ast.Assign | ast.AnnAssign | ast.AugAssign
) -> Assignment | NoFlag:
    begin, stop = parsed.span(node)
    if isinstance(node, ast.AugAssign):
        return NoFlag(begin, "an augmented assignment")
    if node.value is None:
        return NoFlag(begin, "an annotation without a value")
    target = node.targets[-1] if isinstance(node, ast.Assign) else node.target
    if not isinstance(target, ast.Name):
        several = isinstance(target, (ast.Tuple, ast.List))
        return NoFlag(begin, f"an assignment to {'several names' if several else 'no name'}")
    value, computed = literal_or_computed(node.value)
    annotation = annotation_of(parsed, node)
    return Assignment(target.id, value, computed, *parsed.span(node.value), annotation, begin, stop)


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
