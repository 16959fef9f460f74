"""The options of a notebook operation: one table for all spellings.

In guild.yml an option is an attribute of the operation (``nb-report: none``); after the
notebook's name it is a command-line option (``notebook: train.ipynb --report none``); to ``guild
run`` it is an assignment (``nb-report=none``). An operation's options reach the run as arguments of
its command: unlike Guild's other ways of passing settings, these survive staging, restart,
``--proto`` and batch trials. Those that were assigned on the command line stay assignments there,
so that a run that is started again with other flag values, for which Guild makes the command anew,
keeps them.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import OptionError, nearest, shown

PREFIX = "nb-"


@dataclass(frozen=True)
class Option:
    """One row: ``name`` without ``nb-`` or ``--``; ``read`` turns a value of YAML or text of the
    command line into what the run uses and raises ValueError with what is allowed."""

    name: str
    takes: str
    default: Any
    help: str
    read: Callable[[Any], Any]

    @property
    def attribute(self) -> str:
        return PREFIX + self.name

    @property
    def choices(self) -> list[str]:
        """The words that it takes, if it takes words."""
        words = self.takes.split("|") if "|" in self.takes else []
        return [word for word in words if not word.endswith(",…")]

    @property
    def is_list(self) -> bool:
        return self.takes.endswith(",…")


_REFERENCE = re.compile(r"\$\{[^{}\n]+\}")  # as guild/util.py, resolve_refs
_NOT_IN_ARGUMENTS = re.compile("[\x00\ud800-\udfff]")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or _NOT_IN_ARGUMENTS.search(value):
        raise ValueError("takes a name")
    return value.strip()


def _cell(value: Any) -> str:
    return _text(shown(value) if type(value) is int else value)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not seconds > 0:
        raise ValueError("takes a number of seconds above 0")
    return seconds


def _characters(value: Any) -> int:
    """A number of characters, which may have a unit: ``500 KB``, ``1MB``."""
    number = _with_unit(value, 1_000)
    if number < 1:
        raise ValueError("takes a size above 0, like 500 KB or 1 MB")
    return number


def _count(value: Any) -> int:
    text = "" if isinstance(value, bool) else shown(value).strip()
    if not re.fullmatch("[1-9][0-9]{0,3}", text):
        raise ValueError("takes a whole number from 1 to 9999")
    return int(text)


def _bytes(value: Any) -> int:
    """A size of memory: ``4 GB``, with 1,024 MB to the GB."""
    number = _with_unit(value, 1_024)
    if number < LEAST_MEMORY:
        raise ValueError("takes a size, like 500 MB or 4 GB")
    return number


LEAST_MEMORY = 1_000_000
"""Bytes: less is a number of a unit that was forgotten."""


def _with_unit(value: Any, step: int) -> int:
    """A number with one of the units, each of which is ``step`` times the one before; 0 for what
    is none."""
    text = shown(value).strip()
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not match or isinstance(value, bool):
        return 0
    return int(float(match[1]) * step ** " KMGT".index(match[2].upper() or " "))


def _yes_or_no(value: Any) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return words[shown(value).strip().lower()]
    except KeyError:
        raise ValueError("takes yes or no") from None


def _names(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, str):
        parts = [part for part in value.split(",") if part.strip()]
    try:
        names = [_text(shown(part) if type(part) in (int, float) else part) for part in parts]
    except ValueError:
        names = []
    if not names:
        raise ValueError("takes a name or a list of names")
    return tuple(names)


HTML = "html"
HTML_NO_INPUT = "html-no-input"
SANITIZED = "sanitized"
OWN_REPORTS = (HTML, HTML_NO_INPUT, SANITIZED)
"""The reports that this package makes itself; others are exporters of nbconvert."""

OF_NBCONVERT = "nbconvert:"
"""What stands before the name of an exporter that has that of a report of OWN_REPORTS."""

Reports = dict[str, dict[str, Any]]
"""The options of each report that are given, by the report's name, in the order of the names."""


