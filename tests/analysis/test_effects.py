"""What a statement does to the names of a notebook."""

from __future__ import annotations

import pytest

from guild_notebook.analysis.effects import ANY, SHELL, Effects
from guild_notebook.analysis.statements import Statement, statements
from tests.helpers.growth import check_growth


def one(source: str) -> Effects:
    (statement,) = statements(source)
    return statement.effects


def said(source: str) -> dict[str, list[str]]:
    """What is in the effects of a statement, by the fields that have something."""
    effects = one(source)
    fields = {
        "reads": effects.reads,
        "binds": effects.binds,
        "changes": effects.changes,
        "calls": effects.calls,
    }
    return {name: sorted(found) for name, found in fields.items() if found}


TABLE = {
    "x = y": {"reads": ["y"], "binds": ["x"]},
    "x: int = y": {"reads": ["int", "y"], "binds": ["x"]},
    "x, (y, *z) = a, b": {"reads": ["a", "b"], "binds": ["x", "y", "z"]},
    "x += y": {"reads": ["x", "y"], "binds": ["x"], "changes": ["x"]},
    "x[0] = y": {"reads": ["x", "y"], "changes": ["x"]},
    "x.a.b[0].c = y": {"reads": ["x", "y"], "changes": ["x"]},
    "x[i] += 1": {"reads": ["i", "x"], "changes": ["x"]},
    "f(x)[0] = 1": {"reads": ["f", "x"], "calls": [ANY, "f"]},
    "del x": {"binds": ["x"]},
    "del x[0]": {"reads": ["x"], "changes": ["x"]},
    "(x := y)": {"reads": ["y"], "binds": ["x"]},
    "f(x, k=y)": {"reads": ["f", "x", "y"], "calls": ["f"]},
    "x.f(y)": {"reads": ["x", "y"], "calls": ["x.f"]},
    "x[0](y)": {"reads": ["x", "y"], "calls": [ANY]},
    "'{}'.format(x)": {"reads": ["x"]},
    "[x * k for x in y]": {"reads": ["k", "y"], "calls": [ANY]},
    "[x for x in x]": {"reads": ["x"], "calls": [ANY]},
    "{k: v for k, v in zip(a, b)}": {"reads": ["a", "b", "zip"], "calls": ["zip"]},
    "for i in range(n): s = i": {
        "reads": ["i", "n", "range"],
        "binds": ["i", "s"],
        "calls": ["range"],
    },
    "for i in loader: pass": {"reads": ["loader"], "binds": ["i"], "calls": [ANY]},
    "with a as b: pass": {"reads": ["a"], "binds": ["b"], "calls": [ANY]},
    "await x": {"reads": ["x"], "calls": [ANY]},
    "try:\n    x\nexcept E as e:\n    y": {"reads": ["E", "x", "y"], "binds": ["e"]},
    "import numpy as np, os.path": {"binds": ["np", "os"]},
    "from a import b as c, d": {"binds": ["c", "d"]},
    "def f(x=a):\n    return x + b": {"reads": ["a"], "binds": ["f"]},
    "@d(n)\ndef f(): pass": {"reads": ["d", "n"], "binds": ["f"], "calls": ["d"]},
    "class A:\n    n = m\n    def f(self): return k": {"reads": ["m"], "binds": ["A"]},
    "class A:\n    n = n": {"reads": ["n"], "binds": ["A"]},
    "class A(B): pass": {"reads": ["B"], "binds": ["A"], "calls": [ANY]},
    "print(f'{x:>{w}}')": {"reads": ["print", "w", "x"], "calls": ["print"]},
    "if a:\n    x = 1\nelse:\n    y = b": {"reads": ["a", "b"], "binds": ["x", "y"]},
    "!ls {x} $y": {"reads": ["ls", "x", "y"], "calls": [SHELL]},
    "x = !ls $y": {"reads": ["ls", "y"], "binds": ["x"], "calls": [SHELL]},
    "%time x = y": {"reads": ["y"], "binds": ["x"]},
    "%timeit -n 10 f(x)": {"reads": ["f", "x"], "calls": ["f"]},
    "%matplotlib inline": {"reads": ["inline"]},
    "%pip install {x}": {"reads": ["install", "x"]},
    "%cd {x}": {"reads": ["x"], "calls": [SHELL]},
    "x?": {"reads": ["x"]},
    "%%bash\necho x": {"calls": [SHELL]},
    "%%html\n<b>x</b>": {},
}


