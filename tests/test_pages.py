"""The sessions of docs/cluster.md and docs/remotes.md, as they stand there.

What stands for the reader's surroundings is replaced: the address of the scheduler by a free port,
the remote by an sshd of the test. ``pip install`` is not repeated for each page: a stand-in checks
that it names this checkout, an extra that it has, and what else is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sshd
import yaml

from docs import page

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the sessions are for a Unix shell")

CHECKOUT = Path(__file__).parents[1]

PIP = """#!{python}
import importlib.metadata, re, sys
command, *wanted = sys.argv[1:]
assert command == "install" and wanted, sys.argv
for name in wanted:
    own = re.fullmatch(r"[.](?:\\[(\\w+)\\])?", name)
    found = importlib.metadata.metadata("guild-notebook" if own else name)
    if own and own.group(1):
        assert own.group(1) in found.get_all("Provides-Extra"), name
"""


@pytest.fixture
def reader(tmp_path: Path) -> dict[str, str]:
    """Who follows a page: a copy of the checkout, an empty Guild home, the tests' commands."""
    names = subprocess.run(
        ["git", "ls-files", "guild.yml", "examples"], cwd=CHECKOUT, capture_output=True, text=True
    ).stdout.splitlines() or ["guild.yml", *map(str, Path("examples").rglob("*.*"))]
    for name in names:
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / "checkout" / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "pip").write_text(PIP.format(python=sys.executable))
    (commands / "pip").chmod(0o755)
    path = [str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]
    (tmp_path / "home").mkdir()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GUILD", "PYTEST"))}
    settings = {"GUILD_HOME": str(tmp_path / "home"), "NO_PIP_FREEZE": "1", "COLUMNS": "200"}
    return {**inherited, **settings, "PATH": os.pathsep.join(path)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_session_of_the_cluster_page(reader, tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed")
    text = (CHECKOUT / "docs" / "cluster.md").read_text("utf-8")
    shell = page.Shell(tmp_path / "checkout", reader)
    try:
        page.execute(text.replace("8786", str(free_port())), tmp_path / "checkout", shell)
    finally:
        shell.close()


@pytest.mark.skipif(bool(sshd.missing()), reason=sshd.missing())
def test_the_session_of_the_remotes_page(reader, tmp_path):
    text = (CHECKOUT / "docs" / "remotes.md").read_text("utf-8")
    server = sshd.Server(tmp_path / "ssh").start()
    (config,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    shown = yaml.safe_load(config)["remotes"]
    assert shown["box"].keys() - server.remote().keys() == {"user"}
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump({"remotes": {"box": server.remote()}}))
    env = {**reader, "GUILD_CONFIG": str(file)}
    env["PATH"] = f"{server.client()}{os.pathsep}{reader['PATH']}"
    shell = page.Shell(tmp_path / "checkout", env)
    try:
        page.execute(text, tmp_path / "checkout", shell)
    finally:
        shell.close()
        server.stop()
