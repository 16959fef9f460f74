"""Which names a cell uses before any cell binds them."""

from __future__ import annotations

import sys

import pytest

from guild_notebook.analysis import blocks
from guild_notebook.analysis.checks import Checked, findings
from guild_notebook.analysis.events import with_events
from guild_notebook.analysis.names import names
from tests.helpers.growth import seconds_of
from tests.helpers.notebooks import flags, notebook


def found(*cells: str | tuple[str, str], startup: str = "") -> list[str]:
    """What is said of names, each as its name, cell and line from 1, and its level."""
    nb = notebook(*cells)
    read = with_events(blocks.read(nb, range(len(cells)), {}))
    return [
        f"{each.text.split(chr(39))[1]} {each.cell + 1}:{each.line} {each.level}"
        for each in names(nb, read, startup).findings
    ]


UNBOUND: dict[str, tuple[list[str], list[str]]] = {
    "no cell binds it": (["x = y"], ["y 1:1 error"]),
    "a later cell binds it": (["x = y", "y = 1"], ["y 1:1 error"]),
    "a later line binds it": (["1\nx = y\ny = 1"], ["y 1:2 error"]),
    "it is said once": (["y", "y"], ["y 1:1 error"]),
    "it is added to": (["n += 1"], ["n 1:1 error"]),
    "its attribute is set": (["a.b = 1"], ["a 1:1 error"]),
    "its item is deleted": (["del a[0]"], ["a 1:1 error"]),
    "it is in a text": (['f"{y}"'], ["y 1:1 error"]),
    "it is deleted": (["x = 1", "del x", "x"], ["x 3:1 error"]),
    "a loop reads it": (["for i in range(3):\n    y"], ["y 1:2 error"]),
    "a loop that may be empty reads it": (["z = []\nfor i in z:\n    y"], ["y 1:3 warning"]),
    "a comprehension reads it": (["[y for i in [1]]"], ["y 1:1 error"]),
    "one over what may be empty": (["z = []", "[y for i in z]"], ["y 2:1 warning"]),
    "a with statement reads it": (["with open('a') as f:\n    y"], ["y 1:2 error"]),
    "a decorator is it": (["@d\ndef f(): pass"], ["d 1:1 error"]),
    "a default is it": (["def f(x=y): pass"], ["y 1:1 error"]),
    "a class reads it": (["class A:\n    b = y"], ["y 1:2 error"]),
    "a base is it": (["class A(B): pass"], ["B 1:1 error"]),
    "a function that is called reads it": (
        ["def f():\n    return y", "f()", "y = 1"],
        ["y 2:1 error"],
    ),
    "a function calls one that reads it": (
        ["def f():\n    return g()\ndef g():\n    return y", "1\nf()"],
        ["y 2:2 error"],
    ),
    "functions call each other": (
        ["def f(n):\n    g(n)\ndef g(n):\n    f(n)\n    y", "f(1)"],
        ["y 2:1 error"],
    ),
    "a lambda is called": (["f = lambda: y\nf()"], ["y 1:2 error"]),
    "a lambda is applied": (["import x\nx.apply(lambda r: y)"], ["y 1:2 warning"]),
    "the file of a notebook": (["import os\nos.path.dirname(__file__)"], ["__file__ 1:2 error"]),
    "a name of the main program's branch": (
        ["if __name__ == '__main__':\n    y"],
        ["y 1:2 error"],
    ),
    "a try without handlers": (["try:\n    y\nfinally:\n    pass"], ["y 1:2 error"]),
    "a line of a cell with magics": (["%matplotlib inline\ny"], ["y 1:2 error"]),
    "a line after one of %guild": (
        ["%load_ext guild_notebook", "r = %guild run a.ipynb\nr, y"],
        ["y 2:2 error"],
    ),
    "a cell whose output is captured": (["%%capture out\ny", "out"], ["y 1:2 error"]),
    "a cell that is timed": (["%%time\ntime.time()"], ["time 1:2 error"]),
    "a line that is timed": (["%time x = y", "x"], ["y 1:1 error"]),
    "characters of two bytes": (["é = 'ü'; y"], ["y 1:1 error"]),
}

