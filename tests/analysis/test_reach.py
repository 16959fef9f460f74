"""Which cells of a notebook a flag may reach."""

from __future__ import annotations

import time

import pytest

from guild_notebook.analysis.reach import changing, dependencies, reached
from guild_notebook.document import reader
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook
from tests.helpers.project import CHECKOUT

FORM = "lr = 0.1  #@param\nseed = 3  #@param"
NUMPY = "import numpy as np"


def flags(*cells: str | tuple[str, str]) -> list[str]:
    """The flags that reach each of the cells after FORM, "?" where that is not known."""
    nb = notebook(FORM, *cells)
    found = reached(nb, discover(nb))
    assert found[0] == {"lr", "seed"}
    return ["?" if each is None else " ".join(sorted(each)) for each in list(found.values())[1:]]


TABLE: dict[str, tuple[list[str], list[str]]] = {
    "a cell reads it": (["x = 1", "y = lr * 2"], ["", "lr"]),
    "it is handed on": (["x = lr", "y = x + 1", "y", "z = 1"], ["lr", "lr", "lr", ""]),
    "a name is bound anew": (["x = lr", "x = 1", "x"], ["lr", "", ""]),
    "a name is bound anew in a branch": (["x = lr", "if 1:\n    x = 1", "x"], ["lr", "", "lr"]),
    "a condition reads it": (["if lr > 1:\n    x = 1\nelse:\n    x = 2", "x"], ["lr", "lr"]),
    "a loop runs over it": (["for i in range(seed):\n    n = i", "n"], ["seed", "seed"]),
    "it is put into a list": (["x = []", "x.append(lr)", "x"], ["", "lr", "lr"]),
    "it is put into an item": (["x = {}", "x['lr'] = lr", "x"], ["", "lr", "lr"]),
    "it is put into an attribute": (["x = A()", "x.lr = lr", "x.fit"], ["", "lr", "lr"]),
    "it is put into another name of it": (
        ["x = []", "y = x", "y[:] = [lr]", "x"],
        ["", "", "lr", "lr"],
    ),
    "it is put into a part": (["x = [[]]", "y = x[0]", "y += [lr]", "x"], ["", "", "lr", "lr"]),
    "it is added": (["x = 1", "x += lr", "x"], ["", "lr", "lr"]),
    "it is deleted": (["x = lr", "del x", "x = 1", "x"], ["lr", "", "", ""]),
    "a function reads it": (["def f():\n    return lr", "1", "f()"], ["", "", "lr"]),
    "a function reads what a later cell sets": (
        ["def f():\n    return k", "k = 1", "f()", "k = lr", "f()"],
        ["", "", "", "lr", "lr"],
    ),
    "a function reads it by another": (
        ["def f():\n    return lr", "def g():\n    return f()", "g()"],
        ["", "", "lr"],
    ),
    "functions read each other": (
        ["def f():\n    return g()", "def g():\n    return f() + lr", "f()"],
        ["", "", "lr"],
    ),
    "a default has it": (["def f(x=lr):\n    return x", "f()"], ["lr", "lr"]),
    "a function sets a name": (
        ["def f():\n    global n\n    n = lr", "n = 1", "f()", "n"],
        ["", "", "lr", "lr"],
    ),
    "a function is given to another": (["f = lambda x: x * lr", "list(map(f, [1]))"], ["", "lr"]),
    "a function is in a list": (["def f():\n    return lr", "g = [f]", "g[0]()"], ["", "lr", "lr"]),
    "a method reads it": (
        ["class A:\n    def fit(self):\n        return lr", "a = A()", "a.fit()", "1"],
        ["", "lr", "lr", ""],
    ),
    "an object keeps it": (
        ["class A:\n    pass", "a = A()", "a.x = lr", "a"],
        ["", "", "lr", "lr"],
    ),
    "a comprehension reads it": (["x = [lr for _ in range(3)]", "x"], ["lr", "lr"]),
    "a comprehension has its own name": (["x = [lr for lr in [1]]", "x"], ["", ""]),
    "a generator reads it later": (["x = (lr * i for i in [1])", "sum(x)"], ["", "lr"]),
    "a class reads it": (["class A:\n    lr = lr", "A.lr"], ["lr", "lr"]),
    "a text has it": (["print(f'{lr}')", "print('lr')"], ["lr", ""]),
    "functions of numpy change nothing": (
        [NUMPY, "x = np.zeros(seed)", "y = np.ones(3)", "y"],
        ["", "seed", "", ""],
    ),
    "random states are kept in modules": (
        [NUMPY, "np.random.seed(seed)", "x = load()", "y = 1"],
        ["", "seed", "seed", ""],
    ),
    "a call may keep what it is given": (["fit(lr)", "x = 1", "plot(x)"], ["lr", "", "lr"]),
    "a setting of a module is kept": (
        ["import matplotlib.pyplot as plt", "plt.rcParams['x'] = lr", "show()", "1"],
        ["", "lr", "lr", ""],
    ),
    "a file is written and read": (
        ["save('x', lr)", "import pandas as pd", "pd.read_csv('x')", "1 + 1"],
        ["lr", "", "lr", ""],
    ),
    "another program is given it": (["!train --lr {lr}", "!ls", "x = 1"], ["lr", "lr", ""]),
    "its variable is read": (
        ["import os", "x = os.environ['FLAG_LR']", "x"],
        ["", "lr seed", "lr seed"],
    ),
    "another variable is read": (["import os", "x = os.environ.get('HOME')", "x"], ["", "", ""]),
    "a built-in function has another meaning": (
        ["def print(x):\n    fit(x)", "print(lr)", "plot()"],
        ["", "lr", "lr"],
    ),
    "all names of a module are taken": (
        ["from fastai import *", "print(lr)", "f()"],
        ["", "lr", "lr"],
    ),
    "what is executed cannot be read": (["x = 1", "exec('y = lr')", "y", "1"], ["", "?", "?", "?"]),
    "a magic cannot be read": (["x = 1", "%run other.ipynb", "x"], ["", "?", "?"]),
    "a result of an earlier cell is used": (["lr + 1", "x = _", "x"], ["lr", "?", "?"]),
    "a loop has a name that nobody reads": (["for _ in range(3):\n    x = 1", "_"], ["", ""]),
    "a cell is Bash": (["%%bash\nls", "1"], ["", ""]),
    "a cell is timed": (["%%time\nx = lr", "x"], ["lr", "lr"]),
    "a line is timed": (["%time x = lr", "x"], ["lr", "lr"]),
    "a cell's output is captured": (["%%capture out\nprint(lr)", "out"], ["lr", "lr"]),
    "a cell is empty": (["", "# lr", "lr"], ["", "", "lr"]),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_flag_reaches_the_cells_when(name: str):
    cells, expected = TABLE[name]
    assert flags(*cells) == expected


def test_a_cell_that_may_not_run_does_not_make_a_name_anew():
    assert flags("x = lr", ("x = 1", "slow"), "x") == ["lr", "", "lr"]
    assert flags("x = lr", ("x = 1", "raises-exception"), "x") == ["lr", "", "lr"]


def test_other_languages_are_not_known():
    nb = notebook("lr <- 0.1", "lr", language="R")
    assert reached(nb, discover(nb)) == {0: None, 1: None}
    assert dependencies(nb, [0]) == {0: None, 1: None}


def test_flags_of_the_environment_alone_reach_what_reads_it():
    nb = notebook("import os", "x = os.environ", "1")
    assert reached(nb, discover(nb), ["other"]) == {0: set(), 1: {"other"}, 2: set()}


def test_a_flag_of_a_pattern_reaches_from_where_it_stands():
    nb = notebook("print(1)", "print(load('small'))", "print(2)", "load(3)")
    found = discover(nb, {"size": r"load\('(\w+)'\)"})
    assert reached(nb, found) == {0: set(), 1: {"size"}, 2: set(), 3: {"size"}}


def test_the_cells_of_the_main_example():
    nb = reader.read(str(CHECKOUT / "examples" / "digits" / "digits.ipynb"))
    all_flags = {"activation", "epochs", "hidden_units", "learning_rate", "seed"}
    assert reached(nb, discover(nb)) == {
        1: all_flags,
        2: set(),
        3: {"seed"},
        5: all_flags,
        6: all_flags,
        7: all_flags,
        8: all_flags,
    }


def test_a_notebook_of_2000_cells_is_read_in_bounded_time():
    cells = [
        f"def f{n}():\n    return f{n - 1}() + x{n - 1}\nx{n} = f{n}()\nlog(x{n})"
        for n in range(2_000)
    ]
    nb = notebook(FORM, *cells)
    found = discover(nb)
    began = time.process_time()
    reached(nb, found)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("cells", "of", "found"),
    [
        (["x = 1", "y = x", "z = 2"], [0], [[], [0], []]),
        (["x = 1", "y = 2", "print(x, y)"], [0, 1], [[], [], [0, 1]]),
        (["x = 1", "y = x", "x = 3", "x"], [0, 1], [[], [0], [], []]),
        (["x = []", "x.append(1)", "x"], [1], [[], [], [1]]),
        (["import random", "random.random()", "random.random()"], [1, 2], [[], [], [1]]),
        (["print({'a'})", "print({'b'})"], [0, 1], [[], []]),
        (["x = 1", "y = _1", "x"], [0], [[], None, None]),
    ],
)
def test_a_cell_may_depend_on_earlier_ones(
    cells: list[str], of: list[int], found: list[list[int] | None]
):
    known = dependencies(notebook(*cells), of)
    assert [None if known[i] is None else sorted(known[i]) for i in range(len(cells))] == found


