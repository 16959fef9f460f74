"""The list of packages is the text of ``pip freeze`` in the same environment."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.packages import freeze, modified
from tests.helpers.project import LIMIT

PYTHON = sys.version_info[:2]

needs_pip = pytest.mark.skipif(not importlib.util.find_spec("pip"), reason="there is no pip")


def installed(
    folder: Path, name: str, version: str = "1.0", url: Any = None, suffix: str = "dist-info"
) -> Path:
    """The metadata of an installed distribution; ``url`` is what its direct_url.json has."""
    info = folder / f"{name.replace('-', '_')}-{version}.{suffix}"
    info.mkdir(parents=True)
    header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    file = "METADATA" if suffix == "dist-info" else "PKG-INFO"
    (info / file).write_text(f"{header}\n# A page\nName: another\n\nVersion: 9\n", "utf-8")
    if url is not None:
        (info / "direct_url.json").write_text(url if isinstance(url, str) else json.dumps(url))
    return info


def git(folder: Path, *args: str) -> str:
    names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME",)}
    names.update({f"GIT_{who}_EMAIL": "x@localhost" for who in ("AUTHOR", "COMMITTER")})
    command = ["git", *args]
    env = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        command, cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=LIMIT
    ).stdout.strip()


def repository(folder: Path, remote: str | None, commits: bool = True) -> str:
    """A work tree of git with a project in it; returns its commit."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n")
    git(folder, "init", "-q")
    if remote:
        git(folder, "remote", "add", "upstream", "https://localhost/other.git")
        git(folder, "remote", "add", "origin", remote)
    if not commits:
        return ""
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    return git(folder, "rev-parse", "HEAD")


def editable(site: Path, name: str, project: Path) -> None:
    installed(site, name, url={"url": project.as_uri(), "dir_info": {"editable": True}})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's folder for packages, with each form of installing one."""
    base = tmp_path_factory.mktemp("environment").resolve()
    site = base / "site"
    for name in ("plain", "My_Package", "Zope.Interface", "pip", "argparse", "wsgiref", "python"):
        installed(site, name)
    for name in ("setuptools", "wheel", "distribute"):
        installed(site, name)
    installed(site, "not-normalized", "1.0.0RC1")
    installed(site, "local", "2.0+cu118")
    installed(site, "epoch", "1!2.0.dev3")
    installed(site, "twice", "1.0")
    installed(base / "later", "plain", "0.5")
    installed(base / "later", "also-later", "0.5")
    installed(site, "~eft", "1.0")
    (site / "empty-1.0.dist-info").mkdir()
    (site / "empty-1.0.dist-info" / "METADATA").write_text("Name: empty\nVersion: 1.0\n")

    commit = {"vcs": "git", "commit_id": "4f42225", "requested_revision": "main"}
    where = "https://localhost/a/b"
    installed(site, "from-git", url={"url": f"{where}.git", "vcs_info": commit})
    below = {"url": f"{where}.git", "vcs_info": commit, "subdirectory": "py/x"}
    installed(site, "from-git-below", url=below)
    archive = f"{where}-1.0.tar.gz"
    installed(site, "from-archive", url={"url": archive, "archive_info": {}})
    hashed = {"hash": "sha256=abc", "hashes": {"sha256": "abc"}}
    installed(site, "from-hashed", url={"url": archive, "archive_info": hashed})
    old = {"url": archive, "archive_info": {"hash": "sha256=abc"}, "subdirectory": "x"}
    installed(site, "from-old-hashed", url=old)
    installed(site, "from-folder", url={"url": base.as_uri(), "dir_info": {}})
    installed(site, "broken-url", url="{")

    (base / "no vcs").mkdir()
    editable(site, "editable", base / "no vcs")
    remotes = {
        "https": "https://localhost/x/y.git",
        "short": "git@localhost:x/y.git",
        "odd": "what is that",
        "own": str(base / "bare"),
        "none": None,
    }
    (base / "bare").mkdir()
    for name, remote in remotes.items():
        repository(base / "git" / name, remote)
        editable(site, f"editable-{name}", base / "git" / name)
    (base / "git" / "https" / "sub" / "py").mkdir(parents=True)
    (base / "git" / "https" / "sub" / "setup.py").write_text("")
    editable(site, "editable-below", base / "git" / "https" / "sub" / "py")
    repository(base / "git" / "https" / "inner", "https://localhost/inner.git")
    editable(site, "editable-inner", base / "git" / "https" / "inner")
    repository(base / "git" / "new", "https://localhost/new.git", commits=False)
    editable(site, "editable-new", base / "git" / "new")

    installed(site, "egg-info", suffix="egg-info")
    (site / "old_file-1.2.egg-info").write_text("Name: old-file\nVersion: 1.2\n")
    developed = installed(base / "developed", "developed_one", suffix="egg-info")
    developed.rename(developed.parent / "developed_one.egg-info")
    (site / "developed-one.egg-link").write_text("\n../developed\n.\n")
    installed(base / "git" / "short" / "src", "developed-two", suffix="egg-info")
    (site / "developed-two.egg-link").write_text(f"{base / 'git' / 'short' / 'src'}\n../\n")
    egg = installed(base / "eggs" / "in_egg-3.0-py3.egg", "in-egg", "3.0", suffix="egg-info")
    egg.rename(egg.parent / "EGG-INFO")
    return site


