"""What a run imports: what it does not need costs every run its time."""

from __future__ import annotations

import pytest

from tests.helpers.project import Command, Project
from tests.helpers.runner import execute


@pytest.fixture(scope="module")
def done(shared: Project) -> Command:
    """The runner names what it imports, and the cells what the kernel has imported before them."""
    before = (
        "import sys\nprint('FIRST', *sorted({'IPython', 'debugpy', 'pydevd'} & {*sys.modules}))"
    )
    shared.notebook("nb.ipynb", before, "import debugpy")
    return execute(shared, "nb.ipynb", PYTHONPROFILEIMPORTTIME="1")


def imports(done: Command) -> list[str]:
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return [line.split("|")[-1].strip() for line in lines]


def test_a_run_builds_no_grammar_of_formats_that_no_notebook_has(done: Command):
    """jsonschema imports these where they are installed, as JupyterLab has them installed."""
    imported = set(imports(done))
    assert "jsonschema._format" in imported
    assert not {"lark", "rfc3987_syntax.syntax_helpers", "isoduration.parser"} & imported
    assert not {"fqdn._compat", "uri_template.expansions", "webcolors._types"} & imported


def test_an_ipython_kernel_starts_without_a_debugger_which_a_notebook_can_import(done: Command):
    assert "FIRST IPython\n" in done.stdout
