"""Guild's list of packages of a script is that of ``pip freeze``, made while the script runs."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guild_notebook.compat import package_list
from tests.helpers.project import LIMIT, Project, Run, start, wait_for

LISTED = {"NO_PIP_FREEZE": ""}

SCRIPT = """
import os, sys, time
listed = os.path.exists(".guild/attrs/pip_freeze")
open("begun", "w").close()
print("listed before:", listed)
seconds = 0
status = 0
time.sleep(seconds)
sys.exit(status)
"""

PIP = """
import glob, os, time
until = time.monotonic() + float(os.environ.get("LONGEST", 60))
while time.monotonic() < until and not glob.glob(os.environ["GUILD_HOME"] + "/runs/*/begun"):
    time.sleep(0.05)
time.sleep(1)
print("slow==1.0")
"""


@pytest.fixture
def slow(project: Project, tmp_path: Path) -> Project:
    """A project with a script, where pip has its list a second after the script has begun, and has
    to be asked."""
    (tmp_path / "site" / "pip").mkdir(parents=True)
    (tmp_path / "site" / "pip" / "__init__.py").write_text("")
    (tmp_path / "site" / "pip" / "__main__.py").write_text(PIP)
    project.file("train.py", SCRIPT)
    project.env.update(LISTED, PYTHONPATH=str(tmp_path / "site"), PIP_EXCLUDE="other")
    return project


@pytest.mark.parametrize("status", [0, 3])
def test_the_list_is_made_while_the_script_runs_and_is_there_when_guild_ends(
    slow: Project, status: int
):
    done = slow.guild("run", "-y", "train.py", f"status={status}")
    assert (done.status, done.stdout) == (status, "listed before: False\n"), done.stderr
    assert done.run.attr("pip_freeze") == ["slow==1.0"]
    assert done.run.attr("exit_status") == status


def test_a_run_that_is_interrupted_has_its_list(slow: Project):
    process = start(slow, "run", "-y", "train.py", "seconds=60", start_new_session=True)
    wait_for(lambda: any((path / "begun").exists() for path in slow.run_dirs()))
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=LIMIT)[0]
    (path,) = slow.run_dirs()
    assert Run(path).attr("pip_freeze") == ["slow==1.0"], output
    assert Run(path).attr("exit_status") is not None


def test_a_run_in_the_background_has_its_list_before_its_end_shows(slow: Project):
    done = slow.run("--background", "train.py")
    wait_for(lambda: done.run.attr("exit_status") is not None)
    assert done.run.attr("pip_freeze") == ["slow==1.0"]


def test_a_run_whose_process_cannot_start_has_its_list(slow: Project):
    python = slow.file("python3", "#!/no/such/interpreter\n")
    python.chmod(0o755)
    slow.guildfile(f"train:\n  exec: {python} x.py\n")
    done = slow.guild("run", "-y", "train", LONGEST="1")
    assert done.status == 1 and done.run.attr("pip_freeze") == ["slow==1.0"], done.stderr


@pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="there is no pip")
def test_the_list_is_what_pip_prints_for_guilds_python(project: Project):
    project.file("train.py", "print(1)")
    command = [sys.executable, "-m", "pip", "freeze"]
    printed = subprocess.run(
        command, cwd=project.dir, env=project.environment(), capture_output=True, text=True
    )
    done = project.run("train.py", **LISTED)
    assert done.run.attr("pip_freeze") == printed.stdout.splitlines()
    # Nor is pip asked, which the time of a short run is mostly of.
    project.env["PYTHONPROFILEIMPORTTIME"] = "1"
    assert "pip._internal" not in project.run("train.py", **LISTED).stderr


@pytest.mark.parametrize("no", ["pip-freeze: no", "NO_PIP_FREEZE"])
def test_no_list_is_made_where_none_is_wanted(project: Project, no: str):
    project.file("train.py", "print(1)")
    project.guildfile(f"train:\n  main: train\n  {no if ':' in no else ''}\n")
    done = project.run("train", NO_PIP_FREEZE="" if ":" in no else "1")
    assert not (done.run.dir / ".guild/attrs/pip_freeze").exists()


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without settings of pip, other than the machine's."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "asks"),
    [
        (".config/pip/pip.conf", "[global]\nindex-url = https://localhost\n", False),
        (".config/pip/pip.conf", "[freeze]\nall = yes\n", True),
        (".config/pip/pip.conf", "[global]\nEXCLUDE_editable: yes\n", True),
        (".pip/pip.conf", "[freeze]\nexclude = one\n  two\n", True),
        (".pip/pip.conf", "[install]\nno-index = yes\n", False),
        ("elsewhere", "[freeze]\nlocal = 1\n", True),
    ],
)
def test_a_setting_in_a_file_that_changes_the_list_is_pips_to_apply(
    without_settings: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, asks: bool
):
    (without_settings / file).parent.mkdir(parents=True, exist_ok=True)
    (without_settings / file).write_text(text)
    if file == "elsewhere":
        monkeypatch.setenv("PIP_CONFIG_FILE", str(without_settings / file))
    assert (package_list._lines() is None) is asks


@pytest.mark.parametrize(
    ("name", "asks"), [("PIP_USER", True), ("PIP_EXCLUDE_EDITABLE", True), ("PIP_INDEX_URL", False)]
)
def test_a_variable_that_changes_the_list_is_pips_to_apply(
    without_settings: Path, monkeypatch: pytest.MonkeyPatch, name: str, asks: bool
):
    monkeypatch.setenv(name, "1")
    assert (package_list._lines() is None) is asks


def test_packages_of_the_projects_folders_are_not_listed(
    without_settings: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(without_settings)
    elsewhere = without_settings / "elsewhere"
    for folder, name in ((without_settings / "src", "mine"), (elsewhere, "other")):
        (folder / f"{name}-1.dist-info").mkdir(parents=True)
        (folder / f"{name}-1.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    monkeypatch.setenv("PYTHONPATH", f".:{elsewhere}")
    monkeypatch.setattr(sys, "path", [str(without_settings), str(elsewhere), *sys.path])
    listed = package_list._lines()
    assert listed and "other==1" in listed and not any("mine" in line for line in listed)
    # Installed in place, the same folder is on the path of pip: only pip knows.
    monkeypatch.setenv("PYTHONPATH", f"src:{elsewhere}")
    monkeypatch.setattr(sys, "path", [str(without_settings / "src"), *sys.path])
    assert package_list._lines() is None


def test_what_setuptools_brings_along_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    vendored = tmp_path / "setuptools" / "_vendor"
    for folder in (tmp_path, vendored):
        metadata = folder / f"{folder.name.strip('_')}_package-1.0.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Name: {metadata.parent.name.split('-')[0]}\nVersion: 1.0\n")
    monkeypatch.chdir(vendored)  # not where this package is installed in place
    listed = len(package_list._lines() or ())
    monkeypatch.setattr(sys, "path", [*sys.path, str(vendored)])
    assert len(package_list._lines() or ()) == listed > 0
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert len(package_list._lines() or ()) == listed + 1
