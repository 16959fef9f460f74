"""Prints what the tests of faults have measured, where ``FAULTS_FIGURES`` names the file of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tabulate import tabulate

from tests.helpers import other_system
from tests.helpers.project import Project


@pytest.fixture(params=["linux", pytest.param("darwin", marks=pytest.mark.faults)])
def system(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> str:
    """The system that the package sees, a value of ``sys.platform``."""
    name = str(request.param)
    if name != "linux":
        project.env["PYTHONPATH"] = other_system.site(tmp_path, name)
    return name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path = Path(os.environ.get("FAULTS_FIGURES", ""))
    if not path.is_file():
        return
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    counts = {name: len(terminalreporter.stats.get(name, ())) for name in ("passed", "failed")}
    skipped = terminalreporter.stats.get("skipped", ())
    terminalreporter.section("figures of faults")
    columns = {"name": "what", "value": "measured", "demand": "demanded"}
    table = [{columns[key]: row[key] for key in columns} for row in rows]
    terminalreporter.write_line(tabulate(table, headers="keys", disable_numparse=True))
    terminalreporter.write_line(
        f"\n{counts['passed']} tests of faults passed, {counts['failed']} failed, "
        f"{len(skipped)} could not be caused here (reasons above)"
    )
