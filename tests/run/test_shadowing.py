"""No file of a project takes the place of a module of Guild, of a run's process or of its kernel.

A file for each module that Python can import lies in the project: it notes its name and raises.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import LIMIT, Project, new_project, notebook
from tests.helpers.runner import environment, execute, prepared

GUILD = str(Path(sys.executable).with_name("guild"))  # `python -m` would itself import from here

NAMES = {
    *(module.name for module in pkgutil.iter_modules()),
    *sys.builtin_module_names,
    *getattr(sys, "stdlib_module_names", ()),  # new in Python 3.10
    *("sitecustomize", "usercustomize", "readline", "orjson", "cchardet", "guild_notebook"),
}

NOTE = (
    "open({log!r}, 'a').write(__name__ + '\\n')\nraise SystemError('of the project: ' + __name__)"
)

CELL = """
import sys
seen = []
for name in ("queue", "sched", "zmq", "nbformat", "helper_of_project"):
    try:
        module = __import__(name)
        seen.append(getattr(module, "__file__", "").startswith((sys.prefix, sys.base_prefix)))
    except SystemError as e:
        seen.append(str(e))
print(lr, seen)
"""

SEEN = "[True, True, True, 'of the project: nbformat', False]"
"""What a cell imports, as in Jupyter: of Python's own modules and of those that the kernel has
imported already the environment's, of installed packages the project's."""

GUILDFILE = """
top: {notebook: top.ipynb, flags-import: all, sourcecode: [include: '*']}
below: {notebook: below/nb.ipynb, flags-import: all, nb-report: none, sourcecode: [include: '*']}
pipeline: {steps: [below lr=0.3]}
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a file for each module beside guild.yml, and a package for each in a folder
    beside a notebook. ``log`` names what was imported of them."""
    made = new_project(tmp_path_factory.mktemp("full"))
    text = NOTE.format(log=str(made.home / "log"))
    for name in NAMES:
        made.file(f"{name}.py", text)
        made.file(f"below/{name}/__init__.py", text)
    made.file("helper_of_project.py", "")
    for path in ("top.ipynb", "below/nb.ipynb"):
        made.notebook(path, "lr = 0.1", CELL)
    made.guildfile(GUILDFILE)
    return made


def run(full: Project, *args: str, **env: str) -> tuple[str, list[str]]:
    """What ``guild run ARGS`` has printed, and which files of the project were imported."""
    log = full.home / "log"
    log.write_text("")
    done = subprocess.run(
        [GUILD, "run", "-y", *args],
        cwd=full.dir,
        env={**full.environment(), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout, log.read_text().split()


def test_a_run_imports_what_is_its_own_and_a_cell_what_jupyter_imports(full: Project):
    shown, imported = run(full, "top", NO_PIP_FREEZE="0")
    assert imported == ["nbformat"] and f"0.1 {SEEN}\n" in shown and "WARNING" not in shown
    (run_dir,) = full.run_dirs()
    assert (run_dir / "top.html").exists()
    assert "ipykernel" in (run_dir / ".guild" / "attrs" / "pip_freeze").read_text()


def test_packages_beside_a_notebook_in_a_folder_are_as_harmless(full: Project):
    shown, imported = run(full, "below")
    assert imported == ["nbformat"] and f"0.1 {SEEN}\n" in shown


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(("pipeline",), marks=pytest.mark.slow),
        ("below", "lr=[0.3]"),
        pytest.param(("below", "lr=uniform[0.3:0.3001]", "-m", "1"), marks=pytest.mark.slow),
        pytest.param(("below", "lr=[0.3:0.3001]", "-o", "gp", "-m", "1"), marks=pytest.mark.faults),
        pytest.param(
            ("below", "lr=[0.3:0.3001]", "-o", "gbrt", "-m", "1"), marks=pytest.mark.faults
        ),
    ],
)
def test_the_processes_between_guild_and_a_run_import_what_is_their_own(full: Project, args):
    shown, imported = run(full, *args)
    assert imported == ["nbformat"] and "\n0.3" in shown and f" {SEEN}\n" in shown


@pytest.mark.faults
@pytest.mark.parametrize("queue", ["queue", "dask:cluster"])
def test_queues_import_what_is_their_own(full: Project, queue: str):
    run(full, "below", "lr=0.3", "--stage")
    shown, imported = run(full, queue, "run-once=yes")
    assert imported == ["nbformat"] and f"0.3 {SEEN}\n" in shown


def test_a_run_with_the_command_of_version_0_1_imports_what_is_its_own(project: Project):
    """Python imports some modules before it comes to the first line of the package."""
    for name in ("argparse", "asyncio", "json", "nbclient", "queue", "traitlets", "yaml", "zmq"):
        project.file(f"{name}.py", NOTE.format(log=str(project.home / "log")))
    project.notebook("nb.ipynb", "import queue\nprint(queue.Queue)")
    ran = prepared(project)
    done = subprocess.run(
        [sys.executable, "-um", "guild_notebook.run", "nb.ipynb", "--report", "none"],
        cwd=ran.dir,
        # Where coverage is measured, it is imported before the first line of the package, too.
        env={k: v for k, v in environment(project, ran).items() if not k.startswith("COVERAGE")},
        capture_output=True,
        timeout=LIMIT,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "<class 'queue.Queue'>\n"), done.stderr
    assert not (project.home / "log").exists()


def test_cells_import_what_they_import_in_jupyter(project: Project):
    names = ["queue", "sched", "zmq", "nbformat", "helper"]
    for name in names:
        project.file(f"{name}.py", "IS_OF_PROJECT = True\n")
    cell = f"print([hasattr(__import__(name), 'IS_OF_PROJECT') for name in {names}])"
    project.file("nb.ipynb", json.dumps(notebook(cell)))
    expected = "[False, False, False, True, True]\n"
    assert execute(project, "nb.ipynb").stdout == expected
    # `jupyter execute`, without a package for which jsonschema takes seconds.
    main = (
        "import sys; sys.path.pop(0); sys.modules['rfc3987_syntax'] = None; "
        "from nbclient.cli import main; main()"
    )
    jupyter = [sys.executable, "-c", main, "nb.ipynb", "--inplace"]
    subprocess.run(jupyter, cwd=project.dir, env=project.environment(), check=True, timeout=LIMIT)
    (shown,) = json.loads((project.dir / "nb.ipynb").read_text())["cells"][0]["outputs"]
    assert "".join(shown["text"]) == expected


def test_what_the_user_puts_into_pythonpath_is_found_and_what_guild_puts_there_is_not(
    project: Project, tmp_path: Path
):
    """In cells, and in the processes that they start; a folder of the project is relative."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("import sys\nsys.is_theirs = True\n")
    (tmp_path / "theirs" / "of_user.py").write_text("")
    for name in ("src/of_source.py", "nbs/of_notebook.py", "of_project.py"):
        project.file(name, "")
    imports = "import os, sys, of_user, of_source, of_notebook, of_project"
    project.notebook(
        "nbs/nb.ipynb",
        f"{imports}\nprint(sys.is_theirs, '' in sys.path)",
        f"import subprocess, sys\nsubprocess.check_call([sys.executable, '-c', {imports!r}]);",
        "import os\nprint(os.environ['PYTHONPATH'].split(os.pathsep))",
    )
    path = os.pathsep.join(["src", str(tmp_path / "theirs")])
    done = project.run("nbs/nb.ipynb", NB_NO_IMAGES="1", PYTHONPATH=path)
    top = done.run.dir
    folders = [str(top / "nbs"), str(top), str(top / "src"), str(tmp_path / "theirs")]
    assert done.stdout == f"True True\n{folders}\n"
