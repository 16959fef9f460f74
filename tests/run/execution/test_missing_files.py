"""What a run says at its end of a file or module that a cell has not found and the project has."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from guild_notebook.run.execution.missing_files import Places, ask, find, names_in
from tests.helpers.project import Command, Project, new_project
from tests.helpers.slow import but_slow

NAMES = {
    "FileNotFoundError: [Errno 2] No such file or directory: '../data/x.csv'": "../data/x.csv",
    'FileNotFoundError: [Errno 2] No such file or directory: "it\'s.csv"': "it's.csv",
    "FileNotFoundError: data/x.npy not found.": "data/x.npy",
    "FileNotFoundError: my data/x.txt not found.": "my data/x.txt",
    "FileNotFoundError: No such file or directory (os error 2): data/x.csv": "data/x.csv",
    "FileNotFoundError: [Errno 2] Unable to synchronously open file (unable to open file: name = "
    "'x.h5', errno = 2, error message = 'No such file or directory')": "x.h5",
    "FileNotFoundError: Couldn't find any class folder in data/train.": "data/train",
    "FileNotFoundError: [Errno 2] No such file or directory: b'data/x.csv'": "data/x.csv",
    "NotADirectoryError: [Errno 20] Not a directory: 'data/x.csv'": "data/x.csv",
    "IsADirectoryError: [Errno 21] Is a directory: 'data'": "data",
    "OSError: Cannot save file into a non-existent directory: 'models'": "models",
    "OSError: ./fast.so: cannot open shared object file: No such file or directory": "./fast.so",
    "ImportError: fast.so.1: cannot open shared object file: No such file": "fast.so.1",
    "OSError: Error reading file 'x.xml': failed to load external entity \"x.xml\"": "x.xml",
    "Exception: File `'helper.py'` not found.": "helper.py",
    "ValueError: File not found: filepath=model.keras. Please ensure the file is": "model.keras",
    "DataSourceError: data/x.shp: No such file or directory": "data/x.shp",
    'IOException: IO Error: No files found that match the pattern "x.csv"': "x.csv",
    "LibsndfileError: Error opening 'x.wav': System error.": "x.wav",
    "AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/home/x.csv.": "/home/x.csv",
    'SystemError: opening file "x.csv": No such file or directory': "x.csv",
    'ArgumentError: "data/x.csv" is not a valid file or doesn\'t exist': "data/x.csv",
    "Error: 'data/x.csv' does not exist in current working directory ('/r').": "data/x.csv",
}
"""Errors as the system and libraries of several languages write them."""


@pytest.mark.parametrize("line", NAMES)
def test_the_file_that_an_error_names_is_found_in_its_text(line: str):
    error, text = line.split(": ", 1)
    assert NAMES[line] in names_in(error, text)


PRINTED = {
    "cat: data/x.csv: No such file or directory": "data/x.csv",
    "bash: line 1: ./run.sh: No such file or directory": "./run.sh",
    "  “cannot open file 'data/x.csv': No such file or directory”": "data/x.csv",
    "cat: 'my data.csv': No such file or directory": "my data.csv",
    "ls: cannot access 'data': No such file or directory": "data",
    "python: can't open file '/r/helper.py': [Errno 2] No such file or directory": "/r/helper.py",
}


@pytest.mark.parametrize("line", PRINTED)
def test_a_file_is_found_in_what_was_printed_where_the_error_names_none(line: str):
    printed = f"reading\n{line}\nall else in other.csv\n"
    found = names_in("CalledProcessError", "returned non-zero exit status 1.", printed)
    assert PRINTED[line] in found and "other.csv" not in found


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("KeyError", "'data'"),
        ("ValueError", "could not convert string to float: 'data/x.csv'"),
        ("ZeroDivisionError", "division by zero"),
        ("FileNotFoundError", ""),
        ("FileNotFoundError", "https://example.org/x.csv not found"),
        ("", ""),
    ],
)
def test_an_error_that_is_about_no_file_names_none(error: str, text: str):
    assert [name for name in names_in(error, text) if name != "not found"] == []


FILES = (
    "data/x.csv",
    "notebooks/nb.ipynb",
    "notebooks/beside.csv",
    "notebooks/pkg/__init__.py",
    "notebooks/pkg/a.py",
    "notebooks/fast.cpython-311-x86_64-linux-gnu.so",
    "src/helpers.py",
    "src/deep/far.csv",
    "models/.keep",
    "venv/pyvenv.cfg",
    "venv/hidden.csv",
    ".git/HEAD",
)
FOUND = {
    "[Errno 2] No such file or directory: '../data/x.csv'": "p/data/x.csv",
    "[Errno 2] No such file or directory: 'beside.csv'": "p/notebooks/beside.csv",
    "[Errno 2] No such file or directory: 'data/x.csv'": "p/data/x.csv",
    "[Errno 2] No such file or directory: 'far.csv'": "p/src/deep/far.csv",
    "[Errno 2] No such file or directory: '../../above.csv'": "above.csv",
    "[Errno 2] No such file or directory: '{run}/beside.csv'": "p/notebooks/beside.csv",
    "[Errno 2] No such file or directory: '{home}/runs/data/x.csv'": "p/data/x.csv",
    "[Errno 2] No such file or directory: '../models'": "p/models",
    "No module named 'helpers'": "p/src/helpers.py",
    "No module named 'fast'": "p/notebooks/fast.cpython-311-x86_64-linux-gnu.so",
    "No module named 'pkg.a'": "p/notebooks/pkg/a.py",
    "cannot import name 'a' from 'pkg' (/run/pkg/__init__.py)": "p/notebooks/pkg/a.py",
    "No module named 'p'": "",
    "No module named 'data'": "",
    "No module named 'models'": "",
    "[Errno 2] No such file or directory: 'none.csv'": "",
    "[Errno 2] No such file or directory: 'hidden.csv'": "",
    "[Errno 2] No such file or directory: '/data/x.csv'": "",
    "[Errno 2] No such file or directory: 'copied.csv'": "",
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    project, run_dir = tmp_path / "p", tmp_path / "home/runs/abc"
    made = [project / name for name in FILES]
    for path in [*made, run_dir / "copied.csv", project / "copied.csv", tmp_path / "above.csv"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    notebook = str(project / "notebooks/nb.ipynb")
    return Places(str(run_dir), str(run_dir), "run", str(project), notebook)


@pytest.mark.parametrize("text", FOUND)
def test_a_file_or_module_is_found_where_the_project_has_it(places: Places, text: str):
    run_dir = Path(places.run_dir)
    missing = find(
        "FileNotFoundError", text.format(run=run_dir, home=run_dir.parents[1]), "", places
    )
    above = Path(places.project).parent
    assert (missing and os.path.relpath(missing.file, above)) == (FOUND[text] or None)


def test_a_file_is_found_from_where_a_linked_folder_of_the_notebook_is(places: Places):
    elsewhere = Path(places.project).parent / "elsewhere"
    (elsewhere / "nbs").mkdir(parents=True)
    (elsewhere / "y.csv").write_text("")
    (Path(places.project) / "linked").symlink_to(elsewhere / "nbs")
    linked = replace(places, notebook=f"{places.project}/linked/nb.ipynb")
    text = "[Errno 2] No such file or directory: '../y.csv'"
    missing = find("FileNotFoundError", text, "", linked)
    assert missing and missing.file == str(elsewhere / "y.csv")


def test_a_folder_that_only_the_project_has_is_found_for_a_file_to_be_written(places: Places):
    text = "[Errno 2] No such file or directory: '../models/new.pkl'"
    missing = find("FileNotFoundError", text, "", places)
    assert missing and missing.folder_only
    assert find("FileNotFoundError", "../models/new.pkl doesn't exist", "", places) == missing
    assert (missing.name, missing.file) == ("../models", f"{places.project}/models")


def test_a_file_of_the_repository_above_the_project_is_found(places: Places):
    above = Path(places.project).parent
    (above / "p/.git/HEAD").unlink()
    (above / "p/.git").rmdir()
    text = "[Errno 2] No such file or directory: 'above.csv'"
    assert find("FileNotFoundError", text, "", places) is None
    (above / ".git").mkdir()
    missing = find("FileNotFoundError", text, "", replace(places))
    assert missing and missing.file == str(above / "above.csv")


# What Guild's side answers.

TEXT_2_4_MB = "1,2,3\n" * 419_430


def git(project: Project) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project.dir, check=True)


def answer(project: Project, operation: str, error: str, option: str = "run") -> list[str]:
    """The lines on an ``error`` in a run of the operation, which is staged."""
    run = project.run("--stage", operation).run
    notebook = project.dir / "notebooks/nb.ipynb"
    cwd = {
        "run": run.dir,
        "notebook": run.dir / "notebooks",
        "project": notebook.parent,
    }[option]
    places = Places(str(run.dir), str(cwd), option, str(project.dir), str(notebook))
    missing = find("FileNotFoundError", error, "", places)
    assert missing, error
    return [line for said in ask(missing, places) for part in said for line in part.splitlines()]


GUILDFILE = "train:\n  notebook: notebooks/nb.ipynb\n  flags-import: all\n"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project outside of Git with what Guild does not copy there."""
    project = new_project(tmp_path_factory.mktemp("plain"))
    project.env["NO_PIP_FREEZE"] = "1"
    project.notebook("notebooks/nb.ipynb", "x = 1")
    project.file("data/big.csv", TEXT_2_4_MB)
    project.file("data/five.pkl", b"\x80\x04N.\x00")
    project.file("data/small.csv", "1\n")
    project.file("build/made.csv", "1\n")
    project.file("excluded/x.csv", "1\n")
    project.file("notebooks/excluded.py", "y = 1\n")
    (project.dir / "empty").mkdir()
    project.dir.parent.joinpath("outside.csv").write_text("1\n")
    rules = "  sourcecode:\n  - exclude: ['excluded/*', excluded.py]\n"
    project.guildfile(GUILDFILE + rules)
    return project


