"""Cells that wait for somebody: for input, a debugger, a window, a browser, or that serve others
and never end. Nobody is there while a run executes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .blocks import Block, dotted
from .findings import ERROR, NOTE, WARNING, Finding

RULE = "asks-input"

_INPUT = "asks for input, and a run has nobody to answer: take the value as a flag"
_DEBUGGER = "starts a debugger, and a run has nobody to use it: take it out"
_LOGIN = "asks for a login, and a run has nobody to answer: log in before, or use a secret flag"
_WINDOW = "opens a window, and a run has no screen: show an image below the cell in its place"
_BROWSER = "waits for a browser, and a run has none: do it before, or leave the cell out of runs"
_SERVES = "serves until it is stopped, and so the run never ends: leave the cell out of runs"

_CALLS = {
    "input": _INPUT,
    "raw_input": _INPUT,
    "getpass.getpass": _INPUT,
    "pwinput.pwinput": _INPUT,
    "breakpoint": _DEBUGGER,
    "pdb.set_trace": _DEBUGGER,
    "ipdb.set_trace": _DEBUGGER,
    "IPython.core.debugger.set_trace": _DEBUGGER,
    "IPython.embed": _DEBUGGER,
    "code.interact": _DEBUGGER,
    "cv2.imshow": _WINDOW,
    "cv2.waitKey": _WINDOW,
    "cv2.namedWindow": _WINDOW,
    "tkinter.Tk": _WINDOW,
    "turtle.done": _WINDOW,
    "turtle.mainloop": _WINDOW,
    "pygame.display.set_mode": _WINDOW,
    "matplotlib.pyplot.ginput": _WINDOW,
    "matplotlib.pyplot.waitforbuttonpress": _WINDOW,
    "google.colab.files.upload": _BROWSER,
    "google.colab.drive.mount": _BROWSER,
    "google.colab.auth.authenticate_user": _BROWSER,
    "ee.Authenticate": _LOGIN,
    "uvicorn.run": _SERVES,
}
"""Functions by their full names. Those of the libraries that log in only where nobody has
(wandb, huggingface_hub) are not among them, nor what opens a page and goes on (webbrowser)."""

_SERVERS = {"serve_forever": _SERVES, "mainloop": _WINDOW}
"""Methods without arguments whose objects may be any."""

_LINE = re.compile(r"[ \t]*(?:\w+[ \t]*=[ \t]*)?(%{1,2}|!{1,2})[ \t]*(\w[\w-]*)(.*)", re.S)
_MAGICS = {"debug": _DEBUGGER}
_WINDOWS = re.compile(r"(?:qt\d?|tk|gtk\d?|wx|osx)(?:agg|cairo)?", re.I)
_LOGINS: tuple[tuple[str, ...], ...] = (
    *(("huggingface-cli", "login"), ("hf", "auth", "login"), ("gcloud", "auth", "login")),
    *(("gh", "auth", "login"), ("az", "login"), ("heroku", "login"), ("docker", "login")),
)
_GIVEN = ("-p", "--token", "--password", "--cred-file", "--identity", "--service-principal")
"""Options that answer what these would ask."""

_SERVERS_OF_SHELL: tuple[tuple[str, ...], ...] = (
    *(("tensorboard",), ("streamlit", "run"), ("mlflow", "ui"), ("jupyter", "notebook")),
    *(("jupyter", "lab"), ("python", "-m", "http.server"), ("python3", "-m", "http.server")),
)
_ENDING = ("dev", "list", "stop", "--version", "--help")
"""With which these end."""

_MOST_WORDS = 1_000
_DEEPEST = 20
"""Functions that call each other are followed so far."""


class _Waits(NamedTuple):
    at: ast.expr
    name: str
    why: str


def findings(blocks: Iterable[Block]) -> Iterator[Finding]:
    """What there is to say of a notebook's statements. What is in a branch is a note: a run may go
    on without it."""
    blocks = list(blocks)
    reader = _Reader(blocks)
    for block in blocks:
        if block.may_raise:
            continue
        for start, line in block.lines:
            if found := _of_line(line):
                yield _finding(block, start, found[0], found[1], WARNING)
        if not block.nodes and (found := _of_text(block)):
            yield _finding(block, block.start, found[0], found[1], WARNING)
        for node in block.nodes:
            for waits, is_sure in reader.waits(node):
                level = ERROR if waits.why == _INPUT else WARNING
                yield _finding(block, waits.at, waits.name, waits.why, level if is_sure else NOTE)


def _finding(block: Block, at: ast.expr | int, name: str, why: str, level: str) -> Finding:
    line, column = block.place(at)
    what, _, advice = why.partition(": ")
    return Finding(block.cell, line, column, RULE, level, f"{name} {what} - {advice}")


def _of_line(line: str) -> tuple[str, str] | None:
    match = _LINE.match(line)
    if not match:
        return None
    sign, name, rest = match.groups()
    if sign.startswith("!") or name in ("system", "sx"):
        return _of_command(f"{name}{rest}" if sign.startswith("!") else rest)
    if name in _MAGICS:
        return f"%{name}", _MAGICS[name]
    if name in ("matplotlib", "gui", "pylab") and _WINDOWS.fullmatch(rest.strip()):
        return f"%{name} {rest.strip()}", _WINDOW
    return None


def _of_command(line: str) -> tuple[str, str] | None:
    """What a line of a shell waits for; what ends with ``&`` is not waited for."""
    for part in re.split(r"&&|[;\n]", line):
        words = part.split()[:_MOST_WORDS]
        if words[:1] == ["sudo"]:
            del words[0]
        if words[1:3] == ["-m", "pip"]:
            del words[:2]
        is_pip = words[:1] in (["pip"], ["pip3"]) and words[1:2] == ["uninstall"]
        if is_pip and not {"-y", "--yes", "--ye", "--y"}.intersection(words):
            return "!pip uninstall", _INPUT
        for start in _LOGINS:
            if _begins(words, start) and "|" not in part and not _has(words, _GIVEN):
                return f"!{' '.join(start)}", _LOGIN
        for start in _SERVERS_OF_SHELL:
            if _begins(words, start) and words[-1][-1] != "&" and not _has(words, _ENDING):
                return f"!{' '.join(start)}", _SERVES
    return None


def _begins(words: Sequence[str], start: Sequence[str]) -> bool:
    return tuple(words[: len(start)]) == start


def _has(words: Iterable[str], options: tuple[str, ...]) -> bool:
    return any(word.startswith(options) for word in words)


def _of_text(block: Block) -> tuple[str, str] | None:
    if block.magic in ("bash", "sh", "!"):
        return _of_command(block.text.partition("\n")[2])
    return None


class _Reader:
    """Knows which names are modules and functions of a notebook."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._full: dict[str, str] = {}
        self._bound: set[str] = set()
        self._functions: dict[str, ast.FunctionDef] = {}
        self._in_functions: dict[str, tuple[_Waits, bool] | None] = {}
        for node in (node for block in blocks for node in block.nodes):
            for each in ast.walk(node):
                self._take(each)
            if isinstance(node, ast.FunctionDef):
                again = node.name in self._functions
                self._functions[node.name] = node
                self._bound.discard(node.name)
                if again:
                    self._bound.add(node.name)

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._full[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._full[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            self._bound.add(node.id)
        elif isinstance(node, ast.arg):
            self._bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._bound.add(node.name)

    def waits(self, node: ast.stmt) -> Iterator[tuple[_Waits, bool]]:
        """The calls in a statement that wait, and whether each is executed whatever happens."""
        for call, is_sure in _calls(node):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if found := self._of_call(call):
                yield found, is_sure
            elif inside := self._in_function(name, frozenset()):
                waits, is_sure_inside = inside
                found = _Waits(call, f"{name}(), in which {waits.name}", waits.why)
                yield found, is_sure and is_sure_inside

    def _in_function(self, name: str, callers: frozenset[str]) -> tuple[_Waits, bool] | None:
        """The first call that waits in a function of the notebook, of those that are executed
        whatever happens if there are such."""
        if name not in self._functions or name in self._bound or name in callers:
            return None
        if name not in self._in_functions:
            self._in_functions[name] = None
            body = self._functions[name].body if len(callers) < _DEEPEST else []
            self._in_functions[name] = self._in_body(body, callers | {name})
        return self._in_functions[name]

    def _in_body(
        self, body: Iterable[ast.stmt], callers: frozenset[str]
    ) -> tuple[_Waits, bool] | None:
        first = None
        leaves = False
        for statement in body:
            for call, is_sure in _calls(statement):
                name = call.func.id if isinstance(call.func, ast.Name) else ""
                own, inside = self._of_call(call), self._in_function(name, callers)
                found = (own, True) if own else inside
                if found and is_sure and found[1] and not leaves:
                    return found
                first = first or (found and (found[0], False))
            leaves = leaves or any(map(_is_leaving, ast.walk(statement)))
        return first

    def _of_call(self, call: ast.Call) -> _Waits | None:
        name = dotted(call.func)
        root, dot, rest = name.partition(".")
        if root in self._bound:
            root = ""
        full = (self._full.get(root, root) + dot + rest) if root else ""
        # Without arguments it shows for how long a window stays; with a time it goes on.
        if why := _CALLS.get(full):
            is_timed = full == "cv2.waitKey" and call.args and _number(call.args[0]) > 0
            return None if is_timed else _Waits(call, f"{name}()", why)
        last = name.rpartition(".")[2]
        if dot and last in _SERVERS and not call.args and not call.keywords:
            return _Waits(call, f"{name.lstrip('.')}()", _SERVERS[last])
        return None


def _number(node: ast.expr) -> float:
    value = getattr(node, "value", 0)
    return value if isinstance(value, (int, float)) else 0


def _is_leaving(node: ast.AST) -> bool:
    return isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))


def _calls(statement: ast.stmt) -> Iterator[tuple[ast.Call, bool]]:
    """The calls that a statement makes, not those of functions that it defines, and whether each is
    executed whatever happens."""
    stack: list[tuple[ast.AST, bool]] = [(statement, True)]
    while stack:
        node, is_sure = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Call):
            yield node, is_sure
        if isinstance(node, (ast.If, ast.While)) and getattr(node.test, "value", True) in (
            False,
            0,
        ):
            continue  # it is switched off
        sure = set(map(id, _sure_parts(node)))
        children = list(ast.iter_child_nodes(node))
        stack += ((each, is_sure and id(each) in sure) for each in reversed(children))


def _sure_parts(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of a node that are executed whenever it is."""
    if isinstance(node, (ast.If, ast.While)):
        return [node.test, *(node.body if isinstance(node.test, ast.Constant) else [])]
    if isinstance(node, ast.IfExp):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values[:1]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, ast.Try):
        return node.finalbody
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return [node.generators[0]]
    if isinstance(node, ast.comprehension):
        return [node.iter]
    return ast.iter_child_nodes(node)
