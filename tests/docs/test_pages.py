"""Every page of docs/ that shows a session, followed in a folder of its own."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest
import yaml

from .page import File, steps
from .reader import DOCS, follow

ELSEWHERE = ("cluster.md", "remotes.md")
"""Pages that need machines of their own: test_machines.py follows them."""

PAGES = sorted(
    path.name
    for path in DOCS.glob("*.md")
    if steps(path.read_text("utf-8")) and path.name not in ELSEWHERE
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the sessions are for a Unix shell")


@pytest.mark.parametrize("name", PAGES)
def test_the_session_of_a_page(name: str, reader: dict[str, str], folder: Path):
    follow((DOCS / name).read_text("utf-8"), folder, reader)


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
