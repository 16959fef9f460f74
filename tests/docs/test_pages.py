"""Every page of docs/ that shows a session, followed in a folder of its own.

Behind the session the commands are run that its sentences name, where they are whole.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from tests.helpers.page import File, Shell, steps
from tests.helpers.reader import DOCS, follow, parsed, spans
from tests.helpers.reader import PAGES as EVERY

ELSEWHERE = ("cluster.md", "remotes.md")
"""Pages that need machines of their own: test_machines.py follows them."""

PAGES = sorted(
    path.name for path in EVERY if steps(path.read_text("utf-8")) and path.name not in ELSEWHERE
)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_session_of_a_page_goes_as_it_is_shown(name: str, reader: dict[str, str], folder: Path):
    follow((DOCS / name).read_text("utf-8"), folder, reader)
    shell = Shell(folder, reader)  # back in the folder, where the session may have left it
    try:
        for command in whole_commands(name):
            status, printed = shell.run(command)
            assert status == 0, f"$ {command}\n{printed}"
    finally:
        shell.close()


NOT_WHOLE = {"guild run", "guild run --background", "guild run ratio.ipynb", "guild view"}
"""What names no operation, what is to be corrected first, what goes on until it is ended."""

ADDED = {
    "guild compare": "--table",
    "guild diff": "--cmd true",
    "guild open": "--cmd true",
    "guild publish": "--yes",
    "guild run": "--yes",
    "guild runs delete": "--yes",
    "guild runs purge": "--yes",
    "guild stop": "--yes",
    "guild tensorboard": "--export-scalars -",
}
"""What answers for a reader, and keeps a command from opening a program or a view."""


def whole_commands(name: str) -> Iterator[str]:
    """What the sentences of a page name with nothing to fill in, as NOTEBOOK would be."""
    for text in sorted(
        {span for span in spans(DOCS / name) if re.match("guild(-notebook)? ", span)}
    ):
        if re.search("[A-Z]{3}|…", text) or text in NOT_WHOLE or is_without_argument(text):
            continue
        added = [more for start, more in ADDED.items() if f"{text} ".startswith(f"{start} ")]
        yield " ".join([text, *added])


def is_without_argument(text: str) -> bool:
    if text.startswith("guild-notebook "):
        return len(text.split()) == 2 and "--" not in text
    try:
        parsed(text)
    except click.MissingParameter:
        return True
    return False


def test_the_whole_commands_of_sentences_are_found():
    found = [command for name in PAGES for command in whole_commands(name)]
    assert "guild run train.py --yes" in found
    assert "guild-notebook --version" in found
    assert len(found) > 15


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
    follow(made + session, folder, reader)
    uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    kept = " ".join(step["with"]["path"] for step in uploads).split()
    assert kept and all(glob.glob(path) for path in kept)
