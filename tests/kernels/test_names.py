"""What ``nb-kernel`` and a notebook may name, and what is said of what starts no kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guild_notebook.errors import KernelError
from guild_notebook.kernels import kernelspecs
from guild_notebook.kernels.check import check
from guild_notebook.kernels.interpreters import active_python
from guild_notebook.kernels.kernelspecs import OWN_PYTHON, KernelSpecs, choose
from tests.helpers.environments import activated, conda_environment, program
from tests.helpers.project import Project
from tests.helpers.runner import attempt

MAMBA_ROOT = "mamba root"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with environments: ``project`` is the folder of guild.yml, ``venvs/torch`` one of
    venv's, those of two installations of conda are in its list, ``listed`` only a program lists."""
    for variable in ("JUPYTER_PATH", "CONDA_EXE", "MAMBA_EXE", "MAMBA_ROOT_PREFIX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")
    monkeypatch.setenv("MAMBA_ROOT_PREFIX", str(tmp_path / MAMBA_ROOT))
    (tmp_path / "project").mkdir()
    for folder in ("venvs/torch", "project/.venv", "project/venv", "project/python3"):
        environment(tmp_path / folder)
    (tmp_path / "project" / "data").mkdir()
    conda = tmp_path / "miniforge3"
    (conda / "condabin").mkdir(parents=True)
    known = [conda, conda / "envs/a b", conda / "envs/twice", tmp_path / "other/envs/twice"]
    known += [conda / "envs/jax", tmp_path / "gone"]
    listed = [tmp_path / MAMBA_ROOT, tmp_path / "elsewhere/envs/listed"]
    for folder in known[:-1] + listed:
        conda_environment(environment(folder))
    (conda_environment(conda / "envs" / "empty") / "bin").mkdir()
    (tmp_path / ".conda").mkdir()
    lines = [*map(str, [*known, conda / "envs" / "empty"]), ""]
    (tmp_path / ".conda" / "environments.txt").write_text("\n".join(lines))
    program(tmp_path / "bin" / "micromamba", f"echo '{json.dumps({'envs': [*map(str, listed)]})}'")
    return tmp_path


def environment(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    if "venv" in str(folder):
        (folder / "pyvenv.cfg").write_text("")
    return folder


def chosen(here: Path, option: str | None, named: str = "", language: str = "python") -> Any:
    """The command of the kernel that is chosen, relative to ``here``."""
    specs = KernelSpecs(str(here / "project"))
    name, _ = choose(specs, option, named, lambda: language)
    argv = specs.get_kernel_spec(name).argv
    return [word.replace(str(here) + os.sep, "") for word in argv]


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("../venvs/torch", "venvs/torch/bin/python"),
        ("../venvs/torch/", "venvs/torch/bin/python"),
        ("../venvs/torch/bin/python", "venvs/torch/bin/python"),
        (".venv", "project/.venv/bin/python"),
        ("venv", "project/venv/bin/python"),
        ("./python3", "project/python3/bin/python"),
        ("conda:../miniforge3/envs/jax", "miniforge3/envs/jax/bin/python"),
        ("{here}/project/venv", "project/venv/bin/python"),
    ],
)
def test_what_nb_kernel_alone_may_name_is_a_relative_path_or_one_of_the_project(
    here: Path, name: str, python: str
):
    name = name.format(here=here)
    assert chosen(here, name)[0] == python
    assert chosen(here, None, name)[0] == sys.executable


