"""How a secret flag's value gets from Guild's process to the run's: never through a file.

Before Guild writes flag values, arguments and label to the run's attributes, secret values are
replaced by a placeholder (``hide_values``); right before the run's process starts, which for a run
that is only staged is never, they are put into its environment (``set_environment``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import FlagError
from ..secrets import settings
from ..secrets.masking import Masker, texts_of
from .flagdefs import NO_DEMANDS, secret_variables
from .operation import command_parameters


class SecretHandoff:
    """The secret values of an operation that Guild is about to run. ``variables`` are the
    environment variables of its secret flags, by flag, and ``masker`` masks their values: both are
    empty until ``read_values``. ``flagdefs`` are Guild's definitions of the secret flags, which
    demand nothing (``demands``) while Guild looks at values: Guild shows the value that it refuses,
    and knows of none that the environment has."""

    def __init__(self, flagdefs: Iterable[Any]) -> None:
        self._flagdefs = list(flagdefs)
        self.demands = [(flagdef, name) for flagdef in self._flagdefs for name in NO_DEMANDS]
        self.variables: dict[str, str] = {}
        self.masker = Masker(())
        self._values: dict[str, Any] = {}
        self._not_kept: set[str] = set()  # the flags of a run staged anew, which kept no values

    def read_values(self, op: Any) -> None:
        """Read the secret values from the flag values of ``op`` and from the environment, and
        complete the flag values with them. Raises FlagError for what cannot be a secret, and where
        a value is missing that a run does not keep; OptionError for an invalid setting."""
        self.variables = secret_variables(op._opdef, op._flags_extra or {})
        for name, variable in self.variables.items():
            _check_is_single(op, name)
            value = op._op_flag_vals.get(name)
            if name not in op._user_flag_vals or value == settings.PLACEHOLDER:
                found = settings.environment_value(name, variable, os.environ)
                value = value if found is None else found
                if found is None and value == settings.PLACEHOLDER:
                    if not command_parameters().get("stage"):
                        raise settings.missing_value_error(name, variable)
                    self._not_kept.add(name)
                    value = None
            if value not in (None, ""):
                self._values[name] = value
            op._op_flag_vals[name] = value
        self.masker = Masker([t for value in self._values.values() for t in texts_of(value)])

    def check_demands(self, values: Mapping[str, Any]) -> None:
        """Raise FlagError for a value that guild.yml does not allow, by Guild's own checks."""
        from guild import op_util

        for flagdef in self._flagdefs:
            name = flagdef.name
            value = values.get(name)
            if flagdef.required and value in (None, "") and name not in self._not_kept:
                raise FlagError(
                    f"secret flag {name} is required - set {self.variables[name]} in the "
                    f"environment, or assign {name}=VALUE"
                )
            try:
                op_util._check_flag_val(op_util.coerce_flag_value(value, flagdef), flagdef)
            except (ValueError, TypeError, op_util.FlagError):
                raise FlagError(
                    f"secret flag {name} does not take this value: see its type, choices and "
                    "bounds in guild.yml"
                ) from None

    def warnings(self, op: Any) -> Iterator[str]:
        """Where a value of ``op`` is known to others, or not kept: a line each."""
        command = command_parameters()
        remote = command.get("remote")
        for name, value in self._values.items():
            variable = self.variables[name]
            is_typed = name in op._user_flag_vals
            if not is_typed and value == getattr(op._opdef.get_flagdef(name), "default", None):
                yield (
                    f"secret flag {name}: its value stands in guild.yml, which runs copy - take it "
                    f"out, and give it as {name}=VALUE or as {variable} in the environment"
                )
            if is_typed and remote:  # Guild passes it on (guild/remotes/ssh.py, _start_op)
                yield (
                    f"secret flag {name}: its value is on the command lines of ssh and of "
                    f"{remote}, where other users may read them - set {variable} in the "
                    "environment there"
                )
            if is_typed and command.get("stage"):
                yield (
                    f"secret flag {name} is not kept in the staged run: when it is started, set "
                    f"{variable} in the environment, or guild run --start RUN {name}=VALUE"
                )

    def hide_values(self, op: Any) -> None:
        """Replace the values, once they are checked, by a placeholder in all of ``op`` that Guild
        will write to files."""
        if not self.variables:
            return
        self._values = {name: op._op_flag_vals[name] for name in self._values}  # as coerced
        for values in (op._op_flag_vals, op._user_flag_vals):
            hidden = values.keys() & {*self._values, *self._not_kept}
            values.update(dict.fromkeys(hidden, settings.PLACEHOLDER))
        op._flags_extra = dict(op._flags_extra or {})
        for name, variable in self.variables.items():
            extra = op._flags_extra.get(name) or {}
            op._flags_extra[name] = {**extra, settings.ATTRIBUTE: variable}
        op._label_template = op._label_template and self.masker.text(op._label_template)
        op._comment = op._comment and self.masker.text(op._comment)
        op._tags = [self.masker.text(tag) for tag in op._tags or ()]
        self.hide_in_command(op)
        if command_parameters().get("stage"):
            self._drop_variables()  # Guild writes a staged run's environment to a file
            self._values = {}

    def hide_in_command(self, op: Any) -> None:
        """Have Guild write the environment and the parameters of its command without the values,
        for the operation or the batch that runs it. It leaves the ``run_params`` that are there
        already (guild/commands/run_impl.py, _apply_run_params_for_args)."""
        if not self.variables:
            return
        # Guild's own setting for variables that it is not to write down (guild/op.py)
        hidden = [*self.variables.values(), *settings.secret_variable_names(os.environ)]
        op._opdef.env_secrets = [*(op._opdef.env_secrets or ()), *hidden]
        command = command_parameters()
        params = op.run_attrs.setdefault("run_params", {})
        opspec = command.get("opspec") or ""
        first = [opspec] if "=" in opspec else []  # as guild/commands/run_impl.py
        arguments = params.get("flags", [*first, *command.get("flags", ())])
        params["flags"] = [self._without_value(argument) for argument in arguments]
        for key in ("opt_flags", "comment", "batch_comment", "batch_label"):
            if key in command and key not in params:
                params[key] = self.masker.data(command[key])

    def _without_value(self, argument: str) -> str:
        name, equals, _value = argument.partition("=")
        is_secret = equals and name in self.variables
        return f"{name}={settings.PLACEHOLDER}" if is_secret else self.masker.text(argument)

    def set_environment(self, run: Any, op: Any) -> None:
        """Put the values into the environment of ``op``, whose process is about to start: the
        operation itself, or the batch that runs it."""
        if run.get("stage_trials"):
            self._drop_variables()  # its trials write it down, and get the values when they start
            return
        for name, value in self._values.items():
            op.cmd_env.update(settings.handoff(self.variables[name], value))

    def _drop_variables(self) -> None:
        for variable in self.variables.values():
            os.environ.pop(variable, None)


def _check_is_single(op: Any, name: str) -> None:
    """Raise FlagError for a flag that is written to a file or has several values."""
    if str(op._opdef.flags_dest or "").startswith("config:"):
        raise FlagError(f"flag {name} cannot be a secret: flags-dest writes it to a file")
    is_list = isinstance(op._op_flag_vals.get(name), list)
    if is_list or any(name in trial for trial in op._batch_trials or ()):
        raise FlagError(
            f"secret flag {name} takes one value for all trials, no list and no batch file: "
            "trials are told apart by flag values, which are written down"
        )
