"""A kernel of another environment has the packages and the commands of that environment, and so has
what it starts, whatever Guild's own environment is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.environments import (
    PYTHONS,
    activated,
    conda_environment,
    installed,
    linked,
    module_in,
    program,
)
from tests.helpers.project import CHECKOUT, LIMIT, Command, Project, Run
from tests.helpers.runner import execute
from tests.helpers.slow import but_slow
from tests.run.kernel.test_kernels import reason_without_r

LOOK = """
import importlib.util, json, os, sys
def found(name):
    return importlib.util.find_spec(name) is not None
names = ["guild", "guild_notebook", "of_environment", "of_user", "of_project", "beside"]
seen = {"packages": [name for name in names if found(name)]}
"""

CHILD = LOOK + "print(json.dumps([sys.prefix, seen['packages']]))"

CELLS = [
    LOOK + "import of_environment, ipykernel",
    "seen['prefix'], seen['version'] = sys.prefix, '%i.%i' % sys.version_info[:2]\n"
    "seen['path'] = os.environ['PATH'].split(os.pathsep)\n"
    "names = ('VIRTUAL_ENV', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'OF_STATE', 'OF_PACKAGE')\n"
    "seen['active'] = {n: os.environ.get(n) for n in (*names, 'OF_SCRIPT')}\n"
    "seen['PYTHONPATH'] = os.environ.get('PYTHONPATH', '').split(os.pathsep)",
    f"child = {CHILD!r}\n"
    "import subprocess\n"
    "command = ['python', '-c', child]\n"
    "done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd='/')\n"
    "seen['child'] = json.loads(done.stdout)",
    "import multiprocessing.pool\n"
    "pool = multiprocessing.get_context('spawn').Pool(1)\n"
    "seen['spawned'] = pool.apply(importlib.util.find_spec, ('guild',)) is not None\n"
    "pool.close()",
    "seen['pip'], = !command -v pip\nseen['python'], = !command -v python",
    "%%bash --out bash\ncommand -v pip",
    "seen['bash'] = bash.strip()",
    "print('SEEN', json.dumps(seen))",
]


def seen_by(done: Command) -> dict[str, Any]:
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("SEEN "))
    return json.loads(line[len("SEEN ") :])


def check(seen: dict[str, Any], folder: Path) -> None:
    """That a kernel of the environment ``folder`` is at home in it."""
    own = ["of_environment", "of_user", "of_project", "beside"]
    assert seen["packages"] == own
    assert seen["child"] == [str(folder), own]
    assert seen["spawned"] is False
    assert seen["prefix"] == str(folder)
    assert seen["path"][0] == str(folder / "bin")
    assert seen["python"] == str(folder / "bin" / "python")
    assert seen["pip"] == seen["bash"] == str(folder / "bin" / "pip")


def guild_with(project: Project, prefix: str = sys.prefix) -> dict[str, str]:
    """The variables of a Guild whose own environment is active, and a user's own PYTHONPATH."""
    user = project.dir.parent / "of user"
    user.mkdir(exist_ok=True)
    (user / "of_user.py").write_text("")
    return {**activated(prefix), "PYTHONPATH": str(user)}


