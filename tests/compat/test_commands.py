"""Guild's commands on the click of this environment: on others see test_releases.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.guild_commands import Guild

CLICK_SCRIPT = """\
import click

@click.command()
@click.option("--rate", default=0.1, help="how fast")
@click.option("--name")
@click.option("--units", type=int)
@click.option("--fast", is_flag=True)
@click.option("--shuffle/--no-shuffle", default=True)
@click.option("--kind", type=click.Choice(["a", "b"]))
@click.option("--tag", multiple=True)
@click.option("--mode", flag_value="quick")
@click.option("--data", required=True)
def main(**values):
    print(sorted(values.items()))

main()
"""


@pytest.fixture
def guild(tmp_path: Path) -> Guild:
    guild = Guild(Path(sys.executable).parent, tmp_path)
    guild.env["NO_PIP_FREEZE"] = "1"
    (guild.project / "script.py").write_text(CLICK_SCRIPT)
    return guild


@pytest.mark.parametrize("group", ["", "api", "remote", "sys s3-sync"])
def test_a_group_without_a_command_prints_its_help(guild, group):
    asked = guild(group)
    assert (asked.status, asked.err) == (0, "")
    usage = " ".join(["Usage: guild", *group.split()])
    assert asked.out.startswith(f"{usage} [OPTIONS] COMMAND [ARGS]...\n")


@pytest.mark.parametrize("command", ["merge", "runs merge", "api merge"])
def test_a_letter_of_merge_has_one_option(guild, command):
    listed = guild(f"{command} --help")
    assert not listed.complaint
    letters = [line.split()[0] for line in listed.out.splitlines() if line.startswith("  -S,")]
    assert letters == ["-S,"] and "-S, --no-summary" in listed.out


def test_a_script_with_click_options_has_their_defaults_and_runs(guild):
    listed = guild("run script.py --help-op")
    assert not listed.complaint
    flags = listed.out.partition("Flags:\n")[2].splitlines()
    mode = [line for line in flags if line.split()[0] == "mode"]  # is no flag to click 8.1
    assert [line.split() for line in flags if line not in mode] == [
        ["data", "(required)"],
        ["fast", "(default", "is", "no)"],
        ["kind", "Choices:", "a,", "b"],
        ["name"],
        ["rate", "how", "fast", "(default", "is", "0.1)"],
        ["shuffle", "(default", "is", "yes)"],
        ["tag"],
        ["units"],
    ]
    ran = guild("run script.py data=d fast=yes units=3 -y")
    assert not ran.complaint
    expected = "[('data', 'd'), ('fast', True), ('kind', None), ('mode', None), ('name', None), "
    assert expected + "('rate', 0.1), ('shuffle', True), ('tag', ()), ('units', 3)]" in ran.out
