"""All that the package says to its users, found in its source.

A message is the text that a call in CARRIERS is given, put into the sentence that it becomes part
of. ``…`` stands in it for each part that is filled in. A variable stands for all that its function
assigns to it.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import guild_notebook

PACKAGE = Path(guild_notebook.__file__).parent

GAP = "…"

_SKIPPED = "cell …, line …: … ({})"
_RUN = "guild-notebook: {}…"

CARRIERS = {
    "UserError": (0, "{}"),
    "RunError": (0, "{}"),
    "NotebookError": (0, "{}"),
    "OptionError": (0, "{}"),
    "PartError": (0, "operation '…': 'nb-report': {}"),
    "FlagError": (0, "{}"),
    "KernelError": (0, "{}"),
    "ModelOpResolutionError": (0, "{}"),
    "StdinNotImplementedError": (0, "{}"),
    "_RefusedError": (0, "flag … takes {}, not …"),
    "write": (0, "{}"),  # of StatusLines
    "write_status": (0, "{}"),
    "_say": (0, "{}"),
    "_said": (0, "{}"),
    "_say_once": (1, "{}"),
    "write_line": (0, "{}"),
    "print": (0, "{}"),
    "info": (0, "{}"),
    "error": (0, "{}"),  # of guild.cli
    "warning": (0, "{}"),
    "SystemExit": (0, "{}"),
    "UsageError": (0, "{}"),
    "ClusterError": (0, "{}"),
    "ArchiveError": (0, "{}"),
    "WorkerLostError": (0, "{}"),
    "set_lost": (0, "{}"),
    "write_error": (1, "{}"),
    "OSError": (0, "{}"),
    "Outcome": (2, _RUN),
    "AttemptResult": (1, "{}"),
    "_warn": (0, "flag …: {}"),
    "append": (0, "flag …: {}"),  # to a list of warnings
    "_NoFieldError": (0, _SKIPPED),
    "NotAFlag": (1, _SKIPPED),
    "_Marker": (-1, _SKIPPED),
}
"""Functions that are given a message, the position of the argument that it is, and what is made
of it."""

RECEIVERS = {
    "append": r".*warnings\.append",
    "error": r"cli\.error",
    "write": r"(.*status_lines|self)\.write",
}
"""How the whole call of a carrier begins whose name others have too."""

OF_MODULE = {
    "compare/server.py": {"_Refusal": (1, "{}")},
    "compat/stops.py": {"out": (0, "{}")},
    "cluster/pid_proxy.py": {"print": (9, "")},  # for the process that has started it
    "run/forked_trial.py": {"say": (0, "{}")},
    "run/kernel/forking.py": {"say": (0, "{}")},
    "run/kernel/launcher.py": {"print": (9, "")},  # a line of ipykernel's own
    "run/record/run_files.py": {"OSError": (1, "guild-notebook: …: {}")},
}
"""Where a module has a function of such a name that is given something else."""

REASONS = {
    "cluster/queue.py": "{}",
    **dict.fromkeys(
        (f"options/{name}.py" for name in ("readers", "reports", "scalars")),
        "…: '…' {}, not '…'",
    ),
    **dict.fromkeys(
        (f"flags/languages/{name}.py" for name in ("bash", "language", "line_based")),
        "flag … cannot hold … in …: {}",
    ),
}
"""Modules whose ValueErrors are made messages by who catches them."""

FUNCTIONS = {
    "_error_line": _RUN,
    "version_error": "worker … {}",
    "_obstacle": "leaving … staged: {}",
    "fill_in_warning": "{}",
    "secret_warning": "{}",
    "type_warning": "{}",
    "assigned_again_warning": "{}",
    "choose": "{}",
    "_kernel_option": "{}",
    "lack": "{}",
    "without": "{}",
    "warnings": "{}",
    "refusal": "{}",
    "_preview": "{}",
    "_example": "{}",
    "_likely_scalars": "{}",
    "_without_library": "{}",
    "_not_shown": "{}",
    "_loads_note": "{}",
    "omission": "{}",
    "omission_of": "{}",
    "_as_written_note": "{}",
    "advice": "{}",
    "unasked": "{}",
    "_unknown_option": "{}",
    "_operation": "{}",
    "_optimizer": "{}",
    "_argument": "{}",
    "_flag": "{}",
    "_folder": "{}",
    "_import": "{}",
    "by_pattern": "{}",
    "merge_conflict": "{}",
    "_option_warnings": "{}",
    "_unknown_columns": "{}",
    "_guildfile": "{}",
    "_heading": "{}",
    "_counts_line": "{}",
    "_best_line": "{}",
    "_notes": "{}",
}
"""Functions that return or yield messages."""

VARIABLES = {
    "reason": _SKIPPED,
    "_NO_FIELDS": _SKIPPED,
    "warnings": "flag …: {}",
}
"""Variables that hold messages."""


_TEXTS = ast.parse((PACKAGE / "texts.py").read_text("utf-8"))

PIECES = {"end", "duration"}
"""Variables and functions that are a part of a message, with words of their own."""


def all_messages() -> dict[str, str]:
    """Each message, and the file that has it, relative to the package."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        carriers = {**CARRIERS, **OF_MODULE.get(name, {})}
        for text in in_source(path.read_text("utf-8"), REASONS.get(name, ""), carriers):
            found.setdefault(text, name)
    return found


