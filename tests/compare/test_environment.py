"""What differs between the environments of two runs, by what they have recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from guild_notebook.compare import environment
from guild_notebook.compare.model import Run
from guild_notebook.compare.reading import read_run

KERNEL = {
    "name": "python3",
    "language": "python",
    "version": "3.11.2",
    "implementation": "CPython",
    "interpreter": "/env/bin/python",
    "platform": "Linux-6.1",
    "packages": ["numpy==2.0.1", "scipy==1.14.0"],
}

MANIFEST = """s .guild/sourcecode/train.ipynb 11 train.ipynb
s helper.py 22 helper.py
d data.csv 33 file:data.csv
d train.ipynb - notebook:train.ipynb
g ./train.ipynb - notebook:train.ipynb
"""


def run(folder: Path, manifest: str = MANIFEST, **kernel: Any) -> Run:
    """A run in ``folder`` with the kernel of KERNEL, but for what is given."""
    described = {key: value for key, value in {**KERNEL, **kernel}.items() if value is not None}
    attrs = folder / ".guild" / "attrs"
    attrs.mkdir(parents=True)
    (folder / ".guild" / "manifest").write_text(manifest)
    (attrs / "vcs_commit").write_text("git:1234567890abcdef*\n")
    document = {"cells": [], "metadata": {"guild_kernel": described}, "nbformat": 4}
    (folder / "train.ipynb").write_text(json.dumps(document))
    return read_run(str(folder))


def test_two_runs_of_one_environment_have_the_same(tmp_path: Path) -> None:
    found = environment.between(run(tmp_path / "a"), run(tmp_path / "b"))
    assert (found.line, found.changes, found.unknown) == ("", [], [])
    assert found.same == "the kernel, 2 packages, the machine, 2 source files, 1 file"


@pytest.mark.parametrize(
    ("kernel", "manifest", "line"),
    [
        ({"version": "3.12.1"}, MANIFEST, "Python 3.11.2 → 3.12.1"),
        (
            {"packages": ["numpy==2.1.0", "pandas==3.0"]},
            MANIFEST,
            "numpy 2.0.1 → 2.1.0, scipy 1.14.0 removed, pandas 3.0 added",
        ),
        (
            {"packages": [f"p{number}==1" for number in range(9)]},
            MANIFEST,
            "numpy 2.0.1 removed, scipy 1.14.0 removed, p0 1 added, 8 more packages",
        ),
        ({"gpus": ["A100", "A100"]}, MANIFEST, "GPUs none → A100, A100"),
        ({"platform": "macOS-15"}, MANIFEST, "platform Linux-6.1 → macOS-15"),
        ({}, MANIFEST.replace(" 33 ", " 34 "), "data.csv changed"),
        ({}, MANIFEST.replace(" 22 ", " 23 "), "helper.py changed"),
        ({}, MANIFEST + "d more.csv 44 file:more.csv\n", "more.csv added"),
        ({"name": "x", "interpreter": "/b"}, MANIFEST, "kernel python3 → x, "
         "interpreter /env/bin/python → /b"),
    ],
)  # fmt: skip
def test_what_differs_is_named(
    tmp_path: Path, kernel: dict[str, Any], manifest: str, line: str
) -> None:
    found = environment.between(run(tmp_path / "a"), run(tmp_path / "b", manifest, **kernel))
    assert found.line == line


def test_the_place_of_the_interpreter_is_no_cause_of_a_difference(tmp_path: Path) -> None:
    found = environment.between(run(tmp_path / "a"), run(tmp_path / "b", interpreter="/b"))
    assert (len(found.changes), found.causes) == (1, [])


def test_what_is_not_recorded_is_said_and_is_no_change(tmp_path: Path) -> None:
    first = run(tmp_path / "first", packages=None)
    other = run(tmp_path / "other", MANIFEST + "d folder - file:folder\n")
    found = environment.between(first, other)
    assert found.changes == []
    assert environment.between(first, first).unknown == ["neither run has recorded its packages"]
    assert found.unknown == [
        "run first has not recorded its packages",
        "folder: a folder has no digest",
    ]


@pytest.mark.parametrize(
    ("before", "after", "line", "unknown"),
    [
        ({"a.csv": "1"}, {"a.csv": "2"}, "a.csv of the project changed", []),
        ({"a.csv": "1", "b": "2"}, {"b": "2"}, "a.csv of the project removed", []),
        ({"./d/a.csv": "1"}, {"./d/a.csv": "2"}, "d/a.csv changed", []),
        ({"a.csv": "-"}, {"a.csv": "2"}, "", ["a.csv of the project has no digest"]),
        (
            {"a.csv": "1", "c": "1", "": "-"},
            {"b.csv": "2", "c": "2"},
            "c of the project changed, a.csv of the project removed",
            ["files that cells have read beside those"],
        ),
        ({"a.csv": [1], 2: {}}, {"a.csv": None}, "a.csv of the project changed", []),
    ],
)
def test_files_that_cells_have_read_are_compared_where_both_digests_are_known(
    tmp_path: Path, before: Any, after: Any, line: str, unknown: list[str]
) -> None:
    runs = run(tmp_path / "first"), run(tmp_path / "other")
    for name, digests in zip(("first", "other"), (before, after)):
        attribute = tmp_path / name / ".guild" / "attrs" / "project_files"
        attribute.write_text(yaml.safe_dump(digests))
    found = environment.between(*runs)
    assert sorted(found.line.split(", ")) == sorted(line.split(", "))
    assert found.unknown == unknown


def test_a_required_folder_is_known_by_the_files_in_it_that_were_read(tmp_path: Path) -> None:
    first = run(tmp_path / "first", MANIFEST + "d folder - file:folder\n")
    attribute = tmp_path / "first" / ".guild" / "attrs" / "project_files"
    attribute.write_text(yaml.safe_dump({"./folder/a.csv": "1"}))
    assert environment.between(first, first).unknown == []


def test_a_run_without_digests_of_what_it_requires_says_so(tmp_path: Path) -> None:
    first = run(tmp_path / "first", MANIFEST.replace("d data.csv 33 file:data.csv\n", ""))
    attribute = {"file:data.csv": {"file:data.csv": {"paths": ["../data.csv"]}}}
    (tmp_path / "first" / ".guild" / "attrs" / "deps").write_text(yaml.safe_dump(attribute))
    found = environment.between(first, run(tmp_path / "other"))
    assert found.unknown == ["run first has not recorded digests of the files that it requires"]
    assert found.line == ""


@pytest.mark.parametrize(
    ("lines", "packages"),
    [
        (["numpy==2.0.1"], {"numpy": "2.0.1"}),
        (["Flask_Login==0.6"], {"flask-login": "0.6"}),
        (["tool @ file:///src/tool.whl"], {"tool": "file:///src/tool.whl"}),
        (["-e git+https://host/a.git@12#egg=a_b"], {"a-b": "git+https://host/a.git@12#egg=a_b"}),
        (["a @ git+https://me:secret@host/a@1"], {"a": "git+https://****@host/a@1"}),
        (
            ["# Editable install with no version control (own==0.1)", "-e /home/own", "numpy==2"],
            {"own": "0.1 (/home/own)", "numpy": "2"},
        ),
        (["-e /home/own"], {"/home/own": "/home/own"}),
        (["", "# a comment", "--index-url x", 3, None], {}),
    ],
)
def test_lines_of_pip_freeze_are_read_as_names_and_versions(
    lines: list[Any], packages: dict[str, str]
) -> None:
    assert dict(environment.packages_of(lines)) == packages


@pytest.mark.parametrize("text", ["", "[]", "null", '{"metadata": {"guild_kernel": [1]}}', "{"])
def test_a_run_that_holds_anything_is_compared(tmp_path: Path, text: str) -> None:
    first = tmp_path / "first"
    run(first, "s\nd 1\n'\nd train.ipynb - notebook:train.ipynb\n")
    (first / "train.ipynb").write_text(text)
    (first / ".guild" / "attrs" / "pip_freeze").write_text("{a: 1")
    found = environment.between(read_run(str(first)), run(tmp_path / "other"))
    assert "run first has not recorded its kernel" in found.unknown
