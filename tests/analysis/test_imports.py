"""Imports of modules that the kernel's environment lacks."""

from __future__ import annotations

import pytest

from guild_notebook.analysis.checks import Checked, findings
from tests.helpers.notebooks import flags, notebook

FIRST = "import os"


def said(*cells: str, folders: tuple[str, ...] = ()) -> list[str]:
    """The imports that fail, where no module is there whose name begins with ``no_``."""

    def lacking(modules: list[str]) -> dict[str, str]:
        return {each: f"there is no {each}" for each in modules if each.startswith("no_")}

    found = findings(Checked(notebook(*cells), flags(""), folders), lacking)
    assert all(each.level == "error" for each in found if each.rule == "missing-import")
    return [
        f"{each.cell + 1}:{each.line} {each.text}"
        for each in found
        if each.rule == "missing-import"
    ]


FAILING = {
    "import": (["import os, no_a"], ["1:1 there is no no_a"]),
    "a part": (["import no_a.b as c"], ["1:1 there is no no_a.b"]),
    "from": (["1\nfrom no_a.b import c"], ["1:2 there is no no_a.b"]),
    "twice": (["import no_a", "import no_a"], ["1:1 there is no no_a"]),
    "in a function that is called": (
        ["def f():\n    import no_a", "f()"],
        ["1:2 there is no no_a"],
    ),
    "before an install": (["import no_a", "!pip install no_a"], ["1:1 there is no no_a"]),
    "before a comment of one": (["# !pip install no_a\nimport no_a"], ["1:2 there is no no_a"]),
    "relative": (
        ["from .a import b"],
        [
            "1:1 '.a' is an import of the same package, and a notebook is in none - import the "
            "module by its full name"
        ],
    ),
}

NOT_SAID = {
    "it is there": ["import yes_a"],
    "a try with a handler": ["try:\n    import no_a\nexcept ImportError:\n    no_a = None"],
    "a branch": ["if f:\n    import no_a"],
    "a function that is not called": ["def f():\n    import no_a"],
    "it is installed": ["%pip install -q no_a", "import no_a"],
    "it is installed by conda": ["!conda install no_a", "import no_a"],
    "it is written": ["%%writefile no_a.py\nx = 1", "import no_a"],
    "the path is changed": ["import sys\nsys.path.append('..')", "import no_a"],
    "the path of sys by another name": ["from sys import path\npath.append('..')", "import no_a"],
    "the path of a package": ["import a\na.__path__.append('b')", "import no_a"],
    "the folder is changed": ["%cd ..", "import no_a"],
    "a repository is cloned": ["!git clone https://example.org/no_a", "import no_a"],
    "the future": ["from __future__ import no_a"],
}


@pytest.mark.parametrize(("cells", "expected"), FAILING.values(), ids=FAILING)
def test_an_import_that_fails_is_said(cells: list[str], expected: list[str]):
    assert said(*cells) == expected


@pytest.mark.parametrize("cells", NOT_SAID.values(), ids=NOT_SAID)
def test_nothing_is_said_of_what_may_be_there(cells: list[str]):
    assert said(*cells) == []


def test_modules_beside_the_notebook_are_there(tmp_path):
    (tmp_path / "no_a.py").write_text("")
    (tmp_path / "no_b").mkdir()
    (tmp_path / "no_c.ipynb").write_text("")
    assert said("import no_a, no_b.d, no_c, no_e", folders=(str(tmp_path),)) == [
        "1:1 there is no no_e"
    ]
