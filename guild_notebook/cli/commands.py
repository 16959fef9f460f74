"""``guild-notebook``: what a notebook's flags are, and what a run with new values would execute."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .. import __version__
from ..document import reader
from ..errors import FlagError, UserError
from ..flags import apply, default_warnings, guild_values
from ..flags.apply import Assignment
from ..flags.discover import Discovered, discover
from ..flags.model import Flag
from ..flags.sources import parameters
from ..secrets.masking import MASK
from . import render


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line tool; returns the exit status. A UserError is one line on stderr."""
    args = _parser().parse_args(argv)
    gc.disable()  # the process is short, and a large notebook's objects are many and all in use
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text stream
    try:
        for line in args.lines(args):
            print(line)
    except UserError as e:
        print(f"guild-notebook: {e}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guild-notebook", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    flags = commands.add_parser("flags", help="show the flags of a notebook")
    flags.add_argument("notebook", metavar="NOTEBOOK")
    flags.add_argument("--json", action="store_true", help="print JSON, for machines")
    flags.set_defaults(lines=_flags)
    preview = commands.add_parser(
        "preview", help="show how values change the notebook's source; runs nothing"
    )
    preview.add_argument("notebook", metavar="NOTEBOOK")
    preview.add_argument("values", metavar="NAME=VALUE", nargs="*")
    preview.set_defaults(lines=_preview)
    return parser


def _flags(args: argparse.Namespace) -> Iterator[str]:
    nb = reader.read(args.notebook)
    found = discover(nb)
    if args.json:
        yield from render.json_lines(render.json_data(nb, found))
    else:
        yield from render.text_lines(nb, found)


def _preview(args: argparse.Namespace) -> Iterator[str]:
    nb = reader.read(args.notebook)
    found = discover(nb)
    values = _typed_values(found, args.values, args.notebook)
    trials = [dict(zip(values, trial)) for trial in itertools.product(*values.values())]
    for index in parameters.injected_cells(nb):
        yield f"cell {index} is left out: papermill injected its parameters"
    for trial in trials:
        if len(trials) > 1:
            shown = " ".join(f"{name}={value.in_guild}" for name, value in trial.items())
            yield f"trial with {shown}:"
        assigned = [value.assignment for value in trial.values() if value.assignment]
        diff = list(render.diff_lines(nb, apply.edited_sources(nb, assigned)))
        yield from diff
        if not diff:
            yield "no cell changes"
    for name in values:
        if default_warnings.is_named_like_secret(found.flags[name]):
            print(f"note: {name} has the name of a secret, its value is not shown", file=sys.stderr)
    first = trials[0] if trials else {}  # an empty list has no trial
    for warning in found.warnings_for({name: value.in_guild for name, value in first.items()}):
        print(f"warning: {warning}", file=sys.stderr)


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
    typed, errors = op_util.parse_flag_assigns(args, opdef)
    for arg in errors:
        raise FlagError(f"{arg} is no NAME=VALUE")
    values = {}
    for name, value in typed.items():
        if name not in found.flags:
            raise FlagError(
                f"{path} has no flag {name} - its flags are: {', '.join(found.flags) or 'none'}"
            )
        singles = value if isinstance(value, list) else [value]
        values[name] = [_value(found.flags[name], flagdefs[name], single) for single in singles]
    return values


def _value(flag: Flag, flagdef: Any, typed: Any) -> _Value:
    """The value for one trial, ``***`` where the flag has the name of a secret."""
    is_secret = default_warnings.is_named_like_secret(flag)
    if guild_values.is_search_space(typed):
        text = MASK if is_secret else typed
        raise FlagError(f"flag {flag.name}: {text} is a search space - give one value of it")
    if is_secret and typed is not None:  # refused in a message that does not show it
        guild_values.notebook_value(dataclasses.replace(flag, secret=flag.name), typed)
    value = typed if not is_secret else f'"{MASK}"' if flag.type == "raw" else MASK
    return _Value(guild_values.coerced(flag, flagdef, value), apply.assignment(flag, value))
