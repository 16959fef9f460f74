"""Users without a home, as containers have them, and folders that nobody may write to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import LIMIT, Project
from tests.helpers.slow import but_slow

BIN = Path(sys.executable).parent

UNSHARE = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
"""Runs a command as a user whose number has no entry in passwd, with the rights of this one."""

HOME = "import os\nprint(os.path.expanduser('~'), os.getuid())"


def is_possible() -> bool:
    if not shutil.which("unshare"):
        return False
    return not subprocess.run([*UNSHARE, "true"], capture_output=True).returncode


pytestmark = pytest.mark.skipif(not is_possible(), reason="no user namespaces here")


def as_nobody(
    project: Project, program: str, *args: str, **env: str
) -> subprocess.CompletedProcess:
    settings = {"PATH": os.environ["PATH"], "GUILD_HOME": str(project.home), **env}
    return subprocess.run(
        [*UNSHARE, str(BIN / program), *args],
        cwd=project.dir,
        env={**settings, "NO_PIP_FREEZE": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        text=True,
    )


def test_a_user_without_a_home_runs_a_notebook_as_a_script(project: Project):
    project.notebook("nb.ipynb", HOME, "import matplotlib.pyplot as p\np.plot([1])\np.show()")
    project.file("script.py", "print('a script')")
    script = as_nobody(project, "guild", "run", "-y", "script.py")
    assert (script.returncode, script.stdout) == (0, "a script\n"), script.stderr
    done = as_nobody(project, "guild", "run", "-y", "nb.ipynb")
    assert done.returncode == 0 and done.stdout.startswith(f"{project.home}/cache/home 12345\n")
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    assert len([*project.home.glob("runs/*/nb.html"), *project.home.glob("runs/*/*.png")]) == 2


@pytest.mark.slow
def test_nobody_s_trials_and_commands_need_no_home_either(project: Project):
    project.notebook("nb.ipynb", "lr = 1", "print('lr is', lr)")
    project.without_reports("nb.ipynb")
    done = as_nobody(project, "guild", "run", "-y", "nb.ipynb", "lr=[2,3]")
    assert (done.returncode, done.stdout) == (0, "lr is 2\nlr is 3\n"), done.stderr
    for args in (["flags", "nb.ipynb"], ["preview", "nb.ipynb", "lr=2"]):
        done = as_nobody(project, "guild-notebook", *args)
        assert (done.returncode, done.stderr) == (0, "") and "lr" in done.stdout


@pytest.mark.parametrize("home", but_slow(["/proc", "/proc/nowhere"], "/proc"))
def test_folders_that_may_not_be_written_to_are_no_matter(project: Project, home: str):
    project.notebook("nb.ipynb", HOME)
    project.dir.chmod(0o555)
    try:
        done = as_nobody(project, "guild", "run", "-y", "nb.ipynb", HOME=home, TMPDIR="/proc")
    finally:
        project.dir.chmod(0o755)
    assert (done.returncode, done.stdout) == (0, f"{home} 12345\n"), done.stderr
    assert "Warning" not in done.stderr and list(project.home.glob("runs/*/nb.html"))
