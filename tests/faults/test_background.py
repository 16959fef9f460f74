"""What runs beside the cells ends the run when it fails: in one line, with what there is saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.project import Project
from tests.helpers.runner import attempt

SITE = """
import os, sys
if '-uc' in sys.orig_argv and 'guild_notebook.run' in sys.orig_argv:
    import asyncio, time
    from {module} import {name}
    def fail_once(self, *args):
        if os.path.exists('ready') and not failed:
            failed.append(True)
            raise RuntimeError('a fault\\nof two lines')
        return original(self, *args)
    async def fail_once_ready(self):
        while not os.path.exists('ready'):
            await asyncio.sleep(0.1)
        fail_once(self)
    failed = []
    original = {name}.{method}
    {name}.{method} = {fault}
"""

CELL = """
import time
print('shown before', flush=True)
time.sleep(0.5)
open('ready', 'w').close()
display({'text/plain': 'shown at last'}, raw=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("module", "name", "method", "fault"),
    [
        ("guild_notebook.run.output.display", "Display", "tick", "fail_once"),
        ("guild_notebook.run.execution.execute", "Execution", "_watch_input", "fail_once_ready"),
        pytest.param(
            *("guild_notebook.run.record.autosave", "Autosave", "save_if_due", "fail_once"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_failure_in_the_background_ends_the_run(
    project: Project, tmp_path: Path, module: str, name: str, method: str, fault: str
):
    (tmp_path / "site").mkdir()
    site = SITE.format(module=module, name=name, method=method, fault=fault)
    (tmp_path / "site" / "sitecustomize.py").write_text(site)
    project.notebook("nb.ipynb", "print('first')", CELL, "print('never')")
    path = str(tmp_path / "site")
    done = attempt(project, "nb.ipynb", "--report", "html", PYTHONPATH=path)
    assert done.status == 1 and "guild_notebook" not in done.stderr, (
        done.stderr
    )  # no traceback of ours
    said = "the run was ended by an error of this package: RuntimeError: a fault of two lines"
    assert done.stderr.count(f"guild-notebook: {said} - see nb.html\n") == 1
    saved = done.run.notebook("nb.ipynb")
    assert saved["metadata"]["guild"] == {"status": "error", "failed_cell": 1}
    states = [cell["metadata"]["guild"]["status"] for cell in saved["cells"]]
    assert states == ["completed", "stopped", "not run"]
    assert "shown before" in json.dumps(saved["cells"][1]["outputs"])
    assert (done.run.dir / "nb.html").exists()
