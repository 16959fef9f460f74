"""The reference pages name all that there is, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from guild_notebook.cluster import definition
from guild_notebook.options import OPTIONS
from guild_notebook.plugin.flagdefs import ATTRIBUTES
from tests.helpers import tables
from tests.helpers.messages import PACKAGE
from tests.helpers.reader import DOCS, PAGES, first_column, rows

CHANGING = {
    "GUILD_HOME",
    "HOME",
    "CONDA_EXE",
    "CONDA_PREFIX",
    "GUILD_PYTHON_EXE",
    "MAMBA_EXE",
    "MAMBA_ROOT_PREFIX",
    "NO_COLOR",
    "PATH",
    "TERM",
    "PYTHONPATH",
    "NB_NO_EXEC",
    "NB_NO_IMAGES",
    "NO_PIP_FREEZE",
    "XDG_RUNTIME_DIR",
    "RUN_DIR",
    "RUN_ID",
    "PROJECT_DIR",
    "VIRTUAL_ENV",
}
"""Environment variables of the package that are a user's; the others are between its processes."""


def test_the_table_of_forms_is_that_of_the_grammar():
    text = tables.FORMS.read_text("utf-8")
    assert tables.with_forms(text) == text, "python -m tests.helpers.tables mends it"


def test_each_option_and_argument_of_papermill_has_its_place():
    import papermill  # here, as it takes its time
    from papermill.cli import papermill as papermill_command

    names = {
        name.upper() if parameter.param_type_name == "argument" else name
        for parameter in papermill_command.params
        for name in [*parameter.opts, *parameter.secondary_opts]
    }
    page = (DOCS / "papermill.md").read_text("utf-8")
    told = first_column("papermill.md", "## Every option") - {"--help", "-h"}
    assert names - told == set()
    described = re.search(r"options of papermill (\d+\.\d+)", page).group(1)
    if papermill.__version__.startswith(f"{described}."):
        assert told - names == set()


def test_the_attributes_of_flags_are_listed():
    assert set(ATTRIBUTES) <= first_column("flags.md", "The attributes of a flag")


def test_the_flags_of_dask_cluster_are_listed_with_their_defaults():
    table = [[cell.strip("`") for cell in row] for row in rows("cluster.md", "## All flags")]
    told = {name: default for name, default, _meaning in table}
    assert told == {name: default_shown(flag) for name, flag in definition.FLAGS.items()}


def default_shown(flag: dict[str, Any]) -> str:
    """As Guild's help shows it."""
    value = flag.get("default", flag.get("null-label"))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_attribute_that_does_not_exist(page: Path):
    known = {option.attribute for option in OPTIONS} | set(ATTRIBUTES)
    wrong = {"nb-kernal", "nb-x"}  # in messages about such
    assert set(re.findall(r"\bnb-[\w-]+", page.read_text("utf-8"))) <= known | wrong


def test_each_option_is_explained():
    text = (DOCS / "options.md").read_text("utf-8").split("## Each of them")[1]
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    explained = [name for heading in headings for name in re.findall(r"`([^`]+)`", heading)]
    assert sorted(explained) == sorted(option.attribute for option in OPTIONS)


def test_each_state_of_a_cell_is_listed():
    tree = ast.parse((PACKAGE / "run" / "execution" / "execute.py").read_text("utf-8"))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    pairs = [value.elts for value in returned if isinstance(value, ast.Tuple)]
    ends = {
        state.value
        for outcome, state in pairs
        if isinstance(state, ast.Constant)
        and (ast.unparse(outcome).startswith("Outcome(") or ast.unparse(outcome) == "None")
    }
    assert {"failed", "completed"} <= ends
    told = first_column("run-directory.md", "what the kernel reports of its language")
    assert told == ends | {"running", "not run"}


def test_the_environment_variables_that_the_package_reads_are_listed():
    told = first_column("run-directory.md", "## Environment variables")
    names = {name.split("=")[0] for name in told}
    text = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', text))
    assert CHANGING & read <= names
    of_guild_and_python = {
        "CMD_DIR",
        "GUILD_SOURCECODE",
        "MPLBACKEND",
        "PYTHONBREAKPOINT",
        "_GUILD_COMPLETE",
    }
    of_guild_and_python |= {"NO_RUN_OUTPUT", "SHELL", "USER"}
    of_jupyter = {"JPY_PARENT_PID", "JPY_SESSION_NAME", "JUPYTER_DEFAULT_PROVISIONER_NAME"}
    of_jupyter |= {"IPYTHONDIR"}
    of_pip = {"PIP_CONFIG_FILE", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME"}
    assert read - CHANGING <= of_guild_and_python | of_jupyter | of_pip
