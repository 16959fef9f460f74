"""All that Guild calls. Loaded by every command that reads a guild.yml, and by the process of each
script: imports nothing heavy, and what only a notebook needs where there is one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from guild import plugin as pluginlib

from .. import compat, optimizers
from ..cluster import definition as cluster
from ..compat import source_files
from ..document import text_formats
from ..errors import NotebookError, UserError
from . import assignments, flagdefs, operation, shown_options, sourcecode

if TYPE_CHECKING:
    from .pending_operation import PendingOperation
    from .secret_handoff import SecretHandoff

compat.apply()
optimizers.apply()


class NotebookPlugin(pluginlib.Plugin):  # type: ignore[misc]  # Guild carries no types
    """Makes notebooks operations of Guild."""

    # Before python_script and Guild's own notebook plugin (60).
    resolve_model_op_priority = 50

    def __init__(self, ep: Any) -> None:
        super().__init__(ep)
        self._pending: PendingOperation | None = None

    def guildfile_loaded(self, gf: Any) -> None:
        """Give each notebook operation of a guild.yml its command, flags and scalars."""
        for opdef, spec in operation.notebook_operations(gf):
            _configure(opdef, spec)
        sourcecode.add_notebooks(gf)

    def resolve_model_op(self, opspec: str) -> tuple[Any, str] | None:
        """Resolve a path to a notebook, ``dask:cluster``, or what is run in a module of
        :mod:`guild_notebook.optimizers`."""
        from guild import config

        has_header = text_formats.has_notebook_header(os.path.join(config.cwd(), opspec))
        if not has_header and not operation.is_notebook_path(opspec):
            return cluster.resolve(opspec) or optimizers.resolve(opspec)
        return _file_model(opspec)

    def assignments_read(self, op: Any, texts: list[str]) -> None:
        """Called when Guild has read the assignments of a command line, ``texts``, and before it
        looks for their flags (compat/command_line.py); then for those of the batch that runs it."""
        opdef = op._opdef
        with _one_line_errors(f"operation '{opdef.fullname}'"):
            is_notebook = operation.spec_for_opdef(opdef) is not None
            operation.assign(opdef, assignments.taken_from(op, texts, is_notebook))
        if spec := operation.spec_for_opdef(opdef):
            _set_what_options_say(opdef, spec)
            if any(text.endswith("=null") for text in texts):
                _read_nulls(op, texts, spec)

    def refused(self, refusal: str, *args: Any) -> None:
        """Called before Guild ends a command with a message of its own (compat/command_line.py)."""
        from . import explanations

        said = explanations.explain(refusal, *args)
        if said:
            raise SystemExit(str(UserError(said)))

    def enabled_for_op(self, opdef: Any) -> tuple[bool, str]:
        """Guild asks this of the operation that it is about to run, before it looks at flags: the
        first moment to say that the notebook or an option is wrong. It asks again for the same
        operation, and then for the batch that runs it."""
        if self._pending and self._pending.opdef is opdef:
            return True, f"runs {self._pending.name}"
        spec = operation.spec_for_opdef(opdef)
        if not spec:
            cluster.check(opdef)
        with _one_line_errors(f"operation '{opdef.fullname}'"):
            if opdef.steps:
                from . import steps

                steps.check(opdef)
            if spec or flagdefs.secret_variables(opdef):
                from .pending_operation import PendingOperation

                self._forget_pending()
                self._pending = PendingOperation(opdef, spec)
                return True, f"runs {self._pending.name}"
        has_secrets = bool(self._pending and self._pending.secrets.variables)
        return has_secrets, "is the batch of an operation with secret flags"

    def apply_cmd_env(self, op: Any, _cmd_env: dict[str, str]) -> None:
        """Called for an operation that is about to run, once its flag values are known and before
        it has a run directory, and then for the batch that runs it."""
        self.enabled_for_op(op._opdef)  # Guild does not ask where guild.yml lists the plugin
        pending = self._pending
        if not pending:
            return
        if pending.opdef is not op._opdef:
            pending.secrets.hide_in_command(op)
            return
        if operation.assigns_scalars(op._opdef):
            op._output_scalars = op._opdef.output_scalars  # else those of a run that starts again
        with _one_line_errors(pending.name, pending.secrets):
            warnings = pending.settle_values(op)
        for warning in warnings:
            self.log.warning("%s: %s", pending.name, warning)

    def run_starting(self, run: Any, op: Any, _pidfile: str | None) -> None:
        """Called right before the operation's process starts, or that of its batch."""
        if self._pending:
            self._pending.secrets.set_environment(run, op)
        self._forget_pending()

    def _forget_pending(self) -> None:
        if self._pending:
            self._pending.restore_flagdefs()
        self._pending = None


