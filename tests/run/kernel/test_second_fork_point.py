"""Trials with the same value of a flag that varies slower than others share more cells: a process
is forked that executes them, and then for each of these trials (nb-fork)."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from guild_notebook.run import forked_trial
from guild_notebook.run.kernel import grown, memory, prefix
from tests.helpers.free_memory import skip_where_half_is_taken
from tests.helpers.project import Command, Project, Run
from tests.helpers.slow import but_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")

SHARED = """import asyncio, logging, os, random, sys, time
from IPython.display import HTML, display
random.seed(1)
source, unused = random.Random(2), random.Random(3)
logging.basicConfig(level='INFO')
log = logging.getLogger('a')
class Node: pass
node = Node(); node.node = node
file = open('read.txt')
print(file.read(6), random.gauss(0, 1), unused.random())
shown = display(HTML('first'), display_id='one')"""
SETTINGS = "%matplotlib inline\nlr = 0.1\ndepth = 2\nrate = lr\nlayers = [depth, depth]\n'set'"
MORE = [
    "time.sleep(0.6)\nprint(layers)",
    "print(random.gauss(0, 1), source.random(), file.read(6)); print('err', file=sys.stderr)",
    "data = [depth * random.random() for _ in range(5)]; layers.append(data[0]); best = 0.5\ndata",
    "del node\nawait asyncio.sleep(0.01)\nlog.info('depth %s', depth)",
    "os.write(1, b'written\\n'); time.sleep(1.5)\nshown.update(HTML(f'second {depth}'))",
    "class Kept:\n    def __del__(self, make=os.mkdir): make('finalized')\nkept = Kept()",
]
OWN = [
    "print(lr, rate, depth, layers, data, best, random.random(), random.gauss(0, 1))",
    "print(unused.random(), source.sample(range(99), 5), random.getstate()[1][-3:], file.read())",
    "print(os.environ['FLAG_DEPTH'] == str(depth), os.getcwd() == os.environ['RUN_DIR'])",
    "print(In, repr(_), repr(_iii), repr(_i2), sorted(Out), 'node' in globals())",
    "print(get_ipython().execution_count); log.info('last')",
    "shown.update(HTML(f'third {lr}'))",
]

TEXT = "one   two   three four  "

TRIALS = "depth,lr,best\n" + "".join(f"{n % 2},{n / 8},{n / 4}\n" for n in range(6))
"""The slow flag changes with each trial."""


def executed(run: Run, name: str) -> list[dict[str, Any]]:
    """The cells with their sources and what they have shown."""
    facts = ("source", "outputs", "execution_count")
    cells = run.notebook(name)["cells"]
    return [{fact: cell[fact] for fact in facts} for cell in cells]


def seconds(runs: list[Run]) -> list[list[int]]:
    """The indexes of the shared cells of each of ``runs``."""
    return [list((run.attr("shared_cells") or {}).get("seconds", {})) for run in runs]


def processes(runs: list[Run]) -> set[str | None]:
    """Those of the second point."""
    return {run.attr("shared_cells").get("second", {}).get("prefix") for run in runs}


@pytest.fixture(scope="module", params=but_slow(["grid", "list"], "grid"))
def sweep(request: pytest.FixtureRequest, shared: Project) -> tuple[list[Run], list[Run]]:
    """The forked trials and fresh ones."""
    skip_where_half_is_taken()
    shared.notebook("tree.ipynb", SHARED, SETTINGS, *MORE, *OWN)
    shared.file("read.txt", TEXT)
    shared.file("trials.csv", TRIALS)
    shared.guildfile(
        "tree: {notebook: tree.ipynb, flags-import: all, requires: {file: read.txt}, "
        "nb-report: none}\n"
    )
    arguments = ["depth=[1,2]", "lr=[0.3,0.4]"] if request.param == "grid" else ["@trials.csv"]
    forked, fresh = (shared.run("tree", *arguments, f"nb-fork={how}") for how in ("yes", "no"))
    return forked.trials, fresh.trials


def test_trials_of_one_value_share_the_cells_that_depend_on_it(
    sweep: tuple[list[Run], list[Run]],
):
    forked, _fresh = sweep
    assert seconds(forked) == [[*range(2 + len(MORE))]] * len(forked)
    assert len({run.attr("shared_cells")["prefix"] for run in forked}) == 1
    assert None not in processes(forked)
    for depth in {run.flags["depth"] for run in forked}:
        of_depth = [run for run in forked if run.flags["depth"] == depth]
        assert len(processes(of_depth)) == 1
    first = forked[0].attr("shared_cells")
    assert first["second"]["cell"] == 2
    assert first["second"]["began"] > first["began"] + first["seconds"][0] * 1_000_000


def test_their_outputs_are_those_of_fresh_runs_to_the_last_digit(
    sweep: tuple[list[Run], list[Run]],
):
    forked, fresh = sweep
    by_flags = {str(run.flags): executed(run, "tree.ipynb") for run in fresh}
    assert len(by_flags) == len(forked)
    assert {str(run.flags): executed(run, "tree.ipynb") for run in forked} == by_flags
    for run in forked:
        assert (run.dir / "finalized").is_dir()


REFUSED = {
    "drawn = random.random()": "the shared cells draw from random without a seed, so all trials "
    "would get the same",
    "pool = futures.ThreadPoolExecutor(1); pool.submit(int).result()": "a thread of the notebook "
    "goes on (ThreadPoolExecutor-0_0)",
    "kept = rng.random()": "the shared cells draw from rng without a seed, so all trials would get "
    "the same",
    "os.stat(os.path.join(*map(str, [os.curdir, 'a'])))": "cell [4] (time.sleep(0.6); print(depth))"
    " fails",
    "os._exit(3)": "the process that has executed them has ended",
}
"""Cells of the second process that must not be shared, and why."""


def refused_sweep(project: Project, *cells: str, arguments: list[str]) -> Command:
    imports = "import os, random, time\nfrom concurrent import futures\nrng = random.Random()"
    own = "print('shown:', depth, lr)"
    project.notebook("refused.ipynb", imports, "depth = 1", "lr = 2", *cells, own)
    return project.guild("run", "-y", "refused.ipynb", *arguments, "nb-fork=yes", "nb-report=none")


@pytest.mark.parametrize("source", but_slow(REFUSED, "kept = rng.random()"))
def test_where_the_second_process_must_not_be_forked_the_first_one_is(shared: Project, source: str):
    cell = f"time.sleep(0.6); print(depth)\n{source}"
    done = refused_sweep(shared, cell, arguments=["depth=[1,2]", "lr=[3,4]"])
    which = "one" if source.startswith("os.stat") else "the same"
    line = f"nb-fork: trials with {which} value of depth share no more cells: "
    assert done.stderr.count(line) + done.stdout.count(line) == 1
    assert line + REFUSED[source] in done.stdout + done.stderr
    assert seconds(done.trials) == [[0]] * 4
    if "exit" not in source and "stat" not in source:
        said = sorted(run.output.split("shown: ")[1].split("\n")[0] for run in done.trials)
        assert said == ["1 3", "1 4", "2 3", "2 4"]


@pytest.mark.slow
def test_a_value_for_which_a_cell_fails_is_none_for_the_others(shared: Project):
    cell = "time.sleep(0.6); print(depth)\nassert depth != 1, 'odd'"
    done = refused_sweep(shared, cell, arguments=["depth=[1,2]", "lr=[3,4]"])
    runs = sorted(done.trials, key=lambda run: str(run.flags))
    assert "with one value of depth share no more cells: " in done.stdout + done.stderr
    assert seconds(runs) == [[0], [0], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert ["AssertionError: odd" in run.output for run in runs] == [True, True, False, False]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "wait", "cells"),
    [(["depth=[1,2,3,4]"], 0.6, [0, 1, 2]), (["depth=[1,2]", "lr=[3,4]"], 0, [0])],
)
def test_what_is_not_worth_it_is_not_done_and_nothing_is_said(
    shared: Project, arguments: list[str], wait: float, cells: list[int]
):
    """Trials of which each has a value of its own, and cells that take no time."""
    done = refused_sweep(shared, f"time.sleep({wait}); print(depth)", arguments=arguments)
    more = []
    for run in done.trials:
        shared = run.attr("shared_cells")["seconds"]
        assert [*shared][: len(cells)] == cells
        more += [sum(each for index, each in shared.items() if index not in cells)]
    assert all(took == 0 or took >= 0.5 for took in more)  # a busy machine may take that
    assert "same value" not in done.stdout + done.stderr
    assert any(more) or "each value" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "why", "ends"),
    [
        ("cell-timeout=5", "longer than nb-cell-timeout", "over 5 s (nb-cell-timeout)"),
        ("memory-limit=500MB", ".* over 500 MB .*", "over 500 MB (nb-memory-limit)"),
    ],
)
def test_what_takes_more_than_a_cell_may_is_executed_by_the_trials(
    shared: Project, limit: str, why: str, ends: str
):
    size = 600_000_000 * ("memory" in limit)
    cell = f"kept = b'x' * ({size} * (depth == 1)); time.sleep(30 if depth == 1 else 0.6)"
    arguments = ["depth=[1,2]", "lr=[3,4]", f"nb-{limit}"]
    done = refused_sweep(shared, cell, arguments=arguments)
    assert re.search(f"share no more cells: a shared cell takes {why}", done.stdout)
    runs = sorted(done.trials, key=lambda run: str(run.flags))
    assert [ends in run.output for run in runs] == [True] * 2 + [False] * 2


@pytest.mark.slow
def test_numbers_of_numpy_and_sklearn_are_those_of_fresh_runs(shared: Project):
    pytest.importorskip("sklearn")
    cells = [
        "import time, numpy as np, sklearn.datasets\nfrom sklearn.ensemble import "
        "RandomForestClassifier\nnp.random.seed(3); np.random.randn()\n"
        "rng, old, free = np.random.default_rng(4), np.random.RandomState(5), "
        "np.random.default_rng()\nrng.integers(9, dtype='uint32')",
        "depth = 1",
        "time.sleep(0.6)\nX = rng.normal(size=(90, 3)) * depth; y = (X.sum(1) > 0) * 1\n"
        "model = RandomForestClassifier(4, max_depth=depth).fit(X, y)\n"
        "print(np.random.randn(), old.rand(), rng.integers(9, dtype='uint32'))",
        "lr = 2",
        "print(lr, np.random.randn(), rng.normal(), old.rand(), rng.spawn(1)[0].random())\n"
        "print(RandomForestClassifier(4).fit(X, y).predict_proba(X[:9]), model.predict_proba(X))",
        "#own\nprint('free:', free.random())",
    ]
    shared.notebook("numbers.ipynb", *cells)
    arguments = ["numbers.ipynb", "depth=[1,2]", "lr=[3,4]", "nb-report=none"]
    forked = shared.run(*arguments, "nb-fork=yes").runs
    fresh = shared.run(*arguments).runs
    assert seconds(forked) == [[0, 1, 2]] * 4
    by_flags = {str(run.flags): executed(run, "numbers.ipynb")[:-1] for run in fresh}
    assert {str(run.flags): executed(run, "numbers.ipynb")[:-1] for run in forked} == by_flags
    assert len({run.output.split("free: ")[1].split()[0] for run in forked}) == 4


# ---- which of these processes there are


@pytest.mark.parametrize(
    ("same", "trials", "counts", "alike", "sharing"),
    [
        (["depth"], 15, {"depth": 3, "lr": 5}, {"depth": 5, "lr": 3}, 5),
        (["depth"], 15, {"depth": 3, "lr": 5}, {"depth": 9, "lr": 3}, 9),  # a list
        (["depth", "n"], 30, {"depth": 3, "lr": 5, "n": 2}, {"depth": 10, "lr": 6, "n": 15}, 5),
        (["depth", "n"], 31, {"depth": 3, "lr": 5, "n": 2}, {"depth": 10, "lr": 6, "n": 15}, 10),
        (["depth"], 15, {"depth": 3, "lr": 5}, {}, 1),
    ],
)
def test_as_many_trials_share_a_process_as_have_its_values(
    same: list[str], trials: int, counts: dict[str, int], alike: dict[str, int], sharing: int
):
    assert forked_trial._sharing(same, trials, counts, alike) == sharing


class Numbers:
    """Stands for processes: each has a guard and a lifeline with its number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int = 100) -> None:
        self.ended: list[int] = []
        self.known = grown.Grown("/folder", None)
        self._next = 1
        monkeypatch.setattr(grown.os, "close", self.ended.append)
        monkeypatch.setattr(grown, "memory", lambda sibling: (free, 100))

    def want(self, keys: str, trials: int, needed: str = "") -> list[str]:
        """What trials are told that want these, one after the other, of which each has so many
        ``trials``, while others wait for those that are ``needed``."""
        told = []
        for key in keys:
            answer, path = self.known.answer(key, trials, {*needed})
            if path:
                self.known.add(key, path, self._next, self._next)
                self._next += 1
            told.append(next(iter(answer.values())).rpartition("-")[2])
        return told


