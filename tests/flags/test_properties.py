"""Whatever a cell holds: outside the spans nothing changes, at the spans stands the value."""

from __future__ import annotations

import ast
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.cli.commands import json_data
from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values
from guild_notebook.flags.discover import Discovered, discover
from guild_notebook.flags.languages import literals
from guild_notebook.flags.languages.source import expression_of
from guild_notebook.flags.languages.values import same
from tests.helpers.notebooks import edited, notebook
from tests.helpers.slow import but_slow

TEXTS = st.text(max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(allow_nan=False),
    st.binary(max_size=6),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(TEXTS, inner, max_size=3),
        st.sets(st.one_of(st.integers(), TEXTS), max_size=3),
        st.frozensets(st.one_of(st.integers(), TEXTS), max_size=3),
    ),
    max_leaves=6,
)

# What stands around assignments in real cells, none of which may be touched or hide them.
NOISE = st.sampled_from(
    [
        "# a comment with 'quotes' and (brackets",
        "!pip install -q 'a[b]'",
        "%matplotlib inline",
        "files = !ls *.py",
        "print('ü', \"x = 1\")",
        "model.fit?",
        "if ok:\n    !ls\nelse:\n\ty = (1,\n 2)",
        'doc = """\nx = 1 #@param\n"""',
        "def f(a=1, *, b='#'):\n    return a",
        "total = (1 +\n   2)  # two",
        "print 'python two'",
        "plot();",
        "été = 'é'; naïve = '\U0001f600'",
        "@decorated\nclass A:\n    x = 1",
        "\x0c",
        "",
        "s = 'a\\\n b'",
        "broken = = 3",
    ]
)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
COMMENTS = st.sampled_from(["", "  # why", ' #@param {type:"raw"}', "; z9 = 'ö'", "\t"])
BEFORE = st.sampled_from(["", "é = 'ü'; ", "%%time\n", "%%capture out\n"])


@st.composite
def cells(draw):
    """A cell with noise and one assignment of a value to ``x9``, and that value."""
    value = draw(VALUES)
    end = draw(LINE_ENDS)
    before, after = draw(st.lists(NOISE, max_size=3)), draw(st.lists(NOISE, max_size=3))
    wrapped = draw(st.sampled_from(["{}", "({})", "(\n  {}\n)", "\\\n  {}"]))
    head, comment = draw(BEFORE), draw(COMMENTS)
    magic = head.startswith("%%")
    lines = ([head.rstrip("\n")] if magic else []) + before
    written = wrapped.format(literals.write(value))
    lines.append(("" if magic else head) + "x9 = " + written + comment)
    return value, "\n".join(lines + after).replace("\n", end), "param" in comment


def is_literal(value):
    if isinstance(value, dict):
        return all(map(is_literal, [*value, *value.values()]))
    if isinstance(value, (list, tuple, set)):
        return all(map(is_literal, value))
    return not isinstance(value, int) or abs(value) < 10**4000


@settings(max_examples=400, deadline=None)
@given(cells(), VALUES)
def test_an_edit_changes_the_value_and_nothing_else(cell, new):
    value, source, is_form = cell
    nb = notebook(source)
    found = discover(nb, wanted=["x9"])
    flag = found.flags["x9"]
    assert flag.computed == (not is_literal(value))
    if not is_form and flag.computed:  # it is a flag since it is named
        assert "x9" not in discover(nb).flags
    (site,) = flag.sites
    if not flag.computed:
        assert same(flag.default, value)
    assert edited(nb, found, {"x9": guild_values.guild_default(flag)}) == {}
    try:
        text = edited(nb, found, {"x9": new}).get(0, source)
    except FlagError:
        return
    assert text.startswith(source[: site.start])
    assert text.endswith(source[site.end :])
    written = text[site.start : len(text) - (len(source) - site.end)]
    if guild_values.is_unchanged(flag, new):
        assert written == flag.default_source
    elif flag.type == "raw":
        assert expression_of(written) is not None
    elif flag.computed and isinstance(new, str) and expression_of(new) is not None:
        # Text takes the place of an expression as the expression that it is.
        assert ast.dump(expression_of(written)) == ast.dump(expression_of(new))
    else:
        held = eval(written)  # what the kernel would hold
        assert same(held, guild_values.notebook_value(flag, new))


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_what_is_written_reads_as_the_value(value):
    text = literals.write(value)
    assert "\n" not in text
    assert same(eval(text), value)  # what the kernel would hold
    if is_literal(value):
        assert same(literals.read(text), value)