BOUND = {
    "builtins": ["print(len([]), __name__, __doc__)"],
    "those of IPython": ["display(_, __, _3, _i, _ih, In, Out, get_ipython, exit)"],
    "an earlier cell": ["x = 1", "x"],
    "in a branch": ["if f'':\n    x = 1", "x"],
    "a loop": ["for i, (j, *k) in []:\n    pass", "i, j, k"],
    "with": ["with open('a') as f, open('b') as (g, h):\n    pass", "f, g, h"],
    "imports": ["import a.b, c.d as e\nfrom f import g, h as i", "a, e, g, i"],
    "a walrus": ["print(x := 1)", "x"],
    "a walrus in a comprehension": ["[(y := i) for i in [1]]", "y"],
    "a handler": ["try:\n    1\nexcept E as e:\n    pass", "e"],
    "a global of a function": ["def f():\n    global x\n    x = 1", "f()", "x"],
    "a function after another that reads it": ["def f():\n    return g()", "def g(): pass", "f()"],
    "a function that is not called": ["def f():\n    return y"],
    "a function in a branch": ["def f(a):\n    if a:\n        return y\n    return 1", "f(0)"],
    "behind a return in a branch": ["def f(a):\n    if a:\n        return 1\n    y", "f(1)"],
    "behind a break in a branch": ["for i in [1]:\n    if i:\n        break\n    y"],
    "a generator that is not run": ["def f():\n    y\n    yield 1", "f()"],
    "a decorated function": ["def d(f): return print", "@d\ndef f():\n    y", "f()"],
    "a method of a subclass": [
        "class A:\n    def __init__(self):\n        self.f()\n    def f(self):\n        raise y",
        "class B(A):\n    def f(self):\n        pass\nB()",
    ],
    "names of a function": ["def f(a, *b, c=1, **d):\n    e = 1\n    return a, b, c, d, e", "f(1)"],
    "names of a function around": ["def f(a):\n    def g():\n        return a\n    g()", "f(1)"],
    "names of a class": ["class A:\n    b = 1\n    c = b"],
    "names of a comprehension": ["[i for i in [1] if i]\n{k: v for k, v in {}.items()}"],
    "an annotation": ["x: Y = 1\ndef f(a: B) -> C: pass"],
    "a try with handlers": ["try:\n    y\nexcept NameError:\n    y = 1", "y"],
    "an expression that is skipped": ["False and y", "1 if 1 else y"],
    "a condition on globals()": ["if 'x' not in globals():\n    x = 1", "x"],
    "a condition on dir()": ["if 'x' in dir():\n    del x"],
    "suppressed errors": ["import contextlib\nwith contextlib.suppress(NameError):\n    del x"],
    "a star": ["from a import *", "x"],
    "exec": ["exec('x = 1')", "x"],
    "exec in a function": ["def f():\n    exec('x = 1', globals())", "f()", "x"],
    "globals()": ["globals()['x'] = 1", "x"],
    "get_ipython()": ["ip = get_ipython()", "ip.push({'x': 1})", "x"],
    "%run": ["%run other.py", "x"],
    "a magic that is not known": ["%kedro_thing", "x"],
    "a cell magic that is not known": ["%%cython\ndef x(): pass", "x()"],
    "%pylab": ["%pylab inline", "plot(1)"],
    "an extension that is not known": ["%load_ext kedro.ipython", "catalog"],
    "%store -r": ["%store -r x", "x"],
    "%%capture": ["%%capture out\n1", "out"],
    "a command": ["x = !ls", "x"],
    "a line that is timed, with a blank": ["% time x, y = 1, 2", "x + y"],
    "a magic that is assigned": ["x = %sql SELECT 1", "x"],
    "%%R": ["%%R -o x\nx <- 1", "x"],
    "sympy.var": ["import sympy\nsympy.var('x y')", "x + y"],
    "a magic of a line": ["%timeit -o x", "y = 1\nstr(get_ipython())\ny"],
    "what is not Python": ["print x", "x"],
    "a bare magic": ["ls", "cd data", "pip install x", "who"],
    "help": ["x?", "??y"],
    "a loop over nothing": ["for i in ():\n    x\nfor j in {}:\n    x", "[x for i in range(0)]"],
    "map, which calls later": ["m = map(lambda i: i + x, [1])", "x = 1\nlist(m)"],
    "a name that is set in a module": ["import builtins\nbuiltins.x = 1", "x"],
    "one set in the main module": ["import sys\nsys.modules['__main__'].x = 1", "x"],
    "setattr of the notebook's module": [
        "import sys\nfor n in 'ab':\n    setattr(sys.modules[__name__], n, 1)",
        "a + b",
    ],
    "the notebook's module by a name": ["import sys\nm = sys.modules[__name__]\nm.x = 1", "x"],
    "the main module that is imported": [
        "import importlib\nimportlib.import_module('__main__').x = 1",
        "x",
    ],
    "a module of builtins of another name": ["import builtins as b\nb.x = 1", "x"],
    "names of a frame": ["import inspect\ninspect.stack()[0].frame.f_globals['x'] = 1", "x"],
    "names of a function's module": ["def f(): pass\nf.__globals__['x'] = 1", "x"],
    "exec by another name": ["run = exec\nrun('x = 1')", "x"],
    "code that is compiled": ["eval(compile(open('a.py').read(), 'a', 'exec'))", "x"],
    "get_ipython by another name": ["from IPython import get_ipython as g\ng().push({})", "x"],
    "the shell": ["import a\na.InteractiveShell.instance().push({'x': 1})", "x"],
    "a session that is loaded": ["import dill\ndill.load_session('a.pkl')", "x"],
    "sympy.var of a list": ["import sympy as sp\nsp.var(['x', 'y'])", "x + y"],
    "sympy.var of a name": ["import sympy as sp\nn = 'x y'\nsp.var(n)", "x + y"],
    "a function that is replaced for a while": [
        "from unittest.mock import patch\ndef f(): return x\nwith patch('__main__.f'):\n    f()",
    ],
    "deleted, and a global of a method": [
        "x = 0\nclass A:\n    def f(self):\n        global x\n        x = 1",
        "del x\nA().f()\nx",
    ],
    "deleted, and a global of a coroutine": [
        "x = 0\nasync def f():\n    global x\n    x = 1",
        "del x\nawait f()\nx",
    ],
    "a method that is replaced": [
        "class A:\n    def f(self):\n        y",
        "A.f = print\na = A()\na.f()",
    ],
    "a method that is replaced by its name": [
        "class A:\n    def f(self):\n        y",
        "setattr(A, 'f', print)\na = A()\na.f()",
    ],
    "a method that a decorator adds": [
        "from x import add_to\nclass A:\n    def f(self):\n        y",
        "@add_to(A)\ndef f(self): pass\na = A()\na.f()",
    ],
    "a method of one of two bases": [
        "class A:\n    def f(self):\n        y\nclass B(A): pass",
        "class C(A):\n    def f(self): pass\nclass D(B, C): pass\nd = D()\nd.f()",
    ],
    "an object that is not made by its class": [
        "class A:\n    def __new__(cls): return 1\n    def __init__(self): y\nA()",
    ],
    "calls without arguments": ["setattr(), vars(), compile()"],
    "the end of the notebook": ["raise SystemExit", "x"],
    "exit": ["import sys\nsys.exit()", "x"],
    "match": ["match 1:\n    case [a, *b]:\n        pass\n    case {'c': c, **d}:\n        pass"],
    "lines that are not indented as the first": ["    x = 5\n\n  y = 6\nprint(x)", "x, y"],
    "a cell of another language": ["%%bash\necho $x", "%%html\n<b>x</b>"],
}


