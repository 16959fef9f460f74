"""Each attribute of a flag that docs/flags.md lists does what is said of it, by real commands.

The attributes are all that Guild's FlagDef and this package read.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from guild import guildfile

from guild_notebook.plugin.flagdefs import ATTRIBUTES
from tests.helpers.project import Command, Project
from tests.helpers.reader import first_column
from tests.helpers.slow import but_slow

DOCUMENTED = first_column("flags.md", "The attributes of a flag")

CELLS = (
    "plain = 1\ntext = 'x'\nitems = [1, 2]\non = True\nempty = None\nhub_token = ''",
    "import os\nprint(repr([plain, text, items, on]), round(2.5), len(hub_token))\n"
    "print(*sorted(n for n in os.environ if n.endswith('_OF_TEST')), os.environ['FLAG_ON'])",
)


@dataclass(frozen=True)
class Refused:
    """The attributes of a flag, an assignment that they refuse, and a part of what is said."""

    attributes: dict[str, Any]
    flag: str
    value: str
    said: str


REFUSED = {
    "type": Refused({"type": "int"}, "plain", "2.5", "invalid value for type 'int'"),
    "choices": Refused({"choices": [1, 2]}, "plain", "5", "Unsupported value for 'plain'"),
    "min": Refused({"min": 1}, "plain", "0", "out of range (less than min 1)"),
    "max": Refused({"max": 9}, "plain", "10", "out of range (greater than max 9)"),
    "required": Refused({"required": True}, "empty", "", "requires the following missing flags"),
    "distribution": Refused(
        {"min": 0, "max": 9, "distribution": "loguniform"}, "plain", "[:]", "by its logarithm"
    ),
}
"""What a value can be refused by."""

SHOWN = {
    "default": ({"plain": {"default": 3}}, r"plain +\(default is 3\)"),
    "description": ({"text": {"description": "Said of it"}}, r"text +Said of it \(default is x\)"),
    "choices": ({"on": {"choices": [{"value": True, "description": "Go"}, False]}}, r"yes +Go\n"),
    "null-label": ({"empty": {"null-label": "as it was"}}, r"empty +\(default is 'as it was'\)"),
}
"""Definitions of flags, and what help shows for them."""

SET = {
    "plain": {"choices": [1, 2], "allow-other": True, "alias": "short", "arg-name": "other"},
    "text": {"arg-encoding": {"x": "y"}, "env-name": "TEXT_OF_TEST"},
    "items": {"arg-split": True},
    "on": {"arg-switch": True, "arg-skip": True, "env-encoding": {True: "aye"}},
    "number": {"nb-replace": r"round\((.*?)\)"},
    "hub_token": {"nb-secret": "TOKEN_OF_TEST"},
}
"""Definitions for one run that has them all."""


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    shared.notebook("nb.ipynb", *CELLS)
    operations = {name: {case.flag: case.attributes} for name, case in REFUSED.items()} | {
        "help": {k: v for flags, _shown in SHOWN.values() for k, v in flags.items()},
        "all": SET,
    }
    common = {"notebook": "nb.ipynb", "flags-import": "all"}
    shared.guildfile(yaml.safe_dump({k: {**common, "flags": v} for k, v in operations.items()}))
    return shared


def test_all_attributes_are_documented_and_tried():
    source = inspect.getsource(guildfile.FlagDef.__init__)
    read = set(re.findall(r'data\.pop\("([\w-]+)"', source)) | set(ATTRIBUTES)
    assert read == DOCUMENTED
    tried = {name for attributes in SET.values() for name in attributes}
    assert tried | REFUSED.keys() | SHOWN.keys() == DOCUMENTED


@pytest.mark.parametrize("name", but_slow(REFUSED, "choices", "required"))
def test_an_attribute_refuses_a_value(name: str, made: Project):
    case = REFUSED[name]
    typed = [f"{case.flag}={case.value}"] if case.value else []
    done = made.guild("run", name, *typed, "-y")
    assert done.status == 1 and not done.run_dirs
    assert case.said in done.stdout + done.stderr


def test_an_attribute_is_shown_in_help(made: Project):
    text = made.guild("run", "help", "--help-op").stdout
    for _flags, shown in SHOWN.values():
        assert re.search(shown, text), text


@pytest.fixture(scope="module")
def ran(made: Project) -> Command:
    typed = ("short=5", "items=3 4", "number=7.6", "hub_token=12345")
    return made.run("all", *typed)


def test_a_run_has_what_the_attributes_say(ran: Command):
    assert ran.stdout.splitlines() == [
        "[5, 'x', [3, 4], True] 8 5",
        "TEXT_OF_TEST TOKEN_OF_TEST aye",
    ]
    assert ran.run.flags["plain"] == 5 and ran.run.flags["hub_token"] == "***"


def test_a_notebook_gets_no_arguments(made: Project, ran: Command):
    assert ran.run.attr("cmd")[-2:] == ["guild_notebook.run", "nb.ipynb"]
