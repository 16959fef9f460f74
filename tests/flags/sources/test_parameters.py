from __future__ import annotations

import datetime

import pytest

from guild_notebook.errors import FlagError
from guild_notebook.flags import guild_values
from guild_notebook.flags.discover import discover
from guild_notebook.flags.sources.parameters import injected_cells
from tests.helpers.notebooks import edited, flags, notebook


@pytest.mark.parametrize(
    ("line", "type_", "default", "description"),
    [
        ("x = 1", "number", 1, ""),
        ("x: int = 1", "integer", 1, ""),
        ("x: float = 1  # the rate", "number", 1, "the rate"),
        ("x: 'str' = None", "string", None, ""),
        ("x: Optional[int] = None", "integer", None, ""),
        ("x: bool | None = None", "boolean", None, ""),
        ("x = 1  # type: int", "integer", 1, ""),
        ("x = 1  # type: float the rate", "number", 1, "the rate"),
        ("x: int = 1  # type: str", "integer", 1, ""),
        ("x: List[str] = ['a']  # names", None, ["a"], "names"),
        ("y = 2; x = (\n  'a'\n)  # wrapped", "string", "a", "wrapped"),
        ("x = f(1)  # computed", None, None, "computed"),
        ("x = f(1)  # type: Path where", "path", None, "where"),
        ("x = date.today()", "date", None, ""),
        ("x: Any = Path.home() / 'a'", "path", None, ""),
    ],
)
def test_annotation_then_type_comment_then_literal_give_the_type(line, type_, default, description):
    found = flags((line, "parameters"))
    flag = found.flags["x"]
    assert found.source == "parameters"
    assert (flag.type, flag.default, flag.description) == (type_, default, description)
    assert flag.kind == "parameter"


def test_more_than_one_tagged_cell_counts_and_a_name_in_both_is_one_flag():
    nb = notebook(("x = 1\ny = 2", "parameters"), "z = 3", ("x = 4", "parameters"))
    found = discover(nb)
    assert list(found.flags) == ["x", "y"]
    assert edited(nb, found, {"x": 9}) == {0: "x = 9\ny = 2", 2: "x = 9"}
    assert edited(nb, found, {"x": None}) == {}


def test_a_computed_parameter_is_replaced_as_a_whole():
    nb = notebook(("path = f('a') + \\\n  'b'  # where", "parameters"))
    found = discover(nb)
    assert edited(nb, found, {"path": None}) == {}
    assert edited(nb, found, {"path": "p"}) == {0: "path = 'p'  # where"}


def test_what_papermill_injected_is_dropped_and_declares_nothing():
    nb = notebook(("x = 1", "parameters"), ("x = 2\ny = 3", "injected-parameters"), "z = 4")
    assert injected_cells(nb) == [1]
    assert list(discover(nb, wanted=["y"]).flags) == ["x"]


def test_forms_come_before_tagged_cells_and_these_before_assignments():
    nb = notebook("a = 1 #@param", ("b = 2", "parameters"), "c = 3")
    assert list(discover(nb).flags) == ["a"]
    assert list(discover(nb, wanted=["c", "b"]).flags) == ["a", "b", "c"]


def test_assignments_that_are_no_parameters_are_said():
    found = flags(("x = 1\na, b = f()\nx += 1\nd.e = 1\nf = !ls", "parameters"))
    assert {s.reason for s in found.skipped} == {
        "an assignment to several names",
        "an augmented assignment",
        "an assignment to no name",
        "a line of IPython",
    }