@pytest.mark.parametrize(("cells", "expected"), UNBOUND.values(), ids=UNBOUND)
def test_a_name_that_no_earlier_code_binds_is_said(cells: list[str], expected: list[str]):
    assert found(*cells) == expected


@pytest.mark.parametrize("cells", BOUND.values(), ids=BOUND)
def test_nothing_is_said_of_what_may_be_bound_or_not_executed(cells: list[str]):
    assert found(*cells) == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python has no type parameters")
def test_type_parameters_are_bound_where_they_are_declared():
    declared = "class A[T, *U](list[T]):\n    x: T\ndef f[T](x: T):\n    return T\nf(1)"
    assert found(declared, "T") == ["T 2:1 error"]


def test_a_cell_that_is_to_raise_may_use_any_name():
    assert found(("y", "raises-exception"), "x = 1") == []


def test_names_in_the_startup_files_of_ipython_are_bound():
    assert found("np.zeros(3)", startup="import numpy as np") == []


TEXTS = {
    "a usual one": (["np.pi"], "'np' is used and no cell binds it - add import numpy as np"),
    "another": (["qq"], "'qq' is used and no cell binds it - bind or import it before"),
    "later": (
        ["y", "y = 1"],
        "'y' is used before the 2nd cell (y = 1) binds it - move that cell up",
    ),
    "in its own cell": (["y\ny = 1"], "'y' is used before its own cell binds it - bind it before"),
    "in a function": (
        ["def f(): y", "f()"],
        "'y' is used in f(), which is called here, and no cell binds it - bind or import it before",
    ),
    "deleted": (
        ["y = 1", "del y", "y"],
        "'y' is used after the 2nd cell (del y) has deleted it - bind it again before",
    ),
}


@pytest.mark.parametrize(("cells", "text"), TEXTS.values(), ids=TEXTS)
def test_a_finding_says_why_and_what_to_do(cells: list[str], text: str):
    nb = notebook(*cells)
    read = with_events(blocks.read(nb, range(len(cells)), {}))
    assert [each.text for each in names(nb, read, "").findings] == [text]


def test_it_is_said_from_where_on_names_are_not_checked():
    nb = notebook("x = 1", "from a import *")
    said = findings(Checked(nb, flags("")), lambda _: {})
    assert [(each.cell, each.level, each.text) for each in said if each.rule == "not-read"] == [
        (1, "note", "names are not checked from here on, since from a import * may bind any")
    ]


def test_of_other_languages_it_is_said_that_they_are_not_read():
    nb = notebook("x <- y", language="R")
    (said,) = findings(Checked(nb, flags("")), lambda _: {})
    assert said.text == "the cells are written in r, of which only the flags are read"
    assert said.level == "note"


HOSTILE = {
    "functions that call many": "\n".join(
        f"def f{n}():\n    f{n + 1}(); f{n + 1}(); f{n + 1}()" for n in range(60)
    )
    + "\nf0()",
    "deep expressions": "x = " + "-" * 5000 + "1\ny = " + "(" * 150 + "1" + ")" * 150,
    "long chains": "x = 1" + " + 1" * 20_000,
    "many names": "\n".join(f"x{n} = x{n - 1}" for n in range(5000)),
    "many functions": "\n".join(f"def f{n}(): return x\nf{n}()" for n in range(2000)),
    "percents": "%" * 50_000,
    "words": "a " * 50_000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_hostile_code_is_read_in_time(source: str):
    assert seconds_of(lambda text: found(text, text), source) < 5
