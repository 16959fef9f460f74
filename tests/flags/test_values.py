"""Values of every kind that YAML and Guild carry, nested ones too, in every language."""

from __future__ import annotations

import argparse
import datetime
import math
import os
import shutil
import subprocess

import pytest
import yaml
from guild import flag_util, guildfile, op_util, yaml_util
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values, languages
from guild_notebook.flags.source_text import environment_text, source_text
from guild_notebook.secrets.masking import texts_of
from tests.helpers.notebooks import discover, edited, flags, notebook, run
from tests.helpers.reader import DOCS

TEXTS = st.text(max_size=12)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(2**53, 2**200), st.floats(), TEXTS,
    st.dates(), st.datetimes(), st.datetimes(timezones=st.just(datetime.timezone.utc)),
    st.binary(max_size=6),
)  # fmt: skip
KEYS = st.one_of(st.booleans(), st.none(), st.integers(), TEXTS, st.dates())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.sets(st.one_of(st.integers(), TEXTS, st.dates()), max_size=3),
        st.lists(st.tuples(TEXTS, inner), max_size=2),  # YAML's pairs
    ),
    max_leaves=6,
)
NOTHING = {"python": "x = None", "r": "x <- NULL", "julia": "x = nothing", "bash": "x=''"}


WORDS = {"python": "None", "r": "NULL", "julia": "nothing"}


def held(value, language):
    """What a cell of ``language`` holds for ``value``, as its reader gives it: dates are text, R's
    names are text, and all is text in Bash."""
    if isinstance(value, datetime.date):
        value = value.isoformat()
    if isinstance(value, str) and value.lower() in ("nan", "inf", "-inf", "+inf"):
        value = float(value)
    if isinstance(value, str) and value == WORDS.get(language):
        value = None
    if isinstance(value, dict):
        pairs = {held(k, language): held(v, language) for k, v in value.items()}
        return ({str(k): v for k, v in pairs.items()} or []) if language == "r" else pairs
    if isinstance(value, set):
        plain = {v.isoformat() if isinstance(v, datetime.date) else v for v in value}
        as_typed = "any" if language == "bash" else language
        items = sorted((held(item, as_typed) for item in plain), key=repr)
        items = [held(item, language) for item in items]
        return set(items) if language in ("python", "julia") else items
    if isinstance(value, (list, tuple)):
        return [held(item, language) for item in value]
    if language == "bash":
        return {"None": "", "True": "true", "False": "false"}.get(repr(value), str(value))
    return value


