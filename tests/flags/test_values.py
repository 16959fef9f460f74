"""Values of every kind that YAML and Guild carry, nested ones too, in every language."""

from __future__ import annotations

import datetime
import math

import pytest
import yaml
from guild import flag_util, yaml_util
from hypothesis import given, settings
from hypothesis import strategies as st

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values, languages
from guild_notebook.flags.source_text import source_text
from tests.helpers.notebooks import flags, run
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
        items = [held(item, language) for item in sorted(plain, key=repr)]
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
        with pytest.raises(FlagError, match=rf"flag x \(cell 0\) cannot hold .* in {language}: "):
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
