"""The command ``guild-notebook`` as people and programs use it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys

import pytest

from guild_notebook import __version__
from guild_notebook.cli import main
from tests.helpers.slow import but_slow
from tests.helpers.terminal import on_terminal

SLOW = pytest.mark.slow

CELL = """\
#@title Training {run: "auto"}
#@markdown How fast
lr = 0.1 #@param {type:"number"}
ünits = [1, 2]; n = 4 #@param {type:"slider", min:0, max:10}
opt = "adam" #@param ["adam", "sgd"] {allow-input: true}
# old = 1 #@param
path = f() #@param {type:"string"}
project = "[your-project]" #@param {type:"string"}
"""


FLAG_N = "flag n in the 2nd cell (Training)"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("notebooks") / "train me.ipynb"
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {"cell_type": "code", "metadata": {}, "source": CELL.splitlines(keepends=True)},
        {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": "lr = 9"},
    ]
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(document))
    return path


def notebook_of(folder, *sources):
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in sources]
    path = folder / "few.ipynb"
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(document))
    return path


def cli(*args):
    return subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": "/usr/bin:/bin"},
    )


def test_version_is_that_of_the_package():
    done = cli("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"guild-notebook {__version__}\n"


def test_json_shows_all_of_a_flag(notebook):
    document = json.loads(cli("flags", notebook, "--json").stdout)
    assert {key: document[key] for key in ("notebook", "language", "source")} == {
        "notebook": str(notebook),
        "language": "python",
        "source": "colab-forms",
    }
    flags = {flag["name"]: flag for flag in document["flags"]}
    assert flags["n"] == {
        "name": "n",
        "kind": "slider",
        "type": "slider",
        "default": 4,
        "default_source": "4",
        "computed": False,
        "choices": None,
        "allow_other": False,
        "min": 0,
        "max": 10,
        "step": None,
        "description": "",
        "group": "Training",
        "sites": [{"cell": 1, "line": 4, "span": [4, 20, 4, 21]}],
        "fork": {"cells": 1, "cell": None, "why": ""},
    }
    assert flags["lr"]["description"] == "How fast"
    assert (flags["opt"]["choices"], flags["opt"]["allow_other"]) == (["adam", "sgd"], True)
    assert (flags["path"]["default"], flags["path"]["computed"]) == (None, True)
    assert document["skipped"] == [
        {"cell": 1, "line": 6, "source": "# old = 1 #@param", "reason": "commented-out"}
    ]
    assert ["[your-project] is to be filled in" in w for w in document["warnings"]] == [True]


def test_the_table_has_a_line_for_each_flag_and_each_annotation_passed_over(notebook):
    lines = cli("flags", notebook).stdout.splitlines()
    assert lines[0].split() == ["FLAG", "TYPE", "DEFAULT", "ALLOWED", "DESCRIPTION", "CELL"]
    cell = ["the", "2nd", "cell", "(Training)"]
    assert lines[1].split() == ["lr", "number", "0.1", "How", "fast", *cell]
    assert lines[2].split() == ["n", "slider", "4", "0", "to", "10", *cell]
    assert "  the 2nd cell (Training), line 6: # old = 1 #@param (commented-out)" in lines


def test_in_a_narrow_terminal_texts_go_on_below_in_their_column(tmp_path):
    described = "#@markdown Step size of the optimizer\nlr = 0.1 #@param {min:0}"
    path = notebook_of(tmp_path, f"#@title Settings\n{described}")
    command = [sys.executable, "-m", "guild_notebook.cli", "flags", path.name]
    with on_terminal(command, tmp_path, {"PATH": os.environ["PATH"]}, columns=70) as terminal:
        assert terminal.end() == 0
        assert terminal.lines[:3] == [
            "FLAG  TYPE    DEFAULT  ALLOWED     DESCRIPTION       CELL",
            "lr    number  0.1      at least 0  Step size of the  the 1st cell",
            "                                   optimizer         (Settings)",
        ]


def test_preview_prints_what_a_run_would_execute(notebook):
    result = cli("preview", notebook, "lr=1e-3", "n=7", "project=p")
    assert result.stdout.splitlines() == [
        "the 3rd cell (Title: lr = 9) is left out: papermill injected its parameters",
        f"--- {notebook} the 2nd cell (Training)",
        f"+++ {notebook} the 2nd cell (Training)",
        "@@ -1,9 +1,9 @@",
        ' #@title Training {run: "auto"}',
        " #@markdown How fast",
        '-lr = 0.1 #@param {type:"number"}',
        '-ünits = [1, 2]; n = 4 #@param {type:"slider", min:0, max:10}',
        '+lr = 0.001 #@param {type:"number"}',
        '+ünits = [1, 2]; n = 7 #@param {type:"slider", min:0, max:10}',
        ' opt = "adam" #@param ["adam", "sgd"] {allow-input: true}',
        " # old = 1 #@param",
        ' path = f() #@param {type:"string"}',
        '-project = "[your-project]" #@param {type:"string"}',
        '+project = "p" #@param {type:"string"}',
        " ",
    ]
    assert result.stderr == ""
    assert result.returncode == 0


def test_preview_of_defaults_changes_nothing_and_warns_of_a_blank(notebook):
    result = cli("preview", notebook, "lr=0.1")
    assert result.stdout.splitlines()[-1] == "no cell changes"
    assert result.stderr.splitlines() == [
        "warning: flag project in the 2nd cell (Training): [your-project] is to be filled in - "
        "set project=VALUE"
    ]


def test_preview_shows_each_trial_of_a_grid(notebook):
    lines = cli("preview", notebook, "lr=[0.2,0.3]").stdout.splitlines()
    assert [line for line in lines if line.startswith(("trial", "+lr"))] == [
        "trial with lr=0.2:",
        '+lr = 0.2 #@param {type:"number"}',
        "trial with lr=0.3:",
        '+lr = 0.3 #@param {type:"number"}',
    ]


def test_flags_says_which_cells_trials_share_and_why_no_more(tmp_path):
    path = notebook_of(tmp_path, "lr = 0.1\nn = 3", "load(1)", "fit(lr, n)", "k = 2\nfit(k)")
    assert cli("flags", path).stdout.splitlines()[-4:] == [
        "",
        "With nb-fork, trials that differ in one flag share:",
        "  lr, n: 2 of 4 code cells, those before the 3rd cell (fit(lr, n)): it depends on each",
        "  k: 3 of 4 code cells, those before the 4th cell (k = 2): it depends on k",
    ]
    path = notebook_of(tmp_path, "!wget x", "load(1)", "lr = 3")
    assert cli("flags", path).stdout.splitlines()[-1] == (
        "  lr: no cells: the 1st cell (!wget x) is the first, and it runs wget"
    )


def test_flags_says_nothing_of_trials_where_the_first_cell_holds_all_flags(tmp_path):
    path = notebook_of(tmp_path, "lr = 0.1", "fit(lr)")
    assert len(cli("flags", path).stdout.splitlines()) == 2
    forks = [flag["fork"] for flag in json.loads(cli("flags", path, "--json").stdout)["flags"]]
    why = "it sets lr, and what follows depends on lr"
    assert forks == [{"cells": 0, "cell": 0, "why": why}]


def test_flags_says_of_a_cell_that_only_sets_flags_that_later_ones_depend_on_them(tmp_path):
    path = notebook_of(tmp_path, "load(1)", "lr = 0.1\nn = 3", "fit(lr)", "fit(n)")
    assert cli("flags", path).stdout.splitlines()[-2:] == [
        "  lr: 1 of 4 code cells, those before the 2nd cell (lr = 0.1): it sets lr, and what "
        "follows depends on lr",
        "  n: 3 of 4 code cells, those before the 4th cell (fit(n)): it depends on n",
    ]
    said = cli("preview", path, "lr=[1,2]", "n=[4,5]").stdout.splitlines()[-2:]
    assert said == [
        "with nb-fork these trials share 1 of 4 code cells, those before the 2nd cell (lr = 0.1): "
        "it sets lr and n, and what follows depends on lr",
        "those with the same value of lr share 3 of 4 code cells, those before the 4th cell "
        "(fit(n)): it depends on n",
    ]
    path = notebook_of(tmp_path, "lr = 0.1", "open('x', 'w')")
    assert cli("preview", path, "lr=[1,2]").stdout.splitlines()[-1] == (
        "with nb-fork these trials share no cells: the 1st cell (lr = 0.1) is the first, and it "
        "sets lr, and what follows may write files (open)"
    )


def test_flags_says_it_of_some_flags_of_a_notebook_with_many(tmp_path):
    cells = ["x = load(1)", *(f"a{n} = {n}" for n in range(90)), "fit()"]
    lines = cli("flags", notebook_of(tmp_path, *cells)).stdout.splitlines()
    assert lines[-1].startswith("  63 more: guild-notebook preview ")
    assert lines[-1].endswith("few.ipynb NAME='[A, B]' says it")


def test_preview_says_which_cells_the_trials_share(tmp_path):
    path = notebook_of(tmp_path, "lr = 0.1\nn = 3", "load(1)", "fit(n)", "fit(lr)")
    share = "with nb-fork these trials share"
    for values, said in [
        (["lr=[1,2]"], "3 of 4 code cells, those before the 4th cell (fit(lr)): it depends on lr"),
        (
            ["lr=[1,2]", "n=4"],
            "3 of 4 code cells, those before the 4th cell (fit(lr)): it depends on lr",
        ),
        (
            ["lr=[1,2]", "n=[4,5]"],
            "2 of 4 code cells, those before the 3rd cell (fit(n)): it depends on n\n"
            "those with the same value of n share 3 of 4 code cells, those before the 4th cell "
            "(fit(lr)): it depends on lr",
        ),
    ]:
        assert cli("preview", path, *values).stdout.endswith(f"\n{share} {said}\n")
    for values in (["lr=2"], ["lr=[2]"], ["lr=[2,2]"]):
        assert share not in cli("preview", path, *values).stdout


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["n=11"], f"{FLAG_N} takes a number from 0 to 10, not 11"),
        pytest.param(
            ["n=2.5"],
            f"{FLAG_N} takes a whole number from 0 to 10, not 2.5",
            marks=SLOW,
        ),
        (["x=1"], "has no flag x - its flags are: lr, n, opt, path, project"),
        (["lr"], "lr is not NAME=VALUE"),
        (["lr=uniform[0:1]"], "flag lr: uniform[0:1] is a search space - give one value of it"),
        (["lr=[]"], "flag lr: an empty list gives no trial - write lr='[[]]'"),
        pytest.param(["lr=range[1:0]"], "flag lr: an empty list gives no trial", marks=SLOW),
        pytest.param(["lr=&a [*a]"], "flag lr: its value is nested too deeply", marks=SLOW),
        (
            ["n=" + "[" * 3000],
            f"{FLAG_N} takes a whole number from 0 to 10, not",
        ),
        pytest.param(
            ["n=!!timestamp x"],
            f"{FLAG_N} takes a whole number from 0 to 10, not",
            marks=SLOW,
        ),
    ],
)
def test_an_error_is_one_line_and_status_1(notebook, values, message):
    result = cli("preview", notebook, *values)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_a_missing_notebook_is_one_line_and_status_1(tmp_path):
    result = cli("flags", tmp_path / "none.ipynb")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert "none.ipynb does not exist" in result.stderr


def test_flags_loads_neither_guild_nor_what_runs_notebooks(notebook):
    code = (
        "import sys; from guild_notebook import cli; cli.main(['flags', sys.argv[1]]);"
        "heavy = {'guild', 'yaml', 'nbformat', 'nbclient', 'IPython', 'numpy', 'zmq', 'regex'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(notebook)], capture_output=True, text=True
    )
    assert result.stderr == "[]\n"


def test_calls_are_shown_as_plain_text(tmp_path):
    source = (
        'out = Path("x")  # where to\nday = dt.date(2020, 1, 1)\nspan = timedelta(hours=2)\n'
        "cfg = {'days': [date(2020, 1, 1)], date(2020, 1, 2): Decimal('0.10')}"
    )
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}), "utf-8")
    shown = json.loads(cli("flags", str(path), "--json").stdout)["flags"]
    assert [(flag["name"], flag["type"], flag["default"]) for flag in shown] == [
        ("out", "path", "x"),
        ("day", "date", "2020-01-01"),
        ("span", "timedelta", 2),
        ("cfg", None, {"days": ["2020-01-01"], "2020-01-02": "0.10"}),
    ]
    lines = cli("flags", str(path)).stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:3]] == [
        ["out", "path", "x"],
        ["day", "date", "2020-01-01"],
    ]
    assert "where to" in lines[1]


ODD_VALUES = [
    *["", "[]", "[[]]", "{}", "[1", "{a", "]", "null", "~", "1e999", "nan", ".inf", "0x1f", "1_0"],
    *["2021-01-01", "2021-13-45", "12:30:45", "&a [*a]", "*a", "!!python/none x", "!!binary a"],
    *["!!timestamp x", "? a", "- a", "a: b", "'", '"', '"\\q"', "@", "@/dev/null", "`", "%", "|"],
    *["> a", "# a", "[1,2]", "[[1,2]]", "[1:2]", "uniform[", "loguniform[a:b]", "gauss[1]"],
    *["range[1:0]", "range[0:1:0]", "linspace[0:1:0]", "foo[1]", "\ud800", "\n", "é", "9" * 5000],
    *[
        "[" * 3000,
        "{a:" * 500,
        "-" * 100,
        "{[1]: 2}",
        "{1: 2, a: 3}",
        "1/0",
        "x()",
        "<<",
        "=",
        "==",
    ],
    *["[null]", "[true,1]", "yes", "1e400", "--", "-x", "uniform[0:1]"],
]


@pytest.mark.parametrize("name", but_slow(["lr", "ünits", "opt", "path", "none"], "lr", "opt"))
def test_no_value_is_answered_by_anything_but_a_preview_or_one_line(
    notebook, name, capsys, request
):
    """In this process, since there are some hundred."""
    request.addfinalizer(gc.enable)
    for value in ODD_VALUES:
        status = main(["preview", str(notebook), f"{name}={value}"])
        out, err = capsys.readouterr()
        case = (name, value[:20], out, err)
        assert (status, bool(out)) in ((0, True), (1, False)), case
        assert len([x for x in err.splitlines() if not x.startswith("warn")]) == status, case


COMMANDS = [
    (["flags", "NOTEBOOK"], 0),
    pytest.param(["flags", "NOTEBOOK", "--json"], 0, marks=SLOW),
    pytest.param(["preview", "NOTEBOOK", "n=5"], 0, marks=SLOW),
    (["preview", "NOTEBOOK", "n=11"], 1),
    pytest.param(["flags", "none.ipynb"], 1, marks=SLOW),
    (["--help"], 0),
    pytest.param(["--version"], 0, marks=SLOW),
    (["none"], 2),
    pytest.param([], 0, marks=SLOW),
]


@pytest.mark.parametrize(("arguments", "status"), COMMANDS)
def test_a_command_whose_output_is_full_or_closed_says_so_in_one_line(notebook, arguments, status):
    command = [sys.executable, "-m", "guild_notebook.cli"]
    command += [str(notebook) if each == "NOTEBOOK" else each for each in arguments]
    for redirected in (">/dev/full", ">&-"):
        done = run_in_shell(f'"$@" {redirected}', command)
        assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
        said = done.stderr.count("guild-notebook: cannot write the output: ")
        assert (done.returncode, said) == ((1, 1) if status == 0 else (status, 0))
    for script in ('"$@" 2>/dev/full', '"$@" 2>&-', '"$@" <&- >/dev/null 2>&-'):
        done = run_in_shell(script, command)
        assert (done.returncode, done.stderr) == (status, "")
        assert "guild-notebook:" not in done.stdout
    done = run_in_shell('set -o pipefail; "$@" | true', command)
    assert done.returncode == status
    assert "Traceback" not in done.stderr and "Broken" not in done.stderr


def run_in_shell(script, command):
    return subprocess.run(
        ["bash", "-c", script, "bash", *command], capture_output=True, text=True, encoding="utf-8"
    )


def test_a_name_that_is_passed_over_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "train.ipynb"
    source = "rows = []\nn = 2 * 3\nrows.append(n)"
    cells = [{"cell_type": "code", "metadata": {}, "source": source}]
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(document))
    assert (
        "  the 1st cell (rows = []), line 1: rows = [] "
        "(the notebook adds to rows, in the 1st cell (rows = []))"
        in cli("flags", path).stdout.splitlines()
    )
    for name, reason in (
        ("rows", "the notebook adds to rows, in the 1st cell (rows = [])"),
        ("n", "not a literal"),
    ):
        assert cli("preview", path, f"{name}=5").stderr == (
            f"guild-notebook: {path} has no flag {name}: {reason} - name it in a guild.yml: "
            f"flags-import: [all, {name}]\n"
        )