class _PartError(ValueError):
    """What is wrong with a part of an option's value, with all that is to be said of it."""


def _reports(value: Any) -> Reports:
    # YAML reads a bare `no` or `off` as false: it means no report.
    if value is False or value is None:
        return {}
    if isinstance(value, str) and ("{" in value or value.lstrip()[:1] == "["):
        value = _from_yaml(value)
    parts = value if isinstance(value, list) else [value]
    reports: Reports = {}
    for part in parts:
        part = "none" if part is False else part
        given = part if isinstance(part, dict) else dict.fromkeys(_names(part))
        for key, report_options in given.items():
            name = "none" if key is False else _text(shown(key))
            reports.setdefault(name, {}).update(_report_options(name, report_options))
    return {name: given for name, given in reports.items() if name not in ("none", "no", "off")}


def _from_yaml(text: str) -> Any:
    with contextlib.suppress(ValueError):
        return json.loads(text)  # as it is recorded
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        said = f"cannot be read: {getattr(e, 'problem', e)}"
        raise _PartError(f"{said} - write it as {{html: {{code: folded}}}}") from e


def _report_options(name: str, given: Any) -> dict[str, Any]:
    """The options of a report, as the run uses them."""
    known = {row.name: row for row in REPORT_OPTIONS}
    rows = {key: row for key, row in known.items() if row.is_of(name)}
    if given is None:
        return {}
    if not isinstance(given, dict):
        first = f"{next(iter(rows))}: {next(iter(rows.values())).takes.partition('|')[0]}"
        raise _PartError(f"{name} takes options, like {{{first}}}, not '{shown(given)}'")
    result = {}
    for key, value in given.items():
        if key not in rows:
            hint = f"there are {', '.join(rows)}"
            if near := "" if key in known else nearest(shown(key), rows):
                hint = f"did you mean '{near}'?"
            elif name == HTML and key in known:
                hint = f"nbconvert's page, {OF_NBCONVERT}{HTML}, has it"
            elif name not in OWN_REPORTS and key in known:
                having = [of for of in OWN_REPORTS if known[key].is_of(of)]
                near = nearest(name, having)
                hint = f"did you mean '{near}'?" if near else f"{', '.join(having)} have it"
            raise _PartError(f"{name} has no option '{shown(key)}' - {hint}")
        try:
            result[key] = rows[key].read(value)
        except ValueError as e:
            raise _PartError(f"'{key}' of {name} {e}, not '{shown(value)}'") from None
    return result


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, bool):  # as YAML reads a bare `no`
            value = "yes" if value else "no"
        if "none" in words and value in ("no", "off"):
            value = "none"
        if value not in words:
            raise ValueError(f"takes {', '.join(words[:-1])} or {words[-1]}")
        return str(value)

    return read


@dataclass(frozen=True)
class ScalarsSetting:
    """What ``nb-scalars`` says: the ``mode`` for printed lines, "" where it says none; whether the
    ``results`` of cells are scalars; and ``values``, expressions for the kernel, each behind the
    name of its scalar, "" where that is to be made of the expression."""

    mode: str = ""
    results: bool = False
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        named = [f"{name}={text}" if name else text for name, text in self.values]
        return ",".join([*filter(None, [self.mode, "results" * self.results]), *named]) or "lines"


_SCALAR_MODES = ("lines", "text", "none")
SCALAR_WORDS = (*_SCALAR_MODES, "results")
"""The words of ``nb-scalars`` that are not names of the notebook."""

