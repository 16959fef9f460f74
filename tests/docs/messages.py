"""All that the package says to its users, found in its source.

A message is the text that a call in CARRIERS is given, put into the sentence that it becomes part
of. ``…`` stands in it for each part that is filled in. A variable stands for all that its function
assigns to it.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import guild_notebook

PACKAGE = Path(guild_notebook.__file__).parent

GAP = "…"

_SKIPPED = "cell …, line …: … ({})"
_RUN = "guild-notebook: {}…"

CARRIERS = {
    "NotebookError": (0, "{}"),
    "OptionError": (0, "{}"),
    "FlagError": (0, "{}"),
    "KernelError": (0, "{}"),
    "ModelOpResolutionError": (0, "{}"),
    "StdinNotImplementedError": (0, "{}"),
    "_RefusedError": (0, "flag … takes {}, not …"),
    "say": (0, "{}"),
    "warning": (0, "{}"),
    "_failure": (0, "kernel '…' {}…"),
    "Outcome": (2, _RUN),
    "_warn": (0, "flag …: {}"),
    "append": (0, "flag …: {}"),  # to a list of warnings
    "_NoFieldError": (0, _SKIPPED),
    "NoFlag": (1, _SKIPPED),
    "_Marker": (-1, _SKIPPED),
}
"""Functions that are given a message, the position of the argument that it is, and what is made
of it."""

REASONS = {
    "options.py": "…: '…' {}, not '…'",
    "flags/foreign_write.py": "flag … cannot hold … in …: {}",
}
"""Modules whose ValueErrors are made messages by who catches them."""

FUNCTIONS = {
    "fill_in_warning": "{}",
    "secret_warning": "{}",
    "choose": "{}",
    "warnings": "{}",
    "_preview": "{}",
    "_reason_to_skip": _SKIPPED,
}
"""Functions that return or yield messages."""

VARIABLES = {
    "reason": _SKIPPED,
    "_NO_FIELDS": _SKIPPED,
    "note": "{}",
    "warnings": "flag …: {}",
}
"""Variables that hold messages."""


def all_messages() -> dict[str, str]:
    """Each message, and the file that has it, relative to the package."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for text in in_source(path.read_text("utf-8"), REASONS.get(name, "")):
            found.setdefault(text, name)
    return found


def in_source(source: str, reasons: str = "") -> Iterator[str]:
    """The messages in the text of a module; ``reasons`` is what becomes of its ValueErrors."""
    module = ast.parse(source)
    scopes = [n for n in ast.walk(module) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assigns = (ast.Assign, ast.AnnAssign)
    tables = ast.Module([node for node in module.body if isinstance(node, assigns)], [])
    for scope in [tables, *scopes]:
        for value, sentence in _carried(scope, reasons):
            for text in _Reader(scope).texts(value, 3):
                if _says_something(text):
                    whole = text if text.startswith("flag ") else sentence.replace("{}", text)
                    yield " ".join(whole.split()).replace(GAP + GAP, GAP)


def pattern(message: str) -> re.Pattern[str]:
    """What matches a message whose gaps are filled."""
    return re.compile(".*".join(map(re.escape, message.split(GAP))))


def _says_something(text: str) -> bool:
    """Whether a text is a message by itself: what only passes another on is none."""
    return any(c.isalpha() for c in text.replace(GAP, "").replace("guild-notebook", ""))


def _carried(scope: ast.AST, reasons: str) -> Iterator[tuple[ast.expr, str]]:
    """The expressions in a function that are messages, and the sentence that each goes into."""
    returned = FUNCTIONS.get(getattr(scope, "name", ""))
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            position, sentence = CARRIERS.get(name, (0, reasons if name == "ValueError" else ""))
            of_warnings = name != "append" or "warnings" in ast.unparse(node.func)
            if sentence and of_warnings and position < len(node.args):
                yield node.args[position], sentence
        elif isinstance(node, (ast.Return, ast.Yield)) and returned and node.value:
            yield node.value, returned
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                if sentence := VARIABLES.get(_name(target), ""):
                    yield node.value, sentence


def _name(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


@dataclass
class _Reader:
    """Reads the texts that an expression may have in a function."""

    scope: ast.AST

    def texts(self, value: ast.AST, depth: int) -> Iterator[str]:
        if isinstance(value, ast.Constant):
            yield re.sub(r"%[sr]", GAP, value.value) if isinstance(value.value, str) else GAP
        elif isinstance(value, ast.JoinedStr):
            parts = ([*self._part(part, depth)] for part in value.values)
            yield from map("".join, itertools.product(*parts))
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            for left in self.texts(value.left, depth):
                yield from (left + right for right in self.texts(value.right, depth))
        elif inner := self._inner(value):
            for item in inner:
                yield from self.texts(item, depth)
        elif isinstance(value, ast.Name) and depth:
            yield from self._variable(value.id, depth - 1)
        else:
            yield GAP

    def _part(self, part: ast.expr, depth: int) -> Iterator[str]:
        """A part of an f-string: a choice of texts counts, all else is filled in."""
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        return self.texts(inner, depth if isinstance(inner, (ast.Constant, ast.IfExp)) else -1)

    @staticmethod
    def _inner(value: ast.AST) -> list[ast.expr]:
        if isinstance(value, ast.IfExp):
            return [value.body, value.orelse]
        if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
            return [value.elt]
        if isinstance(value, (ast.Tuple, ast.List)):
            return value.elts
        if isinstance(value, ast.Dict):
            return value.values
        if isinstance(value, ast.Call) and _name(value.func) == "get":
            return value.args[1:]
        return []

    def _variable(self, name: str, depth: int) -> Iterator[str]:
        found = False
        for node in ast.walk(self.scope):
            if isinstance(node, ast.Assign) and any(_name(t) == name for t in node.targets):
                found = True
                yield from self.texts(node.value, depth)
            elif isinstance(node, ast.AugAssign) and _name(node.target) == name:
                yield from (GAP + text for text in self.texts(node.value, depth))
        if not found:
            yield GAP
