"""Cells that wait for somebody: for input, a debugger, a window, a browser, or that serve others
and never end. Nobody is there while a run executes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .blocks import Block
from .findings import ERROR, NOTE, WARNING, Finding
from .magics import split
from .names import Called

RULE = "asks-input"


class _Waits(NamedTuple):
    """What waits does, what to do about it, and the ``level`` of a call that is sure."""

    does: str
    advice: str
    level: str = WARNING


_INPUT = _Waits("asks for input, and a run has nobody to answer", "take the value as a flag", ERROR)
_DEBUGGER = _Waits("starts a debugger, and a run has nobody to use it", "take it out")
_LOGIN = _Waits(
    "asks for a login, and a run has nobody to answer", "log in before, or use a secret flag"
)
_WINDOW = _Waits(
    "opens a window, and a run has no screen", "show an image below the cell in its place"
)
_BROWSER = _Waits(
    "waits for a browser, and a run has none", "do it before, or leave the cell out of runs"
)
_SERVES = _Waits(
    "serves until it is stopped, and so the run never ends", "leave the cell out of runs"
)

_DEBUGGERS = (
    *("breakpoint", "pdb.set_trace", "ipdb.set_trace", "IPython.core.debugger.set_trace"),
    *("IPython.embed", "code.interact"),
)
_OPENING = (
    *("cv2.imshow", "cv2.waitKey", "cv2.namedWindow", "tkinter.Tk", "turtle.done"),
    *("turtle.mainloop", "pygame.display.set_mode", "matplotlib.pyplot.ginput"),
    "matplotlib.pyplot.waitforbuttonpress",
)
_OF_COLAB = ("files.upload", "drive.mount", "auth.authenticate_user")
_CALLS = {
    **dict.fromkeys(("input", "raw_input", "getpass.getpass", "pwinput.pwinput"), _INPUT),
    **dict.fromkeys(_DEBUGGERS, _DEBUGGER),
    **dict.fromkeys(_OPENING, _WINDOW),
    **dict.fromkeys((f"google.colab.{name}" for name in _OF_COLAB), _BROWSER),
    "ee.Authenticate": _LOGIN,
    "uvicorn.run": _SERVES,
}
"""Functions by their full names. Those of the libraries that log in only where nobody has
(wandb, huggingface_hub) are not among them, nor what opens a page and goes on (webbrowser)."""

_SERVERS = {"serve_forever": _SERVES, "mainloop": _WINDOW}
"""Methods without arguments whose objects may be any."""

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


def findings(blocks: Iterable[Block], calls: Iterable[Called]) -> Iterator[Finding]:
    """What there is to say of a notebook's statements, and of the ``calls`` that these make. What
    is in a branch is a note: a run may go on without it."""
    for block in blocks:
        if block.may_raise:
            continue
        for start, line in block.lines:
            if found := _of_line(line):
                yield _finding(block, start, *found, WARNING)
        if not block.nodes and (found := _of_text(block)):
            yield _finding(block, block.start, *found, WARNING)
    waiting: dict[ast.AST | None, tuple[Called, _Waits]] = {}
    for call in calls:
        waits = None if call.block.may_raise else _waits(call)
        if waits and (call.at not in waiting or call.is_sure > waiting[call.at][0].is_sure):
            waiting[call.at] = call, waits
    for at, (call, waits) in waiting.items():
        within = f"{call.within}(), in which " if call.within else ""
        level = waits.level if call.is_sure else NOTE
        yield _finding(call.block, at, f"{within}{call.name.lstrip('.')}()", waits, level)


def _finding(
    block: Block, at: ast.AST | int | None, name: str, waits: _Waits, level: str
) -> Finding:
    return block.finding(at, RULE, level, f"{name} {waits.does} - {waits.advice}")


def _of_line(line: str) -> tuple[str, _Waits] | None:
    said = split(line)
    if not said:
        return None
    sign, text = said
    name, _, rest = text.partition(" ")
    if sign == "!" or name in ("system", "sx"):
        return _of_command(text if sign == "!" else rest)
    if name == "debug":
        return "%debug", _DEBUGGER
    if name in ("matplotlib", "gui", "pylab") and _WINDOWS.fullmatch(rest.strip()):
        return f"%{name} {rest.strip()}", _WINDOW
    return None


def _of_command(line: str) -> tuple[str, _Waits] | None:
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


def _of_text(block: Block) -> tuple[str, _Waits] | None:
    if block.magic in ("bash", "sh", "!"):
        return _of_command(block.text.partition("\n")[2])
    return None


def _waits(call: Called) -> _Waits | None:
    """How a call waits, None for others."""
    node = call.node if isinstance(call.node, ast.Call) else None
    arguments = [*node.args, *node.keywords] if node else []
    if call.full == "cv2.waitKey" and node and node.args and _number(node.args[0]) > 0:
        return None  # it waits for so many milliseconds
    method = call.name.rpartition(".")[2] if "." in call.name and not arguments else ""
    return _CALLS.get(call.full) or _SERVERS.get(method)


def _number(node: ast.expr) -> float:
    value = getattr(node, "value", 0)
    return value if isinstance(value, (int, float)) else 0