REASONS = {
    "../data/big.csv": ("data/big.csv", "it has 2.4 MB, and Guild copies no file over 1 MB"),
    "../data/five.pkl": ("data/five.pkl", "it is not a text, and Guild copies no others"),
    "../build/made.csv": ("build/made.csv", "folder build is left out by a rule: "),
    "../excluded/x.csv": ("excluded/x.csv", "it is left out by a rule: exclude "),
}


@pytest.mark.parametrize("name", but_slow(REASONS, "../data/five.pkl"))
def test_the_reason_is_that_of_guilds_selection(plain: Project, name: str):
    file, why = REASONS[name]
    lines = answer(plain, "train", f"[Errno 2] No such file or directory: '{name}'")
    assert lines[0].startswith(f"{name} is in the project ({file}), not in the run: {why}")


def git_project(folder: Path) -> Project:
    project = new_project(folder)
    project.notebook("notebooks/nb.ipynb", "x = 1")
    project.file(".gitignore", "*.csv\nignored/\nsecret.py\n")
    project.file("data/x.csv", "1\n")
    project.file("ignored/x.txt", "1\n")
    project.file("notebooks/secret.py", "y = 1\n")
    project.file("notebooks/pkg/__init__.py", "")
    project.file("notebooks/pkg/generated.py", "y = 1\n")
    project.file("notebooks/pkg/.gitignore", "generated.py\n")
    project.guildfile(GUILDFILE)
    subprocess.run(["git", "init", "-q"], cwd=project.dir, check=True)
    return project


