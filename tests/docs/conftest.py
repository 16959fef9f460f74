"""What the tests of pages share: a reader, and a folder to follow a page in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.reader import environment


@pytest.fixture
def reader(tmp_path: Path) -> dict[str, str]:
    """The environment of who follows a page."""
    return environment(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to follow a page in."""
    made = tmp_path / "project"
    made.mkdir()
    return made
