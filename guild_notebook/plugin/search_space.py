"""Search spaces of a notebook's flags: what ``lr=[:]`` stands for.

Guild searches a range that is typed (``lr=[0.001:0.1]``, ``lr=loguniform[0.001:0.1]``). A bound
that is left out is the flag's own, a form's or guild.yml's: ``[:]``, ``[:0.1]``, ``log[:]``; for
a flag with choices ``[:]`` is the list of them, that is a grid, or categories to an optimizer.
Guild then sees ranges and lists as if they had been typed, in the prompt as in the run.

Guild draws real numbers where a bound has a point, whole numbers where none has, and always real
numbers for ``loguniform`` (guild/plugins/skopt_util.py, _uniform_dim and _real_dim). So the ranges
made here have points, or a function of their own, by what their flag can hold.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ..compat.skopt import LOGUNIFORM_INT
from ..errors import FlagError, misspelled
from ..flags import apply, guild_values, validate
from ..flags.languages.values import is_number
from ..flags.model import Flag

# Without a function it is the flag's own distribution.
_FUNCTIONS = {None: None, "uniform": "uniform", "log": "loguniform", "loguniform": "loguniform"}

_OF_GUILD = ("uniform", "loguniform", "log", "range", "linspace", "logspace", "geomspace")
"""What Guild takes for ranges and sequences of values (guild/flag_util.py)."""


def completed(flag: Flag, flagdef: Any, value: Any) -> Any:
    """A flag's value with the bounds that its search space leaves out: a range of Guild's as text,
    a list of choices, or ``value`` itself where it is complete or not a search space.

    ``flagdef`` is Guild's definition of the flag, from the notebook and guild.yml. Raises FlagError
    where a bound is missing or not taken by the flag, or where the bounds are not a range.
    """
    parsed = _parsed(value)
    if parsed is None:
        return value
    typed, name, args = parsed
    if len(args) not in (2, 3):
        raise FlagError(
            f"flag {flag.label} is searched as [MIN:MAX] or [MIN:MAX:FIRST], not {typed}"
        )
    function = _FUNCTIONS[name] or _FUNCTIONS.get(flagdef.distribution) or "uniform"
    choices = _choices(flag, flagdef)
    if choices and set(args) == {""} and name in (None, "uniform"):
        return choices
    low, high, *first = _numbers(flag, flagdef, typed, args)
    _check(flag, typed, function, low, high, *first)
    complete = "" not in args[:2]
    whole = _is_whole(flag, flagdef, [low, high], complete and function == "uniform")
    drawn_whole = function == "uniform" and isinstance(low, int) and isinstance(high, int)
    if complete and name in (None, function) and whole == drawn_whole:
        return value
    return _written(function, [low, high, *first], whole)


def fit_bounds(flag: Flag, flagdef: Any) -> None:
    """Change Guild's definition so that an optimizer searches the flag for what it can hold. It
    searches all flags with bounds where no flag has a range (guild/plugins/skopt.py,
    encode_flag_for_optimizer)."""
    bounds = [bound for bound in (flagdef.min, flagdef.max) if bound is not None]
    if not bounds:
        return
    if not _is_whole(flag, flagdef, bounds):
        with contextlib.suppress(OverflowError):  # no optimizer searches so far
            flagdef.min = None if flagdef.min is None else float(flagdef.min)
            flagdef.max = None if flagdef.max is None else float(flagdef.max)
    elif flagdef.distribution == "loguniform":
        flagdef.distribution = LOGUNIFORM_INT


def _parsed(value: Any) -> tuple[str, str | None, list[Any]] | None:
    """A search space of a kind known here: how messages show it, its function, and its arguments,
    "" for each that is left out. None for any other value."""
    from guild import flag_util

    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        ((low, rest),) = value[0].items() if len(value[0]) == 1 else ((None, None),)
        # YAML, and so Guild, reads [0.1:] as a list of a mapping
        return (f"[{low}:]", None, [low, ""]) if is_number(low) and rest is None else None
    if not guild_values.is_search_space(value):
        return None
    name, args = flag_util.decode_flag_function(value)
    if name not in _FUNCTIONS and (near := misspelled(name, _OF_GUILD)):
        raise FlagError(f"{value}: there is no function '{name}' - did you mean '{near}'?")
    return (value, name, list(args)) if name in _FUNCTIONS and args else None


def _choices(flag: Flag, flagdef: Any) -> list[Any]:
    if flagdef.choices:
        return [choice.value for choice in flagdef.choices]
    if flag.type == "boolean" or flagdef.type == "boolean" or isinstance(flag.default, bool):
        return [False, True]
    return []


def _numbers(flag: Flag, flagdef: Any, typed: str, args: list[Any]) -> list[float]:
    own = [flagdef.min, flagdef.max]
    numbers = [own[i] if i < 2 and arg == "" else arg for i, arg in enumerate(args)]
    missing = [side for side, number in zip(("lower", "upper"), numbers) if number is None]
    if missing:
        bound = f"{missing[0]} bound" if len(missing) == 1 else "bounds"
        raise FlagError(
            f"flag {flag.label} has no {bound} to fill in for {typed} - say "
            f"{flag.name}=[MIN:MAX], or give it min and max in guild.yml"
        )
    for number in numbers:
        if not is_number(number):
            raise FlagError(f"flag {flag.label} is searched between numbers, not {typed}")
    return numbers


def _check(
    flag: Flag, typed: str, function: str, low: float, high: float, first: float | None = None
) -> None:
    for number in (low, high, first):
        if number is not None:
            apply.assignment(flag, number)  # raises what a run would
    if not low < high:
        raise FlagError(
            f"flag {flag.label} is searched from a lower to a higher bound, not {typed}"
        )
    if first is not None and not low <= first <= high:
        raise FlagError(f"flag {flag.label} begins its search between the bounds, not at {first}")
    if function == "loguniform" and low <= 0:
        raise FlagError(
            f"flag {flag.label} is searched by its logarithm, so from above 0, not from {low} - "
            f"say {flag.name}=log[MIN:MAX]"
        )


def _is_whole(flag: Flag, flagdef: Any, bounds: list[float], typed: bool = False) -> bool:
    """Whether whole numbers are to be drawn: the flag takes no others, or its bounds, its default
    and its step are all written without a point. Of a range that was ``typed`` only the bounds
    count."""
    if flagdef.type == "int" or validate.takes_whole_numbers(flag):
        return True
    others = [] if typed else [flag.default, flag.step]
    numbers = bounds + [number for number in others if is_number(number)]
    return flagdef.type != "float" and all(isinstance(number, int) for number in numbers)


def _written(function: str, numbers: list[float], whole: bool) -> str:
    from guild import flag_util

    if whole and function == "loguniform":
        function = LOGUNIFORM_INT
    encoded = [flag_util.encode_flag_val((int if whole else float)(n)) for n in numbers]
    return f"{'' if function == 'uniform' else function}[{':'.join(encoded)}]"
