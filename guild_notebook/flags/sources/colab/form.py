"""Colab forms: assignments with a ``#@param`` comment.

In the order of reading: which statement an annotation belongs to and the form field that they make,
the texts of a form beside its fields, and the flags of fields that share a name.
"""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from ....document.cells import FOR_TOOLS, TITLE, title_text
from ...languages.literals import value_of
from ...languages.python import annotation_of
from ...languages.source import ParsedLine, Source, Statement
from ...languages.values import literal_or_computed, same
from ...model import Flag, Found, Site, Skipped
from ..assignments import CodeCell, have_same_default
from .annotation import Annotation, help_text, typed_field

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

_MARKDOWN = re.compile(r"#[ \t]*@markdown\b[ \t]*(.*)")
_RULE = re.compile(r"-{3,}\s*")
_BULLET = re.compile(r"[-*+•][ \t]+")
_PLAIN = re.compile(r"#+(?![ \t]*@)[ \t]*(.*)")
_NO_TEXT = re.compile(r"\W*|.*@[ \t]*param\b.*")


class _NoFieldError(Exception):
    """The annotation does not make a field; the text is the reason."""


@dataclass(frozen=True)
class FormField:
    """A form field as a flag, the start of the logical line of ``source`` that it stands on, and
    what is odd about its annotation."""

    flag: Flag
    source: Source
    line: int
    warnings: list[str]


def find(cells: Iterable[CodeCell]) -> Found:
    """The form fields of all cells as flags; annotations that do not make one are passed over."""
    passed_over: list[Skipped] = []
    fields = [field for cell in cells for field in _fields(cell, passed_over)]
    flags, warnings = _flags(fields)
    return Found(flags, passed_over, warnings)


def _fields(cell: CodeCell, passed_over: list[Skipped]) -> Iterator[FormField]:
    markers = list(MARKER.finditer(cell.text)) if "param" in cell.text else []
    if not markers:
        return
    after = _COMMENTS_AFTER.match(cell.text, markers[-1].end())
    source = Source(cell.text, after and after.end())
    if cell.language != "python" or not source.is_python:
        reason = "a cell of another language"
        passed_over += [cell.skipped(marker.start(), reason) for marker in markers]
        return
    descriptions = Descriptions(source)
    titles = [(title.start(), title_text(title)) for title in TITLE.finditer(cell.text)]
    used: set[int] = set()
    for marker in _markers(source, markers):
        try:
            statement = _statement(source, marker)
            if statement.start in used:
                raise _NoFieldError("its statement has an annotation before it")
            yield _field(cell, statement, marker, titles, descriptions)
            used.add(statement.start)
        except _NoFieldError as e:
            passed_over.append(cell.skipped(marker.start, str(e)))


class _Marker(NamedTuple):
    """One annotation: ``start`` to ``end`` is ``#@param``, ``comment`` the span of the comment
    that it stands in; ``reason`` says why it does not make a field, "" where it may."""

    start: int
    end: int
    comment: tuple[int, int]
    reason: str


def _markers(source: Source, matches: list[re.Match[str]]) -> Iterator[_Marker]:
    done: tuple[int, int] | None = None
    for match in matches:
        span = match.span()
        if comment := _span_at(span[0], source.scan.comments):
            if comment == done:
                continue  # a second marker in a comment is text of the first
            span = done = comment
            reason = "a blank between @ and param" if match.group(1) else ""
        elif _span_at(span[0], source.scan.ipython):
            reason = "a line of IPython"
        elif _span_at(span[0], source.scan.strings):
            reason = "inside a string"
        else:
            reason = "not readable as Python"
        yield _Marker(*match.span(), span, reason)


