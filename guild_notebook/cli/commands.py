"""The flags of a notebook, what a run would execute, and runs compared, reproduced and shared."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import errno
import importlib
import io
import itertools
import json
import logging
import math
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from .. import __version__, options
from ..analysis.fork_point import is_constant
from ..document import reader
from ..document.reader import Notebook
from ..errors import FlagError, NotebookError, UserError, end_on_windows, nearest
from ..flags import apply, guild_values, languages
from ..flags.apply import Assignment
from ..flags.discover import Discovered, discover, is_named_like_secret
from ..flags.languages import calls, literals
from ..flags.languages.scanner import NEWLINE
from ..flags.languages.source import Source
from ..flags.languages.values import MOST_BITS, shortened
from ..flags.model import Flag
from ..flags.sources import parameters
from ..secrets.masking import MASK
from ..texts import columns
from . import reports, run_choice, shared_cells

_WIDEST = 40
_EXAMPLE = "train.ipynb"
"""The notebook of the tutorial, which lies beside this module: that of examples/tutorial."""

_OF_RUNS = {
    "browse": "compare runs in a browser, those that are being executed as well",
    "compare": "write a page that compares runs: cells by change, flags as sliders, curves",
    "diff": "show how two runs differ",
    "reproduce": "run again what runs have kept, and say whether it came out the same",
    "share": "write the reports of runs and an index of them to a folder",
}
"""The commands of which each has a module here, and what they do."""

_ANSWERING = ("check", "diff", "reproduce")
"""Those whose exit status 1 is an answer, as that of diff(1): after an error it is 2."""

_ITS_PATH = "the path of the notebook"

_OF_KERNELS = {
    "attach": "open a console on the kernel of a run: one that goes on, or has kept its kernel",
    "stack": "show where a run is: the line of the cell, and what that has called",
}
"""The commands that each have a module here, and take one run."""

_COMMANDS = ("flags", "preview", "check", "open", *_OF_RUNS, *_OF_KERNELS, "example")

_SHOWN = (
    *("name", "kind", "type", "default", "default_source", "computed", "choices", "allow_other"),
    *("min", "max", "step", "description", "group"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line tool; returns the exit status. A UserError, and an output that cannot
    be written, is one line on stderr, if that can be written."""
    end_on_windows()
    argv = sys.argv[1:] if argv is None else argv
    trouble = 2 if argv and argv[0] in _ANSWERING else 1
    if sys.stderr is None:  # it was closed before the process began: Guild takes it for a stream
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # to the end
    try:
        status = _status(argv, trouble)
        if sys.stdout is not None:
            sys.stdout.flush()
        elif status < trouble:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    except BrokenPipeError:  # the reader has seen enough
        status = 0
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT  # as shells say it
    except OSError as e:
        _say(f"guild-notebook: cannot write the output: {e.strerror} - send it elsewhere")
        status = trouble
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:  # Python would write at its end, and fail
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def _status(argv: Sequence[str], trouble: int) -> int:
    """The exit status: what the command's lines end with, or ``trouble`` after an error."""
    with contextlib.redirect_stdout(io.StringIO()) as shown:  # argparse hides that it cannot print
        try:
            args = _parser().parse_args(argv or ["--help"])
            code = None
        except SystemExit as e:
            code = e.code
    if code is not None:
        if shown.getvalue():
            print(shown.getvalue(), end="")
        return code if isinstance(code, int) else 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _print(args.lines(args))
    except UserError as e:
        _say(f"guild-notebook: {e}")
    except OSError:  # of the output, or one of a run
        raise
    except Exception:
        if trouble == 1:  # as Python's own
            raise
        traceback.print_exc()
    return trouble


