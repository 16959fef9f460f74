"""No command of the documentation stands where nothing executes it.

A command with its output is one of a session, which is executed. What a sentence names is read as
Guild and ``guild-notebook`` read it: the command and each of its options exist. test_pages.py runs
those that are whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from guild.commands.main import main as guild

from guild_notebook.cli import browse, compare, diff, reproduce, share
from guild_notebook.cli.commands import _parser
from guild_notebook.options import ALIASES, OPTIONS
from tests.docs.test_debugging import BEGINS
from tests.helpers.page import BLOCK, Command, steps
from tests.helpers.reader import PAGES, README, parsed, spans

LANGUAGES = {"console", "markdown", "python", "yaml", "{toctree}"}

OTHERS = {"--nthreads", "-inf", '-float("inf")'}
"""Options of dask, and numbers, that sentences name."""


NAMED = sorted({s for p in [README, *PAGES] for s in spans(p) if s.startswith("guild ")})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_commands_in_sessions_only(page: Path):
    text = page.read_text("utf-8")
    assert set(re.findall(r"^`{3,}([^\s`]+)", text, re.MULTILINE)) <= LANGUAGES
    assert not re.findall(r"^(?: {4}|\t).*", BLOCK.sub("", text), re.MULTILINE)
    shown = re.findall(r"^\s*\$ (.*)", text.replace(BEGINS, ""), re.MULTILINE)
    assert shown == [c.text.splitlines()[0] for c in steps(text) if isinstance(c, Command)]


@pytest.mark.parametrize("text", NAMED)
def test_guild_has_the_command_that_a_sentence_names(text: str):
    try:
        parsed(text)
    except click.MissingParameter as e:  # a sentence names a command without what it works on
        assert e.param.param_type_name == "argument"


@pytest.mark.parametrize("text", ["guild runns", "guild run --stagd x", "guild ls --output"])
def test_guild_does_not_have_what_is_misspelt(text: str):
    with pytest.raises(click.UsageError):
        parsed(text)


OWN = sorted({s for p in [README, *PAGES] for s in spans(p) if s.startswith("guild-notebook ")})


@pytest.mark.parametrize("text", OWN)
def test_guild_notebook_has_the_command_that_a_sentence_names(
    text: str, capsys: pytest.CaptureFixture
):
    try:
        _parser().parse_args(shlex.split(text)[1:])
    except SystemExit as e:
        assert e.code == 0 or "arguments are required" in capsys.readouterr().err


def test_guild_notebook_does_not_have_what_is_misspelt(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        _parser().parse_args(["flaggs", "train.ipynb"])
    assert "there is no command 'flaggs'" in capsys.readouterr().err


def all_options(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        yield from [*parameter.opts, *parameter.secondary_opts]
    for name in getattr(command, "commands", {}):
        yield from all_options(command.commands[name])


def test_the_options_that_sentences_name_exist():
    from papermill.cli import papermill  # here, as it takes its time

    own = {f"--{name}" for name in [*ALIASES, *(option.name for option in OPTIONS)]}
    of_runs = (each.command() for each in (browse, compare, diff, reproduce, share))
    commands = guild, papermill, *of_runs
    known = own | OTHERS | {"--help", "--json", "--github"}.union(*map(all_options, commands))
    named = {re.split("[ =]", span)[0] for page in [README, *PAGES] for span in spans(page)}
    options = {name for name in named if re.match("--?[a-z]", name)}
    assert options - known == set()
    assert options >= OTHERS
