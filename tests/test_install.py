"""The package as it is installed: what it holds, and each of Guild's commands on fresh Pythons.

Opt-in (``pytest -m install``): it needs the network, and some minutes for each environment. One
environment is made with each of venv, virtualenv and uv for each python3.9 to python3.13 on PATH.
``INSTALL_PYTHONS`` lists other interpreters, ``INSTALL_MAKERS`` other ways to make environments.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from guild_commands import Guild

pytestmark = pytest.mark.install

CHECKOUT = Path(__file__).parents[1]
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


def pythons() -> list[str]:
    """The interpreters to test with: those that can be run, of those that are asked for."""
    wanted = os.getenv("INSTALL_PYTHONS", " ".join(f"python{v}" for v in VERSIONS)).split()
    return [python for python in wanted if version_of(python)]


def version_of(python: str) -> str:
    code = "import sys; print('%i.%i' % sys.version_info[:2])"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def run(*command: object, cwd: Path) -> str:
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=1200
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


# -- What the distributions hold


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel and an sdist of the checkout, and a wheel of that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    options = ["--cached", "--others", "--exclude-standard"]
    listed = run("git", "ls-files", *options, cwd=CHECKOUT).splitlines()
    for name in listed:  # not the folder itself: it may hold environments and old builds
        if (CHECKOUT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, tree / name)
    builder = make_environment("venv", sys.executable, folder / "builder")
    pip = [builder / "python", "-m", "pip", "--quiet"]
    run(*pip, "install", "build", cwd=folder)
    run(builder / "python", "-m", "build", "--outdir", folder / "dist", tree, cwd=folder)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")  # build makes it from the sdist
    return {"sdist": sdist, "wheel": wheel}


def test_the_wheel_holds_the_package_and_nothing_else(built):
    names = set(zipfile.ZipFile(built["wheel"]).namelist())
    package = {name for name in names if not re.match(r"guild_notebook-[\d.]+\.dist-info/", name)}
    modules = run("git", "ls-files", "guild_notebook", cwd=CHECKOUT).splitlines()
    assert package >= set(modules) - {name for name in modules if not (CHECKOUT / name).exists()}
    assert all(re.fullmatch(r"guild_notebook/[\w/]+\.py", name) for name in package), package
    assert any(name.endswith("LICENSE") for name in names)


def test_the_wheel_says_who_calls_it(built):
    archive = zipfile.ZipFile(built["wheel"])
    (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(entry_points).decode()
    assert "[guild.plugins]\nnotebook = guild_notebook.plugin:NotebookPlugin" in text
    assert "[console_scripts]\nguild-notebook = guild_notebook.cli:main" in text


def test_the_sdist_holds_what_is_needed_to_build_and_to_test(built):
    with tarfile.open(built["sdist"]) as archive:
        files = [m.name.split("/", 1)[1] for m in archive.getmembers() if m.isfile()]
    assert {"setup.py", "pyproject.toml", "LICENSE", "tests/test_install.py"} <= {*files}
    known = r"(guild_notebook|tests|examples|guild_notebook\.egg-info)/.*"
    known += r"|[A-Z]\w+(\.md|\.in)?|PKG-INFO|setup\.(py|cfg)|pyproject\.toml|guild\.yml"
    assert not [name for name in files if not re.fullmatch(known, name)]
    assert not [name for name in files if re.search(r"\.pyc|__pycache__|checkpoint", name)]


# -- Environments


def make_environment(maker: str, python: str, folder: Path) -> Path:
    """Make an environment; return the folder of its commands."""
    commands = {
        "venv": [python, "-m", "venv", folder],
        "virtualenv": ["virtualenv", "--quiet", "--python", python, folder],
        "uv": ["uv", "venv", "--quiet", "--python", python, folder],
    }
    run(*commands[maker], cwd=folder.parent)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def install(maker: str, bin_dir: Path, *what: object) -> None:
    python = bin_dir / "python"
    if maker == "uv":
        run("uv", "pip", "install", "--quiet", "--python", python, *what, cwd=bin_dir)
    else:
        run(python, "-m", "pip", "install", "--quiet", *what, cwd=bin_dir)


def environments() -> Iterator[object]:
    makers = os.getenv("INSTALL_MAKERS", "venv virtualenv uv").split()
    for python in pythons():
        for maker in makers:
            missing = maker != "venv" and not shutil.which(maker)
            skip = pytest.mark.skipif(missing, reason=f"{maker} is not installed")
            yield pytest.param((maker, python), marks=skip, id=f"{maker}-{version_of(python)}")


@pytest.fixture(scope="module", params=environments())
def guild(request, built, tmp_path_factory) -> Guild:
    maker, python = request.param
    folder = tmp_path_factory.mktemp("environment")
    bin_dir = make_environment(maker, python, folder / "env")
    install(maker, bin_dir, built["wheel"])
    guild = Guild(bin_dir, folder)
    for name, text in PROJECT.items():
        (guild.project / name).parent.mkdir(exist_ok=True)
        (guild.project / name).write_text(text)
    return guild


PROJECT = {
    "guild.yml": r"""