IGNORED = {
    "[Errno 2] No such file or directory: '../data/x.csv'": "git ignores all of folder data",
    "[Errno 2] No such file: '../ignored/x.txt'": "git ignores all of folder ignored",
    "No module named 'secret'": "git ignores it",
    "No module named 'pkg.generated'": "git ignores it",
    "cannot import name 'generated' from 'pkg' (unknown location)": "git ignores it",
}


@pytest.mark.parametrize("error", but_slow(IGNORED, "No module named 'secret'"))
def test_what_git_ignores_is_said_to_be_ignored(tmp_path: Path, error: str):
    assert answer(git_project(tmp_path), "train", error)[0].endswith(IGNORED[error])


def test_a_file_after_the_hundredth_is_said_to_come_after_them(tmp_path: Path):
    project = new_project(tmp_path)
    project.notebook("notebooks/nb.ipynb", "x = 1")
    for number in range(110):
        project.file(f"a{number:03}.txt", "")
    project.file("notebooks/helpers.py", "y = 1\n")
    project.guildfile(GUILDFILE)
    lines = answer(project, "train", "No module named 'helpers'")
    why = "Guild copies 100 files, and it comes after them"
    assert lines == [
        f"module helpers is in the project (notebooks/helpers.py), not in the run: {why}",
        "add to operation 'train' in guild.yml:",
        "  sourcecode:",
        "  - include: '*.py'",
    ]


