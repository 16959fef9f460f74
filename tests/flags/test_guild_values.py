"""What a user types, what Guild makes of it, and what the cell then holds."""

from __future__ import annotations

import json

import pytest
import yaml
from guild import guildfile, op_util, yaml_util
from guild.commands import run_impl

from guild_notebook.errors import FlagError
from guild_notebook.flags import apply, guild_values
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import edited, flags, notebook


class Grid(list):
    """The cells of a grid's trials."""


def cell_after(source: str, *typed: str) -> str | Grid:
    """The cell that a run with ``typed`` executes: through Guild's own parser, coercion, checks
    and YAML, and the checks that the plugin makes between them."""
    nb = notebook(source)
    found = discover(nb)
    data = {flag.name: guild_values.flag_data(flag) for flag in found.flags.values()}
    assert json.loads(json.dumps(data)) == data
    operations = {"op": {"exec": "true", "flags": data}}
    (model,) = guildfile.Guildfile(
        [{"model": "m", "operations": operations}], dir="."
    ).models.values()
    opdef = model.get_operation("op")
    user, errors = op_util.parse_flag_assigns(typed, opdef)
    assert not errors
    guild_values.read_nulls(user, typed, found.flags)
    for name, value in user.items():
        for single in value if isinstance(value, list) else [value]:
            apply.assignment(found.flags[name], single)
    final = op_util.flag_vals_for_opdef(opdef, user)
    if run_impl._batch_opspec_for_flags(final) is None:
        return edited(nb, found, through_yaml(final)).get(0, source)
    grid = next(name for name, value in final.items() if isinstance(value, list))
    trials = [through_yaml({**final, grid: value}) for value in final[grid]]
    return Grid(edited(nb, found, trial).get(0, source) for trial in trials)


def through_yaml(values):
    return yaml.safe_load(yaml_util.encode_yaml(values))


NUMBER = 'x = 5 #@param {type:"number"}'
INTEGER = 'x = 5 #@param {type:"integer"}'
STRING = "x = 'a' #@param {type:\"string\"}"
BOOLEAN = 'x = False #@param {type:"boolean"}'
DATE = "x = '2020-01-01' #@param {type:\"date\"}"
RAW = 'x = f(1) #@param {type:"raw"}'
SLIDER = 'x = 0.5 #@param {type:"slider", min:0, max:1, step:0.1}'
CHOICES = "x = 'a' #@param ['a', 'b', '1']"
NUMBERS = "x = 1e-5 #@param [1e-5, 1e-3, 2]"
RAW_CHOICES = "x = None #@param ['None', 'f', '1e-3', '\"s\"'] {type:'raw'}"

