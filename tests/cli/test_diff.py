"""``guild-notebook diff`` and ``guild diff``: how two runs of notebooks differ."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.helpers.in_process import Done, guild_notebook
from tests.helpers.project import Project, Run, markdown, new_project
from tests.helpers.terminal import on_terminal

SETTINGS = "#@title Settings\nlr = 0.1\nmode = 'good'\ntoken = ''"
DESCENT = """#@title Descent
x = 3.0
for step in range(1, 4):
    x -= lr * 2 * x
    print(f'loss: {x * x:.4f} (step {step})')"""
TABLE = """#@title Table
from IPython.display import HTML
head = '<thead><tr><th></th><th>price</th></tr></thead>'
rows = f'<tr><th>tea</th><td>{lr}</td></tr><tr><th>milk</th><td>5</td></tr>'
HTML(f'<table>{head}<tbody>{rows}</tbody></table>')"""
PLOT = r"""#@title Plot
import struct, zlib
from IPython.display import Image
def chunk(kind, data):
    check = zlib.crc32(kind + data)
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', check)
grey = b''.join(b'\0' + bytes([255 * (y < lr * 100)] * 64) for y in range(64))
head = struct.pack('>IIBBBBB', 64, 64, 8, 0, 0, 0, 0)
parts = chunk(b'IHDR', head), chunk(b'IDAT', zlib.compress(grey)), chunk(b'IEND', b'')
Image(b'\x89PNG\r\n\x1a\n' + b''.join(parts))"""
CHECK = "#@title Check\nif mode == 'bad':\n    raise ValueError('mode is bad')\nprint('fine')"
END = "#@title End\nprint('mode is', mode, '\\x1b[31m')\nprint('the end')"

GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
  flags:
    token:
      nb-secret: yes
script:
  main: script
  flags-import: all
"""


class Runs(NamedTuple):
    """A project and its runs, the oldest first: ``other`` has another value of ``lr``, ``bad``
    fails, ``same`` is as ``first``, ``edited`` of a notebook with another source and the same
    results, ``script`` and ``second`` are of a script."""

    project: Project
    first: Run
    other: Run
    bad: Run
    same: Run
    edited: Run
    script: Run
    second: Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    made = new_project(tmp_path_factory.mktemp("diff"))
    cells = [markdown("# A descent"), SETTINGS, DESCENT, TABLE, PLOT, CHECK, END]
    made.notebook("train.ipynb", *cells)
    made.file("script.py", "n = 1\nprint('score:', n)\n")
    made.guildfile(GUILDFILE)
    first = made.run("train", TOKEN="correct horse").run
    other = made.run("train", "lr=0.2", TOKEN="battery staple").run
    bad = made.guild("run", "-y", "train", "mode=bad", TOKEN="correct horse").run
    same = made.run("train", TOKEN="correct horse").run
    made.notebook("train.ipynb", *cells[:-1], END.replace("'the end'", '"the end"'))
    edited = made.run("train", TOKEN="correct horse").run
    scripts = [made.run("script", f"n={n}").run for n in (1, 2)]
    return Runs(made, first, other, bad, same, edited, *scripts)


def diff(runs: Runs, *args: str | Run) -> Done:
    """``guild-notebook diff ARGS`` in the project, in this process."""
    ids = (arg.id if isinstance(arg, Run) else arg for arg in args)
    return guild_notebook(runs.project.home, runs.project.dir, "diff", *ids)


SAME = "the results are the same"
CHANGED = (
    "flags lr 0.1 → 0.2 · cell Descent: loss (step 3) 2.3593 → 0.4199 and 2 more · "
    "Table: row tea, price 0.1 → 0.2 · Plot: plot changed (16 % of pixels)"
)
CLOSER = (
    "flags lr 0.1 → 0.2 · cell Descent: loss (step 3) 2.3593 → 0.4199 and 1 more · "
    "Plot: plot changed (16 % of pixels)"
)


