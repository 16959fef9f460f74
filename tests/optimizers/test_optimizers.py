"""Guild's optimizers search the flags of a notebook: its bounds, its types, its choices."""

from __future__ import annotations

import math
import random
import re
import sys
from importlib.metadata import version
from typing import Any

import pytest
import yaml

from tests.helpers.project import Project, Run
from tests.helpers.slow import but_slow

FORM = """\
lr = 0.1  #@param {type:"slider", min:0.0001, max:1, step:0.0001}
units = 32  #@param {type:"slider", min:8, max:128, step:1}
mix = 0.5  #@param {type:"slider", min:0, max:0.6, step:0.1}
activation = "relu"  #@param ["relu", "tanh"]
free = 3  #@param {type:"integer"}
share = 0.5
"""

LOSS = """\
from math import exp, log10
assert type(units) is int
gain = exp(-((log10(lr) + 2) ** 2 + ((units - 48) / 32) ** 2) / 2)
print(f"gain: {gain}")
print(f"loss: {-gain}")
"""

GUILD_FILE = """
bounded:
  notebook: form.ipynb
  flags-import: all
  nb-report: none
  flags:
    share: {min: 0, max: 1}
    free: {min: 1, max: 100, distribution: loguniform}
"""


@pytest.fixture(scope="module")
def sweeps(shared: Project) -> Project:
    shared.notebook("form.ipynb", FORM, LOSS)
    shared.notebook("sliders.ipynb", "".join(FORM.splitlines(True)[:2]), LOSS)
    shared.file("batch.csv", "lr,activation\nlog[:],[:]\n[0.5:],tanh\n")
    shared.without_reports("form.ipynb", "sliders.ipynb")
    shared.file("guild.yml", (shared.dir / "guild.yml").read_text() + GUILD_FILE)
    return shared


def trials(sweeps: Project, *args: str) -> list[dict[str, Any]]:
    """The flags of each trial that a command would run."""
    done = sweeps.guild("run", "-y", *args, "--print-trials")
    assert done.status == 0, done.stderr
    heading, *rows = [line.split() for line in done.stdout.splitlines()]
    found = [dict(zip(heading, row)) for row in rows]
    return [{name: yaml.safe_load(text) for name, text in trial.items()} for trial in found]


def ran(runs: list[Run]) -> list[Run]:
    """The trials among runs, without the optimizer's own."""
    return [run for run in runs if not run.is_batch]


@pytest.mark.slow
def test_bounds_of_a_slider_are_searched_where_none_are_given(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "lr=log[:]", "units=[:]", "-m", "60")
    lrs = [float(trial["lr"]) for trial in found]
    assert len(set(lrs)) == 60 and min(lrs) >= 0.0001 and max(lrs) <= 1
    assert 15 <= sum(lr < 0.01 for lr in lrs) <= 45  # half of them, evenly by logarithm
    units = [trial["units"] for trial in found]
    assert all(type(unit) is int and 8 <= unit <= 128 for unit in units)
    assert len(set(units)) > 30


@pytest.mark.slow
def test_a_slider_is_searched_evenly_within_its_bounds(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "lr=[:]", "mix=[:]", "-m", "60", "--random-seed", "1")
    for name, high in {"lr": 1, "mix": 0.6}.items():
        numbers = [float(trial[name]) for trial in found]
        assert len(set(numbers)) == 60 and min(numbers) >= (0.0001 if name == "lr" else 0)
        quarters = [sum(int(4 * n / high) == quarter for n in numbers) for quarter in range(4)]
        assert max(numbers) <= high and min(quarters) >= 6, quarters


@pytest.mark.slow
def test_whole_numbers_are_drawn_evenly_by_logarithm(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "units=log[:]", "-m", "60")
    units = [trial["units"] for trial in found]
    assert all(type(unit) is int and 8 <= unit <= 128 for unit in units)
    assert 15 <= sum(unit < 32 for unit in units) <= 45


def test_choices_are_a_grid_where_all_are_asked_for(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "activation=[:]", "lr=[0.1,0.2]")
    assert sorted((trial["activation"], trial["lr"]) for trial in found) == [
        ("relu", 0.1),
        ("relu", 0.2),
        ("tanh", 0.1),
        ("tanh", 0.2),
    ]


@pytest.mark.slow
def test_choices_are_categories_beside_a_range(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "activation=[:]", "lr=[0.5:]", "-m", "20")
    assert {trial["activation"] for trial in found} == {"relu", "tanh"}
    assert all(0.5 <= trial["lr"] <= 1 for trial in found)


@pytest.mark.slow
def test_a_batch_file_may_leave_bounds_to_the_form(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "@batch.csv")
    assert [trial["activation"] for trial in found] == ["relu", "tanh", "tanh"]
    assert 0.0001 <= float(found[0]["lr"]) <= 1 and 0.5 <= found[2]["lr"] <= 1


@pytest.mark.parametrize(
    ("assign", "why"),
    [
        ("free=[:]", "flag free in the 1st cell (lr = 0.1) has no bounds to fill in for [:]"),
        ("lr=[0.1:2]", "flag lr in the 1st cell (lr = 0.1) takes a number from 0.0001 to 1, not 2"),
        (
            "mix=log[:]",
            "flag mix in the 1st cell (lr = 0.1) is searched by its logarithm, so from above 0, "
            "not from 0",
        ),
    ],
)
def test_a_range_that_cannot_be_searched_is_one_line_and_no_run(
    sweeps: Project, assign: str, why: str
):
    done = sweeps.guild("run", "-y", "form.ipynb", assign, "-o", "gp")
    assert done.status != 0 and not done.run_dirs
    (line,) = done.stderr.splitlines()
    assert why in line