TYPED = [
    # source, what is typed, what x then is
    (NUMBER, "7", "7"),
    (NUMBER, "1e3", "1000"),
    (NUMBER, "0x10", "16"),
    (NUMBER, "0.5", "0.5"),
    (NUMBER, "1_000", "1000"),
    (NUMBER, "inf", 'float("inf")'),
    (NUMBER, "yes", FlagError),
    (NUMBER, "", FlagError),
    (NUMBER, "null", FlagError),
    (NUMBER, "'7'", "7"),
    (NUMBER, "12:30", FlagError),
    (NUMBER, "[1,2]", Grid(["1", "2"])),
    (NUMBER, "range[1:3]", Grid(["1", "2", "3"])),
    (INTEGER, "7", "7"),
    (INTEGER, "1e3", "1000"),
    (INTEGER, "2.5", FlagError),
    (INTEGER, "[1,2.5]", FlagError),
    (STRING, "1", "'1'"),
    (STRING, "1e3", "'1e3'"),
    (STRING, "0x10", "'0x10'"),
    (STRING, "true", "'true'"),
    (STRING, "yes", "'yes'"),
    (STRING, "null", "'null'"),
    (STRING, "", "''"),
    (STRING, "12:30", "'12:30'"),
    (STRING, "2020-01-01", "'2020-01-01'"),
    (STRING, "it's", '"it\'s"'),
    (STRING, "'quoted'", "'quoted'"),
    (STRING, '"\'\\"quoted\\"\'"', "'\\'\"quoted\"\\''"),
    (STRING, "a: b", "'a: b'"),
    (STRING, "{a: b}", FlagError),
    (STRING, "'{a: b}'", "'{a: b}'"),
    (STRING, "[1,b]", Grid(["'1'", "'b'"])),
    (STRING, "a\\nb", "'a\\\\nb'"),
    (STRING, "é\u2028", "'é\\u2028'"),
    (BOOLEAN, "yes", "True"),
    (BOOLEAN, "true", "True"),
    (BOOLEAN, "1", "True"),
    (BOOLEAN, "no", "False"),
    (BOOLEAN, "0", "False"),
    (BOOLEAN, "maybe", FlagError),
    (BOOLEAN, "", FlagError),
    (BOOLEAN, "null", FlagError),
    (BOOLEAN, "[yes,no]", Grid(["True", "False"])),
    (DATE, "2021-12-31", "'2021-12-31'"),
    (DATE, "2021-02-30", FlagError),
    (DATE, "tomorrow", FlagError),
    (RAW, "1e3", "1e3"),
    (RAW, "0x10", "0x10"),
    (RAW, "g(x, 'a')", "g(x, 'a')"),
    (RAW, "a if b else c", "a if b else c"),
    (RAW, "import os", FlagError),
    (RAW, "", FlagError),
    (RAW, "[[1,2]]", Grid(["[1, 2]"])),
    (RAW, "'[1, 2]'", "[1, 2]"),
    (RAW, "None", "None"),
    (SLIDER, "0.25", "0.25"),
    (SLIDER, "1", "1.0"),
    (SLIDER, "1.5", FlagError),
    (SLIDER, "-1", FlagError),
    (CHOICES, "b", "'b'"),
    (CHOICES, "1", "'1'"),
    (CHOICES, "c", FlagError),
    (CHOICES, "", FlagError),
    (CHOICES, "[a,b]", Grid(["'a'", "'b'"])),
    (NUMBERS, "0.001", "0.001"),
    (NUMBERS, "2.0", "2"),
    (NUMBERS, "3", FlagError),
    (RAW_CHOICES, "f", "f"),
    (RAW_CHOICES, "1e-3", "1e-3"),
    (RAW_CHOICES, "0.001", "1e-3"),
    (RAW_CHOICES, "s", '"s"'),
    (RAW_CHOICES, "g", FlagError),
    # plain assignments
    ("x = 5", "6", "6"),
    ("x = 5", "5.0", "5.0"),
    ("x = 5", "null", "None"),
    ("x = 5", "yes", FlagError),
    ("x = True", "no", "False"),
    ("x = 'a'", "1", "'1'"),
    ("x = 'a'", "", "''"),
    ("x = 'a'", "null", "None"),
    ("x = 'a'", '"null"', "'null'"),
    ("x = 'a'", "[null,b]", Grid(["None", "'b'"])),
    ("x = 'a'", "None", "'None'"),
    ("x = Path('a')", "null", "None"),
    ("x = ['a']", "null", "None"),
    (CHOICES, "null", FlagError),
    ("x = None", "1", "1"),
    ("x = None", "a", "'a'"),
    ("x = None", "yes", "True"),
    ("x = None", "2020-01-01", "'2020-01-01'"),
    ("x = [1, 2]", "3 4", "[3, 4]"),
    ("x = [1, 2]", "3", "[3]"),
    ("x = [1, 2]", "", "[]"),
    ("x = [1, 2]", "3 a 'b c'", "[3, 'a', 'b c']"),
    ("x = [1, 2]", "[[3,4]]", Grid(["[3, 4]"])),
    ("x = [1, 2]", "[3,4]", Grid(["[3]", "[4]"])),
    ("x = (1, 2)", "3 4", "(3, 4)"),
    ("x = ['a']", "1 yes", "['1', 'yes']"),
    ("x = {'a': 1}", "{a: 2, b: [1]}", "{'a': 2, 'b': [1]}"),
    ("x = {1, 2}", "3 4", "{3, 4}"),
]


