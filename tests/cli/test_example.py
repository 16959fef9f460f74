"""``guild-notebook example``: the notebook of the tutorial, where only the package is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.helpers.project import CHECKOUT

EXAMPLE = CHECKOUT / "examples" / "tutorial" / "train.ipynb"


def example(folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "guild_notebook.cli", "example"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_it_writes_the_notebook_of_the_tutorial_and_says_how_to_run_it(tmp_path: Path):
    said = "train.ipynb is in this folder now - run it: guild run train.ipynb\n"
    assert example(tmp_path) == (0, said, "")
    assert (tmp_path / "train.ipynb").read_bytes() == EXAMPLE.read_bytes()


def test_a_notebook_that_is_there_stays_as_it_is(tmp_path: Path):
    (tmp_path / "train.ipynb").write_text("my own")
    said = "guild-notebook: train.ipynb is in this folder already - change to another\n"
    assert example(tmp_path) == (1, "", said)
    assert (tmp_path / "train.ipynb").read_text() == "my own"


def test_a_folder_that_takes_no_file_is_one_line(tmp_path: Path):
    folder = tmp_path / "gone"
    folder.mkdir()
    command = f"cd '{folder}' && rmdir '{folder}' && exec '{sys.executable}' -m guild_notebook.cli"
    done = subprocess.run(["bash", "-c", f"{command} example"], capture_output=True, text=True)
    said = "cannot write train.ipynb to this folder: No such file or directory - change to another"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"guild-notebook: {said}\n")
