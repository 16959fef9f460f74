"""Guild itself, in the environment of the tests: what compat/ and optimizers/ are for.

Everything is driven through a script, so that a failure here is not one of notebooks.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.guild_commands import Guild
from tests.helpers.slow import but_slow

GUILD_FILE = r"""
train:
  main: train
  flags-import: all
  output-scalars: '(\key): (\value)'

both:
  steps:
    - train x=0.2
    - train x=0.3
"""

SCRIPT = """\
x = 0.1
n = 3
print("loss: %s" % ((x - 0.4) ** 2 + n))
"""

BATCH = """\
x,n
0.5,1
uniform[0.6:0.9],2
"""


@pytest.fixture
def guild(tmp_path: Path) -> Guild:
    guild = Guild(Path(sys.executable).parent, tmp_path)
    guild.env["NO_PIP_FREEZE"] = "1"  # half a second for each run
    guild.env["OPENBLAS_NUM_THREADS"] = "1"  # as in conftest.py
    (guild.project / "guild.yml").write_text(GUILD_FILE)
    (guild.project / "train.py").write_text(SCRIPT)
    (guild.project / "batch.csv").write_text(BATCH)
    return guild


def flags(guild: Guild, name: str) -> list:
    return [run["flags"][name] for run in reversed(guild.runs())]


@pytest.mark.slow
def test_an_operation_with_steps_runs_each_step(guild):
    assert not guild("run both -y").complaint
    assert {run["operation"] for run in guild.runs()} == {"both", "train"}
    assert {run["status"] for run in guild.runs()} == {"completed"}


def test_guild_runs_with_the_project_on_the_python_path(guild):
    assert not guild("run train -y", PYTHONPATH=".").complaint


@pytest.mark.parametrize("optimizer", but_slow(["random", "gp", "forest", "gbrt", "skopt:gp"]))
def test_an_optimizer_runs_trials_within_the_bounds(guild, optimizer):
    ran = guild(f"run train x=[0.0:1.0] -o {optimizer} -m 3 -Fo random-starts=2 -y -f")
    assert not ran.complaint
    found = flags(guild, "x")
    assert len(found) == len(set(found)) == 3
    assert all(0 <= x <= 1 for x in found)
    if optimizer != "random":
        assert "Found 2 previous trial(s) for use in optimization" in ran.err


@pytest.mark.slow
def test_a_range_without_an_optimizer_is_searched_at_random(guild):
    assert not guild("run train x=[0.0:1.0] -m 2 --random-seed 1 -y").complaint
    found = flags(guild, "x")
    assert len(set(found)) == 2
    assert all(0 <= x <= 1 for x in found)


@pytest.mark.slow
def test_a_batch_file_may_hold_functions(guild):
    assert not guild("run train @batch.csv -y").complaint
    fixed, drawn = flags(guild, "x")
    assert fixed == 0.5
    assert 0.6 <= drawn <= 0.9


def test_a_batch_file_with_functions_is_counted_before_it_is_run(guild):
    asked = guild("run train @batch.csv", stdin="n\n")
    assert "as a batch (2 trials)" in asked.out + asked.err
    assert "Traceback" not in asked.err


NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'

NOTEBOOK_OPERATIONS = """
named.ipynb:
  description: the name says it
stated:
  notebook: named.ipynb
nbexec:
  main: guild.plugins.nbexec named.ipynb
"""


def test_guilds_notebook_plugin_has_nothing_to_say(guild):
    (guild.project / "guild.yml").write_text(NOTEBOOK_OPERATIONS)
    (guild.project / "named.ipynb").write_text(NOTEBOOK)
    listed = guild("operations")
    assert not listed.complaint
    assert {line.split()[0] for line in listed.out.splitlines()} == {
        "named.ipynb",
        "nbexec",
        "stated",
    }


MARKS_NOTEBOOKS = """
import sys
from pathlib import Path
from guild import guildfile, plugin

