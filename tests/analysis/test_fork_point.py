"""Where the trials of a sweep begin to differ."""

from __future__ import annotations

import time
from collections.abc import Collection

import pytest

from guild_notebook.analysis.fork_point import ForkPoint, fork_point, is_constant, second_point
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook

DEPENDS = "it depends on lr"
VARIABLES = "it may read the run's variables"
PROCESSES = "it may start threads or processes"
FILES = "it may write files"


def point(
    *cells: str,
    varying: Collection[str] = ("lr",),
    with_settings: bool = False,
) -> ForkPoint:
    nb = notebook(*cells)
    return fork_point(nb, discover(nb), varying, range(len(cells)), with_settings)


def second(*cells: str, trials: int, **counts: int) -> tuple[int, set[str]] | None:
    """Up to where trials with the same values of which flags do the same."""
    nb = notebook(*cells)
    about = nb, discover(nb)
    indexes = range(len(cells))
    first = fork_point(*about, counts, indexes)
    found = second_point(*about, trials, counts, indexes, True, first)
    return (found[0].cells, set(found[1])) if found else None


GRID = ["import a", "depth = 2\nlr = 1\nseed = 3", "a.load(depth)", "a.seed(seed)", "a.fit(lr)"]


@pytest.mark.parametrize(
    ("cells", "counts", "found"),
    [
        (GRID, {"trials": 15, "depth": 3, "lr": 5}, (4, {"depth"})),
        (GRID, {"trials": 15, "seed": 3, "lr": 5}, (4, {"seed"})),
        # one of both that saves more
        (GRID, {"trials": 20, "depth": 2, "seed": 2, "lr": 5}, (4, {"depth", "seed"})),
        (GRID, {"trials": 20, "depth": 2, "seed": 5, "lr": 2}, (3, {"depth"})),
        # each value has one trial
        (GRID, {"trials": 15, "depth": 15, "lr": 5}, None),
        (GRID, {"trials": 3, "depth": 2, "lr": 3}, None),
        # there is but one flag, or nothing in between
        (GRID, {"trials": 15, "depth": 3}, None),
        (["depth = 2", "lr = 1", "print(depth, lr)"], {"trials": 9, "depth": 3, "lr": 3}, None),
        (["depth = 1\nlr = 1", "exec('lr')", "lr"], {"trials": 9, "depth": 3, "lr": 3}, None),
    ],
)  # fmt: skip
def test_trials_with_a_value_in_common_share_more(
    cells: list[str], counts: dict[str, int], found: tuple[int, set[str]] | None
):
    assert second(*cells, **counts) == found


def cannot_be_read(*cells: str, because: str) -> dict[str, str]:
    return dict.fromkeys(cells, f"it cannot be read ({because})")