def notebooks(project: Project) -> None:
    project.file("of_project.py", "")
    project.file("nbs/beside.py", "")
    project.notebook("nbs/nb.ipynb", *CELLS)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of this Python that has ipykernel and a module of its own."""
    folder = linked(tmp_path_factory.mktemp("environments") / "other one", "ipykernel")
    module_in(folder, "of_environment")
    program(folder / "bin" / "pip", "echo pip")
    return folder


def test_a_kernel_of_another_environment_is_at_home_in_it(shared: Project, other: Path):
    notebooks(shared)
    path = os.path.relpath(other, shared.dir)
    shared.guildfile(
        f"nb:\n  notebook: nbs/nb.ipynb\n  nb-kernel: {path}\n  nb-report: none\n"
        "  sourcecode: ['*.py', '*.ipynb']\n"
    )
    seen = seen_by(shared.run("nb", **guild_with(shared)))
    check(seen, other)
    assert seen["active"]["VIRTUAL_ENV"] == str(other)
    assert str(Path(sys.prefix, "bin")) not in seen["path"]  # as after `deactivate`
    assert seen["PYTHONPATH"][-1].endswith("of user")


def test_an_active_environment_that_lacks_guild_has_the_kernel_of_each_step(
    shared: Project, other: Path
):
    notebooks(shared)
    shared.guildfile(
        "nb:\n  notebook: nbs/nb.ipynb\n  nb-report: none\n  sourcecode: ['*.py', '*.ipynb']\n"
        "steps:\n  steps: [nb]\n"
    )
    done = shared.run("steps", **{**guild_with(shared), **activated(other)})
    check(seen_by(done), other)
    (step,) = (run for run in done.runs if run.op_name == "nb")
    assert step.attr("cmd")[0] == sys.executable
    assert step.notebook("nbs/nb.ipynb")["metadata"]["guild_kernel"]["prefix"] == str(other)


def test_a_kernel_of_conda_has_its_environment_activated(
    shared: Project, tmp_path: Path, other: Path
):
    folder = linked(tmp_path / "conda" / "envs" / "of-conda", "ipykernel")
    (folder / "pyvenv.cfg").rename(folder / "bin" / "pyvenv.cfg")  # else it is both
    conda_environment(folder)
    module_in(folder, "of_environment")
    program(folder / "bin" / "pip", "echo pip")
    listed = json.dumps({"envs": [str(tmp_path / "conda"), str(folder)]})
    conda = program(tmp_path / "conda" / "bin" / "conda", f"echo '{listed}'")
    (tmp_path / "conda" / "conda-meta").mkdir()
    notebooks(shared)
    env = {**guild_with(shared), "HOME": str(tmp_path), "CONDA_EXE": str(conda)}
    env["CONDA_PREFIX"] = str(tmp_path / "conda")
    env["PATH"] = f"{tmp_path}/conda/bin{os.pathsep}{env['PATH']}"
    env["PYTHONPATH"] = os.pathsep.join([".", env["PYTHONPATH"]])
    seen = seen_by(execute(shared, "nbs/nb.ipynb", "--kernel", "conda:of-conda", **env))
    check(seen, folder)
    assert seen["active"] == {
        "VIRTUAL_ENV": None,
        "CONDA_PREFIX": str(folder),
        "CONDA_DEFAULT_ENV": "of-conda",
        "OF_STATE": "a b",
        "OF_PACKAGE": "1",
        "OF_SCRIPT": f"in {folder}",
    }
    assert f"{tmp_path}/conda/bin" not in seen["path"]


# ---- other Pythons, old and new kernels, other languages


@pytest.fixture(scope="module")
def of_python(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    version, release = request.param
    folder = tmp_path_factory.mktemp("environments") / f"of {version}"
    installed(folder, version, f"ipykernel{release}", "bash_kernel")
    module_in(folder, "of_environment")
    return version, folder


# The oldest that a run knows, and on 3.15 the oldest that starts there.
OLDEST = {**dict.fromkeys(PYTHONS[:-1], "==6.16.*"), "3.15": "==6.31.*"}
ROWS = [(version, release) for version in PYTHONS for release in ("", OLDEST[version])]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("of_python", but_slow(ROWS), indirect=True, ids=" ipykernel".join)
def test_a_kernel_of_any_python_is_at_home_in_its_environment(
    shared: Project, of_python: tuple[str, Path]
):
    version, folder = of_python
    notebooks(shared)
    env = guild_with(shared)
    env["PYTHONPATH"] = os.pathsep.join([".", env["PYTHONPATH"]])
    seen = seen_by(execute(shared, "nbs/nb.ipynb", "--kernel", str(folder), **env))
    check(seen, folder)
    assert seen["version"] == version


BASH = """
command -v pip python
echo "$PYTHONPATH" | tr : '\\n' | tail -1
"""
R = """
cat(system('command -v python', intern = TRUE), '\\n')
cat(tail(strsplit(Sys.getenv('PYTHONPATH'), ':')[[1]], 1), '\\n')
"""


def of_language(project: Project, language: str, argv: list[str]) -> str:
    """Install a kernel, and make a notebook of it; returns the notebook's name."""
    folder = project.jupyter / "kernels" / f"of-{language}"
    folder.mkdir(parents=True, exist_ok=True)
    spec = {"argv": argv, "display_name": language, "language": language}
    (folder / "kernel.json").write_text(json.dumps(spec))
    kernelspec = {"name": f"of-{language}", "display_name": language, "language": language}
    name = f"{language}.ipynb"
    source = {"bash": BASH, "R": R}[language]
    child = f"python -c '{CHILD_OF_SHELL}'"
    run = child if language == "bash" else f"cat(system({json.dumps(child)}, intern = TRUE))"
    project.notebook(name, source, run, metadata={"kernelspec": kernelspec})
    return name


