"""The rooms of docs/architecture.md are those of the contracts in pyproject.toml, which hold."""

from __future__ import annotations

import ast
import copy
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.project import CHECKOUT

PACKAGE = CHECKOUT / "guild_notebook"
PAGE = (CHECKOUT / "docs" / "architecture.md").read_text("utf-8")


def rows() -> dict[str, list[str]]:
    """By room what its row says that it may use, ``ROOM/*`` replaced by the rooms that it means."""
    table = re.findall(r"^\| `([\w/]+)` \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    named = {room: re.findall(r"`([\w/*]+)`", used) for room, used in table}
    assert all(used == "nothing" or named[room] for room, used in table)

    def meant(name: str) -> list[str]:
        return [room for room in named if room == name or f"{room}/".startswith(f"{name}/")]

    return {
        room: [r for name in used for r in (meant(name[:-2]) if "*" in name else [name])]
        for room, used in named.items()
    }


ROWS = rows()
MODULES = sorted(
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


def room_of(module: str) -> str | None:
    """The room that a module is in: of those with a row the one with the longest name."""
    path = module.replace(".", "/").removeprefix("guild_notebook/")
    return max((room for room in ROWS if f"{path}/".startswith(f"{room}/")), key=len, default=None)


def units() -> dict[str, list[str]]:
    """By room the modules that stand for it: those that lie in it itself, beside other rooms, or
    the folder."""
    divided = {room.rpartition("/")[0] for room in ROWS}
    found: dict[str, list[str]] = {room: [] for room in ROWS}
    for module in MODULES[1:]:
        room = room_of(module)
        assert room, f"docs/architecture.md has no row for {module}"
        depth = module.count(".") - room.count("/")
        if depth == (2 if room in divided else 1):
            found[room].append(module)
    assert all(found.values()), "docs/architecture.md has a row for what there is not"
    return found


@pytest.mark.parametrize(
    "room", [room for room in ROWS if (PACKAGE / room / "__init__.py").exists()]
)
def test_the_docstring_of_a_room_says_what_its_row_says(room: str):
    docstring = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8")))
    sentence = re.search(r"May use ((?:[^.:]|\.\w)+)|Uses nothing else", docstring)
    assert sentence, "it does not say what the room may use"
    (used,) = re.findall(rf"^\| `{room}` \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`([\w/*]+)`", sentence.group(1) or "") == re.findall(r"`([\w/*]+)`", used)


def test_the_picture_names_rooms():
    (picture,) = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    named = re.findall(r"[├└]── (\S+)", picture)
    assert len(named) > 10
    assert set(named) - {"(Guild)"} <= set(ROWS)


class Contracts:
    """The contracts of pyproject.toml, asked of an import that ``graph`` does not have."""

    def __init__(self, graph: Any) -> None:
        from importlinter.api import read_configuration
        from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
        from importlinter.contracts.forbidden import ForbiddenContract
        from importlinter.contracts.independence import IndependenceContract
        from importlinter.contracts.layers import LayersContract
        from importlinter.contracts.protected import ProtectedContract

        types = {
            "acyclic_siblings": AcyclicSiblingsContract,
            "forbidden": ForbiddenContract,
            "independence": IndependenceContract,
            "layers": LayersContract,
            "protected": ProtectedContract,
        }
        read = read_configuration(str(CHECKOUT / "pyproject.toml"))
        self.graph = graph
        self._contracts = [
            types[options["type"]](options["id"], read["session_options"], options)
            for options in read["contracts_options"]
        ]

    def broken(self, importer: str, imported: str) -> set[str]:
        """The ids of the contracts that refuse the import."""
        ends: dict[str, Any] = {"importer": importer, "imported": imported}
        self.graph.add_import(**ends, line_number=1, line_contents="")
        checks = {c.name: c.check(copy.deepcopy(self.graph), False) for c in self._contracts}
        self.graph.remove_import(**ends)
        return {name for name, check in checks.items() if not check.kept}


@pytest.fixture(scope="module")
def bare() -> Contracts:
    """The contracts, for a package of our modules without any import."""
    grimp = pytest.importorskip("grimp", reason="import-linter needs Python 3.10")
    graph = grimp.ImportGraph()
    for module in MODULES:
        graph.add_module(module)
    return Contracts(graph)


@pytest.fixture(scope="module")
def real() -> Contracts:
    """The contracts, for the package as it is."""
    grimp = pytest.importorskip("grimp", reason="import-linter needs Python 3.10")
    return Contracts(grimp.build_graph("guild_notebook", cache_dir=None))


@pytest.mark.parametrize("room", ROWS)
def test_a_room_may_use_by_the_contracts_what_its_row_names(room: str, bare: Contracts):
    modules = units()
    used = {
        other
        for other in set(ROWS) - {room}
        if any(not bare.broken(a, b) for a in modules[room] for b in modules[other])
    }
    assert used == set(ROWS[room]) - {room}


def test_a_room_uses_those_below_its_row_only():
    order = list(ROWS)
    for room, used in ROWS.items():
        assert all(order.index(other) >= order.index(room) for other in used), room


WRONG = {
    "upward": ("document", "flags", "rooms"),
    "upward within flags": ("flags.languages", "flags.model", "flags"),
    "upward within run": ("run.record", "run.execution", "run"),
    "sideways": ("compat", "document", "rooms"),
    "sideways within run": ("run.kernel", "run.output", "run"),
    "from the plugin to the run": ("plugin", "run.execution", "apart"),
    "from the run to the plugin": ("run.execution", "plugin", "apart"),
    "from the plugin to the run by way of another": ("cluster.definition", "run", "apart"),
    "from the kernel to flags": ("run.kernel", "flags.model", "users-of-flags"),
    "from the cluster to a notebook": ("cluster", "document", "users-of-document"),
    "from an optimizer to a notebook": ("optimizers", "document", "users-of-document"),
    "from a language to secrets": ("flags.languages", "secrets", "declared"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_contracts_refuse_an_import(kind: str, real: Contracts):
    importer, imported, contract = WRONG[kind]
    assert contract in real.broken(f"guild_notebook.{importer}", f"guild_notebook.{imported}")


@pytest.mark.parametrize("room", sorted({m.rpartition(".")[0] for m in MODULES if "." in m}))
def test_the_contracts_refuse_a_cycle_within_a_room(room: str, real: Contracts):
    pairs = [
        (a, b)
        for a in sorted(real.graph.find_children(room))
        for b in sorted(real.graph.find_modules_directly_imported_by(a))
        if b.rpartition(".")[0] == room
    ]
    for importer, imported in pairs[:1]:
        assert "cycles" in real.broken(imported, importer)


def test_make_lint_fails_with_a_wrong_import_and_with_a_room_that_no_contract_names(tmp_path):
    pytest.importorskip("importlinter", reason="it needs Python 3.10")
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name, ignore=shutil.ignore_patterns("*.pyc"))
    assert lint_imports(tmp_path).returncode == 0
    with (tmp_path / "guild_notebook" / "errors.py").open("a") as f:
        f.write("\nfrom . import options\n")
    (tmp_path / "guild_notebook" / "unheard_of.py").write_text("")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "guild_notebook.errors -> guild_notebook.options" in done.stdout
    assert "unheard_of" in done.stdout


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
