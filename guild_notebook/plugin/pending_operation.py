"""The operation that Guild is about to run, from its first question about it to its start."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from ..errors import OptionError
from . import flagdefs, operation, sourcecode
from .checks import Checks
from .secret_handoff import SecretHandoff


class PendingOperation:
    """A notebook operation that Guild is about to run, or a pipeline with secret flags.

    Guild calls the plugin's hooks in this order (guild/commands/run_impl.py, _state_init_user_op,
    _state_init_batch_op, run):

    1. ``enabled_for_op``, which makes this object: what is wrong with the notebook or an option is
       found, and Guild's flag definitions are relaxed, since Guild looks at the values next. Guild
       asks again whenever it looks for plugins of the operation.
    2. ``apply_cmd_env``, which calls ``settle_values``: the definitions are restored, the values
       are checked in the words of the notebook, and secret ones are hidden.
    3. Both again for the batch that runs the operation, if it has trials: ``hide_in_batch``.
    4. ``run_starting`` for the operation or its batch, once it has a run directory:
       ``set_environment``. It does not come for a run that is staged, or started on a remote.

    ``restore_flagdefs`` is for an operation that another replaces before its values are settled.

    Raises OptionError and NotebookError for what is wrong with the operation.
    """

    def __init__(self, opdef: Any, spec: operation.NotebookSpec | None) -> None:
        self.opdef = opdef
        self._spec = spec
        self._checks: Checks | None = None
        self._relaxed = ExitStack()  # of what only the notebook demands
        self._relaxed_secrets = ExitStack()  # of what guild.yml demands of secret values
        if not spec:
            if not opdef.steps:
                raise OptionError(
                    f"operation '{opdef.fullname}': nb-secret is for notebooks, and for pipelines "
                    "of them - this operation would not keep the value secret"
                )
            self._secrets = SecretHandoff([])
            return
        operation.check(opdef, spec)
        flagdefs.check_attributes(opdef)
        self._secrets = SecretHandoff(map(opdef.get_flagdef, flagdefs.secret_variables(opdef)))
        path = operation.notebook_paths(opdef, spec).source
        if os.path.isfile(path):  # else its name has a flag in it (${…}): only the run can read it
            nb, found = flagdefs.discovered(opdef, path, spec.path)
            self._checks = Checks(opdef, found, nb)
            self._relaxed.enter_context(flagdefs.relaxed(self._checks.notebook_demands()))
        self._relaxed_secrets.enter_context(flagdefs.relaxed(self._secrets.demands()))

    @property
    def name(self) -> str:
        """How messages name it."""
        return self._spec.path if self._spec else str(self.opdef.fullname)

    @property
    def has_secrets(self) -> bool:
        """Whether it has secret flags, once its values are settled."""
        return bool(self._secrets.variables)

    def masked(self, text: str) -> str:
        """``text`` without the secret values."""
        return self._secrets.masker.text(text)

    def settle_values(self, op: Any) -> list[str]:
        """Check the flag values of ``op``, hide the secret ones, and see that Guild copies the
        notebook. Returns warnings, a line each; raises FlagError, NotebookError, OptionError."""
        if self._spec:
            paths = operation.notebook_paths(self.opdef, self._spec)
            sourcecode.include_notebook(self.opdef, paths)
        with self._relaxed:
            with self._relaxed_secrets:
                self._secrets.read_values(op)
            self._secrets.check_demands(op._op_flag_vals)
        warnings = []
        if self._checks:
            trials = op._batch_trials or []
            self._checks.complete_search_spaces(op._op_flag_vals, op._user_flag_vals, *trials)
            self._checks.check(op._op_flag_vals)
            warnings = self._checks.warnings(op._op_flag_vals)
        warnings += self._secrets.warnings(op)
        self._secrets.hide_values(op)
        return warnings

    def hide_in_batch(self, batch_op: Any) -> None:
        """Have Guild write the batch that runs the operation without the secret values."""
        self._secrets.hide_in_command(batch_op)

    def set_environment(self, run: Any, op: Any) -> None:
        """Put the secret values into the environment of ``op``, which is about to start: the
        operation itself, or its batch."""
        self._secrets.set_environment(run, op)

    def restore_flagdefs(self) -> None:
        """Restore what is still relaxed of Guild's flag definitions."""
        self._relaxed_secrets.close()
        self._relaxed.close()
