"""The options of a notebook operation where Guild shows what may be assigned: in its help and in
a shell's completion."""

from __future__ import annotations

import os
from typing import Any

from .. import options
from ..options.readers import Option
from ..options.reports import OWN_REPORTS
from . import operation


def show(opdef: Any) -> None:
    """Let Guild show the options of an opdef, if it is about to show what may be assigned and ends
    then: as flags where a shell asks for completions (guild/commands/run.py, _ac_flag), in the
    description where a user asks for help (guild/help.py, print_op_help)."""
    if os.environ.get("_GUILD_COMPLETE"):
        from guild import guildfile

        opdef.flags += [
            guildfile.FlagDef(option.attribute, {"choices": _choices(option)}, opdef)
            for option in options.OPTIONS
        ]
    elif operation.command_parameters().get("help_op"):
        named = ", ".join(option.name for option in options.OPTIONS)
        said = f"Options are assigned as flags are, nb-NAME=VALUE: {named}"
        opdef.description = f"{opdef.description}\n{said}".strip()


def _choices(option: Option) -> list[Any]:
    if option.name == "kernel":
        from ..kernels.kernelspecs import installed_names

        return installed_names()
    if option.name == "report":
        return [*OWN_REPORTS, "none"]
    return [{"yes": True, "no": False}.get(each, each) for each in option.choices]
