"""A run records the environment of its kernel, and not that of Guild."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from guild_notebook import packages
from guild_notebook.run.execution.missing_modules import advice
from guild_notebook.run.record.kernel_record import KernelRecord
from guild_notebook.run.record.run_files import RunFiles
from tests.helpers import runner
from tests.helpers.project import LIMIT, Command, Project, code

needs_pip = pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="there is no pip")

OF_KERNEL = {
    "only_here": {},
    "from_url": {"url": "https://localhost/a-1.0.zip", "archive_info": {"hash": "sha256=1"}},
}

GPUS = """
import sys, types
from types import SimpleNamespace as Stub
state = Stub(torch=False, jax=False, tensorflow=None)
def stub(name, **contents):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(contents)
def asked_too_early(*args):
    raise SystemExit("it was asked before it was used")
def name_of(i):
    return f"Card {i}" if state.torch else asked_too_early()
cuda = Stub(is_initialized=lambda: state.torch, device_count=lambda: 2, get_device_name=name_of)
stub("torch", cuda=cuda)
stub("jax", devices=lambda: [Stub(platform="gpu", device_kind="Card 1")] * 2)
stub("jax._src.xla_bridge", backends_are_initialized=lambda: state.jax)
def details(device):
    return {"device_name": "Card T"} if state.tensorflow else asked_too_early()
config = Stub(list_physical_devices=lambda kind: [Stub(name="/device:GPU:0")],
              experimental=Stub(get_device_details=details))
stub("tensorflow", config=config)
stub("tensorflow.python.eager.context", context_safe=lambda: state.tensorflow)
closed = []
stub("pynvml", nvmlInit=lambda: None, nvmlShutdown=lambda: closed.append(1),
     nvmlDeviceGetCount=lambda: 1, nvmlDeviceGetHandleByIndex=lambda i: i,
     nvmlDeviceGetName=lambda i: b"Card N")
