"""What is said of a mistake in ``guild run``, where Guild's own words know nothing of notebooks.

Imported after a mistake only.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from .. import options
from ..document import notebooks_beside
from ..document.reader import Notebook, merge_conflict
from ..errors import UserError, nearest
from ..flags import languages
from ..flags.discover import Discovered
from . import attributes, flagdefs, operation

_OPTIMIZERS = {
    "gp": ("bayes", "bayesian", "gaussian", "tpe", "optuna", "hyperopt", "skopt"),
    "forest": ("rf", "randomforest", "trees"),
    "gbrt": ("gbm", "xgboost", "boosting", "gradientboosting"),
    "random": ("randomsearch", "uniform"),
}
"""Guild's optimizers, and what others call such."""

_MOST_NAMES = 10


def explain(refusal: str, *args: Any) -> str:
    """A line in place of the message of a function of Guild (compat/command_line.py, REFUSALS),
    which gets ``args``; "" where Guild's is as good."""
    explained: dict[str, Callable[..., str]] = {
        "_no_such_model_op_error": _operation,
        "_no_such_opdef_error": lambda _model, name: _operation(name),
        "_no_such_flag_error": _flag,
        "_invalid_flag_arg_error": lambda errors: _argument([e.arg for e in errors.values()]),
        "_guildfile_error": _guildfile,
        "_model_op_proxy_error": lambda e: _folder(e.opspec),
        "_invalid_opspec_error": _folder,
    }
    return explained[refusal](*args)


def _guildfile(path: str, said: str) -> str:
    """What is said of a guild.yml that cannot be read, if it is one of notebooks."""
    name = os.path.relpath(path)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return ""
    if conflict := merge_conflict(content, name):
        return conflict
    what = " ".join(said.replace(f"error in {path}: ", "").replace(f'in "{path}", ', "").split())
    return f"{name} cannot be read: {what} - correct it" if b".ipynb" in content else ""


def _operation(name: str | None) -> str:
    from guild import config

    if not name:
        beside = notebooks_beside.notebooks_in(config.cwd())
        return f"say what to run - notebooks here: {_listed(beside)}" if beside else ""
    parameters = operation.command_parameters()
    if name == parameters.get("optimizer"):
        return _optimizer(name)
    cwd = config.cwd()
    said = f"there is no operation '{name}'"
    opdefs = _opdefs(cwd)
    for opdef in opdefs:
        if name in attributes.nested_operations(opdef.as_data()):
            return f"{said}: it is below '{opdef.name}' - {attributes.WITHOUT_A_LEVEL}"
    near = nearest(name, [opdef.fullname for opdef in opdefs])
    notebook = notebooks_beside.near_notebook(name, cwd)
    if notebook and (not near or os.path.splitext(os.path.basename(notebook))[0] == name):
        return f"{said} - did you mean the notebook '{notebook}'?"
    if near:
        return f"{said} - did you mean '{near}'?"
    beside = notebooks_beside.notebooks_in(cwd)
    return f"{said} - notebooks here: {_listed(beside)}" if beside else ""


def _folder(path: str) -> str:
    from guild import config

    notebook = path.rstrip("/")
    if notebook != path and os.path.isfile(os.path.join(config.cwd(), notebook)):
        return f"'{path}' is not a folder - say: guild run {shlex.quote(notebook)}"
    if not os.path.isdir(os.path.join(config.cwd(), path)):
        return ""
    inside = notebooks_beside.notebooks_in(os.path.join(config.cwd(), path))
    named = _listed(os.path.join(path, name) for name in inside) or "there are none in it"
    return f"'{path}' is a folder - give a notebook: {named}"


def _opdefs(folder: str) -> list[Any]:
    """The operations of a folder's guild.yml."""
    from guild import guildfile

    try:
        gf = guildfile.for_dir(folder)
    except Exception:  # there is none, or Guild has said what is wrong with it
        return []
    return [opdef for model in gf.models.values() for opdef in model.operations]


