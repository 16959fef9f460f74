"""The matrix: what Guild does with notebooks, on each Python, with old and new dependencies.

``make matrix`` runs all sessions and prints a table; ``nox -l`` lists them. The name of a session
says the Python, the releases of the dependencies and what makes the environment, and its form
follows from the last: environments of venv get all checks (tests/matrix/checks.py), the others
the short form, since how an environment is made matters to the first steps only.
``nox … -- full`` and ``-- short`` choose it.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
RELEASES = ("newest", "oldest")
MAKERS = ("venv", "virtualenv", "uv")

RESULTS = Path(".nox") / "results"
PYTHONS = Path(".nox") / "pythons"
COMPILED = (
    "nh3",
    "pyzmq",
    "pyyaml",
    "regex",
)  # of what setup.py names: old releases lack new wheels

THIS_PYTHON = "{}.{}".format(*sys.version_info)
UV = [sys.executable, "-m", "uv"]

nox.options.error_on_missing_interpreters = False


@functools.cache
def interpreter(version: str) -> str | None:
    """The path of a Python that runs: the command on PATH, or one that pyenv or uv knows, or that
    the session ``pythons`` has got."""
    program = "import sys; print(sys.executable, '%i.%i' % sys.version_info[:2])"
    for candidate in _candidates(version):
        for line in _lines(candidate, "-c", program):
            path, _, found = line.rpartition(" ")
            if found == version:
                return path
    return None


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    yield name
    yield str((PYTHONS / "bin" / name).absolute())
    for installed in _lines("pyenv", "versions", "--bare", "--skip-aliases"):
        if installed.startswith(f"{version}.") and "/" not in installed:
            for prefix in _lines("pyenv", "prefix", installed):
                yield f"{prefix}/bin/{name}"
    yield from _lines(*UV, "python", "find", "--no-python-downloads", version)


@functools.cache
def _lines(*command: str) -> list[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[:-1]
    except OSError:
        return []


@functools.cache
def wheel() -> str:
    """The package as users get it: a wheel made from the sdist, by ``make matrix`` for all."""
    folder = Path(".nox") / "dist"
    if "MATRIX_HAS_WHEEL" not in os.environ:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([*UV, "build", "--quiet", "--out-dir", str(folder)], check=True)
    (path,) = folder.glob("*.whl")
    return str(path.resolve())


@functools.cache
def requirements() -> list[Requirement]:
    """What setup.py requires, without an extra and with the one for dask, as the wheel has it."""
    with ZipFile(wheel()) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    found = []
    for line in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if 'extra == "dask"' in str(requirement.marker):
            requirement.marker = None
        if "extra" not in str(requirement.marker):
            found.append(requirement)
    return found


def install(session: nox.Session, releases: str) -> None:
    if releases == "newest":
        if session.virtualenv.venv_backend == "venv":  # Python 3.9's may take very long
            session.install("--upgrade", "pip")
        session.install(f"{wheel()}[ipy]", "dask[distributed]")
        return
    # The oldest that setup.py admits and that has a wheel for this Python. What it requires is
    # named once more, since what only the wheel requires is not a direct dependency to uv.
    python = str(Path(session.bin) / "python")
    binary = [part for name in COMPILED for part in ("--only-binary", name)]
    command = [*UV, "pip", "install", "--quiet", "--python", python]
    oldest = ["--resolution", "lowest-direct", *binary]
    direct = [str(requirement) for requirement in requirements()]
    session.run_install(*command, *oldest, wheel(), *direct, external=True)
    # Without a lower bound of its own: one that is as old as the rest has no wheels. Where pandas
    # 2 has wheels it is that, since the newest have 3.
    pandas = ["pandas<3; python_version < '3.15'", "pandas; python_version >= '3.15'"]
    session.run_install(*command, *pandas, external=True)


def raised(session: nox.Session, version: str) -> list[str]:
    """Requirements of setup.py whose lower bound could not be had on this Python."""
    python = str(Path(session.bin) / "python")
    (listed,) = _lines(*UV, "pip", "list", "--format", "json", "--python", python)
    installed = {item["name"]: item["version"] for item in json.loads(listed)}
    lowest: dict[str, Version] = {}
    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if name in installed and (not marker or marker.evaluate({"python_version": version})):
            named = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
            lowest[name] = max([*named, lowest.get(name, Version("0"))])
    return [
        f"{name} {installed[name]} in place of {lower}"
        for name, lower in lowest.items()
        if lower != Version("0") and Version(installed[name]) > lower
    ]


def run_checks(session: nox.Session, version: str, releases: str, maker: str) -> None:
    form = next(iter(session.posargs), "full" if maker == "venv" else "short")
    results = RESULTS / f"{version} {releases} {maker}.xml"
    results.unlink(missing_ok=True)
    install(session, releases)
    about = {"form": form, "notes": raised(session, version) if releases == "oldest" else []}
    results.parent.mkdir(parents=True, exist_ok=True)
    results.with_suffix(".json").write_text(json.dumps(about))
    env = {"MATRIX_BIN": session.bin, "MATRIX_FORM": form}
    if releases == "newest":
        env["MATRIX_WHEEL"] = wheel()
    options = ["-m", "matrix", "--tb=short", "-q", f"--junitxml={results}"]
    command = [sys.executable, "-m", "pytest", "tests/matrix", *options]
    session.run(*command, env=env, external=True)


def define(version: str, releases: str, maker: str) -> None:
    name = f"{version}-{releases}-{maker}"
    tags = ["matrix"]
    if releases == "newest" and maker == ("venv" if version == THIS_PYTHON else "uv"):
        tags.append("ci")  # one Python in full, the others in short
    # Looking for it takes long: nox does for what is not asked for by its name.
    python = interpreter(version) if name in sys.argv else version

    @nox.session(
        name=name, python=python or False, venv_backend=maker if python else "none", tags=tags
    )
    def session(session: nox.Session) -> None:
        if not python:
            session.skip(f"there is no Python {version} here")
        run_checks(session, version, releases, maker)


for _version in VERSIONS:
    for _releases in RELEASES:
        for _maker in MAKERS:
            define(_version, _releases, _maker)


@nox.session(python=False)
def pythons(session: nox.Session) -> None:
    """Get those Pythons that the machine does not have; they are kept in .nox/pythons."""
    missing = [version for version in VERSIONS if not interpreter(version)]
    if missing:
        command = ["tests/matrix/get_python", str(PYTHONS), *missing]
        session.run(*command, env={"PYTHON": sys.executable}, external=True)


@nox.session(python=False, tags=["matrix", "ci"])
def distributions(session: nox.Session) -> None:
    """What the sdist and the wheel hold."""
    command = [sys.executable, "-m", "pytest", "-m", "install", "-q"]
    session.run(*command, "tests/test_distribution.py", external=True)


@nox.session(python=False, tags=["matrix"])
def resolution(session: nox.Session) -> None:
    """What others lose that are installed beside this package, as a table. Not for each change,
    since it takes as long as the index of packages takes to answer, and changes with that."""
    command = [sys.executable, "-m", "pytest", "-m", "install", "-q", "-rP"]
    session.run(*command, "tests/test_resolution.py", external=True)


@nox.session(python=False, tags=["matrix"])
def sweeps(session: nox.Session) -> None:
    """What an optimizer finds from other seeds than the one of `make test`."""
    options = ["-m", "matrix", "-q", "-rP"]
    session.run(
        sys.executable,
        "-m",
        "pytest",
        "tests/optimizers/test_optimizers.py",
        *options,
        external=True,
    )
