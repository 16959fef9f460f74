"""What a search space of a notebook's flag stands for, before Guild sees it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values
from guild_notebook.flags.model import Flag, Site
from guild_notebook.plugin import search_space


def flag(**fields: Any) -> Flag:
    given = {"kind": "slider", "type": "slider", "default": 0.1, "sites": (Site(0, 0, 1),)}
    return Flag(name="a", **{"default_source": "", **given, **fields})


def flagdef(of: Flag, **in_guild_yml: Any) -> SimpleNamespace:
    """Guild's definition of a flag, as far as it matters here."""
    data = {**guild_values.flag_data(of), **in_guild_yml}
    choices = [SimpleNamespace(value=value) for value in data.get("choices", [])]
    names = ("type", "min", "max", "distribution")
    return SimpleNamespace(choices=choices, **{name: data.get(name) for name in names})


def completed(of: Flag, value: Any, **in_guild_yml: Any) -> Any:
    return search_space.completed(of, flagdef(of, **in_guild_yml), value)


REAL = flag(min=0, max=1, step=0.1)
POSITIVE = flag(min=0.001, max=1, step=0.001)
WHOLE = flag(default=32, min=8, max=128, step=8)
ASSIGNED = flag(kind="assign", type=None, default=3)
ASSIGNED_REAL = flag(kind="assign", type=None, default=0.5)
CHOICE = flag(kind="dropdown", type="string", default="relu", choices=("relu", "tanh"))
NUMBERS = flag(kind="dropdown", type="number", default=16, choices=(8, 16))
CHECKBOX = flag(kind="checkbox", type="boolean", default=True)

SPACES = [
    # what is left out is the flag's own
    (REAL, "[:]", "[0.0:1.0]"),
    (REAL, "uniform[:]", "[0.0:1.0]"),
    (REAL, "[:0.5]", "[0.0:0.5]"),
    (REAL, "uniform[0.5:]", "[0.5:1.0]"),
    (REAL, [{0.5: None}], "[0.5:1.0]"),  # how Guild decodes [0.5:]
    (REAL, "[::0.25]", "[0.0:1.0:0.25]"),
    (POSITIVE, "log[:]", "loguniform[0.001:1.0]"),
    (POSITIVE, "loguniform[:0.1]", "loguniform[0.001:0.1]"),
    (CHOICE, "[:]", ["relu", "tanh"]),
    (NUMBERS, "[:]", [8, 16]),
    (CHECKBOX, "[:]", [False, True]),
    # whole numbers stay whole
    (WHOLE, "[:]", "[8:128]"),
    (WHOLE, "log[:]", "loguniform-int[8:128]"),
    (WHOLE, "loguniform[16:64]", "loguniform-int[16:64]"),
    (WHOLE, "[16.0:64.0]", "[16:64]"),
    (WHOLE, "[16:64:32]", "[16:64:32]"),
    (ASSIGNED, "log[1:100]", "loguniform-int[1:100]"),
    # what is typed in full is Guild's
    (REAL, "[0.1:0.5]", "[0.1:0.5]"),
    (REAL, "[0:1]", "[0:1]"),
    (POSITIVE, "loguniform[0.01:0.1]", "loguniform[0.01:0.1]"),
    (ASSIGNED, "[0.5:2.5]", "[0.5:2.5]"),
    (ASSIGNED_REAL, "loguniform[1:10]", "loguniform[1:10]"),
    # no search spaces of numbers
    (REAL, 0.5, 0.5),
    (REAL, [0.1, 0.2], [0.1, 0.2]),
    (CHOICE, "relu", "relu"),
    (ASSIGNED, "other[:]", "other[:]"),
    (ASSIGNED, [{"a": None}], [{"a": None}]),
    (ASSIGNED, [{1: None, 2: None}], [{1: None, 2: None}]),
]


@pytest.mark.parametrize(("of", "value", "expected"), SPACES)
def test_a_search_space_is_completed_from_its_flag(of: Flag, value: Any, expected: Any):
    found = completed(of, value)
    assert found == expected and type(found) is type(expected)


REFUSED = [
    (ASSIGNED, "[:]", "flag a in the 1st cell has no bounds to fill in for [:] - say a=[MIN:MAX]"),
    (flag(kind="input", type="number", min=0), "[:]", "no upper bound to fill in for [:]"),
    (flag(kind="input", type="number", max=5), "[:1]", "no lower bound to fill in for [:1]"),
    (REAL, "[0.1:2]", "flag a in the 1st cell takes a number from 0 to 1, not 2"),
    (WHOLE, "[8.5:16]", "takes a whole number from 8 to 128, not 8.5"),
    (REAL, "[0.5:0.1]", "from a lower to a higher bound, not [0.5:0.1]"),
    (REAL, "[0.1:0.1]", "from a lower to a higher bound"),
    (REAL, "[0.1:0.5:0.6]", "begins its search between the bounds, not at 0.6"),
    (REAL, "[0.1:0.5:0.2:0.3]", "is searched as [MIN:MAX] or [MIN:MAX:FIRST]"),
    (REAL, "[low:high]", "is searched between numbers, not [low:high]"),
    (REAL, "log[:]", "from above 0, not from 0 - say a=log[MIN:MAX]"),
    (CHOICE, "[0:1]", 'takes one of "relu", "tanh", not 0'),
    (CHOICE, "log[:]", "has no bounds to fill in for log[:]"),
]


@pytest.mark.parametrize(("of", "value", "why"), REFUSED)
def test_a_search_space_that_makes_no_sense_is_refused_in_one_line(of: Flag, value: Any, why: str):
    with pytest.raises(FlagError) as raised:
        completed(of, value)
    assert why in str(raised.value)


def test_bounds_and_distribution_of_guild_yml_count():
    assert completed(ASSIGNED_REAL, "[:]", min=0, max=2) == "[0.0:2.0]"
    assert completed(ASSIGNED, "[:]", min=1, max=9) == "[1:9]"
    assert completed(WHOLE, "[:]", distribution="loguniform") == "loguniform-int[8:128]"
    assert completed(POSITIVE, "[:]", distribution="loguniform") == "loguniform[0.001:1.0]"
    assert completed(ASSIGNED, "[:]", choices=[1, 2]) == [1, 2]


@pytest.mark.parametrize(
    ("of", "in_guild_yml", "low", "distribution"),
    [
        (REAL, {}, 0.0, None),
        (REAL, {"max": 10**400}, 0.0, None),  # more than a float holds
        (WHOLE, {}, 8, None),
        (WHOLE, {"distribution": "loguniform"}, 8, "loguniform-int"),
        (POSITIVE, {"distribution": "loguniform"}, 0.001, "loguniform"),
    ],
)
def test_an_optimizer_without_ranges_searches_what_the_flag_holds(
    of: Flag, in_guild_yml: dict[str, Any], low: float, distribution: str | None
):
    definition = flagdef(of, **in_guild_yml)
    search_space.fit_bounds(of, definition)
    assert (definition.min, type(definition.min)) == (low, type(low))
    assert definition.distribution == distribution
