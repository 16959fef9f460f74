"""``make release``: when it refuses, what it writes, and a whole one (``-m install``)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.project import CHECKOUT

TOOL = CHECKOUT / "tools" / "release.py"
ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    **{f"GIT_{who}_NAME": "Someone" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "someone@example.org" for who in ("AUTHOR", "COMMITTER")},
}


def git(*args: object, cwd: Path) -> str:
    command = ["git", *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, env=ENV, capture_output=True, text=True, check=True
    ).stdout.strip()


def release(tree: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *args]
    return subprocess.run(command, cwd=tree, env=ENV, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit, of a package of the version 0.3.0."""
    made = tmp_path / "tree"
    (made / "guild_notebook").mkdir(parents=True)
    (made / "guild_notebook" / "__init__.py").write_text('__version__ = "0.3.0"\n')
    git("init", "--quiet", "--initial-branch", "main", cwd=made)
    git("config", "user.name", "Someone", cwd=made)
    git("config", "user.email", "someone@example.org", cwd=made)
    shutil.copy(CHECKOUT / "pyproject.toml", made)
    (made / "changes").mkdir()
    shutil.copy(CHECKOUT / "changes" / "template.md.jinja", made / "changes")
    (made / "CHANGELOG.md").write_text(
        "# Changes\n\n<!-- towncrier release notes start -->\n\n## 0.2.0, 2026-01-02\n\n- Old.\n"
    )
    git("add", "--all", cwd=made)
    git("commit", "--quiet", "-m", "First", cwd=made)
    return made


def refusal(tree: Path, *args: str) -> str:
    before = git("for-each-ref", cwd=tree), git("status", "--porcelain", cwd=tree)
    done = release(tree, *args)
    assert done.returncode == 1
    assert before == (git("for-each-ref", cwd=tree), git("status", "--porcelain", cwd=tree))
    return done.stderr.strip()


def test_changes_that_are_not_committed_are_no_release(tree):
    (tree / "CHANGELOG.md").write_text("")
    wanted = "no release: there are changes that are not committed - see git status"
    assert refusal(tree) == wanted


def test_another_branch_is_no_release(tree):
    git("switch", "--quiet", "--create", "topic", cwd=tree)
    assert refusal(tree) == "no release: this is the branch topic - git switch main"


def test_a_version_is_released_once(tree):
    git("tag", "v0.3.0", cwd=tree)
    wanted = "no release: v0.3.0 is tagged - name another, make release VERSION=1.2.3"
    assert refusal(tree) == wanted


def test_a_version_has_three_numbers(tree):
    wanted = "no release: 0.4 is not a version like 1.2.3 or 1.2.3rc1"
    assert refusal(tree, "0.4") == wanted


def test_nothing_new_is_no_release(tree):
    assert refusal(tree) == "no release: changes/ has no notes, so nothing has changed"


def test_what_cannot_be_built_is_no_release(tree):
    (tree / "changes" / "+new.added.md").write_text("New.\n")
    git("add", "--all", cwd=tree)
    git("commit", "--quiet", "-m", "Second", cwd=tree)
    (tree / "setup.py").write_text("raise SystemExit('broken')\n")
    git("add", "--all", cwd=tree)
    git("commit", "--quiet", "-m", "Third", cwd=tree)
    assert "uv build" in refusal(tree)


UNRELEASED = "## 0.3.0, not yet released\n\n- Base.\n"


@pytest.mark.parametrize(
    ("base", "notes", "after"),
    [
        ("", ["New"], "- New.\n\n## 0.2.0"),
        (UNRELEASED, ["New"], "- New.\n- Base.\n\n## 0.2.0"),
        (UNRELEASED, [], "- Base.\n\n## 0.2.0"),
    ],
    ids=["notes", "notes and what was there before them", "what was there before notes"],
)
def test_the_changelog_of_a_version_is_its_notes_and_what_it_has_of_it(
    base: str, notes: list[str], after: str, tree: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(TOOL.parent)
    import release as tool

    path = tree / "CHANGELOG.md"
    path.write_text(
        path.read_text().replace("## 0.2.0", f"{base}\n## 0.2.0" if base else "## 0.2.0")
    )
    for note in notes:
        (tree / "changes" / f"+{note.lower()}.added.md").write_text(f"{note}.\n")
    git("add", "--all", cwd=tree)
    tool.write_changelog(tree, "0.3.0")
    today = tool.datetime.date.today()
    head = "# Changes\n\n<!-- towncrier release notes start -->\n\n"
    assert path.read_text() == f"{head}## 0.3.0, {today}\n\n{after}, 2026-01-02\n\n- Old.\n"


@pytest.mark.install
@pytest.mark.timeout(1200)
def test_a_release_is_a_commit_a_tag_and_distributions_and_a_dry_one_leaves_no_trace(tmp_path):
    tree = tmp_path / "clone"
    git("clone", "--quiet", CHECKOUT, tree, cwd=tmp_path)
    git("checkout", "--quiet", "-B", "main", cwd=tree)
    git("config", "user.name", "Someone", cwd=tree)
    git("config", "user.email", "someone@example.org", cwd=tree)
    before = git("for-each-ref", cwd=tree), sorted(tree.iterdir())
    done = release(tree, "--dry", "7.8.9")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7.8.9 can be released" in done.stdout
    assert before == (git("for-each-ref", cwd=tree), sorted(tree.iterdir()))
    assert release(tree, "7.8.9").returncode == 0
    assert git("log", "-1", "--format=%s %an", "v7.8.9", cwd=tree) == "Release 7.8.9 Someone"
    assert git("rev-parse", "v7.8.9^{commit}", cwd=tree) == git("rev-parse", "main", cwd=tree)
    assert not git("status", "--porcelain", cwd=tree)
    assert len(list((tree / "dist").iterdir())) == 2
    assert '__version__ = "7.8.9"' in (tree / "guild_notebook" / "__init__.py").read_text()
