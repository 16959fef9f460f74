"""``guild-notebook share``: a folder of pages that anybody can open."""

from __future__ import annotations

import base64
import html
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guild_notebook.cli import share
from tests.helpers.in_process import Done, guild_notebook
from tests.helpers.project import Project, Run, markdown, new_project

NOTEBOOK = """lr = 0.1
epochs = 3
token = ''
print(f'loss: {lr * 2} (step {epochs})')
print(token)
print('rate: nan')"""
TEXT = "# A descent\n\n![dot](dot.png) ![far](far.png)"
PLOT = "from IPython.display import HTML, display\ndisplay(HTML('<b>seen</b><script>1+1</script>'))"

GUILDFILE = """
train:
  notebook: train.ipynb
  flags-import: all
  flags:
    token:
      nb-secret: yes
quiet:
  notebook: train.ipynb
  flags-import: all
  nb-report: none
script:
  main: script
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with three runs, the newest first: of a script, of a notebook that fails and has no
    report, of one with a report and a secret."""
    made = new_project(tmp_path_factory.mktemp("share"))
    made.notebook("train.ipynb", markdown(TEXT), NOTEBOOK, PLOT, "1 / (lr != 0.3)")
    made.file("script.py", "print('accuracy: 0.75')\n")
    made.guildfile(GUILDFILE)
    made.run("train", "lr=0.2", TOKEN="correct horse")
    assert made.guild("run", "-y", "quiet", "lr=0.3").status == 1
    made.run("script")
    return made


def runs(project: Project) -> list[Run]:
    dirs = sorted(project.run_dirs(), key=lambda path: -Run(path).attr("started"))
    return [Run(path) for path in dirs]


def command(project: Project, *args: str) -> Done:
    """``guild-notebook share ARGS`` in the project, in this process."""
    return guild_notebook(project.home, project.dir, "share", *args)


