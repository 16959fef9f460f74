"""Files that cannot be written: one clear line, and each file is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.causes import linux, of_home, states
from tests.helpers.figures import figure
from tests.helpers.project import GUILD, LIMIT, Command, Project, Run
from tests.helpers.slow import but_slow


def check_whole(run_dir: Path) -> int:
    """What the package writes parses or is not there; returns how many files there are."""
    count = 0
    for path in run_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert not path.name.endswith(".part"), path
            if path.suffix == ".ipynb":
                json.loads(path.read_text("utf-8"))
            elif path.suffix == ".html":
                assert path.read_text("utf-8").rstrip().endswith("</html>")
            count += 1
    return count


def lines_of(done: Command, word: str) -> list[str]:
    assert "guild_notebook" not in done.stderr, done.stderr  # no traceback of ours
    return [line for line in done.stderr.splitlines() if word in line]


def test_a_file_that_grows_too_large_is_said_in_one_line(project: Project):
    big = "display({'text/html': 'y' * 900_000}, raw=True)"
    project.notebook("nb.ipynb", "print('x' * 500)", big, "print('last')")
    project.guildfile("nb.ipynb:\n  nb-output-limit: 10 MB\n")
    command = " ".join([*GUILD, "run", "-y", "nb.ipynb"])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 700; exec {command}"],
        cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT,
    )  # fmt: skip
    for name in ("nb.ipynb", "the report"):
        assert done.stderr.count(f"guild-notebook: cannot save {name}: File too large\n") == 1
    assert done.returncode != 0 and "Traceback" not in done.stderr
    (run_dir,) = project.run_dirs()
    saved = Run(run_dir).notebook("nb.ipynb")
    assert len(saved["cells"]) == 3
    check_whole(run_dir)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own at ``folder``; skips the test where none can be mounted."""
    options = f"size={megabytes}m"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(project: Project) -> Iterator[Project]:
    with mounted(project.home, 12):
        (project.home / "runs").mkdir()
        yield project


FILL = """
import os
def fill(name):
    with open(name, 'wb', buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError as e:
            return e.strerror
print('kept')
"""


@linux
@pytest.mark.parametrize("kind", but_slow(["stays full", "full for a time"], "stays full"))
def test_the_disk_is_full(small_disk: Project, kind: str):
    project = small_disk
    after = "os.unlink('big'); " if kind == "full for a time" else ""
    project.notebook(
        "nb.ipynb", FILL, "import time; said = fill('big'); time.sleep(2.5)",
        f"{after}print(said)", "print('last')",
    )  # fmt: skip
    done = project.guild("run", "-y", "nb.ipynb")
    run = done.run
    assert lines_of(done, "cannot save nb.ipynb: No space left on device") != []
    assert len(lines_of(done, "cannot save nb.ipynb")) <= 2  # once, and once more if it recurs
    check_whole(run.dir)
    saved = json.dumps(run.notebook("nb.ipynb"))
    if kind == "stays full":
        assert done.status != 0
        assert run.attr("exit_status") != 0
        assert "Traceback" not in done.stderr, done.stderr
    else:
        assert done.status == 0, done.stderr  # all is saved in the end
        assert states(run) == ["completed"] * 4
        assert "No space left" in saved and "last" in saved
    assert of_home(project) == []
    figure(f"disk full ({kind}): files that are half written", "0", "0")


def without_privileges() -> list[str]:
    """The beginning of a command for which permissions hold; skips the test where there is none."""
    if os.geteuid():
        return []
    command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if not shutil.which("setpriv") or subprocess.run([*command, "true"]).returncode:
        pytest.skip("root may write everywhere, and there is no setpriv that could take that away")
    return command


def test_the_run_directory_becomes_read_only(project: Project):
    lock = "import os\nfor path in ('.', '.guild'):\n    os.chmod(path, 0o555)"
    svg = "display({'image/svg+xml': '<svg/>'}, raw=True)"
    project.notebook("nb.ipynb", "print('kept')", lock, f"{svg}\n{svg}", "print('last')")
    ended = subprocess.run(
        [*without_privileges(), *GUILD, "run", "-y", "nb.ipynb"],
        cwd=project.dir, env=project.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT,
    )  # fmt: skip
    (run_dir,) = project.run_dirs()
    for path in (run_dir, run_dir / ".guild"):
        path.chmod(0o755)
    done = Command(ended.stdout, ended.stderr, ended.returncode)
    assert done.status != 0 and "last" in done.stdout
    for name in ("nb.ipynb", "images", "the report"):
        (line,) = lines_of(done, f"cannot save {name}")
        assert "Permission denied" in line
    check_whole(run_dir)
    assert of_home(project) == []
    figure("run directory read-only in mid-run: files that are half written", "0", "0")


@pytest.mark.parametrize("what", but_slow(["RUN_DIR", "parent"], "RUN_DIR"))
def test_a_run_directory_that_is_deleted_ends_in_one_line(project: Project, what: str):
    path = "os.environ['RUN_DIR']"
    path = path if what == "RUN_DIR" else f"os.path.dirname({path})"
    project.notebook("nb.ipynb", f"import os, shutil\nshutil.rmtree({path})", "print('after')")
    done = project.guild("run", "-y", "nb.ipynb")
    assert done.status != 0
    (line,) = lines_of(done, "guild-notebook:")
    assert "the run directory has been deleted, nothing more of the run is saved" in line
    assert "after" in done.stdout and not list(project.home.rglob("*.ipynb"))
    assert of_home(project) == []


def test_the_reports_place_is_taken_by_a_folder(project: Project):
    project.notebook("nb.ipynb", "import os\nos.mkdir('nb.html')", "1 / 0")
    done = project.guild("run", "-y", "nb.ipynb")
    assert "failed with ZeroDivisionError - see nb.html.html" in done.stderr
    assert "ZeroDivisionError" in (done.run.dir / "nb.html.html").read_text("utf-8")
    assert os.listdir(done.run.dir / "nb.html") == []