def _optimizer(name: str) -> str:
    from guild import config

    word = re.sub(r"[\W_]", "", name.casefold())
    if word in ("grid", "gridsearch"):
        return (
            "there is no optimizer 'grid': lists of values are a grid without one - say "
            "NAME=[VALUE,VALUE]"
        )
    known = {each: key for key, others in _OPTIMIZERS.items() for each in (key, *others)}
    own = [each.name for opdef in _opdefs(config.cwd()) for each in opdef.optimizers or ()]
    near = nearest(name, own) or known.get(word) or known.get(nearest(word, known))
    named = ", ".join(dict.fromkeys([*own, *_OPTIMIZERS]))
    hint = f"did you mean '{near}'?" if near else f"there are {named}"
    return f"there is no optimizer '{name}' - {hint}"


def _argument(arguments: list[str]) -> str:
    if arguments[0].lower().endswith(".ipynb"):
        return (
            f"'{arguments[0]}' is a second notebook - a command runs one, and its run keeps the "
            "executed one"
        )
    with_colon = re.fullmatch(r"([\w.-]+)\s*:\s*(.+)", arguments[0])
    pairs = arguments if len(arguments) == 2 else [arguments[0], "VALUE"]
    if not re.match(r"[^\W\d]", pairs[0]):  # the value of something before it, as of ``-lr 3``
        pairs = ["NAME", arguments[0]]
    pairs = list(with_colon.groups()) if with_colon else [pairs[0].rstrip(":"), *pairs[1:]]
    return f"'{arguments[0]}' is not an assignment - say NAME=VALUE: {'='.join(pairs)}"


def _flag(name: str, opdef: Any) -> str:
    """What is said of a name that is not a flag of an operation; "" where it runs no notebook."""
    spec = operation.spec_for_opdef(opdef)
    if not spec:
        return ""
    path = operation.notebook_paths(opdef, spec).source
    try:
        nb, found = flagdefs.discovered(opdef, path, spec.path)
    except UserError:
        return ""
    own = [flag.name for flag in opdef.flags]
    in_notebook = name if name in found.flags else nearest(name, [*own, *found.flags])
    if in_notebook in found.flags and in_notebook not in own:
        return (
            f"operation '{opdef.fullname}' does not import the flag '{in_notebook}' of "
            f"{spec.path} - {_import(opdef, in_notebook)}"
        )
    if not name:
        return "an assignment begins with a name - say NAME=VALUE"
    said = f"{spec.path} has no flag '{name}'"
    if skipped := found.passed_over(name):
        instead = f" - {_import(opdef, name, True)}" if skipped.name else ""
        return f"{said}: {skipped.reason}{instead}"
    if in_notebook:
        return f"{said} - did you mean '{in_notebook}'?"
    known = options.defaults()
    if option := name if name in known else nearest(name, known):
        return f"{said} - did you mean the option '{options.PREFIX}{option}'?"
    if not languages.is_known(nb):
        return f"{said} - {by_pattern(nb)}"
    return f"{said} - its flags are: {_listed(own) if own else 'none'}"


def instead_of(name: str, found: Discovered, nb: Notebook) -> str:
    """What to say in guild.yml for a name that is not a flag of a notebook."""
    if skipped := found.passed_over(name):
        return f"it is passed over: {skipped.reason}"
    if near := nearest(name, found.flags):
        return f"did you mean '{near}'?"
    if not languages.is_known(nb):
        return by_pattern(nb)
    return f"its flags are: {_listed(found.flags) if found.flags else 'none'}"


def by_pattern(nb: Notebook) -> str:
    """How a notebook has flags whose language is not known."""
    return (
        f"flags of {languages.name_of(nb)} are not read: say in guild.yml where each stands, by "
        "nb-replace"
    )


def _import(opdef: Any, name: str, is_passed_over: bool = False) -> str:
    """How an operation gets a flag that its notebook has, or has only where it is named."""
    if not opdef.guildfile.src:
        return f"name it in a guild.yml: flags-import: [all, {name}]"
    if name in flagdefs.listed_names(opdef.flags_import_skip):
        return "take it out of 'flags-import-skip' in guild.yml"
    if opdef.flags_import in (True, "all"):
        return f"name it in guild.yml: flags-import: [all, {name}]"
    if opdef.flags_import:
        return f"add it to 'flags-import' in guild.yml: flags-import: [..., {name}]"
    others = "" if is_passed_over else ", or flags-import: all"
    return f"add to it in guild.yml: flags-import: [{name}]{others}"


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    return ", ".join(shown[:_MOST_NAMES]) + more