@contextmanager
def _one_line_errors(name: str, secrets: SecretHandoff | None = None) -> Iterator[None]:
    """End Guild's command with the line of an error, without the values of ``secrets``: Guild
    prints the text of a SystemExit. An error that is not the user's is one of ``name``."""
    try:
        yield
    except Exception as e:
        error = e if isinstance(e, UserError) else NotebookError(f"{name}: cannot be read: {e!r}")
        raise SystemExit(secrets.masker.text(str(error)) if secrets else str(error)) from None


def _configure(opdef: Any, spec: operation.NotebookSpec) -> None:
    """Make a notebook operation of an opdef: its command, flags and scalars. Whatever is wrong with
    it is an error when it is to run (enabled_for_op), and not of each command of the project."""
    opdef.main = None
    opdef.pip_freeze = False  # it is of Guild's environment: the run records the kernel's
    with suppress(Exception):
        path = operation.notebook_paths(opdef, spec).source
        flagdefs.merge(opdef, flagdefs.flag_data(opdef, path, spec.path))
    with suppress(Exception):
        operation.take_out_undefined_resources(opdef)
    shown_options.show(opdef)
    _set_what_options_say(opdef, spec)


def _set_what_options_say(opdef: Any, spec: operation.NotebookSpec) -> None:
    """Set what of an opdef, which has its flags, its options decide: when it is loaded, and again
    when it is about to run with those of the command line."""
    opdef.exec_ = operation.runner_command([])
    with suppress(Exception):
        opdef.exec_ = operation.command(opdef, spec)
    with suppress(Exception):
        opdef.output_scalars = operation.output_scalars(opdef, spec)


def _read_nulls(op: Any, texts: list[str], spec: operation.NotebookSpec) -> None:
    """Whatever is wrong with the notebook is an error later, as in _configure."""
    from ..flags import guild_values

    with suppress(Exception):
        path = operation.notebook_paths(op._opdef, spec).source
        _nb, found = flagdefs.discovered(op._opdef, path, spec.path)
        guild_values.read_nulls(op._user_flag_vals, texts, found.flags)


def _file_model(path: str) -> tuple[Any, str]:
    """A model with one operation, for ``guild run PATH``, and the operation's name (as
    guild/plugins/python_script.py's PythonScriptModelProxy): the project is the current directory,
    or the notebook's own where that lies outside."""
    from guild import config, model, model_proxy

    if not source_files.can_be_listed(path):
        raise SystemExit(  # Guild would put the name itself before the line
            f"notebook {path!a}: its name has a line break or is not UTF-8 - rename it"
        )
    project = os.path.abspath(config.cwd())
    full = os.path.abspath(os.path.join(project, path))
    if not os.path.exists(full):
        from ..document import notebooks_beside

        advice = notebooks_beside.advice(path, project) or (
            "check its path, or 'guild operations' for the names of operations"
        )
        raise SystemExit(str(UserError(f"notebook {path} does not exist - {advice}")))
    name = os.path.relpath(full, project)
    if name.split(os.sep)[0] == os.pardir:
        project, name = os.path.split(full)
    data = {"notebook": shlex.quote(name), "flags-import": "all"}
    if os.path.dirname(name):  # as in Jupyter
        data["nb-cwd"] = "notebook"
    modeldef = model_proxy.modeldef("", {"operations": {name: data}}, dir=project)
    _configure(modeldef.get_operation(name), operation.NotebookSpec(name))
    reference = model.script_model_ref("", project)
    return SimpleNamespace(name="", op_name=name, modeldef=modeldef, reference=reference), name