def _print(lines: Generator[str, None, int | None] | Iterator[str]) -> int:
    while True:
        try:
            line = next(lines)
        except StopIteration as end:
            return end.value or 0
        print(line)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command in one line."""

    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"invalid choice: '(\S+)'", message)
        if not unknown:
            _say(f"guild-notebook: {message} - see {self.prog} --help")
        elif unknown[1] == "run":
            _say("guild-notebook: there is no command 'run' - say: guild run NOTEBOOK")
        else:
            near = nearest(unknown[1], _COMMANDS)
            hint = f"did you mean '{near}'?" if near else f"there are {', '.join(_COMMANDS)}"
            _say(f"guild-notebook: there is no command '{unknown[1]}' - {hint}")
        self.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="guild-notebook", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    flags = commands.add_parser("flags", help="show the flags of a notebook")
    flags.add_argument("notebook", metavar="NOTEBOOK", help=_ITS_PATH)
    flags.add_argument("--json", action="store_true", help="print JSON, for machines")
    flags.set_defaults(lines=_flags)
    preview = commands.add_parser(
        "preview", help="show how values change the notebook's source; runs nothing"
    )
    checked = commands.add_parser(
        "check",
        help="say what would go wrong in a run of a notebook; runs nothing",
        epilog="Exit status: 0 without errors and warnings, 1 with some, 2 where the notebook "
        "cannot be checked.",
    )
    for each, what in (preview, "flags"), (checked, "flags and options"):
        text = f"values of {what}, as guild run takes them"
        each.add_argument("notebook", metavar="NOTEBOOK", help=_ITS_PATH)
        each.add_argument("values", metavar="NAME=VALUE", nargs="*", default=[], help=text)
    preview.set_defaults(lines=_preview)
    forms = checked.add_mutually_exclusive_group()
    for form, text in {
        "json": "print JSON, for machines",
        "github": "print annotations for a workflow of GitHub",
    }.items():
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=text)
    checked.set_defaults(lines=_check, form="text")
    opened = commands.add_parser(
        "open", help="open the report of a run in a browser, or print its path"
    )
    opened.add_argument(
        "run", metavar="RUN", nargs="?", help="its ID or number, by default the last run"
    )
    opened.set_defaults(lines=_open)
    for name, text in _OF_RUNS.items():  # whose options Guild reads, with its filters
        of_runs = commands.add_parser(name, prefix_chars="\0", add_help=False, help=text)
        of_runs.add_argument("given", nargs="*")
        of_runs.set_defaults(lines=_of_module, command=name)
    for name, text in _OF_KERNELS.items():
        of_kernel = commands.add_parser(name, help=text)
        of_kernel.add_argument("given", metavar="RUN", help="its ID or number")
        of_kernel.set_defaults(lines=_of_module, command=name)
    example = commands.add_parser(
        "example", help=f"write {_EXAMPLE}, the notebook of the tutorial, to this folder"
    )
    example.set_defaults(lines=_example)
    return parser


def _flags(args: argparse.Namespace) -> Iterator[str]:
    nb = reader.read(args.notebook)
    found = discover(nb)
    if args.json:
        yield json_text(json_data(nb, found))
    else:
        yield from text_lines(nb, found)


def _preview(args: argparse.Namespace) -> Iterator[str]:
    nb = reader.read(args.notebook)
    found = discover(nb)
    values = _typed_values(found, args.values, args.notebook)
    number = math.prod(map(len, values.values()))
    for index in parameters.injected_cells(nb):
        yield f"{nb.labels[index]} is left out: papermill injected its parameters"
    for chosen in itertools.product(*values.values()):
        trial = dict(zip(values, chosen))
        if number > 1:
            shown = " ".join(f"{name}={value.in_guild}" for name, value in trial.items())
            yield f"trial with {shown}:"
        assigned = [value.assignment for value in trial.values() if value.assignment]
        diff = list(diff_lines(nb, apply.edited_sources(nb, assigned)))
        yield from diff
        if not diff:
            yield "no cell changes"
    counts = {name: len({repr(value.in_guild) for value in each}) for name, each in values.items()}
    if varying := {name: count for name, count in counts.items() if count > 1}:
        yield from shared_cells.of_trials(nb, found, number, varying, _are_constant(values))
    for name in values:
        if is_named_like_secret(found.flags[name]):
            _say(f"note: {name} has the name of a secret, its value is not shown")
    for warning in found.warnings_for({name: each[0].in_guild for name, each in values.items()}):
        _say(f"warning: {warning}")


def _check(args: argparse.Namespace) -> Generator[str, None, int]:
    from . import check

    nb = reader.read(args.notebook)
    found = discover(nb)
    given = [value for value in args.values if not value.startswith(options.PREFIX)]
    values = _typed_values(found, given, args.notebook) if given else {}
    assigned = {name: each[0].assignment for name, each in values.items()}
    arguments = [value for value in args.values if value.startswith(options.PREFIX)]
    status: int = yield from check.lines(nb, found, assigned, arguments, args.form)
    return status


def _are_constant(values: Mapping[str, Sequence[_Value]]) -> bool:
    assigned = (value.assignment for each in values.values() for value in each)
    return all(is_constant(assignment.text) for assignment in assigned if assignment)


def _open(args: argparse.Namespace) -> Iterator[str]:
    path = reports.report_of(args.run)
    if not reports.show(path):
        yield path


def _of_module(args: argparse.Namespace) -> Generator[str, None, int | None]:
    module, given = importlib.import_module(f".{args.command}", __package__), args.given
    if args.command in _OF_RUNS:
        given = run_choice.called(module.command(), given)
        if given is None:  # the help was shown
            return 0
    status: int | None = yield from module.lines(given)
    return status


class _Value(NamedTuple):
    """A flag's value that is typed: as Guild would hold it, and what it assigns."""

    in_guild: Any
    assignment: Assignment | None


