"""Paths that a run would not find are said before it, and no others."""

from __future__ import annotations

import subprocess

import pytest

from guild_notebook.analysis import blocks, paths
from tests.helpers.notebooks import notebook

MISSING = {
    "a table": (["import pandas as pd", "pd.read_csv('no.csv')"], "'no.csv'"),
    "a file that is opened": (["with open('no.txt') as f:\n    text = f.read()"], "'no.txt'"),
    "a folder that a name has": (
        ["import os, numpy as np\nDATA = 'no'", "np.load(os.path.join(DATA, 'x.npy'))"],
        "'no/x.npy'",
    ),
    "names in a text": (["D = 'no'\nx = open(f'{D}/x.txt')"], "'no/x.txt'"),
    "pathlib": (
        ["from pathlib import Path\nD = Path('no')", "(D / 'x.txt').read_text()"],
        "'no/x.txt'",
    ),
    "an image": (["from IPython.display import Image\nImage(filename='no.png')"], "'no.png'"),
    "a file of somebody's home": (["open('/home/nobody-is-here/x.txt')"], "on this machine"),
    "a path of Windows": (["open('C:\\\\Users\\\\me\\\\x.txt')"], "Windows"),
    "a folder to write to": (
        ["import matplotlib.pyplot as plt\nplt.savefig('no/x.png')"],
        "os.makedirs('no', exist_ok=True)",
    ),
    "after what makes no file": (
        ["import pandas as pd\n!pip install x\n%matplotlib inline", "df = pd.read_csv('no.csv')"],
        "'no.csv'",
    ),
    "after copies of others": (
        [
            "import pandas as pd\nt = pd.DataFrame()",
            "u = t.copy().rename(x)",
            "pd.read_csv('no.csv')",
        ],
        "'no.csv'",
    ),
    "twice": (["open('no.txt')", "open('no.txt')"], "'no.txt'"),
    "after others were read": (["a = open('here.txt')\nb = open('no.txt')"], "'no.txt'"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_path_that_is_not_there_is_said(name, project):
    cells, said = MISSING[name]
    (found,) = _found(cells, project)
    assert (found.rule, found.level) == ("missing-path", "warning")
    assert said in found.text


FINE = {
    "a file that is there": ["open('here.txt')", "open('data/x.csv')"],
    "one that a cell writes": ["open('a.txt', 'w').write('')", "open('a.txt')"],
    "one that a program makes": ["!wget https://x.org/a.csv", "open('a.csv')"],
    "one that the same line makes": [
        "open('a.txt', 'w').close(); open('a.txt').read()",
        "import os\nwith x:\n    os.makedirs('b')\n    open('b/c.txt')",
    ],
    "one whose mode is not known": ["open('a.txt', **options)"],
    "one that is opened in a way that is not known": ["open(*args)", "open('a.txt')"],
    "what a function of the notebook reads": [
        "class A:\n    def read_csv(self, n): pass\nA().read_csv('a')"
    ],
    "the name of something known": ["import xarray as xr\nxr.tutorial.open_dataset('rasm')"],
    "one that its own method makes": [
        "from pathlib import Path\np = Path('a.txt')\np.touch()",
        "open('a.txt')",
    ],
    "one that is fetched": [
        "from urllib.request import urlretrieve\nurlretrieve(url, name)",
        "open('a.csv')",
    ],
    "one that a function of a module makes": ["import helpers\nhelpers.go()", "open('a.csv')"],
    "one that a method makes": ["model.save(name)", "open('model.bin')"],
    "one that has an ending more": ["import numpy as np\nnp.save('a', x)", "np.load('a.npy')"],
    "one that is written as a cell": ["%%writefile a.py\nx = 1", "open('a.py')"],
    "in a folder that is made": ["import os\nos.makedirs('out')", "open('out/a.txt', 'w')"],
    "after another folder was entered": ["%cd data", "open('y.csv')"],
    "where it may not be executed": [
        "import os\nif os.path.exists('no.txt'):\n    open('no.txt')",
        "try:\n    open('no.txt')\nexcept OSError:\n    pass",
        "def f():\n    open('no.txt')",
        "x = a or open('no.txt')",
    ],
    "a name that is bound again": ["D = 'no'", "D = 'data'", "open(D + '/x.txt')"],
    "not paths": [
        "import pandas as pd\npd.read_csv('https://x.org/a.csv')\npd.read_json('[{\"a\": 1}]')",
        "pd.read_csv('data/*.csv')\nshelf.open('no')\nopen(0)\nopen()",
    ],
    "of the system": ["open('/proc/cpuinfo')", "open('/tmp/no-such', 'w')"],
    "a file in the run's own folder": ["open('new.txt', 'w')", "df.to_csv('./new.csv')"],
}


@pytest.mark.parametrize("name", FINE)
def test_of_a_path_that_may_be_there_nothing_is_said(name, project):
    assert _found(FINE[name], project) == []


def test_what_leaves_the_run_is_said(project, tmp_path):
    (tmp_path / "beside.csv").touch()
    read = _found(["open('../../beside.csv')"], project)
    written = _found(["df.to_csv('../../out.csv')"], project)
    absolute = _found([f"open({str(tmp_path / 'beside.csv')!r})"], project)
    assert [(each.rule, each.level) for each in (*read, *written)] == [
        ("leaves-run", "warning"),
        ("leaves-run", "warning"),
    ]
    assert "outside of the project" in read[0].text
    assert "written outside of the run" in written[0].text
    assert absolute == [] or absolute[0].level == "note"


def test_a_file_that_guild_does_not_copy_is_said(project, tmp_path):
    large, binary = project.parent / "large.csv", project.parent / "x.bin"
    large.write_bytes(b"1\n" * 600_000)
    binary.write_bytes(b"\0")
    cells = ["open('../large.csv')\nopen('../x.bin', 'rb')\nopen('here.txt')"]
    assert [
        each.text.partition(", since ")[2].partition(" - ")[0] for each in _found(cells, project)
    ] == [
        "Guild copies no file over 1 MB where there is no Git repository",
        "Guild copies only texts where there is no Git repository",
    ]
    subprocess.run(["git", "init", "-q"], cwd=project.parent, check=True)
    (project.parent / ".gitignore").write_text("*.bin\n")
    (found,) = _found(cells, project)
    assert found.text.startswith("'../x.bin' is not copied into runs, since git ignores it")
    assert _found(cells, project, in_place=True) == []
    assert _found(cells, project, brings="requires: [{file: x.bin}]") == []


@pytest.fixture
def project(tmp_path):
    """The folder of a notebook in a project."""
    folder = tmp_path / "project" / "notebooks"
    (folder / "data").mkdir(parents=True)
    (folder / "here.txt").touch()
    (folder / "data" / "x.csv").touch()
    return folder


def _found(cells, folder, **more):
    read = blocks.read(notebook(*cells), range(len(cells)), {})
    return list(paths.findings(read, paths.Project(str(folder.parent), str(folder), **more)))