@pytest.mark.parametrize("source", TABLE, ids=range(len(TABLE)))
def test_what_a_statement_does(source: str):
    assert said(source) == TABLE[source]


@pytest.mark.skipif("sys.version_info < (3, 10)")
def test_a_pattern_binds_its_names():
    source = (
        "match x:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass\n    case E() as e: pass"
    )
    assert said(source) == {"reads": ["E", "x"], "binds": ["a", "b", "c", "d", "e"]}


def functions(source: str) -> list[dict[str, list[str]]]:
    return [
        {"reads": sorted(each.reads), "changes": sorted(each.changes), "calls": sorted(each.calls)}
        for each in one(source).functions
    ]


def test_what_a_function_does_it_does_when_it_is_called():
    source = "def f(x):\n    global n\n    n = x\n    m.append(k)\n    y = 1\n    return y"
    assert functions(source) == [{"reads": ["k", "m"], "changes": ["n"], "calls": ["m.append"]}]
    assert functions("g = lambda x: x + lr") == [{"reads": ["lr"], "changes": [], "calls": []}]
    assert functions("s = (x * lr for x in xs)") == [
        {"reads": ["lr", "xs"], "changes": [], "calls": [ANY]}
    ]


def test_a_name_of_a_function_is_not_that_of_the_notebook():
    assert functions("def f(np):\n    return np.array(1)")[0] == {
        "reads": [],
        "changes": [],
        "calls": [f"{ANY}.array"],
    }


def test_methods_do_not_see_the_names_of_their_class():
    source = "class A:\n    lr = 1\n    def f(self): return lr"
    assert functions(source) == [{"reads": ["lr"], "changes": [], "calls": []}]


@pytest.mark.parametrize(
    ("source", "is_of_run"),
    [
        ("import os; x = os.environ['FLAG_LR']", True),
        ("os.environ.get('RUN_DIR')", True),
        ("os.environ.get(name)", True),
        ("dict(os.environ)", True),
        ("getenv('FLAG_X')", True),
        ("sys.argv[1]", True),
        ("!echo $FLAG_LR", True),
        ("%%bash\necho $RUN_DIR", True),
        ("%env", True),
        ("os.environ['CUDA_VISIBLE_DEVICES'] = '0'", False),
        ("os.environ.get('HOME')", False),
        ("os.environ.setdefault('X', '1')", False),
        ("os.getenv('HOME')", False),
        ("%env X=1", False),
        ("environment = 1", False),
    ],
)
def test_what_reads_the_variables_of_the_run(source: str, is_of_run: bool):
    assert any(each.effects.uses_variables for each in statements(source)) == is_of_run


@pytest.mark.parametrize(
    "source",
    [
        "exec(text)",
        "eval('x')",
        "globals()['x'] = 1",
        "vars()['x']",
        "get_ipython().user_ns",
        "f.__globals__",
        "import __main__",
        "def f(): exec(text)",
        "%run other.ipynb",
        "%store x",
        "%%R -i x\nplot(x)",
        "x = = 1",
        "for x in",
        "print 'x'",
        ",f a b",
        pytest.param("lambda: " * 900 + "1", id="deep"),
    ],
)
def test_what_cannot_be_read_says_so(source: str):
    assert any(each.effects.unreadable for each in statements(source))


def test_statements_stand_where_they_are():
    source = "a = 1\n\n# note\nif a:\n    b = 2\n%matplotlib inline\nc = a; d = b\n"
    spans = [source[each.start : each.end].strip() for each in statements(source)]
    assert spans == ["a = 1\n\n# note", "if a:\n    b = 2", "%matplotlib inline", "c = a", "d = b"]


def test_what_is_certain_to_be_bound():
    sources = "a = 1\nif x:\n    b = 1\ndef f(): pass\nimport c\ng = lambda: 1\nfor i in x: pass"
    found: list[Statement] = statements(sources)
    assert [each.is_certain for each in found] == [True, False, True, True, True, False]
    assert [each.only_defines for each in found] == [False, False, True, False, True, False]


@pytest.mark.parametrize("source", ["", "# a comment", "\n\n", "   "])
def test_a_cell_without_code_does_nothing(source: str):
    assert statements(source) == []


@pytest.mark.parametrize("unit", ["x = f(y)\n", "def f(): return [a for a in b]\n", "(lambda: "])
def test_cells_are_read_in_linear_time(unit: str):
    check_growth(statements, lambda n: unit * n, 50)