def _typed_values(found: Discovered, args: Sequence[str], path: str) -> dict[str, list[_Value]]:
    """What ``NAME=VALUE`` arguments mean to Guild, by flag: of a list the value of each trial."""
    from guild import guildfile, op_util

    flagdefs = {
        flag.name: guildfile.FlagDef(flag.name, guild_values.flag_data(flag), None)
        for flag in found.flags.values()
    }
    # All that parse_flag_assigns reads of an opdef.
    opdef = argparse.Namespace(flags=list(flagdefs.values()))
    logging.disable()  # Guild tells of what it takes for text, as it is shown here
    try:
        typed, errors = op_util.parse_flag_assigns(args, opdef)
    finally:
        logging.disable(logging.NOTSET)
    for arg in errors:
        raise FlagError(f"{arg} is not NAME=VALUE")
    guild_values.read_nulls(typed, args, found.flags)
    values = {}
    for name, value in typed.items():
        if (skipped := found.passed_over(name)) and skipped.name:
            raise FlagError(
                f"{path} has no flag {name}: {skipped.reason} - name it in a guild.yml: "
                f"flags-import: [all, {name}]"
            )
        if name not in found.flags:
            hint = f"its flags are: {', '.join(found.flags) or 'none'}"
            if near := nearest(name, found.flags):
                hint = f"did you mean '{near}'?"
            elif name.startswith("nb-"):
                hint = "options are for guild run: they change how a notebook runs, not its source"
            raise FlagError(f"{path} has no flag {name} - {hint}")
        singles = value if isinstance(value, list) else [value]
        if not singles:
            raise FlagError(f"flag {name}: an empty list gives no trial - write {name}='[[]]'")
        try:
            values[name] = [_value(found.flags[name], flagdefs[name], each) for each in singles]
        except RecursionError:
            raise FlagError(f"flag {name}: its value is nested too deeply") from None
    return values


def _value(flag: Flag, flagdef: Any, typed: Any) -> _Value:
    """The value for one trial, ``***`` where the flag has the name of a secret."""
    is_secret = is_named_like_secret(flag)
    if guild_values.is_search_space(typed):
        text = MASK if is_secret else typed
        raise FlagError(f"flag {flag.name}: {text} is a search space - give one value of it")
    if is_secret and typed is not None:  # refused in a message that does not show it
        guild_values.notebook_value(dataclasses.replace(flag, secret=flag.name), typed)
    value = typed if not is_secret else f'"{MASK}"' if flag.type == "raw" else MASK
    return _Value(guild_values.coerced(flag, flagdef, value), apply.assignment(flag, value))


def _example(_args: argparse.Namespace) -> Iterator[str]:
    """Write the tutorial's notebook to the current folder; a file of its name stays as it is."""
    try:
        with open(_EXAMPLE, "xb") as file:
            file.write(Path(__file__).with_name(_EXAMPLE).read_bytes())
    except FileExistsError:
        raise NotebookError(f"{_EXAMPLE} is in this folder already - change to another") from None
    except OSError as e:
        raise NotebookError(
            f"cannot write {_EXAMPLE} to this folder: {e.strerror} - change to another"
        ) from None
    yield f"{_EXAMPLE} is in this folder now - run it: guild run {_EXAMPLE}"


