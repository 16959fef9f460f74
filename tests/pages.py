"""The sessions that a page of the documentation shows, executed in their order.

A shell command stands in a ``console`` block behind ``$ ``, below it what it prints, ``...`` for
what varies. All commands of a page are given to one shell.
"""

from __future__ import annotations

import doctest
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from conftest import LIMIT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class Step:
    command: str
    expected: str


def steps(text: str) -> Iterator[Step]:
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            count = 1
            while lines[count - 1].endswith("\\"):
                count += 1
            yield Step("\n".join(lines[:count]), "\n".join(lines[count:]))


class Shell:
    """A bash that keeps its directory, variables and background jobs from command to command."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder = folder
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
        script = f"{{ {command}\n}} < /dev/null\nprintf '\\nEND %i\\n' $?\n"
        self._process.stdin.write(script)
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if match := re.fullmatch(r"END (\d+)\n", line):
                return int(match.group(1)), "".join(lines).removesuffix("\n")
            lines.append(line)
        raise AssertionError(f"the shell has ended in {command}: {''.join(lines)}")

    def close(self) -> None:
        self._process.stdin.write("kill $(jobs -p) 2>/dev/null\nwait\nexit\n")
        self._process.stdin.close()
        try:
            self._process.wait(LIMIT)
        finally:
            self._process.kill()


def execute(text: str, shell: Shell) -> None:
    """Execute a page's commands; each must end with 0 and print what the page shows. A page shows
    nothing of what is of no interest."""
    checker = doctest.OutputChecker()
    for step in steps(text):
        status, got = shell.run(step.command)
        assert status == 0, f"$ {step.command}\n{got}"
        wanted = step.expected.strip()
        if wanted:
            same = checker.check_output(wanted + "\n", got.strip() + "\n", FLAGS)
            assert same, f"$ {step.command}\n{got}\n--- the page has\n{wanted}"
