"""Notebooks of any name run, beside files of any name; what Guild cannot list is said in a line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.helpers.project import Project, notebook
from tests.helpers.slow import but_slow

ODD = "-a'b\"c\\d $x %s*[q]?#;&|<>(){}!~@:,é😀e\u0301\u2028\x85\x1b\r\t"
"""A name with a character of each kind that some reader of names may take for something else."""

NAMES = [
    "-x",
    "--help",
    "-um",
    " a ",
    "a\\b",
    "a\rb",
    "$x",
    "100%s",
    "*[a]?",
    "#a",
    "~",
    "@a",
    "a:b",
]

NEIGHBOURS = [
    b"a\rb",
    b"\r",
    "a\u2028b\x85c".encode(),
    b"-x",
    b"--",
    b"a'b\"c",
    b" a b ",
    b"\\x\\",
    b"$x${y}",
    b"*[a]?",
    b"a\tb\x0b\x0c\x1c",
    "é中😀e\u0301".encode(),
]
CANNOT_BE_LISTED = [b"a\nb", b"a\xffb"]

CELLS = ("lr = 1", "print('lr is', lr)")


PATHS = [f"./{ODD}.ipynb", f"./{ODD}/{ODD}.ipynb"]


@pytest.mark.parametrize("path", but_slow(PATHS, PATHS[0]))
def test_a_notebook_of_any_name_runs_and_starts_again(project: Project, path: str):
    project.notebook(path, *CELLS)
    done = project.run(path, "lr=2")
    assert done.stdout == "lr is 2\n"
    name = os.path.normpath(path)
    assert done.run.sources(name) == ["lr = 2", CELLS[1]]
    assert (done.run.dir / name).with_suffix(".html").exists()
    # With new values it cannot: Guild reads the name anew, and takes the \r for a line break.
    assert project.run("--restart", done.run.id).stdout == "lr is 2\n"
    assert done.run.source(name) == (project.dir / name).read_bytes()


@pytest.mark.faults
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", [".", "-f $x"])
def test_a_name_that_is_odd_in_one_way_runs(project: Project, name: str, folder: str):
    project.notebook(f"{folder}/{name}.ipynb", *CELLS)
    assert project.run(f"./{folder}/{name}.ipynb", "lr=2").stdout == "lr is 2\n"


@pytest.mark.parametrize("path", but_slow(["-x.ipynb", "nbs/-x.ipynb"], "-x.ipynb"))
def test_a_name_with_a_dash_is_that_of_an_operation_too(project: Project, path: str):
    project.notebook(path, *CELLS)
    project.guildfile(
        f"op: {{notebook: {path}, sourcecode: {{dest: src}}, nb-report: none, flags-import: all}}"
    )
    done = project.run("op", "lr=2", NB_NO_EXEC="1")
    assert done.run.sources(f"src/{path}") == ["lr = 2", CELLS[1]]


def test_files_of_any_name_beside_a_notebook_are_in_its_run(project: Project):
    for name in [*NEIGHBOURS, *CANNOT_BE_LISTED]:
        Path(project.dir / os.fsdecode(name)).write_text("beside")
    project.notebook("nb.ipynb", *CELLS)
    project.without_reports("nb.ipynb")
    done = project.run("nb.ipynb", "lr=2")
    assert done.stdout == "lr is 2\n"
    for name in NEIGHBOURS:
        assert (done.run.dir / os.fsdecode(name)).read_text() == "beside"
    warned = sorted(line for line in done.stderr.splitlines() if "WARNING" in line)
    why = "is not copied: its name has a line break or is not UTF-8 - rename it"
    assert warned == [
        f"WARNING: source file 'a\\nb' {why}",
        f"WARNING: source file 'a\\udcffb' {why}",
    ]
    assert project.run("--restart", done.run.id).stdout == "lr is 2\n"
    listed = project.guild("ls", "--generated")
    assert listed.status == 0 and "nb.ipynb" in listed.stdout and "\\x" not in listed.stdout


@pytest.mark.parametrize("name", [b"a\nb.ipynb", b"a\xffb.ipynb"])
def test_a_notebook_that_cannot_be_listed_is_refused_in_a_line(project: Project, name: bytes):
    Path(project.dir / os.fsdecode(name)).write_text(json.dumps(notebook(*CELLS)))
    done = project.guild("run", "-y", os.fsdecode(name))
    said = "its name has a line break or is not UTF-8 - rename it"
    assert done.stderr == f"guild: notebook {os.fsdecode(name)!a}: {said}\n"
    assert done.status == 1 and not done.run_dirs