def test_two_runs_with_another_value_of_a_flag(runs: Runs):
    done = diff(runs, runs.first, runs.other)
    assert done.status == 1
    lines = done.lines
    assert lines[0] == CHANGED
    started = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  completed in \d+\.?\d* s"
    assert re.fullmatch(rf"--- {runs.first.id[:8]}  train  .*{started}", lines[2])
    assert re.fullmatch(rf"\+\+\+ {runs.other.id[:8]}  train  .*{started}", lines[3])
    assert lines[4:] == [
        "",
        "scalars",
        "  loss  2.3593 → 0.4199",
        "",
        "[2] Descent",
        "  stdout: loss (step 3) 2.3593 → 0.4199 and 2 more",
        "    loss (step 1)  5.7600 → 3.2400",
        "    loss (step 2)  3.6864 → 1.1664",
        "    loss (step 3)  2.3593 → 0.4199",
        "",
        "[3] Table",
        "  row tea, price 0.1 → 0.2",
        "",
        "[4] Plot",
        "  plot changed (16 % of pixels)",
        "",
        "4 other cells are the same",
    ]


def test_a_run_that_failed(runs: Runs):
    done = diff(runs, runs.first, runs.bad)
    assert done.status == 1
    assert done.lines[0] == (
        "flags mode good → bad · cell Check: completed → failed, ValueError: mode is bad added, "
        "1 line removed · End: not run: failed in Check"
    )
    assert "  failed after " in done.lines[3]
    assert done.lines[3].endswith("  cell [5] (Check) failed with ValueError")
    assert done.lines[-5:] == [
        "",
        "[6] End",
        "  + not run: failed in Check",
        "",
        "5 other cells are the same",
    ]


def test_no_escape_sequence_and_no_secret_is_shown(runs: Runs):
    for pair in ((runs.first, runs.other), (runs.first, runs.bad), (runs.bad, runs.edited)):
        for more in ((), ("--json",)):
            text = diff(runs, *pair, "--source", *more).out
            assert "\x1b" not in text and "horse" not in text and "staple" not in text


@pytest.mark.parametrize(
    ("pair", "options", "status", "first"),
    [
        (("first", "same"), [], 0, SAME),
        (("first", "same"), ["--source"], 0, SAME),
        (("first", "first"), [], 0, SAME),
        (("first", "edited"), [], 0, SAME),
        (("first", "edited"), ["--source"], 1, SAME),
        (("first", "other"), ["--json"], 1, "{"),
        (("first", "same"), ["--json"], 0, "{"),
        (("first", "other"), ["--rtol", "0.5"], 1, CLOSER),
        (
            ("first", "other"),
            ["--rtol", "0.9"],
            1,
            "flags lr 0.1 → 0.2 · cell Plot: plot changed (16 % of pixels)",
        ),
        (
            ("first", "other"),
            ["--atol", "3"],
            1,
            "flags lr 0.1 → 0.2 · cell Plot: plot changed (16 % of pixels)",
        ),
        (("script", "second"), [], 1, "flags n 1 → 2 · scalars score 1 → 2"),
        (("script", "second"), ["--atol", "1"], 0, f"flags n 1 → 2 · {SAME}"),
    ],
    ids=[
        *("same", "same source", "itself", "edited", "edited source", "json", "json of the same"),
        *("little rtol", "rtol", "atol", "scripts", "scripts with atol"),
    ],
)
def test_the_exit_status_says_whether_results_differ(
    runs: Runs, pair: tuple[str, str], options: list[str], status: int, first: str
):
    done = diff(runs, *(getattr(runs, name) for name in pair), *options)
    assert (done.status, done.lines[0]) == (status, first)


def test_a_source_that_differs_is_named_and_shown_where_that_is_asked_for(runs: Runs):
    assert diff(runs, runs.first, runs.edited).lines[-1] == (
        "the source differs in End: --source shows it"
    )
    shown = diff(runs, runs.first, runs.edited, "--source").lines
    assert shown[-6:] == [
        "source of End",
        "    @@ -1,3 +1,3 @@",
        "     #@title End",
        "     print('mode is', mode, '\\x1b[31m')",
        "    -print('the end')",
        '    +print("the end")',
    ]


def test_sources_as_executed_have_the_values_of_flags(runs: Runs):
    assert diff(runs, runs.first, runs.other, "--source").lines[-8:] == [
        "source of Settings",
        "  as executed, with the values of flags",
        "    @@ -1,4 +1,4 @@",
        "     #@title Settings",
        "    -lr = 0.1",
        "    +lr = 0.2",
        "     mode = 'good'",
        '     token = __import__("os").environ["TOKEN"]',
    ]
    assert diff(runs, runs.first, runs.same, "--source").lines[-1] == "the sources are the same"


