"""Users whom no passwd knows and who have no home, as containers have them, folders that they may
not write to, and environments that lack what others have."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.causes import states
from tests.helpers.project import LIMIT, Project, Run
from tests.helpers.slow import but_slow

BIN = Path(sys.executable).parent

NOBODY = 12345
"""The number of a user that has no entry in passwd."""

AS_ROOT = [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
    "--bounding-set=-all,+dac_read_search",
]  # fmt: skip
"""Runs a command as that user, who may read all, as Python itself may lie in root's home, and
write to what is the user's own."""

AS_ANOTHER = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
"""The same for who is not root: the user has the rights of this one."""

AS_NOBODY = AS_ANOTHER if os.getuid() else AS_ROOT
AS_NOBODY[0] = shutil.which(AS_NOBODY[0]) or ""

WITHOUT_SHM = 'mount --bind {readonly} /dev/shm && exec "$@"'

CELLS = [
    "import os\nprint('é €', os.getuid(), os.path.expanduser('~'))\nopen('ü', 'w').close()",
    "import matplotlib.pyplot as p\np.plot([1])\np.show()",
]


def is_possible() -> bool:
    command = [*AS_NOBODY, "true"]
    return bool(AS_NOBODY[0]) and not subprocess.run(command, capture_output=True).returncode


pytestmark = pytest.mark.skipif(not is_possible(), reason="no user can be made here")


@pytest.fixture
def project(project: Project) -> Iterator[Project]:
    """One that the user may read, with a Guild home of the user's own."""
    if not os.getuid():
        os.chown(project.home, NOBODY, NOBODY)
    yield project
    project.dir.chmod(0o755)


def as_nobody(
    project: Project, program: str, *args: str, before: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess:
    settings = {"PATH": os.environ["PATH"], "GUILD_HOME": str(project.home), **env}
    return subprocess.run(
        [*before, *AS_NOBODY, str(BIN / program), *args],
        cwd=project.dir,
        env={**settings, "NO_PIP_FREEZE": "1", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        text=True,
        encoding="utf-8",
    )


def test_a_user_without_a_home_runs_a_script_as_without_this_package(project: Project):
    project.file("script.py", "print('a script')")
    script = as_nobody(project, "guild", "run", "-y", "script.py")
    assert (script.returncode, script.stdout) == (0, "a script\n"), script.stderr


@pytest.mark.slow
def test_nobody_s_trials_and_commands_need_no_home_either(project: Project):
    project.notebook("nb.ipynb", "lr = 1", "print('lr is', lr)")
    project.without_reports("nb.ipynb")
    done = as_nobody(project, "guild", "run", "-y", "nb.ipynb", "lr=[2,3]")
    printed = [line for line in done.stdout.splitlines() if line.startswith("lr is")]
    assert (done.returncode, printed) == (0, ["lr is 2", "lr is 3"]), done.stderr
    for args in (["flags", "nb.ipynb"], ["preview", "nb.ipynb", "lr=2"]):
        done = as_nobody(project, "guild-notebook", *args)
        assert (done.returncode, done.stderr) == (0, "") and "lr" in done.stdout


FOLDERS = (
    "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip
"""Variables that name folders in which libraries keep something."""

NO_RIGHT = dict.fromkeys(FOLDERS, "{readonly}")
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "no home": {},
    "an empty home": {"HOME": ""},
    "a home that is not there": {"HOME": "{absent}"},
    "a home that may not be written to": {"HOME": "{readonly}"},
    "a temporary folder of 200 characters": {"HOME": "{own}", "TMPDIR": "{long}"},
    "a temporary folder that is not there": {"HOME": "{own}", "TMPDIR": "{absent}"},
    "a temporary folder that may not be written to": {"HOME": "{own}", "TMPDIR": "{readonly}"},
    "folders for libraries that may not be written to": {"HOME": "{own}", **NO_RIGHT},
    "folders for libraries that are not there": {
        "HOME": "{own}", "TMPDIR": "{long}", **dict.fromkeys(FOLDERS, "{absent}")
    },
    "the locale C": {"HOME": "{own}", "LC_ALL": "C"},
    "the locale POSIX": {"HOME": "{own}", "LC_ALL": "POSIX"},
    "a locale that is not installed": {"HOME": "{own}", "LC_ALL": "xx_YY.UTF-8"},
    "output that Python takes for ASCII": {"HOME": "{own}", "PYTHONIOENCODING": "ascii"},
    "no /dev/shm": {"HOME": "{own}", "before": WITHOUT_SHM},
    "no stdin": {"HOME": "{own}", "before": 'exec "$@" <&-'},
    "no home, no stdin and a temporary folder of 200 characters": {
        "TMPDIR": "{long}", "before": 'exec "$@" <&-'
    },
    "a home and folders that may not be written to, and no /dev/shm": {
        **NO_RIGHT, "HOME": "{readonly}", "TMPDIR": "{absent}", "LC_ALL": "C", "before": WITHOUT_SHM
    },
}  # fmt: skip


@pytest.mark.parametrize("which", but_slow(ENVIRONMENTS, *list(ENVIRONMENTS)[-2:]))
def test_a_run_needs_neither_passwd_nor_what_most_environments_have(
    project: Project, tmp_path: Path, which: str
):
    """In a project that may not be written to."""
    places = {name: str(tmp_path / name) for name in ("absent", "own", "readonly", "long")}
    places["long"] += (200 - len(places["long"])) * "x"
    for name in ("own", "readonly", "long"):
        Path(places[name]).mkdir()
        if name != "readonly" and not os.getuid():
            os.chown(places[name], NOBODY, NOBODY)
    Path(places["readonly"]).chmod(stat.S_IRUSR | stat.S_IXUSR)
    env = {name: value.format(**places) for name, value in ENVIRONMENTS[which].items()}
    before = env.pop("before", "")
    if before.startswith("mount") and os.getuid():
        pytest.skip("only root can mount")
    shell = ["sh", "-c", before, "sh"] if before else []
    unshare = ["unshare", "--mount", *shell] if before.startswith("mount") else shell
    project.notebook("nb.ipynb", *CELLS)
    project.dir.chmod(0o555)
    done = as_nobody(project, "guild", "run", "-y", "nb.ipynb", before=tuple(unshare), **env)
    home = env.get("HOME", f"{project.home}/cache/home") or "/"
    assert (done.returncode, done.stdout.splitlines()[:1]) == (0, [f"é € {NOBODY} {home}"]), (
        done.stdout + done.stderr
    )
    for word in ("Traceback", "Warning", "rror"):
        assert word not in done.stderr
    (run,) = map(Run, project.run_dirs())
    assert states(run) == ["completed"] * 2
    assert {"nb.html", "nb_2_0.png", "ü"} <= {path.name for path in run.dir.iterdir()}
