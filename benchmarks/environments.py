"""The environments in which commands are measured: one for this package, one for each peer.

All have the same libraries in the same versions, those that the first one got: what a kernel does
takes the same time in each. They are kept in ``.bench``, and made anew where what they are made of
has changed; ``rm -r .bench`` makes them anew with what is the newest then.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
KEPT = CHECKOUT / ".bench"

OWN, GUILD = "guild-notebook", "Guild alone"
PAPERMILL, JUPYTER, PLOOMBER = "papermill", "jupyter execute", "ploomber-engine"

LIBRARIES = ["ipykernel", "joblib", "matplotlib", "nbclient", "numpy", "pandas", "scikit-learn"]

# What Guild 0.9.0 needs in order to start, and to be quiet, without this package.
GUILD_PINS = [
    "guildai==0.9.0",
    "click<8.2",
    "pip",
    "setuptools>=70.1,<80.9",
    "tabview<1.5",
    "zombie-imp; python_version >= '3.12'",
]
REQUIREMENTS = {
    PAPERMILL: ["papermill"],
    JUPYTER: [],
    PLOOMBER: ["ploomber-engine"],
    GUILD: GUILD_PINS,
}
PEERS = list(REQUIREMENTS)

UNLIKE = ("guild-notebook", "click", "pip", "setuptools", "tabview")
"""What the others need not have in the version of the first."""


@contextlib.contextmanager
def nobody_else() -> Iterator[None]:
    """Wait until no other benchmark uses the environments, or disturbs what is measured."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "lock").open("w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another benchmark of this checkout", file=sys.stderr, flush=True)
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def made(name: str) -> Path:
    """The environment of a peer or of this package, made where it is not there yet."""
    if name == OWN:
        return made_of(CHECKOUT, OWN)
    own = made(OWN)
    constraints = KEPT / "constraints.txt"
    lines = _uv("freeze", own).splitlines()
    kept = [line for line in lines if "==" in line and line.split("==")[0] not in UNLIKE]
    constraints.write_text("\n".join(kept) + "\n")
    wanted = [*REQUIREMENTS[name], *LIBRARIES, "--constraints", str(constraints)]
    return _made(name, wanted, hashlib.sha256(constraints.read_bytes()).hexdigest())


def made_of(checkout: Path, name: str) -> Path:
    """The environment of the version of this package that a checkout has."""
    return _made(name, [str(checkout), *LIBRARIES], _digest_of_sources(checkout))


def versions(environment: Path, names: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that an environment has."""
    pairs = (line.split("==") for line in _uv("freeze", environment).splitlines() if "==" in line)
    return {name: version for name, version in pairs if name in names}


def variables(environment: Path, home: Path) -> dict[str, str]:
    """The environment variables of a command: nothing of whoever measures is among them. Caches of
    matplotlib and of others are kept from call to call, like those of a user."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PLOOMBER_STATS_ENABLED": "false",  # it would wait for the network
    }


def _made(name: str, wanted: list[str], digest: str) -> Path:
    path = KEPT / name.replace(" ", "-")
    marker = path / "made-of"
    content = "\n".join([sys.version, digest, *wanted])
    if marker.exists() and marker.read_text() == content:
        return path
    print(f"making the environment of {name}", file=sys.stderr, flush=True)
    if not marker.exists() or name in REQUIREMENTS or not _is_of_this_python(marker):
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", path], check=True)
    marker.unlink(missing_ok=True)
    _uv("install", path, "--reinstall-package", "guild-notebook", *wanted)
    marker.write_text(content)
    return path


def _is_of_this_python(marker: Path) -> bool:
    return marker.read_text().startswith(sys.version)


def _uv(command: str, environment: Path, *arguments: str) -> str:
    full = [sys.executable, "-m", "uv", "pip", command, "--quiet"]
    full += ["--python", str(environment / "bin" / "python"), *arguments]
    ended = subprocess.run(full, cwd=CHECKOUT, capture_output=True, text=True)
    if ended.returncode:
        raise OSError(f"{' '.join(full)} failed:\n{ended.stderr}")
    return ended.stdout


def _digest_of_sources(checkout: Path) -> str:
    digest = hashlib.sha256()
    files = [*checkout.glob("*.p*"), *(checkout / "tools").glob("*.py")]
    files += (checkout / "guild_notebook").rglob("*.p*")
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        digest.update(path.relative_to(checkout).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
