"""``%guild run`` in a kernel that is interrupted, as by Jupyter's button."""

from __future__ import annotations

import pytest
from jupyter_client.manager import start_new_kernel

from guild_notebook.api import runs
from tests.api.test_in_jupyter import Notebook
from tests.helpers.project import Project


@pytest.mark.parametrize(
    ("command", "count", "statuses"),
    [
        ("%guild run sleeps.ipynb x=4 nb-report=none", 1, ["terminated"]),
        (
            "%guild run sleeps.ipynb x=[1,2,3] nb-report=none nb-jobs=2 nb-trials=full",
            2,
            ["pending", *["terminated"] * 3],  # and the run of the batch
        ),
    ],
    ids=["a run", "a sweep"],
)
def test_an_interrupt_stops_what_runs_and_is_one_line(
    project: Project, command: str, count: int, statuses: list[str]
):
    project.notebook("sleeps.ipynb", "x = 1", "print('begins')\nimport time\ntime.sleep(300)")
    before = {each.id for each in runs()}
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        notebook = Notebook(manager, client)
        notebook.execute("%load_ext guild_notebook")
        shown = notebook.execute(command, lambda text: text.count("begins") == count)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    (error,) = [content for _, kind, content in shown if kind == "error"]
    assert error["traceback"] == ["KeyboardInterrupt: the command was stopped"]
    assert sorted(run.status for run in runs() if run.id not in before) == statuses