@pytest.mark.parametrize(
    ("cells", "status", "first"),
    [
        (["table"], 1, "flags lr 0.1 → 0.2 · cell Table: row tea, price 0.1 → 0.2"),
        (
            ["Plot", "Table"],
            1,
            "flags lr 0.1 → 0.2 · cell Table: row tea, price 0.1 → 0.2 · "
            "Plot: plot changed (16 % of pixels)",
        ),
        (["End", "Check"], 0, f"flags lr 0.1 → 0.2 · {SAME}"),
    ],
    ids=["one", "two", "the same"],
)
def test_cells_are_chosen_by_name(runs: Runs, cells: list[str], status: int, first: str):
    options = [word for name in cells for word in ("--cells", name)]
    done = diff(runs, runs.first, runs.other, *options)
    assert (done.status, done.lines[0]) == (status, first)
    assert not any("scalars" in line for line in done.lines)
    made = json.loads(diff(runs, runs.first, runs.other, *options, "--json", "--source").out)
    assert {cell["name"] for cell in made["cells"]} == {name.title() for name in cells}
    assert made["sources"] == []


# Which runs


def first_lines(done: Done) -> list[str]:
    """The IDs of the two runs."""
    return [line[4:12] for line in done.lines[2:4]]


def test_without_names_it_is_the_newest_two_of_notebooks_the_older_one_first(runs: Runs):
    assert first_lines(diff(runs)) == [runs.same.id[:8], runs.edited.id[:8]]


def test_runs_are_named_in_many_ways(runs: Runs):
    expected = [runs.first.id[:8], runs.other.id[:8]]
    home = os.path.relpath(runs.project.home, runs.project.dir)
    for names in (
        ("7", "6"),
        (runs.first.id[:10], runs.other.id[:6].upper()),
        (str(runs.first.dir), f"{home}/runs/{runs.other.id}/"),
        (f"{runs.first.dir}/train.ipynb", f"{runs.other.dir}/.guild/attrs/flags"),
    ):
        done = diff(runs, *names)
        assert done.lines[0] == CHANGED and first_lines(done) == expected, names


def test_a_notebook_file_is_compared_with_a_run_or_with_another(runs: Runs, tmp_path: Path):
    copy = tmp_path / "copy.ipynb"
    shutil.copy(runs.other.dir / "train.ipynb", copy)
    done = diff(runs, runs.first, str(copy))
    assert done.status == 1
    assert done.lines[0] == CHANGED.partition(" · ")[2]  # a file has neither flags nor scalars
    assert done.lines[3] == f"+++ {copy}" and "scalars" not in done.lines
    shutil.copy(runs.same.dir / "train.ipynb", copy)
    assert diff(runs, runs.first, str(copy)).lines[0] == SAME
    sources = [f"{run.dir}/.guild/sourcecode/train.ipynb" for run in (runs.first, runs.edited)]
    done = diff(runs, *sources, "--source")
    assert done.status == 1 and done.lines[0] == SAME
    assert done.lines[-1] == '    +print("the end")'


def test_what_is_wrong_is_one_line_and_status_2(runs: Runs, tmp_path: Path):
    see = " - see guild-notebook diff --help"
    text = tmp_path / "text.ipynb"
    text.write_text("{")
    other = tmp_path / "other.html"
    other.write_text("<p>")
    for args, line in (
        (["1"], f"it takes two runs, or none for the newest, not 1{see}"),
        (["1", "2", "3"], f"it takes two runs, or none for the newest, not 3{see}"),
        (["1", "zz"], "there is no run zz - give a number or ID of guild runs"),
        (["1", "./zz"], "./zz does not exist - give runs, their directories or notebooks"),
        (["1", "."], ". is not the directory of a run - guild runs info has that"),
        (["1", "2", "--rtol", "-1"], f"--rtol takes a number from 0 on, not -1.0{see}"),
        (["1", "2", "--atol", "nan"], f"--atol takes a number from 0 on, not nan{see}"),
        (["--html", "1", "2"], f"--html takes the name of a .html file, or none, not 1{see}"),
        (["1", "2", "--html", "a.html", "--json"], f"take either --json or --html{see}"),
        (["1", "2", "--html", str(other)], f"{other} is there and not of this command"),
        (
            ["1", "2", "--html", f"{other}/no.html"],
            f"cannot write {other}/no.html: Not a directory - name another",
        ),
        (["1", "2", "--rtol", "x"], f"Invalid value for '--rtol': 'x' is not a valid float{see}"),
        (
            ["7", "6", "--cells", "Plt"],
            "neither run has a cell 'Plt' - did you mean 'Plot'?",
        ),
        (
            ["7", "6", "--cells", "zzz"],
            "neither run has a cell 'zzz' - there are: A descent, Settings, Descent, Table, ",
        ),
        (["1", str(text)], f"notebook {text}"),
    ):
        done = diff(runs, *args)
        assert (done.status, done.out) == (2, ""), args
        assert done.err.startswith(f"guild-notebook: {line}") and done.err.count("\n") == 1


