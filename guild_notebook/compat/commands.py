"""Guild's commands and their help, and scripts whose flags are click options, on current releases
of click and Python.

Their options have the values and the defaults that they have on click 8.1.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from . import with_changes


def mend_commands(module: Any) -> None:
    """Let each command of ``guild.commands.main`` act as on click 8.1.

    An option letter that several options have, as ``-S`` of ``merge``
    (guild/commands/runs_merge.py:57 and :73, runs_support.py:462), stays with the last, to which
    click gives it: 8.2 warns of it whenever the command is parsed. And a group without arguments,
    as ``guild`` alone, prints its help and ends with status 0: from 8.2 on that is an error, which
    guild/main.py:58 shows as one. Needless when the letters differ and Guild knows the error.
    """
    import click

    commands = [module.main]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        taken: set[str] = set()
        for option in reversed(command.params):
            if isinstance(option, click.Option):
                option.opts = [name for name in option.opts if name not in taken]
                taken.update(option.opts)
    without_arguments = getattr(click.exceptions, "NoArgsIsHelpError", None)
    if without_arguments:
        _show_help_on(without_arguments, type(module.main))


def _show_help_on(without_arguments: type[Any], group: Any) -> None:
    import click

    def parse_args(self: Any, ctx: Any, args: list[str]) -> Any:
        try:
            return click.Group.parse_args(self, ctx, args)
        except without_arguments as error:
            click.echo(error.message, color=ctx.color)
            ctx.exit()

    group.parse_args = parse_args


def state_defaults(module: Any) -> None:
    """State the default of each option of ``guild run``, the command of ``guild.commands.run``.

    guild/steps_main.py:152 compares these with the values of a step, and from click 8.3 on an
    option without a default of its own has a placeholder there: each step would log 30 warnings
    of options that it does not use. Needless when Guild asks click for the default.
    """
    for parameter in module.run.params:
        _state_default(parameter)


def state_defaults_of_scripts(module: Any) -> None:
    """Do the same for a script's options, which ``python -m guild.plugins.click_flags`` reads
    (guild/plugins/click_flags.py:144) when it executes the script by a function of ``module``.

    The placeholder would be the default of the flag, and no such script would run.
    """
    execute = module._exec_module

    @functools.wraps(execute)
    def execute_and_state(*args: Any) -> Any:
        import __main__ as reader

        read = getattr(reader, "_maybe_apply_flag", None)  # none where argparse is read
        if read:
            reader._maybe_apply_flag = functools.partial(_state_and_read, read)
        return execute(*args)

    module._exec_module = execute_and_state


def _state_and_read(read: Any, parameter: Any, flags: Any) -> None:
    _state_default(parameter)
    read(parameter, flags)


def _state_default(parameter: Any) -> None:
    parameter.default = parameter.to_info_dict().get("default")


def split_by_keyword(click_util: Any) -> None:
    """Pass ``maxsplit`` to ``re.split`` by its name.

    guild/click_util.py:308 passes ``re.DOTALL``, meant for the flags, in its place: a
    DeprecationWarning for each command from Python 3.13 on, and to become an error. Needless when
    the line names what it passes.
    """

    def split(pattern: str, text: str, maxsplit: int = 0) -> list[Any]:
        return re.split(pattern, text, maxsplit=maxsplit)

    click_util.re = with_changes(re, split=split)
