"""CONTRIBUTING.md says nothing that is not so, and change notes are as it wants them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from guild_notebook.compat import import_hooks
from guild_notebook.document import mime, reader
from guild_notebook.flags import discover
from guild_notebook.flags.languages import LANGUAGES
from guild_notebook.flags.model import Flag, Found, Site
from guild_notebook.run.output.display import CellImage, Images
from tests.helpers.project import CHECKOUT, Project

TEXT = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
PACKAGE = CHECKOUT / "guild_notebook"
MAKEFILE = (CHECKOUT / "Makefile").read_text("utf-8")
NOTES = sorted(
    path
    for path in (CHECKOUT / "changes").iterdir()
    if path.name not in ("template.md.jinja", ".gitkeep")
)
KINDS = ("added", "changed", "fixed", "removed", "docs")


ROWS = {
    change: (first, symbol, rest)
    for change, first, symbol, rest in re.findall(
        r"^\| (.+?) \| `([\w./]+)`(?:: `(\w+)`)? \| (.+) \|$", TEXT, re.MULTILINE
    )
}
"""By what is added or changed: the first file, what to look at in it, and what follows."""


def file_of(name: str) -> Path:
    """A file or folder that the table names: within the package, or else of the repository."""
    path = PACKAGE / name
    return path if path.exists() else CHECKOUT / name


def test_make_has_each_target_that_is_named():
    named = set(re.findall(r"\bmake ([a-z]+)(?= *#|`| [A-Z]+=|$)", TEXT, re.MULTILINE))
    assert named >= {"dev", "test", "lint", "release"}
    assert named <= set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))


def test_the_links_and_the_files_that_are_named_exist():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    files = [name for name in re.findall(r"`([\w./-]+)`", TEXT) if re.search(r"/|\.(py|md)$", name)]
    assert links and len(files) > 40
    missing = {name for name in [*links, *files] if not file_of(name).exists()}
    assert missing == {"dist/", "ISSUE.KIND.md"}


def test_the_commonest_changes_have_a_first_file():
    assert len(ROWS) == 16


@pytest.mark.parametrize("change", ROWS)
def test_the_first_file_defines_what_to_look_at_in_it(change: str):
    first, symbol, _rest = ROWS[change]
    if not symbol:
        assert first == "docs/messages.md"
        return
    found = set()
    for node in ast.parse((PACKAGE / first).read_text("utf-8")).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        found |= {getattr(target, "id", None) for target in targets} | {getattr(node, "name", None)}
    assert symbol in found


@pytest.mark.parametrize("change", ROWS)
def test_the_files_that_follow_have_what_is_named(change: str):
    first, _symbol, rest = ROWS[change]
    names = re.findall(r"`([^`]+)`", rest)
    files = [name for name in names if re.search(r"/|\.(py|md)$", name)]
    texts = [
        file_of(name).read_text("utf-8") for name in [first, *files] if file_of(name).is_file()
    ]
    for name in set(names) - {*files, "make tables"}:
        assert any(re.search(rf"\b{name}\b", text) for text in texts), name


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


def test_a_source_of_flags_is_a_function_and_a_line_of_its_table(tmp_path, monkeypatch):
    Project(tmp_path, tmp_path).notebook("train.ipynb", "%lr 0.1")
    flag = Flag("lr", "magic", None, 0.1, "0.1", (Site(0, 4, 7),))
    monkeypatch.setitem(discover.SOURCES, "magics", lambda cells: Found([flag for _cell in cells]))
    found = discover.discover(reader.read(str(tmp_path / "train.ipynb")))
    assert (found.source, found.flags) == ("magics", {"lr": flag})


def test_each_language_is_an_object_in_a_file_of_its_own():
    files = {language.name: type(language).__module__ for language in LANGUAGES}
    assert len(files) > 3
    assert files == {name: f"guild_notebook.flags.languages.{name}" for name in files}


def test_an_image_format_is_a_line_of_its_table(tmp_path, monkeypatch):
    monkeypatch.setitem(mime.IMAGE_ENDINGS, "image/webp", "webp")
    saved = Images(str(tmp_path), str(tmp_path / "train.ipynb"), lambda _path: None)
    saved.save({"image/webp": "UklGRg=="}, CellImage(1))
    assert (tmp_path / "train_1_0.webp").read_bytes() == b"RIFF"


def test_each_module_of_patches_is_applied():
    paths = (PACKAGE / "compat").glob("*.py")
    modules = {path.stem for path in paths} - {"__init__", "batches", "import_hooks", "skopt"}
    hooks = [*import_hooks.LOOKED_FOR.values(), *import_hooks.AROUND.values()]
    hooks += [patch for patches in import_hooks.AFTER.values() for patch in patches]
    named = {hook.__module__ for hook in hooks} | {*import_hooks.ABSENT.values()}
    assert named == {f"guild_notebook.compat.{name}" for name in modules}


def test_git_runs_before_a_commit_what_make_lint_runs():
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text("utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"  # nothing is downloaded
    assert [(hook["entry"], hook["language"]) for hook in repository["hooks"]] == [
        ("make lint", "system")
    ]
