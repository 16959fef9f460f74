"""Who follows a page: a shell with the commands of the tests and an empty Guild home.

``pip install`` is not repeated for each page: a stand-in sees to it that what is named is
installed, and that an extra of this package is one. ``pip --python ENVIRONMENT install`` lets that
environment use what is installed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import click
from guild.commands.main import main as guild

from tests.helpers.page import BLOCK, Shell, execute
from tests.helpers.project import CHECKOUT

DOCS = CHECKOUT / "docs"
README = DOCS.parent / "README.md"
PAGES = sorted(DOCS.glob("*.md"))

_PIP = """#!{python}
import glob, importlib.metadata, re, site, sys
arguments = sys.argv[1:]
if arguments[0] == "--python":  # of another environment, which gets what the tests have
    (folder,) = glob.glob(arguments[1] + "/lib/python*/site-packages")
    with open(folder + "/tests.pth", "w") as file:
        file.write("\\n".join(site.getsitepackages()))
    arguments = arguments[2:]
command, *wanted = arguments
assert command == "install" and wanted, sys.argv
for name in wanted:
    own = re.fullmatch(r"(?:[.]|guild-notebook|.*/guild_notebook-.*whl)(?:\\[(\\w+)\\])?", name)
    found = importlib.metadata.metadata("guild-notebook" if own else name)
    if own and own.group(1):
        assert own.group(1) in found.get_all("Provides-Extra"), name
"""


def environment(folder: Path) -> dict[str, str]:
    """The reader's variables; ``folder`` gets their commands and their Guild home."""
    commands, home = folder / "bin", folder / "home"
    commands.mkdir()
    home.mkdir()
    (commands / "pip").write_text(_PIP.format(python=sys.executable))
    (commands / "pip").chmod(0o755)
    path = [str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GUILD", "PYTEST"))}
    settings = {"GUILD_HOME": str(home), "NO_PIP_FREEZE": "1", "COLUMNS": "200"}
    return {**inherited, **settings, "PATH": os.pathsep.join(path)}


def follow(page: str, folder: Path, env: dict[str, str]) -> None:
    """Do what a page asks for in ``folder``; raises AssertionError where the page is wrong."""
    shell = Shell(folder, env)
    try:
        execute(page, folder, shell)
    finally:
        shell.close()


def rows(page: str, after: str) -> list[list[str]]:
    """The cells of each row of the table behind a line, without its head."""
    text = (DOCS / page).read_text("utf-8").split(after, 1)[1]
    (table,) = re.findall(r"^\|.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)[:1]
    return [line.removeprefix("| ").split(" | ") for line in table.splitlines()[2:]]


def first_column(page: str, after: str) -> set[str]:
    """What the first column of the table behind a line has in backquotes."""
    return {name for cells in rows(page, after) for name in re.findall(r"`([^`]+)`", cells[0])}


SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def spans(page: Path) -> list[str]:
    """What the sentences of a page have in backquotes."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    return [" ".join(span.split()) for _fence, span in SPAN.findall(text)]


def parsed(text: str) -> click.Context:
    """A command as Guild's command line reads it; raises click.UsageError."""
    args = [arg for arg in shlex.split(text.replace("…", ""))[1:] if arg != "--help"]
    command, context, name = guild, None, "guild"
    while True:
        context = command.make_context(name, args, parent=context)
        rest = [*context.protected_args, *context.args]
        if not (isinstance(command, click.Group) and rest):
            return context
        name, command, args = command.resolve_command(context, rest)
