"""What the sdist and the wheel hold. Opt-in (``make matrix``): building needs the network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import noxfile
from tests.helpers.project import CHECKOUT

pytestmark = pytest.mark.install


def run(*command: object, cwd: Path) -> str:
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=1200
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A copy of the checkout, an sdist of it, and a wheel of that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    options = ["--cached", "--others", "--exclude-standard"]
    listed = run("git", "ls-files", *options, cwd=CHECKOUT).splitlines()
    for name in listed:  # not the folder itself: it may hold environments and old builds
        if (CHECKOUT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, tree / name)
    command = [sys.executable, "-m", "uv", "build", "--quiet"]
    run(*command, "--out-dir", folder / "dist", tree, cwd=folder)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")  # uv makes it from the sdist
    return {"tree": tree, "sdist": sdist, "wheel": wheel}


WAYS = {
    "pip, wheel": ("pip", ["{wheel}"]),
    "pip, sdist": ("pip", ["{sdist}"]),
    "pip -e": ("pip", ["-e", "{tree}"]),
    "uv, wheel": ("uv", ["{wheel}"]),
    "uv, sdist": ("uv", ["{sdist}"]),
    "uv -e": ("uv", ["-e", "{tree}"]),
}
THIS_PYTHON = "{}.{}".format(*sys.version_info)
CASES = [(THIS_PYTHON, way) for way in WAYS] + [
    (version, way)
    for version in noxfile.VERSIONS
    for way in ("uv, wheel", "uv -e")
    if version != THIS_PYTHON
]
STARTS = """
import sys
print("guild_notebook_hooks" in sys.modules, "guild_notebook" in sys.modules)
import guild_notebook, guild.util
print("guild_notebook.compat.text_files" in sys.modules)
"""


@pytest.mark.parametrize(("version", "way"), CASES)
def test_what_guild_needs_is_there_when_python_starts(built, tmp_path, version, way):
    python = noxfile.interpreter(version)
    if not python:
        pytest.skip(f"there is no Python {version} here")
    tool, arguments = WAYS[way]
    arguments = [argument.format(**built) for argument in arguments]
    env = tmp_path / "env"
    uv = [sys.executable, "-m", "uv"]
    run(*uv, "venv", "--quiet", "--seed", "--python", python, env, cwd=tmp_path)
    inside = env / "bin" / "python"
    pip = [inside, "-m", "pip"] if tool == "pip" else [*uv, "pip"]
    options = [] if tool == "pip" else ["--python", inside]
    (site_packages,) = env.glob("lib/python*/site-packages")
    before = {path.name for path in site_packages.iterdir()}
    run(*pip, "install", *options, "--quiet", "--no-deps", *arguments, cwd=tmp_path)
    (site_packages / "guild").mkdir()  # an empty one, as the rest of what is required is left out
    (site_packages / "guild/util.py").write_text("is_text_file = _platform_psutil_info = None")
    assert run(inside, "-c", STARTS, cwd=tmp_path).split() == ["True", "False", "True"]
    shutil.rmtree(site_packages / "guild")
    yes = ["--yes"] if tool == "pip" else []
    run(*pip, "uninstall", *options, "--quiet", *yes, "guild-notebook", cwd=tmp_path)
    assert {path.name for path in site_packages.iterdir()} - {"__pycache__"} == before


def test_the_wheel_holds_the_package_and_nothing_else(built):
    names = set(zipfile.ZipFile(built["wheel"]).namelist())
    package = {name for name in names if not re.match(r"guild_notebook-[\d.]+\.dist-info/", name)}
    modules = run("git", "ls-files", "guild_notebook", cwd=CHECKOUT).splitlines()
    assert package >= set(modules) - {name for name in modules if not (CHECKOUT / name).exists()}
    assert {"guild_notebook/py.typed", "guild_notebook_hooks.pth"} <= package
    data = r"py\.typed|cli/train\.ipynb|compat/published/\w+\.md|run/report/\w+\.(css|js)"
    data += r"|compare/assets/\w+\.(css|js)"
    known = rf"guild_notebook/([\w/]+\.py|{data})|guild_notebook_hooks\.(py|pth)"
    assert all(re.fullmatch(known, name) for name in package), package
    assert any(name.endswith("LICENSE") for name in names)


def test_the_wheel_says_who_calls_it(built):
    archive = zipfile.ZipFile(built["wheel"])
    (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(entry_points).decode()
    assert "[guild.plugins]\nnotebook = guild_notebook.plugin:NotebookPlugin" in text
    assert "[console_scripts]\nguild-notebook = guild_notebook.cli:main" in text


def test_the_wheel_says_where_it_runs_and_that_it_is_typed(built):
    archive = zipfile.ZipFile(built["wheel"])
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    told = re.findall(r"^Classifier: (.*)$", archive.read(metadata).decode(), re.MULTILINE)
    systems = {"Operating System :: MacOS", "Operating System :: POSIX :: Linux"}
    assert {name for name in told if name.startswith("Operating System")} == systems
    assert "Typing :: Typed" in told


def test_the_sdist_holds_what_is_needed_to_build_and_to_test(built):
    with tarfile.open(built["sdist"]) as archive:
        files = [m.name.split("/", 1)[1] for m in archive.getmembers() if m.isfile()]
    assert {"setup.py", "pyproject.toml", "LICENSE", "tests/test_distribution.py"} <= {*files}
    assert {
        "CONTRIBUTING.md",
        "changes/template.md.jinja",
        "tools/release.py",
        "tools/backend.py",
    } <= {*files}
    assert "tests/run/record/recorded_runs/notebook/.guild/attrs/flags" in files
    known = r"(guild_notebook|tests|examples|docs|changes|tools|guild_notebook\.egg-info)/.*"
    known += (
        r"|[A-Z]\w+(\.md|\.in)?|PKG-INFO|setup\.(py|cfg)|noxfile\.py|pyproject\.toml|guild\.yml"
        r"|\.pre-commit-config\.yaml|guild_notebook_hooks\.(py|pth)"
    )
    assert not [name for name in files if not re.fullmatch(known, name)]
    assert not [name for name in files if re.search(r"\.pyc|__pycache__|checkpoint", name)]