COMPUTED = [
    # source of x, what a run is given, what the cell then holds (None: refused)
    ("5 * 60", "7*60", "7*60"),
    ("5 * 60", 400, "400"),
    ("5 * 60", "base * 2", "base * 2"),
    ("5 * 60", "7 *", None),
    ("5 * 60", "import os", None),
    ("5 * 60", "1; import os", None),
    ("f(1)", "g(2)", "g(2)"),
    ("f(1)", "1, 2", "(1, 2)"),
    ("f(1)", [1, 2], "[1, 2]"),
    ("f(1)", {"a": datetime.date(2021, 2, 3)}, "{'a': '2021-02-03'}"),
    ("f(1)", datetime.date(2021, 12, 10), "'2021-12-10'"),
    ("f(1)", "2021-12-10", "'2021-12-10'"),
    ("f'{root}/a'", "data/b", "'data/b'"),
    ("f'{root}/a'", "/tmp/my data", "'/tmp/my data'"),
    ("f'{root}/a'", 'f"{root}/b"', 'f"{root}/b"'),
    ("os.path.join(root, 'a')", "b", "'b'"),
    ("os.path.join(root, 'a')", "os.path.join(root, 'b')", "os.path.join(root, 'b')"),
    ("os.environ.get('A', 'b')", "c", "'c'"),
    ("os.environ['A']", "c", "'c'"),
    ("root + '/a'", "b", "'b'"),
    ("Path('a') / 'b'", "Path('c')", "Path('c')"),
    ("Path(a) / 'b'", "/c", "Path('/c')"),
    ("Path(a) / 'b'", "root / 'c'", "root / 'c'"),
    ("pathlib.Path.home() / 'b'", "c d", "pathlib.Path('c d')"),
    ("Path.cwd()", "Path.home() / 'c'", "Path.home() / 'c'"),
    ("Path(__file__).parent.resolve() / 'b'", "c", "Path('c')"),
    ("date.today()", "2021-02-03", "date(2021, 2, 3)"),
    ("dt.date.today() - dt.timedelta(days=1)", "2021-02-03", "dt.date(2021, 2, 3)"),
    ("date.today()", "date.today() - week", "date.today() - week"),
    ("date.today()", "start", "start"),
    ("date.today()", "2021-02-30", None),
    ("date.today() - timedelta(days=1)", "2021-02-30", None),
    ("date.today() - date(2020, 1, 1)", "2021-02-03", "'2021-02-03'"),
    ("datetime.now()", "2021-02-03", "datetime(2021, 2, 3)"),
    ("datetime.datetime.utcnow()", "2021-02-03T04:05", "datetime.datetime(2021, 2, 3, 4, 5)"),
    (
        "datetime.now(utc).replace(hour=0)",
        "2021-02-03T04:05Z",
        "datetime.fromisoformat('2021-02-03T04:05:00+00:00')",
    ),
    ("datetime.strptime('2020', '%Y')", "2021-02-03", "datetime(2021, 2, 3)"),
    ("timedelta(days=n)", 3, "timedelta(days=3)"),
    ("timedelta(**options)", 3, None),
    ("timedelta(**options)", "1:00", "timedelta(seconds=3600)"),
    ("'key'.encode()", "xyz", "b'xyz'"),
    ("Decimal(a)", "0.10", "Decimal('0.10')"),
    ("b'a' * 4", "xyz", "b'xyz'"),
    ("time.time()", "12:30", None),
    ("time.strptime(a)", "12:30", None),
    ("frame.index.date()", "2021-02-03", "'2021-02-03'"),
    ("Path('a') / 'b'", "/c", "Path('/c')"),
]


@pytest.mark.parametrize(("default", "given", "expected"), COMPUTED)
@pytest.mark.parametrize("before", ["x = {}", "x: Any = {}  # why", "y, x = 1, {}"])
def test_a_computed_default_takes_an_expression(before, default, given, expected):
    nb = notebook((before.format(default), "parameters"))
    found = discover(nb)
    assert edited(nb, found, {"x": guild_values.guild_default(found.flags["x"])}) == {}
    assert edited(nb, found, {"x": default}) == {}
    if expected is None:
        takes = r"(one Python expression|a date \(YYYY-MM-DD\)|a duration .*), not"
        with pytest.raises(FlagError, match=rf"^flag x in the 1st cell \(.*\) takes {takes}"):
            edited(nb, found, {"x": given})
        return
    assert edited(nb, found, {"x": given}) == {0: before.format(expected)}


ANNOTATED = [
    # annotation, what a run is given, what the cell then holds (None: refused)
    ("date", "2021-02-03", "date(2021, 2, 3)"),
    ("dt.date", "2021-02-03", "dt.date(2021, 2, 3)"),
    ("'dt.date'", "2021-02-03", "dt.date(2021, 2, 3)"),
    ("Optional[datetime.date]", "2021-02-03", "datetime.date(2021, 2, 3)"),
    ("typing.Union[None, date]", "2021-02-03", "date(2021, 2, 3)"),
    ("t.Union[date, None]", "date.today()", "date.today()"),
    ("date | None", "tomorrow", None),
    ("datetime", "2021-02-03 04:05+01:00", "datetime.fromisoformat('2021-02-03T04:05:00+01:00')"),
    ("time", "12:30", "time(12, 30)"),
    ("timedelta", "36:00", "timedelta(days=1, seconds=43200)"),
    ("timedelta", 3, None),
    ("Optional['Path']", "a b", "Path('a b')"),
    ("Path", "Path.home() / 'b'", "Path.home() / 'b'"),
    ("decimal.Decimal", "0.10", "decimal.Decimal('0.10')"),
    ("Fraction", "1/3", "Fraction(1, 3)"),
    ("bytes", "xyz", "b'xyz'"),
    ("complex", "3+4j", "(3+4j)"),
]