def test_runs_of_which_nothing_can_be_read_are_not_the_same(runs: Runs, tmp_path: Path):
    broken = tmp_path / "broken"
    shutil.copytree(runs.script.dir, broken)
    for path in broken.glob(".guild/*events*"):
        path.unlink()
    done = diff(runs, f"{broken}/", f"{broken}/.guild")
    assert done.status == 2
    assert done.err.startswith("guild-notebook: there is nothing to compare: neither run has cells")


def test_a_damaged_run_is_shown_with_what_can_be_read(runs: Runs, tmp_path: Path):
    broken = tmp_path / "broken"
    shutil.copytree(runs.other.dir, broken, symlinks=True)
    (broken / "train.ipynb").write_text("{")
    done = diff(runs, runs.first, f"{broken}/")
    assert done.status == 1
    assert re.fullmatch(
        "flags lr 0.1 → 0.2 · scalars loss 2.3593 → 0.4199 · "
        "cells Settings, Descent, Table, Plot, Check, End: not run: notebook .{10,50}…",
        done.lines[0],
    )
    assert "notebook train.ipynb is not valid JSON" in done.lines[3]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_output_that_cannot_be_written_is_not_a_difference(runs: Runs):
    command = [sys.executable, "-m", "guild_notebook.cli", "diff", runs.first.id, runs.other.id]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command,
            cwd=runs.project.dir,
            env=runs.project.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "guild-notebook: cannot write the output: No space left on device - send it elsewhere\n"
    )


def test_a_bug_is_not_a_difference(runs: Runs, monkeypatch: pytest.MonkeyPatch):
    from guild_notebook.compare import differences

    monkeypatch.setattr(differences, "between", lambda *_: 1 / 0)
    done = diff(runs, "1", "2")
    assert done.status == 2 and "ZeroDivisionError" in done.err


# Environments


def test_what_differs_in_the_environment_is_a_line(runs: Runs, tmp_path: Path):
    copies = []
    for name, packages in (
        ("a", ["numpy==1.26.4", "rich==13.0", "scipy==1.14", "tqdm==4", "zstd==1"]),
        ("b", ["numpy==2.0.1", "rich==14.0", "scipy==1.15", "tqdm==4"]),
    ):
        copies.append(tmp_path / name)
        shutil.copytree(runs.first.dir, copies[-1], symlinks=True)
        attribute = copies[-1] / ".guild" / "attrs" / "pip_freeze"
        attribute.write_text(yaml.safe_dump(packages))
    done = diff(runs, *(f"{copy}/" for copy in copies))
    assert done.status == 0
    assert done.lines[4:] == [
        "environment: numpy 1.26.4 → 2.0.1, rich 13.0 → 14.0, scipy 1.14 → 1.15, 1 more packages"
    ]
    made = json.loads(diff(runs, *(f"{copy}/" for copy in copies), "--json").out)
    change = {"subject": "packages", "name": "zstd", "before": "1", "after": ""}
    change["may_be_cause"] = True
    assert change in made["environment"]["changes"]


# JSON

KEYS = {
    "": "schema same tolerance before after flags scalars environment cells sources",
    "before": "id dir operation notebook label tags status state reason started seconds flags "
    "scalars source_digest report",
    "cells": "name same source_changed state_changed hole before after outputs",
    "cell": "index kind label number state seconds cpu_seconds peak_memory gpu_memory",
    "outputs": "kind amount summary numbers lines before after",
    "output": "source text cut name message table image",
}


