"""The command that runs a run again gives each flag the value that it had."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from guild import op_util
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.run import again
from guild_notebook.run.record.run_files import RunFiles

VALUES = [
    1, -5, 0.1, 1e-05, 1e300, True, False, None,
    "adam", "", " ", "a b", "a/b.csv", "1", "1e5", "1_000", "0x10", "yes", "No", "null", "~",
    "nan", "infinity", "-", "*", "a: b", "a:", "# no comment", "it's", 'a "quote"', "$HOME `x` !y",
    "line 1\nline 2", "tab\there", "\x1b[31m", "\\n", "日本語", "שלום", "🎉", "é", "64 32",
    "'quoted'", '"quoted"', "{a: 1}", "[a", "]", "{", "%d", "@file", "&x", "!tag", "|", ">", "a,b",
    "2026-11-27", "12:30:00", "x=y", "--help", "\u2028", "\u202e", "a" * 300, {"a": 1, "b": [1, 2]},
]  # fmt: skip


def typed(line: str, flag_type: str | None) -> dict[str, Any]:
    """The flag values that Guild reads from a command."""
    program, run, opspec, *arguments = shlex.split(line)
    assert (program, run, opspec) == ("guild", "run", "train")
    opdef = SimpleNamespace(flags=[SimpleNamespace(name="x", type=flag_type, alias=None)])
    values, errors = op_util.parse_flag_assigns(arguments, opdef)
    assert not errors
    return values


def check(value: Any) -> None:
    line = again.command("train", {"x": value}, [])
    if isinstance(value, str) and (len(value) < 200 and value.isprintable()) and "[" not in value:
        assert line, value
    assert line.isprintable() and len(line) <= 1_000
    if line:
        types = [None, "string"] if isinstance(value, str) else [None]
        for flag_type in types:
            found = typed(line, flag_type)["x"]
            assert (type(found), found) == (type(value), value), (flag_type, line)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_is_typed_so_that_guild_reads_the_same(value: Any):
    assert again.command("train", {"x": value}, [])
    check(value)


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_any_value_is_typed_right_or_not_at_all(value: Any):
    check(value)


@pytest.mark.parametrize(
    "value", [[1, 2], "[0:1]", "uniform[0:1]", "range[1:5]", b"x", "y" * 2_000]
)
def test_what_guild_would_take_for_trials_or_nobody_would_read_is_not_typed(value: Any):
    assert again.command("train", {"x": value}, []) == ""


def test_a_command_is_quoted_for_a_shell():
    line = again.command("my train.ipynb", {"lr": 0.1, "name": "a b"}, ["nb-kernel=other one"])
    assert line == "guild run 'my train.ipynb' lr=0.1 'name=a b' 'nb-kernel=other one'"


@pytest.mark.parametrize(
    ("opref", "names"),
    [
        ("guildfile:/p/guild.yml 9b90 '' train", ("train", "train")),
        ("guildfile:/p/guild.yml 9b90 model train", ("model:train", "model:train")),
        ("script:/p '' '' nbs/train.ipynb", ("nbs/train.ipynb", "nbs/train.ipynb")),
        ("script:/p '' '' 'my train.ipynb'", ("my train.ipynb", "my train.ipynb")),
        ("package:gpkg.pkg 1.0 '' train", ("train", "gpkg.pkg/train")),
        ("nothing of the kind", ("", "")),
        ("'", ("", "")),
    ],
)
def test_an_operation_is_called_as_guild_is_given_it(tmp_path: Path, opref: str, names):
    (tmp_path / ".guild").mkdir()
    (tmp_path / ".guild" / "opref").write_text(opref, "utf-8")
    assert again.operation(RunFiles(str(tmp_path))) == names


def test_a_run_without_an_operation_has_no_command(tmp_path: Path):
    assert again.operation(RunFiles(str(tmp_path))) == ("", "")
    assert again.command("", {"x": 1}, []) == ""