def test_a_number_of_more_digits_than_python_prints_is_written():
    assert eval(literals.write(10**5000)) == 10**5000  # what the kernel would hold


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from(["'a'", '"a"', 'r"a"', "'''a'''"]))
def test_a_text_keeps_the_kind_of_its_quotes(text, like):
    written = literals.write(text, like)
    assert ast.literal_eval(written) == text
    if '"' in like and "'" not in text:
        assert written[0] == '"'


FRAGMENTS = [
    *["x = 1", "y: int = 2", "lr = 0.1", "é = 'ü'", "x = [1, 2]", "a.b = 1", "x = ", "+=", ":="],
    *["#@param", '#@param {type:"string"}', '# @param ["a", \'b\', 1] {type:"raw"}', "#@ param"],
    *["#@title T {a", "#@markdown - x", "{", "}", "[", "]", "(", ")", '"', "'", '"""', "'''", "\\"],
    *["\n", "\r", "\r\n", "\x0c", "\x85", "\u2028", "\t", "    ", "if a:\n", "else:", "class A:"],
    *["!ls", "%magic", "%%bash", "%%time\n", "?", "a = !ls", "\ud800", "\x00", "\ufeff", ";", ","],
    *["1e400", "9" * 5000, "...", 'b"x"', 'f"{x}"', "lambda", "@", "$", "`", '\\"', "type", "min:"],
    *["<-", 'c(1, "a")', 'Dict("a" => ', "export x=1", "\U0001f600", "match x:\n case 1:\n  y=1"],
    *["try:\n x=1\nexcept:\n y=2", "async def f(): x=1", "(" * 150, "-" * 3000 + "1", "\\N{x}"],
]
VALUES_OF_ALL_KINDS = (1, "a", True, None, [1], {"a": 1}, 0.5, "x y", "[0:1]", "'")
LANGUAGES = ("python", "python", "python", "python", "R", "julia", "bash", "scala")


def generated(rnd: random.Random) -> str:
    kind = rnd.random()
    if kind < 0.8:
        pieces = rnd.choices(FRAGMENTS, k=rnd.randint(1, 25))
        return "".join(piece + rnd.choice(["", " ", "\n", "\n"]) for piece in pieces)
    some = bytes(rnd.randrange(256) for _ in range(rnd.randint(0, 60)))
    return some.decode(*(("latin-1",) if kind < 0.9 else ("utf-8", "surrogateescape")))


@pytest.mark.parametrize("seed", but_slow(range(10), 0, 1, 2))
def test_a_thousand_generated_cells_never_raise_and_keep_their_text(seed):
    rnd = random.Random(seed)
    flags = 0
    for _ in range(1000):
        source = generated(rnd)
        tag = "parameters" if rnd.random() < 0.3 else ""
        nb = notebook((source, tag), language=rnd.choice(LANGUAGES))
        found = discover(nb, {"p": r"(\d+)"} if rnd.random() < 0.1 else {}, ["x", "y", "lr", "é"])
        json_data(nb, found)
        flags += len(found.flags)
        defaults = {f.name: guild_values.guild_default(f) for f in found.flags.values()}
        assert edited(nb, Discovered(flags=found.flags), defaults) == {}
        for flag in found.flags.values():
            guild_values.flag_data(flag)
            check_edits(nb, flag, source)
    assert flags > 100  # or the cells are no test


def check_edits(nb, flag, source):
    assert source[flag.sites[0].start : flag.sites[0].end] == flag.default_source
    for value in VALUES_OF_ALL_KINDS:
        try:
            new = edited(nb, Discovered(flags={flag.name: flag}), {flag.name: value})
        except FlagError as e:
            assert "\n" not in str(e)
            continue
        if new:
            assert new[0].startswith(source[: flag.sites[0].start])
            assert new[0].endswith(source[flag.sites[-1].end :])