_NAMED = re.compile(r"([^\W\d][\w./@+-]*)\s*=(?!=)\s*(.+)", re.DOTALL)
_QUOTED = re.compile(r"""(["'])([^"'\\]+)\1""")
_QUOTED_OR_OTHER = re.compile(r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^'"]""", re.DOTALL)


def _scalars(value: Any) -> ScalarsSetting:
    wrong = ValueError("takes lines, text, none, results or expressions of the notebook's names")
    mode, results, values = "", False, []
    for part in value if isinstance(value, list) else [value]:
        if part is None or part is True:
            raise wrong
        if isinstance(part, dict):
            texts = [f"{shown(name)}={shown(text)}" for name, text in part.items()]
        else:
            texts = _parts("none" if part is False else shown(part))
        for text in filter(None, map(str.strip, texts)):
            named = _NAMED.fullmatch(text)
            word = "none" if text in ("no", "off") else text
            if word in _SCALAR_MODES:
                mode = word
            elif word == "results":
                results = True
            elif _NOT_IN_ARGUMENTS.search(text) or not re.search(r"[^\W\d]", text):
                raise wrong
            else:
                values.append((named[1], named[2]) if named else ("", text))
    if not (mode or results or values):
        raise wrong
    return ScalarsSetting(mode, results, tuple(dict.fromkeys(values)))


def _parts(text: str) -> list[str]:
    """What ``text`` has between commas, also in a list that YAML does not read, as
    ``[acc, "loss[-1]", f1=report["f1"]]``, whose parts may be in quotes."""
    text = text.strip()
    inner = [part.strip() for part in _split_at_commas(text[1:-1])]
    if text[:1] + text[-1:] != "[]" or not all(map(_is_closed, inner)):
        return _split_at_commas(text)
    return [quoted[2] if (quoted := _QUOTED.fullmatch(part)) else part for part in inner]


def _is_closed(text: str) -> bool:
    """Whether each bracket of ``text`` is closed behind where it is opened."""
    depth = 0
    for piece in _QUOTED_OR_OTHER.findall(text):
        depth += (piece in "([{") - (piece in ")]}")
        if depth < 0:
            return False
    return not depth


def _split_at_commas(text: str) -> list[str]:
    """The parts of ``text`` between commas that are neither in quotes nor in brackets."""
    parts, depth = [""], 0
    for piece in _QUOTED_OR_OTHER.findall(text):
        depth = max(0, depth + (piece in "([{") - (piece in ")]}"))
        if piece == "," and not depth:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


@dataclass(frozen=True)
class ReportOption(Option):
    """One option of the reports that have the names ``of``, "" standing for nbconvert's."""

    of: tuple[str, ...] = OWN_REPORTS

    def is_of(self, report: str) -> bool:
        return (report if report in OWN_REPORTS else "") in self.of


REPORT_OPTIONS = (
    ReportOption(
        "code",
        "shown|folded|none",
        "shown",
        "the code of cells: shown, behind a line that opens it, or not in the report",
        _one_of("shown", "folded", "none"),
        of=(HTML, SANITIZED),
    ),
    ReportOption(
        "outputs",
        "shown|folded",
        "shown",
        "what cells print and show, or a line that opens it",
        _one_of("shown", "folded"),
    ),
    ReportOption("contents", "yes|no", True, "headings and named cells at the side", _yes_or_no),
    ReportOption("header", "yes|no", True, "what there is to say of the run, above", _yes_or_no),
    ReportOption(
        "network",
        "yes|no",
        False,
        "the page loads what its outputs ask other hosts for",
        _yes_or_no,
        of=(HTML, HTML_NO_INPUT),
    ),
    ReportOption("template", "NAME", None, "the template in place of the exporter's", _text, ("",)),
)


@dataclass(frozen=True)
class ReportOptions:
    """The values of REPORT_OPTIONS for a report of OWN_REPORTS."""

    code: str = "shown"
    outputs: str = "shown"
    contents: bool = True
    header: bool = True
    network: bool = False

    @classmethod
    def of(cls, report: str, given: Mapping[str, Any]) -> ReportOptions:
        return cls(**{**({"code": "none"} if report == HTML_NO_INPUT else {}), **given})


OPTIONS = (
    Option("kernel", "NAME", None, "kernel or environment in place of the notebook's", _text),
    Option(
        "cwd",
        "run|notebook|project",
        "run",
        "working directory of the cells: the run's, the notebook's folder in it or in the project",
        _one_of("run", "notebook", "project"),
    ),
    Option("cell-timeout", "SECONDS", None, "time that each cell has", _seconds),
    Option("timeout", "SECONDS", None, "time that all cells together have", _seconds),
    Option("memory-limit", "SIZE", None, "memory that the kernel and what it starts have", _bytes),
    Option("startup-timeout", "SECONDS", 60.0, "time that a kernel has to start", _seconds),
    Option("allow-errors", "yes|no", False, "go on after a cell that fails", _yes_or_no),
    Option(
        "keep-kernel",
        "no|error",
        "no",
        "error keeps the kernel of a run that fails, for guild-notebook attach",
        _one_of("no", "error"),
    ),
    Option("keep-kernel-for", "SECONDS", 3600.0, "time that a kernel is kept", _seconds),
    Option("fail-on-command", "yes|no", False, "a !command that fails fails its cell", _yes_or_no),
    Option("skip-tags", "TAG,…", (), "cells with one of these tags are not run", _names),
    Option("until", "CELL", None, "the last cell to run, by its name, number or position", _cell),
    Option(
        "report",
        "NAME,…",
        {HTML: {}},
        "reports to make: html, html-no-input, sanitized, none, or an nbconvert exporter's name, "
        "each with options of its own",
        _reports,
    ),
    Option(
        "output-limit",
        "SIZE",
        1_000_000,
        "text of each cell that the saved notebook keeps: the rest is in the run's output",
        _characters,
    ),
    Option(
        "scalars",
        "lines|text|none|results|NAME=EXPR,…",
        ScalarsSetting(),
        "what scalars are: printed lines of Guild's form, text as people print it, or none of "
        "that, and beside it what cells result in, and expressions of the notebook's variables",
        _scalars,
    ),
    Option("cell-scalars", "yes|no", False, "what each cell takes are scalars", _yes_or_no),
    Option("images", "yes|no", True, "save the images that cells show as files", _yes_or_no),
    Option(
        "exec",
        "yes|no",
        True,
        "execute the notebook; no puts the flag values in and stops",
        _yes_or_no,
    ),
    Option(
        "check",
        "yes|no",
        False,
        "check the notebook before it is executed: nothing is where a cell is sure to fail",
        _yes_or_no,
    ),
    Option(
        "fork",
        "no|yes|verify",
        "no",
        "the trials of a sweep share the cells before the first that differs; verify runs each "
        "trial in full as well, and fails where outputs differ",
        _one_of("no", "yes", "verify"),
    ),
    Option(
        "jobs",
        "NUMBER",
        1,
        "how many trials of a sweep run at once, on this machine",
        _count,
    ),
    Option(
        "trials",
        "table|full",
        None,
        "what a sweep shows: a line for each trial, or also what they print, "
        "as it does where there are at most three",
        _one_of("table", "full"),
    ),
    Option("color", "yes|no", False, "keep colour codes in the tracebacks on stderr", _yes_or_no),
)

ALIASES = {
    "html-no-input": ("report", HTML_NO_INPUT),
    "no-images": ("images", "no"),
    "no-exec": ("exec", "no"),
}
"""Options that are short for another with a value. html-no-input and no-exec are options of Guild's
own notebook feature."""

_BY_NAME = {option.name: option for option in OPTIONS}

Settings = dict[str, Any]
"""The value of every option, by name."""


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
    return f"{PREFIX}{name}={value or ('yes' if read is _yes_or_no else 'VALUE')}"


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
    if option.read is _yes_or_no:
        return "yes"
    raise OptionError(f"{where}: '{spelling}' needs a value ({option.takes})")


def _read(option: Option, value: Any, spelling: str, where: str) -> Any:
    try:
        return option.read(value)
    except _PartError as e:
        raise OptionError(f"{where}: '{spelling}': {e}") from None
    except ValueError as e:
        raise OptionError(f"{where}: '{spelling}' {e}, not '{shown(value)}'") from None