def test_one_lives_at_a_time_where_trials_come_ordered(monkeypatch: pytest.MonkeyPatch):
    numbers = Numbers(monkeypatch)
    assert numbers.want("aabbc", 2) == [*"11223"]
    assert numbers.ended == [1, 2]
    assert numbers.known.lifelines() == [3]


def test_in_any_order_each_lives_until_all_of_its_trials_have_had_it(
    monkeypatch: pytest.MonkeyPatch,
):
    numbers = Numbers(monkeypatch)
    assert numbers.want("abcabcacb", 3) == [*"123123132"]
    assert numbers.ended == [1, 3]


def test_one_that_more_trials_want_than_were_told_is_started_anew(monkeypatch: pytest.MonkeyPatch):
    """As those of another batch, in a queue."""
    numbers = Numbers(monkeypatch)
    assert numbers.want("aabb", 2) == [*"1122"]
    assert numbers.want("abab", 2) == [*"3434"]
    assert numbers.ended == [1, 2, 3]


def test_one_that_a_trial_waits_for_lives_on_until_it_has_its_kernel(
    monkeypatch: pytest.MonkeyPatch,
):
    """Where trials run side by side."""
    numbers = Numbers(monkeypatch)
    assert numbers.want("ab", 1, needed="ab") == [*"12"]
    assert numbers.ended == []
    assert numbers.want("b", 1) == ["2"]
    assert numbers.ended == [1]


