"""The attributes of an operation of guild.yml, of which Guild keeps whatever they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import options
from ..errors import OptionError, misspelled, nearest, shown
from ..scalars import compiled

NOTEBOOK = "notebook"
WHAT_IS_RUN = ("main", "exec", "steps")  # beside ``notebook``, by which an operation says it

OF_GUILD = (
    *("can-stage-trials", "compare", "default", "default-flag-arg-skip", "default-max-trials"),
    *("delete-on-success", "description", "env", "env-secrets", "exec", "flag-encoder", "flags"),
    *("flags-dest", "flags-import", "flags-import-skip", "handle-keyboard-interrupt", "label"),
    *("main", "objective", "optimizer", "optimizers", "output-scalars", "pip-freeze", "plugins"),
    *("publish", "python-path", "python-requires", "requires", "run-attrs", "sourcecode", "steps"),
    *("stoppable", "tags"),
)
"""The attributes of Guild's operations (guild/guildfile.py, OpDef)."""

WITHOUT_A_LEVEL = (
    "operations begin at the left margin of guild.yml, and 'operations:' is for models: take the "
    "line above out, and indent the operation less"
)

_JOINED = re.compile(r"\s*notebook(?::\s*|\s+)(?=\S.*\.ipynb\b)(.*)")
"""What YAML makes of ``notebook: NAME`` without the colon or the blank."""

_NOTEBOOK_WORDS = ("ipynb", "jupyter")


def what_is_run_error(data: Mapping[Any, Any], where: str) -> OptionError | None:
    """What is wrong with the attributes by which an operation, which ``where`` names, says what it
    runs: that of a notebook beside another one, misspelled, or a notebook where another kind of
    program is named. None where nothing is."""
    given = [key for key in WHAT_IS_RUN if data.get(key)]
    if nested := nested_operations(data):
        return OptionError(f"{where}: '{nested[0]}' is an operation within it - {WITHOUT_A_LEVEL}")
    if data.get(NOTEBOOK) is not None:
        if given:
            return OptionError(
                f"{where} has both 'notebook' and '{given[0]}' - take out the one that it is not"
            )
        return None
    for key in ("main", "exec"):
        joined = _JOINED.fullmatch(data[key]) if isinstance(data.get(key), str) else None
        if joined:
            return OptionError(
                f"{where}: '{data[key]}' is not an attribute - write it with a colon and a blank: "
                f"'notebook: {joined[1]}'"
            )
        words = data[key].split() if key in given and isinstance(data[key], str) else []
        if words[:1] and words[0].lower().endswith(".ipynb"):
            return OptionError(
                f"{where}: '{key}' does not take a notebook - say 'notebook: {' '.join(words)}'"
            )
    if not given:
        for key in map(str, data):
            if key.lower() in _NOTEBOOK_WORDS or misspelled(key, [NOTEBOOK]):
                return OptionError(
                    f"{where}: unknown attribute '{key}' - did you mean '{NOTEBOOK}'?"
                )
    return None


def nested_operations(data: Mapping[Any, Any]) -> list[str]:
    """The attributes of an operation that are themselves operations of notebooks, as below the
    ``operations`` of a model, which has nothing to do in a guild.yml that begins with operations.
    """
    return [
        str(key) for key, value in data.items() if isinstance(value, dict) and NOTEBOOK in value
    ]


def check(opdef: Any) -> None:
    """Raise OptionError for an attribute of a notebook operation that is a misspelled one, and for
    a flag that has the name of an option."""
    known = [NOTEBOOK, *OF_GUILD]
    where = f"operation '{opdef.fullname}'"
    for key in opdef.as_data():
        if isinstance(key, str) and key not in known and not key.startswith(options.PREFIX):
            near = misspelled(key, [*known, *(option.attribute for option in options.OPTIONS)])
            if near:
                raise OptionError(f"{where}: unknown attribute '{key}' - did you mean '{near}'?")
    env = opdef.as_data().get("env")
    if env and not isinstance(env, dict):
        raise OptionError(
            f"{where}: 'env' takes names of variables, each with its value, not '{shown(env)}'"
        )
    objective = opdef.as_data().get("objective")
    kinds = ("minimize", "maximize")
    if isinstance(objective, dict) and (objective.keys() - set(kinds) or len(objective) > 1):
        named = ", ".join(map(shown, objective))
        near = "".join(nearest(shown(key), kinds) for key in objective)
        hint = f"did you mean '{near}'?" if near in kinds else "say minimize or maximize: SCALAR"
        raise OptionError(
            f"{where}: 'objective' takes one of minimize and maximize, not {named} - {hint}"
        )
    for flag in opdef.flags:
        if options.is_option(flag.name):
            raise OptionError(
                f"{where}: '{flag.name}' is an option, not a flag - take it out of 'flags', to the "
                "line of 'notebook'"
            )


def check_pattern(pattern: Any, opdef: Any) -> None:
    """Raise OptionError for what is in ``output-scalars`` and is no pattern: an expression, or a
    mapping of names to such, or to lists of them."""
    if isinstance(pattern, (dict, list)):
        for each in pattern.values() if isinstance(pattern, dict) else pattern:
            check_pattern(each, opdef)
        return
    try:
        compiled(pattern)
    except (re.error, TypeError, AttributeError) as e:
        why = str(e) if isinstance(e, re.error) else "it is not a text"
        raise OptionError(
            f"operation '{opdef.fullname}': 'output-scalars' has the pattern '{shown(pattern)}', "
            f"which cannot be read: {why} - correct it"
        ) from None
