"""The notebook is always in the run, whatever Guild's source code rules say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import Project, Run, code
from tests.helpers.slow import but_slow

CELL = code("x = 1\nprint(f'value: {x}')")


@pytest.fixture(autouse=True)
def _nothing_is_executed(project: Project) -> None:
    """What is copied and what values are put in is known without."""
    project.env["NB_NO_EXEC"] = "1"


def files_of(run: Run) -> set[str]:
    found = {p.relative_to(run.dir).as_posix() for p in run.dir.rglob("*") if p.is_file()}
    return {name for name in found if not name.startswith((".guild/attrs", ".guild/events"))}


def check(project: Project, run: Run, name: str, project_name: str = "") -> None:
    assert run.source(name) == (project.dir / (project_name or name)).read_bytes()
    assert "x = 2" in run.sources(name)[0]
    assert not [f for f in files_of(run) if "checkpoint" in f]


def test_a_notebook_of_more_than_a_megabyte_is_copied(project: Project):
    project.notebook("big.ipynb", CELL, code("pass\n" + "# filler\n" * 150_000))
    done = project.run("big.ipynb", "x=2")
    check(project, done.run, "big.ipynb")
    assert "too big" not in done.stderr


def test_a_notebook_after_a_hundred_other_files_is_copied(project: Project):
    for number in range(110):
        project.file(f"a{number:03}.txt", "x")
    project.notebook("z.ipynb", CELL)
    run = project.run("z.ipynb", "x=2").run
    check(project, run, "z.ipynb")
    assert "a000.txt" in files_of(run)


def test_pages_that_compare_runs_are_not_copied_as_source_code(project: Project):
    project.notebook("nb.ipynb", CELL)
    project.run("nb.ipynb")
    subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "compare"],
        cwd=project.dir,
        env=project.environment(),
        check=True,
    )
    page = project.dir / "compare.html"
    project.file("large.html", page.read_text("utf-8") + " " * 2_000_000)
    project.file("own.html", "<p>")
    done = project.run("nb.ipynb", "x=2")
    assert {name for name in files_of(done.run) if name.endswith(".html")} == {
        "own.html",
        ".guild/sourcecode/own.html",
    }
    assert "WARNING" not in done.stderr


MANY = "WARNING: Found more than 100 source code files but will only copy 100 as a safety measure."
BIG = "WARNING: Skipping source code file b.csv because it's too big."
HELP = " To control which files are copied, define 'sourcecode' for the operation in a Guild file."


@pytest.mark.parametrize("name", but_slow(["a.ipynb", "z.ipynb", "build/nb.ipynb"], "z.ipynb"))
def test_what_guild_leaves_out_is_said_as_for_a_script(project: Project, name: str):
    for number in range(130):
        project.file(f"m{number:03}.txt", "x")
    project.file("b.csv", "1,2\n" * 300_000)
    project.file("a.py", "print(1)")
    project.notebook(name, CELL)
    for operation in ("a.py", name):
        done = project.run(operation)
        said = [line for line in done.stderr.splitlines() if "WARNING" in line]
        assert said == [BIG + HELP, MANY + HELP], operation


@pytest.mark.parametrize("kind", ["main", "notebook"])
def test_a_file_that_the_operation_writes_itself_is_not_copied_as_source(
    project: Project, kind: str
):
    project.file("config.yml", "level: 1\n")
    project.file("a.py", "level = 1")
    project.notebook("nb.ipynb", "level = 1")
    run = {"main": "main: a", "notebook": "notebook: nb.ipynb"}[kind]
    project.guildfile(
        f"a:\n  {run}\n  flags-dest: config:config.yml\n  flags-import: all\n"
        "  requires: [config: config.yml]\n"
    )
    run_dir = project.run("a", "--stage", "level=3").run.dir
    assert not (run_dir / ".guild/sourcecode/config.yml").exists()


SETTINGS = {
    "no": "sourcecode: no",
    "exclude": "sourcecode:\n    - exclude: '*.ipynb'",
    "only-py": "sourcecode: ['*.py']",
    "dir": "sourcecode:\n    - exclude: {dir: [sub]}",
    "select-no": "sourcecode: {select: no}",
}


@pytest.mark.parametrize("setting", but_slow(SETTINGS, "no", "only-py"))
def test_a_notebook_that_the_settings_leave_out_is_copied_alone(project: Project, setting: str):
    project.notebook("sub/nb.ipynb", CELL)
    project.notebook("sub/.ipynb_checkpoints/nb-checkpoint.ipynb", CELL)
    project.notebook("sub/other.ipynb", CELL)
    project.file("sub/helper.py", "y = 1\n")
    project.guildfile(f"a:\n  notebook: sub/nb.ipynb\n  flags: {{x: 1}}\n  {SETTINGS[setting]}\n")
    run = project.run("a", "x=2").run
    check(project, run, "sub/nb.ipynb")
    assert "sub/other.ipynb" not in files_of(run)
    assert ("sub/helper.py" in files_of(run)) == (setting in ("exclude", "only-py"))


def test_a_model_without_sourcecode_has_its_notebook(project: Project):
    project.notebook("nb.ipynb", CELL)
    project.file("helper.py", "y = 1\n")
    project.guildfile(
        "- model: m\n  sourcecode: no\n  operations:\n    a:\n      notebook: nb.ipynb\n"
        "      flags: {x: 1}\n"
    )
    run = project.run("a", "x=2").run
    check(project, run, "nb.ipynb")
    assert "helper.py" not in files_of(run)


def test_a_git_ignored_notebook_is_copied_and_no_checkpoint(project: Project):
    project.notebook("nb.ipynb", CELL)
    project.notebook(".ipynb_checkpoints/nb-checkpoint.ipynb", CELL)
    project.notebook("hidden/deep/nb.ipynb", CELL)
    project.file("hidden/secret.txt", "no source")
    project.file(".gitignore", "nb.ipynb\nhidden\n")
    subprocess.run(["git", "init", "-q"], cwd=project.dir, check=True)
    check(project, project.run("nb.ipynb", "x=2").run, "nb.ipynb")
    run = project.run("hidden/deep/nb.ipynb", "x=2").run
    check(project, run, "hidden/deep/nb.ipynb")
    assert "hidden/secret.txt" not in files_of(run)


def test_a_notebook_in_a_folder_that_guild_never_copies_is_copied(project: Project):
    project.notebook("build/nb.ipynb", CELL)
    project.file("build/junk.txt", "x")
    run = project.run("build/nb.ipynb", "x=2").run
    check(project, run, "build/nb.ipynb")
    assert "build/junk.txt" not in files_of(run)


PLACES = {"a": "nb.ipynb", "b": "code/nb.ipynb", "c": "code/src/nb.ipynb"}


@pytest.mark.parametrize("operation", but_slow(PLACES, "b"))
def test_root_and_dest_of_the_source_code_are_honoured(project: Project, operation: str):
    project.notebook("src/nb.ipynb", CELL)
    project.file("src/helper.py", "y = 1\n")
    common = "  nb-report: none\n  flags: {x: 1}\n"
    project.guildfile(
        f"a:\n  notebook: src/nb.ipynb\n{common}  sourcecode: {{root: src}}\n"
        f"b:\n  notebook: nb.ipynb\n{common}  sourcecode: {{root: src, dest: code}}\n"
        f"c:\n  notebook: src/nb.ipynb\n{common}  sourcecode: {{dest: code}}\n"
    )
    run = project.run(operation, "x=2").run
    check(project, run, PLACES[operation], "src/nb.ipynb")
    again = project.run("--restart", run.id, "x=2", NB_NO_EXEC="0")
    assert "value: 2" in again.stdout


def test_a_name_with_pattern_characters_is_copied(project: Project):
    name = "a [1]* it's (b).ipynb"
    project.notebook(name, CELL)
    project.file("other.py", "")
    check(project, project.run(name, "x=2").run, name)


def test_a_notebook_outside_the_source_code_root_is_had_from_the_project(project: Project):
    project.notebook("nbs/nb.ipynb", CELL)
    project.file("src/helper.py", "y = 1\n")
    project.guildfile("a:\n  notebook: nbs/nb.ipynb\n  flags: {x: 1}\n  sourcecode: {root: src}\n")
    done = project.run("a", "x=2")
    check(project, done.run, "nb.ipynb", "nbs/nb.ipynb")
    assert "nbs/nb.ipynb is taken from the project as it is now" in done.stderr


def test_a_linked_notebook_is_copied_and_the_link_is_left_alone(project: Project, tmp_path: Path):
    real = project.notebook("../real.ipynb", CELL)
    before = real.read_bytes()
    (project.dir / "nb.ipynb").symlink_to(real)
    check(project, project.run("nb.ipynb", "x=2").run, "nb.ipynb")
    assert real.read_bytes() == before