@pytest.mark.parametrize(("source", "typed", "expected"), TYPED)
def test_what_is_typed_is_what_the_cell_holds(source, typed, expected):
    if expected is FlagError:
        with pytest.raises(FlagError, match=r"flag x in the 1st cell \(.*\) takes"):
            cell_after(source, f"x={typed}")
        return
    before = flags(source).flags["x"].default_source
    cells = (
        [source.replace(before, text, 1) for text in [*expected]]
        if isinstance(expected, Grid)
        else source.replace(before, expected, 1)
    )
    assert cell_after(source, f"x={typed}") == cells


DEFAULTS = [
    "5", "-1.5", "1e400", "True", "None", "'a'", "''", "'1'", "'yes'", "'1e3'", "'null'", "'12:30'",
    "'[0:1]'", "'uniform[0:1]'", "'layer[3]'", "'[a]'", "'{a: b}'", "'a\\0b'", "'\\ud800'",
    "'2020-01-01'", "'''a\nb'''", "'é\\u2028'", "'${x}'", "'it\\'s \"q\"'", "'#c'", "' a '",
    "[1, 2]", "[]", "()", "(1,)", "[[1], [2]]", "['a b', '1', 'yes', '[0:1]', 'range[0:3]']",
    "[None, True, 'x']", "[1.5, {'a': (1, 2)}]", "{'a': [1, 2]}", "{1: 2}", "{}", "{1, 'b'}",
    "{'a': {'b': (1,)}}", "10 ** 3", "f(x)", "b'1'", "1j", "[f(x)]", "f'{y}'", "'x' * 3",
    "1234567890123456789012345678901234567890", "5e-324", "-0.0", "0.1", "'~/x'", "'*'", "'&a'",
]  # fmt: skip


@pytest.mark.parametrize(
    "declared",
    [
        "",
        *(
            f' #@param {{type:"{t}"}}'
            for t in ("string", "number", "integer", "boolean", "date", "raw", "slider")
        ),
    ],
)
@pytest.mark.parametrize("default", DEFAULTS)
def test_a_flag_left_at_its_default_edits_nothing_and_starts_no_batch(default, declared):
    source = f"x = {default}{declared}"
    assert cell_after(source) == source


@pytest.mark.parametrize("choices", ["['a', 'b']", "[1, 2]", "['f', 'None'] {type:'raw'}"])
@pytest.mark.parametrize("default", DEFAULTS)
def test_a_default_that_is_no_choice_is_left_alone(default, choices):
    source = f"x = {default} #@param {choices}"
    assert cell_after(source) == source


@pytest.mark.parametrize("typed", ["[0:1]", "uniform[0:1]", "loguniform[1e-5:1]", "[0.1:0.9:0.5]"])
@pytest.mark.parametrize("source", [NUMBER, SLIDER, "x = 5", "x = None"])
def test_a_search_space_passes(source, typed):
    assert "x" in flags(source).flags and guild_values.is_search_space(typed)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [(BOOLEAN, "n", False), (BOOLEAN, "y", True), (BOOLEAN, 0, False), (NUMBER, "2", 2),
     (STRING, 2, "2"), ("x = 5", "a", "a"), (NUMBER, {}, {})],
)  # fmt: skip
def test_a_value_is_coerced_as_guild_does_but_for_text_of_booleans(source, value, expected):
    flag = flags(source).flags["x"]
    flagdef = guildfile.FlagDef("x", guild_values.flag_data(flag), None)
    coerced = guild_values.coerced(flag, flagdef, value)
    assert coerced == expected and type(coerced) is type(expected)


def test_bounds_and_choices_are_told_to_guild():
    assert guild_values.flag_data(flags(SLIDER).flags["x"]) == {
        "default": 0.5,
        "type": "number",
        "min": 0,
        "max": 1,
        "description": "[0 to 1]",
    }
    assert guild_values.flag_data(flags(CHOICES).flags["x"])["choices"] == ["a", "b", "1"]


def test_a_computed_default_is_shown_and_held_as_null():
    data = guild_values.flag_data(flags(RAW).flags["x"])
    assert (data["default"], data["null-label"]) == (None, "f(1)")
