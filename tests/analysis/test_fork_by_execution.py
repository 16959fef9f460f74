"""Notebooks of random statements end as fresh runs do when they are executed as forked trials."""

from __future__ import annotations

import ast
import contextlib
import io
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import pytest

from guild_notebook.analysis.fork_point import fork_point, second_point
from guild_notebook.flags import apply
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook

NAMES = "abcdefgh"

VALUES = [
    *("[1, 2]", "[3]", "5", "6", "lambda: [4]", '{"k": 1}'),
    'type("A", (), {"v": 1, "m": lambda s: 2, "__call__": lambda s: s})()',
    'type("B", (), {"v": 3, "m": lambda s: s})',
]

STATEMENTS = [
    *("N = 1", "N = [1, 2]", "N = N", "N = N, N", "N += 2", "N = N * 2", "N: int = 3", "N = N()"),
    *("N[0] = N", "del N", "N()", "N.append(N)", "N = N.v", "N.v = N", "N = N().m()", "(N := N)"),
    *("N = lambda: N", "N = (N for _ in [1])", "N = [N for N in [N]]", "N = list(N)", "print(N)"),
    *("N = f'{type(N)}'", "N = {'k': N}", "N = dict(N=N)", "(N, N) = (N, N)", "N = N if N else N"),
    *("N = vars(N)", "N = sorted([N], key=N)", "import math\nmath.k = N"),
    *("import math\nN = getattr(math, 'k', 0)", "for N in [1, 2]:\n    N = N"),
    *("if N:\n    N = 1\nelse:\n    N = N", "while not N:\n    N = 1\n    break"),
    *(
        "def N(q=N):\n    return q, N",
        "def N():\n    global N\n    N = N",
        "@N\ndef N():\n    return N",
    ),
    *("def N():\n    N.append(N)", "class N:\n    v = N\n    def m(self):\n        return N"),
    "try:\n    N = N / 0\nexcept Exception as N:\n    N = 2",
]


def random_cells(
    draw: random.Random, *flags: str, statements: Sequence[str] = STATEMENTS
) -> list[str]:
    values = draw.sample(VALUES, len(VALUES))
    named = [(name, value) for name, value in zip(NAMES, values) if name not in flags]
    first = (f"{name} = (lambda: {value})()" for name, value in named)
    cells = ["\n".join(first)]
    for _ in range(draw.randint(2, 8)):
        chosen = draw.choices(statements, k=draw.randint(1, 3))
        cells.append(re.sub(r"\bN\b", lambda _: draw.choice(NAMES), "\n".join(chosen)))
    for flag in flags:
        at = draw.randrange(1, len(cells))
        cells[at] = draw.choice([f"{flag} = 7\n{cells[at]}", f"{cells[at]}\n{flag} = 7"])
    return cells


class FailedError(Exception):
    """A statement raises."""


class Kernel:
    """Executes statements, and keeps what they print."""

    def __init__(self) -> None:
        import math

        if hasattr(math, "k"):
            del math.k
        self.names: dict[str, Any] = {"__name__": "notebook"}
        self.printed: list[str] = []

    def execute(self, nodes: Iterable[ast.stmt]) -> None:
        for node in nodes:
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    exec(compile(ast.Module([node], []), "cell", "exec"), self.names)
            except Exception as e:
                raise FailedError from e
            finally:
                self.printed.append(out.getvalue())

    def forked(
        self, cells: Sequence[str], settings: Mapping[int, frozenset[str]], first: int = 0
    ) -> None:
        """Execute the ``cells`` from the ``first`` on as a process does that is forked then."""
        kept: dict[str, Any] = {}
        for index, cell in enumerate(cells[first:], first):
            self.names.update(kept if index in settings else {})
            self.execute(ast.parse(cell).body)
            for name in {*kept, *settings.get(index, ())} & self.names.keys():
                kept[name] = self.names.pop(name)

    def set(self, trial: Sequence[list[ast.stmt]], names: Mapping[int, frozenset[str]]) -> None:
        """Execute what the cells of a ``trial`` set these ``names`` to, by the cell's index."""
        shown_before = len(self.printed)
        for index, some in sorted(names.items()):
            self.execute(node for node in trial[index] if sets(node, some))
        del self.printed[shown_before:]

    def left(self) -> Any:
        return [(name, shown(value)) for name, value in sorted(self.names.items()) if name in NAMES]


def shown(value: Any, depth: int = 0) -> Any:
    if isinstance(value, (list, tuple)) and depth < 4:
        return type(value).__name__, [shown(each, depth + 1) for each in value]
    if isinstance(value, dict) and depth < 4:
        return [(key, shown(value[key], depth + 1)) for key in value if str(key)[:2] != "__"]
    if isinstance(value, type) and depth < 9:
        return "class", shown(value.__dict__.get("v"), depth + 1)
    if hasattr(value, "__defaults__") and depth < 9:
        return value.__name__, shown(value.__defaults__, depth + 1)
    return value if isinstance(value, int) else type(value).__name__


