"""How a secret flag's value gets from Guild's process to the run's: never through a file.

Guild writes an operation's flag values, arguments and label to the run's attributes as soon as
there is a run directory. Before that, in ``apply_cmd_env``, the values of secret flags are taken
out and a placeholder is left; when the run's process is about to start (``run_starting``, which
does not come for a run that is only staged), they are put into its environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FlagError
from ..secrets import settings
from ..secrets.masking import Masker, texts_of
from .checks import FREE


class Handover:
    """The secret values of the operation that Guild is about to run, by flag."""

    def __init__(self) -> None:
        self._variables: dict[str, str] = {}
        self._given: dict[str, Any] = {}
        self._kept: set[str] = set()  # of a run that is staged anew, without their values
        self._demands: list[tuple[Any, str, Any]] = []  # a flag definition's, while set aside
        self.masker = Masker(())

    def set_aside(self, opdef: Any, names: Iterable[str]) -> None:
        """Take from Guild's definitions of secret flags what guild.yml demands: Guild shows the
        value that it refuses, and knows of none that the environment has."""
        for name in names:
            flagdef = opdef.get_flagdef(name)
            for attribute, free in {**FREE, "required": False}.items():
                self._demands.append((flagdef, attribute, getattr(flagdef, attribute)))
                setattr(flagdef, attribute, free)

    def _check_demands(self, values: Mapping[str, Any]) -> None:
        """Put back what has been set aside, and check the values with Guild's own checks."""
        from guild import op_util

        for flagdef, attribute, demanded in self._demands:
            setattr(flagdef, attribute, demanded)
        flagdefs = {flagdef.name: flagdef for flagdef, _, _ in self._demands}
        self._demands = []
        for name, flagdef in flagdefs.items():
            value = values.get(name)
            if flagdef.required and value in (None, "") and name not in self._kept:
                raise FlagError(
                    f"secret flag {name} is required - set {self._variables[name]} in the "
                    f"environment, or assign {name}=VALUE"
                )
            try:
                op_util._check_flag_val(op_util.coerce_flag_value(value, flagdef), flagdef)
            except (ValueError, TypeError, op_util.FlagError):
                raise FlagError(
                    f"secret flag {name} does not take this value: see its type, choices and "
                    "bounds in guild.yml"
                ) from None

    def begin(self, op: Any) -> None:
        """Complete the flag values of ``op`` with the secret ones that the environment has.

        Raises FlagError for what cannot be a secret, and where a value is missing that a run
        does not keep; OptionError for a setting that is none.
        """
        self._variables = _variables(op)
        self._given = {}
        self._kept = set()
        for name, variable in self._variables.items():
            self._refuse_several(op, name)
            value = op._op_flag_vals.get(name)
            if name not in op._user_flag_vals or settings.is_given(value):
                found = settings.from_environment(name, variable, os.environ)
                if found is None and settings.is_given(value):
                    if not _command().get("stage"):
                        raise settings.missing(name, variable)
                    self._kept.add(name)
                value = value if found is None else found
            if value not in (None, "") and name not in self._kept:
                self._given[name] = value
            op._op_flag_vals[name] = None if name in self._kept else value
        self.masker = Masker([t for value in self._given.values() for t in texts_of(value)])
        self._check_demands(op._op_flag_vals)

    def _in_guildfile(self, op: Any) -> list[str]:
        """Flags whose value is the default that guild.yml has for them."""
        names = [name for name in self._given if name not in op._user_flag_vals]
        defaults = {flag.name: flag.default for flag in op._opdef.flags}
        return [name for name in names if self._given[name] == defaults.get(name)]

    def _refuse_several(self, op: Any, name: str) -> None:
        if str(op._opdef.flags_dest or "").startswith("config:"):
            raise FlagError(f"flag {name} cannot be a secret: flags-dest writes it to a file")
        value = op._op_flag_vals.get(name)
        trials = op._batch_trials or ()
        if isinstance(value, list) or any(name in trial for trial in trials):
            raise FlagError(
                f"secret flag {name} takes one value for all trials, no list and no batch file: "
                "trials are told apart by flag values, which are written down"
            )

    def take(self, op: Any) -> list[str]:
        """Take the values out of ``op``, once they are checked, and out of what else Guild has of
        its command line. Returns what is to be said, a line each."""
        names = list(self._variables)
        said = [
            f"secret flag {name}: its value stands in guild.yml, which runs copy - take it out, "
            f"and give it as {name}=VALUE or as {self._variables[name]} in the environment"
            for name in self._in_guildfile(op)
        ]
        box = _command().get("remote")
        if box:  # Guild passes what was typed on (guild/remotes/ssh.py, _start_op)
            said += [
                f"secret flag {name}: its value is on the command lines of ssh and of {box}, where "
                f"other users may read them - set {self._variables[name]} in the environment there"
                for name in self._given
                if name in op._user_flag_vals
            ]
        for name in self._given:
            self._given[name] = op._op_flag_vals[name]  # as it has been coerced
        for name in [*self._given, *self._kept]:
            op._op_flag_vals[name] = settings.PLACEHOLDER
            if name in op._user_flag_vals:
                op._user_flag_vals[name] = settings.PLACEHOLDER
        extra = dict(op._flags_extra or {})
        for name, variable in self._variables.items():
            extra[name] = {**(extra.get(name) or {}), settings.ATTRIBUTE: variable}
        if names:
            op._flags_extra = extra
            self._hide_words(op)
        return said + self._when_staged(op)

    def _hide_words(self, op: Any) -> None:
        op._label_template = op._label_template and self.masker.text(op._label_template)
        op._comment = op._comment and self.masker.text(op._comment)
        op._tags = [self.masker.text(tag) for tag in op._tags or ()]
        self.hide_surroundings(op)

    def hide_surroundings(self, op: Any) -> None:
        """Have Guild write the command's environment and parameters without secret values: of the
        parameters (``run_params``) it leaves those that are there already
        (guild/commands/run_impl.py, _apply_run_params_for_args)."""
        if not self._variables:
            return
        # Guild's own setting for variables that it is not to write down (guild/op.py)
        hidden = [*self._variables.values(), *settings.names_in(os.environ)]
        op._opdef.env_secrets = [*(op._opdef.env_secrets or ()), *hidden]
        command = _command()
        params = op.run_attrs.setdefault("run_params", {})
        opspec = command.get("opspec") or ""
        first = [opspec] if "=" in opspec else []  # as guild/commands/run_impl.py
        arguments = params.get("flags", [*first, *command.get("flags", ())])
        params["flags"] = [self._argument(arg) for arg in arguments]
        for key in ("opt_flags", "comment", "batch_comment", "batch_label"):
            if key in command and key not in params:
                params[key] = self.masker.data(command[key])

    def _argument(self, arg: str) -> str:
        name, equals, _value = arg.partition("=")
        if equals and name in self._variables:
            return f"{name}={settings.PLACEHOLDER}"
        return self.masker.text(arg)

    def _when_staged(self, op: Any) -> list[str]:
        if not _command().get("stage"):
            return []
        for variable in self._variables.values():
            os.environ.pop(variable, None)  # Guild writes a staged run's environment to a file
        assigned = [name for name in self._given if name in op._user_flag_vals]
        self._given = {}
        return [
            f"secret flag {name} is not kept in the staged run: when it is started, set "
            f"{self._variables[name]} in the environment, or guild run --start RUN {name}=VALUE"
            for name in assigned
        ]

    @property
    def is_pending(self) -> bool:
        return bool(self._variables)

    def give(self, run: Any, op: Any) -> None:
        """Put the values into the environment of ``op``, whose process is about to start: the
        operation itself, or the batch that runs it."""
        stages = bool(run.get("stage_trials"))
        if stages:  # its trials write down the environment, and get it anew when they start
            for variable in self._variables.values():
                os.environ.pop(variable, None)
        for name, value in {} if stages else self._given.items():
            op.cmd_env[settings.handed(self._variables[name])] = settings.encoded(value)
        self.forget()

    def forget(self) -> None:
        self._variables, self._given, self._kept = {}, {}, set()
        self.masker = Masker(())


def _variables(op: Any) -> dict[str, str]:
    """The variables of secret flags: as guild.yml says now, and as a run that is started again
    has it."""
    where = f"operation '{op._opdef.fullname}'"
    kept: Mapping[str, Any] = op._flags_extra or {}
    now = {flag.name: flag.extra for flag in op._opdef.flags}
    return settings.variables(
        {**kept, **{k: v for k, v in now.items() if v or k not in kept}}, where
    )


def _command() -> dict[str, Any]:
    """The parameters of the ``guild run`` that this process is; empty where Python called it."""
    import click

    context = click.get_current_context(silent=True)
    return dict(context.params) if context and context.info_name == "run" else {}
