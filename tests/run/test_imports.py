"""What a run imports: what it does not need costs every run its time."""

from __future__ import annotations

from tests.helpers.project import Project
from tests.helpers.runner import execute


def test_a_run_builds_no_grammar_of_formats_that_no_notebook_has(project: Project):
    """jsonschema imports these where they are installed, as JupyterLab has them installed."""
    project.notebook("nb.ipynb", "1")
    done = execute(project, "nb.ipynb", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "jsonschema._format" in imported
    assert not {"lark", "rfc3987_syntax.syntax_helpers", "isoduration.parser"} & imported
