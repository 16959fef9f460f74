"""Other projects' notebooks: those of the tests of nbclient, nbconvert and papermill.

Opt-in (``make corpus``): it downloads their source distributions from PyPI and runs some seventy
notebooks, one after the other. Each has to end with the status that its content demands, within
its time, and leave no process behind.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.helpers.guild_commands import Guild

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]

LIMIT = 120
"""Seconds that a run may take; the slowest notebook sleeps for a minute."""

STOP_AFTER = {"Interrupt.ipynb": 0.1}
"""Minutes after which Guild is asked to stop a notebook that never ends by itself."""

ENDS = {
    # nbclient
    "Autokill.ipynb": ("error", "it kills its kernel"),
    "Disable Stdin.ipynb": ("error", "it asks for input"),
    "Error.ipynb": ("error", "0 / 0"),
    "Inline Image.ipynb": ("error", "it reads a picture, which Guild does not copy unasked"),
    "Interrupt.ipynb": ("terminated", "it never ends"),
    "Parallel Execute A.ipynb": ("error", "it wants a folder from nbclient's own tests"),
    "Parallel Execute B.ipynb": ("error", "it wants a folder from nbclient's own tests"),
    "Skip Exceptions.ipynb": ("error", "it raises, and has no tag that allows it"),
    # nbconvert
    "notebook3.ipynb": ("error", "it asks for input"),
    "markdown_display_priority.ipynb": ("error", "it imports a function that IPython has dropped"),
    "tests/files/notebook2.ipynb": ("error", "it imports a function that IPython has dropped"),
    "notebook3_with_errors.ipynb": ("error", "it raises"),
    "notebook4_jpeg.ipynb": ("error", "it reads a picture, which Guild does not copy unasked"),
    "notebook_jl.ipynb": ("error", "its kernel is Julia's"),
    "Widget_List.ipynb": ("error", "it reads a picture, which Guild does not copy unasked"),
    # papermill
    "binder.ipynb": ("error", "its cell runs papermill on a path of papermill's checkout"),
    "broken.ipynb": ("error", "Python 2"),
    "broken1.ipynb": ("error", "assert False"),
    "broken2.ipynb": ("error", "Python 2, and a module that IPython has dropped"),
    "complex_parameters.ipynb": ("error", "a statement without a target"),
    "line_magic_error.ipynb": ("error", "an unknown magic"),
    "notimplemented_translator.ipynb": ("error", "its kernel is R's"),
    "read_check.ipynb": ("error", "it wants a file from papermill's own tests"),
    "sysexit1.ipynb": ("error", "sys.exit(1)"),
    "test_logging.ipynb": ("error", "it imports ggplot, which no current Python has"),
}
"""Status and reason of each notebook that is not to complete: by its name, or by the end of its
path where names repeat."""

ENDS_EARLY = {"sysexit.ipynb", "sysexit0.ipynb", "systemexit.ipynb"}
"""Notebooks that complete before their last cell, since one asks for that."""

IMPORTS = {
    "JupyterWidgets.ipynb": "ipywidgets",
    "Output.ipynb": "ipywidgets",
    "Unexecuted_widget.ipynb": "ipywidgets",
    "Unexecuted_widget_2.ipynb": "ipywidgets",
    "notebook1.ipynb": "sympy",
}
"""Packages of notebooks that fail where these are not installed; ``make corpus`` installs them."""


@pytest.fixture(scope="module")
def guild(tmp_path_factory: pytest.TempPathFactory) -> Guild:
    guild = Guild(Path(sys.executable).parent, tmp_path_factory.mktemp("corpus"))
    guild.env["NO_PIP_FREEZE"] = "1"
    return guild


@pytest.mark.parametrize("package", ["nbclient", "nbconvert", "papermill"])
def test_notebooks_of_a_package_end_as_their_content_demands(package, guild, tmp_path):
    notebooks = tested_notebooks(source_of(package, tmp_path))
    assert len(notebooks) > 15
    wrong = []
    for path in notebooks:
        started = time.monotonic()
        problem = run_and_look(guild, path)
        print(f"{package}: {path.name}, {time.monotonic() - started:.1f} s, {problem or 'good'}")
        if problem:
            wrong.append(f"{path.relative_to(tmp_path)}: {problem}")
    assert not wrong, "\n".join(wrong)


def source_of(package: str, folder: Path) -> Path:
    """The unpacked source distribution of a package's newest release."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), package], check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name[: -len(".tar.gz")]


