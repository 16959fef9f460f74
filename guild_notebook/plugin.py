"""All that Guild calls. Loaded by every command that reads a guild.yml: imports nothing heavy."""

from __future__ import annotations

import os
from typing import Any

from guild import plugin as pluginlib

from . import compat, flagdefs, operation, optimizers, scalars, sourcecode
from .errors import FlagError, UserError
from .flags import discover, guild

compat.apply()


class NotebookPlugin(pluginlib.Plugin):  # type: ignore[misc]  # Guild carries no types
    """Makes notebooks operations of Guild."""

    # Before python_script and Guild's own notebook plugin (60).
    resolve_model_op_priority = 50

    def guildfile_loaded(self, gf: Any) -> None:
        """Give each notebook operation of a guild.yml its command, flags and scalars."""
        for model in gf.models.values():
            for opdef in model.operations:
                spec = operation.spec_for_opdef(opdef)
                if spec:
                    _configure(opdef, spec)

    def resolve_model_op(self, opspec: str) -> tuple[Any, str] | None:
        """Resolve a path to a notebook, or one of Guild's optimizers."""
        if not operation.is_notebook_path(opspec):
            return optimizers.resolve(opspec)
        model = _FileModel.for_path(opspec)
        return model, model.op_name

    def enabled_for_op(self, opdef: Any) -> tuple[bool, str]:
        """Guild asks this of the operation that it is about to run, before it looks at flags:
        the first moment to say that the notebook or an option is wrong."""
        spec = operation.spec_for_opdef(opdef)
        if not spec:
            return False, "not a notebook operation"
        with _one_line_errors():
            operation.check(opdef, spec)
        return True, f"notebook '{spec.path}' specified"

    def apply_cmd_env(self, op: Any, cmd_env: dict[str, str]) -> None:
        """Called for an operation that is about to run, once its flag values are known and
        before it has a run directory: check the values, see that the notebook is copied."""
        spec = operation.spec_for_opdef(op._opdef)
        if not spec:
            return
        place = operation.place(op._opdef, spec)
        sourcecode.include_notebook(op._opdef, place)
        if not os.path.isfile(place.source):
            return
        with _one_line_errors():
            _check_flags(op, place.source, spec.path, self.log)


class _one_line_errors:  # noqa: N801  # a context manager that reads as a phrase
    """Ends Guild's command with an error's line: Guild prints the text of a SystemExit."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, UserError):
            raise SystemExit(str(error)) from None


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


def _check_flags(op: Any, path: str, name: str, log: Any) -> None:
    """Raise FlagError for the first value that its flag does not take; warn of what is odd."""
    _nb, found = flagdefs.discovered(op._opdef, path, name)
    values = {**op._op_flag_vals, **op._user_flag_vals}
    for flag_name, value in sorted(values.items()):
        _check_flag(flag_name, value, found)
    for warning in found.warnings:
        log.warning("%s: %s", name, warning)


def _check_flag(name: str, value: Any, found: discover.Discovered) -> None:
    if name in found.errors:
        raise FlagError(found.errors[name])
    if name not in found.flags:
        return
    for single in value if isinstance(value, list) else [value]:  # a list is a grid
        guild.check(found.flags[name], single)


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
        if not os.path.isfile(full):
            raise pluginlib.ModelOpResolutionError(
                f"notebook {path} does not exist - check its path, or 'guild operations' "
                "for the names of operations"
            )
        inside = os.path.relpath(full, cwd)
        if inside.split(os.sep)[0] == os.pardir:
            return cls(os.path.dirname(full), os.path.basename(full))
        return cls(cwd, inside)
