"""``guild-notebook check`` as people, programs and GitHub use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guild_notebook.analysis import checks
from guild_notebook.cli import main
from tests.helpers.project import markdown, notebook

CELLS = (
    markdown("# Title"),
    'lr = 0.1  #@param {type:"number"}\nunused = 3  #@param',
    "import os\n\nprint(lr, y)",
    "y = 2\nprint(os.getcwd())",
)
UNUSED = (
    "flag unused in the 2nd cell (Title) reaches no cell: nothing reads unused - use it where its "
    "value is to count, or take it out"
)
LATER = "'y' is used before the 4th cell (Title: y = 2) binds it - move that cell up"


def check(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "check", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("checked")
    (place / "train.ipynb").write_text(json.dumps(notebook(*CELLS), indent=1))
    (place / "good.ipynb").write_text(json.dumps(notebook("x = 1", "print(x)")))
    (place / "quiet.ipynb").write_text(json.dumps(notebook("x = 1  #@param", "print(x)")))
    return place


def test_a_line_says_where_what_and_why_and_a_table_what_flags_reach(folder: Path):
    done = check(folder, "train.ipynb")
    assert done.stdout.splitlines() == [
        f"train.ipynb:cell 2:2:10: warning: {UNUSED} (flag-reaches-nothing)",
        f"train.ipynb:cell 3:3:11: error: {LATER} (undefined-name)",
        "",
        "FLAG    REACHES",
        "lr      cells 2-3",
        "unused  cell 2",
        "",
        "1 error, 1 warning",
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_where_nothing_is_found_the_table_comes_first(folder: Path):
    assert check(folder, "quiet.ipynb").stdout.splitlines() == [
        "FLAG  REACHES",
        "x     cells 1-2",
        "",
        "nothing is found that would go wrong in a run",
    ]


def test_json_has_all_of_it_and_counts_cells_from_0(folder: Path):
    done = check(folder, "train.ipynb", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "notebook": "train.ipynb",
        "findings": [
            {
                **{"cell": 1, "line": 2, "column": 10, "rule": "flag-reaches-nothing"},
                **{"level": "warning", "text": UNUSED},
            },
            {
                **{"cell": 2, "line": 3, "column": 11, "rule": "undefined-name"},
                **{"level": "error", "text": LATER},
            },
        ],
        "reaches": {"lr": [1, 2], "unused": [1]},
    }


def test_annotations_of_github_stand_at_the_line_of_the_file(folder: Path):
    """A source that is a list, as Jupyter writes it, has a line of the file for each of its own."""
    document = notebook(*CELLS)
    for cell in document["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    text = json.dumps(document, indent=1)
    (folder / "a, b.ipynb").write_text(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "print(lr, y)" in each)
    done = check(folder, "a, b.ipynb", "--github")
    assert done.stdout.splitlines()[1] == (
        f"::error file=a%2C b.ipynb,line={line},title=undefined-name::"
        f"cell 3, line 3: {LATER} (undefined-name)"
    )
    assert done.returncode == 1


def test_nothing_is_said_of_a_notebook_that_runs(folder: Path):
    done = check(folder, "good.ipynb")
    assert done.stdout.splitlines()[-1] == "nothing is found that would go wrong in a run"
    assert (done.returncode, done.stderr) == (0, "")
    assert check(folder, "good.ipynb", "--github").stdout == ""


def test_values_are_those_of_the_run(folder: Path):
    (folder / "raw.ipynb").write_text(json.dumps(notebook("a = 1", "f = a + 1", "print(f)")))
    assert check(folder, "raw.ipynb", "a=2").returncode == 0
    cell = "n = 5  #@param {type:'raw'}"
    (folder / "raw.ipynb").write_text(json.dumps(notebook(cell, "print(n)")))
    assert check(folder, "raw.ipynb").returncode == 0
    done = check(folder, "raw.ipynb", "n=other + 1")
    assert done.stdout.splitlines()[0] == (
        "raw.ipynb:cell 1:1:5: error: 'other' is used and no cell binds it - bind or import it "
        "before (undefined-name)"
    )


def test_options_say_which_cells_run(folder: Path):
    done = check(folder, "train.ipynb", "nb-until=the 2nd cell")
    assert "undefined-name" not in done.stdout


WRONG = {
    "no notebook": (["none.ipynb"], "notebook none.ipynb does not exist - "),
    "no flag": (["train.ipynb", "lrr=1"], "train.ipynb has no flag lrr - did you mean 'lr'?"),
    "no value": (
        ["train.ipynb", "lr=x"],
        'flag lr in the 2nd cell (Title) takes a number, not "x"',
    ),
    "no option": (["train.ipynb", "nb-utnil=2"], "train.ipynb: unknown option 'nb-utnil' - "),
}


@pytest.mark.parametrize(("args", "said"), WRONG.values(), ids=WRONG)
def test_trouble_is_one_line_and_status_2(folder: Path, args: list[str], said: str):
    done = check(folder, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"guild-notebook: {said}")
    assert done.stderr.count("\n") == 1


def test_a_kernel_that_is_not_there_is_found(folder: Path):
    done = check(folder, "train.ipynb", "nb-kernel=/not/there")
    assert "error: kernel '/not/there': /not/there is not there" in done.stdout.splitlines()[0]


def test_a_kernel_that_is_not_there_is_found_where_nothing_is_imported(folder: Path):
    done = check(folder, "good.ipynb", "nb-kernel=/not/there")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].endswith(" (missing-kernel)")
    julia = {"name": "julia-0.1", "language": "julia", "display_name": "Julia"}
    document = notebook("x = 1", "println(x)", metadata={"kernelspec": julia})
    (folder / "julia.ipynb").write_text(json.dumps(document))
    assert "error: kernel 'julia-0.1' is not installed - " in check(folder, "julia.ipynb").stdout


def test_ctrl_c_ends_a_command_without_a_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
):
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checks, "findings", interrupted)
    assert main(["check", str(folder / "good.ipynb")]) == 130
    assert capfd.readouterr() == ("", "")


def test_startup_files_of_ipython_bind_names(folder: Path, tmp_path: Path):
    scripts = tmp_path / "profile_default" / "startup"
    scripts.mkdir(parents=True)
    (scripts / "10-own.py").write_text("y = 3\n")
    assert "undefined-name" not in check(folder, "train.ipynb", IPYTHONDIR=str(tmp_path)).stdout


def test_nothing_of_a_notebook_is_executed(folder: Path):
    cells = "open('made', 'w')", "%%bash\ntouch made", "!touch made", "import made"
    (folder / "made.py").write_text("open('made', 'w')")
    (folder / "acting.ipynb").write_text(json.dumps(notebook(*cells)))
    check(folder, "acting.ipynb")
    assert not (folder / "made").exists()


def test_hostile_texts_do_not_reach_the_terminal(folder: Path):
    (folder / "odd.ipynb").write_text(json.dumps(notebook("%\x1b[31mred", "x\x1b = 1")))
    done = check(folder, "odd.ipynb")
    assert "\x1b" not in done.stdout + check(folder, "odd.ipynb", "--github").stdout
    assert done.returncode in (0, 1)


def test_a_usual_notebook_is_checked_within_a_second(folder: Path):
    cells = [
        "import os, json, yaml\nimport not_there\nlr = 0.1",
        *(f"def f{n}(x):\n    return x + lr\ny{n} = f{n}({n})\nprint(y{n})" for n in range(60)),
    ]
    (folder / "usual.ipynb").write_text(json.dumps(notebook(*cells)))
    before = os.times()
    assert check(folder, "usual.ipynb").returncode == 1
    after = os.times()  # of the processor, since other tests run as well
    used = after.children_user + after.children_system
    assert used - before.children_user - before.children_system < 1
