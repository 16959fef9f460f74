"""Releases of click and setuptools that others may want beside Guild, each in one environment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.test_commands import CLICK_SCRIPT
from tests.helpers.guild_commands import Guild
from tests.helpers.project import CHECKOUT

pytestmark = pytest.mark.slow

GUILD_FILE = """
- package: packed
  version: 1
- model: model
  operations:
    train:
      main: train
      flags-import: all
    both:
      steps:
        - train x=0.2
        - run: train x=0.3
          label: second
"""

LOADS_TENSORBOARD = """
import tensorboard.default, pkg_resources
assert len(tensorboard.default.get_plugins()) > 5
"""

PARSED = """
import contextlib, io, json, click
from guild.commands.main import main

def values(command, *arguments):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return repr(sorted(command.make_context("name", list(arguments)).params.items()))
    except (click.exceptions.Exit, SystemExit) as ended:
        return f"status {ended}"
    except click.UsageError as error:
        return type(error).__name__

def option_words(command):
    for option in command.params:
        if isinstance(option, click.Option):
            taken = [] if option.is_flag or option.count else ["1"]
            for name in option.opts + option.secondary_opts:
                yield [name, *taken]

found = {}
commands = [("guild", main)]
for path, command in commands:
    commands += [(f"{path} {n}", c) for n, c in getattr(command, "commands", {}).items()]
    words = list(option_words(command))
    for given in ([], *words, *(w + w for w in words), *(w + ["A"] for w in words), sum(words, [])):
        found[f"{path}: {given}"] = values(command, *given)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of an environment made by uv, which has no setuptools but for TensorBoard's sake."""
    folder = tmp_path_factory.mktemp("releases") / "env"
    uv("venv", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    uv("pip", "install", "--python", python, CHECKOUT)
    return python


def uv(*arguments: object) -> None:
    command = [sys.executable, "-m", "uv", *map(str, arguments), "--quiet"]
    subprocess.run(command, check=True, timeout=300)


@pytest.fixture
def guild(python: Path, tmp_path: Path) -> Guild:
    guild = Guild(python.parent, tmp_path)
    guild.env["NO_PIP_FREEZE"] = "1"
    (guild.project / "guild.yml").write_text(GUILD_FILE)
    (guild.project / "train.py").write_text("x = 0.1\nprint(f'loss: {x}')\n")
    (guild.project / "script.py").write_text(CLICK_SCRIPT)
    return guild


# Of setuptools those around each change: bdist_wheel, the warning of pkg_resources, its removal.
RELEASES = ("70.1", "80.8", "80.9", "81.0", "82.0", "", None)


@pytest.mark.parametrize("release", RELEASES)
def test_guild_is_quiet_on_each_setuptools_and_without_it(guild, python, release):
    if release is None:
        uv("pip", "uninstall", "--python", python, "setuptools")
    else:
        pinned = f"setuptools=={release}.*" if release else "setuptools"
        uv("pip", "install", "--python", python, "--upgrade", pinned)
    commands = ["check", "operations", "run train x=0.2 -y", "compare --table"]
    if release is not None:
        commands.append("package")
    for command in commands:
        ran = guild(command)
        assert not ran.complaint
    assert "notebook," in guild("check").out
    (guild.project / "loads.py").write_text(LOADS_TENSORBOARD)
    assert not guild.program("python", "loads.py").complaint
    alone = guild.program("python", "-c 'import pkg_resources'")
    assert (alone.status == 0) == (release in ("70.1", "80.8", "80.9", "81.0"))


CLICKS = ("8.0.4", "8.1.8", "8.2.1", "8.3.0", "8.4.0", "")
"""The oldest that parses as 8.1 does; those that have changed something; the newest."""


@pytest.fixture(scope="module")
def parsed(python: Path) -> dict[str, dict[str, str]]:
    """The values of each command's options by the release of click."""
    found = {}
    for release in CLICKS:
        pinned = f"click=={release}" if release else "click"
        uv("pip", "install", "--python", python, "--upgrade", pinned)
        ended = subprocess.run(
            [python, "-c", PARSED], capture_output=True, text=True, check=True, cwd="/"
        )
        assert not ended.stderr, release
        found[release] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("release", [r for r in CLICKS if r != "8.1.8"])
def test_options_of_each_command_have_the_values_of_click_8_1(parsed, release):
    assert len(parsed["8.1.8"]) > 2000
    assert parsed[release] == parsed["8.1.8"]


@pytest.mark.parametrize("release", CLICKS)
def test_guild_is_quiet_on_each_click(guild, python, release):
    pinned = f"click=={release}" if release else "click"
    uv("pip", "install", "--python", python, "--upgrade", pinned)
    for command in (
        "run both -y",
        "run script.py data=d -y",
        "merge --preview 1",
        "label --set a 1:4 -y",
    ):
        ran = guild(command)
        assert not ran.complaint
        assert "ignored" not in ran.err
    assert [run["label"] for run in guild.runs()] == ["a", "a", "a", "a"]