CHILD_OF_SHELL = (
    "import sys, importlib.util as u; "
    'print(sys.prefix, [n for n in ("guild", "of_environment", "of_user") if u.find_spec(n)])'
)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("of_python", [(v, "") for v in PYTHONS], indirect=True, ids=str)
def test_a_bash_kernel_of_any_python_starts_what_is_its_own(
    shared: Project, of_python: tuple[str, Path]
):
    _, folder = of_python
    argv = [str(folder / "bin" / "python"), "-m", "bash_kernel", "-f", "{connection_file}"]
    name = of_language(shared, "bash", argv)
    env = guild_with(shared)
    lines = execute(shared, name, **env).stdout.split("\n")
    assert lines[:2] == [str(folder / "bin" / "pip"), str(folder / "bin" / "python")]
    assert lines[2] == env["PYTHONPATH"]
    assert lines[3].strip() == f"{folder} ['of_environment', 'of_user']"


@pytest.mark.slow
def test_an_r_kernel_and_what_it_starts_have_nothing_of_guild(
    shared: Project, tmp_path: Path, other: Path
):
    missing = reason_without_r()
    if missing:
        pytest.skip(missing)
    prefix = conda_environment(tmp_path / "envs" / "of-r")
    (prefix / "bin").mkdir()
    (prefix / "bin" / "R").symlink_to(subprocess.getoutput("command -v R"))
    (prefix / "bin" / "python").symlink_to(other / "bin" / "python")
    argv = [str(prefix / "bin" / "R"), "--slave", "-e", "IRkernel::main()", "--args"]
    name = of_language(shared, "R", [*argv, "{connection_file}"])
    env = guild_with(shared)
    words = execute(shared, name, **env).stdout.split("\n")
    assert [word.strip() for word in words[:2]] == [
        str(prefix / "bin" / "python"),
        env["PYTHONPATH"],
    ]
    assert "'guild'" not in words[2] and "'of_user'" in words[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", PYTHONS)
def test_a_guild_of_any_python_runs_kernels_of_the_oldest_and_the_newest(
    version: str, project: Project, tmp_path: Path
):
    guild = installed(tmp_path / "guild", version, str(CHECKOUT))
    folders = [
        installed(tmp_path / f"kernel {kernel}", kernel, "ipykernel")
        for kernel in (PYTHONS[0], PYTHONS[-1])
    ]
    for folder in folders:
        module_in(folder, "of_environment")
    notebooks(project)
    for folder in folders:
        project.guildfile(
            f"nb:\n  notebook: nbs/nb.ipynb\n  nb-kernel: {folder}\n  nb-report: none\n"
        )
        done = subprocess.run(
            [str(guild / "bin" / "guild"), "run", "-y", "nb"],
            cwd=project.dir,
            env={**project.environment(), **guild_with(project, str(guild))},
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        check(seen_by(Command(done.stdout, done.stderr, 0)), folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("of_guild", "of_active"), [("3.9", "3.14"), ("3.13", "3.9"), ("3.14", "3.13")]
)
def test_each_way_to_start_runs_has_kernels_of_the_environment_that_is_active_then(
    of_guild: str, of_active: str, project: Project, tmp_path: Path
):
    guild = installed(tmp_path / "guild", of_guild, str(CHECKOUT))
    active = installed(tmp_path / "active", of_active, "ipykernel")
    project.notebook("nb.ipynb", "x = 1", "import sys\nprint('KERNEL', x, sys.prefix)")
    project.guildfile(
        "nb:\n  notebook: nb.ipynb\n  nb-report: none\n  flags-import: all\n"
        "steps:\n  steps: [nb x=5]\n"
    )

    def kernels(environment: Path, *args: str) -> list[str]:
        """The kernels of runs that ``guild ARGS`` starts in a shell where one is active."""
        done = subprocess.run(
            [str(guild / "bin" / "guild"), *args],
            cwd=project.dir,
            env={**project.environment(), **activated(environment)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        words = [line.split() for line in done.stdout.splitlines() if "KERNEL" in line]
        return [f"{x} {prefix}" for _, x, prefix in words]

    assert kernels(active, "run", "-y", "nb") == [f"1 {active}"]
    assert kernels(guild, "run", "-y", "nb", "x=2") == [f"2 {guild}"]
    assert kernels(active, "run", "-y", "nb", "x=[3,4]") == [f"3 {active}", f"4 {active}"]
    assert kernels(active, "run", "-y", "steps") == [f"5 {active}"]
    (first,) = (run for run in map(Run, project.run_dirs()) if run.flags == {"x": 1})
    assert kernels(guild, "run", "-y", "--restart", first.id) == [f"1 {guild}"]
    assert kernels(active, "run", "-y", "--restart", first.id) == [f"1 {active}"]
    assert kernels(guild, "run", "-y", "nb", "x=6", "--stage") == []
    assert kernels(active, "run", "-y", "queue", "run-once=yes") == [f"6 {active}"]
