"""What the package imports is what setup.py requires."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.project import CHECKOUT, LIMIT

DISTRIBUTIONS = {"guild": "guildai", "vl_convert": "vl-convert-python", "yaml": "pyyaml"}
DISTRIBUTIONS |= {"PIL": "pillow", "zmq": "pyzmq"}

BROUGHT = {
    "IPython": "ipykernel",
    "bs4": "nbconvert",
    "jupyter_core": "jupyter-client",
    "numpy": "guildai",
    "psutil": "guildai",
    "pygments": "nbconvert",
    "sklearn": "guildai",
    "tensorboard": "guildai",
    "traitlets": "jupyter-client",
}
"""What these require in every release that setup.py admits."""

NOT_INSTALLED = {"__main__", "typing_extensions"}  # the second is for mypy alone
NOT_INSTALLED |= {"ipython_pygments_lexers"}  # in IPython itself, before 9


def imported() -> set[str]:
    """The packages that modules of guild_notebook import, but for Python's own."""
    names = set()
    for path in (CHECKOUT / "guild_notebook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split(".")[0])
    return names - {"guild_notebook", "guild_notebook_hooks"}


@pytest.mark.skipif(sys.version_info < (3, 10), reason="it has no list of its modules")
def test_each_package_that_is_imported_is_required(monkeypatch: pytest.MonkeyPatch):
    stated: dict[str, Any] = {}
    functions = {"setup": stated.update, "find_packages": lambda **_: []}
    monkeypatch.setitem(sys.modules, "setuptools", SimpleNamespace(**functions))
    runpy.run_path(str(CHECKOUT / "setup.py"))
    parts = [stated["install_requires"], *stated["extras_require"].values()]
    required = {canonicalize_name(Requirement(line).name) for part in parts for line in part}
    foreign = imported() - set(sys.stdlib_module_names) - NOT_INSTALLED
    assert {"nbclient", "packaging", "psutil"} <= foreign
    missing = {
        name
        for name in foreign
        if BROUGHT.get(name, canonicalize_name(DISTRIBUTIONS.get(name, name))) not in required
    }
    assert not missing


def test_sessions_of_the_matrix_are_listed_without_a_look_for_pythons():
    """Which takes seconds, for each session and for each process of the tests."""
    program = "import subprocess; subprocess.run = subprocess.Popen = None; import noxfile"
    subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=True, timeout=LIMIT)
