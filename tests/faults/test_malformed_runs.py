"""Malformed notebooks through the real commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from guild_notebook.document.reader import read
from guild_notebook.errors import NotebookError
from tests.helpers.figures import figure
from tests.helpers.mutations import mutant
from tests.helpers.project import LIMIT, Command, Project, code, markdown, notebook
from tests.helpers.runner import execute
from tests.helpers.slow import but_slow

OURS = ("guild_notebook", "nbclient", "Traceback (most recent call last)\n  File")


def check(name: str, done: Command) -> str:
    """See that a run of ``name`` is a run or an error in a line, and say which."""
    shown = done.stdout + done.stderr
    assert not any(word in shown for word in OURS), shown
    if not done.run_dirs:
        (line,) = done.stderr.strip().splitlines()
        assert done.status == 1 and name in line, done.stderr
        return "refused"
    assert done.run.attr("exit_status") == done.status, done.stderr
    if done.status:
        assert done.stderr.strip().splitlines()[-1].startswith("guild-notebook: "), done.stderr
    executed = done.run.dir / name
    if done.status and executed.read_bytes() == done.run.source(name):
        return "refused by the run"  # what stands there is the source
    nbformat.validate(nbformat.read(executed, as_version=nbformat.NO_CONVERT))
    return "failed" if done.status else "completed"


def run_mutants(project: Project, seeds: range) -> tuple[Counter[str], float]:
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for seed in seeds:
        name = f"m{seed}.ipynb"
        project.file(name, mutant(seed))
        started = time.monotonic()
        try:
            outcomes[check(name, project.guild("run", "-y", name))] += 1
        except Exception as e:
            raise AssertionError(f"seed {seed}: {e}") from e
        slowest = max(slowest, time.monotonic() - started)
    return outcomes, slowest


def check_commands(project: Project, seeds: range) -> None:
    """The commands that read notebooks and run none, on the same files."""
    text = "".join(f"a{seed}:\n  notebook: m{seed}.ipynb\n" for seed in seeds)
    project.guildfile(text)
    done = project.guild("operations")
    assert done.status == 0 and "Traceback" not in done.stderr and "WARNING" not in done.stderr
    assert len(done.stdout.splitlines()) == len(seeds)
    for seed in seeds:
        for command in (["flags"], ["flags", "--json"], ["preview"]):
            shown = subprocess.run(
                [sys.executable, "-m", "guild_notebook.cli", command[0], f"m{seed}.ipynb",
                 *command[1:]],
                cwd=project.dir, env=project.environment(), capture_output=True, text=True,
                timeout=LIMIT, errors="surrogateescape",
            )  # fmt: skip
            assert "Traceback" not in shown.stderr, f"seed {seed}: {shown.stderr}"
            assert shown.returncode == 0 or len(shown.stderr.splitlines()) == 1, seed


@pytest.mark.parametrize("count", but_slow([5, 12], 5))
def test_the_real_commands_refuse_or_run_malformed_notebooks(project: Project, count: int):
    outcomes, _ = run_mutants(project, range(count))
    assert sum(outcomes.values()) == count and len(outcomes) > 1, outcomes
    check_commands(project, range(0, count, 4))


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_real_commands_refuse_or_run_two_hundred_malformed_notebooks(project: Project):
    seeds = range(200)
    outcomes, slowest = run_mutants(project, seeds)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(outcomes.items()))
    figure("malformed notebooks through guild run", f"{len(seeds)}: {kinds}", "200")
    figure("slowest run of a malformed notebook", f"{slowest:.1f} s", "no hang")
    check_commands(project, seeds)


# ---- files


def _fifo(path: Path) -> None:
    os.mkfifo(path)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "blank": (lambda path: path.write_bytes(b" \n\t\n"), "is empty"),
    "byte order mark": (lambda path: path.write_bytes(b"\xef\xbb\xbf"), "is empty"),
    "directory": (lambda path: path.mkdir(), "is not a file"),
    "fifo": (_fifo, "is not a file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is not a file"),
    "dangling link": (lambda path: path.symlink_to("none-such.ipynb"), "does not exist"),
    "link to itself": (lambda path: path.symlink_to(path.name), "does not exist"),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_file_is_an_error_that_says_what_it_is(project: Project, kind: str):
    make, said = FILES[kind]
    make(project.dir / "nb.ipynb")
    said = ": Too many levels of symbolic links" if kind == "link to itself" else f" {said}"
    with pytest.raises(NotebookError, match=f"nb.ipynb{said}"):
        read(str(project.dir / "nb.ipynb"), "nb.ipynb")


@pytest.mark.parametrize("kind", but_slow(FILES, "empty", "fifo", "dangling link"))
def test_what_is_no_file_is_refused_in_a_line(project: Project, kind: str):
    make, said = FILES[kind]
    make(project.dir / "nb.ipynb")
    done = project.guild("run", "-y", "nb.ipynb")
    assert check("nb.ipynb", done) == "refused" and said in done.stderr, done.stderr
    project.guildfile("a:\n  notebook: nb.ipynb\n")
    done = project.guild("run", "-y", "a")
    assert check("nb.ipynb", done) == "refused", done.stderr
    assert said in done.stderr or "outside" in done.stderr  # where a link leads elsewhere
    assert project.guild("operations").status == 0


def test_a_file_that_may_not_be_read_is_refused_in_a_line(project: Project):
    path = project.notebook("nb.ipynb", "x = 1")
    path.chmod(0)
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65534)  # nobody: root may read every file
    try:
        with pytest.raises(NotebookError, match=r"cannot read .*: Permission denied"):
            read(str(path), "nb.ipynb")
    finally:
        if as_root:
            os.seteuid(0)


def test_a_notebook_that_vanishes_before_it_is_run_is_said_in_a_line(project: Project):
    path = project.notebook("nb.ipynb", "x = 1")
    staged = project.run("nb.ipynb", "--stage").run
    (staged.dir / "nb.ipynb").unlink()
    path.unlink()
    done = project.guild("run", "-y", "--start", staged.id)
    (line,) = done.stderr.strip().splitlines()
    assert done.status == 1 and "nb.ipynb" in line and line.startswith("guild-notebook: ")


def test_a_notebook_that_is_changed_before_it_is_run_is_said_in_a_line(project: Project):
    project.notebook("nb.ipynb", "x = 1")
    staged = project.run("nb.ipynb", "x=2", "--stage").run
    (staged.dir / "nb.ipynb").write_bytes(b'{"cells": [')
    done = project.guild("run", "-y", "--start", staged.id)
    (line,) = done.stderr.strip().splitlines()
    assert done.status == 1 and "notebook nb.ipynb is not valid JSON" in line


ENCODINGS = [
    ("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16-le", ""), ("utf-16-le", "\ufeff"),
    ("utf-16-be", ""), ("utf-16-be", "\ufeff"), ("utf-32-le", ""), ("utf-32-be", "\ufeff"),
]  # fmt: skip


@pytest.mark.parametrize("step", but_slow([3, 1], 3))
def test_a_notebook_in_any_encoding_of_unicode_runs(project: Project, step: int):
    """Each is listed with its flag, and each ``step``-th runs."""
    text = json.dumps(notebook("name = 'ü漢🙂'\nprint(name)"), ensure_ascii=False)
    for number, (encoding, mark) in enumerate(ENCODINGS):
        name = f"nb{number}.ipynb"
        project.file(name, (mark + text).encode(encoding))
        if number % step:
            continue
        done = execute(project, name, flags={"name": "ü漢🙂"})
        assert "ü漢🙂\n" in done.stdout, encoding
        assert "ü漢🙂" in (done.run.dir / name).read_text("utf-8")
    project.without_reports(*(f"nb{number}.ipynb" for number in range(len(ENCODINGS))))
    shown = project.guild("help").stdout
    assert shown.count("(default is ü漢🙂)") == len(ENCODINGS)


def test_a_notebook_in_latin_1_is_refused_in_a_line(project: Project):
    text = json.dumps(notebook("name = 'ü'"), ensure_ascii=False)
    project.file("nb.ipynb", text.encode("latin-1"))
    done = project.guild("run", "-y", "nb.ipynb")
    assert check("nb.ipynb", done) == "refused" and "is not valid JSON" in done.stderr


# ---- what the fuzz test has found


def test_what_no_notebook_may_hold_is_left_out_and_said(project: Project):
    project.notebook(
        "nb.ipynb",
        code("print(1)", odd=1, metadata={"tags": ["a", 5, "b,c"], "collapsed": "yes"}),
        {**markdown("![](attachment:a.png)"), "attachments": {"a.png": 5}},
        metadata={"kernelspec": {"name": 5}, "language_info": [], "title": 1},
        extra={"a": 1},
    )
    done = execute(project, "nb.ipynb", "--report", "html")
    said = [line for line in done.stderr.splitlines() if "is left out" in line]
    assert len(said) == 1 and "and 5 more" in said[0], said
    saved = nbformat.from_dict(done.run.notebook("nb.ipynb"))
    nbformat.validate(saved)
    assert saved.cells[0].metadata.tags == ["a"]
    assert b"extra" in done.run.source("nb.ipynb")
    assert "no report" not in done.stderr


def test_metadata_that_is_nested_too_deeply_is_refused_and_names_its_cell(project: Project):
    deep: list = []
    for _ in range(400):
        deep = [deep]
    project.notebook("nb.ipynb", "x = 1", code("y = 2", metadata={"deep": deep}))
    done = project.guild("run", "-y", "nb.ipynb")
    (line,) = done.stderr.strip().splitlines()
    assert "notebook nb.ipynb is nested too deeply (the 2nd cell" in line


def test_a_number_too_long_for_guild_is_a_flag_that_leaves_the_source(project: Project):
    project.without_reports("nb.ipynb")
    project.notebook("nb.ipynb", f"n = 0x{'f' * 5000}\nprint(n.bit_length())")
    assert "20000\n" in project.run("nb.ipynb").stdout
    assert "7\n" in project.run("nb.ipynb", "n=100").stdout


def test_half_a_character_in_a_cell_is_an_error_of_the_cell(project: Project):
    project.notebook("nb.ipynb", "print('before')", "# Half\nx = '\ud83d'", "print('never')")
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status == 1 and "before" in done.stdout and "never" not in done.stdout
    last = done.stderr.splitlines()[-1]
    assert "cell [2] (Half) holds '\\ud83d', half a character: take it out - see nb.html" in last
    assert check("nb.ipynb", done) == "failed"


@pytest.mark.slow
def test_a_notebook_beside_files_of_odd_bytes_runs(project: Project):
    project.notebook("nb.ipynb", "print('ran')")
    project.file("odd", bytes(range(128, 256)) * 8)
    project.file("odder.ipynb", b'{"cells": [' + bytes(range(256)) * 4)
    for seed in range(40):
        project.file(f"m{seed}.ipynb", mutant(seed))
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status == 0 and "ran\n" in done.stdout, done.stderr