REFUSED: dict[str, str] = {
    # a flag's variable in the environment
    **dict.fromkeys(
        [
            "import os\nos.environ['FLAG_LR']",
            "import os\nos.environ['FLAG_OTHER']",
            "import os\nos.environ['RUN_DIR']",
            "import os\nos.environ['RUN_ID']",
            "import os\nos.environ['GUILD_HOME']",
            "import os as o\no.getenv('FLAG_LR')",
            "import os\nname = 'FLAG_' + 'LR'\nos.getenv(name)",
            "from os import environ as e\ne.items()",
            "from os import *\nprint(environ)",
            "__import__('os').environ['FLAG_LR']",
            "import os\ndict(os.environ)",
            "import os\nfor k, v in os.environ.items(): print(k)",
            "import os\nx = [os.environ[k] for k in os.environ]",
            "import os\ng = (os.environ[k] for k in 'a')\nlist(g)",
            "import os\n(x := os.environ)",
            "import os\nmatch os.environ:\n    case {'FLAG_LR': x}: pass",
            "import os\ngetattr(os, 'environ')",
            "import os\nvars(os)['environ']",
            "import os\nos.__dict__['environ']",
            "open('/proc/self/environ').read()",
            "import sys\nsys.argv",
            "import os\ndef f():\n    return os.environ['FLAG_LR']\nf()",
            "import os\ndef f():\n    return os.environ['FLAG_LR']\ndef g():\n    f()\n[g][0]()",
            "import os\ndef f():\n    def g():\n        return os.environ\n    return g\nf()()",
            "import os\ndef f():\n    yield os.environ['FLAG_LR']\nnext(f())",
            "import os\nasync def f(): return os.environ['FLAG_LR']\nawait f()",
            "import os\nf = lambda: os.getenv('FLAG_LR')\nlist(map(lambda g: g(), [f]))",
            "import os\ndef f(lr=os.getenv('FLAG_LR')): pass",
            "import os\n@lambda f: f(os.environ)\ndef f(e): pass",
            "import os, atexit\n@atexit.register\ndef f():\n    os.environ['FLAG_LR']",
            "import os, numpy as np\ndef f():\n    os.environ['FLAG_LR']\nnp.foo = f",
            "import os\nclass A:\n    lr = os.getenv('FLAG_LR')",
            "import os\nclass A:\n    def __init__(self):\n        self.e = os.environ\nA()",
            "import os\nclass A:\n    @property\n    def e(self): return os.environ\nA().e",
            "%env",
            "%env FLAG_LR",
            "x = %env FLAG_LR",
            "!echo $FLAG_LR",
            "!echo {os.environ}",
            "%%timeit import os; e = os.environ\ne",
        ],
        VARIABLES,
    ),
    **dict.fromkeys(
        [
            "import os\nos.environ['LR']",
            "import os\nos.path.expandvars('$FLAG_LR')",
            "from os import environ\nenviron.get('lr')",
            "from decouple import config\nconfig('FLAG_LR')",
        ],
        DEPENDS,
    ),
    # other programs, which have the variables as well
    "!env": "it runs env",
    "!(env)": "it runs (env)",
    "!python train.py": "it runs python",
    "!ls | xargs env": "it runs xargs",
    "!pip list; ./x": "it runs ./x",
    "!echo $(env)": "it runs a shell",
    "!ls > files.txt": "it runs ls",
    "!find . -delete": "it runs find",
    "x = !printenv": "it runs printenv",
    "%sx env": "it runs env",
    "%%bash\nls\npython x.py": "it runs python",
    "%%script python\nprint()": "it runs %%script",
    "import os\nos.system('env')": f"{PROCESSES} (os.system)",
    "import subprocess\nsubprocess.run(['env'])": f"{PROCESSES} (subprocess.run)",
    "from subprocess import check_output as c\nc(x)": f"{PROCESSES} (subprocess.check_output)",
    "from threading import Thread\nThread(target=print).start()": f"{PROCESSES} (threading.Thread)",
    "import multiprocessing as mp\nmp.Pool(2)": f"{PROCESSES} (multiprocessing.Pool)",
    "import wandb\nwandb.init()": f"{PROCESSES} (wandb.init)",
    # files and folders, of which a trial has its own
    "%%writefile x.py\nx = 1": "it runs %%writefile",
    "open('x', 'w').write('x')": f"{FILES} (open)",
    "with open('x', mode='a') as f: pass": f"{FILES} (open)",
    "import pathlib\npathlib.Path('x').open('w')": f"{FILES} (open)",
    "import pathlib\npathlib.Path('x').write_text('')": f"{FILES} (write_text)",
    "import os\nos.makedirs('out', exist_ok=True)": f"{FILES} (os.makedirs)",
    "import pandas as pd\ndf = pd.DataFrame()\ndf.to_csv('x')": f"{FILES} (df.to_csv)",
    "import numpy as np\nnp.save('x', 1)": f"{FILES} (numpy.save)",
    "def save():\n    open('x', 'w')\nsave()": f"{FILES} (open)",
    "!wget http://example.org/x": "it runs wget",
    "%mkdir out": "it runs mkdir",
    "%cd ..": "it runs cd",
    "import os\nos.chdir('..')": "it may change the working directory (os.chdir)",
    # what cannot be read
    **cannot_be_read("exec('x')", "import builtins as b\nb.exec('x')", because="it uses exec"),
    **cannot_be_read("eval('x')", "def f():\n    return eval('x')", because="it uses eval"),
    **cannot_be_read("getattr(__builtins__, 'exec')('x')", because="it uses __builtins__"),
    **cannot_be_read("globals()['x']", because="it uses globals"),
    **cannot_be_read("locals()", because="it uses locals"),
    **cannot_be_read("vars()", because="it uses vars()"),
    **cannot_be_read("import sys\nsys._getframe().f_globals", because="it uses _getframe"),
    **cannot_be_read("import inspect\ninspect.currentframe()", because="it uses currentframe"),
    **cannot_be_read(
        "import sys\nsys.modules['__main__']",
        "import importlib\nimportlib.import_module('__main__')",
        "import timeit\ntimeit.timeit('x', 'from __main__ import x')",
        because="it uses __main__",
    ),
    **cannot_be_read("import sys\nsys.modules[__name__]", because="it uses sys.modules"),
    **cannot_be_read("import __main__", "from __main__ import x", because="it imports __main__"),
    **cannot_be_read(
        "get_ipython().user_ns", "get_ipython().run_cell('x')", "ip = get_ipython()",
        because="it uses get_ipython",
    ),
    **cannot_be_read("%run other.py", because="it has the magic %run"),
    **cannot_be_read("%load x.py", because="it has the magic %load"),
    **cannot_be_read("%lprun -f f f()", because="it has the magic %lprun"),
    **cannot_be_read("%unknown", because="it has the magic %unknown"),
    **cannot_be_read("%%cython\nx", because="it has the magic %%cython"),
    **cannot_be_read("_i", because="it uses _i"),
    **cannot_be_read("_i1", because="it uses _i1"),
    **cannot_be_read("Out[1]", because="it uses Out"),
    **cannot_be_read("In", because="it uses In"),
    **cannot_be_read("print 'x'", "x = (", "%time %env", because="it is not readable as Python"),
}  # fmt: skip
"""Cells of which each may do another thing in each trial, or something that only a trial may do,
and why."""