def alike(a, b, language):
    """Equal, numbers of a language with one kind of number by value."""
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(alike(x, y, language) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(
            alike(x, y, language) for x, y in zip(a.values(), b.values())
        )
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if language == "bash":
        return held(a, "bash") == held(b, "bash")
    if isinstance(a, set):
        return isinstance(b, set) and sorted(map(repr, a)) == sorted(map(repr, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("language", NOTHING)
def test_any_value_is_read_back_from_the_cell_or_refused_in_one_line(language):
    flag = flags(NOTHING[language], language=language).flags["x"]
    object.__setattr__(flag, "type", None)
    written = []

    @settings(max_examples=100, deadline=None)
    @given(VALUES)
    @example({"00", "+5", "1.50", "true"})
    def check(value):
        try:
            text = source_text(flag, guild_values.notebook_value(flag, value))
        except FlagError as e:
            assert "\n" not in str(e)
            return
        written.append(text)
        assert alike(languages.named(language).read(text), held(value, language), language), (
            text,
            value,
        )
        spelled = guild_values.coerced(flag, None, value)
        recorded = yaml.safe_load(yaml_util.encode_yaml(spelled))
        again = guild_values.notebook_value(flag, recorded)
        assert source_text(flag, again) == text

    check()
    assert len(written) > 20  # or it is no test


PAGE = (DOCS / "flags.md").read_text("utf-8")


def table(heading):
    """The rows of the table below a heading of the page, without that of its names."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", table("Types"), ids=lambda row: row[0])
def test_the_table_of_types_is_what_each_language_writes(row):
    value = yaml.safe_load(row[0])
    for language, expected in zip(("python", "r", "julia", "bash"), row[1:]):
        flag = flags(NOTHING[language], language=language).flags["x"]
        object.__setattr__(flag, "type", None)
        if expected != "–":
            assert source_text(flag, guild_values.notebook_value(flag, value)) == expected
            continue
        with pytest.raises(FlagError, match=rf"flag x in .* cannot hold .* in {language}: "):
            source_text(flag, guild_values.notebook_value(flag, value))


@pytest.mark.parametrize("row", table("Calls"), ids=lambda row: row[0])
def test_a_call_is_shown_as_plain_text_and_a_value_gets_into_it(row):
    default, shown, typed, expected = row
    flag = flags(f"x = {default}").flags["x"]
    data = guild_values.flag_data(flag)
    assert str(data["default"]) == shown
    value = flag_util.decode_flag_val(typed, data.get("type"))
    assert run(f"x = {default}  # é", x=value) == f"x = {expected}  # é"
    assert run(f"x = {default}", x=data["default"]) == f"x = {default}"


@pytest.mark.parametrize("default", ["None", "{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}"])
def test_the_keys_of_a_mapping_keep_their_order(default):
    source = f"x = {default}"
    flag = flags(source).flags["x"]
    value = {"z": 1, "b": {"d": 1, "c": 2}}
    recorded = yaml_util.encode_yaml({"x": guild_values.coerced(flag, None, value)})
    expected = "x = {'z': 1, 'b': {'d': 1, 'c': 2}}"
    assert run(source, **yaml.safe_load(recorded)) == expected
    kept = yaml_util.encode_yaml({"x": guild_values.guild_default(flag)})
    assert run(source, **yaml.safe_load(kept)) == source


SPELLINGS = [
    # source, what is typed for one value, how a run records it
    ("x = 0.5", ["0.1", ".1", "1e-1", "0.10"], 0.1),
    ("x = True", ["no", "false", "False", "off"], False),
    ("x = True #@param {type:'boolean'}", ["no", "false", "False", "0", "n"], False),
    ("x = 5", ["null", "~", "None"], None),
    ("x = None", ["null", "~", "None"], None),
    ("x = 5 #@param {type:'integer'}", ["7", "7.0", "07", "7e0"], 7),
    ("x = 0.5 #@param {type:'slider', min:0, max:9, step:0.5}", ["7", "7.0"], 7.0),
    ("x = 'a'", ["b", "'b'", '"b"'], "b"),
    ("x = ['a']", ["b c", " b  c", "'b' c", "[[b, c]]", "[['b','c']]"], "b c"),
    ("x = ['a']", ["1 2", "[[1, 2]]", "[['1', '2']]"], "1 2"),
    ("x = ('a', 1)", ["b 2", "[[b,2]]"], "b 2"),
    ("x = [[1], [2]]", ["[0,1] [1,0]", "[[[0, 1], [1, 0]]]", "'[0, 1]' '[1, 0]'"], "[0,1] [1,0]"),
    ("x = {'a': 1}", ["{a: 2, b: [1,2]}", "{'a': 2, 'b': [1, 2]}"], {"a": 2, "b": [1, 2]}),
    ("x = None", ["2021-01-31", "'2021-01-31'"], "2021-01-31"),
    ("x = '2020-01-01' #@param {type:'date'}", ["2021-01-31", "'2021-01-31'"], "2021-01-31"),
    ("x = date(2020, 1, 1)", ["2021-01-31", "'2021-01-31'", " 2021-01-31"], "2021-01-31"),
    ("x = date(2020, 1, 1)", ["2020-01-01", "date(2020, 1, 1)"], "2020-01-01"),
    ("x = Path('a')", ["b", "./b", "b/"], "b"),
    ("x = b'a'", ["xyz", "b'xyz'", 'b"xyz"'], "xyz"),
    ("x = b'a'", ["a", "b'a'"], "a"),
    ("x = b'a'", ["b'\\x00'", "b'\\0'"], "b'\\x00'"),
    ("x = b'\\xff'", ["b'\\xff'", 'b"\\xff"'], "b'\\xff'"),
    ("x = b'a'", ["é", "b'\\xc3\\xa9'"], "é"),
    ("x = b'a'", ["10"], "10"),
    ("x = 1+2j", ["3+4j", "(3+4j)", "3 + 4j"], "3+4j"),
    ("x = 1j", ["nan"], "nan+0j"),
    ("x = float('inf')", ["3"], 3),
    ("x = float('nan')", ["-inf"], float("-inf")),
    ("x = set()", ["1 2", "[[1, 2]]", "[[2, 1]]"], "1 2"),
    ("x = Path('a')", ["a", "Path('a')"], "a"),
    ("x = f(1) #@param {type:'raw'}", ["g(2)", " g(2) "], "g(2)"),
    ("x = f(1) #@param {type:'raw'}", ["f(1)", " f(1)"], None),
    ("x = None #@param ['None', '1e-3'] {type:'raw'}", ["1e-3", "0.001", "1e-03"], 0.001),
    ("x = 'a' #@param ['a', '1']", ["1", "'1'"], "1"),
]


@pytest.mark.parametrize(("source", "typed", "recorded"), SPELLINGS)
def test_a_value_has_one_spelling_however_it_is_typed(source, typed, recorded):
    flag = flags(source).flags["x"]
    flagdef = guildfile.FlagDef("x", guild_values.flag_data(flag), None)
    for text in typed:
        (value,) = op_util.parse_flag_assigns([f"x={text}"], namespace(flagdef))[0].values()
        value = value[0] if isinstance(value, list) else value
        spelled = guild_values.coerced(flag, flagdef, value)
        assert (spelled, type(spelled)) == (recorded, type(recorded)), text
        assert run(source, x=spelled) == run(source, x=value)


def namespace(flagdef):
    """All that Guild's parser of assignments reads of an operation."""
    return argparse.Namespace(flags=[flagdef])


@pytest.mark.parametrize(
    ("default", "given", "expected"),
    [
        ("['a']", [1, 2.5], "['1', '2.5']"),
        ("{'name': 'a', 'n': 1}", {"name": 7, "n": 7}, "{'name': '7', 'n': 7}"),
        ("{'t': (1, 2)}", {"t": [3, 4]}, "{'t': (3, 4)}"),
        ("{'s': {1}}", {"s": [3, 3]}, "{'s': {3}}"),
        ("[Path('a')]", "b c", "[Path('b'), Path('c')]"),
        ("{'p': pathlib.Path(\"a\")}", {"p": "b"}, "{'p': pathlib.Path(\"b\")}"),
        ("{'d': dt.date(2020, 1, 1)}", {"d": datetime.date(2021, 2, 3)},
         "{'d': dt.date(2021, 2, 3)}"),
        ("{'t': time(1, 2)}", {"t": 750}, "{'t': time(12, 30)}"),
        ("{'p': Decimal('0.1')}", {"p": 0.25}, "{'p': Decimal('0.25')}"),
        ("{dt.date(2020, 1, 1): 1}", {datetime.date(2021, 2, 3): 2}, "{dt.date(2021, 2, 3): 2}"),
        ("[b'a']", "b 010", "[b'b', b'010']"),
        ("(b'a', 1)", ["b", 2], "(b'b', 2)"),
        ("{'k': (b'a',)}", {"k": ["é"]}, "{'k': (b'\\xc3\\xa9',)}"),
        ("[1j]", "2 1-1j", "[(2+0j), (1-1j)]"),
        ("[Decimal('1')]", "0.10", "[Decimal('0.10')]"),
        ("[float('inf')]", "1 -inf", '[1, float("-inf")]'),
        ("{'s': frozenset()}", {"s": [3, 3]}, "{'s': frozenset({3})}"),
        ("{'s': set()}", {"s": {3: None}}, "{'s': {3}}"),
    ],
)  # fmt: skip
def test_what_stands_within_a_default_gives_the_type_there(default, given, expected):
    assert run(f"x = {default}", x=given) == f"x = {expected}"


@pytest.mark.parametrize(
    ("default", "given", "expected"),
    [
        ("[0.5, 1.0]", ["-.5e-3", "1_000"], "[-0.0005, 1000]"),
        ("{'lr': 0.1}", {"lr": "-.5e-3", "name": "-.5e-3"}, "{'lr': -0.0005, 'name': '-.5e-3'}"),
        ("{'fast': True}", {"fast": 0}, "{'fast': False}"),
        ("[True, False]", [1, "no"], "[True, False]"),
        ("{1, 2}", {3: None, 4: None}, "{3, 4}"),
        ("{'s': {'a'}}", {"s": {"b": None}}, "{'s': {'b'}}"),
        ("{'a': 1}", {"b": None}, "{'b': None}"),
    ],
)
def test_within_a_default_a_value_has_the_type_that_a_plain_flag_gives_it(default, given, expected):
    assert run(f"x = {default}", x=given) == f"x = {expected}"


@pytest.mark.parametrize(
    ("default", "typed", "expected"),
    [
        ("lambda a: a", "lambda a: a + 1", "lambda a: a + 1"),
        ("f(1)", "sorted(y, key=lambda r: r[0])", "sorted(y, key=lambda r: r[0])"),
        ("5 * 60", "{1, 2}", "{1, 2}"),
        ("5 * 60", "{a: 1}", "{'a': 1}"),
        ("5 * 60", "None", "None"),
        ("float('inf')", "None", "None"),
    ],
)
def test_an_expression_that_yaml_reads_as_something_else_is_an_expression(default, typed, expected):
    source = f"x = {default}"
    nb = notebook((source, "parameters"))
    found = discover(nb)
    flagdef = guildfile.FlagDef("x", guild_values.flag_data(found.flags["x"]), None)
    (value,) = op_util.parse_flag_assigns([f"x={typed}"], namespace(flagdef))[0].values()
    recorded = guild_values.coerced(found.flags["x"], flagdef, value)
    for each in (value, recorded):  # a run, and one that restarts it
        assert edited(nb, found, {"x": each})[0] == f"x = {expected}"


def test_the_word_for_null_is_one_of_a_forms_choices():
    assert run("x = 1 #@param [None, 1]", x="None") == "x = None #@param [None, 1]"


@pytest.mark.parametrize(
    ("default", "given", "takes"),
    [
        ("date(2020, 1, 1)", "2021-02-30", r"a date \(YYYY-MM-DD\)"),
        ("date(2020, 1, 1)", "2021-12-32", r"a date \(YYYY-MM-DD\)"),
        ("date(2020, 1, 1)", "tomorrow", r"a date \(YYYY-MM-DD\)"),
        ("time(1, 2)", "25:00", r"a time \(HH:MM:SS\)"),
        ("timedelta(days=1)", "long", r"a duration \(H:MM:SS\) or a number of days"),
        ("Decimal('1')", "much", "a decimal number"),
        ("Decimal('1')", "snan", "a decimal number"),
        ("Fraction(1, 3)", "1e999999999", r"a fraction \(1/3\)"),
        ("Fraction(1, 3)", "1/0", r"a fraction \(1/3\)"),
        ("UUID('0b4e0c4e-1d44-4b52-9a4e-6f2a0a1c8c11')", "7", "a UUID"),
        ("{'d': date(2020, 1, 1)}", {"d": "soon"}, r"a date \(YYYY-MM-DD\)"),
        ("1j", "c", r"a complex number \(1\+2j\)"),
        ("float('inf')", "c", "a number"),
        ("int('5')", "c", "a number"),
        ("b'a'", True, "text"),
        ("Path('a')", [1], "a path"),
    ],
)
def test_what_the_call_does_not_take_is_refused_in_one_line(default, given, takes):
    with pytest.raises(FlagError, match=rf"^flag x in the 1st cell \(.*\) takes {takes}, not .*\Z"):
        run(f"x = {default}", x=given)


@pytest.mark.parametrize(
    "default",
    ["time.time()", "date.today()", "Path.home()", "Path()", "date(2020, 1, 32)", "Path(a)",
     "Fraction('1e999999999')", "Decimal('x')", "Path(*a)", "date(**a)", "Path('a') / b", "1 / 2",
     "'a' / Path('b')",
     "datetime.strptime('a', 'b')", "load('x')", "UUID(5)", "Fraction(numerator='1')",
     "Decimal('sNaN')", "Path.fromisoformat('a')", "date.fromisoformat('a')",
     "timedelta(days=1e300)", "float(x)", "int('x')", "set(x)", "dict(**x)", "bytes(10**12)",
     "np.float('1')", "1 + 2", "1j + 2", "1 * 2j"],
)  # fmt: skip
def test_any_other_call_is_an_expression(default):
    assert flags(f"x = {default}").flags == {}


@pytest.mark.parametrize(
    ("default", "given"),
    [("date(2020, 1, 1)", "date(2022,1,1)"), ("date(2020, 1, 1)", "date.today()"),
     ("Path('a')", 'Path("b")'), ("Path('a')", "pathlib.Path.home() / 'b'"),
     ("b'a'", "b'a' * 3"), ("b'a'", "bytes(4)"),
     ("Decimal('1')", "Decimal(7) * 2"), ("dt.date(2020, 1, 1)", "cfg.day")],
)  # fmt: skip
@pytest.mark.parametrize("declared", ["", ' #@param {type:"raw"}', " #@param"])
def test_a_call_that_is_typed_is_taken_as_it_is(default, given, declared):
    assert run(f"x = {default}{declared}", x=given) == f"x = {given}{declared}"


def test_the_numbers_of_a_vector_of_integers_stay_integers_in_r():
    source = "x <- c(1L, 2L)  # sizes"
    nb = notebook(source, language="r")
    assert edited(nb, discover(nb), {"x": "3 4.5 6"}) == {0: "x <- c(3L, 4.5, 6L)  # sizes"}


RUN = [
    # a value, and a test of what R's, and Bash's, kernel holds for it
    (None, "is.null(x)", '[ -z "$x" ]'),
    (True, "identical(x, TRUE)", '[ "$x" = true ]'),
    (-5, "identical(x, -5)", '[ "$x" -eq -5 ]'),
    (1e-300, "identical(x, 1e-300)", '[ "$x" = 1e-300 ]'),
    (math.inf, "identical(x, Inf)", '[ "$x" = inf ]'),
    (math.nan, "is.nan(x)", '[ "$x" = nan ]'),
    ('it\'s "q" \\ $x `y`\t\x01f é\u2028\n!', "nchar(x) == 25", "[ ${#x} -eq 25 ]"),
    (datetime.date(2021, 1, 31), "identical(x, '2021-01-31')", '[ "$x" = 2021-01-31 ]'),
    ([1, 2.5], "identical(x, c(1, 2.5))", '[ "${x[1]}" = 2.5 ] && [ ${#x[@]} -eq 2 ]'),
    ([], "length(x) == 0", "[ ${#x[@]} -eq 0 ]"),
    (["a b", "it's"], 'identical(x[[2]], "it\'s")', '[ "${x[0]}" = "a b" ]'),
    ({"b": [None, 1], "a": {1: "x"}}, "identical(names(x), c('b', 'a')) && x$a$`1` == 'x'", None),
    ([[1], ["a"]], "identical(x, list(c(1), c('a')))", None),
]


@pytest.mark.parametrize(("language", "command"), [("r", "Rscript"), ("bash", "bash")])
def test_what_is_written_is_what_the_language_holds(language, command, tmp_path):
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")
    flag = flags(NOTHING[language], language=language).flags["x"]
    object.__setattr__(flag, "type", None)
    lines = []
    for value, in_r, in_bash in RUN:
        if language == "bash" and in_bash is None:
            continue
        text = source_text(flag, guild_values.notebook_value(flag, value))
        holds = f"stopifnot({in_r})" if language == "r" else f"{in_bash} || exit 1"
        lines.append(
            f"x {'<-' if language == 'r' else '='} {text}\n{holds}\n".replace("x = ", "x=")
        )
    script = tmp_path / "script"
    script.write_text("".join(lines), "utf-8")
    done = subprocess.run(
        [command, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("default", "given", "expected"),
    [("b'a'", "xyz", "b'xyz'"), ("pathlib.Path('a')", "b", "pathlib.Path('b')"),
     ("dt.date(2020, 1, 1)", "2021-02-03", "dt.date(2021, 2, 3)")],
)  # fmt: skip
def test_a_secret_value_of_any_type_is_in_the_environment_as_the_source_text(
    default, given, expected
):
    flag = discover(notebook(f"x = {default}"), secrets={"x": "X"}).flags["x"]
    value = guild_values.notebook_value(flag, given)
    assert environment_text(flag, value) == expected
    assert source_text(flag, value) == 'eval(__import__("os").environ["X"])'


def test_bytes_are_known_by_their_text_where_they_are_secret():
    assert texts_of({"k": [b"xyz", b"\xff"]}) == ["k", "xyz", "\\xff"]