@pytest.mark.parametrize(("annotation", "given", "expected"), ANNOTATED)
@pytest.mark.parametrize("line", ["x: {} = {}", "x = {1}  # type: {0}", "x: {} = {} #@param"])
@pytest.mark.parametrize("default", ["None", "load(1)"])
def test_a_value_is_of_the_type_that_an_annotation_names(
    line, default, annotation, given, expected
):
    if "type:" in line and " " in annotation:
        return  # a comment's type is one word
    nb = notebook((line.format(annotation, default), "parameters"))
    found = discover(nb)
    assert edited(nb, found, {"x": guild_values.guild_default(found.flags["x"])}) == {}
    if expected is None and default == "None":
        with pytest.raises(FlagError, match=r"^flag x in .* takes a (date|duration) "):
            edited(nb, found, {"x": given})
    elif expected is not None:
        assert edited(nb, found, {"x": given}) == {0: line.format(annotation, expected)}


@pytest.mark.parametrize(
    ("annotation", "given", "expected"),
    [("int", "7*60", "7*60"), ("int", "420", "420"), ("float", "0.5", "0.5"), ("int", "7 *", None),
     ("int", 2.5, None), ("bool", "yes", "True"), ("bool", "not a", "not a"), ("str", "a", "'a'")],
)  # fmt: skip
def test_a_computed_default_of_a_type_takes_that_and_expressions(annotation, given, expected):
    nb = notebook((f"x: {annotation} = f(1)", "parameters"))
    found = discover(nb)
    if expected is None:
        with pytest.raises(FlagError, match=r"^flag x in the 1st cell \(.*\) takes "):
            edited(nb, found, {"x": given})
    else:
        assert edited(nb, found, {"x": given}) == {0: f"x: {annotation} = {expected}"}


@pytest.mark.parametrize(
    ("language", "default", "given", "expected"),
    [
        ("r", "5 * 60", "7 * 60", "7 * 60"),
        ("r", "f(1)", "g(2, h = 'a b')", "g(2, h = 'a b')"),
        ("r", "f(1)", "function(x) x + 1", "function(x) x + 1"),
        ("r", "5 * 60", "7 *", None),
        ("r", "5 * 60", "7; q()", None),
        ("r", "5 * 60", "g(2", None),
        ("r", "5 * 60", "two words", None),
        ("r", "5 * 60", "'a", None),
        ("r", "file.path('a', b)", "c/d", '"c/d"'),
        ("r", "file.path('a', b)", "file.path('c')", "file.path('c')"),
        ("julia", "5 * 60", "7 * 60", "7 * 60"),
        ("julia", "5 * 60", "7 *", None),
        ("julia", '"$root/a"', "b c", '"b c"'),
        ("julia", 'joinpath(root, "a")', "joinpath(root)", "joinpath(root)"),
        ("julia", "Path(a)", "b", "b"),
        ("julia", "Decimal(a)", "0.1", "0.1"),
        ("r", "Decimal(a)", "b", "b"),
        ("bash", "$HOME/x", "$HOME/y", "$HOME/y"),
        ("bash", "$(date)", "two words", "'two words'"),
        ("bash", "$(date)", "$(date -u)", "$(date -u)"),
        ("bash", "$HOME", "$x; rm y", "'$x; rm y'"),
    ],
)
def test_so_it_does_in_other_languages(language, default, given, expected):
    start = {"r": "x <- ", "julia": "x = ", "bash": "x="}[language]
    nb = notebook((start + default, "parameters"), language=language)
    found = discover(nb)
    if expected is None:
        with pytest.raises(FlagError, match=rf"takes one {language.title()} expression, not"):
            edited(nb, found, {"x": given})
    else:
        assert edited(nb, found, {"x": given}) == {0: start + expected}