@pytest.mark.parametrize("cell", REFUSED, ids=range(len(REFUSED)))
def test_the_fork_is_before(cell: str):
    assert point("x = 1", cell, "lr = 0.1") == ForkPoint(1, 1, REFUSED[cell])


SHARED = [
    "import numpy as np\nimport matplotlib.pyplot as plt\nfrom sklearn import *",
    "%matplotlib inline\nplt.style.use('ggplot')\nplt.rcParams['figure.figsize'] = (8, 4)",
    "%config InlineBackend.figure_format = 'retina'",
    "%load_ext autoreload\n%autoreload 2",
    "%watermark -v -p numpy",
    "%pip install x",
    "%env OMP_NUM_THREADS=1",
    "%%time\ndf = load()",
    "%%capture\n!pip install x",
    "%%html\n<b>x</b>",
    "!pip install -q x",
    "!pip install x 2>&1 | tail -1",
    "! python --version",
    "!apt-get -qq install x > /dev/null && python -m pip install x",
    "!ls -la data/*.csv | head -5",
    "!nvidia-smi",
    "np.random.seed(0)\nrng = np.random.default_rng(1)",
    "df = pd.read_csv('x.csv')\ndf = df.dropna()\ndf['x'] = df.x.map(str)",
    "X, y = train_test_split(load_dataset())",
    "df['FLAG_OWN_CAR'].mean(), df.drop('FLAG_OWN_CAR')",
    "df.query('x > 1')",
    "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'\nos.environ.setdefault('X', '1')",
    "import os\nos.environ.get('HOME'), os.getenv('USER')",
    "import os\nos.system('pip install x')",
    "import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])",
    "import sys\nif 'google.colab' in sys.modules: pass",
    "if 'google.colab' in str(get_ipython()): pass",
    "get_ipython().run_line_magic('matplotlib', 'inline')",
    "get_ipython().system('pip install x')",
    "if __name__ == '__main__': print(1)",
    "import logging\nlog = logging.getLogger(__name__)",
    "import os\ndef f():\n    return os.environ['FLAG_LR']",
    "import os\nclass A:\n    def f(self):\n        return os.environ['FLAG_LR']",
    "def train():\n    open('x', 'w')\n    return lr",
    "model.eval()\nlist(model.modules())",
    "open('x').read(), open('x', 'rb'), open('/tmp/x', 'w')",
    "import time\nbegan = time.time()\nx = load()\nprint(time.time() - began)",
    "import importlib, m\nimportlib.reload(m)",
    "for _ in range(3): pass",
    "_, _1, __",
    "from IPython.display import display\ndisplay(df)",
    "async def f(): pass\nawait f()",
    "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
    "x?",
    "# only a comment",
    "",
]
"""Cells that all trials may share."""