ODD = ("a#1.bin", "a?.bin", "a${x}.bin", "a b.bin", "a%20.bin", "it's.bin", "[x].bin", "- x.bin")


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_the_lines_bring_a_file_of_any_name(project: Project, name: str):
    project.notebook("notebooks/nb.ipynb", "x = 1")
    project.file(f"data/{name}", b"\x00")
    project.guildfile(GUILDFILE)
    lines = answer(project, "train", f"[Errno 2] No such file or directory: {'../data/' + name!r}")
    project.guildfile(GUILDFILE + "".join(f"{line}\n" for line in lines[2:]))
    assert (project.run("--stage", "train").run.dir / "data" / name).exists()


def test_a_file_beside_the_target_of_a_linked_folder_is_found_in_the_project(project: Project):
    (project.dir.parent / "elsewhere/nbs").mkdir(parents=True)
    (project.dir.parent / "elsewhere/y.csv").write_text("")
    (project.dir / "notebooks").symlink_to(project.dir.parent / "elsewhere/nbs")
    project.notebook("notebooks/nb.ipynb", "x = 1")
    lines = answer(project, "notebooks/nb.ipynb", "[Errno 2] No such file: '../y.csv'", "notebook")
    assert lines[-1] == "guild run notebooks/nb.ipynb nb-cwd=project"


@pytest.mark.slow
def test_an_empty_folder_is_made_in_the_run(plain: Project):
    text = "Cannot save file into a non-existent directory: '../empty'"
    assert answer(plain, "train", text) == [
        "the run has no folder ../empty: the project has it (empty)",
        "add to operation 'train' in guild.yml:",
        "  nb-cwd: notebook",
        "make the folder in a cell before:",
        "import os; os.makedirs('../empty', exist_ok=True)",
    ]


@pytest.mark.slow
def test_a_file_outside_of_the_project_is_said_to_be_outside(plain: Project):
    lines = answer(plain, "train", "[Errno 2] No such file or directory: '../../outside.csv'")
    assert lines == [
        f"../../outside.csv is not in the run: ../outside.csv is outside of {plain.dir}",
        "add to operation 'train' in guild.yml:",
        "  nb-cwd: project",
    ]


# Real runs, and what comes of doing what their last lines say.

HEADERS = ("add to ", "make ", "it is found with:", "to ", "guild-notebook: ")


def follow(project: Project, done: Command, command: list[str]) -> list[str]:
    """Do what the last lines of a failed run say: change guild.yml, or return another command."""
    lines = done.stderr[done.stderr.rindex("\nguild-notebook: ") + 1 :].splitlines()[1:]
    guildfile = project.dir / "guild.yml"
    text = guildfile.read_text().splitlines() if guildfile.exists() else []
    while lines:
        header, block = lines.pop(0), []
        while lines and not lines[0].startswith(HEADERS):
            block.append(lines.pop(0))
        if header == "it is found with:":
            return [*shlex.split(block[0])[1:], "-y"]
        if header.startswith("make an operation"):
            guildfile.write_text("".join(f"{line}\n" for line in [*text, *block]))
            return ["run", "-y", block[0].rstrip(":")]
        if match := re.match(
            r"add to operation '.*' in guild.yml(?:, in place of its (.*))?:", header
        ):
            for key in re.split(r" and |, ", match[1] or ""):
                text = without(text, key)
            at = next(i for i, line in enumerate(text) if "notebook:" in line)
            if "{" in text[at]:
                text[at] = text[at][:-1] + block[0] + "}"
            else:
                text[at + 1 : at + 1] = block
            guildfile.write_text("".join(f"{line}\n" for line in text))
            assert yaml.safe_load(guildfile.read_text())
    return command


