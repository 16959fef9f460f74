"""``guild-notebook``: what a notebook's flags are, and what a run with new values would execute."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from .. import __version__
from ..document import reader
from ..errors import FlagError, UserError
from ..flags import apply, default_warnings, guild_values
from ..flags.discover import Discovered, discover
from ..flags.model import Flag
from ..flags.sources import parameters
from ..secrets.masking import MASK
from . import render

Values = dict[str, Any]


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
        yield from render.json_lines(render.data(nb, found))
    else:
        yield from render.lines(nb, found)


def _preview(args: argparse.Namespace) -> Iterator[str]:
    nb = reader.read(args.notebook)
    found = discover(nb)
    values = _decoded(found, args.values, args.notebook)
    hidden = [name for name in values if default_warnings.is_secret(found.flags[name])]
    for name in hidden:
        values[name] = _hidden(found.flags[name], values[name])
    trials = list(_trials(values))
    for index in parameters.injected(nb):
        yield f"cell {index} is left out: papermill injected its parameters"
    for values in trials:
        if len(trials) > 1:
            yield f"trial with {' '.join(f'{name}={value}' for name, value in values.items())}:"
        changed = False
        for line in render.diff(nb, apply.edited(nb, found, values)):
            changed = True
            yield line
        if not changed:
            yield "no cell changes"
    for name in hidden:
        print(f"note: {name} has the name of a secret, its value is not shown", file=sys.stderr)
    for warning in found.warnings_for(trials[0]):
        print(f"warning: {warning}", file=sys.stderr)


def _hidden(flag: Flag, value: Any) -> Any:
    """What stands for a value, or for the values of several trials."""
    if isinstance(value, list):
        return [_hidden(flag, single) for single in value]
    return f'"{MASK}"' if flag.type == "raw" else MASK


def _decoded(found: Discovered, args: Sequence[str], path: str) -> Values:
    """What is typed as Guild would hold it, a list of several trials as a list."""
    from guild import guildfile, op_util

    flagdefs = [
        guildfile.FlagDef(f.name, guild_values.flag_data(f), None) for f in found.flags.values()
    ]
    by_name = {flagdef.name: flagdef for flagdef in flagdefs}
    opdef = argparse.Namespace(flags=flagdefs)  # all that parse_flag_assigns reads of an opdef
    typed, errors = op_util.parse_flag_assigns(args, opdef)
    for arg in errors:
        raise FlagError(f"{arg} is no NAME=VALUE")
    for name, value in typed.items():
        if name not in found.flags:
            raise FlagError(
                f"{path} has no flag {name} - its flags are: {', '.join(found.flags) or 'none'}"
            )
        flag = found.flags[name]
        flag = dataclasses.replace(flag, secret=name) if default_warnings.is_secret(flag) else flag
        for single in value if isinstance(value, list) else [value]:
            if guild_values.is_search_space(single):
                text = MASK if flag.secret else single
                raise FlagError(f"flag {name}: {text} is a search space - give one value of it")
            guild_values.check(flag, single)
    return {name: op_util.coerce_flag_value(value, by_name[name]) for name, value in typed.items()}


def _trials(values: Values) -> Iterator[Values]:
    lists = [value if isinstance(value, list) else [value] for value in values.values()]
    for combination in itertools.product(*lists):
        yield dict(zip(values, combination))
