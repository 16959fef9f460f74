"""What is in place before Guild is imported, and that others do not notice."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from guild_notebook.compat import import_hooks
from tests.helpers.project import CHECKOUT


def prints(code: str, *options: str, python: Path | str = sys.executable) -> str:
    """What a new Python prints, which has nothing to complain about."""
    ended = subprocess.run(
        [str(python), *options, "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert ended.returncode == 0 and not ended.stderr, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("module", ["guild.main_bootstrap", "guild.op_main", "guild.ipy"])
def test_guild_can_be_imported_where_no_plugin_is_loaded(module):
    if module == "guild.ipy":
        pytest.importorskip("pandas")
    code = f"import {module}, guild.main, sys; print('guild_notebook.plugin' in sys.modules)"
    assert prints(code) == "False\n"


def test_tensorboard_reads_its_messages_without_guild():
    """With guildai's protobuf, whose compiled module fails on Python 3.14."""
    code = "from tensorboard.compat.proto.summary_pb2 import Summary; print(len(Summary().value))"
    assert prints(code) == "0\n"


def test_guild_alone_sees_what_python_has_dropped():
    code = """
import ast, importlib.util, warnings
warnings.simplefilter("ignore")
def seen():
    there = [hasattr(ast, name) for name in ("Num", "Str", "NameConstant")]
    return [*there, bool(importlib.util.find_spec("imp"))]
before = seen()
from guild import op_main, python_util
import ast as again
print(seen() == before, again is ast)
"""
    assert prints(code) == "True True\n"


SCRIPT = """\
whole = 3
negative = -3
real = -1.5e-3
text = "a"
true = True
nothing = None
several = [1, "b", False]
mapped = {"c": 1}
raw = b"bytes"
"""


def test_guild_reads_the_constants_of_a_script(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    script = str(tmp_path / "script.py")
    code = f"from guild import python_util; print(python_util.Script({script!r}).params)"
    expected = {
        "whole": 3,
        "negative": -3,
        "real": -1.5e-3,
        "text": "a",
        "true": True,
        "nothing": None,
        "several": [1, "b", False],
        "mapped": {"c": 1},
    }
    assert prints(code) == f"{expected}\n"


def test_modules_and_packages_are_found_as_the_module_imp_did(tmp_path):
    for path in ("module.py", "package/__init__.py", "folder/module.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    code = f"""
from guild_notebook.compat.python_util import _find_module
for name in ("module", "package", "folder", "none"):
    try:
        file, path, _ = _find_module(name, ["/nowhere", {str(tmp_path)!r}])
    except ImportError as error:
        print("-", error.name)
    else:
        print(bool(file), path)
        file and file.close()
"""
    module, package = tmp_path / "module.py", tmp_path / "package"
    assert prints(code) == f"True {module}\nFalse {package}\n- folder\n- none\n"


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """An environment that holds what a removed package may leave behind."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    (site_packages,) = (tmp_path / "env").glob("lib/python3*/site-packages")
    shutil.copy(CHECKOUT / "guild_notebook_hooks.pth", site_packages)
    return site_packages


def test_what_is_left_of_a_removed_package_is_quiet(other_python):
    python = other_python.parents[2] / "bin" / "python"
    for options in ([], ["-I"], ["-E"], ["-S"], ["-W", "error"]):
        assert prints("print(1)", *options, python=python) == "1\n"
    shutil.copy(CHECKOUT / "guild_notebook_hooks.py", other_python)
    (other_python / "guild").mkdir()
    (other_python / "guild/__init__.py").touch()
    (other_python / "guild/python_util.py").write_text("print('found')")
    assert prints("import guild.python_util", python=python) == "found\n"


def test_the_start_of_python_costs_one_small_module(other_python):
    python = other_python.parents[2] / "bin" / "python"
    listed = "import sys; print(*sorted(sys.modules))"
    (other_python / "another.pth").write_text("# Python loads a codec for the first of them")
    (other_python / "guild_notebook_hooks.pth").unlink()
    without = prints(listed, python=python).split()
    shutil.copy(CHECKOUT / "guild_notebook_hooks.pth", other_python)
    shutil.copy(CHECKOUT / "guild_notebook_hooks.py", other_python)
    assert {*prints(listed, python=python).split()} - {*without} == {"guild_notebook_hooks"}


def test_a_module_that_guild_runs_is_not_imported_before():
    """Python would warn of it in each pipeline."""
    code = (
        "import sys, guild_notebook.compat as c; print([n for n in sys.modules if c.__name__ in n])"
    )
    assert prints(code) == "['guild_notebook.compat']\n"


@pytest.mark.parametrize(
    "again",
    [
        "importlib.reload(sys.modules['guild_notebook_hooks'])",
        "del sys.modules['guild_notebook_hooks']; compat.apply(); import guild_notebook_hooks",
        "compat.apply(); compat.apply()",
    ],
)
def test_hooks_that_are_in_place_twice_work_once(again):
    code = (
        "import importlib, sys; from guild_notebook import compat; import guild_notebook_hooks\n"
        f"{again}; import guild.op_main, guild.op_util, guild.python_util\n"
        "print(guild.op_util.RunOutput.open.__module__)"
    )
    assert prints(code) == "guild_notebook.compat.closed_output\n"


def test_a_module_of_an_archive_is_patched_once_however_often_it_is_looked_for(
    tmp_path, monkeypatch
):
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("of_archive.py", "x = 1")
        archive.writestr("beside.py", "x = 2")
    monkeypatch.syspath_prepend(tmp_path / "archive.zip")
    patched = []
    for name in ("of_archive", "beside"):
        monkeypatch.setitem(import_hooks.AFTER, name, (patched.append,))
        import_hooks.find_spec(name, None, None)
    spec = import_hooks.find_spec("of_archive", None, None)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.x == 1 and patched == [module]


class WithoutInstance:
    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        module.x = 1


class OfOldPythons:
    def load_module(self, name):
        return sys


KINDS = {"a class": WithoutInstance, "one of old Pythons": OfOldPythons(), "none": None}


@pytest.mark.parametrize("loader", KINDS.values(), ids=KINDS)
def test_loaders_of_all_kinds_are_let_be(monkeypatch, loader):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return ModuleSpec(name, loader) if name == "of_test" else None

    monkeypatch.setattr(sys, "meta_path", [Finder])
    monkeypatch.setitem(import_hooks.AFTER, "of_test", (print,))
    assert import_hooks.find_spec("of_test", None, None).loader is loader


def test_a_patch_is_called_once_for_each_time_that_its_module_is_executed(tmp_path, monkeypatch):
    (tmp_path / "patched_once.py").write_text("x = 1")
    monkeypatch.syspath_prepend(tmp_path)
    calls = []
    monkeypatch.setitem(import_hooks.AFTER, "patched_once", (calls.append,))
    spec = import_hooks.find_spec("patched_once", None, None)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "patched_once", module)
    spec.loader.exec_module(module)
    assert calls == [module]
    import_hooks.install()
    assert calls == [module]
    spec.loader.exec_module(module)
    assert calls == [module, module]