CHANGING: dict[str, tuple[str, list[str], list[int]]] = {
    "it is bound": ("acc", ["acc = 1", "x = 2", "acc += x", "print(acc)"], [0, 2]),
    "it is changed in place": (
        "h['loss'][-1]",
        ["h = {'loss': []}", "h['loss'].append(1)"],
        [0, 1],
    ),
    "a part of it is": ("h", ["x = []", "h = [x]", "y = 1", "x.append(1)"], [1, 3]),
    "a call is given it": ("acc", ["acc = [1]", "fit(acc)", "x = 1"], [0, 1]),
    "a function reads it": (
        "f()",
        ["def f():\n    return a", "a = 1", "b = 2", "a = 3"],
        [0, 1, 3],
    ),
    "a module makes it": ("m.score(1)", ["x = 1", "import k", "m = k.a()"], [2]),
    "it is not there": ("acc", ["x = 1", "y = x"], []),
    "a cell cannot be read": ("acc", ["acc = 1", "exec(code)", "x = 1"], [0, 1, 2]),
}


@pytest.mark.parametrize("case", CHANGING)
def test_a_cell_may_change_the_value_of_an_expression(case: str):
    expression, cells, expected = CHANGING[case]
    found = changing(notebook(*cells).cells, [expression])
    assert [i for i, texts in found.items() if texts is None or expression in texts] == expected
