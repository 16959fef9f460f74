"""Python."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from . import literals
from .language import Language, NameAssignment, NotAFlag
from .source import ParsedLine, Source

# What a logical line must begin like for an assignment to be on it: most lines need no parsing.
_MAY_ASSIGN = re.compile(
    r"(?!(?:if|for|while|def|class|with|import|from|return|print)\b)[^=;#]*[=;]"
)
_LOOKS_ASSIGNED = re.compile(r"[\w.]+[ \t]*(?::[^=]*)?=(?!=)")
_FROM_IPYTHON = re.compile(r"[^=%!]*=[ \t]*[%!]")
_VARIABLE = '__import__("os").environ["{0}"]'


class Python(Language):
    """Cells that IPython hands to another language hold no assignments."""

    name = "python"
    aliases = ("ipython", "sage")
    implementations = ("ipython",)
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

    def assignments(self, text: str) -> Iterator[NameAssignment | NotAFlag]:
        """Of ``x = y = 1`` the last name, as Guild does."""
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
            parsed = source.parsed(line)
            if not parsed.nodes and _LOOKS_ASSIGNED.match(plain, line.start, line.end):
                yield NotAFlag(line.start, "not readable as Python")
            for node in parsed.nodes:
                if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                    yield _assignment(parsed, node)

    def setup_code(self, folders: list[str]) -> str:
        """One expression that runs ipython_setup.py in a namespace of its own, not in that of the
        notebook."""
        text = pkgutil.get_data(__package__, "ipython_setup.py")
        assert text is not None
        name = "guild_notebook.ipython_setup"
        names = f"'__name__': {name!r}, 'get_ipython': get_ipython, 'folders': {folders!r}"
        return f"exec(compile({text.decode('utf-8')!r}, '<guild run>', 'exec'), {{{names}}})"


def _assignment(
    parsed: ParsedLine, node: ast.Assign | ast.AnnAssign | ast.AugAssign
) -> NameAssignment | NotAFlag:
    start, end = parsed.span(node)
    if isinstance(node, ast.AugAssign):
        return NotAFlag(start, "an augmented assignment")
    if node.value is None:
        return NotAFlag(start, "an annotation without a value")
    target = node.targets[-1] if isinstance(node, ast.Assign) else node.target
    if not isinstance(target, ast.Name):
        several = isinstance(target, (ast.Tuple, ast.List))
        return NotAFlag(start, f"an assignment to {'several names' if several else 'no name'}")
    value, computed = literals.literal_or_computed(node.value)
    annotation = annotation_of(parsed, node)
    return NameAssignment(
        target.id, value, computed, annotation, start, end, *parsed.span(node.value)
    )


def annotation_of(parsed: ParsedLine, node: ast.stmt) -> str:
    """The text of an assignment's type annotation, "" where it has none."""
    if not isinstance(node, ast.AnnAssign):
        return ""
    return parsed.source.text[slice(*parsed.span(node.annotation))]
