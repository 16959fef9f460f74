"""Which modules the Python of a kernel lacks, with real environments."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from guild_notebook.errors import KernelError
from guild_notebook.kernels import module_search, modules


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def lacking(*names: str) -> dict[str, str]:
    return module_search.lacking(list(names))


def test_modules_of_python_and_of_packages_are_there():
    assert lacking("os", "os.path", "sys", "json.decoder", "xml.etree.ElementTree", "yaml") == {}


def test_what_is_not_there_is_named_as_far_as_it_is_not(folder: Path):
    package = folder / "some_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1")
    (package / "inner" / "__init__.py").write_text("")
    (package / "part.py").write_text("raise SystemExit('it is not imported')")
    (package / "built.cpython-399-x86_64-linux-gnu.so").write_text("")
    names = "some_package", "some_package.part", "some_package.inner", "some_package.built"
    assert lacking(*names) == {}
    assert lacking("some_package.gone", "some_package.inner.gone.a", "not_there_at.all") == {
        "some_package.gone": "some_package.gone",
        "some_package.inner.gone.a": "some_package.inner.gone",
        "not_there_at.all": "not_there_at",
    }


MAKING = {
    "by its name": "import sys\nsys.moved = 'gone'",
    "by its path": "__path__.append('elsewhere')",
    "by sys.modules": "import sys\nsys.modules['a'] = 1",
}


@pytest.mark.parametrize("code", MAKING.values(), ids=MAKING)
def test_a_package_that_may_make_a_part_has_it(folder: Path, code: str):
    (folder / "making").mkdir()
    (folder / "making" / "__init__.py").write_text(code)
    assert lacking("making.gone") == {}


def test_what_is_in_an_archive_may_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "")
    monkeypatch.syspath_prepend(str(tmp_path / "a.zip"))
    assert lacking("zipped.part", "zipped_not") == {"zipped_not": "zipped_not"}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without pip, of this Python, with one module of its own."""
    place = tmp_path_factory.mktemp("environments") / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (packages,) = (place / "lib").glob("python*/site-packages")
    (packages / "only_there.py").write_text("raise SystemExit('it is not imported')")
    return place


def test_another_environment_is_asked(other: Path, tmp_path: Path):
    names = ["only_there", "yaml", "json", "sklearn.svm", "urllib2"]
    found = modules.lacking(str(other), "", "python", str(tmp_path), names)
    python = str(other / "bin" / "python")
    assert found.why == ""
    assert found.said == {
        "yaml": f"the kernel's Python, {python}, has no module 'yaml' - install it there: "
        f"uv pip install --python {python} PyYAML",
        "sklearn.svm": f"the kernel's Python, {python}, has no module 'sklearn' - install it "
        f"there: uv pip install --python {python} scikit-learn",
        "urllib2": f"the kernel's Python, {python}, has no module 'urllib2' - import what it has",
    }


def test_an_environment_of_the_project_is_not_started(other: Path):
    found = modules.lacking(str(other), "", "python", str(other.parent), ["yaml"])
    assert found.said == {}
    assert found.why == f"{other}/bin/python lies in the project, and is not started for it"


def test_this_environment_is_known_without_starting_anything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subprocess, "run", None)
    found = modules.lacking(None, "", "python", "", ["json", "not_there_at_all"])
    assert list(found.said) == ["not_there_at_all"]


def test_a_kernel_that_is_not_there_is_an_error():
    with pytest.raises(KernelError, match="kernel 'nope' is not installed"):
        modules.lacking("nope", "", "python", "", ["json"])
