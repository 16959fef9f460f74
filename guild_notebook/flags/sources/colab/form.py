"""Colab forms: assignments with a ``#@param`` comment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...languages.cells import CodeCell
from ...languages.literals import literal_or_computed
from ...languages.python import annotation_of
from ...languages.source import ParsedLine, Source, Statement
from ...model import Flag, Found, Site, Skipped
from ..assignments import skipped
from .field_types import field_type
from .grammar import help_text, parse
from .places import Place, merged
from .texts import Descriptions, Titles

MARKER = re.compile(r"#[ \t]*@([ \t]*)param(?!\w)")
_COMMENTS_AFTER = re.compile(r"[^\r\n]*(?:\s*#[^\r\n]*)*")
_ASSIGNS = re.compile(r"#+[ \t]*[\w.\[\]'\"]+[ \t]*(?::[^=#]*)?=(?!=)")
_NO_FIELDS: dict[type[ast.AST], str] = {
    ast.AugAssign: "an augmented assignment",
    ast.Compare: "a comparison, not an assignment",
    ast.NamedExpr: "an assignment expression",
    ast.Call: "a call, not an assignment",
    ast.FunctionDef: "a parameter's default or a function's first line",
    ast.AsyncFunctionDef: "a parameter's default or a function's first line",
}


class _NoFieldError(Exception):
    """The annotation makes no field; the text is the reason."""


def find(cells: Iterable[CodeCell]) -> Found:
    """The form fields of all cells as flags, and every annotation that makes none."""
    places: list[Place] = []
    passed_over: list[Skipped] = []
    for cell in cells:
        if "param" in cell.text and MARKER.search(cell.text):
            fields, no_fields = _read(cell)
            places += fields
            passed_over += no_fields
    flags, warnings = merged(places)
    return Found(flags, passed_over, warnings)


def _read(cell: CodeCell) -> tuple[list[Place], list[Skipped]]:
    markers = list(MARKER.finditer(cell.text))
    after = _COMMENTS_AFTER.match(cell.text, markers[-1].end())
    source = Source(cell.text, after and after.end())
    if cell.language != "python" or not source.is_python:
        reason = "a cell of another language"
        return [], [skipped(cell.index, source, marker.start(), reason) for marker in markers]
    titles, descriptions = Titles(cell.text), Descriptions(source)
    places: list[Place] = []
    passed_over: list[Skipped] = []
    used: set[int] = set()
    for marker in _markers(source, markers):
        try:
            statement = _statement(source, marker)
            if statement.start in used:
                raise _NoFieldError("its statement has an annotation before it")
            places.append(_place(cell, statement, marker, titles, descriptions))
            used.add(statement.start)
        except _NoFieldError as e:
            passed_over.append(skipped(cell.index, source, marker.start, str(e)))
    return places, passed_over


class _Marker(NamedTuple):
    """One annotation: ``start`` to ``end`` is ``#@param``, ``comment`` the span of the comment
    that it stands in; ``reason`` says why it is none where it is none."""

    start: int
    end: int
    comment: tuple[int, int]
    reason: str


def _markers(source: Source, matches: list[re.Match[str]]) -> Iterator[_Marker]:
    comments = source.scan.comments
    index = 0
    done: tuple[int, int] | None = None
    for match in matches:
        start = match.start()
        while index < len(comments) and comments[index][1] <= start:
            index += 1
        if index < len(comments) and comments[index][0] <= start:
            if comments[index] != done:  # a second marker in a comment is text of the first
                reason = "a blank between @ and param" if match.group(1) else ""
                yield _Marker(*match.span(), comments[index], reason)
            done = comments[index]
        elif _is_within(start, source.scan.ipython):
            yield _Marker(*match.span(), match.span(), "a line of IPython")
        elif _is_within(start, source.scan.strings):
            yield _Marker(*match.span(), match.span(), "inside a string")
        else:
            yield _Marker(*match.span(), match.span(), "not readable as Python")


def _is_within(offset: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= offset < end for start, end in spans)


def _place(
    cell: CodeCell,
    statement: Statement,
    marker: _Marker,
    titles: Titles,
    descriptions: Descriptions,
) -> Place:
    parsed = statement.parsed
    source = parsed.source
    comment_start, comment_end = marker.comment
    target, value = _target_and_value(statement.node)
    if comment_start < statement.end:
        _refuse_keyword_argument(source, statement, comment_start)
    start, end = parsed.span(value)
    default, computed = literal_or_computed(value)
    spec = parse(cell.text[marker.end : comment_end])
    takes = field_type(spec, annotation_of(parsed, statement.node), default, computed)
    first, last = source.position(statement.start)[0], source.position(statement.end)[0]
    texts = (
        descriptions.of(first, last),
        help_text(cell.text[comment_start : marker.start]),
        spec.help,
        takes.placeholder and f"e.g. {takes.placeholder}",
    )
    flag = Flag(
        name=_name(cell.text, target, parsed),
        kind=takes.kind,
        type=takes.type,
        default=default,
        default_source=cell.text[start:end],
        sites=(Site(cell.index, start, end),),
        computed=computed,
        choices=takes.choices,
        allow_other=takes.allow_other,
        min=takes.min,
        max=takes.max,
        step=takes.step,
        description="; ".join(dict.fromkeys(filter(None, texts))),
        group=titles.at(statement.start),
        choice_sources=takes.choice_sources,
        language=cell.language,
    )
    return Place(flag, source, parsed.line.start, takes.warnings)


def _statement(source: Source, marker: _Marker) -> Statement:
    """The statement that an annotation belongs to: the one that its comment ends, or that it
    stands in."""
    if marker.reason:
        raise _NoFieldError(marker.reason)
    comment = marker.comment[0]
    own_line = source.line_at(comment).startswith("#")
    if own_line and source.text[comment : marker.start].strip("# \t"):
        commented_out = _ASSIGNS.match(source.text, comment)
        raise _NoFieldError("commented-out" if commented_out else "no assignment on its line")
    line = source.line_of(comment)
    if line is None:
        raise _NoFieldError("no assignment on its line")
    before = [s for s in source.parsed(line).statements if s.start < comment]
    if before:
        return before[-1]
    header = source.block_header(line)
    if header is None:
        raise _NoFieldError("not readable as Python")
    return Statement(header, line.start, line.end, source.parsed(line))


def _target_and_value(node: ast.stmt) -> tuple[ast.expr, ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets[0], node.value
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            return node.target, node.value
        raise _NoFieldError("an annotation without a value")
    kind = type(node.value) if isinstance(node, ast.Expr) else type(node)
    raise _NoFieldError(_NO_FIELDS.get(kind, "not an assignment"))


def _refuse_keyword_argument(source: Source, statement: Statement, comment: int) -> None:
    line = source.position(comment)[0]
    for node in ast.walk(statement.node):
        if not isinstance(node, ast.keyword):
            continue
        end = statement.parsed.span(node.value)[1]
        if end <= comment and source.position(end)[0] == line:
            raise _NoFieldError("a keyword argument")


def _name(text: str, target: ast.expr, parsed: ParsedLine) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        return "".join(text[slice(*parsed.span(target))].splitlines())
    raise _NoFieldError("an assignment to several names")
