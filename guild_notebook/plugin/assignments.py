"""What is assigned on the command line beside flags: options of the operation
(``nb-kernel=other``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import options
from ..errors import OptionError
from . import operation


def taken_from(op: Any, texts: Iterable[str], is_notebook: bool) -> tuple[str, ...]:
    """Take the options out of the values that Guild's operation ``op`` has been given on its
    command line, ``texts`` as they were typed, and return them as arguments of the run: after those
    with which a run was started that is now started again, or taken for a prototype. What the
    operation defines as a flag is left. Raises OptionError for an unknown option, a value that it
    does not take, several values, and for options of what runs no notebook.
    """
    where = f"operation '{op._opdef.fullname}'"
    typed = dict(text.partition("=")[::2] for text in texts)
    flags = {flag.name for flag in op._opdef.flags}

    def options_among(names: Iterable[str]) -> list[str]:
        """Of a notebook also those that are not known."""
        ours = (n for n in names if n.startswith(options.PREFIX) and n not in flags)
        return [name for name in ours if is_notebook or options.is_option(name)]

    assigned = _recorded(op._run) if is_notebook else {}
    for name in options_among(list(op._user_flag_vals)):
        if not is_notebook:
            raise OptionError(f"{where} does not run a notebook, and '{name}' is for those")
        value = op._user_flag_vals.pop(name)
        text = typed.get(name, str(value))
        assigned[name] = options.assignment(name, value, text, where)
    for trial in op._batch_trials or ():
        for name in options_among(trial):
            raise OptionError(
                f"{where}: '{name}' is in a batch file, and an option takes one value for all "
                f"trials - take it out, and assign it on the command line: {name}=VALUE"
            )
    return tuple(assigned.values())


def _recorded(run: Any) -> dict[str, str]:
    recorded = (run.get("op") if run else None) or {}
    return operation.recorded_assignments(recorded.get("op-cmd", {}).get("cmd-args") or [])
