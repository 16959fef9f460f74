"""Guild's optimizers search the flags of a notebook: its bounds, its types, its choices."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
import yaml
from conftest import Project, Run

FORM = """\
lr = 0.1  #@param {type:"slider", min:0.0001, max:1, step:0.0001}
units = 32  #@param {type:"slider", min:8, max:128, step:1}
mix = 0.5  #@param {type:"slider", min:0, max:1, step:0.1}
activation = "relu"  #@param ["relu", "tanh"]
free = 3  #@param {type:"integer"}
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
  notebook: plain.ipynb
  flags-import: all
  flags:
    x: {min: 0, max: 1}
    n: {min: 1, max: 100, distribution: loguniform}
"""


@pytest.fixture(scope="module")
def sweeps(shared: Project) -> Project:
    shared.notebook("form.ipynb", FORM, LOSS)
    shared.notebook("plain.ipynb", "x = 0.5\nn = 3", "print(f'loss: {(x - 0.4) ** 2 + n}')")
    shared.file("batch.csv", "lr,activation\nlog[:],[:]\n[0.5:],tanh\n")
    shared.guildfile(GUILD_FILE)
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
    return [run for run in runs if not (run.dir / ".guild/proto").exists()]


def test_bounds_of_a_slider_are_searched_where_none_are_given(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "lr=log[:]", "units=[:]", "-m", "60")
    lrs = [float(trial["lr"]) for trial in found]
    assert len(set(lrs)) == 60 and min(lrs) >= 0.0001 and max(lrs) <= 1
    assert 15 <= sum(lr < 0.01 for lr in lrs) <= 45  # half of them, evenly by logarithm
    units = [trial["units"] for trial in found]
    assert all(type(unit) is int and 8 <= unit <= 128 for unit in units)
    assert len(set(units)) > 30


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


def test_choices_are_categories_beside_a_range(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "activation=[:]", "lr=[0.5:]", "-m", "20")
    assert {trial["activation"] for trial in found} == {"relu", "tanh"}
    assert all(0.5 <= trial["lr"] <= 1 for trial in found)


def test_a_batch_file_may_leave_bounds_to_the_form(sweeps: Project):
    found = trials(sweeps, "form.ipynb", "@batch.csv")
    assert [trial["activation"] for trial in found] == ["relu", "tanh", "tanh"]
    assert 0.0001 <= float(found[0]["lr"]) <= 1 and 0.5 <= found[2]["lr"] <= 1


@pytest.mark.parametrize(
    ("assign", "why"),
    [
        ("free=[:]", "flag free (cell 0) has no bounds to fill in for [:]"),
        ("lr=[0.1:2]", "flag lr (cell 0) takes a number from 0.0001 to 1, not 2"),
        (
            "mix=log[:]",
            "flag mix (cell 0) is searched by its logarithm, so from above 0, not from 0",
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


@pytest.mark.parametrize("optimizer", ["gp", "forest", "gbrt"])
def test_bounds_of_guild_yml_are_searched_by_an_optimizer(sweeps: Project, optimizer: str):
    done = sweeps.run("bounded", "-o", optimizer, "-m", "3", "-Fo", "random-starts=2")
    found = [run.flags for run in ran(done.runs)]
    assert len(found) == 3
    assert found[0] == {"x": 0.5, "n": 3}  # Guild begins where the flags stand
    assert all(0 <= flags["x"] <= 1 and type(flags["x"]) is float for flags in found)
    assert all(1 <= flags["n"] <= 100 and type(flags["n"]) is int for flags in found)


def gain(lr: float, units: int) -> float:
    """The notebook's function: 1 at lr = 0.01 and units = 48, down to 0 far from there."""
    return math.exp(-((math.log10(lr) + 2) ** 2 + ((units - 48) / 32) ** 2) / 2)


CLOSE = 0.995


@pytest.mark.timeout(900)
def test_a_sweep_finds_the_optimum_of_a_known_function(sweeps: Project):
    """Random search of as many trials comes as close in less than one of 20 sweeps."""
    draw = random.Random(1)

    def at_random() -> float:
        return gain(10 ** draw.uniform(-4, 0), draw.randint(8, 128))

    lucky = sum(max(at_random() for _ in range(15)) >= CLOSE for _ in range(2000))
    assert lucky < 2000 / 20

    spaces = ["lr=log[:]", "units=[:]", "mix=0.5", "activation=tanh"]
    seeded = ["-m", "15", "--random-seed", "2", "--maximize", "gain"]
    done = sweeps.run("form.ipynb", *spaces, "-o", "gp", *seeded, limit=800)
    found = [run.flags for run in ran(done.runs)]
    assert len(found) == 15
    assert {(flags["mix"], flags["activation"]) for flags in found} == {(0.5, "tanh")}
    assert all(type(flags["units"]) is int for flags in found)
    gains = [gain(flags["lr"], flags["units"]) for flags in found]
    assert max(gains) >= CLOSE, gains
    chosen = Run(sweeps.home / "runs" / sweeps.guild("select", "--max", "gain").stdout.strip())
    assert gain(chosen.flags["lr"], chosen.flags["units"]) == max(gains)
