"""What Guild asks of the machine and imports before a run has the same answers for less."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from guild import plugin, util

from tests.helpers.project import Project, Run


def test_a_command_is_found_where_which_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine").write_text("#!/bin/sh\n")
    (tmp_path / "mine").chmod(0o755)
    (tmp_path / "no-program").write_text("")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name in ("mine", "sh", "no-program", "none-of-that-name", str(tmp_path / "mine")):
        found = subprocess.run(["which", name], capture_output=True, text=True).stdout.strip()
        assert util.which(name) == (found or None)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, set[str]]:
    """A run of a script, and what Guild's process has imported for it."""
    project = Project(tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("home"))
    project.file("train.py", "print(1)")
    project.guildfile("train:\n  exec: ${guild_python_exe} -c pass\n  flags:\n    n: 1\n")
    done = project.run("train", PYTHONPROFILEIMPORTTIME="1")
    return done.run, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_a_run_has_the_number_of_processors(imported: tuple[Run, set[str]]):
    assert imported[0].attr("platform")["cpus"] == psutil.cpu_count()


def test_guild_imports_for_a_run_what_it_uses(imported: tuple[Run, set[str]]):
    assert "guild.commands.run_impl" in imported[1]
    needless = {"psutil", "filelock", "chardet", "absl", "numpy", "pip"}
    assert not imported[1] & needless
    assert not any(name.startswith("guild_notebook.flags") for name in imported[1])


@pytest.mark.parametrize("name", ["cpu", "disk", "memory"])
def test_the_use_of_the_machine_is_recorded_where_there_is_psutil(name: str):
    assert plugin.for_name(name).enabled_for_op(None) == (True, "psutil available")


def test_a_script_is_collected_as_python_does(project: Project):
    project.file("train.py", "import gc; print(gc.get_threshold(), gc.isenabled())")
    alone = subprocess.run([sys.executable, "train.py"], cwd=project.dir, capture_output=True)
    assert project.run("train.py").stdout == alone.stdout.decode()


def test_trials_take_guilds_lock(project: Project):
    project.guildfile("train:\n  exec: echo ${n}\n  flags:\n    n: 1\n")
    done = project.run("train", "n=[1,2]", PYTHONPROFILEIMPORTTIME="1")
    assert done.stdout == "1\n2\n" and "| filelock\n" in done.stderr
