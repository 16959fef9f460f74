"""What a run knows of the files that its cells read where they lie, by real kernels."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from tests.helpers.causes import linux
from tests.helpers.environments import linked
from tests.helpers.project import Project, new_project

GUILDFILE = """
reads: {notebook: reads.ipynb, nb-report: none, nb-cwd: project}
many: {notebook: many.ipynb, nb-report: none, nb-cwd: project}
apart: {notebook: apart.ipynb, nb-report: none}
names: {notebook: names.ipynb, nb-report: none}
links:
  notebook: folders.ipynb
  nb-report: none
  sourcecode: no
  requires: [{file: data, target-type: link}, {file: ../big, target-type: link}]
copies:
  notebook: folders.ipynb
  nb-report: none
  sourcecode: no
  requires: [file: data, file: ../big]
"""

READS = (
    "import os, sys, pathlib, sqlite3\nfor i in (1, 2):\n    open(f'own/x{i}.csv').read()",
    "import reader",
    "import reader\nos.chdir('own')\npathlib.Path('x' + '1.csv').read_text()\nos.chdir('..')\n"
    "os.chdir('other')\npathlib.Path('x' + '1.csv').read_text()\nos.chdir('..')",
    "sqlite3.connect('file:own/d%62.sqlite?mode=ro', uri=True).execute('select 1')",
    "open(b'own/caf' + bytes([233])).read()",
    "# Own\nwith open('made' + '.txt', 'w') as f:\n    f.write('1')\nopen('made' + '.txt').read()",
    "# Changed\nopen('chan' + 'ged.txt').read()\nos.utime('changed.txt')",
    "# Gone\nopen('go' + 'ne.txt').read()\nos.unlink('go' + 'ne.txt')",
    "# Written alone\nopen('writ' + 'ten.txt', 'w').close()\nopen('writ' + 'ten.txt', 'a').close()",
    "# Not there\ntry:\n    open('mis' + 'sing.txt')\nexcept OSError:\n    pass",
    "# Strange\nfor what in (os.devnull, '.', 'nul\\0l', object(), -1):\n"
    "    try:\n        open(what).close()\n"
    "    except (OSError, TypeError, ValueError):\n        pass",
    "# As a library in C\nimport ctypes\nc = ctypes.CDLL(None)\nc.open(b'in' + b'c.h5', 0)\n"
    "c.open(b'log' + b'.txt', os.O_WRONLY)\nc.close(c.open(b'clo' + b'sed.h5', 0))",
    "import subprocess\nsubprocess.run(['cat', 'pro' + 'cess.txt'], check=True)",
    "open('.git/' + 'HEAD').read()",
)


def digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("files")
    made = new_project(folder)
    made.guildfile(GUILDFILE)
    made.notebook("reads.ipynb", *READS)
    made.notebook(
        "many.ipynb",
        "for i in range(10_000):\n    with open(f'many/{i}.txt') as f:\n        f.read()",
    )
    made.notebook(
        "apart.ipynb", "import os\nopen('own' + '.txt', 'w').close()\nopen('own' + '.txt')"
    )
    made.notebook(
        "names.ipynb",
        "import os\nfolder = os.environ['PROJECT_DIR']",
        "open(os.path.join(folder, 'own', 'x' + '1.csv')).read()",
    )
    made.notebook(
        "folders.ipynb", "open('data/raw/' + 'p.bin').read()\nopen('big/' + 'q.bin').read()"
    )
    for name in ("own/x1.csv", "own/x2.csv", "own/x3.csv", "other/x1.csv", "changed.txt"):
        made.file(name, name)
    for name in (
        "written.txt",
        "inc.h5",
        "closed.h5",
        "log.txt",
        "process.txt",
        "data/raw/p.bin",
        ".git/HEAD",
    ):
        made.file(name, name)
    made.file("../big/q.bin", "big")
    made.file("reader.py", "import os\nopen(os.path.join('own', 'x3' + '.csv')).read()\n")
    sqlite3.connect(made.dir / "own" / "db.sqlite").execute("create table t (x)").close()
    with open(os.path.join(os.fsencode(made.dir), b"own/caf\xe9"), "wb") as file:
        file.write(b"caf")
    (made.dir / "many").mkdir()
    for i in range(10_000):
        (made.dir / "many" / f"{i}.txt").write_text(str(i))
    return made


@linux
def test_files_that_cells_and_modules_open_are_known_however_their_paths_are_made(
    project: Project,
) -> None:
    for _ in range(2):  # the second imports what the first has compiled
        project.file("gone.txt", "gone")
        files = dict(project.run("reads").run.attr("project_files"))
        database = files.pop("own/db.sqlite")
        assert database == digest((project.dir / "own" / "db.sqlite").read_bytes())
        assert files.pop("reader.py") == digest((project.dir / "reader.py").read_bytes())
        assert files == {
            "changed.txt": "-",
            "gone.txt": "-",
            "inc.h5": digest(b"inc.h5"),
            "made.txt": "-",
            "other/x1.csv": digest(b"other/x1.csv"),
            "own/caf\\udce9": digest(b"caf"),
            "own/x1.csv": digest(b"own/x1.csv"),
            "own/x2.csv": digest(b"own/x2.csv"),
            "own/x3.csv": digest(b"own/x3.csv"),
        }
        (project.dir / "changed.txt").write_text("changed.txt")


@pytest.mark.parametrize("operation", ["links", "copies"])
def test_of_a_required_folder_the_files_that_are_read_are_known(
    project: Project, operation: str
) -> None:
    assert project.run(operation).run.attr("project_files") == {
        "./big/q.bin": digest(b"big"),
        "./data/raw/p.bin": digest(b"data/raw/p.bin"),
    }


def test_a_cell_that_names_the_project_lets_all_that_is_read_there_be_known(
    project: Project,
) -> None:
    assert list(project.run("names").run.attr("project_files")) == ["own/x1.csv"]


def test_a_run_that_works_in_its_own_directory_has_no_such_files(project: Project) -> None:
    assert project.run("apart").run.attr("project_files") is None


def test_of_ten_thousand_files_five_thousand_are_known_and_it_is_said_that_there_are_more(
    project: Project,
) -> None:
    files = project.run("many").run.attr("project_files")
    assert files.pop("") == "-"
    assert files == {f"many/{i}.txt": digest(str(i).encode()) for i in range(5_000)}


@linux
def test_the_environment_of_the_kernel_may_lie_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_project(tmp_path)
    python = linked(made.dir / ".venv", "ipykernel") / "bin" / "python"
    made.file(".venv/share/own.txt", "own")
    made.file("data.txt", "data")
    made.notebook(
        "where.ipynb",
        "import sys, colorsys, traitlets.config\nprint(sys.prefix)\n"
        "open(sys.prefix + '/share/' + 'own.txt').read()\nopen('data' + '.txt').read()",
    )
    made.guildfile(
        "where: {notebook: where.ipynb, nb-report: none, nb-cwd: project, nb-kernel: .venv}\n"
    )
    done = made.run("where")
    assert f"{made.dir}/.venv" in done.stdout, python
    assert list(done.run.attr("project_files")) == ["data.txt"]