def sets(node: ast.stmt, names: frozenset[str]) -> bool:
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = [part for target in targets for part in getattr(target, "elts", [target])]
    return any(isinstance(part, ast.Name) and part.id in names for part in parts)


def is_compared(seed: int) -> bool:
    """Whether a notebook has cells that can be shared."""
    draw = random.Random(seed)
    flag = draw.choice(NAMES)
    nb = notebook(*random_cells(draw, flag))
    found = discover(nb)
    cells = [cell.source for cell in nb.cells]
    point = fork_point(nb, found, [flag], range(len(cells)))
    edited = apply.edited_sources(nb, apply.assignments(found, {flag: 8}))
    trial = [ast.parse({**dict(enumerate(cells)), **edited}[cell.index]).body for cell in nb.cells]
    fresh = Kernel()
    with contextlib.suppress(FailedError):
        fresh.execute(chain(*trial))
    forked = Kernel()
    try:
        forked.forked(cells[: point.cells], point.settings)
    except FailedError:  # they are not shared then
        return False
    forked.set(trial, point.settings)
    with contextlib.suppress(FailedError):
        forked.execute(chain(*trial[point.cells :]))
    check_same(fresh, forked, cells)
    return bool(point.settings)


def check_same(fresh: Kernel, forked: Kernel, cells: list[str]) -> None:
    address = re.compile("0x[0-9a-f]+")
    printed = [[address.sub("", text) for text in each.printed] for each in (fresh, forked)]
    assert printed[0] == printed[1], cells
    assert fresh.left() == forked.left(), cells


def is_compared_by_two_points(seed: int) -> int:
    """How many settings a notebook has of which a process of the second point executes some; 0
    where it has none of those points, or they are the same."""
    draw = random.Random(seed)
    slow, fast, third = draw.sample(NAMES.replace("f", ""), 3)
    seldom_fail = [each for each in STATEMENTS if not re.search(r"\(\)|[.@+*/]|\[0|del|vars", each)]
    first_cell, *others = random_cells(draw, statements=seldom_fail)
    at = draw.randrange(1, len(others) + 1)  # nothing before has the fast one
    others[:at] = [re.sub(rf"\b{fast}\b", third, cell) for cell in others[:at]]
    others[0] = draw.choice([f"{slow} = 7\n{fast} = 7", f"{fast}, {slow} = 7, 7", others[0]])
    made = first_cell, f"{slow} = 7", f"{fast} = 7", *others
    if not are_python(made):
        return 0
    nb = notebook(*made)
    found = discover(nb)
    cells = [cell.source for cell in nb.cells]
    everything = range(len(cells))
    first = fork_point(nb, found, [slow, fast], everything)
    second = second_point(nb, found, 10, {slow: 2, fast: 5}, everything, True, first)
    if not second or slow not in second[1]:
        return 0

    def parsed(**values: int) -> list[list[ast.stmt]]:
        edited = apply.edited_sources(nb, apply.assignments(found, values))
        return [ast.parse({**dict(enumerate(cells)), **edited}[at]).body for at in everything]

    later, _same = second
    trial, group = parsed(**{slow: 8, fast: 9}), parsed(**{slow: 8})
    fresh, forked = Kernel(), Kernel()
    with contextlib.suppress(FailedError):
        fresh.execute(chain(*trial))
    try:
        forked.forked(cells[: first.cells], first.settings)
        of_group = {
            index: names - later.settings.get(index, frozenset())
            for index, names in first.settings.items()
        }
        forked.set(group, of_group)
        sources = [ast.unparse(nodes) for nodes in group[: later.cells]]  # type: ignore[call-overload]
        forked.forked(sources, later.settings, first.cells)
    except FailedError:
        return 0
    forked.set(trial, later.settings)
    with contextlib.suppress(FailedError):
        forked.execute(chain(*trial[later.cells :]))
    check_same(fresh, forked, cells)
    return sum(map(len, of_group.values()))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trials_that_are_forked_from_a_second_process_end_as_fresh_runs_do():
    compared = [is_compared_by_two_points(seed) for seed in range(1_000)]
    assert sum(map(bool, compared)) > 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trials_that_are_forked_end_as_fresh_runs_do():
    compared = sum(is_compared(seed) for seed in range(500) if _is_python(seed))
    assert compared > 30


def _is_python(seed: int) -> bool:
    draw = random.Random(seed)
    return are_python(random_cells(draw, draw.choice(NAMES)))


def are_python(cells: Iterable[str]) -> bool:
    try:
        for cell in cells:
            compile(cell, "cell", "exec")
    except SyntaxError:  # as a name that a function has as an argument and as a global one
        return False
    return True