def in_source(
    source: str, reasons: str = "", carriers: Mapping[str, tuple[int, str]] = CARRIERS
) -> Iterator[str]:
    """The messages in the text of a module; ``reasons`` is what becomes of its ValueErrors."""
    module = ast.parse(source)
    scopes = [n for n in ast.walk(module) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assigns = (ast.Assign, ast.AnnAssign)
    tables = ast.Module([node for node in module.body if isinstance(node, assigns)], [])
    for scope in [tables, *scopes]:
        for value, sentence in _carried(scope, {"ValueError": (0, reasons), **carriers}):
            for text in _Reader(scope, module).texts(value, 3):
                if _says_something(text):
                    whole = text if text.startswith("flag ") else sentence.replace("{}", text)
                    yield " ".join(whole.split()).replace(GAP + GAP, GAP)


def pattern(message: str) -> re.Pattern[str]:
    """What matches a message whose gaps are filled."""
    return re.compile(".*".join(map(re.escape, message.split(GAP))))


def _says_something(text: str) -> bool:
    """Whether a text is a message by itself: what only passes another on is none."""
    return any(c.isalpha() for c in re.sub("^(guild-notebook|warning):", "", text))


def _carried(
    scope: ast.AST, carriers: Mapping[str, tuple[int, str]]
) -> Iterator[tuple[ast.expr, str]]:
    """The expressions in a function that are messages, and the sentence that each goes into."""
    returned = FUNCTIONS.get(getattr(scope, "name", ""))
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            name = _name(node.func)
            position, sentence = carriers.get(name, (0, ""))
            whole = RECEIVERS.get(name, ".*")
            is_carrier = sentence and re.fullmatch(whole, ast.unparse(node.func), re.DOTALL)
            if is_carrier and position < len(node.args):
                yield node.args[position], sentence
        elif isinstance(node, (ast.Return, ast.Yield)) and returned and node.value:
            yield node.value, returned
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                if sentence := VARIABLES.get(_name(target), ""):
                    yield node.value, sentence


def _is_sign(node: ast.expr) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, str) and not any(map(str.isalpha, value))


def _name(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


@dataclass
class _Reader:
    """Reads the texts that an expression may have in a function."""

    scope: ast.AST
    module: ast.Module

    def texts(self, value: ast.AST, depth: int) -> Iterator[str]:
        if isinstance(value, ast.Constant):
            yield re.sub(r"%[sri]", GAP, value.value) if isinstance(value.value, str) else GAP
        elif isinstance(value, ast.JoinedStr):
            parts = ([*self._part(part, depth)] for part in value.values)
            yield from map("".join, itertools.product(*parts))
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            for left in self.texts(value.left, depth):
                yield from (left + right for right in self.texts(value.right, depth))
        elif inner := self._inner(value):
            for item in inner:
                yield from self.texts(item, depth)
        elif isinstance(value, ast.Name) and depth and depth > -8:  # assigned from itself
            yield from self._variable(value.id, depth - 1)
        else:
            yield GAP

    def _part(self, part: ast.expr, depth: int) -> Iterator[str]:
        """A part of an f-string: a choice of texts counts, and a piece that is made above it or
        by a function in PIECES; all else is filled in."""
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        choices = (ast.Constant, ast.IfExp, ast.BoolOp)
        if isinstance(inner, ast.Name) and inner.id in PIECES and depth > 0:
            return self._variable(inner.id, depth - 1)
        if isinstance(inner, ast.Call) and _name(inner.func) in PIECES:
            return self._returned(_name(inner.func), depth - 1)
        return self.texts(inner, depth if isinstance(inner, choices) else -1)

    def _returned(self, function: str, depth: int) -> Iterator[str]:
        for module in (self.module, _TEXTS):
            named = (n for n in ast.walk(module) if getattr(n, "name", "") == function)
            for node in filter(lambda n: isinstance(n, ast.FunctionDef), named):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value:
                        yield from self.texts(inner.value, depth)
                return

    @staticmethod
    def _inner(value: ast.AST) -> list[ast.expr]:
        if isinstance(value, ast.IfExp):
            return [value.body, value.orelse]
        if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
            return [value.elt]
        if isinstance(value, (ast.Tuple, ast.List)):
            return value.elts
        if isinstance(value, ast.BoolOp):  # ``name or '.'`` is no other text
            return [v for v in value.values if not _is_sign(v)]
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
