"""The console that docs/debugging.md shows, in a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.causes import linux
from tests.helpers.page import Shell, execute
from tests.helpers.reader import DOCS
from tests.helpers.terminal import on_terminal

PAGE = (DOCS / "debugging.md").read_text("utf-8")

pytestmark = linux

BEGINS = "```\n$ guild-notebook attach 1\n"
"""The block of the page that is typed here, into a console, and not in a session."""


@pytest.mark.slow
def test_the_console_of_the_page_goes_as_it_is_shown(reader: dict[str, str], folder: Path):
    pytest.importorskip("jupyter_console")
    before, _, rest = PAGE.partition(BEGINS)
    shown = rest.partition("```\n")[0]
    shell = Shell(folder, reader)
    try:
        execute(before, folder, shell)
        env = {**reader, "PROMPT_TOOLKIT_NO_CPR": "1"}
        with on_terminal(["guild-notebook", "attach", "1"], folder, env, columns=120) as terminal:
            for line in shown.splitlines():
                typed = re.match(r"(?:In \[\d+\]|ipdb>):? (.*)", line)
                if typed:
                    prompt = line[: typed.start(1)].strip()
                    terminal.wait_for(lambda lines, p=prompt: lines and lines[-1].strip() == p)
                    terminal.press(f"{typed[1]}\r")
            assert terminal.end() == 0
            screen = [line.rstrip() for line in terminal.lines if line.strip()]
        status, _ = shell.run("guild stop 1 -y")
        assert status == 0
    finally:
        shell.close()
    patterns = [re.escape(line.rstrip()) for line in shown.splitlines() if line.strip()]
    names = r"/tmp/ipykernel_\d+/\d+|\b[0-9a-f]{8}\b"
    varying = [re.sub(names, r"\\S+", pattern) for pattern in patterns]
    until = r"(\\S+ )?\\S+"  # with its date, if that is another day
    varying = [re.sub(r"\d\d:\d\d", until, pattern) for pattern in varying]
    left = iter(screen)
    for pattern in varying:  # in this order, with what else the console says between them
        assert any(re.fullmatch(pattern, line) for line in left), f"{pattern}\n" + "\n".join(screen)
