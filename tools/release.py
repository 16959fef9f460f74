"""``make release``: a release, built and checked in a clone, then committed and tagged here.

Whatever fails does so before anything in the checkout has changed. Nothing is pushed or uploaded.
``make release DRY=1`` does all of it in the clone and leaves no trace.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

INIT = Path("guild_notebook", "__init__.py")
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
UNRELEASED = "## {}, not yet released\n\n"


class ReleaseError(Exception):
    """Why there is no release, in one line."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", help="default: the one of guild_notebook/__init__.py")
    parser.add_argument("--dry", action="store_true", help="leave no trace")
    args = parser.parse_args()
    checkout = Path.cwd()
    try:
        version = version_to_release(checkout, args.version)
        with tempfile.TemporaryDirectory(prefix="release-") as folder:
            release(checkout, Path(folder), version, args.dry)
    except ReleaseError as e:
        print(f"no release: {e}", file=sys.stderr)
        return 1
    return 0


def version_to_release(checkout: Path, wanted: str | None) -> str:
    """The version, after a look whether ``checkout`` can be released; raises ReleaseError."""
    if output("git", "status", "--porcelain", cwd=checkout):
        raise ReleaseError("there are changes that are not committed - see git status")
    branch = output("git", "rev-parse", "--abbrev-ref", "HEAD", cwd=checkout)
    if branch != "main":
        raise ReleaseError(f"this is the branch {branch} - git switch main")
    version = wanted or VERSION.findall((checkout / INIT).read_text("utf-8"))[0]
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        raise ReleaseError(f"{version} is not a version like 1.2.3 or 1.2.3rc1")
    if output("git", "tag", "--list", f"v{version}", cwd=checkout):
        raise ReleaseError(f"v{version} is tagged - name another, make release VERSION=1.2.3")
    return version


def release(checkout: Path, folder: Path, version: str, dry: bool) -> None:
    tree, dist = folder / "tree", folder / "dist"
    run("git", "clone", "--quiet", "--branch", "main", checkout, tree, cwd=folder)
    init = (tree / INIT).read_text("utf-8")
    (tree / INIT).write_text(VERSION.sub(f'__version__ = "{version}"', init), "utf-8")
    write_changelog(tree, version)
    changes = output("git", "diff", "HEAD", "--", "CHANGELOG.md", INIT, cwd=tree)
    print(f"\n{changes}\n", flush=True)
    run(sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", dist, tree, cwd=folder)
    built = sorted([*dist.glob("*.whl"), *dist.glob("*.tar.gz")])
    run(sys.executable, "-m", "twine", "check", "--strict", *built, cwd=folder)
    tests = ["-q", "-m", "install", "tests/test_distribution.py"]
    run(sys.executable, "-m", "pytest", *tests, cwd=tree)
    run_a_notebook(folder, next(dist.glob("*.whl")), version)
    if dry:
        print(f"{version} can be released: {', '.join(path.name for path in built)}")
        return
    commit(checkout, tree, version)
    for path in built:
        (checkout / "dist").mkdir(exist_ok=True)
        shutil.copy(path, checkout / "dist")
    names = " ".join(f"dist/{path.name}" for path in built)
    print(f"{version} is committed and tagged. What is left is yours to type:\n")
    print(f"  git push origin main v{version}\n  {sys.executable} -m twine upload {names}")


def write_changelog(tree: Path, version: str) -> None:
    """Move the notes of changes/ to CHANGELOG.md, with what it has of a version not yet released.

    Raises ReleaseError where there is neither.
    """
    path = tree / "CHANGELOG.md"
    text, unreleased = path.read_text("utf-8"), UNRELEASED.format(version)
    if list((tree / "changes").glob("*.*.md")):
        run(sys.executable, "-m", "towncrier", "build", "--yes", "--version", version, cwd=tree)
        text = path.read_text("utf-8").replace(f"\n{unreleased}", "", 1)
    elif unreleased in text:
        text = text.replace(unreleased, f"## {version}, {datetime.date.today()}\n\n", 1)
    else:
        raise ReleaseError("changes/ has no notes, so nothing has changed")
    path.write_text(text, "utf-8")


def run_a_notebook(folder: Path, wheel: Path, version: str) -> None:
    """Install the wheel in an environment of its own and run a notebook there, as a user would."""
    bin_ = folder / "env" / "bin"
    project, home = folder / "project", folder / "home"
    uv = [sys.executable, "-m", "uv"]
    run(*uv, "venv", "--quiet", "--python", sys.executable, folder / "env", cwd=folder)
    run(*uv, "pip", "install", "--quiet", "--python", bin_ / "python", wheel, cwd=folder)
    project.mkdir()
    home.mkdir()
    source = ["lr = 0.1\n", 'print(f"loss: {lr}")']
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
    }
    notebook = {"cells": [{**cell, "source": source}], "metadata": {}, "nbformat": 4}
    (project / "train.ipynb").write_text(json.dumps({**notebook, "nbformat_minor": 4}), "utf-8")
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "GUILD_HOME": str(home)}
    env.pop("PYTHONPATH", None)
    says = output(bin_ / "guild-notebook", "--version", cwd=project, env=env)
    if says != f"guild-notebook {version}":
        raise ReleaseError(f"the installed wheel says that it is {says}")
    run(bin_ / "guild", "check", "--offline", cwd=project, env=env)
    printed = output(bin_ / "guild", "run", "train.ipynb", "lr=0.2", "-y", cwd=project, env=env)
    if "loss: 0.2" not in printed:
        raise ReleaseError(f"a run of the installed wheel has printed {printed}")


def commit(checkout: Path, tree: Path, version: str) -> None:
    """Commit and tag in ``tree``, and take both over to ``checkout``."""
    who = []
    for name in ("user.name", "user.email"):
        who += ["-c", f"{name}={output('git', 'config', name, cwd=checkout)}"]
    run("git", *who, "commit", "--quiet", "--all", "-m", f"Release {version}", cwd=tree)
    run("git", *who, "tag", "--annotate", "-m", f"Release {version}", f"v{version}", cwd=tree)
    run("git", "fetch", "--quiet", tree, f"refs/tags/v{version}:refs/tags/v{version}", cwd=checkout)
    run("git", "merge", "--quiet", "--ff-only", f"v{version}", cwd=checkout)


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Raises ReleaseError for a command that fails; what it prints is shown."""
    _check(subprocess.run(_texts(command), cwd=cwd, env=env, text=True))


def output(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command prints on stdout; raises ReleaseError for one that fails."""
    done = subprocess.run(_texts(command), cwd=cwd, env=env, stdout=subprocess.PIPE, text=True)
    _check(done)
    return done.stdout.strip()


def _texts(command: tuple[object, ...]) -> list[str]:
    return [str(part) for part in command]


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise ReleaseError(f"exit status {done.returncode} of {' '.join(done.args)}")


if __name__ == "__main__":
    sys.exit(main())
