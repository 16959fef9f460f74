"""The examples of the checkout, as projects."""

from __future__ import annotations

import shutil

import pytest

from tests.helpers.project import CHECKOUT, Project

EXAMPLES = CHECKOUT / "examples"


def checkout(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This checkout as a project, with a Guild home of its own."""
    home = tmp_path_factory.mktemp("home")
    return Project(CHECKOUT, home)


def copied(name: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of one example's folder as a project."""
    folder = tmp_path_factory.mktemp(name)
    shutil.copytree(EXAMPLES / name, folder / "project")
    (folder / "home").mkdir()
    return Project(folder / "project", folder / "home")