def without(lines: list[str], key: str) -> list[str]:
    """Lines of a guild.yml without an attribute and all that is in it."""
    kept: list[str] = []
    inside = ""
    for line in lines:
        if inside and re.match(rf"{inside}( |- )", line):
            continue
        match = re.match(rf"( +){key}:", line) if key else None
        inside = match[1] if match else ""
        kept += [] if match else [line]
    return kept


def mends(project: Project, *command: str, cwd: str = ".") -> Command:
    """Run a command that fails, and then one that must not."""
    args = ["run", "-y", *command]
    done = project.guild(*args, cwd=cwd)
    assert done.status == 1, done.stderr
    again = project.guild(*follow(project, done, args), cwd=cwd)
    assert again.status == 0, done.stderr + again.stderr
    assert "found: " in again.stdout
    return done


READS = "found = len(open('{}', 'rb').read())\nprint(f'found: {{found}}')"

ROWS = {
    # name: (guild.yml, command, folder, code of the notebook)
    "large": (GUILDFILE, "train", ".", READS.format("../data/big.csv")),
    "pickle": (GUILDFILE, "train", ".", READS.format("../data/five.pkl")),
    "copied": (GUILDFILE, "train", ".", READS.format("../data/small.csv")),
    "beside": (GUILDFILE, "train", ".", READS.format("beside.csv")),
    "from-root": (GUILDFILE, "train", ".", READS.format("data/five.pkl")),
    "has-cwd": (GUILDFILE + "  nb-cwd: run\n", "train", ".", READS.format("../data/five.pkl")),
    "requires": (
        GUILDFILE + "  requires:\n    - file: data/small.csv\n",
        "train",
        ".",
        READS.format("data/five.pkl"),
    ),
    "replaced": (
        GUILDFILE + "  requires:\n    - file: data/five.pkl\n      target-path: data/five.pkl\n",
        "train",
        ".",
        READS.format("data/five.pkl"),
    ),
    "flow": (
        "train: {notebook: notebooks/nb.ipynb, flags-import: all}\n",
        "train",
        ".",
        READS.format("data/five.pkl"),
    ),
    "model": (
        "- model: m\n  operations:\n    train:\n      notebook: notebooks/nb.ipynb\n"
        "      flags-import: all\n",
        "train",
        ".",
        READS.format("../data/five.pkl"),
    ),
    "outside": (GUILDFILE, "train", ".", READS.format("../../outside.bin")),
    "folder": (
        GUILDFILE,
        "train",
        ".",
        "import os\nprint('found:', len(os.listdir('../images')))",
    ),
    "many": (
        GUILDFILE,
        "train",
        ".",
        "for i in range(12):\n    open(f'../many/{i}.bin', 'rb').close()\nprint('found:', i)",
    ),
    "caused": (
        GUILDFILE,
        "train",
        ".",
        "try:\n    size = len(open('../data/five.pkl', 'rb').read())\n"
        "except OSError as e:\n    raise RuntimeError('no model') from e\nprint('found:', size)",
    ),
    "one-of-many": (
        GUILDFILE,
        "train",
        ".",
        "for i in range(12):\n    open(f'../some/{i}.bin', 'rb').close()\nprint('found:', i)",
    ),
    "package": (
        GUILDFILE,
        "train",
        ".",
        "import package_made.deep.own\nprint('found:', package_made.deep.own.y)",
    ),
    "no-sourcecode": (
        GUILDFILE + "  sourcecode: no\n",
        "train",
        ".",
        "import generated\nprint('found:', generated.y)",
    ),
    "ignored": (GUILDFILE, "train", ".", READS.format("../data/kept.dat")),
    "path-ignored": ("", "notebooks/nb.ipynb", ".", READS.format("../data/kept.dat")),
    "database": (
        GUILDFILE,
        "train",
        ".",
        "import sqlite3\ndb = sqlite3.connect('../data/five.pkl')\nprint('found:', db is not None)",
    ),
    "archive": (GUILDFILE, "train", ".", READS.format("../data/all.zip")),
    "module": (GUILDFILE, "train", ".", "import generated\nprint('found:', generated.y)"),
    "module-below": (
        GUILDFILE,
        "train",
        ".",
        "from tools import made\nprint('found:', made.y)",
    ),
    "module-of-path": (
        GUILDFILE,
        "train",
        ".",
        "import sys\nsys.path.insert(0, '../src')\nimport own\nprint('found:', own.y)",
    ),
    "bash": (GUILDFILE, "train", ".", "%%bash\ncat beside.csv > /dev/null && echo found: 1"),
    "path": ("", "notebooks/nb.ipynb", ".", READS.format("../data/five.pkl")),
    "path-from-root": ("", "notebooks/nb.ipynb", ".", READS.format("data/five.pkl")),
    "path-outside": ("", "nb.ipynb", "notebooks", READS.format("../data/small.csv")),
    "path-module": (
        "",
        "notebooks/nb.ipynb",
        ".",
        "import generated\nprint('found:', generated.y)",
    ),
}


