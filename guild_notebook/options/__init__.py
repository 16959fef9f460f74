"""The options of a notebook operation: one table for all spellings.

In guild.yml an option is an attribute of the operation (``nb-report: none``); after the
notebook's name it is a command-line option (``notebook: train.ipynb --report none``); to ``guild
run`` it is an assignment (``nb-report=none``). An operation's options reach the run as arguments of
its command: unlike Guild's other ways of passing settings, these survive staging, restart,
``--proto`` and batch trials. Those that were assigned on the command line stay assignments there,
so that a run that is started again with other flag values, for which Guild makes the command anew,
keeps them.

May use ``errors``. ``reports`` has what a run's reports may be, ``scalars`` the expressions of
``nb-scalars``, ``readers`` the values of all others.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import OptionError, nearest, shown
from . import readers
from .readers import PREFIX as PREFIX
from .readers import Option
from .reports import HTML, HTML_NO_INPUT, PartError, read_reports
from .scalars import ScalarsSetting, read_scalars

_REFERENCE = re.compile(r"\$\{[^{}\n]+\}")  # as guild/util.py, resolve_refs

OPTIONS = (
    Option(
        "kernel", "NAME", None, "kernel or environment in place of the notebook's", readers.name
    ),
    Option(
        "cwd",
        "run|notebook|project",
        "run",
        "working directory of the cells: the run's, the notebook's folder in it (the default of "
        "guild run PATH) or in the project",
        readers.one_of("run", "notebook", "project"),
    ),
    Option("cell-timeout", "SECONDS", None, "time that each cell has", readers.seconds),
    Option("timeout", "SECONDS", None, "time that all cells together have", readers.seconds),
    Option(
        "memory-limit",
        "SIZE",
        None,
        "memory that the kernel and what it starts have",
        readers.memory,
    ),
    Option("startup-timeout", "SECONDS", 60.0, "time that a kernel has to start", readers.seconds),
    Option("allow-errors", "yes|no", False, "go on after a cell that fails", readers.yes_or_no),
    Option(
        "keep-kernel",
        "no|error",
        "no",
        "error keeps the kernel of a run that fails, for guild-notebook attach",
        readers.one_of("no", "error"),
    ),
    Option(
        "keep-kernel-for",
        "SECONDS",
        3600.0,
        "time that a kernel is kept",
        readers.seconds_of_a_year,
    ),
    Option(
        "fail-on-command",
        "yes|no",
        False,
        "a !command that fails fails its cell",
        readers.yes_or_no,
    ),
    Option("skip-tags", "TAG,…", (), "cells with one of these tags are not run", readers.names),
    Option(
        "until", "CELL", None, "the last cell to run, by its name, number or position", readers.cell
    ),
    Option(
        "report",
        "NAME,…",
        {HTML: {}},
        "reports to make: html, html-no-input, sanitized, none, or an nbconvert exporter's name, "
        "each with options of its own",
        read_reports,
    ),
    Option(
        "output-limit",
        "SIZE",
        1_000_000,
        "text of each cell that the saved notebook keeps: the rest is in the run's output",
        readers.characters,
    ),
    Option(
        "scalars",
        "lines|text|none|results|NAME=EXPR,…",
        ScalarsSetting(),
        "what scalars are: printed lines of Guild's form, text as people print it, or none of "
        "that, and beside it what cells result in, and expressions of the notebook's variables",
        read_scalars,
    ),
    Option("cell-scalars", "yes|no", False, "what each cell takes are scalars", readers.yes_or_no),
    Option("images", "yes|no", True, "save the images that cells show as files", readers.yes_or_no),
    Option(
        "exec",
        "yes|no",
        True,
        "execute the notebook; no puts the flag values in and stops",
        readers.yes_or_no,
    ),
    Option(
        "check",
        "yes|no",
        False,
        "check the notebook before it is executed: nothing is where a cell is sure to fail",
        readers.yes_or_no,
    ),
    Option(
        "fork",
        "no|yes|verify",
        "no",
        "the trials of a sweep share the cells before the first that differs; verify runs each "
        "trial in full as well, and fails where outputs differ",
        readers.one_of("no", "yes", "verify"),
    ),
    Option(
        "jobs",
        "NUMBER",
        1,
        "how many trials of a sweep run at once, on this machine",
        readers.count,
    ),
    Option(
        "trials",
        "table|full",
        None,
        "what a sweep shows: a line for each trial, or also what they print, "
        "as it does where there are at most three",
        readers.one_of("table", "full"),
    ),
    Option(
        "color", "yes|no", False, "keep colour codes in the tracebacks on stderr", readers.yes_or_no
    ),
)

ALIASES = {
    "html-no-input": ("report", HTML_NO_INPUT),
    "no-images": ("images", "no"),
    "no-exec": ("exec", "no"),
}
"""Options that are short for another with a value. html-no-input and no-exec are options of Guild's
own notebook feature."""

_BY_NAME = {option.name: option for option in OPTIONS}
Settings = dict[str, Any]  # the value of every option, by name


def defaults() -> Settings:
    return {option.name: option.default for option in OPTIONS}


def from_attributes(data: Mapping[str, Any], where: str) -> Settings:
    """Read the ``nb-…`` attributes of an operation's data; ``where`` names it in errors. Values
    that hold a flag reference are left to ``referring_arguments``."""
    settings = {}
    for key, value in data.items():
        if isinstance(key, str) and key.startswith(PREFIX):
            option = _option(key[len(PREFIX) :], key, where)
            if not has_reference(value):
                settings[option.name] = _read(option, value, key, where)
    return settings


def has_reference(value: Any) -> bool:
    """Whether Guild replaces a part of ``value`` (``${FLAG}``) before it starts the run."""
    return isinstance(value, str) and bool(_REFERENCE.search(value))


def referring_arguments(data: Mapping[str, Any]) -> list[str]:
    """The ``nb-…`` attributes of an operation's data that hold a flag reference, as command-line
    options."""
    return [
        f"--{option.name}={data[option.attribute]}"
        for option in OPTIONS
        if has_reference(data.get(option.attribute))
    ]


def from_arguments(arguments: Iterable[str], where: str, has_references: bool = False) -> Settings:
    """Read command-line options, ``--name value``, ``--name=value`` and ``--switch``, and
    assignments, ``nb-name=value``; the last one counts. What holds a flag reference is passed over
    where it ``has_references``, and all that comes after a name with one."""
    settings: Settings = {}
    rest = list(arguments)
    while rest:
        spelling, equals, text = rest.pop(0).partition("=")
        if has_references and has_reference(spelling):
            break
        if equals and spelling.startswith(PREFIX):
            option = _option(spelling[len(PREFIX) :], spelling, where)
        elif not spelling.startswith("--"):
            raise OptionError(
                f"{where}: unexpected argument '{spelling}{equals}{text}' - quote names with spaces"
            )
        elif spelling[2:] in ALIASES and not equals:
            name, text = ALIASES[spelling[2:]]
            option = _BY_NAME[name]
        else:
            option = _option(spelling[2:], spelling, where)
            if not equals:
                text = _next_value(option, rest, spelling, where)
        if not (has_references and has_reference(text)):
            settings[option.name] = _read(option, text, spelling, where)
    return settings


def assignment(attribute: str, value: Any, text: str, where: str) -> str:
    """The assignment of an option, as ``from_arguments`` reads it: ``value`` is what Guild has read
    from its ``text``. Raises OptionError for an unknown option, and for a list of values, each for
    a trial of its own."""
    option = _option(attribute[len(PREFIX) :], attribute, where)
    if isinstance(value, list) and not option.is_list:
        raise OptionError(
            f"{where}: '{attribute}' takes one value for all trials, not {text} - start a "
            "command for each"
        )
    if isinstance(value, (list, dict)) and option.is_list:
        return f"{attribute}={_written(_read(option, value, attribute, where))}"
    _read(option, text, attribute, where)
    return f"{attribute}={text}"


def assignment_for(option: str, value: str, following: Sequence[str]) -> str:
    """The assignment that stands for an option of the command line, as ``--kernel``, with the
    ``value`` behind its equals sign, else the first of the ``following`` arguments; "" where there
    is no such option."""
    name = option.lstrip("-")
    name = name[len(PREFIX) :] if name.startswith(PREFIX) else name
    if name in ALIASES:
        name, value = ALIASES[name]
    if name not in _BY_NAME or not option.startswith(("--", f"-{PREFIX}")):
        return ""
    read = _BY_NAME[name].read
    for text in [] if value else following[:1]:
        is_value = "=" not in text and not text.startswith("-") and not text.endswith(".ipynb")
        with contextlib.suppress(ValueError):
            value = text if is_value and read(text) is not None else ""
    return f"{PREFIX}{name}={value or ('yes' if read is readers.yes_or_no else 'VALUE')}"


def assignments(arguments: Iterable[str]) -> dict[str, str]:
    """The assignments among the arguments of a run, by their attributes."""
    return {
        argument.partition("=")[0]: argument
        for argument in arguments
        if argument.startswith(PREFIX) and "=" in argument
    }


def is_option(attribute: str) -> bool:
    """Whether an option has this name in guild.yml."""
    return attribute.startswith(PREFIX) and attribute[len(PREFIX) :] in _BY_NAME


def to_arguments(settings: Settings) -> list[str]:
    """The command-line options that stand for ``settings``, left out where they are defaults."""
    arguments = []
    for option in OPTIONS:
        value = settings.get(option.name, option.default)
        if value != option.default:
            arguments.append(f"--{option.name}={_written(value)}")
    return arguments


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and any(value.values()):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, (tuple, dict)):
        return ",".join(value) or "none"
    return str(value)


def _option(name: str, spelling: str, where: str) -> Option:
    if name in _BY_NAME:
        return _BY_NAME[name]
    prefix = spelling[: len(spelling) - len(name)]
    known = list(_BY_NAME) + (list(ALIASES) if prefix == "--" else [])
    near = nearest(name, known)
    known_text = ", ".join(prefix + other for other in known)
    hint = f"did you mean '{prefix}{near}'?" if near else f"there are {known_text}"
    raise OptionError(f"{where}: unknown option '{spelling}' - {hint}")


def _next_value(option: Option, rest: list[str], spelling: str, where: str) -> str:
    if rest and not rest[0].startswith("--"):
        return rest.pop(0)
    if option.read is readers.yes_or_no:
        return "yes"
    raise OptionError(f"{where}: '{spelling}' needs a value ({option.takes})")


def _read(option: Option, value: Any, spelling: str, where: str) -> Any:
    try:
        return option.read(value)
    except PartError as e:
        raise OptionError(f"{where}: '{spelling}': {e}") from None
    except ValueError as e:
        raise OptionError(f"{where}: '{spelling}' {e}, not '{shown(value)}'") from None
