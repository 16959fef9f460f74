"""All that Guild calls. Loaded by every command that reads a guild.yml: imports nothing heavy."""

from __future__ import annotations

import os
from typing import Any

from guild import plugin as pluginlib

from .. import cluster, compat, optimizers, scalars
from ..document import text_formats
from ..errors import UserError
from ..optimizers import batch_functions
from . import checks, flagdefs, operation, package_data, secret_handoff, sourcecode

compat.apply()
batch_functions.apply()


class NotebookPlugin(pluginlib.Plugin):  # type: ignore[misc]  # Guild carries no types
    """Makes notebooks operations of Guild."""

    # Before python_script and Guild's own notebook plugin (60).
    resolve_model_op_priority = 50

    def __init__(self, ep: Any) -> None:
        super().__init__(ep)
        self._checked: Any = None  # the opdef that is about to run
        self._checks: checks.Checks | None = None
        self._secrets = secret_handoff.Handover()

    def guildfile_loaded(self, gf: Any) -> None:
        """Give each notebook operation of a guild.yml its command, flags and scalars."""
        for model in gf.models.values():
            for opdef in model.operations:
                spec = operation.spec_for_opdef(opdef)
                if spec:
                    self._try_configure(opdef, spec)
        package_data.add_notebooks(gf)

    def _try_configure(self, opdef: Any, spec: operation.NotebookSpec) -> None:
        """Whatever a notebook holds, the project's other operations are not to go with it."""
        try:
            _configure(opdef, spec)
        except Exception as e:
            self.log.warning("operation '%s': cannot read %s: %r", opdef.fullname, spec.path, e)

    def resolve_model_op(self, opspec: str) -> tuple[Any, str] | None:
        """Resolve a path to a notebook, ``dask:cluster``, or one of Guild's optimizers."""
        if not operation.is_notebook_path(opspec) and not _is_text_notebook(opspec):
            return cluster.resolve(opspec) or optimizers.resolve(opspec)
        model = _FileModel.for_path(opspec)
        return model, model.op_name

    def enabled_for_op(self, opdef: Any) -> tuple[bool, str]:
        """Guild asks this of the operation that it is about to run, before it looks at flags:
        the first moment to say that the notebook or an option is wrong."""
        spec = operation.spec_for_opdef(opdef)
        if not spec:
            cluster.check(opdef)
            return self._enabled_for_other(opdef)
        if opdef is not self._checked:
            self._secrets.forget()
            with _one_line_errors():
                operation.check(opdef, spec)
                flagdefs.check(opdef)
                self._prepare_checks(opdef, spec)
                self._secrets.set_aside(opdef, flagdefs.secrets(opdef))
        return True, f"notebook '{spec.path}' specified"

    def _enabled_for_other(self, opdef: Any) -> tuple[bool, str]:
        """A batch gets the secret values for the trials that it runs: Guild asks for it right
        after the operation. A pipeline gets its own, for its steps."""
        if self._secrets.is_pending:
            return True, "runs an operation with secret flags"
        with _one_line_errors():
            has_secrets = bool(flagdefs.secrets(opdef))
        if has_secrets and not opdef.steps:
            raise SystemExit(
                f"operation '{opdef.fullname}': nb-secret is for notebooks, and for pipelines of "
                "them - this operation would not keep the value secret"
            )
        return has_secrets, "has secret flags"

    def _prepare_checks(self, opdef: Any, spec: operation.NotebookSpec) -> None:
        path = operation.place(opdef, spec).source
        if os.path.isfile(path):
            nb, found = flagdefs.discovered(opdef, path, spec.path)
            self._checks = checks.Checks(opdef, found, nb)
            self._checks.set_aside()
        self._checked = opdef

    def apply_cmd_env(self, op: Any, cmd_env: dict[str, str]) -> None:
        """Called for an operation that is about to run, once its flag values are known and
        before it has a run directory: check the values, see that the notebook is copied."""
        spec = operation.spec_for_opdef(op._opdef)
        if not spec:
            self._hide_in_other(op)
            return
        sourcecode.include_notebook(op._opdef, operation.place(op._opdef, spec))
        with _one_line_errors(self._secrets):
            self._secrets.begin(op)
            warnings = []
            if self._checks and op._opdef is self._checked:
                self._checks.put_back()
                trials = op._batch_trials or []
                self._checks.fill_in(op._op_flag_vals, op._user_flag_vals, *trials)
                self._checks.check(op._op_flag_vals)
                warnings = self._checks.warnings(op._op_flag_vals)
        for warning in warnings + self._secrets.take(op):
            self.log.warning("%s: %s", spec.path, warning)

    def _hide_in_other(self, op: Any) -> None:
        if self._secrets.is_pending:
            self._secrets.hide_surroundings(op)
            return
        with _one_line_errors(self._secrets):
            self._secrets.begin(op)
        for warning in self._secrets.take(op):
            self.log.warning("%s: %s", op._opdef.fullname, warning)

    def run_starting(self, run: Any, op: Any, _pidfile: str | None) -> None:
        """Called right before the operation's process starts, or that of its batch."""
        self._secrets.give(run, op)


class _one_line_errors:  # noqa: N801  # a context manager that reads as a phrase
    """Ends Guild's command with an error's line: Guild prints the text of a SystemExit."""

    def __init__(self, secrets: secret_handoff.Handover | None = None) -> None:
        self._secrets = secrets

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, UserError):
            text = str(error)
            raise SystemExit(self._secrets.masker.text(text) if self._secrets else text) from None


def _configure(opdef: Any, spec: operation.NotebookSpec) -> None:
    opdef.main = None
    try:
        opdef.exec_ = operation.command(opdef, spec)
        flagdefs.merge(opdef, flagdefs.flag_data(opdef, operation.place(opdef, spec).source))
    except UserError:
        # Said when the operation is asked for (enabled_for_op), not by every command.
        opdef.exec_ = opdef.exec_ or f"${{python_exe}} -um {operation.RUNNER}"
    if opdef.output_scalars is None:
        opdef.output_scalars = scalars.default_patterns(flag.name for flag in opdef.flags)


def _is_text_notebook(path: str) -> bool:
    from guild import config

    return text_formats.is_text(path) and text_formats.has_notebook_header(
        os.path.join(config.cwd(), path)
    )


class _FileModel:
    """A model with one operation, for ``guild run PATH`` (as guild/plugins/python_script.py's
    PythonScriptModelProxy): the project is the current directory, or the notebook's own where
    that lies outside."""

    name = ""

    def __init__(self, project: str, op_name: str) -> None:
        from guild import model, model_proxy

        self.op_name = op_name
        self.reference = model.script_model_ref(self.name, project)
        data = {"operations": {op_name: {"notebook": op_name, "flags-import": "all"}}}
        self.modeldef = model_proxy.modeldef(self.name, data, dir=project)
        opdef = self.modeldef.get_operation(op_name)
        _configure(opdef, operation.NotebookSpec(op_name))

    @classmethod
    def for_path(cls, path: str) -> _FileModel:
        from guild import config

        cwd = os.path.abspath(config.cwd())
        full = os.path.abspath(os.path.join(cwd, path))
        if not os.path.exists(full):
            raise pluginlib.ModelOpResolutionError(
                f"notebook {path} does not exist - check its path, or 'guild operations' "
                "for the names of operations"
            )
        inside = os.path.relpath(full, cwd)
        if inside.split(os.sep)[0] == os.pardir:
            return cls(os.path.dirname(full), os.path.basename(full))
        return cls(cwd, inside)