def refuse(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def test_the_json_has_all_of_the_difference(runs: Runs):
    text = diff(runs, runs.first, runs.other, "--json", "--source", "--atol", "0.01").out
    made = json.loads(text, parse_constant=refuse)
    assert list(made) == KEYS[""].split()
    assert made["schema"] == 1 and made["same"] is False
    assert made["tolerance"] == {"relative": 0.0, "absolute": 0.01}
    for side, run in (("before", runs.first), ("after", runs.other)):
        assert list(made[side]) == KEYS["before"].split()
        assert made[side]["id"] == run.id and made[side]["dir"] == str(run.dir)
        assert made[side]["flags"]["token"] == "***"
    assert made["flags"] == [{"name": "lr", "before": 0.1, "after": 0.2}]
    (scalar,) = made["scalars"]
    assert scalar["name"] == "loss" and scalar["before"]["step"] == 3
    assert scalar["before"]["value"] == pytest.approx(2.3593)
    cells = {cell["name"]: cell for cell in made["cells"]}
    assert list(cells) == [
        *("A descent", "Settings", "Descent", "Table", "Plot", "Check", "End"),
    ]
    for cell in cells.values():
        assert list(cell) == KEYS["cells"].split()
        assert list(cell["before"]) == list(cell["after"]) == KEYS["cell"].split()
    assert [name for name, cell in cells.items() if not cell["same"]] == [
        *("Descent", "Table", "Plot"),
    ]
    (output,) = cells["Descent"]["outputs"]
    assert list(output) == KEYS["outputs"].split()
    assert list(output["before"]) == KEYS["output"].split()
    assert output["kind"] == "text" and output["before"]["source"] == "stdout"
    assert output["numbers"][0] == {"name": "loss (step 1)", "before": "5.7600", "after": "3.2400"}
    (table,) = cells["Table"]["outputs"]
    assert table["after"]["table"] == {
        "columns": ["", "price"],
        "index_columns": 1,
        "rows": [["tea", "0.2"], ["milk", "5"]],
        "cut": False,
    }
    (plot,) = cells["Plot"]["outputs"]
    assert 0.1 < plot["amount"] < 0.2 and plot["before"]["image"]["mime"] == "image/png"
    assert len(plot["before"]["image"]["digest"]) == 64
    (source,) = made["sources"]
    assert source["name"] == "Settings" and source["kept"] == []
    assert "-lr = 0.1" in source["executed"] and "+lr = 0.2" in source["executed"]


def test_the_json_of_a_failed_run_is_strict(runs: Runs):
    text = diff(runs, runs.first, runs.bad, "--json").out
    made = json.loads(text, parse_constant=refuse)
    assert made["sources"] is None
    assert made["after"]["state"] == "failed"
    assert made["after"]["reason"] == "cell [5] (Check) failed with ValueError"
    end = made["cells"][-1]
    assert end["hole"] == "not run: failed in Check" and end["after"] is None
    error = made["cells"][-2]["outputs"][0]["after"]
    assert (error["name"], error["message"]) == ("ValueError", "mode is bad")


# The page


def test_the_page_opens_with_the_two_runs_side_by_side(runs: Runs, tmp_path: Path, browser: Any):
    page = tmp_path / "page.html"
    done = diff(runs, runs.other, runs.first, "--html", str(page))
    assert done.status == 1
    back = CHANGED.replace("0.1 → 0.2", "0.2 → 0.1").replace("2.3593 → 0.4199", "0.4199 → 2.3593")
    assert done.lines == [back, str(page)]
    with browser.open(page) as visit:
        assert visit.requests == [] and visit.errors == []
        assert visit.page.get_attribute("body", "data-view") == "two"
        chosen = visit.page.locator("select:visible option:checked").all_inner_texts()
        assert [text.split()[-1] for text in chosen[:2]] == ["lr=0.2", "lr=0.1"]
        assert "3.2400" in visit.page.inner_text("main")


def test_the_page_has_a_name_of_its_own_and_is_written_again(runs: Runs):
    made = runs.project.dir / "diff.html"
    try:
        for _ in range(2):
            done = diff(runs, runs.first, runs.same, "--html")
            assert (done.status, done.lines) == (0, [SAME, "diff.html"])
        assert made.read_text("utf-8").startswith("<!DOCTYPE html>")
    finally:
        made.unlink()


def test_the_page_of_two_notebook_files(runs: Runs, tmp_path: Path):
    files = [f"{run.dir}/.guild/sourcecode/train.ipynb" for run in (runs.first, runs.edited)]
    page = tmp_path / "page.html"
    assert diff(runs, *files, "--html", str(page)).lines == [SAME, str(page)]
    assert page.stat().st_size > 10_000


# Terminals


def in_a_terminal(runs: Runs, *args: str, **env: str) -> bytes:
    command = [sys.executable, "-m", "guild_notebook.cli", "diff", runs.first.id, runs.other.id]
    environment = {**runs.project.environment(), **env}
    with on_terminal([*command, *args], runs.project.dir, environment) as shown:
        assert shown.end() == 1
        return shown.raw


def test_a_terminal_has_colours_unless_they_are_not_wanted(runs: Runs):
    raw = in_a_terminal(runs)
    assert f"\x1b[31m--- {runs.first.id[:8]}".encode() in raw
    assert f"\x1b[32m+++ {runs.other.id[:8]}".encode() in raw
    assert b"\x1b" not in in_a_terminal(runs, "--no-color")
    assert b"\x1b" not in in_a_terminal(runs, NO_COLOR="1")
    assert b"\x1b" not in in_a_terminal(runs, TERM="dumb")


# guild diff


@pytest.fixture
def nbdime(tmp_path: Path) -> dict[str, str]:
    """An environment with an nbdiff-web that says what it is to compare."""
    program = tmp_path / "bin" / "nbdiff-web"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho nbdime "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_guild_diff_shows_the_same_with_and_without_nbdime(runs: Runs, nbdime: dict[str, str]):
    own = diff(runs, runs.first, runs.other).out
    for env in ({}, nbdime):
        done = runs.project.guild("diff", runs.first.id, runs.other.id, **env)
        assert (done.stdout, done.stderr, done.status) == (own, "", 0)


def test_guild_diff_without_runs_is_of_the_last_two(runs: Runs):
    done = runs.project.guild("diff", "-Fo", "train")
    assert done.stdout == diff(runs, runs.same, runs.edited).out


def plain(runs: Runs, *args: str, **env: str) -> tuple[str, str, int]:
    """What ``guild ARGS`` prints without this package's part in it."""
    code = (
        "import sys; import guild_notebook.compat.import_hooks as hooks; "
        "del hooks.AFTER['guild.commands.diff_impl']; "
        "sys.argv[0] = 'guild'; from guild.main_bootstrap import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=runs.project.dir,
        env={**runs.project.environment(), **env},
        capture_output=True,
        text=True,
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize(
    "args",
    [
        "diff {script} {second}",
        "diff {first} {script}",
        "diff --output {first} {other}",
        "diff --sourcecode {first} {edited}",
        "diff --flags {first} {other}",
        "diff --attrs {first} {other}",
        "diff --path train.ipynb {first} {other}",
        "diff --dir {other_dir} {first}",
        "diff --cmd echo {first} {other}",
    ],
)
def test_all_other_forms_of_guild_diff_are_guilds_own(
    runs: Runs, args: str, nbdime: dict[str, str]
):
    names = {name: getattr(runs, name).id for name in runs._fields if name != "project"}
    words = args.format(**names, other_dir=runs.other.dir).split()
    for env in ({}, nbdime):
        done = runs.project.guild(*words, **env)
        assert (done.stdout, done.stderr, done.status) == plain(runs, *words, **env)
        assert done.stdout
    if "train.ipynb" in words:
        assert done.stdout.startswith("nbdime -M ")


def test_the_command_of_the_users_configuration_wins(runs: Runs, tmp_path: Path):
    own = diff(runs, runs.first, runs.other).out
    dirs = f"{runs.first.dir} {runs.other.dir}\n"
    for command, shown in (
        ({"default": "echo mine"}, f"mine {dirs}"),
        ("echo mine", f"mine {dirs}"),
        ({".ipynb": "echo mine"}, own),
    ):
        config = tmp_path / "config.yml"
        config.write_text(yaml.safe_dump({"diff": {"command": command}}))
        env = {"GUILD_CONFIG": str(config)}
        done = runs.project.guild("diff", runs.first.id, runs.other.id, **env)
        assert done.stdout == shown, command
    config.write_text(yaml.safe_dump({"diff": {"command": "guild-notebook diff"}}))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    args = ("--path", "train.ipynb", runs.first.id, runs.other.id)
    assert runs.project.guild("diff", *args, **env, PATH=path).stdout == own