if sys.argv[1] == "builtin first":
    order = list(plugin.iter_plugins())
    order.sort(key=lambda named: named[0] == "notebook")
    plugin.iter_plugins = lambda: iter(order)
    assert order[-1][0] == "notebook"
loaded = guildfile.for_dir(".")
for opdef in loaded.default_model.operations:
    assert opdef.main is None, opdef.main
    assert "guild_notebook" in opdef.exec_, opdef.exec_
"""


@pytest.mark.parametrize("order", ["ours first", "builtin first"])
def test_a_notebook_operation_is_ours_in_whatever_order_guild_calls_plugins(guild, order):
    (guild.project / "guild.yml").write_text(NOTEBOOK_OPERATIONS)
    (guild.project / "named.ipynb").write_text(NOTEBOOK)
    (guild.project / "marks.py").write_text(MARKS_NOTEBOOKS)
    assert not guild.program("python", f"marks.py '{order}'").complaint


USES_IPY = """
from guild import ipy

def train(x):
    print(f"loss: {(x - 0.4) ** 2}")

for optimizer in ("random", "gp", "forest", "gbrt"):
    runs, _ = ipy.run(train, x=slice(0.0, 1.0), _optimizer=optimizer, _max_trials=2)
    assert len(runs) == 2, runs
runs, _ = ipy.run(train, x=slice(0.0, 1.0), _max_trials=1)
assert len(runs) == 1, runs
found = ipy.runs()
assert len(found.compare()) == len(found.scalars()) == len(found.guild_flags()) == 9
row = found.iloc[0]
assert row[0] is row["run"]
row.info(scalars=True)
assert len(row.compare()) == len(row.scalars()) == len(row.guild_flags()) == 1
assert len(found.delete()) == 9
"""


@pytest.mark.slow
def test_guild_ipy_runs_optimizers(guild):
    pytest.importorskip("pandas")
    (guild.project / "uses_ipy.py").write_text(USES_IPY)
    ran = guild.program("python", "uses_ipy.py")
    assert not ran.complaint
    assert "loss: " in ran.out


IMPORTS_FROM_PROJECT = """
import os, sys
import guild.model
os.chdir(sys.argv[1])
sys.path.insert(0, os.getcwd())
import beside_the_guild_file
assert beside_the_guild_file.found
"""


def test_modules_beside_a_guild_file_can_be_imported_after_guild_is(guild, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "guild.yml").write_text(GUILD_FILE)
    (other / "beside_the_guild_file.py").write_text("found = True\n")
    (guild.project / "imports.py").write_text(IMPORTS_FROM_PROJECT)
    assert not guild.program("python", f"imports.py '{other}'").complaint


HEAVY = {"numpy", "sklearn", "pandas", "nbformat", "nbclient", "nbconvert", "IPython", "zmq"}


@pytest.mark.parametrize("module", ["compat", "optimizers.batch"])
def test_what_each_command_loads_is_light(module):
    code = f"import sys, guild_notebook.{module}; print({HEAVY} & {{*sys.modules}})"
    code = code.replace("print", "guild_notebook.compat.apply(); print")
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "set()"


LOOK_AT_OTHERS = """\
import sys
def look(event, args):
    if event == "open" and "/runs/other" in str(args[0]):
        open({log!r}, "a").close()
sys.addaudithook(look)
"""


def test_a_run_that_is_started_by_its_id_is_found_without_a_look_at_others(guild):
    """The batch's process too, which starts each trial so."""
    assert not guild("run train -y").complaint
    (run,) = guild.home.glob("runs/*")
    shutil.copytree(run, guild.home / "runs" / "other")
    hooks = guild.home / "hooks"
    hooks.mkdir()
    looked = guild.home / "looked"
    (hooks / "sitecustomize.py").write_text(LOOK_AT_OTHERS.format(log=str(looked)))
    for command in (f"run --restart {run.name} -y", "run train x=[0.2,0.3] -y"):
        assert not guild(command, PYTHONPATH=str(hooks)).complaint
    assert not looked.exists()
    assert not guild("runs", PYTHONPATH=str(hooks)).complaint
    assert looked.exists()  # it lists all
