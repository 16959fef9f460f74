"""Whatever a guild.yml says of one notebook operation, the others can be run."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from guild import guildfile

from guild_notebook import options
from tests.helpers.project import Project

DEEP: Any = functools.reduce(lambda inner, _: [inner], range(60), [])

ODD: list[Any] = [
    None, True, 0, -1, 1.5, float("inf"), float("nan"), 10**400,
    datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 1, 1), b"\xff\0",
    [], {}, [None], [1, [2, {"a": 3}]], {"a": [1]}, {None: 2}, {"a", "b"}, DEEP,
    "", "text", "it's", 'a "b', "a\\", "a\nb", "--", "--report", "; rm -rf", "x" * 1000,
    "a\0b.ipynb", "\x1b[31m", "\ud800.ipynb", "../../etc/passwd", "/etc/passwd",
    "nb.ipynb --report 'html", "nb.ipynb \\", "nb.ipynb 'a", "nb.ipynb --no-such",
    "%s", "${", "${}", "${no-such}", "${x}.ipynb",
    "(", "(x+x+)+y", "(?:(?:(?:a{1000}){1000}){1000})", "[" * 3000, "(?:a{0,900}){1000}",
]  # fmt: skip


def operation(**attributes: Any) -> dict[str, Any]:
    return {"notebook": "nb.ipynb", "flags-import": "all", **attributes}


def attribute(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: operation(**{name: value})


def option(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {"notebook": f"nb.ipynb --{name} {value}"}


def flag(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: operation(flags={"x": {name: value}})


ATTRIBUTES = ("nb-no-such", "nb-", "flags-import-skip", "main")
FLAG_ATTRIBUTES = ("nb-replace", "nb-secret", "nb-no-such", "default", "type")

PLACES: dict[str, Callable[[Any], dict[str, Any]]] = {
    **{o.attribute: attribute(o.attribute) for o in options.OPTIONS},
    **{f"option {name}": option(name) for name in ("report", "timeout")},
    **{name: attribute(name) for name in ATTRIBUTES},
    **{f"flag {name}": flag(name) for name in FLAG_ATTRIBUTES},
    "notebook": lambda value: {"notebook": value},
    "nbexec": lambda value: {"main": f"guild.plugins.nbexec {value}"},
    "nb-replace list": lambda value: operation(flags={"x": {"nb-replace": [value]}}),
    "flags-import list": lambda value: operation(**{"flags-import": [value]}),
    "sourcecode root": lambda value: operation(sourcecode={"root": str(value)}),
    "sourcecode dest": lambda value: operation(sourcecode={"dest": str(value)}),
}


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    """Operations of each odd value in each place, ``PLACE 0`` and so on, and a good one."""
    text = "x = 1\ns = '" + "x" * 40 + "'\nprint(x)"
    shared.notebook("nb.ipynb", text)
    odd = {f"{name} {i}": make(v) for name, make in PLACES.items() for i, v in enumerate(ODD)}
    shared.guildfile(yaml.dump({**odd, "good": operation()}))
    return shared


def test_all_operations_are_listed_and_the_good_one_can_be_run(made: Project):
    listed = made.guild("operations")
    assert (listed.status, listed.stderr) == (0, "")
    assert len(listed.stdout.splitlines()) == len(PLACES) * len(ODD) + 1 > 1200
    shown = made.guild("run", "-y", "good", "x=2", "--print-cmd")
    assert shown.status == 0 and "guild_notebook.run nb.ipynb" in shown.stdout, shown.stderr
    assert shown.stderr == ""


def test_each_operation_is_refused_in_one_line_or_can_be_run(made: Project):
    """By the hook that Guild calls when one of them is to be run."""
    from guild import plugin

    hooks = plugin.for_name("notebook")
    refused = []
    for opdef in guildfile.for_dir(str(made.dir)).default_model.operations:
        try:
            enabled, _why = hooks.enabled_for_op(opdef)
        except SystemExit as e:
            line = str(e)
            assert "\n" not in line and len(line) < 1100, line
            assert line.startswith(("operation '", "nb-replace ", "secret flag ")), line
            refused.append(opdef.name)
        else:
            assert enabled or opdef.name == "notebook 0"  # null
    assert "good" not in refused
    assert len(refused) > 600


REFUSED = {
    "number": ({"notebook": 0}, "'notebook' takes the path of a notebook, not '0'"),
    "quote": (
        {"notebook": "nb.ipynb --report 'html"},
        "options of nb.ipynb cannot be read (No closing quotation): --report 'html - correct",
    ),
    "digits": ({"nb-timeout": 10**400}, "'nb-timeout' takes a number of seconds above 0, not '100"),
    "names": ({"flags-import": ["x", 0]}, "'flags-import' takes names of flags, not '0'"),
}


def test_a_refused_operation_has_no_run(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    odd = {name: operation(**attributes) for name, (attributes, _said) in REFUSED.items()}
    project.guildfile(yaml.dump(odd))
    for name, (_attributes, said) in REFUSED.items():
        done = project.guild("run", "-y", name)
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"guild: operation '{name}': ") and said in line
        assert (done.status, done.run_dirs) == (1, [])


def test_an_option_may_refer_to_a_flag(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    project.guildfile(yaml.dump({"a": operation(**{"nb-timeout": "${t}", "flags": {"t": 7}})}))
    shown = project.guild("run", "-y", "a", "t=9", "--print-cmd")
    assert "--timeout=9" in shown.stdout, shown.stderr
