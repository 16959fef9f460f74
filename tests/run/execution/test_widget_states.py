"""How much of the states of widgets the notebook keeps."""

from __future__ import annotations

from typing import Any

import pytest

from guild_notebook.document.limits import Limits
from guild_notebook.run.execution.widgets import WidgetStates
from tests.helpers.growth import check_growth
from tests.helpers.project import Project
from tests.helpers.runner import execute


class Widgets:
    """Widgets whose states may have ``50 * text`` characters together."""

    def __init__(self, text: int = 1000, **limits: int) -> None:
        self.states: dict[str, Any] = {}
        self.buffers: dict[str, Any] = {}
        self.counted = WidgetStates(self.states, self.buffers, Limits(text, **limits))

    def set(self, name: str, *buffers: bytes, **state: Any) -> bool:
        self.states.setdefault(name, {}).update(state)
        if buffers:
            self.buffers[name] = buffers
        data = {"state": state, "buffer_paths": [[str(i)] for i in range(len(buffers))]}
        return self.counted.count(name, data, buffers)


@pytest.mark.parametrize(
    "state", [{"value": "x" * 5000}, {"value": [1234567] * 555}, {"value": {"a": "x" * 4990}}]
)
def test_states_are_kept_up_to_the_limit(state: dict[str, Any]):
    widgets = Widgets()
    lost = [widgets.set(str(i), **state) for i in range(20)]
    assert 8 <= len(widgets.states) <= 10
    assert lost == [False] * len(widgets.states) + [True] * (20 - len(widgets.states))


def test_binary_data_counts():
    widgets = Widgets()
    assert [widgets.set(str(i), bytes(5000)) for i in range(7)] == [False] * 5 + [True] * 2
    assert len(widgets.buffers) == 5


def test_a_state_that_is_replaced_counts_once():
    widgets = Widgets()
    assert not any(widgets.set("a", value="x" * 30_000) for _ in range(100))
    assert widgets.set("a", value="x" * 50_001)
    assert not widgets.set("a", value="x")
    assert widgets.states == {}
    assert not widgets.set("b", value="x" * 40_000)


def test_there_are_only_so_many_widgets_and_closed_ones_make_room():
    widgets = Widgets(models=10)
    assert [widgets.set(str(i), value=i) for i in range(11)] == [False] * 10 + [True]
    for i in range(5):
        widgets.counted.close(str(i))
    assert [widgets.set(str(i), value=i) for i in range(20, 26)] == [False] * 5 + [True]
    assert set(widgets.states) == {*map(str, range(5, 10)), *map(str, range(20, 25))}


def make(count: int) -> None:
    widgets = Widgets(1_000_000)
    for i in range(count):
        widgets.set(str(i), value=i, text="x" * 100)
        if i >= 5:
            widgets.counted.close(str(i - 5))


def update(count: int) -> None:
    widgets = Widgets()
    widgets.set("a", big="x" * 10_000, **{f"key{i}": i for i in range(1000)})
    for i in range(count):
        widgets.set("a", value=i)


@pytest.mark.parametrize("work", [make, update])
def test_time_grows_as_the_messages_do(work: Any):
    check_growth(work, int, 1500)


def test_what_is_over_the_limit_and_what_cannot_be_used_is_said_once(project: Project):
    project.notebook(
        "nb.ipynb",
        "import ipywidgets\nfirst = ipywidgets.Text('kept')\ndisplay(first)",
        "texts = [ipywidgets.Text('x' * 20_000) for i in range(10)]\ndisplay(texts[-1])",
        "more = [ipywidgets.Text('x' * 20_000) for i in range(10)]\n"
        "out = ipywidgets.Output()\nwith out:\n    print('captured')\n"
        "wrong = {'method': 'update', 'state': {}, 'buffer_paths': [[[1]]]}\n"
        "for i in range(30):\n    out.comm.send(wrong, buffers=[b'x'])",
    )
    done = execute(project, "nb.ipynb", "--output-limit", "2 KB", "--report", "html")
    said = "the notebook has not the states of all widgets: they are over nb-output-limit"
    assert done.stderr.count(said) == 1
    assert done.stderr.count("a message of the kernel cannot be used: comm_msg: ") == 1
    nb = done.run.notebook("nb.ipynb")
    notes = ["".join(out.get("text", "")) for cell in nb["cells"] for out in cell["outputs"]]
    assert [note for note in notes if note] == [f"\n[{said}]\n"]
    ((_, kept),) = nb["metadata"]["widgets"].items()
    values = [model["state"].get("value") for model in kept["state"].values()]
    assert "kept" in values and 2 <= values.count("x" * 20_000) <= 4
