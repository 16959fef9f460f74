"""``guild-notebook compare``: one page of runs that are compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import webbrowser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from guild_notebook.cli import compare
from guild_notebook.compare import images
from guild_notebook.compare.page import GENERATOR
from tests.helpers.in_process import guild_notebook
from tests.helpers.mutations import PNG
from tests.helpers.project import Project, Run, new_project

NOTEBOOK = f"""lr = 0.1
depth = 1
print(f'loss: {{lr * depth}}')
from IPython.display import display
display({{'image/png': {PNG!r}, 'text/plain': 'a dot'}}, raw=True)
1 / (lr != 0.4)"""

GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
quiet:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
script:
  main: script
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with runs of a script and of notebooks: a single run, a sweep of four trials of
    which one failed, whose batch is kept, and another single run."""
    made = new_project(tmp_path_factory.mktemp("compare"))
    made.notebook("train.ipynb", NOTEBOOK)
    made.file("script.py", "print('accuracy: 0.75')\n")
    made.guildfile(GUILDFILE)
    made.run("quiet", "lr=0.7")
    made.guild("run", "-y", "train", "lr=[0.2,0.4]", "depth=[1,2]", "--keep-batch")
    made.run("script")
    made.run("quiet", "lr=0.9")
    return made


def runs(project: Project, operation: str = "", **flags: Any) -> list[Run]:
    """The runs of an operation with these flags, newest first."""
    found = [Run(path) for path in project.run_dirs()]
    found.sort(key=lambda run: -(run.attr("started") or 0))
    chosen = [run for run in found if not operation or run.op_name == operation]
    return [run for run in chosen if flags.items() <= (run.flags or {}).items()]


def batch(project: Project) -> Run:
    (found,) = (run for run in runs(project) if (run.dir / ".guild" / "proto").exists())
    return found


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    out: list[str]
    err: str


def command(project: Project, folder: Path, *args: str) -> Done:
    """``guild-notebook compare ARGS`` in a folder, in this process."""
    done = guild_notebook(project.home, folder, "compare", *args)
    return Done(done.status, done.out.splitlines(), done.err)


def data_in(path: Path) -> dict[str, Any]:
    page = path.read_text("utf-8")
    found: dict[str, Any] = json.loads(page.split('id="data">')[1].split("</script>")[0])
    return found


def compared(project: Project, folder: Path, *args: str) -> set[str]:
    """The ids of the runs on the page that a command writes."""
    done = command(project, folder, *args)
    assert (done.status, done.err) == (0, "")
    data = data_in(folder / "compare.html")
    assert done.out[-1] == f"{len(data['runs'])} run{'s' * (len(data['runs']) > 1)}: compare.html"
    return {run["id"] for run in data["runs"]}


def ids(found: list[Run]) -> set[str]:
    return {run.id for run in found}


def test_without_runs_the_newest_sweep_is_compared(project: Project, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "compare"],
        cwd=tmp_path,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4 runs: compare.html\n", "")
    page = (tmp_path / "compare.html").read_text("utf-8")
    assert GENERATOR in page[:2000]
    data = data_in(tmp_path / "compare.html")
    trials = {run.id for run in runs(project, "train") if run.id != batch(project).id}
    assert {run["id"] for run in data["runs"]} == trials
    assert data["title"] == "train: 4 runs"
    assert {run["name"] for run in data["runs"]} == {
        *("lr=0.2 depth=1", "lr=0.2 depth=2", "lr=0.4 depth=1", "lr=0.4 depth=2"),
    }
    assert {run["batch"] for run in data["runs"]} == {batch(project).id}
    failed = [run for run in data["runs"] if run["state"] == "failed"]
    assert {run["error"]["name"] for run in failed} == {"ZeroDivisionError"} and len(failed) == 2
    assert page.count('type="text/plain" id="o') == 1  # one image, four times


def test_runs_are_chosen_as_guilds_commands_do_it(project: Project, tmp_path: Path):
    quiet, train = runs(project, "quiet"), runs(project, "train")
    trials = [run for run in train if run.id != batch(project).id]
    cases: dict[tuple[str, ...], list[Run]] = {
        ("1",): quiet[:1],
        ("-Fo", "quiet"): quiet,
        ("-F", "lr = 0.7"): quiet[1:],
        ("-F", "lr > 0.3 and depth = 2"): runs(project, "train", lr=0.4, depth=2),
        ("--error", "-Fo", "train"): runs(project, "train", lr=0.4),
        (quiet[0].id[:8], trials[0].id[:6]): [quiet[0], trials[0]],
        (batch(project).id[:8],): trials,
        (batch(project).id[:8], "1"): [*trials, quiet[0]],
        ("1:1", "1"): quiet[:1],
    }
    for args, expected in cases.items():
        assert compared(project, tmp_path, *args) == ids(expected), args


def test_what_is_not_of_a_notebook_is_left_out_and_said(project: Project, tmp_path: Path):
    (script,) = runs(project, "script")
    done = command(project, tmp_path, ":")
    assert (done.status, done.err) == (0, "")
    assert done.out == [
        f"left out, since they are not of notebooks: {script.id[:8]}",
        "6 runs: compare.html",
    ]
    alone = command(project, tmp_path, script.id)
    assert alone == Done(
        *(1, []),
        "guild-notebook: none of these runs is of a notebook - guild-notebook compare takes "
        "those\n",
    )


