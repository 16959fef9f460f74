"""The regular expressions of the package, and texts at which each of them may go back and forth."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import guild_notebook

try:
    from re import _constants as constants
    from re import _parser as parser
except ImportError:  # Python 3.10 and earlier
    import sre_constants as constants  # type: ignore[no-redef]
    import sre_parse as parser  # type: ignore[no-redef]

PACKAGE = Path(guild_notebook.__file__).parent

METHODS = ("match", "fullmatch", "search", "sub", "split", "findall", "finditer")

MAKING = {"re": "compile", "lazy": "pattern"}
"""What makes a pattern to be used later: flags/languages/lazy.py compiles it then."""

SAMPLE = " \t\nx0_a-.,:;=#\"'\\<>/(){}[]$@%\x1b\r\x00é\u201c"
"""Characters of which a class of characters is represented by those that it has."""


@dataclass(frozen=True)
class Used:
    """A pattern, with the place of its source and how it is used: at the start of a text, or from
    any place of it."""

    where: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


def used_patterns() -> tuple[list[Used], list[str]]:
    """All patterns of the package, and the places of those that are made of what is known only
    where they are used."""
    sources = {path: path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    whole = "\n".join(sources.values())
    found, local = [], []
    for path, source in sources.items():
        if not re.search(r"\b(?:re|lazy)\.", source):
            continue
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts).replace(".__init__", ""))
        tree = ast.parse(source)
        names = {
            id(node.value): ast.unparse(node.target if hasattr(node, "target") else node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, (ast.Assign, ast.AnnAssign))
        }
        for name, table in vars(module).items():
            for key, value in table.items() if isinstance(table, dict) else ():
                if isinstance(value, re.Pattern):
                    where = f"{path.relative_to(PACKAGE).as_posix()}: {name}[{key!r}]"
                    found.append(Used(where, value, frozenset({"match"})))
        for node in ast.walk(tree):
            if not _is_call_of_re(node):
                continue
            where = f"{path.relative_to(PACKAGE).as_posix()}: {ast.unparse(node)}"
            try:
                pattern = _pattern(node, vars(module))
            except NameError:
                local.append(where)
                continue
            name = node.func.attr
            uses = {name}
            if name in MAKING.values():
                named = re.escape(names.get(id(node), "-"))
                users = source if named.startswith("_") else whole
                uses = set(re.findall(rf"\b{named}\b(?:\[\w+\])?\.({'|'.join(METHODS)})\b", users))
            found.append(Used(where, pattern, frozenset(uses or {"match"})))
    return found, local


def _is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in MAKING
        and node.func.attr in (*METHODS, MAKING[node.func.value.id])
    )


def _pattern(call: ast.Call, names: dict[str, Any]) -> re.Pattern[str]:
    flags = [word.value for word in call.keywords if word.arg == "flags"]
    last = call.args[-1]
    if len(call.args) > 1 and "re." in ast.unparse(last):
        flags.append(last)
    values = [
        eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(names))
        for node in (call.args[0], *flags)
    ]
    return re.compile(values[0], values[1] if flags else 0)


def texts(pattern: re.Pattern[str], size: int) -> Iterator[str]:
    """Texts of about ``size`` characters: what leads to each repetition in the pattern, then what
    it repeats, then what nothing goes on with. Also all of this repeated."""
    seen = set()
    for before, repeated in _repetitions(parser.parse(pattern.pattern, pattern.flags)):
        for pump in repeated:
            for start, unit in ((before, pump), ("", before + pump), ("x\n" + before, pump)):
                for end in ("", "\x00", "\n!", "x"):
                    if unit and (start, unit, end) not in seen:
                        seen.add((start, unit, end))
                        yield start + unit * (size // len(unit)) + end


def _repetitions(items: Any, before: str = "") -> Iterator[tuple[str, list[str]]]:
    for operation, argument in items:
        for inner in _inner(operation, argument):
            if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT) and argument[1] > 1:
                yield before, list(dict.fromkeys(_examples(inner)))
            yield from _repetitions(inner, before)
        before += next(iter(_examples([(operation, argument)])), "")


def _inner(operation: Any, argument: Any) -> list[Any]:
    if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        return [argument[2]]
    if operation is constants.SUBPATTERN:
        return [argument[3]]
    if operation is constants.BRANCH:
        return list(argument[1])
    return []


def _examples(items: Any) -> list[str]:
    """Some texts that the items match, the shortest forms of repetitions."""
    made = [""]
    for operation, argument in items:
        made = [start + part for part in _parts(operation, argument) for start in made[:6]]
    return made


def _parts(operation: Any, argument: Any) -> list[str]:
    if operation is constants.LITERAL:
        return [chr(argument)]
    if operation is constants.IN:
        return [c for c in SAMPLE if _has(argument, c)][:8] or _first(argument)
    if operation in (constants.ANY, constants.NOT_LITERAL):
        return [c for c in " x0#" if argument != ord(c)]
    if operation in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        least = argument[0]
        once = _examples(argument[2])
        return [part * max(least, 1) for part in once][:6] + ([""] if not least else [])
    if operation is constants.SUBPATTERN:
        return _examples(argument[3])
    if operation is constants.BRANCH:
        return [part for branch in argument[1] for part in _examples(branch)[:3]]
    return [""]


def _first(items: Any) -> list[str]:
    for operation, argument in items:
        if operation is constants.LITERAL:
            return [chr(argument)]
        if operation is constants.RANGE:
            return [chr(argument[0])]
    return []


def _has(items: Any, character: str) -> bool:
    code, found, negated = ord(character), False, False
    for operation, argument in items:
        if operation is constants.NEGATE:
            negated = True
        elif operation is constants.LITERAL:
            found |= argument == code
        elif operation is constants.RANGE:
            found |= argument[0] <= code <= argument[1]
        elif operation is constants.CATEGORY:
            escape = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
            name = str(argument).replace("CATEGORY_", "").replace("UNI_", "")
            plain = name.replace("NOT_", "")
            inside = bool(re.match(escape[plain], character)) if plain in escape else False
            found |= inside != ("NOT_" in name)
    return found != negated
