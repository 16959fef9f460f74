"""Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar

from . import calls, changes, literals
from .language import Change, Language, NameAssignment, NotAFlag, too_long
from .source import ParsedLine, Source, expression_of
from .values import LONGEST_STATEMENT, literal_or_computed, shortened

# What a logical line must begin like for an assignment to be on it: most lines need no parsing.
_MAY_ASSIGN = re.compile(
    r"(?:import|from|print)\b[^#]*;|(?!(?:if|for|while|def|class|with|import|from|return|print)\b)"
    "[^=;#]*[=;]"
)
_LOOKS_ASSIGNED = re.compile(r"[\w.]+[ \t]*(?::[^=]*)?=(?!=)")
_FROM_IPYTHON = re.compile(r"[^=%!]*=[ \t]*[%!]")
_TEXT_FUNCTION = re.compile(
    r"(?:^str|\.join|\.format|\.strftime|\.isoformat|\bgetenv|\benviron\.get|\bgetcwd"
    r"|\bpath\.(?:abspath|basename|dirname|expanduser|normpath|realpath))$"
)
_SEQUENCE = (ast.Tuple, ast.List)
_VARIABLE = '__import__("os").environ["{0}"]'


class Python(Language):
    """Cells that IPython hands to another language hold no assignments."""

    name = "python"
    aliases = ("ipython", "sage")
    type_names: ClassVar = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
    environment_expressions: ClassVar = {
        "text": _VARIABLE,
        "integer": f"int({_VARIABLE})",
        "number": f"float({_VARIABLE})",
        "boolean": f'({_VARIABLE} == "true")',
        "code": f"eval({_VARIABLE})",
    }

    def read(self, text: str) -> Any:
        return literals.read(text)

    def write(self, value: Any, like: str) -> str:
        return literals.write(value, like)

    def expression(self, text: str) -> str | None:
        return literals.one_expression(text)

    def is_text(self, expression: str) -> bool:
        """Of f-strings, what is joined with text, and calls that always return text."""
        node = expression_of(expression)
        return node is not None and _is_text(node)

    def assignments(self, text: str) -> Iterator[NameAssignment | NotAFlag]:
        """Of ``x = y = 1`` the last name, as Guild does: a value for one is a value for both. Of
        ``x, y = 1, 2`` each name."""
        if "=" not in text:
            return  # not worth parsing
        source = Source(text)
        if not source.is_python:
            return
        for start, end in source.scan.ipython:
            if _FROM_IPYTHON.match(source.plain, start, end):
                yield NotAFlag(start, "a line of IPython")
        plain = source.plain
        lines = [
            line for line in source.top_level if _MAY_ASSIGN.match(plain, line.start, line.end)
        ]
        source.parse_together(lines)
        for line in lines:
            parsed = source.take_parsed(line)
            if not parsed.nodes and _LOOKS_ASSIGNED.match(plain, line.start, line.end):
                is_long = line.end - line.start > LONGEST_STATEMENT
                unread = NotAFlag(line.start, "not readable as Python")
                yield too_long(line.start) if is_long else unread
            for node in parsed.nodes:
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                    yield from _assignments(parsed, node)

    def may_change(self, text: str) -> list[str]:
        return changes.may_change(text)

    def changes(self, text: str, names: AbstractSet[str]) -> Iterator[Change]:
        return changes.changes(text, names)


def _is_text(node: ast.expr) -> bool:
    operands = [node]
    while operands:  # as many as there are: a sum may be deeper than Python's stack
        node = operands.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod, ast.Mult)):
            operands += [node.left, node.right]
        elif isinstance(node, ast.Subscript):
            of = node.value
            if isinstance(of, ast.Attribute) and of.attr == "environ":
                return True
        elif isinstance(node, ast.Call):
            if _TEXT_FUNCTION.search(calls.dotted(node.func)):
                return True
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            return True
    return False


def _assignments(
    parsed: ParsedLine, node: ast.Assign | ast.AnnAssign | ast.AugAssign
) -> Iterator[NameAssignment | NotAFlag]:
    start, end = parsed.span(node)
    if isinstance(node, ast.AugAssign):
        yield NotAFlag(start, "an augmented assignment")
        return
    if node.value is None:
        yield NotAFlag(start, "an annotation without a value")
        return
    *others, target = node.targets if isinstance(node, ast.Assign) else [node.target]
    for other in others:
        first, last = (
            shortened(parsed.source.text[slice(*parsed.span(n))]) for n in (other, target)
        )
        yield NotAFlag(start, f"{first} has the value of {last}, which is set for both")
    annotation = annotation_of(parsed, node)
    for name, value in _pairs(target, node.value):
        if isinstance(name, _SEQUENCE):
            yield NotAFlag(start, "an assignment to several names")
        elif not isinstance(name, ast.Name):
            yield NotAFlag(start, "an assignment to no name")
        else:
            literal, computed = literal_or_computed(literals.value_of, value)
            spans = (start, end, *parsed.span(value))
            yield NameAssignment(name.id, literal, computed, annotation, *spans)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target and what is assigned to it: those within ``a, (b, c) = 1, (2, 3)``, but for what
    only a running program can tell apart."""
    if isinstance(target, _SEQUENCE) and isinstance(value, _SEQUENCE):
        has_star = any(isinstance(part, ast.Starred) for part in target.elts + value.elts)
        if not has_star and len(target.elts) == len(value.elts):
            for pair in zip(target.elts, value.elts):
                yield from _pairs(*pair)
            return
    yield target, value


def annotation_of(parsed: ParsedLine, node: ast.stmt) -> str:
    """The text of an assignment's type annotation, "" where it has none."""
    if not isinstance(node, ast.AnnAssign):
        return ""
    return parsed.source.text[slice(*parsed.span(node.annotation))]
