"""Runs from a notebook: their output comes while they run, and an interrupt stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from guild_notebook.api import Run, runs
from tests.helpers.project import LIMIT, Project
from tests.helpers.slow import but_slow


class Notebook:
    """A kernel in which cells are executed."""

    def __init__(self, manager: KernelManager, client: Any) -> None:
        self.manager = manager
        self._client = client

    def execute(
        self, source: str, until: Callable[[str], bool] | None = None
    ) -> list[tuple[datetime, str, dict[str, Any]]]:
        """What the cell shows, each with the time at which it was sent and its type; it is
        interrupted once the text that it has printed is such. What belongs to another cell is not
        among it."""
        asked = self._client.execute(source)
        shown: list[tuple[datetime, str, dict[str, Any]]] = []
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=LIMIT)
            content, kind = message["content"], message["msg_type"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if content.get("execution_state") == "idle":
                return shown
            if kind in ("stream", "error", "execute_result"):
                shown.append((message["header"]["date"], kind, content))
            printed += content.get("text", "")
            if until and until(printed):
                self.manager.interrupt_kernel()
                until = None


@pytest.fixture(scope="module")
def notebook(project: Project) -> Iterator[Notebook]:
    manager, client = start_new_kernel(kernel_name="python3")
    made = Notebook(manager, client)
    made.execute("import threading\nfrom guild_notebook import arun, run, sweep")
    made.execute("%load_ext guild_notebook")
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def printed(shown: list[tuple[datetime, str, dict[str, Any]]], name: str = "stdout") -> str:
    return "".join(content["text"] for _, _, content in shown if content.get("name") == name)


@pytest.mark.parametrize(
    "call",
    [
        "run('loop', n=20)",
        "await arun('loop', n=20)",
        "made = []\n"
        "thread = threading.Thread(target=lambda: made.append(run('loop', n=20)))\n"
        "thread.start(); thread.join()\n"
        "made[0]",
    ],
    ids=["run", "arun", "thread"],
)
def test_output_is_shown_below_the_cell_while_the_run_goes_on(notebook: Notebook, call: str):
    shown = notebook.execute(call)
    assert printed(shown) == "".join(f"step: {i}\ncount: {i + 1}\n" for i in range(20))
    assert "[2/2] Loop (" in printed(shown, "stderr")
    times = [when for when, _, content in shown if content.get("name") == "stdout"]
    assert (times[-1] - times[0]).total_seconds() > 1  # of the two seconds that the cell takes
    _, kind, content = shown[-1]
    assert kind == "execute_result"
    assert content["data"]["text/html"].startswith("<table ")
    assert content["data"]["text/plain"].startswith("<Run ")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("run('loop', n=600)", "KeyboardInterrupt"),
        ("await arun('loop', n=600)", "CancelledError"),
        ("%guild run loop n=600", "KeyboardInterrupt"),
    ],
    ids=["run", "arun", "magic"],
)
def test_an_interrupt_stops_the_run(notebook: Notebook, call: str, error: str):
    shown = notebook.execute(call, until=lambda text: "step: 3\n" in text)
    assert shown[-1][2]["ename"] == error
    (found,) = runs(1)
    assert found.status == "terminated"
    assert found.error.cell == "Loop"
    if call.startswith("%"):
        assert shown[-1][2]["traceback"] == ["KeyboardInterrupt: the command was stopped"]


@pytest.mark.slow
def test_the_trials_of_a_sweep_are_stopped_as_well(notebook: Notebook):
    source = (
        "try:\n    sweep('loop', n=[601, 602])\n"
        "except KeyboardInterrupt as e:\n    print('stopped:', [each.id for each in e.sweep])"
    )
    shown = notebook.execute(source, until=lambda text: "step: 3\n" in text)
    last = printed(shown).splitlines()[-1]
    assert last.startswith("stopped: ['")
    assert [each.status for each in runs(status="running")] == []
    first = runs(last.split("'")[1])[0]
    assert (first.status, first.flags["n"]) == ("terminated", 601)


def test_errors_of_a_run_are_shown(notebook: Notebook):
    shown = notebook.execute("run('train', fails=True, nb_report='none')")
    assert "ZeroDivisionError" in printed(shown, "stderr")
    assert shown[-1][2]["ename"] == "RunError"
    shown = notebook.execute("run('train.ipynb', fial=True)")
    assert "has no flag 'fial' - did you mean 'fails'?" in shown[-1][2]["evalue"]


NESTED = """\
# Outer
import os
from guild_notebook import run, sweep
made = run("inner.ipynb", nb_report="none", lr=2)
assert os.path.basename(os.environ["RUN_DIR"]) != made.id
trials = sweep("inner.ipynb", lr=[3, 4], nb_report="none", quiet=True)
print("made", made.id, *(each.id for each in trials))"""

INNER = """\
import os
print([name for name in os.environ if name.startswith("FLAG_")], os.environ["FLAG_LR"])
print(os.path.basename(os.environ["RUN_DIR"]) == os.environ["RUN_ID"], "other" in os.environ)"""


@pytest.mark.parametrize("home", but_slow(["home", None], "home"))
def test_a_notebook_that_is_a_run_makes_runs_of_their_own(project: Project, home: str | None):
    project.notebook("outer.ipynb", "other = 5\nlr = 1", NESTED)
    project.notebook("inner.ipynb", "lr = 1", INNER)
    if home:
        (project.dir / home).mkdir()
    done = project.guild(
        "run", "outer.ipynb", "other=6", "-y", **({"GUILD_HOME": home} if home else {})
    )
    assert done.status == 0, done.stderr
    assert "['FLAG_LR'] 2\nTrue False\n" in done.stdout
    ids = done.stdout.splitlines()[-1].split()[1:]
    folder = (project.dir / home if home else project.home) / "runs"
    assert [Run(folder / each).flags for each in ids] == [{"lr": 2}, {"lr": 3}, {"lr": 4}]