def test_many_runs_that_are_left_out_are_counted():
    (line,) = compare._notes([f"{n:08}" for n in range(8)], [], False)
    assert line == (
        "left out, since they are not of notebooks: 00000000, 00000001, 00000002, 00000003, "
        "00000004 and 3 more"
    )


def test_a_run_that_cannot_be_read_is_there_with_its_reason(project: Project, tmp_path: Path):
    home = shutil.copytree(project.home, tmp_path / "home", symlinks=True)
    copy = Project(project.dir, home)
    broken = runs(copy, "quiet")[0]
    (broken.dir / "train.ipynb").write_text("{")
    done = command(copy, tmp_path, "-Fo", "quiet")
    assert (done.status, done.err) == (0, "")
    said = f"run {broken.id[:8]} is there without cells: notebook train.ipynb is not valid JSON"
    assert done.out[0].startswith(said) and done.out[1:] == ["2 runs: compare.html"]
    (shown,) = (r for r in data_in(tmp_path / "compare.html")["runs"] if r["id"] == broken.id)
    assert shown["flags"] == {"lr": 0.9, "depth": 1} and shown["scalars"] == {"loss": 0.9}
    assert "not valid JSON" in shown["reason"]


def test_reports_are_linked_so_that_a_file_finds_them(project: Project, tmp_path: Path):
    (trial,) = runs(project, "train", lr=0.2, depth=1)
    report = trial.dir / "train.html"
    compared(project, tmp_path, trial.id)
    assert data_in(tmp_path / "compare.html")["runs"][0]["report"] == report.as_uri()
    near = project.home.parent / "a folder"
    near.mkdir()
    command(project, near, trial.id, "-o", "../page.html")
    (run,) = data_in(project.home.parent / "page.html")["runs"]
    assert "file:" not in run["report"]
    assert (project.home.parent / urllib.parse.unquote(run["report"])).samefile(report)
    command(project, near, "-Fo", "quiet")
    assert {run["report"] for run in data_in(near / "compare.html")["runs"]} == {""}


def test_a_page_is_written_over_one_of_this_command_and_over_nothing_else(
    project: Project, tmp_path: Path
):
    assert len(compared(project, tmp_path, "1")) == 1
    assert len(compared(project, tmp_path, "-Fo", "quiet")) == 2
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    said = {
        "mine.html": "mine.html is there and not of this command - name another file",
        "folder": "folder is a folder - name a file in it: folder/compare.html",
        "pipe": "pipe is there and not of this command - name another file",
        "mine.html/a": "cannot write mine.html/a: Not a directory - name another",
    }
    for name, message in said.items():
        done = command(project, tmp_path, "1", "-o", name)
        assert done == Done(1, [], f"guild-notebook: {message}\n")
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("compare.html", "folder", "mine.html", "pipe")
    ]


def test_nothing_of_a_run_changes(project: Project, tmp_path: Path):
    def state() -> dict[Path, tuple[int, int]]:
        paths = (path for path in (project.home / "runs").rglob("*") if path.is_file())
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}

    before = state()
    compared(project, tmp_path, "-Fo", "train")
    assert state() == before


def test_the_page_is_shown_where_that_is_asked_for(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shown: list[str] = []
    monkeypatch.setenv("BROWSER", "one")
    monkeypatch.setattr(webbrowser, "open", shown.append)
    compared(project, tmp_path, "1")
    assert shown == []
    compared(project, tmp_path, "1", "--open")
    assert shown == [(tmp_path / "compare.html").as_uri()]


def test_without_pillow_a_line_says_what_is_less_exact(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(images, "pillow", lambda: None)
    done = command(project, tmp_path, "1")
    assert done.out == [
        "images are compared as files, and all are shown in their full size: with Pillow it is by "
        'pixels, and faster - pip install "guild-notebook[compare]"',
        "1 run: compare.html",
    ]


def test_without_a_sweep_all_runs_of_the_newest_operation_are_compared(tmp_path: Path):
    made = new_project(tmp_path)
    none = command(made, tmp_path)
    assert none == Done(
        *(1, []),
        "guild-notebook: there is no run of a notebook yet - guild run NOTEBOOK.ipynb makes one\n",
    )
    made.notebook("a.ipynb", "lr = 0.1")
    made.notebook("b.ipynb", "lr = 0.1")
    made.without_reports("a.ipynb", "b.ipynb")
    for args in (("a.ipynb", "lr=1"), ("b.ipynb",), ("a.ipynb", "lr=2")):
        made.run(*args)
    assert compared(made, tmp_path) == ids(runs(made, "a.ipynb"))


def test_mistakes_are_one_line(project: Project, tmp_path: Path):
    said = {
        (
            "train.ipynb",
        ): "could not find a run matching 'train.ipynb' - give numbers or IDs of guild "
        "runs, or -Fo NAME for those of an operation\n",
        ("--nothing",): "No such option '--nothing'",
        ("-Fo", "gone"): "there is no such run - guild runs, with the same filters, lists them",
        ("-F", "lr <"): "",
    }
    for args, message in said.items():
        done = command(project, tmp_path, *args)
        assert done.status == 1 and done.out == []
        assert done.err.startswith(f"guild-notebook: {message}") and done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_says_how_runs_are_chosen(project: Project, tmp_path: Path):
    done = command(project, tmp_path, "--help")
    text = re.sub(r"\s+", " ", " ".join(done.out))
    assert done.status == 0 and "those of the newest sweep" in text
    assert "-o, --output FILE" in text and "-Fo, --operation VAL" in text
    assert text.count("See guild runs list --help for") == 2 and "above" not in text
