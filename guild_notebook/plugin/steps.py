"""Checking the steps of a pipeline before there is a run.

Guild reads a step when it is its turn (guild/steps_main.py), when the runs of the steps before are
made. What is known of one that runs a notebook is said at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from .. import options
from ..errors import OptionError, UserError
from . import explanations, operation


def check(opdef: Any) -> None:
    """Raise OptionError for the first step of a pipeline that names an operation that does not
    exist, or a notebook, a flag or an option."""
    for number, step in enumerate(opdef.steps or (), 1):
        params: dict[str, Any] = {}
        with contextlib.suppress(Exception, SystemExit):  # Guild says it in the step's turn
            params = _parameters(step)
        if params and "${" not in params["opspec"]:
            try:
                _check(params, opdef)
            except UserError as e:
                step = f"step {number} ({params['opspec']})"
                raise OptionError(f"operation '{opdef.fullname}', {step}: {e}") from None


def _parameters(step: Any) -> dict[str, Any]:
    """The parameters of ``guild run`` for a step."""
    from guild import steps_main

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        steps_main.log = steps_main.log or SimpleNamespace(warning=lambda *_: None)
        params: dict[str, Any] = steps_main._run_params_for_step_data(
            steps_main._coerce_step_data(step)
        )
    return params


def _check(params: dict[str, Any], pipeline: Any) -> None:
    from guild import op_util, steps_main

    of_model = SimpleNamespace(model_name=pipeline.modeldef.name)
    try:
        opspec = steps_main._apply_default_model(params["opspec"], of_model)
        opdef = op_util.opdef_for_opspec(opspec)
    except op_util.OpDefLookupError:
        _refuse(explanations.explain("_no_such_opdef_error", None, params["opspec"]))
        return
    spec = operation.spec_for_opdef(opdef)
    if not spec:
        return
    operation.check(opdef, spec)
    known = {flag.name for flag in opdef.flags}
    for name, value, text in _assignments(params):
        if name.startswith(options.PREFIX) and name not in known:
            if not options.has_reference(text):
                options.assignment(name, value, text, f"operation '{opdef.fullname}'")
        elif name not in known and not params["force_flags"]:
            _refuse(explanations.explain("_no_such_flag_error", name, opdef))


def _refuse(said: str) -> None:
    if said:  # else Guild's own message is as good
        raise OptionError(said)


def _assignments(params: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """What a step assigns: names, values and the texts of these."""
    from guild import op_util

    _files, texts = op_util.split_batch_files(params["flags"])
    values, _errors = op_util.parse_flag_assigns(texts)
    typed = dict(text.partition("=")[::2] for text in texts)
    for name, value in values.items():
        yield name, value, typed.get(name, str(value))
