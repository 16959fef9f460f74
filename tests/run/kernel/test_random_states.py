"""A forked kernel has the random numbers of a fresh run, or it is said why not. Each row of code is
executed by a process that is forked, twice as for a trial, and by one that is not."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.run.kernel import prefix
from tests.helpers.project import Project, Run
from tests.helpers.slow import but_slow

SCRIPT = '''
import importlib.util, json, os, sys, traceback

spec = importlib.util.spec_from_file_location("prefix", sys.argv[1])
prefix = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prefix)
random_states, libraries = map(prefix.sibling, ["random_states", "libraries"])
for name in sys.argv[2:]:
    importlib.import_module(name)

def child(function):
    """What a function returns in a forked process."""
    read, write = os.pipe()
    if not os.fork():
        try:
            os.write(write, json.dumps(function()).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        text = pipe.read()
    os.wait()
    return json.loads(text)

def evaluated(code, namespace):
    return repr(eval(code, namespace))

def fresh(shared, own):
    namespace = {}
    for cell in shared.split("---"):
        exec(cell, namespace)
    return evaluated(own, namespace)

def forked(shared, own):
    states, namespace = random_states.RandomStates(libraries.is_library), {}
    for number, cell in enumerate(shared.split("---")):
        if number:
            states.go_on()
        exec(cell, namespace)
        problem = states.problem(namespace)
        if problem:
            break

    def trial():
        import random
        random.random()  # as what begins in a kernel does
        states.restore()
        return evaluated(own, namespace)

    return [problem, *(child(lambda: child(trial)) for _ in range(2))]

print(json.dumps([
    [child(lambda: fresh(*row)), *child(lambda: forked(*row))] for row in json.load(sys.stdin)
]))
'''


def executed(rows: list[tuple[str, str]], *imported: str) -> list[list[str]]:
    """By row what one process has, why a process must not be forked, and what two trials have.
    These modules have been ``imported`` before the first shared cell."""
    command = [sys.executable, "-c", SCRIPT, prefix.__file__, *imported]
    done = subprocess.run(command, input=json.dumps(rows), capture_output=True, text=True)
    assert not done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    assert len(found) == len(rows)
    return found


SEEDED = [
    ("import random; random.seed(1)", "random.random()"),
    ("import random; random.seed('a'); random.gauss(0, 1)", "random.gauss(0, 1), random.random()"),
    ("from random import *; seed(1); shuffle([*range(999)])", "random(), sample(range(99), 9)"),
    ("import random; random.seed(1); s = random.getstate(); random.seed()\nrandom.setstate(s)",
     "random.random()"),
    ("import random; random.random(); random.seed(1)", "random.random()"),
    ("import random; r = random.Random(5); r.random()", "r.random()"),
    ("import copy, random; r = copy.deepcopy(random.Random(5)); r.random()", "r.random()"),
    ("import random\nclass R(random.Random):\n def seed(self, a=None): super().seed(7)\nr = R()",
     "r.random()"),
    ("import random, tempfile; tempfile.mktemp(); random.seed(3)", "random.random()"),
    ("import random; random.seed(3)---import rich.style", "random.random()"),
]  # fmt: skip

SEEDED_NUMPY = [
    ("np.random.seed(1)", "np.random.rand()"),
    ("np.random.seed(1); np.random.randn()", "np.random.randn(), np.random.get_state()[2:]"),
    ("np.random.seed([1, 2]); np.random.rand(10_000)", "np.random.rand()"),
    ("np.random.rand(); np.random.seed(1)", "np.random.rand()"),
    ("s = np.random.RandomState(4).get_state(); np.random.seed(); np.random.seed(0)\n"
     "np.random.set_state(s)", "np.random.rand()"),
    ("rng = np.random.default_rng(3); rng.random()", "rng.random(), rng.spawn(1)[0].random()"),
    ("rng = np.random.default_rng(2**127 + 5); np.random.default_rng()", "rng.random()"),
    ("rng = np.random.default_rng([3, 4]); np.random.default_rng()", "rng.random()"),
    ("rng = np.random.RandomState(3); rng.normal()", "rng.normal()"),
    ("rng = np.random.Generator(np.random.Philox(3)); rng.integers(9, dtype='uint32')",
     "rng.integers(9, size=9, dtype='uint32')"),
    ("rs = [np.random.default_rng(s) for s in np.random.SeedSequence(4).spawn(3)]",
     "rs[2].random()"),
    ("ss = np.random.SeedSequence(4); ss.spawn(2)", "ss.spawn(1)[0].generate_state(2)"),
    ("import copy; rng = copy.deepcopy(np.random.default_rng(3)); rng.random()", "rng.random()"),
    ("import pickle; rng = pickle.loads(pickle.dumps(np.random.RandomState(3)))", "rng.rand()"),
]  # fmt: skip

UNSEEDED = [
    ("import random", "random.random()"),
    ("import random; random.seed(1); random.seed()", "random.random()"),
    ("import random; s = random.getstate(); random.seed(3); random.setstate(s); del s",
     "random.random()"),
    ("import random; r = random.Random()", "r.random()"),
    ("import copy, random; r = copy.copy(random.Random())", "r.random()"),
    ("import random, rich.style", "random.random()"),
    ("import random; r = random.SystemRandom(); r.random()", "r.random()"),
    ("import tempfile; tempfile.mktemp()", "tempfile.mktemp()"),
    ("import secrets, uuid; secrets.token_hex(16); uuid.uuid4()",
     "secrets.token_hex(), uuid.uuid4()"),
]  # fmt: skip

UNSEEDED_NUMPY = [
    ("0", "np.random.rand()"),
    ("s = np.random.get_state(); np.random.seed(1); np.random.set_state(s); del s",
     "np.random.rand()"),
    ("rng = np.random.default_rng()", "rng.random()"),
    ("rng = np.random.default_rng()", "rng.spawn(1)[0].random()"),
    ("rng = np.random.default_rng()", "rng.bit_generator.seed_seq.entropy"),
    ("rng = np.random.RandomState()", "rng.rand()"),
    ("rng = np.random.Generator(np.random.SFC64())", "rng.random()"),
    ("rs = [np.random.default_rng(s) for s in np.random.SeedSequence().spawn(3)]",
     "rs[2].random()"),
]  # fmt: skip

REFUSED = [
    ("import random; random.random()", "random"),
    ("import random; random.seed(1); random.seed(); random.random()", "random"),
    ("import random; random.random(); s = random.getstate(); random.seed(3); random.setstate(s)",
     "random"),
    ("import random, importlib; importlib.reload(random); random.seed(1)", "random"),
    ("import random; random.seed(1)---random.seed()---random.random()---random.seed(1)", "random"),
    ("import random; rng = random.Random()---rng.random()---rng.seed(1)", "rng"),
    ("import random; rng = [random.Random()]; rng[0].random()", "rng"),
    ("import copy, random; rng = random.Random(); rng.random(); rng = copy.copy(rng)", "rng"),
    ("import random; s = random.getstate()", "s"),
    ("import random; kept = [0, random.getstate()]", "kept"),
    ("import copy, random; rng = random.Random(); other = copy.copy(rng)", "other"),
    ("import random; rng = random.Random(); rng.setstate(random.getstate())", "rng"),
]  # fmt: skip

REFUSED_NUMPY = [
    ("np.random.rand()", "numpy.random"),
    ("np.random.seed(1); np.random.seed(); np.random.rand()", "numpy.random"),
    ("rng = np.random.default_rng()---rng.random()---rng = np.random.default_rng(1)", "rng"),
    ("np.random.rand(); s = np.random.get_state(); np.random.seed(1); np.random.set_state(s)",
     "numpy.random"),
    ("rng = np.random.default_rng(); rng.random()", "rng"),
    ("rng = [np.random.default_rng()]; rng[0].random()", "a generator of numpy"),
    ("rng = np.random.default_rng(); rng.spawn(1)", "rng"),
    ("rng = np.random.RandomState(); rng.rand()", "rng"),
    ("sequence = np.random.SeedSequence()", "sequence"),
    ("sequence = np.random.SeedSequence(); sequence.spawn(1)", "sequence"),
    ("state = np.random.get_state()", "state"),
    ("rng = np.random.default_rng(); state = rng.bit_generator.state", "state"),
    ("rng = np.random.RandomState(); kept = {'state': rng.get_state()}", "kept"),
    ("seed = np.random.SeedSequence().entropy; rng = np.random.default_rng(seed)", "seed"),
    ("import copy; a = np.random.default_rng(); b = copy.deepcopy(a)", "b"),
    ("a = np.random.RandomState(); a.set_state(np.random.get_state())", "a"),
    ("s = np.random.SeedSequence(); a = np.random.PCG64(s); b = np.random.PCG64(s)", "b"),
]  # fmt: skip


def with_numpy(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    pytest.importorskip("numpy")
    return [(f"import numpy as np\n{shared}", own) for shared, own in rows]


def check_seeded(rows: list[tuple[str, str]], *imported: str) -> None:
    for row, (fresh, problem, one, other) in zip(rows, executed(rows, *imported)):
        assert (problem, one, other) == ("", fresh, fresh), row


def check_unseeded(rows: list[tuple[str, str]], *imported: str) -> None:
    for row, (fresh, problem, one, other) in zip(rows, executed(rows, *imported)):
        assert not problem, row
        assert len({fresh, one, other}) == 3, row


def check_refused(rows: list[tuple[str, str]], *imported: str) -> None:
    found = executed([(shared, "0") for shared, _ in rows], *imported)
    for (shared, name), (_, problem, *_) in zip(rows, found):
        said = f"the shared cells draw from {name} without a seed, so all trials would get the same"
        assert problem == said, shared


def test_numbers_after_a_seed_are_those_of_a_fresh_run() -> None:
    pytest.importorskip("rich")
    check_seeded(SEEDED)


def test_numbers_of_numpy_after_a_seed_are_those_of_a_fresh_run() -> None:
    check_seeded(with_numpy(SEEDED_NUMPY), "numpy.random")


def test_numbers_without_a_seed_differ_between_trials() -> None:
    pytest.importorskip("rich")
    check_unseeded(UNSEEDED)


def test_numbers_of_numpy_without_a_seed_differ_between_trials() -> None:
    check_unseeded(with_numpy(UNSEEDED_NUMPY[:2]))
    check_unseeded(with_numpy(UNSEEDED_NUMPY[2:]), "numpy.random")


def test_a_process_that_drew_without_a_seed_is_not_to_be_forked() -> None:
    check_refused(REFUSED)


def test_a_process_that_drew_from_numpy_without_a_seed_is_not_to_be_forked() -> None:
    check_refused(with_numpy(REFUSED_NUMPY[:2]))
    check_refused(with_numpy(REFUSED_NUMPY[2:]), "numpy.random")


def test_numbers_of_torch_are_those_of_a_fresh_run() -> None:
    pytest.importorskip("torch")
    rows = [
        ("torch.manual_seed(1); torch.rand(2)", "torch.rand(2), torch.get_rng_state().sum()"),
        ("torch.manual_seed(-1)", "torch.rand(2)"),
        ("torch.manual_seed(1); g = torch.Generator()", "torch.rand(2, generator=g)"),
        ("torch.seed(); torch.manual_seed(1); layer = torch.nn.Linear(2, 2)", "layer.weight"),
    ]
    check_seeded([(f"import torch\n{shared}", own) for shared, own in rows])
    check_unseeded([("import torch", "torch.rand(2)")])
    check_unseeded([("import torch", "torch.rand(2)")], "torch")
    drawn = [("torch.rand(2)", "torch"), ("torch.seed()", "torch")]
    drawn += [("torch.manual_seed(1); g = torch.Generator(); g.seed()", "g")]
    check_refused([(f"import torch\n{shared}", name) for shared, name in drawn])


def test_names_of_faker_are_those_of_a_fresh_run() -> None:
    pytest.importorskip("faker")
    made = "from faker import Faker; fake = Faker()"
    check_seeded([(f"{made}; Faker.seed(1); fake.name()", "fake.name()")])
    check_unseeded([(made, "[fake.name() for _ in range(3)]")])
    check_refused([(f"{made}; fake.name()", "a generator of faker.generator")])


def test_numbers_of_sympy_are_no_reason() -> None:
    """It draws them to compare expressions, and for its symbols."""
    pytest.importorskip("sympy")
    code = (
        "import random, sympy; random.seed(1); x = sympy.Symbol('x')\nassert (2 * x).equals(x + x)"
    )
    check_seeded([(code, "random.random(), sympy.diff(x ** 2)")])


def test_a_process_that_has_seeded_compiled_code_of_numba_is_not_to_be_forked() -> None:
    pytest.importorskip("numba")
    seed = "import numpy as np, numba\n@numba.njit\ndef seed(): np.random.seed(1)\n"
    (_, unused, *_), (_, used, *_) = executed([(seed, "0"), (f"{seed}seed()", "0")])
    assert not unused
    assert used == "the shared cells draw from numba, whose states end where a process is forked"


OPERATIONS = [
    "random.seed({n})", "random.random()", "random.gauss(0, 1)", "random.getrandbits({n} + 1)",
    "random.shuffle(items)", "saved = random.getstate()", "random.setstate(saved)",
    "random.Random({n}).random()", "r.seed({n})", "r.sample(range(99), 9)",
    "r.setstate(random.getstate())", "r = copy.copy(r)",
    "np.random.seed({n})", "np.random.rand({n})", "np.random.randn()", "np.random.shuffle(items)",
    "np.random.default_rng().random()", "kept = np.random.get_state()", "np.random.set_state(kept)",
    "np.random.seed()\nnp.random.set_state(kept)",
    "rng.normal()", "rng.integers({n} + 1, size=3, dtype='uint16')", "rng = rng.spawn(1)[0]",
    "rng = np.random.default_rng({n})", "old.randn()", "old.randint(9, size={n})",
    "old = np.random.RandomState({n})", "old.set_state(np.random.get_state())",
]  # fmt: skip

FIRST = """import copy, random, numpy as np
items = [*range(99)]
random.seed(1); r = random.Random(2); saved = random.Random(3).getstate()
np.random.seed(4); rng = np.random.default_rng(5); old = np.random.RandomState(6)
kept = np.random.RandomState(7).get_state()
"""

LAST = """(items, [(g.random(), g.gauss(0, 1)) for g in (random, r)],
    [(g.normal(), g.bytes(3)) for g in (np.random, rng, old)])"""


@pytest.mark.parametrize("seed", but_slow(range(5), 0))
def test_any_operations_around_the_fork_give_the_numbers_of_one_process(seed: int) -> None:
    pytest.importorskip("numpy")
    choice = random.Random(seed)
    rows = []
    for _ in range(20):
        lines = [
            choice.choice(OPERATIONS).format(n=choice.randrange(2000))
            for _ in range(choice.randrange(12))
        ]
        cut = choice.randint(0, len(lines))
        after = "\n".join(lines[cut:])
        own = f"exec({after!r}), {LAST}"
        rows.append(("---".join([FIRST, *lines[:cut]]), own))
    check_seeded(rows, "numpy.random")


LOOKS = """
import inspect, pickle, random, sys, traceback
sys.path.insert(0, {folder!r})
try:
    import fails
