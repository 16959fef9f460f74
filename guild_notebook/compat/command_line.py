"""What was typed: moments of ``guild`` and ``guild run`` at which Guild asks no plugin, where ours
has something to do or to say."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

REFUSALS = (
    "_no_such_model_op_error",
    "_no_such_opdef_error",
    "_no_such_flag_error",
    "_invalid_flag_arg_error",
    "_guildfile_error",
    "_model_op_proxy_error",
    "_invalid_opspec_error",
)
"""Functions of guild/commands/run_impl.py that end the command with a message."""


def ask_plugins(run_impl: Any) -> None:
    """Call ``assignments_read`` of each plugin that has it, with Guild's operation and the
    assignments as they were typed, when Guild has read them and not yet looked for their flags; and
    ``refused`` with the name of each of REFUSALS and its arguments, before Guild says it in its own
    words. A run that is started again, as each trial is, has no operation that is read anew: it
    does without plugins, which take long to load.

    Guild takes every assignment for a flag (guild/commands/run_impl.py:311, _op_init_user_flags),
    and what it says of a mistake (:2600 on) knows nothing of notebooks. Needless when plugins are
    asked.
    """
    read = run_impl._op_init_user_flags

    @functools.wraps(read)
    def op_init_user_flags(assignments: Any, op: Any) -> None:
        read(assignments, op)
        for hook in _hooks("assignments_read") if op._opdef else ():
            hook(op, list(assignments))

    run_impl._op_init_user_flags = op_init_user_flags
    for name in REFUSALS:
        setattr(run_impl, name, _asking(name, getattr(run_impl, name)))


def _asking(name: str, refuse: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(refuse)
    def ask_and_refuse(*args: Any) -> None:
        for hook in _hooks("refused"):
            hook(name, *args)
        refuse(*args)

    return ask_and_refuse


def _hooks(name: str) -> Iterator[Callable[..., None]]:
    from guild import plugin

    for _name, each in plugin.iter_plugins():
        if hasattr(each, name):
            yield getattr(each, name)


def explain_notebooks_as_commands(module: Any) -> None:
    """Say of a notebook in the place of a command (``guild train.ipynb``) what the command is.
    Needless when Guild runs it."""
    import click

    group = module.main
    resolve = group.resolve_command

    @functools.wraps(resolve)
    def resolve_command(context: Any, args: list[str]) -> Any:
        if args[0].lower().endswith(".ipynb"):
            said = f"'{args[0]}' is not a command - say: guild run {shlex.quote(args[0])}"
            raise click.UsageError(said)
        return resolve(context, args)

    group.resolve_command = resolve_command


def explain_unknown_options(module: Any) -> None:
    """Say of an option that ``guild run`` does not have how a notebook's options and flags are
    given, which other programs take with dashes (``papermill -p lr 0.1``).

    click ends the command before any plugin is loaded (guild/commands/run.py:455). Needless when
    plugins may define options of the command.
    """
    import click

    command = module.run
    parse = command.parse_args

    @functools.wraps(parse)
    def parse_args(context: Any, args: list[str]) -> Any:
        typed = list(args)
        try:
            return parse(context, args)
        except click.NoSuchOption as e:
            raise click.UsageError(_unknown_option(e.option_name, typed, e.possibilities)) from None

    command.parse_args = parse_args


def _unknown_option(name: str, args: list[str], possibilities: Any) -> str:
    """What is said of an option that is not known: click has looked at ``args`` one by one."""
    from .. import errors, options

    # Of ``-nb-kernel=other`` click has found several short options and then a dash.
    is_ours = re.compile(rf"(?:{re.escape(name)}|-+nb-[\w-]+)(?:=|$)")
    at = next((i for i, arg in enumerate(args) if is_ours.match(arg)), None)
    typed, _equals, value = args[at].partition("=") if at is not None else (name, "", "")
    others = [] if at is None else args[at + 1 :]
    spelled = options.assignment_for({"-k": "--kernel"}.get(typed, typed), value, others)
    if spelled:
        return (
            f"unrecognized option '{typed}' - an option of a notebook is an assignment: {spelled}"
        )
    similar = errors.misspelled(name, possibilities or ())  # click's own are similar to anything
    if similar:
        return f"unrecognized option '{name}' - did you mean {similar}?"
    if name in ("-p", "--parameters"):  # papermill's
        example = "=".join(others[:2]) if len(others) > 1 else "NAME=VALUE"
    elif re.fullmatch(r"--\w[\w.-]*", name):
        follows = [each for each in others[:1] if not each.startswith("-") and "=" not in each]
        example = f"{name[2:]}={value or ''.join(follows) or 'VALUE'}"
    else:
        return f"unrecognized option '{name}' - see 'guild run --help'"
    return f"unrecognized option '{name}' - a flag is an assignment: {example}"
