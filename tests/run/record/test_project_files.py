"""The files of the project that a notebook's code names."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.run.record.project_files import NONE, ProjectFiles, named
from guild_notebook.run.record.run_files import RunFiles


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("data.csv", "nb/data.csv", "nb/helper.py", "nb/pack/__init__.py", "a b.csv"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "outside.csv").write_text("outside")
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    return folder


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("open('data.csv')", ["nb/data.csv"]),
        ('open("../data.csv")', ["data.csv"]),
        ("f(x)('../a b.csv', `../a b.csv`)", ["a b.csv"]),
        ("open(r'data.csv'); print(\"it's\")", ["nb/data.csv"]),
        ("import helper, os\nfrom pack.part import x", ["nb/helper.py"]),
        ("  from pack import x", ["nb/pack/__init__.py"]),
        ("open(os.environ['PROJECT_DIR'] + 'a b.csv')", ["a b.csv"]),
        ("open('../link.csv'), open('../../outside.csv'), open('..'), open('')", []),
        ("x = 'data' + '.csv'", []),
        ("'" * 5_000 + "\0'" + "x" * 5_000, []),
    ],
)
def test_files_that_code_names_are_found(project: Path, source: str, found: list[str]) -> None:
    assert list(named([source], str(project / "nb"), str(project))) == found


def test_outside_of_the_project_a_path_is_that_of_the_run(project: Path, tmp_path: Path) -> None:
    cwd = str(tmp_path)
    assert list(named(["open('data.csv')"], cwd, str(project))) == []
    absolute = f"open('{project / 'data.csv'}')"
    assert list(named([absolute], cwd, str(project))) == ["data.csv"]


def test_their_digests_are_an_attribute_of_the_run(project: Path, tmp_path: Path) -> None:
    run = RunFiles(str(tmp_path / "run"))
    (tmp_path / "run" / ".guild" / "attrs").mkdir(parents=True)
    code = ["open('data.csv')"]
    ProjectFiles(run, code, str(project), str(project)).finish(10)
    digest = hashlib.sha1(b"data.csv").hexdigest()
    assert run.attr("project_files") == {"data.csv": digest}
    ProjectFiles(run, ["pass"], str(project), str(project)).finish(10)
    assert RunFiles(run.dir).attr("project_files") == {}


def test_a_file_that_takes_too_long_has_no_digest(project: Path, tmp_path: Path) -> None:
    run = RunFiles(str(tmp_path / "run"))
    (tmp_path / "run" / ".guild" / "attrs").mkdir(parents=True)
    with (project / "data.csv").open("wb") as file:
        file.truncate(50_000_000_000)
    ProjectFiles(run, ["open('data.csv')"], str(project), str(project)).finish(0.1)
    assert run.attr("project_files") == {"data.csv": NONE}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"files": {"a": 1}},
        {"files": [1, [], ["data.csv"], [["data.csv"], 1], ["caf\u20ac", 1, 2, 3]]},
        {"files": [["../outside.csv", 1, 2, 3], ["/etc/passwd", 1, 2, 3], ["a\0b", 1, 2, 3]]},
        {"files": [["data.csv", float("inf"), 2, 3], ["data.csv", "x", None, 3]]},
        {"files": [["x" * 100_000, 1, 2, 3]], "more": 7},
        {"files": [["./nb", 1, 2, 3], ["missing.csv", 1, 2, 3]]},
    ],
)
def test_of_what_a_kernel_tells_only_files_of_the_project_or_the_run_get_a_digest(
    project: Path, tmp_path: Path, content: Any
) -> None:
    run = RunFiles(str(tmp_path / "run"))
    (tmp_path / "run" / ".guild" / "attrs").mkdir(parents=True)
    files = ProjectFiles(run, [], str(project), str(project))
    files.add(content)
    files.finish(10)
    assert set(run.attr("project_files").values()) <= {NONE}


def test_a_file_has_a_digest_only_if_it_was_the_same_all_the_time(
    project: Path, tmp_path: Path
) -> None:
    run = RunFiles(str(tmp_path / "run"))
    (tmp_path / "run" / ".guild" / "attrs").mkdir(parents=True)
    files = ProjectFiles(run, ["pass"], str(project), str(project))
    names = ("data.csv", "a b.csv", "nb/data.csv")
    states = [os.stat(project / name) for name in names]
    told = [[n, s.st_mtime_ns, s.st_size, s.st_ino] for n, s in zip(names, states)]
    files.add({"files": told})
    (project / "a b.csv").write_text("other")
    new = project / "new.csv"
    new.write_text("nb/data.csv")  # of the same size and time as the one in whose place it comes
    os.utime(new, ns=(states[2].st_atime_ns, states[2].st_mtime_ns))
    new.rename(project / "nb" / "data.csv")
    files.finish(10)
    digest = hashlib.sha1(b"data.csv").hexdigest()
    assert run.attr("project_files") == {"data.csv": digest, "a b.csv": NONE, "nb/data.csv": NONE}