@pytest.mark.parametrize("row", but_slow(ROWS, "large"))
def test_what_the_last_lines_say_mends_the_run(project: Project, row: str):
    guildfile, command, folder, source = ROWS[row]
    project.file("data/big.csv", TEXT_2_4_MB)
    project.file("data/five.pkl", b"\x80\x04N.\x00")
    project.file("data/all.zip", b"PK\x05\x06" + bytes(18))
    project.file("data/small.csv", "1\n")
    project.file("notebooks/beside.csv", "1\n")
    project.file("images/a.bin", b"\x00")
    for number in range(12):
        project.file(f"many/{number}.bin", b"\x00")
        project.file(f"some/{number}.bin", b"\x00")
    project.file("some/README", "text\n")
    if "ignored" in row:
        project.file(".gitignore", "*.dat\n")
        project.file("data/kept.dat", "1\n")
        git(project)
    if row == "no-sourcecode":
        project.file("notebooks/generated.py", "y = 1\n")
    if row == "package":
        project.file(".gitignore", "package_made/\n")
        project.file("notebooks/package_made/deep/own.py", "y = 1\n")
        git(project)
    project.file("notebooks/build/junk.txt", "")
    project.file("src/own.py", "y = 1\n")
    project.dir.parent.joinpath("outside.bin").write_bytes(b"\x00")
    if "module" in row and row != "module-of-path":
        project.file(".gitignore", "generated.py\nmade.py\n")
        project.file("notebooks/generated.py", "y = 1\n")
        project.file("notebooks/tools/__init__.py", "")
        project.file("notebooks/tools/made.py", "y = 1\n")
        git(project)
    project.notebook("notebooks/nb.ipynb", "x = 1", source)
    if guildfile:
        project.guildfile(guildfile)
    mends(project, command, cwd=folder)


def test_a_cell_that_writes_to_a_folder_of_the_project_is_told_to_make_it(project: Project):
    project.notebook("nb.ipynb", "open('models/new.txt', 'w').close()", "print('after')")
    (project.dir / "models").mkdir()
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.stderr.endswith(
        "\nthe run has no folder models: the project has it (models)\n"
        "make the folder in a cell before:\nimport os; os.makedirs('models', exist_ok=True)\n"
    )
    outputs = done.run.notebook("nb.ipynb")["cells"][0]["outputs"]
    assert "os.makedirs('models', exist_ok=True)" in "".join(outputs[-1]["text"])
