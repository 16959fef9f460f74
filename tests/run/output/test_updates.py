"""Displays that change: one state every few seconds, and the last one always."""

from __future__ import annotations

import tempfile

import pytest

from guild_notebook.run.execution.widget_bars import WidgetBars
from guild_notebook.run.output.pipe import OutputPipe
from guild_notebook.run.output.stream import Stream
from guild_notebook.run.output.updates import Updates, text_of_display, text_of_html

PROGRESS_INTERVAL = 5.0


class Shown:
    """Updates, the time of their clock, and what they have written."""

    def __init__(self) -> None:
        self.now = 100.0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self.updates = Updates(Stream(OutputPipe(self._file.fileno())), lambda: self.now)

    def add(self, key: str, text: str, at_once: bool = False) -> None:
        self.updates.add(key, lambda: text, at_once)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.updates.tick()

    @property
    def lines(self) -> list[str]:
        self._file.seek(0)
        return self._file.read().decode("utf-8").splitlines()


def test_a_display_is_a_line_every_few_seconds_and_its_last_state_always():
    shown = Shown()
    for percent in range(101):
        shown.add("a", f"{percent}%")
        assert shown.updates.state == f"{percent}%"
        shown.wait(0.125)
    assert shown.lines == ["39%", "79%"]
    shown.updates.finish()
    assert shown.lines == ["39%", "79%", "100%"]
    assert shown.updates.state == ""


def test_each_of_several_displays_shows_its_last_state_and_none_twice():
    shown = Shown()
    shown.add("outer", "outer 0")
    for i in range(3):
        shown.add("inner", f"inner {i}")
        shown.wait(1)
    shown.add("outer", "outer 1")
    shown.wait(2)
    assert shown.lines == ["outer 1"]
    shown.wait(60)
    shown.updates.finish()
    assert shown.lines == ["outer 1", "inner 2"]


def test_the_first_update_of_a_display_is_shown_at_once():
    shown = Shown()
    for i in range(10):
        shown.add("a", f"table {i}\nof two lines", at_once=True)
    assert shown.lines == ["table 0", "of two lines"]
    assert shown.updates.state == "table 9 · of two lines"
    shown.updates.finish()
    assert shown.lines == ["table 0", "of two lines", "table 9", "of two lines"]


def test_a_text_is_made_only_when_it_is_shown():
    shown = Shown()
    made = []
    for i in range(1000):
        shown.updates.add("a", lambda i=i: made.append(i) or f"{i}")
        shown.wait(0.001)
    shown.updates.finish()
    assert made == [999] and shown.lines == ["999"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<div>\n  <progress value='45' max='300' style='width:300px'></progress>\n"
         "  15.00% [45/300 00:12&lt;01:08]</div>", "15.00% [45/300 00:12<01:08]"),
        ("<progress value=3 max=12></progress> [3/12]<table><tr><td>1</td></tr></table>",
         "25% [3/12] 1"),
        ("<style>p { width: 5% }</style><b>Epoch&nbsp;1</b>", "Epoch 1"),
        ("<progress></progress>", ""),
        ("<progress value='x' max='0'>", ""),
        ("a\u20071 < 2", "a 1 < 2"),
        ("<" * 100_000, "<" * 5_000),
    ],
)  # fmt: skip
def test_of_html_the_text_is_read_and_how_far_a_bar_is(source, text):
    assert text_of_html(source) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"text/plain": "a\nb", "text/html": "<b>c</b>"}, "a\nb"),
        ({"text/plain": "<IPython.core.display.HTML object>", "text/html": ["<b>c", "</b>"]}, "c"),
        ({"text/plain": "<Figure>"}, "<Figure>"),
        ({}, ""),
    ],
)
def test_the_text_of_a_display_is_its_text_form_unless_that_is_but_a_name(data, text):
    assert text_of_display(data) == text


VIEW = "application/vnd.jupyter.widget-view+json"


def view(model: str) -> dict:
    return {VIEW: {"model_id": model}, "text/plain": "a bar"}


def box(*children: str) -> dict:
    named = [f"IPY_MODEL_{child}" for child in children]
    return {"_model_name": "HBoxModel", "children": named}


def bar(value: float, most: float = 16, **fields: object) -> dict:
    return {"_model_name": "FloatProgressModel", "min": 0, "max": most, "value": value, **fields}


def text(value: str) -> dict:
    return {"_model_name": "HTMLModel", "value": value}


TQDM = {"box": box("l", "b", "r"), "l": text("Epochs:\u2007\u200750%"), "b": bar(8)}
TQDM["r"] = text("\u20078/16\u2007[00:01&lt;00:01]")


@pytest.mark.parametrize(
    ("states", "model", "line"),
    [
        (TQDM, "box", "Epochs: 50% 8/16 [00:01<00:01]"),
        ({"b": bar(4)}, "b", "25%"),
        ({"b": bar(4, description="Loading")}, "b", "25% Loading"),
        ({"v": box("h"), "h": box("b", "t"), "b": bar(1, 2), "t": text("of 2")}, "v", "50% of 2"),
        ({"b": bar(4, most=0)}, "b", ""),
        ({"b": {"_model_name": "IntProgressModel", "value": "odd"}}, "b", ""),
        ({"v": box("v", "b"), "b": bar(4)}, "v", "25%"),
    ],
)
def test_a_widget_with_a_progress_bar_is_shown_by_its_newest_state(states, model, line):
    shown = Shown()
    bars = WidgetBars(states, shown.updates)
    assert bars.display(view(model))
    for name, state in states.items():
        bars.change(name, state)
    assert shown.updates.state == line
    shown.updates.finish()
    assert shown.lines == ([line] if line else [])


def test_a_bar_that_is_removed_has_no_last_state():
    shown = Shown()
    bars = WidgetBars(TQDM, shown.updates)
    bars.display(view("box"))
    shown.wait(0)
    bars.close("l")
    assert shown.updates.state == "Epochs: 50% 8/16 [00:01<00:01]"
    bars.close("box")
    bars.change("l", {"value": "late"})
    assert shown.updates.state == ""
    shown.updates.finish()
    assert shown.lines == []


def test_other_widgets_are_shown_as_before_and_texts_among_them_as_they_change():
    states = {"s": {"_model_name": "IntSliderModel", "value": 5}, "l": text("one")}
    shown = Shown()
    bars = WidgetBars(states, shown.updates)
    assert not bars.display(view("s")) and not bars.display(view("l"))
    assert not bars.display({"text/plain": "x"}) and not bars.display({VIEW: "odd"})
    bars.change("s", {"value": 6})
    assert shown.updates.state == ""
    states["l"]["value"] = "two"
    bars.change("l", {"value": "two"})
    bars.change("gone", {"children": ["IPY_MODEL_l", 5], "value": None})
    assert shown.updates.state == "two"