except ZeroDivisionError:
    text = traceback.format_exc()
generator = random.Random(3)
found = [
    random.seed.__name__, random.seed.__qualname__, random.Random.seed.__module__,
    random.seed.__doc__, str(inspect.signature(random.seed)), inspect.getsource(random.seed),
    type(random.seed.__self__).__name__, pickle.loads(pickle.dumps(random.seed)).__name__,
    pickle.loads(pickle.dumps(generator)).random() == generator.random(),
    pickle.loads(pickle.dumps(random.Random.seed)) is random.Random.seed, text,
]
"""


def test_what_is_watched_looks_to_a_notebook_as_ever(tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "fails.py").write_text("1 / 0")
    looks = LOOKS.format(folder=str(tmp_path / "site-packages"))
    ((fresh, problem, forked, _),) = executed([(looks, "found")])
    assert not problem
    assert "ZeroDivisionError" in fresh
    assert forked == fresh


def test_nothing_is_watched_after_the_last_shared_cell() -> None:
    names = """
import importlib.machinery, random, secrets
def names():
    loader = importlib.machinery.SourceFileLoader
    functions = random.Random.seed, random.setstate.__func__, random._urandom
    return functions[2:], [f.__code__.co_filename for f in functions[:2]], vars(loader).keys()
"""
    ((fresh, _, forked, _),) = executed([(names, "names()")])
    assert forked == fresh


CELLS = """
import random
random.seed(1)
source = random.Random(2)
---
import rich.style
print(random.random(), random.gauss(0, 1), source.random())
---
import numpy as np
np.random.seed(3)
rng, old = np.random.default_rng(4), np.random.RandomState(5)
print(np.random.randn(), rng.normal(), old.rand())
---
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
X, y = make_classification(100, random_state=6)
X, X_test, y, y_test = train_test_split(X, y)
first = RandomForestClassifier(4, random_state=7).fit(X, y)
---
import matplotlib.pyplot as plt
_ = plt.plot(rng.normal(size=5))
---
lr = 0.1
print(lr, random.random(), random.gauss(0, 1), source.sample(range(99), 5))
print(random.getstate()[1][-3:])
---
print(np.random.randn(), np.random.get_state()[2:], rng.normal())
print(rng.spawn(1)[0].random(), old.rand())
---
model = RandomForestClassifier(4).fit(X, y)
print(model.predict_proba(X_test), first.predict_proba(X_test), np.random.rand())
"""

WITHOUT_SEEDS = """
import random
import numpy as np
import sklearn.datasets
rng, source = np.random.default_rng(), random.Random()
---
lr = 0.1
print("drawn:", [random.random(), source.random(), np.random.rand(), rng.random()])
"""


def outputs(run: Run) -> list[Any]:
    return [cell["outputs"] for cell in run.notebook("sweep.ipynb")["cells"]]


def swept(project: Project, cells: str, fork: str) -> list[Run]:
    pytest.importorskip("sklearn")
    project.notebook("sweep.ipynb", *(cell.strip() for cell in cells.split("---")))
    done = project.run("sweep.ipynb", "lr=[0.1,0.2]", f"nb-fork={fork}")
    assert [run.attr("shared_cells") is not None for run in done.runs] == [fork == "yes"] * 2
    return done.runs


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
def test_seeded_trials_agree_with_fresh_runs_to_the_last_digit(project: Project) -> None:
    forked, fresh = (swept(project, CELLS, fork) for fork in ("yes", "no"))
    assert len(forked[0].attr("shared_cells")["seconds"]) == 5
    by_flag = {str(run.flags): outputs(run) for run in fresh}
    assert len(by_flag) == 2
    assert {str(run.flags): outputs(run) for run in forked} == by_flag


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
def test_trials_without_a_seed_have_numbers_of_their_own(project: Project) -> None:
    drawn = [run.output.split("drawn: ")[1] for run in swept(project, WITHOUT_SEEDS, "yes")]
    one, other = ([float(each) for each in re.findall(r"0\.\d+", text)[:4]] for text in drawn)
    assert len({*one, *other}) == 8


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
def test_what_start_up_files_of_ipython_seed_is_seeded_in_trials(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.dir / "ipython" / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "seed.py").write_text("import random\nrandom.seed(5)")
    monkeypatch.setenv("IPYTHONDIR", str(project.dir / "ipython"))
    cells = "import random---lr = 0.1\nprint('drawn:', random.random())"
    runs = [*swept(project, cells, "yes"), *swept(project, cells, "no")]
    assert {run.output.split("drawn: ")[1].split()[0] for run in runs} == {"0.6229016948897019"}