def test_where_memory_is_short_one_lives_at_a_time_until_one_is_wanted_again(
    monkeypatch: pytest.MonkeyPatch,
):
    numbers = Numbers(monkeypatch, free=49)
    short = "less than half of the memory is free for more of them"
    assert numbers.want("aabbcbac", 9) == [*"11223", short, short, "3"]
    assert numbers.ended == [1, 2]


OWN_MEMORY = b"Rss:  9 kB\nPrivate_Clean:  9 kB\nPrivate_Dirty:  3000000 kB\nReferenced:  9 kB\n"


def test_a_process_that_trials_could_not_have_again_is_refused(monkeypatch: pytest.MonkeyPatch):
    own = grown._read("/proc/self/smaps_rollup")
    assert 1_000_000 < memory.bytes_in(own, b"\nPrivate_Dirty:") < 1 << 40
    monkeypatch.setattr(grown, "memory", lambda sibling: (2_000_000_000, 8_000_000_000))
    assert grown.memory_problem(prefix.sibling) == ""
    monkeypatch.setattr(grown, "_read", lambda path: OWN_MEMORY)
    refused = "they take 3.1 GB of memory, and 2.0 GB are free"
    assert grown.memory_problem(prefix.sibling) == refused


def test_memory_is_what_the_system_tells_and_control_groups_leave(monkeypatch: pytest.MonkeyPatch):
    module = prefix.sibling("oom")
    monkeypatch.setattr(module, "limits", list)
    free, size = grown.memory(prefix.sibling)
    assert 0 < free < size
    monkeypatch.setattr(module, "limits", lambda: [(2_000_000, 1_300_000), (9_000_000, 1_000_000)])
    assert grown.memory(prefix.sibling) == (1_000_000, 2_000_000)