@pytest.mark.parametrize(
    "name",
    [
        "{here}/venvs/../project/venv/bin/python",
        "{here}/link of user/venv",
        "{here}/project",
        "/proc/self/cwd",
        "/proc/self/cwd/venv/bin/python",
        "conda:{here}/project/venv",
        "conda-env-../../project/venv-py",
        "{here}/runs/one/venv",
        "{here}/runs/two/venv",
        "~/runs/two/venv",
    ],
)
def test_a_notebook_names_no_interpreter_that_may_have_come_with_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    for folder in ("project", "runs/one/venv", "runs/two/venv"):
        environment(here / folder)
    (here / "link of user").symlink_to(here / "project")
    monkeypatch.chdir(here / "project")
    monkeypatch.setenv("RUN_DIR", str(here / "runs" / "one"))
    assert chosen(here, None, name.format(here=here))[0] == sys.executable


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("~/venvs/torch", "venvs/torch/bin/python"),
        ("{here}/venvs/torch", "venvs/torch/bin/python"),
        ("{here}/venvs/torch/bin/python", "venvs/torch/bin/python"),
        ("conda:a b", "miniforge3/envs/a b/bin/python"),
        ("conda:base", "miniforge3/bin/python"),
        ("conda:other-twice", "other/envs/twice/bin/python"),
        ("conda:listed", "elsewhere/envs/listed/bin/python"),
        ("conda:{here}/miniforge3/envs/jax", "miniforge3/envs/jax/bin/python"),
        ("conda-env-jax-py", "miniforge3/envs/jax/bin/python"),
        ("conda-env-a_b-py", "miniforge3/envs/a b/bin/python"),
        ("conda-env-listed-py", "elsewhere/envs/listed/bin/python"),
        ("conda-base-py", "miniforge3/bin/python"),
        ("conda-root-py", "miniforge3/bin/python"),
    ],
)
@pytest.mark.parametrize("by", ["option", "notebook"])
def test_an_environment_is_found_by_its_name_or_its_path(
    here: Path, name: str, python: str, by: str
):
    name = name.format(here=here)
    argv = chosen(here, name) if by == "option" else chosen(here, None, name)
    assert argv == [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def test_an_installed_kernel_is_meant_where_a_folder_has_its_name_too(here: Path):
    folder = here / "data" / "kernels" / "venv"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": ["of-user", "{connection_file}"]}))
    assert chosen(here, "venv") == ["of-user", "{connection_file}"]
    assert chosen(here, "./venv")[0] == "project/venv/bin/python"


@pytest.mark.parametrize("named", ["data", "nowhere", "conda-env-nowhere-py"])
def test_a_notebook_s_python_kernel_that_is_not_there_is_replaced(here: Path, named: str):
    specs = KernelSpecs(str(here / "project"))
    name, notice = choose(specs, None, named, lambda: "python")
    assert name == OWN_PYTHON
    assert notice == f"kernel '{named}' is not installed, using {sys.executable}"
    _, notice = choose(specs, None, f"./{named}", lambda: "python")
    assert notice.endswith(f"using {sys.executable} - for a path set nb-kernel")


# ---- another environment than Guild's is active


def installed_kernel(folder: Path, name: str, *argv: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "kernel.json").write_text(json.dumps({"argv": argv}))


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("", ["venvs/torch/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]),
        ("python3", ["venvs/torch/bin/python", "of active"]),
        ("Python3", ["venvs/torch/bin/python", "of active"]),
        ("absolute", ["/usr/bin/python3", "of active"]),
        ("plain", ["venvs/torch/bin/python", "of user"]),
        ("other", ["odd", "of user"]),
        ("own", ["python", "of Guild"]),
        ("gone", ["venvs/torch/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]),
        ("conda:jax", ["miniforge3/envs/jax/bin/python", "-m", "ipykernel_launcher"]),
    ],
)
def test_installed_kernels_are_those_that_jupyter_of_the_active_environment_would_have(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, argv: list[str]
):
    active, user, own = (here / n for n in ("venvs/torch", "data", "own"))
    installed_kernel(active / "share/jupyter/kernels", "python3", "python", "of active")
    installed_kernel(active / "share/jupyter/kernels", "absolute", "/usr/bin/python3", "of active")
    for kernel, word in (("python3", "python"), ("plain", "python3"), ("other", "odd")):
        installed_kernel(user / "kernels", kernel, word, "of user")
    for kernel in ("python3", "own"):
        installed_kernel(own / "share/jupyter/kernels", kernel, "python", "of Guild")
    monkeypatch.setattr(sys, "prefix", str(own))
    monkeypatch.setenv("JUPYTER_PATH", str(own / "share" / "jupyter"))
    for variable, value in activated(active).items():
        monkeypatch.setenv(variable, value)
    assert chosen(here, None, name)[: len(argv)] == argv
    if name not in ("", "gone"):
        assert chosen(here, name)[: len(argv)] == argv


@pytest.mark.parametrize("named", ["", "python3", "gone"])
def test_python_is_that_of_the_active_environment_where_no_kernel_is_installed_there(
    here: Path, monkeypatch: pytest.MonkeyPatch, named: str
):
    installed_kernel(here / "data" / "kernels", "python3", "/usr/bin/python3", "of user")
    for variable, value in activated(here / "venvs" / "torch").items():
        monkeypatch.setenv(variable, value)
    assert chosen(here, None, named)[:2] == ["venvs/torch/bin/python", "-m"]
    _, notice = choose(KernelSpecs(""), None, named, lambda: "python")
    python = here / "venvs" / "torch" / "bin" / "python"
    said = f"kernel 'gone' is not installed, using {python}"
    assert notice == (said if named == "gone" else "")


OWN = os.path.dirname(sys.executable)


@pytest.mark.parametrize(
    ("variables", "path", "python"),
    [
        ({}, ["venv/bin"], ""),
        ({"VIRTUAL_ENV": "venv"}, ["venv/bin"], "venv/bin/python"),
        ({"CONDA_PREFIX": "conda"}, ["conda/bin"], "conda/bin/python"),
        ({"VIRTUAL_ENV": "venv", "CONDA_PREFIX": "conda"}, ["venv/bin"], "venv/bin/python"),
        ({"VIRTUAL_ENV": "venv", "CONDA_PREFIX": "conda"}, ["conda/bin"], "conda/bin/python"),
        ({"VIRTUAL_ENV": "venv"}, ["shims", "venv/bin"], "venv/bin/python"),
        ({"VIRTUAL_ENV": "venv"}, [], "venv/bin/python"),
        ({"VIRTUAL_ENV": "deleted"}, ["venv/bin"], ""),
        ({"VIRTUAL_ENV": os.path.dirname(OWN)}, [], ""),
        ({"VIRTUAL_ENV": os.path.dirname(OWN)}, [OWN], ""),
        ({"VIRTUAL_ENV": os.path.dirname(OWN), "CONDA_PREFIX": "conda"}, [OWN, "conda/bin"], ""),
        ({"VIRTUAL_ENV": "venv", "GUILD_PYTHON_EXE": sys.executable}, ["venv/bin"], ""),
        ({"GUILD_PYTHON_EXE": "shims/python"}, [], "shims/python"),
    ],
)
def test_the_active_python_is_that_of_scripts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    path: list[str],
    python: str,
):
    (environment(tmp_path / "conda") / "conda-meta").mkdir()
    environment(tmp_path / "venv")
    program(tmp_path / "shims" / "python", "exit 1")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "GUILD_PYTHON_EXE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    folders = [str(tmp_path / folder) for folder in path]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.defpath]))
    assert active_python() == (str(tmp_path / python) if python else "")


PLUG_IN = """
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from traitlets import Unicode
class Manager(KernelSpecManager):
    program = Unicode(config=True)
    def get_kernel_spec(self, name):
        if name == "of-plug-in":
            return KernelSpec(argv=[self.program], language="python")
        return super().get_kernel_spec(name)
class NbCondaManager(Manager):
    def get_kernel_spec(self, name):
        return KernelSpec(argv=["odd"]) if name == "of-plug-in" else None
"""


@pytest.fixture
def plug_in(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    (here / "plug_in_of_test.py").write_text(PLUG_IN)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "plug_in_of_test", raising=False)

    def configure(file: str, text: str) -> None:
        (here / "config").mkdir()
        (here / "config" / file).write_text(text)

    return configure


AS_JSON = {"kernel_spec_manager_class": "plug_in_of_test.Manager"}


@pytest.mark.parametrize("section", ["JupyterApp", "ServerApp", "NotebookApp", "LabApp"])
@pytest.mark.parametrize("file", ["jupyter_config.json", "jupyter_server_config.json"])
def test_a_kernel_that_jupyter_s_configuration_knows_is_found(
    plug_in: Any, here: Path, section: str, file: str
):
    plug_in(file, json.dumps({section: AS_JSON, "Manager": {"program": "given"}}))
    assert chosen(here, "of-plug-in") == ["given"]
    assert chosen(here, "venv")[0] == "project/venv/bin/python"


def test_a_configuration_in_python_counts_as_well(plug_in: Any, here: Path):
    line = "c.ServerApp.kernel_spec_manager_class = 'plug_in_of_test.NbCondaManager'\n"
    plug_in("jupyter_notebook_config.py", line)
    assert chosen(here, None, "of-plug-in") == ["odd"]
    assert chosen(here, None, "nowhere")[0] == sys.executable


def test_a_configured_plug_in_that_fails_is_said(plug_in: Any, here: Path):
    plug_in("jupyter_config.json", '{"JupyterApp": {"kernel_spec_manager_class": "no_module.Of"}}')
    with pytest.raises(KernelError) as error:
        chosen(here, "of-plug-in")
    assert "kernel_spec_manager_class no_module.Of of Jupyter's configuration fails" in str(
        error.value
    )
    assert "ModuleNotFoundError" in str(error.value)


def test_a_configuration_that_is_broken_is_said(plug_in: Any, here: Path):
    plug_in("jupyter_server_config.py", "1 / 0\n")
    with pytest.raises(KernelError) as error:
        chosen(here, "of-plug-in")
    said = "Jupyter's configuration fails: ZeroDivisionError: division by zero)"
    assert str(error.value).endswith(said)


@pytest.mark.parametrize("start", ["{resource_dir}/python", "{prefix}/bin/python"])
def test_the_program_of_a_kernelspec_may_lie_beside_it_or_in_this_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch, start: str
):
    monkeypatch.setattr(sys, "prefix", str(here / "venvs" / "torch"))
    folder = here / "data" / "kernels" / "placed"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": [start, "{connection_file}"]}))
    places = {"resource_dir": "data/kernels/placed", "prefix": "venvs/torch"}
    assert chosen(here, "placed") == [start.format(**places), "{connection_file}"]


# ---- what starts no kernel


def broken(here: Path) -> None:
    """Add what does not start to the machine."""
    (here / "plain").mkdir()
    (here / "plain" / "activate").write_text("")
    for name, target in (("moved", "/nowhere/python"), ("locked", None)):
        (here / name / "bin").mkdir(parents=True)
        (here / name / "pyvenv.cfg").write_text("")
        python = here / name / "bin" / "python"
        python.symlink_to(target) if target else python.write_text("")
    (here / "link").symlink_to("nowhere")
    program(here / "bin" / "true-python", "exit 0")
    program(here / "bin" / "sad-python", "echo no library >&2; exit 1")
    answer = json.dumps({"version": [2, 7], "prefix": "/usr", "path": []})
    program(here / "bin" / "python2", f"echo 'guild-notebook: {answer}'")
    (here / "bin" / "foreign-python").write_bytes(b"\x7fELF of another machine")
    (here / "bin" / "foreign-python").chmod(0o755)
    for name, argv in (("deleted", ["/nowhere/python"]), ("old", [f"{here}/bin/python2"])):
        folder = here / "data" / "kernels" / name
        folder.mkdir(parents=True)
        argv += ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "metadata": {}}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../nowhere", "{here}/nowhere is not there - give the path"),
        ("../link", "{here}/link is a broken link - give the path"),
        ("../plain", "the folder {here}/plain is not an environment, it has no bin/python"),
        ("../plain/activate", "{here}/plain/activate is not executable"),
        ("../moved", "{here}/moved/bin/python links to nothing (/nowhere/python)"),
        ("../locked", "{here}/locked/bin/python is not executable - make the environment anew"),
        ("conda:empty", "the environment {here}/miniforge3/envs/empty has no Python - install it"),
        ("conda:nowhere", "conda knows no environment of that name - create it, or set nb-kernel"),
        ("conda:twice", "{here}/miniforge3/envs/twice, {here}/other/envs/twice - set nb-kernel"),
        ("../bin/true-python", "{here}/bin/true-python is not a Python that runs: it says nothing"),
        ("../bin/sad-python", "{here}/bin/sad-python is not a Python that runs: no library"),
        (
            "../bin/python2",
            "{here}/bin/python2 is Python 2.7, which is too old - take 3.7 or later",
        ),
        ("../bin/foreign-python", "{here}/bin/foreign-python does not run: Exec format error"),
        ("deleted", "/nowhere/python, which starts it, is not there or not executable"),
        ("old", "{here}/bin/python2 is Python 2.7"),
        ("nowhere", "is not installed - install it, or set nb-kernel to the path of an env"),
    ],
)
def test_what_starts_no_kernel_is_said_in_a_line_that_names_it(here: Path, name: str, said: str):
    broken(here)
    with pytest.raises(KernelError) as error:
        check(name, "python3", "python", str(here / "project"))
    line = str(error.value)
    assert line.startswith(f"kernel '{name}'") and said.format(here=here) in line
    assert ("\n" not in line and " - " in line) or "is not a Python that runs" in line