def tested_notebooks(source: Path) -> list[Path]:
    return sorted(path for path in source.rglob("*.ipynb") if "tests" in path.parts)


def run_and_look(guild: Guild, path: Path) -> str:
    """Run a notebook; returns what is wrong with how that went, in one line."""
    before = set(guild_run_ids(guild))
    guild.project = path.parent
    stop = STOP_AFTER.get(path.name)
    options = ["--stop-after", str(stop)] if stop else []
    command = [str(guild.bin_dir / "guild"), "run", path.name, *options, "-y"]
    process = subprocess.Popen(
        command,
        cwd=path.parent,
        env=guild.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output = process.communicate(timeout=LIMIT)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        end_processes(guild)
        process.communicate()
        return f"still running after {LIMIT} s"
    left = processes_left(guild)
    if left:
        end_processes(guild)
        return f"left processes behind: {left}"
    (run_id,) = set(guild_run_ids(guild)) - before
    return wrong_end(guild, path, run_id, output)


def guild_run_ids(guild: Guild) -> list[str]:
    runs = guild.home / "runs"
    return os.listdir(runs) if runs.exists() else []


def wrong_end(guild: Guild, path: Path, run_id: str, output: str) -> str:
    status, why = demanded(path)
    found = json.loads(guild(f"api runs {run_id}").out)[0]["status"]
    last = (output.strip().splitlines() or [""])[-1]
    if found != status:
        return f"{found}, not {status} ({why}): {last}"
    if "guild_notebook" in output:  # a traceback of ours, since no such notebook names us
        return f"a traceback of this package: {last}"
    if status == "completed":
        return wrong_files(guild.home / "runs" / run_id, path.name)
    return ""


def demanded(path: Path) -> tuple[str, str]:
    package = IMPORTS.get(path.name)
    if package and not importlib.util.find_spec(package):
        return "error", f"it imports {package}, which is not installed"
    for end, demand in ENDS.items():
        if path.as_posix().endswith(f"/{end}"):
            return demand
    return "completed", "nothing in it fails"


def wrong_files(run_dir: Path, name: str) -> str:
    executed = nbformat.read(run_dir / name, as_version=4)
    nbformat.validate(executed)
    if name not in ENDS_EARLY and any(is_unfinished(cell) for cell in executed.cells):
        return "a cell of the executed notebook has not run"
    report = (run_dir / name).with_suffix(".html")
    return "" if report.exists() else "there is no report"


def is_unfinished(cell: Any) -> bool:
    tags = cell.metadata.get("tags", [])
    if cell.cell_type != "code" or not cell.source.strip() or "skip-execution" in tags:
        return False
    return cell.execution_count is None


def processes_left(guild: Guild) -> list[str]:
    """What still runs of this test's runs, after a moment to end by itself."""
    until = time.monotonic() + 5
    while time.monotonic() < until and processes(guild):
        time.sleep(0.2)
    return [" ".join(process.cmdline()[:4]) for process in processes(guild)]


def end_processes(guild: Guild) -> None:
    for process in processes(guild):
        process.kill()


def processes(guild: Guild) -> list[psutil.Process]:
    """Those with this test's Guild home in their environment: guild, runners and kernels."""
    return [process for process in psutil.process_iter() if home_of(process) == str(guild.home)]


def home_of(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get("GUILD_HOME")
    except psutil.Error:
        return None