train:
  main: train
  flags-import: all
  output-scalars: '(\key): (\value)'
evaluate:
  notebook: nb.ipynb
  flags-import: all
  requires:
    - operation: train
both:
  steps:
    - train x=0.2
    - evaluate x=0.3
wait:
  exec: sleep 60
""",
    "train.py": """
x = 0.1
n = 3
open("model.txt", "w").write("made for the operation that requires this one")
print("loss: %s" % ((x - 0.4) ** 2 + n))
""",
    "nb.ipynb": """
{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [],
  "source": "x = 0.1\\nprint(f'loss: {x + 1}')"}],
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}},
 "nbformat": 4, "nbformat_minor": 4}
""",
    "batch.csv": "x,n\n0.5,1\nuniform[0.6:0.9],2\n",
    "package/guild.yml": """
- package: demo
  version: 0.1
- model: demo
  operations:
    train: {main: train, flags-import: all}
""",
    "package/train.py": "x = 1\nprint(f'loss: {x}')\n",
}

RUNNING = """
run train -y --label first
run train x=0.2 -y
run nb.ipynb x=2 -y
run evaluate x=3 -y
run both -y
run train x=[0.1,0.2] -y
run nb.ipynb x=[1,2] -y
run train x=[0.0:1.0] -m 2 -y
run train @batch.csv -y
run train x=[0.0:1.0] -o random -m 2 -y
run train x=[0.0:1.0] -o gp -m 3 -Fo random-starts=2 -y
run train x=[0.0:1.0] -o forest -m 3 -Fo random-starts=2 -y
run train x=[0.0:1.0] -o gbrt -m 3 -Fo random-starts=2 -y
run nb.ipynb x=[0.0:1.0] --optimize -m 2 -y
run train --stage -y
run --start LAST -y
run --restart LAST -y
run --proto LAST x=0.3 -y
run nb.ipynb --stage -y
run queue run-once=yes -y
run train --print-cmd
run train --print-env
run train x=[1,2] --print-trials
run train --help-op
run nb.ipynb --help-op
run train --help-model
run train --test-sourcecode
run train --test-flags
run train --test-output-scalars train.py
"""

LOOKING = """
--version
--help
check --verbose
runs
runs --verbose
runs --json
runs info
runs info --json
compare --table
compare --csv -
compare --print-scalars
compare --table --skip-unchanged --min loss
diff --flags --cmd cat
diff --sourcecode --cmd 'echo diff'
label --set new -y 1
tag --add t -y 1
tag --list-all
mark -y 1
comment --add hello -y 1
comment --list 1
cat --path .guild/attrs/flags
cat --output
ls --all
ls --generated
open --cmd echo
select --min loss
watch 1
operations --verbose
models --verbose
help --no-pager
help --markdown
api ops
api runs
api compare
api help-op train
api merge --preview --target-dir unused 2
completion --shell bash
completion --shell zsh
completion --shell fish
shell
remotes
sync
sys shutdown-timer status
tensorboard --export-scalars -
tensorboard --help
"""

MOVING = """
export exported -y 1:3
runs --archive exported
export exported.zip -y 1:3
runs delete -y 1:3
runs --deleted
runs restore -y 1
runs delete -y 1
runs purge -y
import exported -y
runs delete -y 1:3
runs purge -y
import exported.zip -y
merge --target-dir merged -y 1
publish -y 1
init -y local
"""

PACKAGING = """
install package/dist/demo-0.1-py2.py3-none-any.whl
packages
packages info demo
packages --all
run demo/demo:train x=2 -y
uninstall -y demo
"""


def run_each(guild: Guild, commands: str) -> None:
    """Run the commands one after the other, then fail with all that went wrong in any."""
    complaints = []
    for command in commands.strip().splitlines():
        needs_run = "LAST" in command
        result = guild(command.replace("LAST", guild.last()) if needs_run else command)
        complaints += [result.complaint] if result.complaint else []
    if complaints:  # not an assertion, whose report is cut
        pytest.fail("\n".join(complaints), pytrace=False)


# The tests of an environment build on the runs of the first.


def test_operations_run_without_a_warning(guild):
    run_each(guild, RUNNING)
    assert {run["status"] for run in guild.runs()} == {"completed"}


def test_a_batch_is_described_before_it_is_run(guild):
    asked = guild("run train @batch.csv", stdin="n\n")
    assert "as a batch (2 trials)" in asked.out + asked.err


def test_a_project_on_the_python_path_does_no_harm(guild):
    assert not guild("run train -y", PYTHONPATH=".").complaint
    assert not guild("run nb.ipynb -y", PYTHONPATH=".").complaint


def test_a_run_in_the_background_is_watched_and_stopped(guild):
    started = guild("run wait -y --background")
    assert not started.complaint
    assert not guild("stop -y").complaint
    assert guild.runs()[0]["status"] == "terminated"


def test_runs_are_looked_at_without_a_warning(guild):
    run_each(guild, LOOKING)


def test_a_scalar_of_a_notebook_stands_beside_those_of_scripts(guild):
    rows = [line.split(",") for line in guild("compare --csv -").out.splitlines()]
    loss, operation = rows[0].index("loss"), rows[0].index("operation")
    assert {"train", "evaluate", "nb.ipynb"} <= {row[operation] for row in rows if row[loss]}


def test_compare_draws_its_table_on_a_terminal(guild):
    shown = guild.on_terminal("compare --operation evaluate", keys="q")
    assert not shown.complaint
    assert "evaluate" in shown.out


def test_view_answers(guild):
    assert not guild.serve("view --no-open").complaint


def test_tensorboard_answers(guild):
    assert not guild.serve("tensorboard --no-open", "/data/runs").complaint


def test_completion_completes(guild):
    completed = guild(
        "", _GUILD_COMPLETE="bash_complete", COMP_WORDS="guild run ev", COMP_CWORD="2"
    )
    assert not completed.complaint
    assert "plain,evaluate" in completed.out.splitlines()


def test_runs_are_moved_without_a_warning(guild):
    run_each(guild, MOVING)


def test_a_guild_package_is_built_installed_and_run(guild):
    assert not guild("package", folder="package").complaint
    run_each(guild, PACKAGING)


def test_our_own_command_runs(guild):
    assert not guild.program("guild-notebook", "flags nb.ipynb").complaint
    assert not guild.program("guild-notebook", "preview nb.ipynb x=2").complaint


def test_guild_ipy_works_with_its_extra(guild, request, built):
    maker, _python = request.node.callspec.params["guild"]  # that of the environment
    install(maker, guild.bin_dir, f"{built['wheel']}[ipy]")
    (guild.project / "uses_ipy.py").write_text(
        "from guild import ipy\n"
        "def train(x): print(f'loss: {x}')\n"
        "for optimizer in ('random', 'gp', 'forest', 'gbrt'):\n"
        "    ipy.run(train, x=slice(0.0, 1.0), _optimizer=optimizer, _max_trials=2)\n"
        "assert len(ipy.runs().compare()) > 8\n"
    )
    # Guild addresses rows by position, of which pandas 2.1 warns.
    quiet = "ignore::FutureWarning:guild.ipy"
    assert not guild.program("python", "uses_ipy.py", PYTHONWARNINGS=quiet).complaint


def test_guild_init_makes_an_environment_that_works(guild, built):
    # Without --guild it would install Guild without the pins that make it start.
    package = f"guild-notebook @ {built['wheel'].as_uri()}"
    made = guild(f"init -y --guild '{package}' made")
    assert made.status == 0, made.err  # pip may have more to say
    inside = Guild(guild.project / "made" / guild.bin_dir.name, guild.home.parent)
    assert not inside("run train -y").complaint
    assert not inside("run nb.ipynb -y").complaint