def test_a_kernel_of_this_environment_is_not_started_to_see_what_it_lacks(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each run would take the longer for it. Its kernelspec may have another name of the Python."""
    monkeypatch.setattr(subprocess, "run", None)
    other = environment(here / "own-venv") / "bin" / "python3"
    other.symlink_to("python")
    monkeypatch.setattr(sys, "executable", str(other.with_name("python")))
    folder = here / "data" / "kernels" / "same"
    folder.mkdir(parents=True)
    argv = [str(other), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv}))
    check("same", "", "python", str(here / "project"))
    with pytest.raises(TypeError):  # that there is no subprocess.run
        check("../venvs/torch", "", "python", str(here / "project"))


def test_a_python_home_is_not_for_the_python_of_an_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    text = f'test -z "$PYTHONHOME" && exec {sys.executable} "$@"; echo Fatal Python error: x >&2'
    program(here / "bin" / "python", f"{text}; echo '  <no frame>' >&2; exit 1")
    with pytest.raises(KernelError, match="bin/python is not a Python that runs: Fatal Python"):
        check("../bin/python", "", "python", str(here / "project"))
    (here / "pyvenv.cfg").write_text("")
    check("../bin/python", "", "python", str(here / "project"))


ODD_SPECS = {
    "metadata of a number": '{"argv": ["python"], "metadata": 5}',
    "metadata of a truth value": '{"argv": ["python"], "metadata": true}',
    "a list": "[]",
    "nested": "[" * 100_000,
}


@pytest.mark.parametrize("kind", ODD_SPECS)
def test_an_odd_kernelspec_is_said_to_be_unreadable(here: Path, kind: str):
    folder = here / "data" / "kernels" / "odd"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(ODD_SPECS[kind])
    with pytest.raises(KernelError, match="the kernelspec of 'odd' cannot be read"):
        check("odd", "", "python", str(here))


@pytest.mark.parametrize(
    "noise",
    [
        'echo version 1; echo "{{}}"; {python} "$@"',
        'printf "no end of line"; {python} "$@"; echo; echo version of mine; echo "[]"',
        "printf '\\377\\000\\033[1m'; {python} \"$@\"; status=$?; echo lacks; exit $status",
    ],
)
def test_what_an_interpreter_prints_when_it_starts_and_ends_is_not_its_answer(
    here: Path, noise: str
):
    program(here / "bin" / "python-noisy", noise.format(python=f"'{sys.executable}'"))
    check("../bin/python-noisy", "", "python", str(here / "project"))
    with pytest.raises(KernelError, match="does not start"):
        program(here / "bin" / "python-noisy", noise.format(python="false"))
        check("../bin/python-noisy", "", "python", str(here / "project"))


def test_a_python_in_the_project_is_not_started_before_the_run_is_confirmed(project: Project):
    started = project.dir.parent / "started"
    program(project.dir / "env" / "bin" / "python", f"touch {started}; exit 1")
    project.notebook("nb.ipynb", "x = 1", metadata={"kernelspec": {"name": "./env"}})
    project.guildfile("nb:\n  notebook: nb.ipynb\n  nb-kernel: env/bin/python\n")
    project.guild("run", "nb")  # nobody says yes
    project.guild("run", "-y", "nb.ipynb")
    assert not started.exists()
    done = project.guild("run", "-y", "nb")
    assert done.status == 1 and started.exists()


def test_conda_is_asked_for_where_none_is_found(here: Path):
    (here / ".conda" / "environments.txt").unlink()
    (here / "bin" / "micromamba").unlink()
    with pytest.raises(KernelError, match="put conda, mamba or micromamba on PATH"):
        check("conda:jax", "", "python", str(here))


def test_what_is_wrong_with_conda_itself_hides_nothing(here: Path):
    program(here / "bin" / "micromamba", "echo '{\"envs\": 5}'")
    program(here / "bin" / "conda", "echo not JSON; exit 1")
    with pytest.raises(KernelError, match="conda knows no environment of that name"):
        check("conda:listed", "", "python", str(here))


ZMQ = "raise ImportError('libzmq.so.5: cannot open\\nsecond line')"


@pytest.mark.parametrize(
    ("modules", "pip", "said"),
    [
        ([], True, "there is no ipykernel for {python} - install it: {python} -m pip install ipyk"),
        ([], False, "install it: uv pip install --python {python} ipykernel"),
        (["ipykernel_launcher"], True, "there is no pyzmq for {python} - install it: {python} -m"),
        (
            ["ipykernel_launcher", "zmq"],
            True,
            "{python} cannot import zmq (ImportError: libzmq.so.5: cannot open) - install it anew: "
            "{python} -m pip install --upgrade --force-reinstall pyzmq",
        ),
    ],
)
def test_what_an_environment_lacks_is_said_with_the_command_that_installs_it(
    tmp_path: Path, modules: list[str], pip: bool, said: str
):
    venv.create(tmp_path / "env", symlinks=True, with_pip=False)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    for name in modules:
        (site / f"{name}.py").write_text(ZMQ)
    if pip:
        (site / "pip").mkdir()
        (site / "pip" / "__init__.py").write_text("")
    with pytest.raises(KernelError) as error:
        check(str(tmp_path / "env"), "", "python", "")
    python = tmp_path / "env" / "bin" / "python"
    assert said.format(python=python) in str(error.value)


def test_a_kernel_is_asked_with_the_variables_of_its_kernelspec(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    venv.create(here / "bare", symlinks=True, with_pip=False)
    for name in ("ipykernel_launcher", "zmq"):
        (here / "apart").mkdir(exist_ok=True)
        (here / "apart" / f"{name}.py").write_text("")
    monkeypatch.setenv("APART", str(here / "apart"))
    argv = [f"{here}/bare/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for name, env in (("with", {"PYTHONPATH": "${APART}"}), ("without", {}), ("odd", {"A=B": "1"})):
        folder = here / "data" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "env": env}))
    check("with", "", "python", str(here / "project"))
    with pytest.raises(KernelError, match="'without' does not start: there is no ipykernel for"):
        check("without", "", "python", str(here / "project"))
    with pytest.raises(KernelError, match="kernel 'odd' cannot be started: illegal environment"):
        check("odd", "", "python", str(here / "project"))


def test_a_kernel_that_cannot_start_is_refused_before_there_is_a_run(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    project.guildfile("nb:\n  notebook: nb.ipynb\n  nb-kernel: ../nowhere\n  flags-import: all\n")
    done = project.guild("run", "-y", "nb", "x=[1,2]")
    assert done.status == 1 and not done.run_dirs
    (line,) = done.stderr.splitlines()
    where = os.path.normpath(project.dir.parent / "nowhere")
    assert line.startswith(f"guild: kernel '../nowhere': {where} is not there - give the path")
    staged = project.guild("run", "-y", "nb", "--stage")  # it may start where there is one
    assert staged.status == 0 and staged.run_dirs


def test_an_active_environment_without_ipykernel_is_refused_before_there_is_a_run(
    project: Project,
):
    project.notebook("nb.ipynb", "x = 1")
    active = project.dir.parent / "active"
    venv.create(active, symlinks=True, with_pip=False)
    done = project.guild("run", "-y", "nb.ipynb", **activated(active))
    assert done.status == 1 and not done.run_dirs
    assert done.stderr == (
        "guild: kernel 'python3' does not start: it is of the active environment (nb-kernel may "
        f"name another), and there is no ipykernel for {active}/bin/python - install it: uv pip "
        f"install --python {active}/bin/python ipykernel\n"
    )


def test_a_python_that_guild_s_variable_names_but_is_not_there_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GUILD_PYTHON_EXE", "/nowhere/python")
    with pytest.raises(KernelError, match="/nowhere/python does not run: No such file"):
        check(None, "python3", "python", str(here))


def test_a_run_that_cannot_start_its_kernel_says_what_the_interpreter_lacks(project: Project):
    folder = project.dir.parent / "env"
    venv.create(folder, symlinks=True, with_pip=False)
    project.notebook("nb.ipynb", "x = 1")
    done = attempt(project, "nb.ipynb", "--kernel", str(folder))  # as where a staged run starts
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("guild-notebook: ")]
    python = folder / "bin" / "python"
    assert f"does not start: there is no ipykernel for {python} - install it: uv pip" in line


def test_a_kernel_is_found_by_jupyter_client_before_8_8_too():
    """Whose KernelSpec has no version of the protocol."""
    values: dict[str, Any] = {"argv": ["kernel"], "resource_dir": "/x", "display_name": ""}
    values.update(language="other", interrupt_mode="message", env={}, metadata={})
    manager = SimpleNamespace(get_kernel_spec=lambda _name: SimpleNamespace(**values))
    assert kernelspecs._spec_of(manager, "other") == kernelspecs.KernelSpec(**values)
