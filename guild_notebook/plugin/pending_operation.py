"""The operation that Guild is about to run, from its first question about it to its start."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from .. import options
from ..document.reader import Notebook, merge_conflict
from ..errors import FlagError, OptionError, misspelled, nearest
from ..flags import languages
from ..kernels import check
from ..kernels.kernelspecs import KernelSpecs
from ..options.scalars import SCALAR_WORDS, why_no_expression
from . import flagdefs, objective, operation, sourcecode
from .checks import Checks
from .operation import command_parameters
from .secret_handoff import SecretHandoff


class PendingOperation:
    """A notebook operation that Guild is about to run, or a pipeline with secret flags.

    Guild calls the plugin's hooks in this order (guild/commands/run_impl.py, guild/op.py):

    1. ``enabled_for_op`` makes this object, which finds what is wrong with the notebook or an
       option, and relaxes Guild's flag definitions: Guild looks at the values next. It asks again
       whenever it looks for the operation's plugins.
    2. ``apply_cmd_env`` has the values: ``settle_values``.
    3. Both come again for the batch that runs the operation, where there are trials.
    4. ``run_starting`` comes for the operation or its batch, which has a run directory now; not
       where the run is staged or is on a remote.

    ``secrets`` are the values of secret flags on that way. Raises OptionError and NotebookError for
    what is wrong with the operation.
    """

    def __init__(self, opdef: Any, spec: operation.NotebookSpec | None) -> None:
        self.opdef = opdef
        self.name = spec.path if spec else opdef.fullname  # in messages
        self._spec = spec
        self._notebook: Notebook | None = None
        self._checks: Checks | None = None
        self._relaxed = ExitStack()  # of what only the notebook demands
        self._relaxed_secrets = ExitStack()  # of what guild.yml demands of secret values
        if not spec:
            if not opdef.steps:
                raise OptionError(
                    f"operation '{opdef.fullname}': nb-secret is for notebooks, and for pipelines "
                    "of them - this operation would not keep the value secret"
                )
            self.secrets = SecretHandoff([])
            return
        operation.check(opdef, spec)
        flagdefs.check_attributes(opdef)
        self.secrets = SecretHandoff(map(opdef.get_flagdef, flagdefs.secret_variables(opdef)))
        path = operation.notebook_paths(opdef, spec).source
        if os.path.isfile(path):  # else its name has a flag in it (${…}): only the run can read it
            nb, found = flagdefs.discovered(opdef, path, spec.path)
            for attribute, name in flagdefs.unknown_imports(opdef, found):
                from . import explanations

                raise FlagError(
                    f"operation '{opdef.fullname}': '{attribute}' names '{name}', and {spec.path} "
                    f"has no such flag - {explanations.instead_of(name, found, nb)}"
                )
            self._check_values(nb)
            self._notebook = nb
            self._checks = Checks(opdef, found, nb)
            self._relaxed.enter_context(flagdefs.relaxed(self._checks.notebook_demands()))
        self._relaxed_secrets.enter_context(flagdefs.relaxed(self.secrets.demands))

    def _check_values(self, nb: Notebook) -> None:
        """Raise OptionError where ``nb-scalars`` has what the kernel's Python does not take, and
        where it names what no cell does, but for a slip of the pen one of its own words."""
        for _, text in operation.scalars_setting(self.opdef, self._spec).values:
            near = nearest(text, SCALAR_WORDS)
            is_near = near and text.isidentifier()
            if is_near and not any(text in re.findall(r"\w+", cell.source) for cell in nb.cells):
                raise OptionError(
                    f"operation '{self.opdef.fullname}': 'nb-scalars' names '{text}', and no cell "
                    f"of {self.name} does - did you mean '{near}'?"
                )
            if (why := why_no_expression(text)) and self._is_for_python(nb):
                raise OptionError(
                    f"operation '{self.opdef.fullname}': 'nb-scalars' has '{text}', which is not "
                    f"an expression of Python ({why}) - name a variable, as acc, or write it as "
                    "NAME=EXPRESSION"
                )

    def _is_for_python(self, nb: Notebook) -> bool:
        """Whether the kernel is known to be one of Python."""
        assert self._spec
        option = operation.settings(self.opdef, self._spec).get("kernel")
        if not option:
            return languages.name_of(nb) == "python"
        with suppress(Exception):  # of a kernel that is not there, which is said later
            specs = KernelSpecs(os.path.abspath(self.opdef.guildfile.dir or "."))
            return str(specs.get_kernel_spec(option).language).lower() == "python"
        return False

    def settle_values(self, op: Any) -> list[str]:
        """Check the flag values of ``op``, hide the secret ones, and see that Guild copies the
        notebook. Returns warnings, a line each; raises FlagError, NotebookError, OptionError."""
        if self._spec:
            paths = operation.notebook_paths(self.opdef, self._spec)
            sourcecode.include_notebook(self.opdef, paths)
        with self._relaxed:
            with self._relaxed_secrets:
                self.secrets.read_values(op)
            self.secrets.check_demands(op._op_flag_vals)
        self._check_kernel()
        if self._spec and not op._run and not command_parameters().get("remote"):
            operation.check_required_files(self.opdef, op._op_flag_vals)
        warnings: list[str] = []
        if self._checks:
            trials = op._batch_trials or []
            warnings += self._unknown_columns(trials)
            self._checks.complete_search_spaces(op._op_flag_vals, op._user_flag_vals, *trials)
            for values in (op._op_flag_vals, *trials):
                self._checks.check(values)
            for name in op._user_flag_vals.keys() & op._op_flag_vals.keys():
                op._user_flag_vals[name] = op._op_flag_vals[name]
            if objective.is_search(self.opdef) and not trials:
                self._checks.check_is_searched(op._op_flag_vals)
            warnings += self._checks.warnings(op._op_flag_vals)
            warnings += self._option_warnings()
            if self._notebook:
                values = operation.scalars_setting(self.opdef, self._spec)
                warnings += objective.warnings(self.opdef, self._notebook, values)
            op._flags_extra = self._checks.with_defaults(op._flags_extra, op._op_flag_vals)
        warnings += self.secrets.warnings(op)
        self.secrets.hide_values(op)
        return warnings

    def _unknown_columns(self, trials: list[dict[str, Any]]) -> Iterator[str]:
        """What is odd about the columns of a batch file, of which Guild takes each for a flag: a
        line each. Raises FlagError for one that is probably a flag of another spelling."""
        flags = [flag.name for flag in self.opdef.flags]
        names = dict.fromkeys(name for trial in trials for name in trial if name not in flags)
        for name in [] if command_parameters().get("force_flags") else names:
            if near := misspelled(name, flags):
                raise FlagError(
                    f"{self.name} has no flag '{name}', which a batch file has - did you mean "
                    f"'{near}'?"
                )
            yield f"there is no flag '{name}', which a batch file has"

    def _option_warnings(self) -> Iterator[str]:
        """What is odd about the options and the notebook's cells, a line each."""
        assert self._spec and self._notebook
        tags = {tag for cell in self._notebook.cells for tag in cell.tags}
        for tag in operation.settings(self.opdef, self._spec).get("skip-tags", ()):
            if tag not in tags and (near := nearest(tag, tags)):
                yield f"nb-skip-tags: no cell has the tag '{tag}' - did you mean '{near}'?"
        imports_all = self.opdef.flags_import is True and self.opdef.guildfile.src
        if imports_all and not languages.is_known(self._notebook):
            from . import explanations

            yield f"no flags are imported: {explanations.by_pattern(self._notebook)}"
        if os.path.basename(os.path.dirname(self._notebook.path)) == sourcecode.CHECKPOINTS:
            yield "this is a checkpoint, a copy that Jupyter keeps of what was saved before"
        if not any(cell.is_code and cell.source.strip() for cell in self._notebook.cells):
            yield "no cell has code: the run executes nothing"
        for cell in self._notebook.cells:
            may_conflict = cell.is_code and "<<<<<<<" in cell.source
            if may_conflict and merge_conflict(cell.source.encode("utf-8", "replace"), ""):
                yield (
                    f"{self._notebook.labels[cell.index]} holds the conflict of a merge (<<<<<<<) "
                    "- resolve it in Jupyter"
                )

    def _check_kernel(self) -> None:
        """Raise KernelError where the run is to start now, on this machine, and its kernel is known
        not to start."""
        if not self._spec or not self._notebook or not _runs_here():
            return
        settings = operation.settings(self.opdef, self._spec)
        data = self.opdef.as_data()
        stated = (data.get("nb-kernel"), data.get("nb-exec"), *self._spec.arguments)
        is_assigned = "nb-kernel" in options.assignments(self._spec.assigned)
        is_by_flag = any(map(options.has_reference, stated)) and not is_assigned
        if settings.get("exec", True) and not is_by_flag and os.environ.get("NB_NO_EXEC") != "1":
            named, language = self._notebook.kernel_name, languages.name_of(self._notebook)
            project = os.path.abspath(self.opdef.guildfile.dir or ".")
            is_confirmed = command_parameters().get("yes", True)
            check.check(settings.get("kernel"), named, language, project, is_confirmed)

    def restore_flagdefs(self) -> None:
        """Restore what is still relaxed of Guild's flag definitions."""
        self._relaxed_secrets.close()
        self._relaxed.close()


def _runs_here() -> bool:
    """Whether Guild's command runs the operation, and does not stage it, print something of it or
    run it elsewhere."""
    others = ("stage", "remote", "help", "print", "test")
    return not any(v and name.startswith(others) for name, v in command_parameters().items())
