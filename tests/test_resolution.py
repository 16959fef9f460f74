"""What others that are installed beside this package lose by it, asked of a resolver: uv reads the
metadata of releases and installs nothing. Opt-in (``make matrix``): it needs the network."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

import noxfile

pytestmark = [pytest.mark.install, pytest.mark.timeout(1200)]

BESIDE = (
    "black",
    "dask",
    "fastapi[standard]",
    "jupyterlab",
    "mlflow",
    "papermill",
    "ray",
    "streamlit",
    "tensorflow",
    "torch",
    "transformers",
    "typer",
    "wandb",
)

PYTHONS = ("3.11", "3.13")  # 3.13 is the newest with wheels of all of them

OVERRIDE = "protobuf>=5.28"  # as README.md has it


def resolved(python: str, *wanted: str, override: str = "") -> dict[str, Version]:
    """The versions that a resolver chooses; none where there is no solution."""
    options = ["--python-version", python, "--only-binary", ":all:", "--no-header", "--no-annotate"]
    if override:
        options += ["--override", override]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", *options, "-"]
    ended = subprocess.run(command, input="\n".join(wanted), capture_output=True, text=True)
    assert ended.returncode == 0 or "No solution found" in ended.stderr, ended.stderr
    pairs = [line.split(" ;")[0].split("==") for line in ended.stdout.splitlines() if "==" in line]
    return {canonicalize_name(name.split("[")[0]): Version(version) for name, version in pairs}


def lost(alone: dict[str, Version], beside: dict[str, Version]) -> str:
    """Which packages are older beside others."""
    if not beside:
        return "no solution"
    older = [name for name in alone if name in beside and beside[name] < alone[name]]
    return ", ".join(f"{name} {beside[name]} for {alone[name]}" for name in older) or "nothing"


def row(python: str, override: str, package: str) -> tuple[str, str, str, str]:
    """A package, and what it loses to ours, to protobuf below 5 alone, and to ours as README.md
    says to install it."""
    ours = f"guild-notebook @ file://{noxfile.wheel()}"
    alone = resolved(python, package)
    assert alone, package
    to_ours = lost(alone, resolved(python, package, ours))
    to_protobuf = lost(alone, resolved(python, package, "protobuf<5"))
    return (
        package,
        to_ours,
        to_protobuf,
        lost(alone, resolved(python, package, ours, override=override)),
    )


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_installed_beside_loses_to_protobuf_of_guildai_alone(python, tmp_path):
    (tmp_path / "overrides.txt").write_text(OVERRIDE)
    noxfile.wheel()  # before the threads
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(partial(row, python, str(tmp_path / "overrides.txt")), BESIDE))
    print(f"Python {python}: beside this package is lost")
    for package, to_ours, _, overridden in rows:
        print(f"  {package}: {to_ours}; with the override: {overridden}")
    assert {package: to_ours for package, to_ours, _, _ in rows} == {r[0]: r[2] for r in rows}
    assert {package: overridden for package, _, _, overridden in rows} == dict.fromkeys(
        BESIDE, "nothing"
    )
