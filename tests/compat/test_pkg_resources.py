"""The pkg_resources that Guild and TensorBoard get where setuptools has none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from guild_notebook.compat import pkg_resources
from tests.compat.test_import_hooks import prints
from tests.helpers.slow import but_slow


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """A folder with three distributions of which two offer something."""
    offers = {
        "b_second": "[tools]\nb = json:loads\n",
        "A.first": "[tools]\na = os.path : join [x]\n",
    }
    for name, text in {**offers, "none": ""}.items():
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (folder / "RECORD").write_text("guild.yml,,\n\n# a comment\n")
        if text:
            (folder / "entry_points.txt").write_text(text + "[tools.more]\nz = os:sep\n")
    return str(tmp_path)


def test_entry_points_are_sorted_by_distribution_and_resolve(installed):
    found = list(pkg_resources.WorkingSet([installed]).iter_entry_points("tools"))
    assert [f"{point} of {point.dist}" for point in found] == [
        "a = os.path:join of A.first 1.2",
        "b = json:loads of b-second 1.2",
    ]
    assert found[1].resolve()("[1]") == [1]
    assert list(found[0].dist.get_metadata_lines("RECORD")) == ["guild.yml,,"]
    with pytest.raises(OSError):
        found[0].dist.get_metadata("PACKAGE")


def test_of_a_name_that_is_installed_twice_the_first_counts(installed, tmp_path):
    found = pkg_resources.WorkingSet([installed, installed]).iter_entry_points("tools")
    assert [point.name for point in found] == ["a", "b"]


def test_a_finder_tells_the_distributions_of_its_paths(installed, monkeypatch):
    class Importer:
        def __init__(self, path: str) -> None:
            if path != "told":
                raise ImportError(path)

    class Told(pkg_resources.Distribution):
        def get_entry_map(self, group):
            return {"c": pkg_resources.EntryPoint("c", "json", ("dumps",), dist=self)}

    monkeypatch.setattr(sys, "path_hooks", [Importer, *sys.path_hooks])
    monkeypatch.setattr(pkg_resources, "_finders", {})
    pkg_resources.register_finder(Importer, lambda _importer, path: [Told(path, project_name="t!")])
    found = list(pkg_resources.WorkingSet(["told", installed]).iter_entry_points("tools"))
    assert [str(point.dist) for point in found] == [
        "t- [unknown version]",
        "A.first 1.2",
        "b-second 1.2",
    ]
    sys.path_importer_cache.pop("told", None)


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["a", "b>=1  # why", "", "# c"], ["a", "b>=1"]),
        (["a[x]==1; python_version > '3'"], ["a[x]==1"]),
        (["-r other.txt"], None),
        (["import os"], None),
        (["{}"], None),
    ],
)
def test_requirements_are_told_from_other_text(lines, expected):
    if expected is None:
        with pytest.raises(pkg_resources.RequirementParseError):
            list(pkg_resources.parse_requirements(lines))
    else:
        found = [str(r).partition(";")[0] for r in pkg_resources.parse_requirements(lines)]
        assert found == expected


def test_distributions_and_files_of_packages_are_found():
    assert pkg_resources.get_distribution("guildai").version == "0.9.0"
    with pytest.raises(pkg_resources.DistributionNotFound):
        pkg_resources.get_distribution("none-of-that-name")
    assert pkg_resources.resource_filename("json", "") == str(
        Path(prints("import json; print(json.__file__)")).parent
    )


def test_pytest_puts_folders_into_the_path_where_it_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pkg_resources", pkg_resources)
    monkeypatch.syspath_prepend(tmp_path)
    assert sys.path[0] == str(tmp_path)


def test_others_find_none_where_there_is_none_and_guild_does():
    code = """
import importlib.util, sys
before = importlib.util.find_spec("pkg_resources")
import guild.model
print(guild.model.pkg_resources.__file__ == getattr(before, "origin", None), bool(before))
print("compat" in guild.model.pkg_resources.__file__)
"""
    same, ours = prints(code).splitlines()
    assert (same, ours) in [("True True", "False"), ("False False", "True")]


QUICK = ("click", "setuptools", "google.protobuf", "tensorboard", "chardet", "ast", "warnings")


@pytest.mark.parametrize("library", but_slow([*QUICK, "pandas", "numpy", "sklearn"], *QUICK))
def test_a_library_that_is_patched_is_the_same_before_and_after_guild(library):
    if not importlib.util.find_spec(library):  # setuptools refuses to come after distutils
        pytest.skip(f"there is no {library}")
    public = f"names = sorted(n for n in vars({library}) if n[:1] != '_' and n != 'in1d')"
    alone = prints(f"import {library}; {public}; print(names)")
    guild = "import guild.main; from guild_notebook import compat; compat.apply()"
    first = prints(f"import {library}; {public}; {guild}; print(names)")
    assert first == alone
    prints(f"{guild}; import {library}; {library}.__name__")
