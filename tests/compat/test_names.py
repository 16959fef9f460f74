"""Flags and scalars of any name in what Guild lists, of scripts as of notebooks."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.helpers.project import Project

WORDS = ["select", "min", "max", "first", "last", "avg", "total", "count", "step"]
COLUMNS = ["run", "operation", "started", "time", "status", "label", "sourcecode", "step"]
NAMES = sorted({*COLUMNS, *WORDS, "id", "op", "flags", "contains", "loss"})


def columns(spec: str) -> list[tuple[str, ...]]:
    """The columns that a query has: the kind, the name, its qualifier, ``step``, and its header."""
    from guild import query

    found = []
    for column in query.parse_colspec(spec).cols:
        kind = type(column).__name__
        if kind == "Scalar":
            step = "step" if column.step else ""
            found.append((kind, column.key, column.qualifier or "", step, column.header))
        else:
            found.append((kind, column.name, column.header))
    return found


@pytest.mark.parametrize("name", [*WORDS, "loss", "lr", "config['a']"])
def test_any_word_is_a_name_where_it_can_be_nothing_else(name: str):
    own = name in COLUMNS
    flag = ("Flag", name, f"flag:{name}" if own else name)
    scalar = ("Scalar", name, "", "", f"scalar:{name}" if own else name)
    assert columns(f"={name}") == columns(f"flag:{name}") == [flag]
    assert columns(name) == columns(f"scalar:{name}") == [scalar]
    assert columns(f".{name}") == columns(f"attr:{name}") == [("Attr", name, name)]
    assert columns(f"{name},={name},{name}") == [scalar, flag, scalar]
    assert columns(f"{name} as {name}") == [("Scalar", name, "", "", name)]
    assert columns(f"={name} as {name}") == [("Flag", name, name)]
    assert columns(f"max {name}")[0][:4] == ("Scalar", name, "max", "")
    assert columns(f"max {name} step as max") == [("Scalar", name, "max", "step", "max")]
    assert columns(f"scalar:{name} step") == [("Scalar", name, "", "step", f"{name} step")]


def test_a_name_that_stands_where_others_are_named_is_one_where_it_can_be():
    assert columns("=as,as,.as as as") == [
        ("Flag", "as", "as"),
        ("Scalar", "as", "", "", "as"),
        ("Attr", "as", "as"),
    ]


def test_names_with_blanks_are_in_quotes():
    assert columns("='a b',flag:\"c, d\",'e f' step") == [
        ("Flag", "a b", "a b"),
        ("Flag", "c, d", "c, d"),
        ("Scalar", "e f", "", "step", "e f step"),
    ]


@pytest.mark.parametrize(
    ("filter_", "is_found"),
    [
        ("lr = 0.1", True),
        ("contains = 3 and undefined < 5", True),
        ("flag:contains > 3 or in != 2", False),
        ("is >= 1 and not not = 2", True),
        ("'a b' = 7", True),
        ("'config[\"lr\"]' >= 8 and '_x' < 10", True),
        ("'flag:_x' in [9, 10]", True),
        ("'_x' not in [9, 10]", False),
        ("'a b' is 7 and 'name' contains 'ada'", True),
        ("name = 'adam' and name contains 'ada'", True),
        ("name in ['adam', 'contains'] and none is undefined", True),
        ("name not contains 'contains' and true", True),
        ("name = contains", None),
    ],
)
def test_filters_compare_what_has_any_name(filter_: str, is_found: bool | None):
    from guild import filter as filterlib

    values = {"lr": 0.1, "contains": 3, "undefined": 4, "in": 2, "is": 1, "not": 1, "a b": 7}
    values.update({'config["lr"]': 8, "_x": 9, "name": "adam"})
    run = SimpleNamespace(get_attr=lambda _: None, get_flag=values.get, get_scalar=lambda _: None)
    if is_found is None:  # a word is no value
        with pytest.raises(SyntaxError):
            filterlib.parser().parse(filter_)
    else:
        assert filterlib.parser().parse(filter_)(run) is is_found


FLAGS = "".join(f"{name} = {number}\n" for number, name in enumerate(NAMES, 1))
SCALARS = sorted({*WORDS, *COLUMNS} - {"step"})  # to Guild a printed step is that of what follows
PRINTS = f"for i, name in enumerate({SCALARS}): print(f'{{name}}: {{i + 0.5}} (step 3)')\n"


@pytest.fixture(scope="module")
def made(shared: Project) -> Project:
    """A script and a notebook with such flags, and a script and a notebook with such scalars."""
    shared.file("flags.py", f"{FLAGS}print(run)\n")
    shared.file("scalars.py", PRINTS)
    shared.notebook("flags.ipynb", FLAGS, "print(run)")
    shared.notebook("scalars.ipynb", PRINTS)
    each = "{}:\n  {}: {}\n  flags-import: all\n  nb-report: none\n"
    shared.guildfile(
        each.format("a", "main", "flags")
        + each.format("b", "main", "scalars")
        + each.format("c", "notebook", "flags.ipynb")
        + each.format("d", "notebook", "scalars.ipynb")
    )
    for operation in "abcd":
        shared.run(operation)
    return shared


def operation_of(made: Project, run_id: str) -> str:
    (found,) = (path for path in made.run_dirs() if path.name == run_id.strip())
    return (found / ".guild/opref").read_text().split()[-1]


def test_compare_has_each_flag_and_each_scalar_and_its_own_columns(made: Project):
    done = made.guild("compare", "--csv", "-", "--extra-cols")
    assert (done.status, done.stderr) == (0, "")
    rows = {row["operation"]: row for row in csv.DictReader(done.stdout.splitlines())}
    assert set(rows) == set("abcd")
    for row in rows.values():
        assert row["status"] == "completed" and len(row["run"]) == 8 and ":" in row["started"]
    for name, operation in itertools.product(NAMES, "ac"):
        column = f"flag:{name}" if name in COLUMNS else name
        assert rows[operation][column] == str(NAMES.index(name) + 1), (operation, name)
    for name, operation in itertools.product(SCALARS, "bd"):
        column = f"scalar:{name}"  # there are flags of these names in other runs
        assert float(rows[operation][column]) == SCALARS.index(name) + 0.5, (operation, name)
        assert rows[operation]["step"] == "3"
    table = made.guild("compare", "--table", "--cols", "=total,count,='id',max max")
    assert (table.status, table.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "operation"),
    [
        (["--min", "count", "-Fo", "b"], "b"),
        (["--max", "=total"], "ac"),
        (["--min", "flag:step", "-Fo", "a"], "a"),
        (["--max", "max max step", "-Fo", "d"], "d"),
        (["-F", f"flag:label = {NAMES.index('label') + 1}", "-F", "operation = a"], "a"),
        (["-F", f"total = {NAMES.index('total') + 1}"], "ac"),
        (["-F", f"flag:contains = {NAMES.index('contains') + 1}"], "ac"),
        (["-F", "scalar:status > 1"], "bd"),
    ],
)
def test_runs_are_selected_by_any_name(made: Project, arguments: list[str], operation: str):
    done = made.guild("select", *arguments)
    assert (done.status, done.stderr) == (0, "")
    assert operation_of(made, done.stdout) in operation


@pytest.mark.parametrize(
    ("arguments", "operations"),
    [
        (["--min", "count"], "bd"),
        (["--max", "count"], "bd"),
        (["--min", "=total"], "ac"),
        (["--min", "max max"], "bd"),
    ],
)
def test_runs_without_a_value_are_not_the_best(
    made: Project, arguments: list[str], operations: str
):
    done = made.guild("select", *arguments)
    assert (done.status, done.stderr) == (0, "")
    assert operation_of(made, done.stdout) in operations


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("totl", " - did you mean 'total'?"),
        ("=lable", " - did you mean 'label'?"),
        ("max sourcecod", " - did you mean 'sourcecode'?"),
        ("zzz", ""),
        (".zzz", ""),
    ],
)
def test_no_run_is_selected_by_what_none_has(made: Project, column: str, hint: str):
    done = made.guild("select", "--min", column)
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == f"guild: no run has a value of '{column}'{hint}\n"


def test_other_lists_have_them_as_well(made: Project):
    for operation in "ac":
        info = json.loads(made.guild("runs", "info", "-Fo", operation, "--json").stdout)
        assert info["flags"] == {name: number for number, name in enumerate(NAMES, 1)}
        assert info["operation"] == operation and info["status"] == "completed"
    shown = made.guild("compare", "--print-scalars")
    assert shown.status == 0 and shown.stdout.count("  total: ") == 2
    script = (
        "from guild import ipy\n"
        "rows = ipy.runs().compare().set_index('operation').to_dict('index')\n"
        "print([rows['a'][n] for n in ('flag:run', 'flag:step', 'total')])\n"
        "print([rows['b'][n] for n in ('scalar:label', 'step')])\n"
        "flags = ipy.runs().guild_flags()\n"
        "print(list(flags['_run']) == [run.run.id for run in ipy.runs().iloc[:, 0]])\n"
    )
    pytest.importorskip("pandas")
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=made.environment(),
        cwd=made.dir,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    numbers = [NAMES.index(name) + 1 for name in ("run", "step", "total")]
    assert done.stdout.replace(".0", "").splitlines() == [
        str(numbers), str([SCALARS.index("label") + 0.5, 3]), "True"
    ]  # fmt: skip