@pytest.mark.parametrize("cell", SHARED, ids=range(len(SHARED)))
def test_the_fork_is_not_before(cell: str):
    assert point("x = 1", cell, "lr = 0.1") == ForkPoint(2, 2, DEPENDS)


HELD = [
    "lr = 0.1",
    "x, lr = 1, 0.1",
    "for i in range(3): print(lr)\nlr = 0.1",
    "fit(lr=0.1)\nlr = 0.2",
    "if x:\n    lr = 0.1\nlr = 0.1",
]
"""Cells that hold a flag."""


@pytest.mark.parametrize("cell", HELD, ids=range(len(HELD)))
def test_cells_before_the_first_that_holds_a_flag_are_shared(cell: str):
    assert point("import os", "x = 1", cell, "lr") == ForkPoint(2, 2, DEPENDS)


def test_a_name_alone_is_a_magic_unless_the_notebook_has_a_variable_of_it():
    assert point("env", "lr = 0.1") == ForkPoint(0, 0, VARIABLES)
    assert point("env = make()", "env", "lr = 0.1") == ForkPoint(2, 2, DEPENDS)


def test_flags_that_all_trials_have_in_common_do_not_count():
    cells = ["lr = 0.1", "depth = 3\nn = 1", "fit(lr)"]
    assert point(*cells, varying=["depth"]) == ForkPoint(1, 1, "it depends on depth")
    assert point(*cells, varying=["n", "depth"]) == ForkPoint(1, 1, "it depends on depth and n")
    assert point(*cells, varying=[]) == ForkPoint(3, None, "")


def test_many_flags_are_not_all_named():
    cell = "\n".join(f"a{n} = 1" for n in range(10, 20))
    assert point(cell, varying=[f"a{n}" for n in range(10, 20)]).why == (
        "it depends on a10, a11, a12, a13, a14 and 5 more"
    )


def test_a_flag_of_the_environment_alone_does_not_count_where_it_is_not_read():
    cells = ["x = 1", "import os\nos.environ['other']", "x = 2"]
    assert point(*cells, varying=["other"]) == ForkPoint(1, 1, "it depends on other")
    assert point(*cells, varying=["other"]) == ForkPoint(1, 1, "it depends on other")
    assert point(*cells, varying=["lr"]) == ForkPoint(3, None, "")


def test_a_flag_of_a_pattern_counts_where_it_stands():
    nb = notebook("print(1)", "x = load('small')", "print(2)", "# load('small')")
    found = discover(nb, {"size": r"x = load\('(\w+)'\)", "note": r"# load\('(\w+)'\)"})
    assert fork_point(nb, found, ["size"], range(4)) == ForkPoint(1, 1, "it depends on size")
    for with_settings in (False, True):
        assert fork_point(nb, found, ["note"], range(4), with_settings) == ForkPoint(
            3, 3, "it depends on note"
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", True),
        ("-2 ** 3", True),
        ("[1, ('a', None)]", True),
        ("x", False),
        ("load()", False),
        ("lambda: 1", False),
        ("1\nimport x", False),
        ("(1", False),
    ],
)
def test_a_constant_means_the_same_everywhere(text: str, expected: bool):
    assert is_constant(text) is expected


def test_cells_that_do_not_run_do_not_count():
    nb = notebook("%run other.py", "x = 1", "lr = 0.1")
    assert fork_point(nb, discover(nb), ["lr"], [1, 2], False) == ForkPoint(1, 2, DEPENDS)
    assert fork_point(nb, discover(nb), ["lr"], []) == ForkPoint(0, None, "")


def test_cells_of_other_languages_are_not_read():
    nb = notebook("x <- 1", "lr <- 0.1", language="R")
    assert fork_point(nb, discover(nb), ["lr"], [0, 1]) == ForkPoint(
        0, 0, "it is r, which is not read"
    )