def json_data(nb: Notebook, found: Discovered) -> dict[str, Any]:
    """The flags of a notebook as JSON data. Cells count from 0, lines from 1, columns are
    characters from 0, the end of a span is exclusive."""
    points = shared_cells.by_flag(nb, found)
    sources: dict[int, Source] = {}
    for flag in found.flags.values():
        for site in flag.sites:
            sources.setdefault(site.cell, Source(nb.cells[site.cell].source))
    return {
        "notebook": nb.path,
        "language": languages.name_of(nb),
        "source": found.source,
        "flags": [
            {**_flag_data(flag, sources), "fork": shared_cells.data(points, flag.name)}
            for flag in found.flags.values()
        ],
        "skipped": [
            {"cell": s.cell, "line": s.line, "source": s.source, "reason": s.reason}
            for s in found.skipped
        ],
        "warnings": found.warnings,
    }


def _flag_data(flag: Flag, sources: Mapping[int, Source]) -> dict[str, Any]:
    data = {name: _json(getattr(flag, name)) for name in _SHOWN}
    data["default"] = _json(calls.plain(flag.default, flag.default_source))
    data["sites"] = []
    for site in flag.sites:
        first, last = map(sources[site.cell].position, (site.start, site.end))
        data["sites"].append({"cell": site.cell, "line": first[0], "span": [*first, *last]})
    return data


def _json(value: Any) -> Any:
    """``value`` in JSON's types; what JSON lacks is a list, or text, of a literal or a call."""
    value = calls.plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return literals.write(value)
    if isinstance(value, (set, frozenset)):
        return [_json(item) for item in sorted(value, key=repr)]
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {k if isinstance(k, str) else literals.write(k): _json(v) for k, v in value.items()}
    return value


def json_text(document: Mapping[str, Any]) -> str:
    """``document`` as JSON, each item of its lists on a line; json's own indenting is slow."""
    entries = []
    for key, value in document.items():
        text = json.dumps(value)
        if value and isinstance(value, list):
            items = ",\n".join(f"  {json.dumps(item)}" for item in value)
            text = f"[\n{items}\n ]"
        entries.append(f' "{key}": {text}')
    return "{\n" + ",\n".join(entries) + "\n}"


def text_lines(nb: Notebook, found: Discovered) -> Iterator[str]:
    """The table of flags, then what was passed over with the reason, the warnings, and which cells
    the trials of a sweep may share."""
    if found.flags:
        rows = [("FLAG", "TYPE", "DEFAULT", "ALLOWED", "DESCRIPTION", "CELL")]
        room = shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else 0
        yield from columns(rows + [_row(nb, flag) for flag in found.flags.values()], room)
    else:
        language = languages.name_of(nb)
        known = languages.is_known(nb)
        yield f"{nb.path} has no flags" + f": those of {language} are not read" * (not known)
    if found.skipped:
        yield ""
        yield "Passed over:"
        for skipped in found.skipped:
            source = shortened(skipped.source, 60)
            yield f"  {nb.labels[skipped.cell]}, line {skipped.line}: {source} ({skipped.reason})"
    if found.warnings:
        yield ""
        yield from (f"Warning: {warning}" for warning in found.warnings)
    shared = list(shared_cells.lines(nb, found))
    if shared:
        yield ""
        yield "With nb-fork, trials that differ in one flag share:"
        yield from shared


def _row(nb: Notebook, flag: Flag) -> tuple[str, ...]:
    cells = dict.fromkeys(site.cell for site in flag.sites)
    return (
        flag.name,
        flag.type or "",
        shortened(_default(flag), _WIDEST) + (" (differs)" if flag.mixed else ""),
        shortened(_allowed(flag), _WIDEST),
        shortened(flag.description, _WIDEST),
        ", ".join(nb.labels[cell] for cell in cells),
    )


def _default(flag: Flag) -> str:
    is_call = calls.kind_of(flag.default)
    return str(calls.plain(flag.default, flag.default_source)) if is_call else flag.default_source


def _allowed(flag: Flag) -> str:
    if flag.choices is None:
        return flag.bounds
    choices = flag.choice_sources or [literals.display(choice) for choice in flag.choices]
    return ", ".join(choices) + (", or other" if flag.allow_other else "")


def diff_lines(nb: Notebook, sources: Mapping[int, str]) -> Iterator[str]:
    """Unified diffs from the notebook's own cells to their new ``sources``, by cell index."""
    for index, new in sorted(sources.items()):
        old = NEWLINE.split(nb.cells[index].source)
        name = f"{nb.path} {nb.labels[index]}"
        yield from difflib.unified_diff(old, NEWLINE.split(new), name, name, lineterm="")
