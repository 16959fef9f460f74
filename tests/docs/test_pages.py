"""Every page of docs/ that shows a session, followed in a folder of its own.

The commands are the installed ones, in a fresh Guild home. ``pip install`` is not repeated for
each page: a stand-in sees to it that what is named is installed, or is an extra of this package.
"""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path

import pytest
import yaml

from .page import Command, File, Shell, execute, steps

DOCS = Path(__file__).parents[2] / "docs"
ELSEWHERE = ("cluster.md", "remotes.md")
"""Pages that need machines of their own: tests/test_pages.py follows them."""

PAGES = sorted(
    path.name
    for path in DOCS.glob("*.md")
    if steps(path.read_text("utf-8")) and path.name not in ELSEWHERE
)

PIP = """#!{python}
import importlib.metadata, re, sys
command, *wanted = sys.argv[1:]
assert command == "install" and wanted, sys.argv
for name in wanted:
    own = re.fullmatch(r"(?:[.]|guild-notebook)(?:\\[(\\w+)\\])?", name)
    found = importlib.metadata.metadata("guild-notebook" if own else name)
    if own and own.group(1):
        assert own.group(1) in found.get_all("Provides-Extra"), name
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the sessions are for a Unix shell")


@pytest.fixture
def reader(tmp_path: Path) -> dict[str, str]:
    """The environment of who follows a page: an empty Guild home, the tests' commands."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "pip").write_text(PIP.format(python=sys.executable))
    (commands / "pip").chmod(0o755)
    path = [str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]
    (tmp_path / "home").mkdir()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GUILD", "PYTEST"))}
    settings = {"GUILD_HOME": str(tmp_path / "home"), "NO_PIP_FREEZE": "1", "COLUMNS": "200"}
    return {**inherited, **settings, "PATH": os.pathsep.join(path)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", PAGES)
def test_the_session_of_a_page(name: str, reader: dict[str, str], folder: Path):
    shell = Shell(folder, reader)
    try:
        execute((DOCS / name).read_text("utf-8"), folder, shell)
    finally:
        shell.close()


def test_no_command_of_a_page_stands_where_it_is_not_executed():
    for path in DOCS.glob("*.md"):
        if path.name in ELSEWHERE:
            continue
        text = path.read_text("utf-8")
        shown = [line for line in text.splitlines() if line.lstrip().startswith("$ ")]
        lines = [c.text.splitlines()[0] for c in steps(text) if isinstance(c, Command)]
        assert [line.lstrip()[2:] for line in shown] == lines, path.name
        assert not [line for line in text.splitlines() if line.startswith("    guild")], path.name


def test_what_the_workflow_of_the_ci_page_runs(
    reader: dict[str, str], folder: Path, tmp_path_factory: pytest.TempPathFactory
):
    """The steps of the GitHub Actions example, with the notebook of the page."""
    temp = tmp_path_factory.mktemp("runner")
    page = steps((DOCS / "ci.md").read_text("utf-8"))
    files = {step.name: step.text for step in page if isinstance(step, File)}
    workflow = files[".github/workflows/notebooks.yml"].replace("/tmp/", f"{temp}/")
    (job,) = yaml.safe_load(workflow)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert any("guild run" in command for command in commands)
    session = "".join(
        f"```console\n$ {line}\n...\n```\n" for text in commands for line in text.splitlines()
    )
    made = "".join(f'```text title="{name}"\n{text}```\n' for name, text in files.items())
    reader.update(job.get("env", {}))
    reader["GITHUB_WORKSPACE"] = str(folder)
    shell = Shell(folder, reader)
    try:
        execute(made + session, folder, shell)
    finally:
        shell.close()
    uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    kept = " ".join(step["with"]["path"] for step in uploads).split()
    assert kept and all(glob.glob(path) for path in kept)