SETTINGS: dict[str, tuple[list[str], ForkPoint]] = {
    "a cell of settings comes first": (
        ["lr = 0.1\nseed = 3", "x = load()", "fit(x, lr)"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "it has a type, a comment and a name of a tuple": (
        ["n: int = 1", "load()", "lr: float = 0.1  # step", "load()", "(a, b) = 1, lr", "f()", "b"],
        ForkPoint(6, 6, DEPENDS, {2: frozenset({"lr"}), 4: frozenset({"a", "b"})}),
    ),
    "it is with what is shared": (
        ["import os\nlr = 0.1\nx = load()\nprint(x)", "fit(x, lr)"],
        ForkPoint(1, 1, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "others are made of it": (
        ["lr = 0.1", "rates = [lr, lr * 2]\nname = f'{lr}'", "load()", "rates"],
        ForkPoint(3, 3, DEPENDS, {0: frozenset({"lr"}), 1: frozenset({"rates", "name"})}),
    ),
    "others are made of it and of a name that may change": (
        ["n = load()", "lr = 0.1", "load()", "rate = lr * n"],
        ForkPoint(3, 3, DEPENDS, {1: frozenset({"lr"})}),
    ),
    "others are made of it and of a list": (
        ["n = [1]", "lr = 0.1", "load()", "rates = [lr, n]"],
        ForkPoint(3, 3, DEPENDS, {1: frozenset({"lr"})}),
    ),
    "others are made of it and of a constant": (
        ["n = 1", "lr = 0.1\nall = {'lr': lr, 'n': n}", "load()", "fit(all)"],
        ForkPoint(3, 3, DEPENDS, {1: frozenset({"lr", "all"})}),
    ),
    "what others are made of is set again": (
        ["n = 1", "lr = 0.1\nall = {'lr': lr, 'n': n}", "load()", "n = 2", "load()", "fit(all)"],
        ForkPoint(3, 3, "it sets n again", {1: frozenset({"lr", "all"})}),
    ),
    "functions read it that nobody calls": (
        ["lr = 0.1", "def fit():\n    return lr", "load()", "fit()"],
        ForkPoint(3, 3, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "a default has it": (
        ["lr = 0.1", "load()", "def fit(lr=lr): pass"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "a class has it": (
        ["lr = 0.1", "load()", "class A:\n    rate = lr"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "it is shown": (["lr = 0.1\nprint(lr)", "load()"], ForkPoint(0, 0, DEPENDS)),
    "it is given to a call": (["lr = float(0.1)", "load()"], ForkPoint(0, 0, DEPENDS)),
    "it is set again": (
        ["lr = 0.1", "load()", "lr = load()"],
        ForkPoint(2, 2, "it sets lr again", {0: frozenset({"lr"})}),
    ),
    "it is deleted": (
        ["lr = 0.1", "load()", "del lr"],
        ForkPoint(2, 2, "it sets lr again", {0: frozenset({"lr"})}),
    ),
    "a function sets it": (
        ["lr = 0.1", "def f():\n    global lr\n    lr = 3", "load()", "f()"],
        ForkPoint(3, 3, "it sets lr again", {0: frozenset({"lr"})}),
    ),
    "its cell has given the name something else": (
        ["lr = load()\nlr = 0.1", "load()"],
        ForkPoint(0, 0, DEPENDS),
    ),
    "an attribute of the name is set in its cell": (
        ["o.lr = 3\nlr = 0.1", "load()", "lr"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "a text may name it": (
        ["lr = 0.1", "df.query('lr > 3')", "df.query('x > @lr')"],
        ForkPoint(0, 0, "it sets lr, and what follows may read lr, which it has in a text"),
    ),
    "a text that is only shown names it": (
        ["lr = 0.1", "print('lr')", "lr"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "all names are read": (
        ["lr = 0.1", "load()", "globals()"],
        ForkPoint(2, 2, "it cannot be read (it uses globals)", {0: frozenset({"lr"})}),
    ),
    "its cell has a magic": (["%%time\nlr = 0.1", "load()"], ForkPoint(0, 0, DEPENDS)),
    "a line of its cell is a magic": (
        ["%matplotlib inline\nlr = 0.1", "load()", "lr"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "nothing but it would be shared": (
        ["lr = 0.1", "n = 3", "lr"],
        ForkPoint(2, 2, DEPENDS, {0: frozenset({"lr"})}),
    ),
    "nothing would be shared": (
        ["lr = 0.1\nn = 3", "lr"],
        ForkPoint(0, 0, "it sets lr, and what follows depends on lr"),
    ),
    "two cells would share nothing": (
        ["load()", "lr = 0.1", "rate, n = lr, 2", "n"],
        ForkPoint(1, 1, "it sets lr, and what follows depends on lr"),
    ),
    "nobody reads it": (
        ["lr = 0.1", "load()"],
        ForkPoint(2, None, "", {0: frozenset({"lr"})}),
    ),
}
"""Notebooks of which cells that set flags are shared as well."""


@pytest.mark.parametrize("name", SETTINGS)
def test_cells_that_set_flags_are_shared_where(name: str):
    cells, expected = SETTINGS[name]
    assert point(*cells, with_settings=True) == expected


OWN: dict[str, tuple[list[str], int, str]] = {
    "the time": (["import time", "t = time.time()", "load()", "lr = 1", "time.time() - t"], 1, "t"),
    "a date": (
        ["from datetime import datetime as d", "t = f'{d.now()}'", "lr = 1", "print(t)"], 1, "t",
    ),
    "a folder": (["import tempfile", "t = tempfile.mkdtemp()", "lr = 1", "save(t)"], 1, "t"),
    "this folder": (["from pathlib import Path", "t = Path.cwd()", "lr = 1", "save(t)"], 1, "t"),
    "a process": (["import psutil", "t = psutil.Process()", "lr = 1", "t.memory_info()"], 1, "t"),
    "an identity": (["import uuid", "t = uuid.uuid4().hex", "lr = 1", "save(t)"], 1, "t"),
    "it is handed on": (["import time", "t = time.time()", "n = t", "lr = 1", "n"], 1, "t"),
    "it is kept in an object": (["import time", "o.t = time.time()", "lr = 1", "o"], 1, "o"),
    "it is kept in a module": (
        ["import os, a.b as b", "b.options['x'] = os.getcwd()", "lr = 1", "import a"], 1, "b",
    ),
    "a function returns it": (
        ["import uuid\ndef f(): return uuid.uuid4()", "t = f()", "lr = 1", "t"], 1, "t",
    ),
    "a function reads it": (
        ["import time", "t = time.time()", "def f():\n    return t", "lr = 1", "f()"], 1, "t",
    ),
    "it is not read after the fork": (
        ["import time", "t = time.time()", "load(t)", "lr = 1", "t = time.time()", "t"], 3, "",
    ),
    "it is read before the fork alone": (
        ["import time", "t = time.time()", "print(time.time() - t)", "lr = 1", "lr"], 3, "",
    ),
    "it is bound anew": (["import time", "t = time.time()", "t = 1", "lr = 1", "t"], 3, ""),
    "a loop shows how long it took": (
        ["import time\nfor n in [1, 2]:\n    t = time.time()\n    load(n)", "lr = 1", "n"], 1, "",
    ),
    "a function shows how long it took": (
        ["import time\ndef f():\n    print(time.time())", "x = f()", "lr = 1", "x"], 2, "",
    ),
}  # fmt: skip
"""Notebooks whose cells give a name what each run has for itself, or do not keep it."""


@pytest.mark.parametrize("what", OWN)
def test_what_each_run_has_for_itself_is_not_shared(what: str):
    cells, index, name = OWN[what]
    found = point(*cells)
    assert (found.cells, found.index) == (index, index)
    assert found.why.partition(" to ")[0] == (f"it sets {name}" if name else DEPENDS)


@pytest.mark.parametrize(
    "cell",
    [
        "def f{n}():\n    return f{m}() + x{m}\nx{n} = f{n}()\nlog(x{n})",
        "t{n} = time.time()\nprint(t{m})",
        "x{n} = x{m}",
        "lr = {n}",
        "f(" * 50 + "'a_b'" + ")" * 50,
    ],
)
def test_a_notebook_of_2000_cells_is_read_in_bounded_time(cell: str):
    cells = [cell.format(n=n, m=n - 1) for n in range(1, 2_001)]
    nb = notebook("import time", *cells, "lr = 0.1\nx2000")
    found = discover(nb)
    began = time.process_time()
    for with_settings in (False, True):
        fork_point(nb, found, ["lr"], range(len(nb.cells)), with_settings)
    assert time.process_time() - began < 20


def test_a_function_that_calls_much_is_read_in_bounded_time():
    calls = "".join(f"    g{n}(1)\n" for n in range(1_000))
    nb = notebook(f"def f():\n{calls}", "f()\n" * 1_000, "lr = 0.1")
    began = time.process_time()
    assert fork_point(nb, discover(nb), ["lr"], range(3)).cells == 3
    assert time.process_time() - began < 6