stub("cupy", get_default_memory_pool=lambda: Stub(total_bytes=lambda: 0), cuda=None)
"""

USE = """
state.jax = True
state.tensorflow = Stub(_initialized=True)
print("shut:", closed)
"""

FIND_OUT = """
import os, sys
import_names = {"pip", "pkg_resources", "importlib_metadata"} & set(sys.modules)
print("imported:", sorted(import_names))
print("names:", sorted(n for n in globals() if n not in known and not n.startswith("_")))
print("history:", len(In), len(Out))
"""

INSTALL = """
import sysconfig, pathlib
info = pathlib.Path(sysconfig.get_path("purelib"), "installed_meanwhile-3.0.dist-info")
info.mkdir()
_ = (info / "METADATA").write_text("Name: installed-meanwhile\\nVersion: 3.0\\n")
"""


def environment(folder: Path) -> Path:
    """An environment in which a kernel starts, with packages that no other has; returns its
    interpreter."""
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([str(python), "-c", query], text=True).strip())
    (site / "kernel.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name, url in OF_KERNEL.items():
        info = site / f"{name}-7.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name.replace('_', '-')}\nVersion: 7.0\n")
        if url:
            (info / "direct_url.json").write_text(json.dumps(url))
    return python


def kernelspec(project: Project, name: str, argv: list[str], language: str = "python") -> None:
    folder = project.jupyter / "kernels" / name
    folder.mkdir(parents=True)
    spec = {"argv": argv, "display_name": name, "language": language}
    (folder / "kernel.json").write_text(json.dumps(spec))


@pytest.fixture(scope="module")
def python(shared: Project) -> Path:
    """The interpreter of another environment, and a kernel of it."""
    python = environment(shared.dir.parent / "other environment")
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernelspec(shared, "other", argv)
    return python


@pytest.fixture(scope="module")
def done(shared: Project, python: Path) -> Command:
    start = "known = set(globals()) | {'known'}"
    cells = [start, FIND_OUT, GPUS, "state.torch = True", USE]
    cells += [INSTALL, code("import not_a_module_at_all as _x"), "import sklearn_x.y"]
    shared.notebook("nb.ipynb", *cells)
    shared.guildfile(
        "nb:\n  notebook: nb.ipynb\n  nb-kernel: other\n  nb-report: none\n"
        "  nb-allow-errors: yes\n"
        "without:\n  notebook: nb.ipynb\n  nb-kernel: other\n  pip-freeze: no\n"
    )
    done = shared.guild("--debug", "run", "nb", "-y", NO_PIP_FREEZE="")
    assert done.status == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def described(done: Command) -> dict[str, Any]:
    return done.run.notebook("nb.ipynb")["metadata"]["guild_kernel"]


@needs_pip
def test_the_packages_are_those_that_pip_lists_in_the_kernels_environment(
    done: Command, described: dict, python: Path
):
    command = [str(python), "-m", "pip", "freeze"]
    pip = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
    assert "running pip freeze" not in done.stderr  # of Guild, which would say so
    lines = pip.stdout.splitlines()
    assert done.run.attr("pip_freeze") == described["packages"] == lines
    assert "only-here==7.0" in lines
    assert "from-url @ https://localhost/a-1.0.zip#sha256=1" in lines


def test_what_the_notebook_installs_is_among_them(done: Command):
    assert "installed-meanwhile==3.0" in done.run.attr("pip_freeze")


def test_the_notebook_says_which_python_it_ran_on(described: dict, python: Path):
    expected = {
        "name": "other",
        "language": "python",
        "interpreter": str(python),
        "prefix": str(python.parent.parent),
        "implementation": platform.python_implementation(),
        "version": platform.python_version(),
        "platform": platform.platform(),
    }
    assert {key: described.get(key) for key in expected} == expected


def test_gpus_are_those_that_libraries_in_use_name_and_each_is_told_once(
    done: Command, described: dict
):
    assert sorted(described["gpus"]) == ["Card 0", "Card 1", "Card 1", "Card N", "Card T"]
    assert "shut: [1]\n" in done.stdout


def test_nothing_of_it_is_seen_in_the_notebook(done: Command):
    assert "imported: []\nnames: ['import_names', 'os', 'sys']\nhistory: 3 0\n" in done.stdout


def test_a_missing_module_is_followed_by_the_command_that_installs_it(done: Command, python: Path):
    interpreter = f"'{python}'"  # its path has a blank
    pip = f"{interpreter} -m pip install not-a-module-at-all"
    if not importlib.util.find_spec("pip"):
        pip = f"uv pip install --python {interpreter} not-a-module-at-all"
    said = f"the kernel's Python, {python}, has no module 'not_a_module_at_all'"
    assert done.stderr.count("the kernel's Python") == 2
    assert f"{said} - install it there: {pip}\n" in done.stderr
    outputs = done.run.notebook("nb.ipynb")["cells"][6]["outputs"]
    assert f"{said} - install it there: {pip}\n" in "".join(outputs[-1]["text"])


def test_pip_freeze_no_leaves_the_packages_out(shared: Project, done: Command):
    run = shared.run("without", "--stage", NO_PIP_FREEZE="").run
    assert "--no-pip-freeze" in run.attr("cmd") and run.attr("pip_freeze") is None


def run_of(project: Project, *args: str, **env: str) -> tuple[Command, dict[str, Any]]:
    """A run of ``nb.ipynb``, and what its notebook says of the kernel."""
    done = runner.attempt(project, "nb.ipynb", *args, **env)
    return done, done.run.notebook("nb.ipynb")["metadata"]["guild_kernel"]


def test_without_packages_all_else_is_recorded(project: Project):
    stale = {"guild_kernel": {"gpus": ["of another run"]}}
    project.notebook("nb.ipynb", "import os; os._exit(3)", metadata=stale)
    for args, variable in ((["--no-pip-freeze"], ""), ([], "1")):
        done, described = run_of(project, *args, NO_PIP_FREEZE=variable)
        assert done.run.attr("pip_freeze") is None
        assert described["interpreter"] == sys.executable
        assert not {"packages", "gpus"} & set(described)


def test_the_packages_are_there_though_the_kernel_dies_at_once(project: Project):
    project.notebook("nb.ipynb", "import os; os._exit(3)")
    done, described = run_of(project, NO_PIP_FREEZE="")
    assert "the kernel died in cell [1]" in done.stderr
    assert done.run.attr("pip_freeze") == described["packages"]
    assert any(line.startswith("ipykernel==") for line in done.run.attr("pip_freeze"))


def test_what_cannot_be_written_at_once_is_written_at_the_end(tmp_path: Path):
    in_place = tmp_path / ".guild" / "attrs" / "pip_freeze"
    (in_place / "folder").mkdir(parents=True)
    (tmp_path / "one-1.0.dist-info").mkdir()
    kernel = KernelRecord(RunFiles(str(tmp_path)), True, lambda text: text)
    kernel.start({"version": "3.13.0"}, [str(tmp_path)])
    kernel.finish(LIMIT)
    assert isinstance(kernel.error, OSError)
    (in_place / "folder").rmdir()
    in_place.rmdir()
    kernel.finish(LIMIT)
    assert kernel.error is None and in_place.read_text() == "- one==1.0\n"


def test_packages_that_can_be_read_at_the_end_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "one-1.0.dist-info").mkdir()
    kernel = KernelRecord(RunFiles(str(tmp_path)), True, lambda text: text)
    with monkeypatch.context() as changed:
        changed.setattr(packages, "freeze", lambda *_: 1 / 0)
        kernel.start({"version": "3.13.0"}, [str(tmp_path)])
        kernel._thread.join(LIMIT)
    assert kernel.problem == "ZeroDivisionError: division by zero"
    (tmp_path / "two-2.0.dist-info").mkdir()
    os.utime(tmp_path, ns=(1, 1))
    kernel.finish(LIMIT)
    assert (kernel.problem, kernel.description([])["packages"]) == ("", ["one==1.0", "two==2.0"])


@pytest.mark.skipif(
    not importlib.util.find_spec("bash_kernel"), reason="bash_kernel is not installed"
)
def test_the_packages_of_guild_are_not_those_of_bash(project: Project):
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    kernelspec(project, "bash", argv, "bash")
    spec = {"name": "bash", "display_name": "bash", "language": "bash"}
    project.notebook("nb.ipynb", "x=1", "echo $x", metadata={"kernelspec": spec})
    project.without_reports("nb.ipynb")
    run = project.run("nb.ipynb", NO_PIP_FREEZE="").run
    assert run.attr("pip_freeze") is None
    assert "python_version" not in run.attr("platform") and run.attr("platform")["uname"]
    described = run.notebook("nb.ipynb")["metadata"]["guild_kernel"]
    assert described == {"name": "bash", "language": "bash", "platform": platform.platform()}


PYTHON = {"interpreter": "/e/bin/python", "prefix": "/e"}

ADVICE = {
    "No module named 'numpy'": "numpy",
    "No module named 'cv2'": "opencv-python",
    "No module named 'sklearn'": "scikit-learn",
    "No module named 'PIL'": "pillow",
    "No module named 'yaml'": "PyYAML",
    "No module named 'sentence_transformers'": "sentence-transformers",
    "No module named 'guild'": "guildai",
    "No module named 'numpy.nothing'": None,
    "No module named '_part_of_another'": None,
    "No module named '__main__'": None,
    "No module named '_'": None,
    "No module named 'größe'": None,
    "No module named 'x'; touch y; 'x'": None,
    "No module named 'x\ny'": None,
    "No module named 'os.nothing'; 'os' is not a package": None,
    "No module named 'imp'": None,
    "No module named 'tomllib'": None,
    "No module named '_tkinter'": None,
    "No module named 'urllib2'": None,
    "No module named 'my-file'": None,
    "No module named ''": None,
    "attempted relative import with no known parent package": None,
    "please install our package": None,
    "": None,
}


@pytest.mark.parametrize("error", ADVICE)
def test_only_what_can_be_installed_is_advised(tmp_path: Path, error: str):
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").write_text("")
    name = ADVICE[error]
    said = "the kernel's Python, /e/bin/python, has no module "
    line = advice(error, PYTHON, [str(tmp_path)])
    if name is None:
        assert line == ""
    else:
        assert line.startswith(said)
        assert line.endswith(f" - install it there: /e/bin/python -m pip install {name}")


def test_each_kind_of_environment_has_its_own_command(tmp_path: Path):
    python = {"interpreter": f"{tmp_path}/bin/python", "prefix": str(tmp_path)}
    error = "No module named 'cv2'"
    uv = f"uv pip install --python {tmp_path}/bin/python opencv-python"
    assert advice(error, python, []).endswith(f": {uv}")
    (tmp_path / "conda-meta").mkdir()
    conda = f"conda install --prefix {tmp_path} --channel conda-forge opencv"
    assert advice(error, python, []).endswith(f": {conda}")
    assert advice(error, {}, []) == ""  # another language