def _span_at(offset: int, spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    index = bisect_right(spans, (offset, sys.maxsize)) - 1
    return spans[index] if index >= 0 and offset < spans[index][1] else None


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


def _field(
    cell: CodeCell,
    statement: Statement,
    marker: _Marker,
    titles: list[tuple[int, str]],
    descriptions: Descriptions,
) -> FormField:
    parsed = statement.parsed
    source = parsed.source
    comment_start, comment_end = marker.comment
    target, value = _target_and_value(statement.node)
    if comment_start < statement.end:
        _refuse_keyword_argument(source, statement, comment_start)
    start, end = parsed.span(value)
    default, computed = literal_or_computed(value_of, value)
    annotation = Annotation(cell.text[marker.end : comment_end])
    placeholder = annotation.options.get("placeholder")
    first, last = source.position(statement.start)[0], source.position(statement.end)[0]
    texts = (
        descriptions.of(first, last),
        help_text(FOR_TOOLS.sub("", cell.text[comment_start : marker.start])),
        annotation.help,
        placeholder and f"e.g. {placeholder}",
    )
    flag = Flag(
        name=_name(cell.text, target, parsed),
        kind="input",
        type=None,
        default=default,
        default_source=cell.text[start:end],
        sites=(Site(cell.index, start, end),),
        computed=computed,
        description="; ".join(dict.fromkeys(filter(None, texts))),
        group=_title_at(statement.start, titles),
        language=cell.language,
        where=cell.label,
    )
    flag, warnings = typed_field(flag, annotation, annotation_of(parsed, statement.node))
    return FormField(flag, source, parsed.line.start, warnings)


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
        if isinstance(node, ast.keyword):
            end = statement.parsed.span(node.value)[1]
            if end <= comment and source.position(end)[0] == line:
                raise _NoFieldError("a keyword argument")


def _name(text: str, target: ast.expr, parsed: ParsedLine) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        return "".join(text[slice(*parsed.span(target))].splitlines())
    raise _NoFieldError("an assignment to several names")


def _title_at(offset: int, titles: list[tuple[int, str]]) -> str:
    """The title above ``offset``, else the cell's first; "" where it has none."""
    index = max(bisect_right(titles, (offset, "")) - 1, 0)
    return titles[index][1] if titles else ""


class Descriptions:
    """The texts of one cell that describe its fields; a block of Markdown describes one field
    only."""

    def __init__(self, source: Source) -> None:
        # comments that stand on a line of their own, by line
        self._lines = {
            source.position(start)[0]: source.text[start:end]
            for start, end in source.scan.comments
            if source.line_at(start).startswith("#")
        }
        self._used: set[int] = set()

    def of(self, first: int, last: int) -> str:
        """The text for a field on lines ``first`` to ``last``: the Markdown block directly
        above, else a bullet block directly below, else the plain comment directly above."""
        above = self._block(first - 1, -1, _MARKDOWN)
        if above and self._use(above):
            return _text(above)
        below = self._block(last + 1, 1, _MARKDOWN)
        if below and _BULLET.match(below[last + 1]) and self._use(below):
            return _text(below)
        return _text(self._block(first - 1, -1, _PLAIN), without=_NO_TEXT)

    def _block(self, line: int, step: int, pattern: re.Pattern[str]) -> dict[int, str]:
        block = {}
        while match := pattern.match(self._lines.get(line, "")):
            block[line] = match.group(1)
            line += step
        return block

    def _use(self, block: dict[int, str]) -> bool:
        if not self._used.isdisjoint(block):
            return False
        self._used.update(block)
        return True


def _text(block: dict[int, str], without: re.Pattern[str] | None = None) -> str:
    lines = (block[line] for line in sorted(block))
    texts = [_BULLET.sub("", line.strip(), count=1) for line in lines if not _RULE.fullmatch(line)]
    texts = [FOR_TOOLS.sub("", f"#{text}")[1:] if without else text for text in texts]
    return " ".join(text for text in texts if text and not (without and without.fullmatch(text)))


def _flags(fields: list[FormField]) -> tuple[list[Flag], list[str]]:
    """The flags of ``fields``, in their order, and the warnings about them.

    Fields of one name are one flag where they agree or stand in branches of one ``if``. Otherwise
    there is one flag that sets all of them and one for each: ``name@title``, by the title of its
    cell, or ``name@N`` by order where titles do not tell them apart.
    """
    by_name: dict[str, list[FormField]] = {}
    for field in fields:
        by_name.setdefault(field.flag.name, []).append(field)
    flags: list[Flag] = []
    warnings: list[str] = []
    for name, same_name in by_name.items():
        first = same_name[0].flag
        for field in same_name:
            texts = (f"flag {field.flag.label}: {warning}" for warning in field.warnings)
            warnings += [text for text in texts if text not in warnings]
        if len(same_name) == 1:
            flags.append(first)
            continue
        sites = tuple(site for field in same_name for site in field.flag.sites)
        mixed = not all(have_same_default(first, field.flag) for field in same_name)
        flags.append(replace(first, sites=sites, mixed=mixed))
        if _agree(same_name) or _are_branches(same_name):
            warnings.append(f"flag {name} is declared {_times(same_name)}: it sets all of them")
            continue
        own = _own_flags(same_name)
        flags += own
        warnings.append(
            f"flag {name} is declared {_times(same_name)}, each differently: it sets all of "
            f"them; {', '.join(flag.name for flag in own)} set one each"
        )
    return flags, warnings


def _times(fields: list[FormField]) -> str:
    cells = [cell for cell, _ in groupby(field.flag.where for field in fields)]
    return f"{len(fields)} times, in {' and '.join(cells)}"


def _agree(fields: list[FormField]) -> bool:
    first = fields[0].flag
    return all(
        have_same_default(first, flag)
        and (first.type, first.kind, first.min, first.max, first.step, first.allow_other)
        == (flag.type, flag.kind, flag.min, flag.max, flag.step, flag.allow_other)
        and same(first.choices, flag.choices)
        for flag in (field.flag for field in fields[1:])
    )


def _are_branches(fields: list[FormField]) -> bool:
    """Whether any two fields stand in different branches of one statement of one cell."""
    if len({field.flag.sites[0].cell for field in fields}) != 1:
        return False
    branches = [field.source.branches[field.line] for field in fields]
    return all(
        any(a[start] != b[start] for start in a.keys() & b.keys())
        for index, a in enumerate(branches)
        for b in branches[index + 1 :]
    )


def _own_flags(fields: list[FormField]) -> list[Flag]:
    titles = [re.sub(r"\W+", "-", field.flag.group).strip("-").lower() for field in fields]
    flags = []
    for order, (field, title) in enumerate(zip(fields, titles), 1):
        suffix = title if title and titles.count(title) == 1 else order
        flags.append(replace(field.flag, name=f"{field.flag.name}@{suffix}"))
    return flags
