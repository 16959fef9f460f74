"""``guild-notebook open``: which report it is, and who shows it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guild_notebook.cli import main
from tests.helpers.in_process import at_home

BROWSER = """#!/bin/sh
echo "$@" > "$(dirname "$0")/opened"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    with at_home(tmp_path):
        yield tmp_path


def made(home: Path, run_id: str, number: int, *artifacts: str, report: bool = True) -> Path:
    """The directory of the ``number``-th run."""
    run_dir = home / "runs" / run_id
    (run_dir / ".guild" / "attrs").mkdir(parents=True)
    (run_dir / ".guild" / "opref").write_text("notebook:nb '' '' nb.ipynb")
    (run_dir / ".guild" / "attrs" / "initialized").write_text(f"{number}\n")
    (run_dir / ".guild" / "attrs" / "started").write_text(f"{number}\n")
    if artifacts:
        lines = "".join(f"{json.dumps(name)}\n" for name in artifacts)
        (run_dir / ".guild" / "notebook-artifacts").write_text(lines)
    if report:
        (run_dir / "nb.html").write_text("<p>")
    return run_dir


FIRST, SECOND, SCRIPT = "a" * 32, "ab" * 16, "c" * 32


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a browser")
def test_the_report_of_the_last_notebook_or_of_the_one_that_is_named_is_printed(home, capsys):
    first = made(home, FIRST, 1, "nb_1_0.png", "nb.html")
    second = made(home, SECOND, 2, "nb.html")
    made(home, SCRIPT, 3)
    for args, run_dir in (([], second), (["ABAB"], second), (["aa"], first), (["2"], second)):
        assert main(["open", *args]) == 0
        assert capsys.readouterr().out == f"{run_dir / 'nb.html'}\n"


def test_a_browser_opens_it(home, capsys, monkeypatch):
    run_dir = made(home, FIRST, 1, "nb.html")
    browser = home / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    import webbrowser

    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it has read BROWSER already
    assert main(["open"]) == 0
    assert (home / "opened").read_text() == f"file://{run_dir}/nb.html\n"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["d"], "there is no run d - give a number or ID of guild runs"),
        (["a"], "a begins the IDs of 2 runs - give more of it"),
        (["cc"], "run cccccccc has no report - what there is of it: guild ls cccccccc"),
        (["aa"], "run aaaaaaaa has no report - what there is of it: guild ls aaaaaaaa"),
    ],
)
def test_a_run_without_a_report_is_one_line(home, capsys, args, line):
    outside = os.path.join("..", "..", "..", "outside.html")
    (home.parent / "outside.html").write_text("<p>")
    made(home, FIRST, 1, "nb_1_0.png", "gone.html", outside)
    made(home, SECOND, 2, "nb.html")
    made(home, SCRIPT, 3)
    assert main(["open", *args]) == 1
    assert capsys.readouterr().err == f"guild-notebook: {line}\n"


def test_without_a_run_it_says_how_one_is_made(home, capsys):
    assert main(["open"]) == 1
    assert capsys.readouterr().err == (
        "guild-notebook: there is no run of a notebook yet - guild run NOTEBOOK.ipynb makes one\n"
    )