def path_of(site: Path) -> list[str]:
    others = ["later", "eggs/in_egg-3.0-py3.egg"]
    others += ["developed", "git/short/src"]  # as easy-install.pth has them
    return [str(site), *(str(site.parent / other) for other in others)]


def pip_freeze(python: str, path: list[str]) -> list[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(
        [python, "-m", "pip", "freeze"], env=env, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_pip
def test_it_is_what_pip_prints(site: Path):
    path = path_of(site)
    query = "import json, sys; print(json.dumps(sys.path[1:]))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    whole = json.loads(subprocess.check_output([sys.executable, "-c", query], env=env))
    assert freeze(whole, PYTHON) == pip_freeze(sys.executable, path)


@pytest.fixture(scope="module")
def listed(site: Path) -> list[str]:
    return freeze(path_of(site), (3, 13))


@pytest.fixture(scope="module")
def commits(site: Path) -> dict[str, str]:
    names = ("https", "short", "own", "https/inner")
    return {name: git(site.parent / "git" / name, "rev-parse", "HEAD") for name in names}


TABLE = {
    "plain==": ["plain==1.0"],
    "My_Package": ["My_Package==1.0"],
    "not-normalized": ["not-normalized==1.0.0rc1"],
    "local==": ["local==2.0+cu118"],
    "epoch==": ["epoch==1!2.0.dev3"],
    "from-git @": ["from-git @ git+https://localhost/a/b.git@4f42225"],
    "from-git-below": [
        "from-git-below @ git+https://localhost/a/b.git@4f42225#subdirectory=py/x",
    ],
    "from-archive": ["from-archive @ https://localhost/a/b-1.0.tar.gz"],
    "from-hashed": ["from-hashed @ https://localhost/a/b-1.0.tar.gz#sha256=abc"],
    "from-old-hashed": [
        "from-old-hashed @ https://localhost/a/b-1.0.tar.gz#sha256=abc&subdirectory=x",
    ],
    "from-folder": ["from-folder @ file://{base}"],
    "broken-url": ["broken-url==1.0"],
    "no version control (editable==1.0)": [
        "# Editable install with no version control (editable==1.0)",
        "-e {base}/no vcs",
    ],
    "egg=editable_https": ["-e git+https://localhost/x/y.git@{https}#egg=editable_https"],
    "egg=editable_short": ["-e git+ssh://git@localhost/x/y.git@{short}#egg=editable_short"],
    "egg=editable_own": ["-e git+file://{base}/bare@{own}#egg=editable_own"],
    "no remote (editable-none==1.0)": [
        "# Editable Git install with no remote (editable-none==1.0)",
        "-e {base}/git/none",
    ],
    "(editable-odd==1.0)": [
        "# Editable Git install (editable-odd==1.0) with either a deleted local remote or "
        "invalid URI:",
        "# 'what'",
        "-e {base}/git/odd",
    ],
    "egg=editable_below": [
        "-e git+https://localhost/x/y.git@{https}#egg=editable_below&subdirectory=sub",
    ],
    "egg=editable_inner": ["-e git+https://localhost/inner.git@{https/inner}#egg=editable_inner"],
    "## !!": ["## !! Could not determine repository location", "-e {base}/git/new"],
    "(developed_one==": [
        "# Editable install with no version control (developed_one==1.0)",
        "-e {base}/developed",
    ],
    "egg=developed_two": ["-e git+ssh://git@localhost/x/y.git@{short}#egg=developed_two"],
    "egg-info==": ["egg-info==1.0"],
    "old-file": ["old-file==1.2"],
    "in-egg==": ["in-egg==3.0"],
}
"""What stands in the list, by a part of its first line."""


@pytest.mark.parametrize("part", TABLE)
def test_each_form_of_an_install_has_its_lines(
    site: Path, listed: list[str], commits: dict[str, str], part: str
):
    expected = [line.replace("{base}", str(site.parent)) for line in TABLE[part]]
    for name, commit in commits.items():
        expected = [line.replace(f"{{{name}}}", commit) for line in expected]
    at = next(i for i, line in enumerate(listed) if part in line)
    assert listed[at : at + len(expected)] == expected


def test_what_is_not_installed_is_not_listed(listed: list[str]):
    text = "\n".join(listed)
    for name in ("pip==", "argparse", "wsgiref", "python==", "eft", "another", "plain==0.5"):
        assert name not in text
    assert "also-later==0.5" in listed and text.count("plain==") == 1


@pytest.mark.parametrize("python", [(3, 9), (3, 11), (3, 12), (3, 15)])
def test_build_backends_are_listed_for_pythons_without_distutils(tmp_path: Path, python: Any):
    for name in ("setuptools", "wheel", "distribute", "zlib-ng"):
        installed(tmp_path, name)
    backends = ["distribute==1.0", "setuptools==1.0", "wheel==1.0"] if python >= (3, 12) else []
    assert freeze([str(tmp_path)], python) == [*backends, "zlib-ng==1.0"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@localhost/x.git", "https://****@localhost/x.git"),
        ("https://secret@localhost:80/x.git", "https://****@localhost:80/x.git"),
        ("https://ann:s@c:ret@localhost/@x.git", "https://****@localhost/@x.git"),
        ("ssh://ann:secret@localhost/x.git", "ssh://ann:****@localhost/x.git"),
        ("ssh://git@localhost:22/x.git", "ssh://git@localhost:22/x.git"),
        ("https://${ANN}:${TOKEN}@localhost/x.git", "https://${ANN}:${TOKEN}@localhost/x.git"),
        ("https://${ANN}:secret@localhost/x.git", "https://****@localhost/x.git"),
        ("https://localhost/x@y.git", "https://localhost/x@y.git"),
        ("https://localhost/x\n-e evil\x1b[1m", "https://localhost/x?-e evil?[1m"),
    ],
)
def test_a_url_is_a_line_without_its_password(tmp_path: Path, url: str, shown: str):
    of_git = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "1a2b"}}
    installed(tmp_path, "of-git", url=of_git)
    installed(tmp_path, "of-web", url={"url": url, "archive_info": {}})
    lines = freeze([str(tmp_path)], (3, 12))
    assert lines == [f"of-git @ git+{shown}@1a2b", f"of-web @ {shown}"]


