"""A page of the documentation as a reader follows it: files to make and commands to type.

- A block whose fence has ``title="NAME"`` is a file to make. One that is called ``….ipynb`` is a
  notebook: each of its cells begins with a line ``# %%`` (jupytext's percent format).
- In a ``console`` block a command stands behind ``$ ``, and below it all that it prints. ``...``
  stands for what varies, on a line of its own for any number of lines, and blanks and line ends
  count as one blank (doctest's ELLIPSIS and NORMALIZE_WHITESPACE). A command that shows nothing
  must print nothing.
- A command ends with exit status 0, unless ``$ echo $?`` follows and shows another.
"""

from __future__ import annotations

import contextlib
import doctest
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.project import LIMIT, PYTHON

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"^(`{3,})(\w*)([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_STATUS = "echo $?"


@dataclass(frozen=True)
class File:
    """A file to make, relative to the reader's folder."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command to type, and what it prints as the page has it."""

    text: str
    shown: str


def steps(page: str) -> list[File | Command]:
    """What a page in Markdown asks for, in its order."""
    found: list[File | Command] = []
    for _fence, language, rest, text in BLOCK.findall(page):
        title = _TITLE.search(rest)
        if title:
            found.append(File(title.group(1), text))
        elif language == "console":
            found += _commands(text)
    return found


def _commands(text: str) -> Iterator[Command]:
    before, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not before, f"a console block begins with a command, not {before!r}"
    for part in parts:
        lines = part.splitlines()
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        yield Command("\n".join(lines[:count]), "\n".join(lines[count:]))


class Shell:
    """A bash in ``folder`` that keeps its directory, variables, last exit status and background
    jobs from command to command."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._status = 0
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """The exit status and the output, both streams of it."""
        script = f"(exit {self._status}); {{ {command}\n}} < /dev/null\nprintf '\\nEND %i\\n' $?\n"
        self._process.stdin.write(script)
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if match := re.fullmatch(r"END (\d+)\n", line):
                self._status = int(match.group(1))
                return self._status, "".join(lines).removesuffix("\n")
            lines.append(line)
        raise AssertionError(f"the shell has ended in {command}: {''.join(lines)}")

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended
            self._process.stdin.write("kill $(jobs -p) 2>/dev/null\nwait\nexit\n")
            self._process.stdin.close()
        try:
            self._process.wait(LIMIT)
        finally:
            self._process.kill()


def make(file: File, folder: Path) -> None:
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = file.text
    if path.suffix == ".ipynb":
        import jupytext  # here, as it takes its time

        notebook = jupytext.reads(text, fmt="py:percent")
        notebook.metadata = PYTHON
        text = jupytext.writes(notebook, fmt="ipynb")
        assert json.loads(text)["cells"], f"{file.name} has no cells"
    path.write_text(text, "utf-8")


def execute(page: str, folder: Path, shell: Shell) -> None:
    """Do what a page asks for; raises AssertionError where a command does not end or print as the
    page has it."""
    todo = steps(page)
    for step, after in zip(todo, [*todo[1:], None]):
        if isinstance(step, File):
            make(step, folder)
        else:
            _execute(step, shell, status_is_shown=after is not None and _asks_status(after))


def _asks_status(step: File | Command) -> bool:
    return isinstance(step, Command) and step.text == _STATUS


def _execute(command: Command, shell: Shell, status_is_shown: bool) -> None:
    status, printed = shell.run(command.text)
    told = f"$ {command.text}\n{printed}"
    assert status == 0 or status_is_shown, f"exit status {status}\n{told}"
    assert status != 0 or not status_is_shown, f"the page shows the status of a success\n{told}"
    assert is_shown(printed, command.shown), f"{told}\n--- the page has\n{command.shown}"


def is_shown(printed: str, shown: str) -> bool:
    """Whether what a command has printed is what a page shows of it."""
    shown = re.sub(r"\n\.\.\.$", "...", shown, flags=re.MULTILINE)  # no line at all will do
    wanted, got = (f"{text.strip()}\n" for text in (shown, printed))
    return doctest.OutputChecker().check_output(wanted, got, _FLAGS)
