"""The sessions of docs/cluster.md and docs/remotes.md, which need machines and a checkout.

What stands for the reader's surroundings is replaced: the address of the scheduler by a free port,
the remote by an sshd of the test.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helpers import sshd
from tests.helpers.project import CHECKOUT, free_port
from tests.helpers.reader import DOCS, follow

pytestmark = [
    pytest.mark.slow,
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, as far as its operations need it."""
    names = subprocess.run(
        ["git", "ls-files", "guild.yml", "examples"], cwd=CHECKOUT, capture_output=True, text=True
    ).stdout.splitlines() or ["guild.yml", *map(str, Path("examples").rglob("*.*"))]
    for name in names:
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


def test_the_session_of_the_cluster_page_goes_as_it_is_shown(
    reader: dict[str, str], checkout: Path
):
    pytest.importorskip("distributed", reason="dask is not installed")
    text = (DOCS / "cluster.md").read_text("utf-8")
    follow(text.replace("8786", str(free_port())), checkout, reader)


def test_the_session_of_the_remotes_page_goes_as_it_is_shown(
    reader: dict[str, str], checkout: Path, tmp_path: Path
):
    text = (DOCS / "remotes.md").read_text("utf-8")
    (config,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    shown = yaml.safe_load(config)["remotes"]
    with sshd.running(tmp_path / "ssh") as server:
        assert shown["box"].keys() - server.remote().keys() == {"user"}
        follow(text, checkout, {**reader, **server.environment(tmp_path, reader["PATH"])})
