"""CONTRIBUTING.md says nothing that is not so, and change notes are as it wants them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.helpers.project import CHECKOUT

TEXT = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
MAKEFILE = (CHECKOUT / "Makefile").read_text("utf-8")
NOTES = sorted(
    path
    for path in (CHECKOUT / "changes").iterdir()
    if path.name not in ("template.md.jinja", ".gitkeep")
)
KINDS = ("added", "changed", "fixed", "removed", "docs")


def test_make_has_each_target_that_is_named():
    named = set(re.findall(r"\bmake ([a-z]+)(?= *#|`| [A-Z]+=|$)", TEXT, re.MULTILINE))
    assert named >= {"dev", "test", "lint", "release"}
    assert named <= set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))


def test_the_links_and_the_files_that_are_named_exist():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    files = [name for name in re.findall(r"`([\w./-]+)`", TEXT) if "/" in name]
    assert links and files
    for name in [*links, *files]:
        assert (CHECKOUT / name).exists() or name == "dist/", name


@pytest.mark.parametrize("note", NOTES, ids=lambda path: path.name)
def test_a_change_note_has_a_name_that_counts_and_a_paragraph(note):
    assert re.fullmatch(rf"(\+[a-z0-9-]+|\d+)\.({'|'.join(KINDS)})\.md", note.name)
    text = note.read_text("utf-8")
    assert text.endswith(".\n")
    assert not re.search(r"^([-*#]|\s*$)", text.strip(), re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_a_draft_of_the_changelog_has_each_note_as_an_item(tmp_path):
    for path in ("pyproject.toml", "CHANGELOG.md", "changes/template.md.jinja"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text((CHECKOUT / path).read_text("utf-8"))
    for number, kind in enumerate(KINDS):
        (tmp_path / "changes" / f"+{kind}.{kind}.md").write_text(
            f"Change {number},\nwith a line.\n"
        )
    (tmp_path / "changes" / "12.fixed.md").write_text("Of issue 12.\n")
    command = [sys.executable, "-m", "towncrier", "build", "--version", "9.8.7", "--yes"]
    command += ["--date", "2027-01-02"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    items = [f"- Change {number},\n  with a line.\n" for number in range(5)]
    items.insert(2, "- Of issue 12.\n")
    before, _, after = (tmp_path / "CHANGELOG.md").read_text().partition("## 9.8.7, 2027-01-02\n\n")
    head, _, rest = (CHECKOUT / "CHANGELOG.md").read_text("utf-8").partition("\n## ")
    assert (before.strip(), after) == (head.strip(), f"{''.join(items)}\n## {rest}")
    assert [path.name for path in (tmp_path / "changes").iterdir()] == ["template.md.jinja"]