def test_the_remote_of_an_editable_install_is_told_without_its_password(tmp_path: Path):
    repository(tmp_path / "project", "https://ann:secret@localhost/x.git")
    editable(tmp_path, "of-git", tmp_path / "project")
    (line,) = freeze([str(tmp_path)], (3, 12))
    assert line.startswith("-e git+https://****@localhost/x.git@") and "secret" not in line


def test_pipes_and_null_characters_on_the_path_cost_nothing(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    installed(tmp_path / "site", "one")
    path = ["", "a\0b", str(tmp_path / "pipe"), str(tmp_path / "site")]
    assert freeze(path, (3, 12)) == ["one==1.0"]
    assert len(modified(path)) == 4


def test_a_name_with_control_characters_is_one_line(tmp_path: Path):
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text("Name: odd\x1b[31m\x07\nVersion: 1\n")
    assert freeze([str(tmp_path)], (3, 12)) == ["odd?[31m?==1"]


def test_a_folder_that_is_not_there_or_odd_costs_nothing(tmp_path: Path):
    (tmp_path / "x-1.dist-info").write_text("")
    (tmp_path / "y-1.dist-info").mkdir()
    (tmp_path / "y-1.dist-info" / "METADATA").write_bytes(b"Name: \xff\n")
    (tmp_path / "z.egg-link").write_bytes(b"\xff\n")
    (tmp_path / "u-1.dist-info").mkdir()
    (tmp_path / "u-1.dist-info" / "direct_url.json").write_text('{"url": 1, "dir_info": []}')
    path = ["", str(tmp_path / "none"), str(tmp_path), str(tmp_path / "x-1.dist-info")]
    assert freeze(path, (3, 13)) == ["u==1", "x==1", "y==1"]


@pytest.mark.parametrize("vcs", ["hg", "svn", "bzr"])
def test_of_a_work_tree_that_is_not_gits_the_place_is_told(tmp_path: Path, vcs: str):
    (tmp_path / "project" / f".{vcs}").mkdir(parents=True)
    editable(tmp_path / "site", "mine", tmp_path / "project")
    listed = freeze([str(tmp_path / "site")], (3, 13))
    assert listed == [f"-e {tmp_path / 'project'}"]
    if not shutil.which(vcs):
        assert set(listed) <= set(pip_freeze(sys.executable, [str(tmp_path / "site")]))