def in_a_process(project: Project, *args: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "share", *args],
        cwd=project.dir,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def shared(project: Project, *args: str, run: Callable[..., Done] = command) -> list[str]:
    """The lines that a command prints that must succeed."""
    done = run(project, *args)
    assert (done.status, done.err) == (0, "")
    return done.out.splitlines()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def table(page: str) -> list[list[str]]:
    """The texts of the cells of the table, a list for each row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    cells = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub("<.*?>", "", cell)) for cell in row] for row in cells]


def assert_head_is_that_of_a_report(page: str, run: Run) -> None:
    """That a page that is made afterwards says of a run what its own report would."""
    text = html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))
    for said in ("quiet", run.id, "failed", "ZeroDivisionError", "0.3", "0.1", "guild run quiet"):
        assert said in text, said
    assert 'href="#guild-failed-cell"' in page and 'id="guild-failed-cell"' in page


def test_the_index_has_a_row_for_each_run_and_links_to_what_is_beside_it(
    project: Project, tmp_path: Path
):
    script, quiet, train = runs(project)
    out = tmp_path / "out"
    assert shared(project, ":", "-o", str(out), "--notebooks", run=in_a_process) == [
        f"run {script.id[:8]} has a line in the table and no page: it has no executed notebook",
        f"3 runs: {out / 'index.html'}",
    ]
    names = {f"run-{run.id[:8]}.{ending}" for run in (quiet, train) for ending in ("html", "ipynb")}
    assert set(files(out)) == {"index.html", *names}
    page = (out / "index.html").read_text("utf-8")
    assert set(re.findall(r'href="(.*?)"', page)) == names
    head, *rows = table(page)
    started = [
        f"{datetime.fromtimestamp(run.attr('started') / 1e6, timezone.utc):%Y-%m-%d %H:%M}"
        for run in (script, quiet, train)
    ]
    columns = ["Run", "Operation", "Status", "Started (UTC)", "Time"]
    columns += ["epochs", "lr", "token", "accuracy", "loss", "rate", "Notebook"]
    assert head == columns
    for row in rows:
        assert re.fullmatch(r"\d+(\.\d)? s", row.pop(4))
    first = [[run.id[:8], run.op_name] for run in (script, quiet, train)]
    assert rows == [
        [*first[0], "completed", started[0], "", "", "", "0.75", "", "", ""],
        [*first[1], "error", started[1], "3", "0.3", "''", "", "0.6", "nan", ".ipynb"],
        [*first[2], "completed", started[2], "3", "0.2", "***", "", "0.4", "nan", ".ipynb"],
    ]
    assert (out / f"run-{train.id[:8]}.html").read_bytes() == (
        train.dir / "train.html"
    ).read_bytes()
    made = (out / f"run-{quiet.id[:8]}.html").read_text("utf-8")
    assert "A descent" in made and "loss: 0.6" in made
    assert_head_is_that_of_a_report(made, quiet)
    assert not any(b"correct horse" in content for content in files(out).values())


def test_flags_that_all_runs_share_are_beside_the_table(project: Project, tmp_path: Path):
    _script, quiet, train = runs(project)
    assert shared(project, quiet.id, train.id[:6], "-o", str(tmp_path / "out"))
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "epochs" not in table(page)[0]
    assert "<dt>epochs</dt><dd>3</dd>" in page


def test_the_same_runs_make_the_same_bytes(project: Project, tmp_path: Path):
    for name in ("one", "two"):
        folder = str(tmp_path / name)
        lines = shared(project, ":", "-o", folder, "--sanitized", "--notebooks")
        assert lines[1:] == [f"3 runs: {folder}/index.html"]
    contents = files(tmp_path / "one")
    assert contents == files(tmp_path / "two")
    for name, content in contents.items():
        if name.startswith("run-") and name.endswith(".html"):
            assert (
                b"<script>1+1" not in content
                and b"<b>seen" in content
                and b"correct horse" not in content
            )


def test_a_folder_of_an_earlier_command_is_written_anew_and_keeps_files_of_others(
    project: Project, tmp_path: Path
):
    out = tmp_path / "out"
    shared(project, ":", "-o", str(out))
    (out / "CNAME").write_text("example.org")
    shared(project, "--operation", "quiet", "-o", str(out))
    assert set(files(out)) == {"index.html", "CNAME", f"run-{runs(project)[1].id[:8]}.html"}


def test_a_folder_that_is_not_complete_is_written_anew(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"

    def ended(_run: Any, name: str, _choice: Any) -> Any:
        yield f"{name}.html", b"a page"
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(share, "_contents", ended)
        assert command(project, ":", "-o", str(out)) == (130, "", "")
    assert len(files(out)) == 2
    shared(project, ":", "-o", str(out))
    assert b"a page" not in files(out).values() and len(files(out)) > 2


def test_other_folders_and_files_are_refused_and_stay(project: Project, tmp_path: Path):
    other, page, file = tmp_path / "other", tmp_path / "page", tmp_path / "file.zip"
    (other / "notes.txt").parent.mkdir()
    (other / "notes.txt").write_text("mine")
    page.mkdir()
    (page / "index.html").write_text("mine")
    file.write_text("mine")
    new = "name a new folder"
    for args, line in {
        ("-o", str(other)): f"{other} has other files (notes.txt) - {new}",
        ("-o", str(page)): f"{page} has other files (index.html) - {new}",
        ("-o", str(file)): f"cannot write {file}: File exists - name another",
    }.items():
        done = command(project, "1", *args)
        assert done == (1, "", f"guild-notebook: {line}\n")
    assert files(other) == {"notes.txt": b"mine"} and files(page) == {"index.html": b"mine"}
    assert file.read_text() == "mine"


SEE = " - see guild-notebook share --help"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ([":"], f"say where: -o FOLDER{SEE}"),
        (["-o", "out"], f"say which runs: numbers or IDs of guild runs, filters, or :{SEE}"),
        (["--filter", "lr = 7", "-o", "out"], "there is no such run - guild runs, with the same "),
        (["zz", "-o", "out"], "could not find a run matching 'zz'"),
        (["-o", "out", ":", "--no-such"], "No such option"),
        (["-F", "lr >", "1", "-o", "out"], "syntax error in filter - unexpected end of expres"),
    ],
)
def test_what_is_wrong_with_a_command_is_one_line(project: Project, args: list[str], line: str):
    done = command(project, *args)
    assert done[:2] == (1, "")
    assert done.err.startswith(f"guild-notebook: {line}") and done.err.count("\n") == 1
    assert not (project.dir / "out").exists()


def test_the_help_has_its_own_options_and_guilds_filters(project: Project):
    text = "\n".join(shared(project, "--help"))
    for option in ("--output", "--sanitized", "--notebooks", "--operation", "--completed"):
        assert option in text


def test_nothing_outside_of_a_run_is_copied(project: Project, tmp_path: Path):
    train = runs(project)[2]
    outside = tmp_path / "outside.html"
    outside.write_text("outside")
    report, kept = train.dir / "train.html", tmp_path / "kept"
    report.rename(kept)
    report.symlink_to(outside)
    try:
        shared(project, train.id, "-o", str(tmp_path / "out"))
    finally:
        report.unlink()
        kept.rename(report)
    assert not any(b"outside" in content for content in files(tmp_path / "out").values())
    assert b"A descent" in (tmp_path / "out" / f"run-{train.id[:8]}.html").read_bytes()


def test_images_of_text_are_those_of_the_run(project: Project, tmp_path: Path):
    quiet = runs(project)[1]
    png = b"\x89PNG\r\n\x1a\n"
    (quiet.dir / "dot.png").write_bytes(png + b"in the run")
    (project.dir / "far.png").write_bytes(png + b"in the project")
    try:
        shared(project, quiet.id, "-o", str(tmp_path / "out"))
    finally:
        (quiet.dir / "dot.png").unlink()
        (project.dir / "far.png").unlink()
    page = (tmp_path / "out" / f"run-{quiet.id[:8]}.html").read_text("utf-8")
    assert base64.b64encode(png + b"in the run").decode() in page
    assert "image far.png is not shown" in page


def test_a_notebook_that_cannot_be_shown_is_a_line(project: Project, tmp_path: Path):
    quiet = runs(project)[1]
    notebook = quiet.dir / "train.ipynb"
    content = notebook.read_bytes()
    notebook.write_text("{")
    try:
        lines = shared(project, quiet.id, "-o", str(tmp_path / "out"), "--notebooks")
    finally:
        notebook.write_bytes(content)
    assert lines[0].startswith(f"run {quiet.id[:8]} has a line in the table and no page: notebook ")
    assert set(files(tmp_path / "out")) == {"index.html"}


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_names_are_unique_and_good_on_any_file_system(ids: list[str]):
    names = share._names([SimpleNamespace(id=each) for each in ids])
    assert len({name.lower() for name in names.values()}) == len(ids)
    assert all(re.fullmatch(r"run-[0-9a-z-]+", name) for name in names.values())


def row(**fields: Any) -> share._Row:
    values = {"id": "abcd1234", "operation": "op", "status": "completed", "started": None}
    return share._Row(**{**values, "seconds": None, "flags": {}, "scalars": {}, **fields})


@given(st.text(), st.text(), st.floats())
def test_no_text_of_a_run_is_markup_of_the_index(name: str, text: str, value: float):
    odd = "<script>" + text
    page = share.index_html(
        [
            row(operation=odd, flags={name: odd, "same": odd}, scalars={odd: value}),
            row(flags={"same": odd}),
        ]
    )
    assert "<script" not in page
    assert page.count("<t") == page.count("</t")


def test_the_index_is_styled_in_light_and_dark_and_asks_for_nothing(tmp_path: Path, browser: Any):
    page = tmp_path / "index.html"
    page.write_text(share.index_html([row(page="run-abcd1234.html", flags={"lr": "0.1"})]))
    assert page.stat().st_size < 5000
    with browser.open(page) as visit:
        assert visit.requests == [] and visit.errors == []
        style = "getComputedStyle(document.querySelector('table')).borderCollapse"
        assert visit.page.evaluate(style) == "collapse"
        colors = set()
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            colors.add(visit.page.evaluate("getComputedStyle(document.body).color"))
        assert len(colors) == 2