@pytest.mark.parametrize("optimizer", but_slow(["gp", "forest", "gbrt"], "gp"))
def test_an_optimizer_searches_a_form_and_guild_yml(sweeps: Project, optimizer: str):
    """What is asked for and what has bounds: sliders, choices, and flags that guild.yml bounds."""
    spaces = ["lr=[:]", "activation=[:]"]
    seeded = ["-m", "4", "--random-seed", "2", "-Fo", "random-starts=2"]
    done = sweeps.run("bounded", *spaces, "-o", optimizer, *seeded)
    runs = ran(done.runs)
    found = [run.flags for run in runs]
    assert len(found) == 4
    best = min(runs, key=lambda run: distance(run.flags["lr"], run.flags["units"]))
    rows = re.findall(r"^ *(\d/4)  ", done.stdout, re.MULTILINE)
    assert rows == ["1/4", "2/4", "3/4", "4/4"]
    *_, counts, last = done.stdout.splitlines()
    assert counts.startswith("4 trials in ") and counts.endswith(": 4 completed")
    assert last.startswith("best: trial ") and best.id[:8] in last
    assert "Random start" not in done.stderr and "previous trial" not in done.stderr
    # Guild begins where those flags stand that were not asked for
    first = {name: found[0][name] for name in ("units", "mix", "share", "free")}
    assert first == {"units": 32, "mix": 0.5, "share": 0.5, "free": 3}

    assert {flags["activation"] for flags in found} == {"relu", "tanh"}
    bounds = {"lr": (0.0001, 1), "mix": (0, 0.6), "share": (0, 1)}
    for name, (low, high) in bounds.items():
        numbers = [float(flags[name]) for flags in found]
        assert all(low <= number <= high for number in numbers) and len(set(numbers)) > 1
    for name, (low, high) in {"units": (8, 128), "free": (1, 100)}.items():
        numbers = [flags[name] for flags in found]
        assert all(type(number) is int and low <= number <= high for number in numbers)
        assert len(set(numbers)) > 1
    for run in runs:
        source = run.sources("form.ipynb")[0]
        assert re.search(r"^units = (.*?)  #@param", source, re.M)[1] == str(run.flags["units"])
        written = re.search(r"^activation = (.*?)  #@param", source, re.M)[1]
        assert written == f'"{run.flags["activation"]}"'


FLOOR = {(3, 9): ((2, 0), (1, 6)), (3, 10): ((2, 2), (1, 7))}
"""The newest NumPy and scikit-learn there are for a Python that they have dropped."""


def test_the_libraries_of_optimizers_are_current_releases(record_property: Any):
    versions = {name: version(name) for name in ("numpy", "scikit-learn")}
    for name, number in versions.items():
        record_property(name, number)
        print(name, number)

    def release(name: str) -> tuple[int, ...]:
        return tuple(int(part) for part in versions[name].split(".")[:2])

    floor = FLOOR.get(sys.version_info[:2], ((2, 4), (1, 8)))
    assert release("numpy") >= floor[0] and release("scikit-learn") >= floor[1]


def distance(lr: float, units: int) -> float:
    """How far it is to the notebook's optimum, lr = 0.01 and units = 48, in decades and in 32
    units: what is searched is 4 wide and 3.75 high."""
    return math.hypot(math.log10(lr) + 2, (units - 48) / 32)


def gain(lr: float, units: int) -> float:
    """The notebook's function: 1 at the optimum, down to 0 far away."""
    return math.exp(-(distance(lr, units) ** 2) / 2)


CLOSE = 0.1


def test_random_search_hardly_finds_the_optimum():
    """It comes as close as a sweep has to in less than one of 20 sweeps of as many trials."""
    draw = random.Random(1)

    def at_random() -> float:
        return distance(10 ** draw.uniform(-4, 0), draw.randint(8, 128))

    lucky = sum(min(at_random() for _ in range(15)) <= CLOSE for _ in range(2000))
    assert lucky < 2000 / 20


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(2, marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.matrix) for seed in (1, 3)),
    ],
)
def test_a_sweep_finds_the_optimum_of_a_known_function(
    sweeps: Project, seed: int, record_property: Any
):
    """All flags of the form are searched, none is held.

    Guild's xi of 0.05 looks for no improvement that is as small as the last step to an optimum of
    1: with it the last trials go to the corners.
    """
    seeded = ["-m", "15", "--random-seed", str(seed), "--maximize", "gain", "-Fo", "xi=0.01"]
    done = sweeps.run("sliders.ipynb", "lr=log[:]", "units=[:]", "-o", "gp", *seeded, limit=800)
    runs = ran(done.runs)
    found = [run.flags for run in runs]
    assert len(found) == 15 and all(set(flags) == {"lr", "units"} for flags in found)
    assert all(type(flags["units"]) is int for flags in found)
    best = min(runs, key=lambda run: distance(**run.flags))
    away, best_gain = distance(**best.flags), gain(**best.flags)
    record_property("distance", away)
    print(f"seed {seed}: {away:.4f} from the optimum, gain {best_gain:.5f}: {best.flags}")
    assert away <= CLOSE
    selected = sweeps.guild("select", "--max", "gain", *(run.id for run in runs))
    assert selected.stdout.strip() == best.id
